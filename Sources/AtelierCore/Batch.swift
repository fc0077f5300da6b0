public import Torch

/// The range of picture values that a network works in.
public enum ImageRange: String, Sendable, Hashable, Codable {
  /// -1 … 1, what tanh gives.
  case signed
  /// 0 … 1, what a sigmoid gives.
  case unit
}

/// What one field of a batch holds. The few kinds that all systems share.
public enum FieldKind: Sendable, Hashable {
  /// float32 `[batch, channels, height, width]`.
  case image(channels: Int, height: Int, width: Int, range: ImageRange)
  /// int64 class indices `[batch, height, width]`.
  case labelMap(classes: Int, height: Int, width: Int)
  /// int64 class indices `[batch]`.
  case label(classes: Int)
  /// int64 token indices `[time, batch]`.
  case tokens(vocabulary: Int, length: Int)
  /// float32 samples `[batch, channels, samples]` in -1 … 1.
  case audio(channels: Int, samples: Int)
  /// float32 `[batch, time, channels, height, width]`.
  case video(frames: Int, channels: Int, height: Int, width: Int, range: ImageRange)
  /// float32 vectors `[batch, size]`.
  case features(size: Int)
}

/// A named part of a batch.
public struct Field: Sendable, Hashable {
  /// The name, also of the tensors in reference cases: `image`, `label`, `token`, …
  public let name: String
  /// What it holds.
  public let kind: FieldKind

  /// Declares a part of a batch.
  public init(_ name: String, _ kind: FieldKind) {
    self.name = name
    self.kind = kind
  }
}

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
