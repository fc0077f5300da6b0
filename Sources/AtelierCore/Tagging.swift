public import Torch
public import TorchNN

/// A system that finds words for an image's features.
public protocol TaggingSystem: GenerativeSystem {
  /// The words it knows, the most frequent tag of the training data first.
  var tagNames: [String] { get }

  /// How tags are found, in words for a record of measurements.
  var taggingProtocol: String { get }

  /// Tags for features `[images, size]`, for each image numbers into ``tagNames``, the best first.
  ///
  /// - Parameter count: how many tags an image gets at most.
  func tags(for features: Tensor, count: Int, draws: any Draws) throws -> [[Int]]
}
