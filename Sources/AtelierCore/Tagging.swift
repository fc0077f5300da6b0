public import Torch
public import TorchNN

/// A system that finds words for a picture's features.
public protocol TaggingSystem: GenerativeSystem {
  /// The words it knows, the most frequent tag of the training data first.
  var tagNames: [String] { get }

  /// How tags are found, in words for a record of measurements.
  var taggingProtocol: String { get }

  /// Tags for features `[pictures, size]`, for each picture numbers into ``tagNames``, the best first.
  ///
  /// - Parameter count: how many tags a picture gets at most.
  func tags(for features: Tensor, count: Int, draws: any Draws) throws -> [[Int]]
}
