public import Foundation
public import Torch
public import TorchNN

/// A small self-supervised feature extractor: SimCLR, trained by Atelier on the images of a data set.
///
/// Two random views of an image should have similar features, distinct from those of the other images in the
/// batch. Source: Chen et al. 2020, "A Simple Framework for Contrastive Learning of Visual Representations"
/// (loss, projection head, kinds of augmentation). Not the paper's network: the convolution stages of
/// ``ImageClassifier``, global average pooling, a linear layer. Colour jitter changes brightness, contrast
/// and saturation or turns images grey, without hue and blur.
public final class InstanceEmbedder: Module, FeatureSource {
  /// The architecture.
  public struct Configuration: Codable, Sendable, Hashable {
    /// The number of channels, 1 … 4.
    public var channels: Int
    /// Height of the images in pixels, at least 8.
    public var height: Int
    /// Width of the images in pixels, at least 8.
    public var width: Int
    /// Channels of the first stage; the later ones have two and four times as many.
    public var baseChannels: Int
    /// Length of the feature vectors.
    public var featureSize: Int

    /// An architecture for images of the given size.
    public init(channels: Int, height: Int, width: Int, baseChannels: Int = 32, featureSize: Int = 128) {
      self.channels = channels
      self.height = height
      self.width = width
      self.baseChannels = baseChannels
      self.featureSize = featureSize
    }

    /// - Throws: `MetricError` that names the first invalid value.
    public func validate() throws {
      guard (1...4).contains(channels), (8...4096).contains(height), (8...4096).contains(width) else {
        throw MetricError(
          "the embedder takes images of 1 to 4 channels and 8 to 4096 pixels per side, "
            + "not \(channels) × \(height) × \(width); resize them")
      }
      guard (1...1024).contains(baseChannels), (1...65536).contains(featureSize) else {
        throw MetricError(
          "an embedder of \(baseChannels) base channels and \(featureSize) features cannot be built; "
            + "choose up to 1024 and 65536")
      }
    }
  }

  /// How an embedder was trained; stored in its file.
  public struct Report: Codable, Sendable, Hashable {
    /// The number of training images.
    public var trainingCount: Int
    /// The number of training steps.
    public var steps: Int
    /// The mean loss of the last tenth of the steps, in nats.
    public var loss: Double
    /// Whether the time limit shortened the training, so that another machine would give another network.
    public var wasShortened: Bool
    /// The fingerprint of data and settings.
    public var fingerprint: String
  }

  /// The architecture.
  public let configuration: Configuration
  /// The training report; nil for an untrained network.
  public internal(set) var report: Report?

  private let stages: [ConvolutionStage]
  private let output: Linear
  private let headHidden: Linear
  private let headOutput: Linear

  /// An untrained network.
  ///
  /// - Throws: `MetricError` for an invalid configuration.
  public init(_ configuration: Configuration, using stream: RandomStream) throws {
    try configuration.validate()
    self.configuration = configuration
    var side = max(configuration.height, configuration.width) / 2
    var channels = configuration.baseChannels
    var stages = [
      ConvolutionStage(
        configuration.channels, channels, kernelSize: 3, stride: side > 16 ? 2 : 1, pools: side <= 16, stream)
    ]
    while side > 4 {
      let next = min(channels * 2, configuration.baseChannels * 4)
      stages.append(ConvolutionStage(channels, next, kernelSize: 3, stride: 2, stream))
      (channels, side) = (next, (side + 1) / 2)
    }
    stages.append(ConvolutionStage(channels, channels, kernelSize: 3, stride: 1, stream))
    self.stages = stages
    output = Linear(inputFeatures: channels, outputFeatures: configuration.featureSize, using: stream)
    headHidden = Linear(
      inputFeatures: configuration.featureSize, outputFeatures: configuration.featureSize, using: stream)
    headOutput = Linear(inputFeatures: configuration.featureSize, outputFeatures: 64, using: stream)
    super.init()
  }

  /// `simclr-` and the beginning of the fingerprint of data and settings.
  public var name: String { "simclr-" + (report.map { String($0.fingerprint.prefix(8)) } ?? "untrained") }

  /// The features in the current mode: `[n, featureSize]` of images in -1 … 1.
  func embedded(_ images: Tensor) -> Tensor {
    let expected = [configuration.channels, configuration.height, configuration.width]
    check(
      images.rank == 4 && Array(images.shape.dropFirst()) == expected,
      "the embedder takes images [n] + \(expected), not \(images.shape)")
    var x = images.channelsLast()
    for stage in stages { x = stage(x) }
    return output(x.mean(dims: [2, 3]))
  }

  /// The projection `[n, 64]` for the loss: the features after a head that is dropped after training.
  func projected(_ features: Tensor) -> Tensor { headOutput(headHidden(features).relu()) }

  /// The features `[n, featureSize]` of images `[n, channels, height, width]` in -1 … 1, in evaluation mode
  /// and without gradients.
  public func features(_ images: Tensor) -> Tensor { evaluating { withoutGradients { embedded(images) } } }

  /// NT-Xent, equation 1 of Chen et al. 2020: the cross-entropy of finding a view's partner among all other
  /// views, with cosine similarities divided by the temperature.
  ///
  /// - Parameters:
  ///   - a: projections of the first views `[n, size]`; `b` those of the second views, in the same order.
  public static func contrastiveLoss(_ a: Tensor, _ b: Tensor, temperature: Double) -> Tensor {
    let joined = Tensor.concatenated([a, b], dim: 0)
    let unit = joined / joined.norm(dims: [1], keepDim: true).clamped(min: 1e-8)
    let count = a.shape[0]
    // A view is not its own candidate.
    let similarity =
      unit.matmul(unit.transposed(0, 1)) / temperature
      - Tensor.eye(2 * count).to(unit.device) * 1e9
    let partners = Tensor((0..<(2 * count)).map { ($0 + count) % (2 * count) }, device: unit.device)
    return crossEntropy(similarity, partners)
  }
}

// MARK: - Files

extension InstanceEmbedder {
  private static var format: String { "atelier-instance-embedder" }

  /// Writes the weights, the configuration and the report as one safetensors file.
  ///
  /// - Throws: `FileFormatError` when the file cannot be written.
  public func save(to url: URL) throws {
    try NetworkFile.write(
      self, format: Self.format, configuration: configuration, report: report, to: url)
  }

  /// Reads a file written by ``save(to:)``; the network is in evaluation mode.
  ///
  /// - Throws: `FileFormatError` when the file is missing, damaged or holds something else;
  ///   `CheckpointError` when its weights do not fit its configuration.
  public static func load(from url: URL) throws -> InstanceEmbedder {
    let read: (network: InstanceEmbedder, report: Report?) = try NetworkFile.read(
      url, format: format, problem: "it does not hold an embedder of Atelier"
    ) { (configuration: Configuration) in
      try InstanceEmbedder(configuration, using: RandomStream(seed: 0))
    }
    read.network.report = read.report
    return read.network
  }
}
