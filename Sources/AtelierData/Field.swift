/// The range of image values that a network works in.
public enum ImageRange: String, Sendable, Hashable, Codable {
  /// -1 … 1, what tanh gives.
  case signed
  /// 0 … 1, what a sigmoid gives.
  case unit
}

/// What one field of a batch holds.
public enum FieldKind: Sendable, Hashable {
  /// float32 `[batch, channels, height, width]`.
  case image(channels: Int, height: Int, width: Int, range: ImageRange)
  /// int64 class indices `[batch, height, width]`.
  case labelMap(classes: Int, height: Int, width: Int)
  /// int64 class indices `[batch]`.
  case label(classes: Int)
  /// int64 token indices `[time, batch]`.
  case tokens(vocabulary: Int, length: Int)
  /// float32 samples `[batch, channels, samples]` in -1 … 1, `sampleRate` of them a second.
  case audio(channels: Int, samples: Int, sampleRate: Int)
  /// float32 `[batch, time, channels, height, width]`.
  case video(frames: Int, channels: Int, height: Int, width: Int, range: ImageRange)
  /// float32 vectors `[batch, size]`.
  case features(size: Int)
  /// int64 token indices `[batch, time]` of sequences of different lengths, padded at the end to the longest
  /// of the batch with `padding`; a sequence has at most `longest` tokens.
  case sequence(vocabulary: Int, longest: Int, padding: Int)
  /// int64 class indices `[batch, time]`, one a frame: actions, phonemes.
  case labels(classes: Int, length: Int)
  /// A text, which is no tensor.
  case text
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
