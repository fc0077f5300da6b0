import AtelierCore
import AtelierData
import Torch
import TorchNN

/// The styles of an image's regions: features at half its resolution, averaged over each region.
///
/// Source: ZPdesu/SEAN `models/networks/architecture.py` `Zencoder`.
final class RegionStyleEncoder: Module {
  let model: Sequential

  init(width: Int, styleLength: Int, using stream: RandomStream) {
    func halving(_ inputs: Int) -> [any Layer] {
      [
        Conv2d(
          inputChannels: inputs, outputChannels: 2 * inputs, kernelSize: 3, stride: 2, padding: 1,
          using: stream),
        InstanceNorm2d(channels: 2 * inputs), LeakyReLU(negativeSlope: 0.2),
      ]
    }
    model = Sequential(
      [
        ReflectionPad2d(1), Conv2d(inputChannels: 3, outputChannels: width, kernelSize: 3, using: stream),
        InstanceNorm2d(channels: width), LeakyReLU(negativeSlope: 0.2),
      ] + halving(width) + halving(2 * width) + [
        ConvTranspose2d(
          inputChannels: 4 * width, outputChannels: 8 * width, kernelSize: 3, stride: 2, padding: 1,
          outputPadding: 1, using: stream),
        InstanceNorm2d(channels: 8 * width), LeakyReLU(negativeSlope: 0.2), ReflectionPad2d(1),
        Conv2d(inputChannels: 8 * width, outputChannels: styleLength, kernelSize: 3, using: stream), Tanh(),
      ])
    super.init()
  }

  /// Styles `[batch, classes, styleLength]`, zeros for classes that an image lacks.
  ///
  /// One product with the one-hot map stands for the authors' loop over images and classes.
  func callAsFunction(_ pictures: Tensor, _ map: MapPyramid) -> Tensor {
    let features = model(pictures.channelsLast())
    let regions = map(like: features).contiguous().flattened(from: 2)
    let sums = regions.matmul(features.contiguous().flattened(from: 2).transposed(1, 2))
    return sums / regions.sum(dims: [2], keepDim: true).clamped(min: 1)
  }
}

/// SEAN's normalisation: noise, batch normalisation, and a scale and a shift that blend what a region's style
/// asks for with what the map asks for.
///
/// Source: Zhu et al. 2020, section 3.2; ZPdesu/SEAN `models/networks/normalization.py` `ACE`.
final class RegionAdaptiveNorm: Module {
  @Parameter var blendingGamma: Tensor
  @Parameter var blendingBeta: Tensor
  @Parameter var noiseScale: Tensor
  /// Its own normalisation is saved and never used, as with the authors.
  let semantic: SpatiallyAdaptiveNorm
  let parameterFreeNorm: ParameterFreeNorm
  let style: [Linear]
  let styleGamma: Conv2d?
  let styleBeta: Conv2d?

  init(channels: Int, hasStyle: Bool, _ plan: RegionAdaptiveBlock.Plan, using stream: RandomStream) {
    blendingGamma = .zeros([1])
    blendingBeta = .zeros([1])
    noiseScale = .zeros([channels])
    semantic = SpatiallyAdaptiveNorm(
      plan.norm, channels: channels, mapChannels: plan.classes, hidden: plan.hidden,
      kernelSize: plan.kernelSize, using: stream)
    parameterFreeNorm = ParameterFreeNorm(.syncbatch, channels: channels)
    let length = plan.styleLength
    // The authors always have nineteen; more classes need more.
    style = (0..<(hasStyle ? max(19, plan.classes) : 0)).map { _ in
      Linear(inputFeatures: length, outputFeatures: length, using: stream)
    }
    func convolution() -> Conv2d? {
      guard hasStyle else { return nil }
      return Conv2d(inputChannels: length, outputChannels: channels, kernelSize: 3, padding: 1, using: stream)
    }
    styleGamma = convolution()
    styleBeta = convolution()
    super.init()
  }

  /// - Parameters:
  ///   - noise: standard normal `[batch, 1, height, width]`.
  ///   - styles: `[batch, classes, styleLength]`.
  func callAsFunction(_ x: Tensor, _ map: MapPyramid, styles: Tensor, noise: Tensor) -> Tensor {
    let normalized = parameterFreeNorm(x + noise * noiseScale.reshaped([1, -1, 1, 1]))
    let regions = map(like: x)
    var (gamma, beta) = semantic.modulation(regions)
    if let (ownGamma, ownBeta) = modulation(styles, regions) {
      let (shareOfGamma, shareOfBeta) = (blendingGamma.sigmoid(), blendingBeta.sigmoid())
      gamma = ownGamma * shareOfGamma + gamma * (1 - shareOfGamma)
      beta = ownBeta * shareOfBeta + beta * (1 - shareOfBeta)
    }
    return normalized * (gamma + 1) + beta
  }

  /// The scale and shift of the styles at every pixel.
  ///
  /// The authors write each region's vector to its pixels and convolve the result. A convolution of such a
  /// image is one of the one-hot map with the vectors multiplied into the kernel: `classes` channels in
  /// place of `styleLength`.
  private func modulation(_ styles: Tensor, _ regions: Tensor) -> (Tensor, Tensor)? {
    guard let styleGamma, let styleBeta, let gammaBias = styleGamma.bias, let betaBias = styleBeta.bias else {
      return nil
    }
    let (batch, classes, length) = (styles.shape[0], styles.shape[1], styles.shape[2])
    let layers = style.prefix(classes)
    let weights = Tensor.stacked(layers.map(\.weight))
    let biases = Tensor.stacked(layers.compactMap(\.bias)).unsqueezed(1)
    // [classes, batch, length], each class through its own layer.
    let codes = (styles.permuted([1, 0, 2]).matmul(weights.transposed(1, 2)) + biases).relu()
    let kernels = Tensor.concatenated([styleGamma.weight, styleBeta.weight], dim: 0)
    let outputs = kernels.shape[0]
    // [batch, outputs · 9, classes]
    let rows = kernels.permuted([0, 2, 3, 1]).reshaped([1, outputs * 9, length])
    let composed = rows.matmul(codes.permuted([1, 2, 0]))
    let (height, width) = (regions.shape[2], regions.shape[3])
    let made: Tensor
    if isRecordingScript {
      made = Self.convolved(regions, composed.reshaped([-1, outputs, 9, classes]), height, width)
    } else {
      let filters = composed.reshaped([batch, outputs, 3, 3, classes]).permuted([0, 1, 4, 2, 3])
        .reshaped([batch * outputs, classes, 3, 3])
      let joined = regions.contiguous().reshaped([1, batch * classes, height, width])
      made = conv2d(joined, filters, nil, padding: (1, 1), groups: batch)
        .reshaped([batch, outputs, height, width])
    }
    let halves = made.chunked(2, dim: 1)
    return (halves[0] + gammaBias.reshaped([1, -1, 1, 1]), halves[1] + betaBias.reshaped([1, -1, 1, 1]))
  }
}

extension RegionAdaptiveNorm {
  /// Each image convolved 3×3 with filters of its own as nine products of matrices, which a recorded script makes of any
  /// number of images.
  ///
  /// - Parameter filters: `[batch, outputs, 9, classes]`.
  private static func convolved(
    _ regions: Tensor, _ filters: Tensor, _ height: Int, _ width: Int
  ) -> Tensor {
    let padded = regions.contiguous().padded([1, 1, 1, 1])
    var sum: Tensor?
    for place in 0..<9 {
      let (row, column) = (place / 3, place % 3)
      let seen = padded.slice(2, row, row + height).slice(3, column, column + width).flattened(from: 2)
      let product = filters.selected(dim: 2, index: place).matmul(seen)
      sum = sum.map { $0 + product } ?? product
    }
    return (sum ?? regions).reshaped([-1, filters.shape[1], height, width])
  }
}

/// The residual block of spade with ``RegionAdaptiveNorm``s.
final class RegionAdaptiveBlock: Module {
  let firstConvolution: Conv2d
  let secondConvolution: Conv2d
  let shortcutConvolution: Conv2d?
  let firstNorm: RegionAdaptiveNorm
  let secondNorm: RegionAdaptiveNorm
  let shortcutNorm: RegionAdaptiveNorm?

  /// The choices that all blocks of a generator share.
  struct Plan {
    let norm: UnconditionalNorm
    let isSpectral: Bool
    let classes: Int
    let hidden: Int
    let kernelSize: Int
    let styleLength: Int
  }

  init(_ inputs: Int, _ outputs: Int, hasStyle: Bool, _ plan: Plan, using stream: RandomStream) {
    let middle = min(inputs, outputs)
    func norm(_ channels: Int) -> RegionAdaptiveNorm {
      RegionAdaptiveNorm(channels: channels, hasStyle: hasStyle, plan, using: stream)
    }
    (firstConvolution, secondConvolution, shortcutConvolution) = blockConvolutions(
      inputs, middle, outputs, isSpectral: plan.isSpectral, using: stream)
    firstNorm = norm(inputs)
    secondNorm = norm(middle)
    shortcutNorm = inputs == outputs ? nil : norm(inputs)
    super.init()
  }

  /// Planes of noise that a pass takes.
  var noisePlanes: Int { shortcutNorm == nil ? 2 : 3 }

  /// - Parameter noise: ``noisePlanes`` planes `[batch, 1, height, width]`; the shortcut takes the first.
  func callAsFunction(_ x: Tensor, _ map: MapPyramid, styles: Tensor, noise: [Tensor]) -> Tensor {
    guard
      check(noise.count == noisePlanes, "this block takes \(noisePlanes) planes of noise, not \(noise.count)")
    else { return x }
    let (first, second) = (noise[noisePlanes - 2], noise[noisePlanes - 1])
    var shortcut = x
    if let shortcutNorm, let shortcutConvolution {
      shortcut = shortcutConvolution(shortcutNorm(x, map, styles: styles, noise: noise[0]))
    }
    let middle = firstConvolution(firstNorm(x, map, styles: styles, noise: first).leakyRelu(0.2))
    return shortcut
      + secondConvolution(secondNorm(middle, map, styles: styles, noise: second).leakyRelu(0.2))
  }
}

/// The mean of every class's styles over all images that were trained on, for regions without a style
/// image. Source: ZPdesu/SEAN `calculate_mean_style_code.py`, which does it after training.
final class MeanStyles: Module {
  @Buffer var sum: Tensor
  @Buffer var count: Tensor

  init(classes: Int, styleLength: Int) {
    sum = .zeros([classes, styleLength])
    count = .zeros([classes])
    super.init()
  }

  /// Takes in the styles `[batch, classes, styleLength]` of images with maps `[batch, classes, h, w]`.
  func add(_ styles: Tensor, _ map: Tensor) {
    withoutGradients {
      let isThere = map.sum(dims: [2, 3]).greater(0).asType(.float32)
      sum.addInPlace((styles.detached() * isThere.unsqueezed(2)).sum(dims: [0]).summedOverProcesses())
      count.addInPlace(isThere.sum(dims: [0]).summedOverProcesses())
    }
  }

  /// `[classes, styleLength]`; zeros for classes that were never seen.
  var means: Tensor { sum / count.clamped(min: 1).unsqueezed(1) }
}

extension SEAN {
  /// SPADE's generator with region-adaptive norms, and the encoder of styles.
  final class Generator: Module {
    let styleEncoder: RegionStyleEncoder
    let entrance: Conv2d
    let head: RegionAdaptiveBlock
    let middle: [RegionAdaptiveBlock]
    let up: [RegionAdaptiveBlock]
    let output: Conv2d
    private let upsampling: MapUpsampling
    /// Whether blocks are computed once more in the backward pass.
    private let checkpointsBlocks: Bool

    init(_ configuration: Configuration, using stream: RandomStream) {
      let width = configuration.width
      upsampling = configuration.upsampling
      checkpointsBlocks = configuration.gradientCheckpointing
      let plan = RegionAdaptiveBlock.Plan(
        norm: configuration.norm, isSpectral: configuration.spectralNorm, classes: configuration.classes,
        hidden: configuration.spadeHidden, kernelSize: configuration.spadeKernel,
        styleLength: configuration.styleLength)
      func block(_ inputs: Int, _ outputs: Int, hasStyle: Bool = true) -> RegionAdaptiveBlock {
        RegionAdaptiveBlock(inputs, outputs, hasStyle: hasStyle, plan, using: stream)
      }
      styleEncoder = RegionStyleEncoder(
        width: configuration.encoderWidth, styleLength: configuration.styleLength, using: stream)
      entrance = Conv2d(
        inputChannels: configuration.classes, outputChannels: 16 * width, kernelSize: 3, padding: 1,
        using: stream)
      head = block(16 * width, 16 * width)
      middle = (0..<2).map { _ in block(16 * width, 16 * width) }
      let widths = [16, 8, 4, 2, 1].map { $0 * width } + (upsampling == .most ? [width / 2] : [])
      up = zip(widths, widths.dropFirst()).enumerated().map { index, pair in
        block(pair.0, pair.1, hasStyle: index != 3)
      }
      output = Conv2d(
        inputChannels: widths.last ?? width, outputChannels: 3, kernelSize: 3, padding: 1, using: stream)
      super.init()
    }

    /// The authors' names.
    var authorsNames: KeyMap {
      var names = [
        "style_encoder": "Zencoder", "entrance": "fc", "head": "head_0", "middle.0": "G_middle_0",
        "middle.1": "G_middle_1", "output": "conv_img",
      ]
      for index in up.indices { names["up.\(index)"] = "up_\(index)" }
      var parts = mapBlockNames(norm: "param_free_norm")
      parts.merge([
        "first_norm": "ace_0", "second_norm": "ace_1", "shortcut_norm": "ace_s", "semantic": "Spade",
        "noise_scale": "noise_var", "style_gamma": "conv_gamma", "style_beta": "conv_beta",
      ]) { _, new in new }
      for index in head.firstNorm.style.indices { parts["style.\(index)"] = "fc_mu\(index)" }
      return KeyMap(names, components: parts)
    }

    /// The blocks in their order, and how often the smallest map was doubled before each.
    private var stages: [(block: RegionAdaptiveBlock, doublings: Int)] {
      let second = upsampling == .normal ? 1 : 2
      return [(head, 0), (middle[0], 1), (middle[1], second)]
        + up.enumerated().map { ($1, second + 1 + $0) }
    }

    /// Numbers of noise that a pass over a map takes, or over the whole batch that it is a part of.
    func noiseCount(_ map: MapPyramid, part: BatchPart? = nil) -> Int {
      let shape = [part?.total ?? map.full.shape[0]] + map.full.shape.dropFirst()
      let area = (shape[2] / upsampling.factor) * (shape[3] / upsampling.factor)
      return stages.reduce(0) { $0 + shape[0] * $1.block.noisePlanes * (area << (2 * $1.doublings)) }
    }

    /// Images `[batch, 3, height, width]` in -1 … 1.
    ///
    /// - Parameter noise: ``noiseCount(_:)`` standard normal numbers: for each layer in turn `[batch, width,
    ///   height]`, in the authors' order of sides; or `[batch, count]`, those of each image together.
    /// - Parameter part: of which batch the map is a part, whose noise is given.
    func callAsFunction(
      _ map: MapPyramid, styles: Tensor, noise: Tensor, part: BatchPart? = nil
    ) -> Tensor {
      var taken = 0
      func plane(like x: Tensor) -> Tensor {
        let (height, width) = (x.shape[2], x.shape[3])
        if noise.rank == 2 {
          let own = noise.slice(1, taken, taken + height * width)
          taken += height * width
          return own.reshaped([-1, 1, width, height]).transposed(2, 3)
        }
        let batch = part?.total ?? x.shape[0]
        let numbers = noise.slice(0, taken, taken + batch * height * width)
          .reshaped([batch, 1, width, height])
        taken += batch * height * width
        return numbers.narrow(0, from: part?.lower ?? 0, length: x.shape[0]).transposed(2, 3)
      }
      let shape = map.full.shape
      var x = entrance(
        map(height: shape[2] / upsampling.factor, width: shape[3] / upsampling.factor))
      var size = 0
      for (block, doublings) in stages {
        while size < doublings {
          x = doubled(x)
          size += 1
        }
        // Cut out once, for a block may be computed twice. All planes of a block are of its input's size.
        let input = x
        let planes = (0..<block.noisePlanes).map { _ in plane(like: input) }
        x = block.checkpointed([x, styles], when: checkpointsBlocks) {
          block($0[0], map, styles: $0[1], noise: planes)
        }
      }
      return output(x.leakyRelu(0.2)).tanh()
    }
  }
}
