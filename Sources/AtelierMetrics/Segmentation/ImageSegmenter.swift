public import Foundation
public import Torch
public import TorchNN

/// A small U-Net for semantic segmentation, trained by Atelier on real images and their label maps, to
/// evaluate images generated from maps by comparing its predictions with the maps.
///
/// Not from a paper. Three stages of convolution, batch norm and ReLU down and three up, with skip
/// connections. Published numbers need the published network; numbers of this one can be compared with each
/// other and with those of real images.
public final class ImageSegmenter: Module {
  /// The architecture.
  public struct Configuration: Codable, Sendable, Hashable {
    /// The number of classes.
    public var classes: Int
    /// Channels of the first stage; the deeper ones have 2, 4 and 4 times as many.
    public var baseChannels: Int

    /// An architecture for a number of classes.
    public init(classes: Int, baseChannels: Int = 24) {
      self.classes = classes
      self.baseChannels = baseChannels
    }

    /// - Throws: `MetricError` that names the first invalid value.
    public func validate() throws {
      guard (2...4096).contains(classes), (1...512).contains(baseChannels) else {
        throw MetricError(
          "a segmenter has 2 to 4096 classes and 1 to 512 base channels, not \(classes) and \(baseChannels)")
      }
    }
  }

  /// How a segmenter was trained, and its scores on real images; stored in its file.
  public struct Report: Codable, Sendable, Hashable {
    /// Mean intersection over union on held-out real images, 0 … 1: an upper bound for generated ones.
    public var meanIntersectionOverUnion: Double
    /// The pixel accuracy on them.
    public var pixelAccuracy: Double
    /// The number of held-out images.
    public var testCount: Int
    /// The number of training images.
    public var trainingCount: Int
    /// The number of training steps.
    public var steps: Int
    /// Whether the time limit shortened the training.
    public var wasShortened: Bool
    /// The fingerprint of data and settings.
    public var fingerprint: String
    /// The time limit of the training in seconds; nil in older files.
    public var seconds: Double?
  }

  /// The architecture.
  public let configuration: Configuration
  /// The training report; nil for an untrained network.
  public internal(set) var report: Report?
  private let down: [ConvolutionStage]
  private let up: [ConvolutionStage]
  private let output: Conv2d

  /// An untrained network.
  ///
  /// - Throws: `MetricError` for an invalid configuration.
  public init(_ configuration: Configuration, using stream: RandomStream) throws {
    try configuration.validate()
    self.configuration = configuration
    let base = configuration.baseChannels
    let widths = [base, 2 * base, 4 * base, 4 * base]
    down = zip([3] + widths, widths).enumerated().map { level, pair in
      ConvolutionStage(pair.0, pair.1, kernelSize: 3, stride: level == 0 ? 1 : 2, stream)
    }
    up = (0..<3).map { level in
      let (below, beside) = (level == 0 ? widths[3] : widths[3 - level], widths[2 - level])
      return ConvolutionStage(below + beside, beside, kernelSize: 3, stride: 1, stream)
    }
    output = Conv2d(inputChannels: base, outputChannels: configuration.classes, kernelSize: 1, using: stream)
    super.init()
  }

  /// Logits `[n, classes, height, width]` of images `[n, 3, height, width]` in -1 … 1, in the current mode.
  func logits(_ images: Tensor) -> Tensor {
    check(
      images.rank == 4 && images.shape[1] == 3, "a segmenter takes [n, 3, height, width], not \(images.shape)"
    )
    var x = images.channelsLast()
    var passed: [Tensor] = []
    for stage in down {
      x = stage(x)
      passed.append(x)
    }
    for (level, stage) in up.enumerated() {
      let beside = passed[2 - level]
      let larger = upsampleNearest(x, size: (beside.shape[2], beside.shape[3]))
      x = stage(.concatenated([larger, beside], dim: 1))
    }
    return output(x)
  }

  /// The class of every pixel, int64 `[n, height, width]`, of images, bytes or in -1 … 1, computed in
  /// batches.
  public func segment(_ images: Tensor, batchSize: Int = 16) -> Tensor {
    evaluating { inBatches(images, batchSize) { self.logits($0).argmax(dim: 1) } }
  }
}

// MARK: - Files

extension ImageSegmenter {
  private static var format: String { "atelier-picture-segmenter" }

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
  public static func load(from url: URL) throws -> ImageSegmenter {
    let read: (network: ImageSegmenter, report: Report?) = try NetworkFile.read(
      url, format: format, problem: "it does not hold a segmenter of Atelier; delete it and train one anew"
    ) { (configuration: Configuration) in
      try ImageSegmenter(configuration, using: RandomStream(seed: 0))
    }
    read.network.report = read.report
    return read.network
  }
}
