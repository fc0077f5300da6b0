import AtelierCore
import Torch
import TorchNN

/// A convolution whose normally distributed weights are scaled at run time by gain / √(fan in), which keeps the size.
final class ScaledConvolution: Module {
  @Parameter var weight: Tensor
  @Parameter var bias: Tensor
  private let scale: Double
  private let padding: Int

  init(
    _ inputs: Int, _ outputs: Int, kernel: Int, padding: Int? = nil, gain: Double,
    using stream: RandomStream
  ) {
    weight = stream.normal([outputs, inputs, kernel, kernel])
    bias = .zeros([outputs])
    scale = gain / Double(inputs * kernel * kernel).squareRoot()
    self.padding = padding ?? kernel / 2
    super.init()
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    conv2d(x, weight * scale, bias, padding: (padding, padding))
  }
}

/// A linear layer whose weights are scaled by 1 / √inputs.
final class ScaledLinear: Module {
  @Parameter var weight: Tensor
  @Parameter var bias: Tensor

  init(_ inputs: Int, _ outputs: Int, using stream: RandomStream) {
    weight = stream.normal([outputs, inputs])
    bias = .zeros([outputs])
    super.init()
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    linear(x, weight / Double(weight.shape[1]).squareRoot(), bias)
  }
}

/// Leaky ReLU, in the generator then divided by the root of the channels' mean square.
private func activated(_ x: Tensor, isNormed: Bool) -> Tensor {
  let y = x.leakyRelu(0.2)
  return isNormed ? y * (y.square().mean(dims: [1], keepDim: true) + 1e-7).rsqrt() : y
}

/// Two convolutions, and in residual networks a 1×1 convolution beside them.
private final class FaceBlock: Module {
  private let first: ScaledConvolution
  private let second: ScaledConvolution
  private let shortcut: ScaledConvolution?
  private let isNormed: Bool

  init(
    _ inputs: Int, _ outputs: Int, isResidual: Bool, isNormed: Bool, isLast: Bool = false, gain: Double,
    using stream: RandomStream
  ) {
    first = ScaledConvolution(inputs, inputs, kernel: 3, gain: gain, using: stream)
    // The discriminator's last one sees all of the 4×4 map.
    second = ScaledConvolution(
      inputs, outputs, kernel: isLast ? 4 : 3, padding: isLast ? 0 : 1, gain: gain, using: stream)
    shortcut =
      isResidual ? ScaledConvolution(inputs, outputs, kernel: 1, gain: gain, using: stream) : nil
    self.isNormed = isNormed
    super.init()
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    let y = activated(second(activated(first(x), isNormed: isNormed)), isNormed: isNormed)
    return shortcut.map { (y + $0(x)) * 0.5.squareRoot() } ?? y
  }
}

/// How far networks have grown, and what they are made of.
struct FaceGrowth {
  /// The level of the full size; level 0 is 4×4, and each further one twice as large.
  let top: Int
  /// The lowest level with layers from and to colours.
  let firstColours: Int
  /// Whether the old path runs beside the newest size.
  let blends: Bool
  /// The weight of the new path where it does not follow from the training.
  let transition: Double
}

/// Planes of keypoints, one each, all 0 but a 1 where the point lies; none where it lies outside.
///
/// - Parameter keypoints: `[batch, 2 * count]`, x and y of each in shares of width and height.
/// - Returns: `[batch, count, size, size]`.
func keypointPlanes(_ keypoints: Tensor, size: Int) -> Tensor {
  let (batch, count) = (keypoints.shape[0], keypoints.shape[1] / 2)
  let points = keypoints.reshaped([batch, count, 2])
  let inside = points.greaterOrEqual(0).logicalAnd(points.less(1)).asType(.float32)
  let places = (points * Double(size)).floor()
  let (x, y) = (places.selected(dim: 2, index: 0), places.selected(dim: 2, index: 1))
  let isInside = inside.selected(dim: 2, index: 0) * inside.selected(dim: 2, index: 1)
  let pixels = Tensor.arange(size * size, device: keypoints.device).asType(.float32)
  let planes = (y * Double(size) + x).unsqueezed(2).equal(pixels.reshaped([1, 1, -1])).asType(.float32)
  return (planes * isInside.unsqueezed(2)).reshaped([batch, count, size, size])
}

private func meanHalved(_ x: Tensor) -> Tensor { averagePool2d(x, kernelSize: (2, 2)) }

private func nearestDoubled(_ x: Tensor) -> Tensor {
  upsampleNearest(x, size: (2 * x.shape[2], 2 * x.shape[3]))
}

/// Level of a map's size: 0 for 4×4.
private func level(of x: Tensor) -> Int { max(0, x.shape[2] / 4).trailingZeroBitCount }

/// The generator: a U-Net from what surrounds a face, its keypoints and a latent map to the face.
///
/// Source: hukkelas/DeepPrivacy `progressive_generator.py`.
final class FaceInpainter: Module {
  private let fromColours: [ScaledConvolution]
  private let encoder: [FaceBlock]
  private let decoder: [FaceBlock]
  private let skips: [ScaledConvolution]
  /// One level more than `fromColours` has without blending: the authors' program keeps the old layer then, and never
  /// uses it.
  private let toColours: [ScaledConvolution]
  /// Of a growing network: level and transition.
  @Buffer private var grown: Tensor?
  private let growth: FaceGrowth
  private let firstToColours: Int

  init(_ configuration: DeepPrivacy.Configuration, using stream: RandomStream) {
    let growth = configuration.growth
    let (widths, gain, residual) = (configuration.widths, configuration.gain, configuration.residual)
    let keypoints = configuration.keypoints
    func block(_ inputs: Int, _ outputs: Int) -> FaceBlock {
      FaceBlock(inputs, outputs, isResidual: residual, isNormed: true, gain: gain, using: stream)
    }
    func point(_ inputs: Int, _ outputs: Int) -> ScaledConvolution {
      ScaledConvolution(inputs, outputs, kernel: 1, gain: gain, using: stream)
    }
    self.growth = growth
    fromColours = (growth.firstColours...growth.top).map { point(5, widths[$0]) }
    encoder = widths.indices.map { block(widths[$0], widths[max(0, $0 - 1)]) }
    decoder = widths.indices.map {
      block(
        $0 == 0 ? widths[0] + configuration.latentChannels + keypoints : widths[$0 - 1] + keypoints,
        widths[$0])
    }
    skips = widths.indices.dropFirst().map { point(2 * widths[$0 - 1], widths[$0 - 1]) }
    firstToColours = min(growth.firstColours, growth.top - 1)
    toColours = (firstToColours...growth.top).map { point(widths[$0], 3) }
    grown = configuration.growthImages > 0 ? Tensor([Float(growth.firstColours), 1]) : nil
    super.init()
  }

  /// The level and the weight of its new path.
  var state: (level: Int, transition: Double) {
    guard let values = grown?.to(.cpu).floats() else { return (growth.top, growth.transition) }
    return (min(growth.top, max(growth.firstColours, Int(values[0]))), Double(values[1]))
  }

  /// Sets how far a growing network has grown.
  func grow(to level: Int, transition: Double) {
    withoutGradients {
      grown?.copy(from: Tensor([Float(level), Float(transition)], device: grown?.device ?? .cpu))
    }
  }

  /// Images `[batch, 3, size, size]` whose kept pixels are those of the condition.
  ///
  /// - Parameters:
  ///   - condition: images in -1 … 1 that are 0 where they are to be filled.
  ///   - mask: `[batch, 1, size, size]`, 1 where the image is kept.
  ///   - keypoints: as ``keypointPlanes(_:size:)`` takes them.
  ///   - latent: `[batch, channels, 4, 4]`.
  func callAsFunction(_ condition: Tensor, _ mask: Tensor, _ keypoints: Tensor, _ latent: Tensor) -> Tensor {
    let top = level(of: condition)
    let transition = state.transition
    let blends = growth.blends && top > growth.firstColours
    func blended(_ old: @autoclosure () -> Tensor, _ new: Tensor) -> Tensor {
      guard blends else { return new }
      let old = old()
      return old + (new - old) * transition
    }
    func seen(_ x: Tensor, _ level: Int) -> Tensor {
      activated(fromColours[level - growth.firstColours](x), isNormed: true)
    }
    let input = Tensor.concatenated([condition, mask, 1 - mask], dim: 1)
    var x = seen(input, top)
    var features: [Tensor?] = Array(repeating: nil, count: top + 1)
    for level in stride(from: top, through: 1, by: -1) {
      let y = encoder[level](x)
      features[level] = y
      x = level == top ? blended(seen(meanHalved(input), top - 1), meanHalved(y)) : meanHalved(y)
    }
    x = encoder[0](x)
    x = decoder[0](Tensor.concatenated([x, latent, keypointPlanes(keypoints, size: 4)], dim: 1))
    var old = x
    for level in 1...max(1, top) where level <= top {
      old = nearestDoubled(x)
      x = activated(
        skips[level - 1](Tensor.concatenated([old] + [features[level]].compactMap(\.self), dim: 1)),
        isNormed: true)
      x = decoder[level](
        Tensor.concatenated([x, keypointPlanes(keypoints, size: 4 << level)], dim: 1))
    }
    let filled = blended(
      toColours[top - 1 - firstToColours](old), toColours[top - firstToColours](x))
    return condition * mask + (1 - mask) * filled
  }

  /// Our names and the authors' for a configuration.
  static func authorsNames(_ growth: FaceGrowth) -> KeyMap {
    var names = DeepPrivacy.colourNames("from_colours", "encoder.from_rgb", growth)
    let newest = growth.top - min(growth.firstColours, growth.top - 1)
    names["to_colours.\(newest)"] = "decoder.to_rgb.conv"
    names["to_colours.\(newest - 1)"] = "decoder.to_rgb.old_conv"
    for level in 0...growth.top {
      for side in ["encoder", "decoder"] {
        names["\(side).\(level).first"] = "\(side).basic_block\(level).layers.0"
        names["\(side).\(level).second"] = "\(side).basic_block\(level).layers.3"
        names["\(side).\(level).shortcut"] = "\(side).basic_block\(level).residual_conv"
      }
      if level > 0 { names["skips.\(level - 1)"] = "decoder.skip_connection\(level).conv.layers.0" }
    }
    return KeyMap(names)
  }
}

/// The discriminator: whether an image is real, seen with what was kept of it and the keypoints.
///
/// Source: hukkelas/DeepPrivacy `discriminator/original.py`.
final class FaceDiscriminator: Module {
  private let fromColours: [ScaledConvolution]
  private let blocks: [FaceBlock]
  private let output: ScaledLinear
  /// The authors' linear layer holds another one, which it never uses.
  private let unused: Linear
  private let growth: FaceGrowth
  /// The weight of the new path of a growing network, which the step sets.
  var transition: Double

  init(_ configuration: DeepPrivacy.Configuration, using stream: RandomStream) {
    let growth = configuration.growth
    // The authors' widths: √2 of the generator's, in eights.
    let widths = configuration.widths.map { Int((Double($0) * 2.0.squareRoot() / 8).rounded(.up)) * 8 }
    self.growth = growth
    transition = growth.transition
    fromColours = (growth.firstColours...growth.top).map {
      ScaledConvolution(7, widths[$0], kernel: 1, gain: configuration.gain, using: stream)
    }
    blocks = widths.indices.map { level in
      FaceBlock(
        widths[level] + configuration.keypoints, widths[max(0, level - 1)],
        isResidual: configuration.discriminatorResidual && level > 0, isNormed: false, isLast: level == 0,
        gain: configuration.gain, using: stream)
    }
    output = ScaledLinear(widths[0], 1, using: stream)
    unused = Linear(inputFeatures: widths[0], outputFeatures: 1, using: stream)
    super.init()
  }

  /// Scores `[batch, 1]`.
  func callAsFunction(
    _ image: Tensor, _ condition: Tensor, _ mask: Tensor, _ keypoints: Tensor
  ) -> Tensor {
    let top = level(of: image)
    func seen(_ x: Tensor, _ level: Int) -> Tensor {
      activated(fromColours[level - growth.firstColours](x), isNormed: false)
    }
    let input = Tensor.concatenated([image, condition, mask], dim: 1)
    var x = seen(input, top)
    for level in stride(from: top, through: 0, by: -1) {
      x = blocks[level](Tensor.concatenated([x, keypointPlanes(keypoints, size: 4 << level)], dim: 1))
      guard level > 0 else { break }
      x = meanHalved(x)
      if level == top, growth.blends, top > growth.firstColours {
        let old = seen(meanHalved(input), top - 1)
        x = old + (x - old) * transition
      }
    }
    return output(x.flattened())
  }

  /// Our names and the authors' for a configuration.
  static func authorsNames(_ growth: FaceGrowth) -> KeyMap {
    var names = DeepPrivacy.colourNames("from_colours", "layers.from_rgb", growth)
    names["output"] = "output_layer"
    names["unused"] = "output_layer.linear"
    for level in 0...growth.top {
      names["blocks.\(level).first"] = "layers.basic_block\(level).layers.0"
      names["blocks.\(level).second"] = "layers.basic_block\(level).layers.2"
      names["blocks.\(level).shortcut"] = "layers.basic_block\(level).residual_conv"
    }
    return KeyMap(names)
  }
}

extension DeepPrivacy {
  /// The authors keep the newest layer from colours, and where they blend the one before it.
  static func colourNames(_ ours: String, _ theirs: String, _ growth: FaceGrowth) -> [String: String] {
    let newest = growth.top - growth.firstColours
    var names = ["\(ours).\(newest)": "\(theirs).conv.layers.0"]
    if newest > 0 { names["\(ours).\(newest - 1)"] = "\(theirs).old_conv.1.layers.0" }
    return names
  }

  /// Whether a network that has grown to a level computes with a parameter.
  static func isUsed(_ parameter: String, at level: Int, _ growth: FaceGrowth) -> Bool {
    let parts = parameter.split(separator: ".")
    guard parts.count > 1, let place = Int(parts[1]) else { return true }
    switch parts[0] {
    case "from_colours": return [level, level - 1].contains(place + growth.firstColours)
    case "to_colours": return [level, level - 1].contains(place + min(growth.firstColours, growth.top - 1))
    case "skips": return place < level
    default: return place <= level
    }
  }
}
