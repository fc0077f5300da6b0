public import Torch

/// One batch of examples: named tensors, ready for the networks.
public struct Batch {
  /// The tensors by field name.
  public let tensors: [String: Tensor]
  /// Whether this batch begins a new pass over a sequence, so that carried state starts at zero.
  public let isFirst: Bool

  /// Collects the fields of a batch.
  public init(_ tensors: [String: Tensor], isFirst: Bool = false) {
    self.tensors = tensors
    self.isFirst = isFirst
  }

  /// The tensor of a field; asking for one that the system did not declare is an engine error.
  public subscript(name: String) -> Tensor {
    if let tensor = tensors[name] { return tensor }
    check(false, "the batch has no field '\(name)', only \(tensors.keys.sorted())")
    return .zeros([1])
  }
}

/// Where a step's batches come from: a loader, a text, or the recorded tensors of a reference case.
public protocol BatchSource: AnyObject {
  /// The next batch, on the device and in the ranges that the system's fields declare.
  func next() throws -> Batch
}
