import AtelierCore
import Torch
import TorchNN

/// A normal distribution of styles.
struct StyleDistribution {
  /// `[batch, latent]`.
  let mean: Tensor
  /// Logarithms of variances, `[batch, latent]`.
  let logVariance: Tensor

  /// The style that standard normal noise `[batch, latent]` stands for.
  func sample(_ noise: Tensor) -> Tensor { noise * (logVariance * 0.5).exp() + mean }

  /// The divergence from a standard normal, summed over everything (the authors sum over the batch too), the examples of
  /// all processes.
  var divergence: Tensor {
    ((1 + logVariance - mean.square() - logVariance.exp()).sum() * -0.5).summedOverProcesses()
  }
}

/// SPADE's image encoder: strided convolutions down to 4×4, then a mean and a variance.
///
/// Source: NVlabs/SPADE `models/networks/encoder.py` `ConvEncoder`.
final class StyleDistributionEncoder: Module {
  let layers: [Conv2d]
  let mean: Linear
  let logVariance: Linear
  private let size: Int

  /// - Parameters:
  ///   - width: channels of the first map; 2, 4 and at most 8 times as many further on.
  ///   - size: height and width that images are resized to, a power of two.
  init(width: Int, size: Int, latent: Int, using stream: RandomStream) {
    self.size = size
    let halvings = max(1, size.trailingZeroBitCount - 2)
    let widths = [3] + (0..<halvings).map { width << min($0, 3) }
    layers = zip(widths, widths.dropFirst()).map {
      // Instance normalisation follows, which would take a bias away again.
      Conv2d(
        inputChannels: $0, outputChannels: $1, kernelSize: 3, stride: 2, padding: 1, hasBias: false,
        normalization: .spectral, using: stream)
    }
    let features = widths[halvings] * 16
    mean = Linear(inputFeatures: features, outputFeatures: latent, using: stream)
    logVariance = Linear(inputFeatures: features, outputFeatures: latent, using: stream)
    super.init()
  }

  /// The authors' names.
  var authorsNames: KeyMap {
    var names = ["mean": "fc_mu", "log_variance": "fc_var"]
    for index in layers.indices { names["layers.\(index)"] = "layer\(index + 1).0" }
    return KeyMap(names)
  }

  /// The styles of images `[batch, 3, height, width]` in -1 … 1.
  func callAsFunction(_ pictures: Tensor) -> StyleDistribution {
    var x = pictures
    if x.shape[2] != size || x.shape[3] != size { x = upsampleBilinear(x, size: (size, size)) }
    x = x.channelsLast()
    for (index, layer) in layers.enumerated() {
      x = instanceNorm(layer(index == 0 ? x : x.leakyRelu(0.2)))
    }
    let flat = x.leakyRelu(0.2).contiguous().flattened(from: 1)
    return StyleDistribution(mean: mean(flat), logVariance: logVariance(flat))
  }
}

/// A generator of images from maps.
protocol MapGenerator: Module {
  /// The names of its weights in the authors' files.
  var authorsNames: KeyMap { get }
  /// Images `[batch, 3, height, width]` in -1 … 1, in a style `[batch, latent]` where it takes one.
  func callAsFunction(_ map: MapPyramid, style: Tensor?) -> Tensor
}

extension SPADE {
  /// The paper's generator.
  final class Generator: Module, MapGenerator {
    /// Features of the smallest map from a style, or from the labels.
    let styleEntrance: Linear?
    let entrance: Conv2d?
    let head: SpatiallyAdaptiveBlock
    let middle: [SpatiallyAdaptiveBlock]
    let up: [SpatiallyAdaptiveBlock]
    let output: Conv2d
    private let upsampling: MapUpsampling
    /// Whether blocks are computed once more in the backward pass.
    private let checkpointsBlocks: Bool
    private let smallest: (channels: Int, height: Int, width: Int)

    init(_ configuration: Configuration, using stream: RandomStream) {
      let width = configuration.width
      upsampling = configuration.upsampling
      checkpointsBlocks = configuration.gradientCheckpointing
      smallest = (
        16 * width, configuration.imageHeight / upsampling.factor,
        configuration.imageWidth / upsampling.factor
      )
      let plan = SpatiallyAdaptiveBlock.Plan(
        norm: configuration.norm, isSpectral: configuration.spectralNorm,
        mapChannels: configuration.mapChannels, hidden: configuration.spadeHidden,
        kernelSize: configuration.spadeKernel)
      func block(_ inputs: Int, _ outputs: Int) -> SpatiallyAdaptiveBlock {
        SpatiallyAdaptiveBlock(inputs, outputs, plan, using: stream)
      }
      if configuration.encoder == nil {
        styleEntrance = nil
        entrance = Conv2d(
          inputChannels: configuration.mapChannels, outputChannels: 16 * width, kernelSize: 3, padding: 1,
          using: stream)
      } else {
        styleEntrance = Linear(
          inputFeatures: configuration.latent,
          outputFeatures: smallest.channels * smallest.height * smallest.width, using: stream)
        entrance = nil
      }
      head = block(16 * width, 16 * width)
      middle = (0..<2).map { _ in block(16 * width, 16 * width) }
      let widths = [16, 8, 4, 2, 1].map { $0 * width } + (upsampling == .most ? [width / 2] : [])
      up = zip(widths, widths.dropFirst()).map { block($0, $1) }
      output = Conv2d(
        inputChannels: widths.last ?? width, outputChannels: 3, kernelSize: 3, padding: 1, using: stream)
      super.init()
    }

    /// The authors' names.
    var authorsNames: KeyMap {
      var names = [
        "style_entrance": "fc", "head": "head_0", "middle.0": "G_middle_0", "middle.1": "G_middle_1",
        "output": "conv_img",
      ]
      // Only one of the two stands in a network, so that the way back is clear.
      if styleEntrance == nil {
        names["style_entrance"] = nil
        names["entrance"] = "fc"
      }
      for index in up.indices { names["up.\(index)"] = "up_\(index)" }
      return KeyMap(names, components: mapBlockNames(norm: "param_free_norm"))
    }

    func callAsFunction(_ map: MapPyramid, style: Tensor?) -> Tensor {
      // Maps of another size than training's start from another smallest map, but for styles.
      let (height, width) = (map.full.shape[2] / upsampling.factor, map.full.shape[3] / upsampling.factor)
      var x: Tensor
      if let styleEntrance, let style {
        x = styleEntrance(style).reshaped([-1, smallest.channels, smallest.height, smallest.width])
          .channelsLast()
        if (height, width) != (smallest.height, smallest.width) {
          x = upsampleNearest(x, size: (height, width))
        }
      } else if let entrance {
        x = entrance(map(height: height, width: width))
      } else {
        check(false, "this generator starts from a style, and none was given")
        return map.full
      }
      // Enlargements belong to the blocks behind them, so that the smaller map is what a checkpoint keeps.
      func made(_ block: SpatiallyAdaptiveBlock, _ x: Tensor, doubles: Bool = true) -> Tensor {
        block.checkpointed([x], when: checkpointsBlocks) { block(doubles ? doubled($0[0]) : $0[0], map) }
      }
      x = made(middle[0], made(head, x, doubles: false))
      x = made(middle[1], x, doubles: upsampling != .normal)
      for block in up { x = made(block, x) }
      return output(x.leakyRelu(0.2)).tanh()
    }
  }

  /// pix2pixHD's generator on the map.
  final class Baseline: Module, MapGenerator {
    let body: ResidualGenerator

    init(_ configuration: Configuration, using stream: RandomStream) {
      body = ResidualGenerator(
        inputChannels: configuration.mapChannels, outputChannels: 3, width: configuration.width,
        downsamplings: configuration.downsamplings, blocks: configuration.blocks, norm: ImageNorm.instance,
        hasBias: false, checkpointsBlocks: configuration.gradientCheckpointing, using: stream)
      super.init()
    }

    var authorsNames: KeyMap { KeyMap(["body": ""]) }

    func callAsFunction(_ map: MapPyramid, style: Tensor?) -> Tensor { body(map.full) }
  }
}
