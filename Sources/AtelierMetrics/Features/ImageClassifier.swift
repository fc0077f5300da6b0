public import Foundation
public import Torch
public import TorchNN

/// A small convolutional classifier, trained by Atelier to evaluate class-conditional samples, and as a
/// feature source where the FID paper's Inception network is not meaningful.
///
/// Not from a paper: stages of convolution, batch norm and ReLU halve the image to at most 8 × 8, with one
/// more stage at that size; then a hidden linear layer, whose ReLU gives the features, and the output layer.
/// To save time maps are halved early, by pooling before the norm for small images and otherwise by the
/// convolution's stride.
public final class ImageClassifier: Module, FeatureSource {
  /// The architecture.
  public struct Configuration: Codable, Sendable, Hashable {
    /// The number of classes.
    public var classes: Int
    /// The number of channels, 1 … 4.
    public var channels: Int
    /// Height of the images in pixels, at least 8.
    public var height: Int
    /// Width of the images in pixels, at least 8.
    public var width: Int
    /// Channels of the first stage; the later ones have twice as many.
    public var baseChannels: Int
    /// Length of the feature vectors.
    public var featureSize: Int

    /// An architecture for images of the given size.
    public init(
      classes: Int, channels: Int, height: Int, width: Int, baseChannels: Int = 32, featureSize: Int = 128
    ) {
      self.classes = classes
      self.channels = channels
      self.height = height
      self.width = width
      self.baseChannels = baseChannels
      self.featureSize = featureSize
    }

    /// - Throws: `MetricError` that names the first invalid value.
    public func validate() throws {
      guard classes >= 2, classes <= 100_000 else {
        throw MetricError("a classifier needs at least two classes, not \(classes); give labelled images")
      }
      guard (1...4).contains(channels), (8...4096).contains(height), (8...4096).contains(width) else {
        throw MetricError(
          "the classifier takes images of 1 to 4 channels and 8 to 4096 pixels per side, "
            + "not \(channels) × \(height) × \(width); resize them")
      }
      guard (1...1024).contains(baseChannels), (1...65536).contains(featureSize) else {
        throw MetricError(
          "a classifier of \(baseChannels) base channels and \(featureSize) features cannot be built; "
            + "choose up to 1024 and 65536")
      }
    }
  }

  /// How a classifier was trained, and its accuracy; stored in its file.
  public struct Report: Codable, Sendable, Hashable {
    /// The accuracy on the test images, 0 … 1.
    public var testAccuracy: Double
    /// The number of test images.
    public var testCount: Int
    /// The number of training images.
    public var trainingCount: Int
    /// The number of training steps.
    public var steps: Int
    /// Whether the time limit shortened the training, so that another machine would give another network.
    public var wasShortened: Bool
    /// The fingerprint of data and settings; equal trainings have equal ones.
    public var fingerprint: String
  }

  /// The architecture.
  public let configuration: Configuration
  /// The training report; nil for an untrained network.
  public internal(set) var report: Report?

  private let stages: [ConvolutionStage]
  private let hidden: Linear
  private let output: Linear

  /// An untrained network.
  ///
  /// - Throws: `MetricError` for an invalid configuration.
  public init(_ configuration: Configuration, using stream: RandomStream) throws {
    try configuration.validate()
    self.configuration = configuration
    let wide = configuration.baseChannels * 2
    var (height, width) = (configuration.height / 2, configuration.width / 2)
    let isSmall = max(configuration.height, configuration.width) <= 32
    var stages = [
      ConvolutionStage(
        configuration.channels, configuration.baseChannels, kernelSize: isSmall ? 3 : 4,
        stride: isSmall ? 1 : 2,
        pools: isSmall, stream)
    ]
    var channels = configuration.baseChannels
    while stages.count < 2 || max(height, width) > 8 {
      stages.append(ConvolutionStage(channels, wide, kernelSize: 3, stride: 2, stream))
      (height, width, channels) = ((height + 1) / 2, (width + 1) / 2, wide)
    }
    stages.append(ConvolutionStage(wide, wide, kernelSize: 3, stride: 1, stream))
    self.stages = stages
    hidden = Linear(
      inputFeatures: wide * height * width, outputFeatures: configuration.featureSize, using: stream)
    output = Linear(
      inputFeatures: configuration.featureSize, outputFeatures: configuration.classes, using: stream)
    super.init()
  }

  /// `classifier-` and the beginning of the fingerprint of data and settings.
  public var name: String { "classifier-" + (report.map { String($0.fingerprint.prefix(8)) } ?? "untrained") }

  /// The name and the classifier's own test accuracy.
  public var provenance: Provenance {
    var result: Provenance = ["features": name]
    if let report { result["classifierAccuracy"] = String(format: "%.4f", report.testAccuracy) }
    return result
  }

  /// The hidden layer `[n, featureSize]` of images `[n, channels, height, width]` in -1 … 1, in the current
  /// mode.
  func hiddenFeatures(_ images: Tensor) -> Tensor {
    let expected = [configuration.channels, configuration.height, configuration.width]
    check(
      images.rank == 4 && Array(images.shape.dropFirst()) == expected,
      "the classifier takes images [n] + \(expected), not \(images.shape)")
    var x = images.channelsLast()
    for stage in stages { x = stage(x) }
    return hidden(x.flattened(from: 1)).relu()
  }

  /// The logits `[n, classes]` in the current mode, with gradients, for training.
  func logitsOfHidden(_ hidden: Tensor) -> Tensor { output(hidden) }

  /// The features `[n, featureSize]` of images `[n, channels, height, width]` in -1 … 1, in evaluation
  /// mode and without gradients.
  public func features(_ images: Tensor) -> Tensor {
    evaluating { withoutGradients { hiddenFeatures(images) } }
  }

  /// The logits `[n, classes]` of many images, bytes or in -1 … 1, computed in batches.
  public func logits(_ images: Tensor, batchSize: Int = 250) -> Tensor {
    inBatches(images, batchSize) { output(features($0)) }
  }

  /// The logits `[n, classes]` of features from ``features(_:)``.
  public func logits(ofFeatures features: Tensor) -> Tensor { withoutGradients { output(features) } }
}

/// Convolution, optional 2 × 2 max pooling, batch norm, ReLU.
final class ConvolutionStage: Module, Layer {
  private let convolution: Conv2d
  private let norm: BatchNorm2d
  private let pools: Bool

  init(
    _ inputs: Int, _ outputs: Int, kernelSize: Int, stride: Int, pools: Bool = false, _ stream: RandomStream
  ) {
    self.pools = pools
    // No bias, as the norm would cancel it.
    convolution = Conv2d(
      inputChannels: inputs, outputChannels: outputs, kernelSize: kernelSize, stride: stride, padding: 1,
      hasBias: false, using: stream)
    norm = BatchNorm2d(channels: outputs)
    // Channels-last weights make the engine compute in that layout, which halves the time of a step. With one
    // channel `channelsLast()` treats both layouts as equal and changes nothing, so the weight is allocated
    // with the strides of that layout.
    let weight = convolution.weight.detached()
    let (height, width) = (weight.shape[2], weight.shape[3])
    let ordered = Tensor.zeros([outputs, height, width, inputs]).permuted([0, 3, 1, 2])
    ordered.copy(from: weight)
    convolution.weight = ordered
    super.init()
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    let x = convolution(x)
    return norm(pools ? maxPool2d(x, kernelSize: (2, 2)) : x).relu()
  }
}

// MARK: - Files

extension ImageClassifier {
  private static var format: String { "atelier-image-classifier" }

  /// Writes the weights, the configuration and the report as one safetensors file.
  ///
  /// - Throws: `FileFormatError` when the file cannot be written.
  public func save(to url: URL) throws {
    try NetworkFile.write(
      self, format: Self.format, configuration: configuration, report: report,
      fingerprint: report?.fingerprint, to: url)
  }

  /// Reads a file written by ``save(to:)``; the network is in evaluation mode.
  ///
  /// - Throws: `FileFormatError` when the file is missing, damaged or holds something else;
  ///   `CheckpointError` when its weights do not fit its configuration.
  public static func load(from url: URL) throws -> ImageClassifier {
    let read: (network: ImageClassifier, report: Report?) = try NetworkFile.read(
      url, format: format,
      problem: "it does not hold an image classifier of Atelier; delete it and train one anew"
    ) { (configuration: Configuration) in
      try ImageClassifier(configuration, using: RandomStream(seed: 0))
    }
    read.network.report = read.report
    return read.network
  }
}
