/// The range of image values that a network works in.
public enum ImageRange: String, Sendable, Hashable, Codable {
  /// -1 … 1, the range of tanh.
  case signed
  /// 0 … 1, the range of a sigmoid.
  case unit
}

/// The kind and shape of a field of a batch.
public enum FieldKind: Sendable, Hashable {
  /// float32 `[batch, channels, height, width]`.
  case image(channels: Int, height: Int, width: Int, range: ImageRange)
  /// int64 class indices `[batch, height, width]`.
  case labelMap(classes: Int, height: Int, width: Int)
  /// int64 class indices `[batch, time, height, width]`: a label map for each frame of a video.
  case labelMaps(classes: Int, frames: Int, height: Int, width: Int)
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
  /// float32 `[batch, bands, frames]`: how strong each band of a sound is in each of its frames, low bands first.
  case spectrogram(bands: Int, frames: Int)
  /// int64 token indices `[batch, time]` of sequences of varying length, padded at the end with `padding` to
  /// the longest of the batch; a sequence has at most `longest` tokens.
  case sequence(vocabulary: Int, longest: Int, padding: Int)
  /// int64 class indices `[batch, time]`, one per frame: actions, phonemes.
  case labels(classes: Int, length: Int)
  /// A text, which is not a tensor.
  case text
}

extension FieldKind {
  /// `[channels, height, width]` of images; nil for any other kind.
  public var imageShape: [Int]? {
    if case .image(let channels, let height, let width, _) = self { [channels, height, width] } else { nil }
  }
}

/// A named part of a batch.
public struct Field: Sendable, Hashable {
  /// The name, also of the tensors in reference cases: `image`, `label`, `token`, …
  public let name: String
  /// The kind and shape.
  public let kind: FieldKind

  /// A field of the given name and kind.
  public init(_ name: String, _ kind: FieldKind) {
    self.name = name
    self.kind = kind
  }
}
