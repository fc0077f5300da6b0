import AtelierCore
import Torch
import TorchNN

/// Finds keypoints of an image, which nobody names: softmax maps of a reduced image, each map's mean coordinate, and maps of
/// matrices averaged alike. Source: `modules/keypoint_detector.py` `KPDetector`.
final class KeypointDetector: Module {
  private let hourglass: Hourglass
  private let heatmaps: Conv2d
  private let jacobians: Conv2d?
  private let reduction: AntiAliasedReduction?
  private let temperature: Double

  init(_ configuration: FirstOrderMotion.Configuration, using stream: RandomStream) {
    hourglass = Hourglass(configuration.detector, inputChannels: 3, using: stream)
    let features = hourglass.outputChannels
    func head(_ outputs: Int) -> Conv2d {
      Conv2d(inputChannels: features, outputChannels: outputs, kernelSize: 7, using: stream)
    }
    heatmaps = head(configuration.keypoints)
    let matrices = configuration.singleJacobian ? 1 : configuration.keypoints
    jacobians = configuration.jacobian ? head(4 * matrices) : nil
    reduction =
      configuration.scaleFactor == 1
      ? nil : AntiAliasedReduction(channels: 3, scale: configuration.scaleFactor)
    temperature = configuration.temperature
    super.init()
    guard let jacobians else { return }
    // Identities everywhere at first.
    withoutGradients {
      jacobians.weight.fill(0)
      jacobians.bias?.copy(from: Tensor([1, 0, 0, 1] as [Float]).repeated([matrices]))
    }
  }

  /// The keypoints of images `[batch, 3, height, width]` in 0 … 1.
  func callAsFunction(_ images: Tensor) -> MotionKeypoints {
    let features = hourglass(reduction?(images) ?? images)
    let logits = heatmaps(features).asType(.float32)
    let (batch, count, height, width) = (logits.shape[0], logits.shape[1], logits.shape[2], logits.shape[3])
    let shares = (logits.flattened(from: 2) / temperature).softmax(2)
    let grid = pixelCoordinates(height: height, width: width, device: logits.device)
    let points = (shares.unsqueezed(3) * grid.reshaped([1, 1, height * width, 2])).sum(dims: [2])
    guard let jacobians else { return MotionKeypoints(points: points) }
    let matrices = jacobians(features).asType(.float32).reshaped([batch, -1, 4, height * width])
    let means = (shares.unsqueezed(2) * matrices).sum(dims: [3])
    return MotionKeypoints(points: points, jacobians: means.reshaped([batch, count, 2, 2]))
  }

  static let authorsNames = KeyMap(
    Hourglass.authorsNames("hourglass", "predictor").merging([
      "heatmaps": "kp", "jacobians": "jacobian", "reduction": "down",
    ]) { first, _ in first }, components: ["convolution": "conv"])
}

/// Where each point of the driving image lies in the source, from the motions of keypoints and of a background that stands
/// still. Source: `modules/dense_motion.py` `DenseMotionNetwork`.
final class DenseMotion: Module {
  private let hourglass: Hourglass
  private let mask: Conv2d
  private let occlusion: Conv2d?
  private let reduction: AntiAliasedReduction?
  private let alignCorners: Bool

  init(_ configuration: FirstOrderMotion.Configuration, using stream: RandomStream) {
    hourglass = Hourglass(
      configuration.denseMotion, inputChannels: (configuration.keypoints + 1) * 4, using: stream)
    let features = hourglass.outputChannels
    func head(_ outputs: Int) -> Conv2d {
      Conv2d(inputChannels: features, outputChannels: outputs, kernelSize: 7, padding: 3, using: stream)
    }
    mask = head(configuration.keypoints + 1)
    occlusion = configuration.occlusion ? head(1) : nil
    reduction =
      configuration.scaleFactor == 1
      ? nil : AntiAliasedReduction(channels: 3, scale: configuration.scaleFactor)
    alignCorners = configuration.alignCorners
    super.init()
  }

  /// - Returns: points of the source `[batch, height, width, 2]`; which motion counts where, the background's first,
  ///   `[batch, keypoints + 1, height, width]`; and what of the source can be seen, `[batch, 1, height, width]` in 0 … 1.
  func callAsFunction(
    _ images: Tensor, source: MotionKeypoints, driving: MotionKeypoints
  ) -> (deformation: Tensor, mask: Tensor, occlusion: Tensor?) {
    let small = (reduction?(images) ?? images).asType(.float32)
    let (batch, height, width) = (small.shape[0], small.shape[2], small.shape[3])
    let count = source.points.shape[1]
    let motions = motions(height: height, width: width, source, driving)
    // One grid of all motions, one below the other, samples the source once.
    let warped = gridSample(
      small, at: motions.reshaped([batch, (count + 1) * height, width, 2]), alignCorners: alignCorners
    ).reshaped([batch, 3, count + 1, height, width]).transposed(1, 2)
    let differences =
      gaussians(around: driving.points, height: height, width: width)
      - gaussians(around: source.points, height: height, width: width)
    let still = Tensor.zeros([batch, 1, height, width], device: small.device)
    let maps = Tensor.concatenated([still, differences], dim: 1).unsqueezed(2)
    let features = hourglass(
      Tensor.concatenated([maps, warped], dim: 2).reshaped([batch, (count + 1) * 4, height, width]))
    let shares = mask(features).asType(.float32).softmax(1)
    let deformation = (motions * shares.unsqueezed(4)).sum(dims: [1])
    return (deformation, shares, occlusion.map { $0(features).asType(.float32).sigmoid() })
  }

  /// Where each point would lie in the source if all moved as one keypoint does, to the first order of Taylor's expansion:
  /// `[batch, keypoints + 1, height, width, 2]`, the background first.
  private func motions(
    height: Int, width: Int, _ source: MotionKeypoints, _ driving: MotionKeypoints
  ) -> Tensor {
    let (batch, count) = (source.points.shape[0], source.points.shape[1])
    let grid = pixelCoordinates(height: height, width: width, device: source.points.device)
      .reshaped([1, 1, height * width, 2])
    var moved = grid - driving.points.unsqueezed(2)
    if let own = source.jacobians, let other = driving.jacobians {
      moved = moved.matmul(own.matmul(inverted(other)).transposed(2, 3))
    }
    moved = moved + source.points.unsqueezed(2)
    return Tensor.concatenated([grid.expanded([batch, 1, height * width, 2]), moved], dim: 1)
      .reshaped([batch, count + 1, height, width, 2])
  }
}

/// Draws the source in the driving image's pose: features of the source, moved, hidden where nothing of it is seen, and
/// drawn anew. Source: `modules/generator.py` `OcclusionAwareGenerator`.
final class MotionGenerator: Module {
  /// What is drawn.
  struct Drawn {
    /// `[batch, 3, height, width]` in 0 … 1.
    let image: Tensor
    /// As ``DenseMotion`` gives them.
    let (deformation, mask, occlusion): (Tensor, Tensor, Tensor?)
  }

  private let denseMotion: DenseMotion
  private let first: MotionBlock
  private let downBlocks: [MotionBlock]
  private let bottleneck: [MotionResidualBlock]
  private let upBlocks: [MotionBlock]
  private let last: Conv2d
  private let alignCorners: Bool

  init(_ configuration: FirstOrderMotion.Configuration, using stream: RandomStream) {
    let shape = configuration.generator
    denseMotion = DenseMotion(configuration, using: stream)
    first = MotionBlock(3, shape.channels(0), kernelSize: 7, using: stream)
    downBlocks = (0..<shape.downsamplings).map {
      MotionBlock(shape.channels($0), shape.channels($0 + 1), .halved, using: stream)
    }
    bottleneck = (0..<shape.blocks).map { _ in
      MotionResidualBlock(shape.channels(shape.downsamplings), using: stream)
    }
    upBlocks = (0..<shape.downsamplings).reversed().map {
      MotionBlock(shape.channels($0 + 1), shape.channels($0), .doubled, using: stream)
    }
    last = Conv2d(
      inputChannels: shape.channels(0), outputChannels: 3, kernelSize: 7, padding: 3, using: stream)
    alignCorners = configuration.alignCorners
    super.init()
  }

  /// Source images in 0 … 1 as their keypoints' motion to the driving ones has them.
  func callAsFunction(_ images: Tensor, source: MotionKeypoints, driving: MotionKeypoints) -> Drawn {
    let features = downBlocks.reduce(first(images)) { $1($0) }
    let motion = denseMotion(images, source: source, driving: driving)
    var moved = deformed(features, by: motion.deformation)
    if let occlusion = motion.occlusion {
      let (height, width) = (moved.shape[2], moved.shape[3])
      let isSame = occlusion.shape[2] == height && occlusion.shape[3] == width
      moved = moved * (isSame ? occlusion : upsampleBilinear(occlusion, size: (height, width)))
    }
    let drawn = upBlocks.reduce(bottleneck.reduce(moved) { $1($0) }) { $1($0) }
    return Drawn(
      image: last(drawn).asType(.float32).sigmoid(), deformation: motion.deformation, mask: motion.mask,
      occlusion: motion.occlusion)
  }

  /// Images or features sampled where a deformation says, which is enlarged to their size.
  func deformed(_ x: Tensor, by deformation: Tensor) -> Tensor {
    let (height, width) = (x.shape[2], x.shape[3])
    guard deformation.shape[1] != height || deformation.shape[2] != width else {
      return gridSample(x.asType(.float32), at: deformation, alignCorners: alignCorners)
    }
    let larger = upsampleBilinear(deformation.permuted([0, 3, 1, 2]), size: (height, width))
    return gridSample(x.asType(.float32), at: larger.permuted([0, 2, 3, 1]), alignCorners: alignCorners)
  }

  /// The authors' names.
  ///
  /// - Parameter blocks: residual blocks, which they number with an r.
  static func authorsNames(blocks: Int) -> KeyMap {
    var names = Hourglass.authorsNames("dense_motion.hourglass", "dense_motion_network.hourglass")
    names["dense_motion"] = "dense_motion_network"
    names["dense_motion.reduction"] = "dense_motion_network.down"
    names["last"] = "final"
    for block in 0..<blocks { names["bottleneck.\(block)"] = "bottleneck.r\(block)" }
    return KeyMap(
      names,
      components: [
        "convolution": "conv", "convolutions.0": "conv1", "convolutions.1": "conv2", "norms.0": "norm1",
        "norms.1": "norm2",
      ])
  }
}

/// Tells real from generated images patch by patch, also beside Gaussians around the driving keypoints. Source:
/// `modules/discriminator.py` `Discriminator`.
final class MotionDiscriminator: Module {
  private final class Block: Module, Layer {
    private let convolution: Conv2d
    private let norm: InstanceNorm2d?
    private let halves: Bool

    init(
      _ inputs: Int, _ outputs: Int, isFirst: Bool, halves: Bool, _ normalization: WeightNormalization?,
      using stream: RandomStream
    ) {
      convolution = Conv2d(
        inputChannels: inputs, outputChannels: outputs, kernelSize: 4, normalization: normalization,
        using: stream)
      norm = isFirst ? nil : InstanceNorm2d(channels: outputs, isAffine: true)
      self.halves = halves
      super.init()
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
      let convolved = convolution(x)
      let y = (norm?(convolved) ?? convolved).leakyRelu(0.2)
      return halves ? averagePool2d(y, kernelSize: (2, 2)) : y
    }
  }

  private let downBlocks: [Block]
  /// What turns features into scores.
  private let convolution: Conv2d
  private let seesKeypoints: Bool

  init(_ configuration: FirstOrderMotion.Configuration, using stream: RandomStream) {
    let shape = configuration.discriminator
    let normalization: WeightNormalization? = shape.spectralNorm ? .spectral : nil
    let inputs = 3 + (shape.keypoints ? configuration.keypoints : 0)
    downBlocks = (0..<shape.blocks).map { place in
      Block(
        place == 0 ? inputs : shape.channels(place), shape.channels(place + 1), isFirst: place == 0,
        halves: place < shape.blocks - 1, normalization, using: stream)
    }
    convolution = Conv2d(
      inputChannels: shape.channels(shape.blocks), outputChannels: 1, kernelSize: 1,
      normalization: normalization, using: stream)
    seesKeypoints = shape.keypoints
    super.init()
  }

  /// What each block gives, and the map of scores.
  ///
  /// - Parameter keypoints: `[batch, keypoints, 2]`.
  func callAsFunction(_ images: Tensor, at keypoints: Tensor) -> (features: [Tensor], scores: Tensor) {
    var x = images
    if seesKeypoints {
      let maps = gaussians(around: keypoints, height: images.shape[2], width: images.shape[3])
      x = .concatenated([images, maps], dim: 1)
    }
    var features: [Tensor] = []
    for block in downBlocks {
      x = block(x)
      features.append(x)
    }
    return (features, convolution(x))
  }
}

/// A discriminator for each of some scales. Source: `modules/discriminator.py` `MultiScaleDiscriminator`.
final class MotionDiscriminators: Module {
  private let discriminators: [MotionDiscriminator]

  init(_ configuration: FirstOrderMotion.Configuration, using stream: RandomStream) {
    discriminators = configuration.discriminatorScales.map { _ in
      MotionDiscriminator(configuration, using: stream)
    }
    super.init()
  }

  /// Features and scores on each scale.
  ///
  /// - Parameter pyramid: the images on the discriminators' scales.
  func callAsFunction(
    _ pyramid: [Tensor], at keypoints: Tensor
  ) -> [(features: [Tensor], scores: Tensor)] {
    zip(discriminators, pyramid).map { $0($1, at: keypoints) }
  }

  /// The authors' names, in which a scale's point is a dash.
  static func authorsNames(scales: [Double]) -> KeyMap {
    let names = scales.enumerated().map { place, scale in
      (
        "discriminators.\(place)", "discs." + ImagePyramid.name(scale).replacing(".", with: "-")
      )
    }
    return KeyMap(
      Dictionary(names) { first, _ in first }, components: ["convolution": "conv"])
  }
}
