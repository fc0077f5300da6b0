import AtelierCore
import Torch
import TorchNN

/// The networks of BigGAN's family, as configurations describe them.
///
/// Source: ajbrock/BigGAN-PyTorch BigGAN.py and BigGANdeep.py; facebookresearch/ic_gan
/// BigGAN_PyTorch/BigGAN.py.
protocol BigGANNetworkConfiguration: Sendable {
  var imageSize: Int { get }
  var imageChannels: Int { get }
  var bottomWidth: Int { get }
  var generatorChannels: Int { get }
  var discriminatorChannels: Int { get }
  var latentSize: Int { get }
  var hierarchicalLatent: Bool { get }
  var classes: Int { get }
  var sharedEmbedding: Bool { get }
  var sharedEmbeddingSize: Int? { get }
  var generatorAttention: [Int] { get }
  var discriminatorAttention: [Int] { get }
  var discriminatorWide: Bool { get }
  var generatorSpectralNorm: Bool { get }
  var gradientCheckpointing: Bool { get }
  var powerIterations: Int { get }
  var spectralNormEpsilon: Double { get }
  var normEpsilon: Double { get }

  /// Whether the networks are BigGAN-deep's.
  var isDeep: Bool { get }
  /// Residual blocks a resolution, in the deep form.
  var generatorDepth: Int { get }
  /// Residual blocks a resolution, in the deep form.
  var discriminatorDepth: Int { get }
  /// Whether class labels are looked at.
  var classConditional: Bool { get }
  /// The length of an instance's features; nil: instances are not looked at.
  var instanceFeatureSize: Int? { get }
  /// The width to which the generator projects features; nil: they are taken as they are.
  var sharedFeatureSize: Int? { get }
}

/// The widths of the networks for one size of images, as multiples of the base width.
struct BigGANArchitecture {
  /// Widths in front of the generator's blocks and behind the last one.
  let generator: [Int]
  /// Widths behind the discriminator's blocks.
  let discriminator: [Int]
  /// Which of the discriminator's blocks halve the map.
  let halves: [Bool]
  /// The resolution by which the authors' tables know each of the discriminator's blocks.
  let discriminatorResolutions: [Int]
  /// The resolution behind each of the generator's blocks.
  let generatorResolutions: [Int]

  /// Nil for a size that the authors' tables do not have.
  ///
  /// - Parameters:
  ///   - bottomWidth: the authors' is 4; another one makes images of the same networks larger or smaller.
  init?(imageSize: Int, bottomWidth: Int, isDeep: Bool) {
    guard bottomWidth >= 1, imageSize % bottomWidth == 0 else { return nil }
    let size = imageSize / bottomWidth * 4
    let generator: [Int]
    var discriminator: [Int]
    switch size {
    case 32: (generator, discriminator) = ([4, 4, 4, 4], [4, 4, 4, 4])
    case 64: (generator, discriminator) = ([16, 16, 8, 4, 2], [1, 2, 4, 8, 16])
    case 128: (generator, discriminator) = ([16, 16, 8, 4, 2, 1], [1, 2, 4, 8, 16, 16])
    case 256: (generator, discriminator) = ([16, 16, 8, 8, 4, 2, 1], [1, 2, 4, 8, 8, 16, 16])
    case 512 where !isDeep:
      (generator, discriminator) = ([16, 16, 8, 8, 4, 2, 1, 1], [1, 1, 2, 4, 8, 8, 16, 16])
    default: return nil
    }
    // At 32 pixels only two blocks halve, and the table calls all of them 16.
    let isSmall = size == 32
    var halves = discriminator.indices.map { isSmall ? $0 < 2 : $0 < discriminator.count - 1 }
    var resolutions = discriminator.indices.map { place in
      isSmall ? imageSize / 2 : imageSize >> min(place + 1, discriminator.count - 1)
    }
    if isDeep {
      // The stem takes the place of the first width; each stage's width is that behind it.
      halves.removeLast()
      resolutions.removeLast()
    }
    self.generator = generator
    self.discriminator = discriminator
    self.halves = halves
    discriminatorResolutions = resolutions
    generatorResolutions = (1..<generator.count).map { bottomWidth << $0 }
  }
}

extension BigGANNetworkConfiguration {
  /// The widths; nil for a size that the authors' tables do not have.
  var architecture: BigGANArchitecture? {
    BigGANArchitecture(imageSize: imageSize, bottomWidth: bottomWidth, isDeep: isDeep)
  }

  /// Numbers of a latent vector for each block, where the latent is hierarchical.
  var latentChunk: Int { latentSize / max(1, architecture?.generator.count ?? 1) }

  /// The length of a latent vector as it is drawn: a hierarchical one is cut down to a multiple of its
  /// chunks.
  var effectiveLatentSize: Int {
    hierarchicalLatent && !isDeep ? latentChunk * (architecture?.generator.count ?? 1) : latentSize
  }

  /// The length of a class's embedding.
  var embeddingSize: Int { sharedEmbeddingSize.flatMap { $0 > 0 ? $0 : nil } ?? latentSize }

  /// The length of what class and instance become in the generator.
  var conditionSize: Int {
    (classConditional ? embeddingSize : 0)
      + (instanceFeatureSize.map { sharedFeatureSize ?? $0 } ?? 0)
  }

  var spectral: WeightNormalization {
    .spectralBigGAN(epsilon: spectralNormEpsilon, iterations: powerIterations)
  }
}

/// What an image is to show: a class, an instance, or both.
struct BigGANCondition {
  /// int64 `[batch]`.
  var label: Tensor?
  /// Features of instances, `[batch, features]`.
  var features: Tensor?

  /// The rows of this condition, then those of another.
  func joined(with other: BigGANCondition) -> BigGANCondition {
    func both(_ a: Tensor?, _ b: Tensor?) -> Tensor? {
      guard let a, let b else { return nil }
      return .concatenated([a, b], dim: 0)
    }
    return BigGANCondition(label: both(label, other.label), features: both(features, other.features))
  }
}

/// BigGAN's generator, in both forms, for classes, instances or both.
final class BigGANGenerator: Module {
  let classEmbedding: Embedding?
  let featureProjection: Linear?
  let projection: Linear
  let blocks: [[any ConditionedLayer]]
  let outputLayer: Sequential
  private let bottomWidth: Int
  private let chunk: Int?
  private let isDeep: Bool
  /// Whether blocks are computed once more in the backward pass.
  private let checkpointsBlocks: Bool

  /// The authors' names: `shared.weight`, `linear.weight`, `blocks.0.0.bn1.gain.weight`,
  /// `output_layer.0.gain`.
  static let authorsNames = KeyMap(
    [
      "class_embedding": "shared", "feature_projection": "shared_feat", "projection": "linear",
      "output_layer.0.weight": "output_layer.0.gain",
    ],
    components: [
      "norm1": "bn1", "norm2": "bn2", "norm3": "bn3", "norm4": "bn4", "shortcut": "conv_sc",
      "running_mean": "stored_mean", "running_var": "stored_var",
    ], normLayout: .bigGAN)

  init(
    _ configuration: some BigGANNetworkConfiguration, _ architecture: BigGANArchitecture,
    using stream: RandomStream
  ) {
    let layers = BigGANLayers(
      normalization: configuration.generatorSpectralNorm ? configuration.spectral : nil)
    bottomWidth = configuration.bottomWidth
    isDeep = configuration.isDeep
    checkpointsBlocks = configuration.gradientCheckpointing
    chunk = configuration.hierarchicalLatent && !configuration.isDeep ? configuration.latentChunk : nil
    let latent = configuration.effectiveLatentSize
    let size = configuration.conditionSize
    let condition: NormCondition =
      configuration.sharedEmbedding
      ? .vector(size + (isDeep ? latent : chunk ?? 0)) : .classes(configuration.classes)
    // The authors make a shared table for unlabelled systems too, and never look at it.
    classEmbedding =
      configuration.sharedEmbedding
      ? Embedding(count: configuration.classes, features: configuration.embeddingSize, using: stream) : nil
    featureProjection = configuration.sharedFeatureSize.map {
      layers.linear(configuration.instanceFeatureSize ?? $0, $0, using: stream)
    }
    let widths = architecture.generator.map { $0 * configuration.generatorChannels }
    projection = layers.linear(
      isDeep ? latent + size : chunk ?? latent, widths[0] * bottomWidth * bottomWidth, using: stream)
    var blocks: [[any ConditionedLayer]] = []
    for (stage, resolution) in architecture.generatorResolutions.enumerated() {
      let (inputs, outputs) = (widths[stage], widths[stage + 1])
      if configuration.isDeep {
        for depth in 0..<configuration.generatorDepth {
          blocks.append([
            BigGANDeepGeneratorBlock(
              inputs, depth == 0 ? inputs : outputs, doubles: depth == configuration.generatorDepth - 1,
              condition: condition, epsilon: configuration.normEpsilon, layers: layers, using: stream)
          ])
        }
      } else {
        blocks.append([
          BigGANGeneratorBlock(
            inputs, outputs, condition: condition, epsilon: configuration.normEpsilon, layers: layers,
            using: stream)
        ])
      }
      if configuration.generatorAttention.contains(resolution) {
        blocks[blocks.count - 1].append(SelfAttention2d(channels: outputs, layers: layers, using: stream))
      }
    }
    self.blocks = blocks
    let last = widths[widths.count - 1]
    // The authors leave this norm's epsilon at PyTorch's whatever the others have.
    outputLayer = Sequential(
      BatchNorm2d(channels: last, countsBatches: false), ReLU(),
      layers.convolution(last, configuration.imageChannels, using: stream))
    super.init()
  }

  /// The condition as the norms see it: the class's embedding, then the instance's features; a class index
  /// itself where each norm has a table of its own.
  func embedded(_ condition: BigGANCondition) -> Tensor {
    var parts: [Tensor] = []
    if let label = condition.label {
      guard let classEmbedding else { return label }
      parts.append(classEmbedding(label))
    }
    if let features = condition.features { parts.append(featureProjection?(features) ?? features) }
    return parts.count == 1 ? parts[0] : .concatenated(parts, dim: -1)
  }

  /// Images in -1 … 1 for latents `[batch, latent]`.
  func callAsFunction(_ latent: Tensor, _ condition: BigGANCondition) -> Tensor {
    callAsFunction(latent, embedded: embedded(condition))
  }

  /// Images in -1 … 1 for latents `[batch, latent]` and what ``embedded(_:)`` gave, or a mixture of it.
  func callAsFunction(_ latent: Tensor, embedded: Tensor) -> Tensor {
    var first = latent
    var conditions: [Tensor]
    if isDeep {
      first = .concatenated([embedded, latent], dim: 1)
      conditions = [Tensor](repeating: first, count: blocks.count)
    } else if let chunk {
      let chunks = latent.split(sizes: [Int](repeating: chunk, count: blocks.count + 1), dim: 1)
      first = chunks[0]
      conditions = chunks.dropFirst().map { .concatenated([embedded, $0], dim: 1) }
    } else {
      conditions = [Tensor](repeating: embedded, count: blocks.count)
    }
    let projected = projection(first)
    let channels = projected.shape[1] / (bottomWidth * bottomWidth)
    // Without the number of images, which a recording would keep.
    var h = projected.reshaped([-1, channels, bottomWidth, bottomWidth]).channelsLast()
    for (block, condition) in zip(blocks, conditions) {
      for layer in block {
        h = layer.checkpointed([h, condition], when: checkpointsBlocks) { layer($0[0], $0[1]) }
      }
    }
    return outputLayer(h).tanh()
  }
}

/// BigGAN's projection discriminator, in both forms, for classes, instances or both.
final class BigGANDiscriminator: Module {
  let stem: Conv2d?
  let blocks: [[any Layer]]
  let output: Linear
  let featureProjection: Linear?
  let classEmbedding: Embedding?

  /// The authors' names: `blocks.0.0.conv1.weight`, `linear.weight`, `embed.weight`, `linear_feat.weight`.
  static let authorsNames = KeyMap(
    [
      "stem": "input_conv", "output": "linear", "feature_projection": "linear_feat",
      "class_embedding": "embed",
    ],
    components: ["shortcut": "conv_sc"], normLayout: .bigGAN)

  init(
    _ configuration: some BigGANNetworkConfiguration, _ architecture: BigGANArchitecture,
    using stream: RandomStream
  ) {
    let layers = BigGANLayers(normalization: configuration.spectral)
    let widths = architecture.discriminator.map { $0 * configuration.discriminatorChannels }
    stem =
      configuration.isDeep ? layers.convolution(configuration.imageChannels, widths[0], using: stream) : nil
    let inputs = configuration.isDeep ? widths : [configuration.imageChannels] + widths
    var blocks: [[any Layer]] = []
    for (stage, halves) in architecture.halves.enumerated() {
      let outputs = inputs[stage + 1]
      var block: [any Layer] = []
      if configuration.isDeep {
        for depth in 0..<configuration.discriminatorDepth {
          block.append(
            BigGANDeepDiscriminatorBlock(
              depth == 0 ? inputs[stage] : outputs, outputs, halves: halves && depth == 0, layers: layers,
              using: stream))
        }
      } else {
        block.append(
          BigGANDiscriminatorBlock(
            inputs[stage], outputs, isWide: configuration.discriminatorWide, isFirst: stage == 0,
            halves: halves, layers: layers, using: stream))
      }
      if configuration.discriminatorAttention.contains(architecture.discriminatorResolutions[stage]) {
        block.append(SelfAttention2d(channels: outputs, layers: layers, using: stream))
      }
      blocks.append(block)
    }
    self.blocks = blocks
    let last = widths[widths.count - 1]
    output = layers.linear(last, 1, using: stream)
    // With both conditions each has a half of the features to itself.
    let isDouble = configuration.classConditional && configuration.instanceFeatureSize != nil
    let share = isDouble ? last / 2 : last
    featureProjection = configuration.instanceFeatureSize.map { layers.linear($0, share, using: stream) }
    classEmbedding =
      configuration.classConditional
      ? Embedding(
        count: configuration.classes, features: share, normalization: configuration.spectral, using: stream)
      : nil
    super.init()
  }

  /// Scores `[batch, 1]` of images in -1 … 1: a linear function of the pooled features h, plus h · embedding.
  func callAsFunction(_ image: Tensor, _ condition: BigGANCondition) -> Tensor {
    var h = image.channelsLast()
    if let stem { h = stem(h) }
    for block in blocks {
      for layer in block { h = layer(h) }
    }
    let pooled = h.relu().sum(dims: [2, 3])
    let parts = [
      condition.label.flatMap { label in classEmbedding.map { $0(label) } },
      condition.features.flatMap { features in featureProjection.map { $0(features) } },
    ].compactMap { $0 }
    let score = output(pooled)
    guard !parts.isEmpty else { return score }
    let embedding = parts.count == 1 ? parts[0] : Tensor.concatenated(parts, dim: -1)
    return score + (embedding * pooled).sum(dims: [1], keepDim: true)
  }
}
