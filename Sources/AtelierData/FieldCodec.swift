public import AtelierMedia
public import Torch

/// How the values of a field are read from files and texts, which range they have, how they are written, and
/// how they are shown: the one place for each ``FieldKind``.
///
/// ```swift
/// let codec = FieldCodec(field.kind, names: names)
/// let value = try codec.read(file)                             // as a batch of one
/// for shown in try codec.shown(.tensor(batch)) { … }           // an image, a sound, frames, a text
/// try codec.encoded(.tensor(batch))[0].write(to: folder.appendingPathComponent("result"))
/// ```
public struct FieldCodec: Sendable {
  /// The values of a batch.
  public enum Value: Sendable, Hashable {
    /// A tensor in the shape, type and range that the kind has in a batch.
    case tensor(HostTensor)
    /// A text, which is no tensor.
    case text(String)
  }

  /// One example as people see, hear or read it.
  public enum Shown: Sendable, Hashable {
    case image(Image)
    case audio(Audio)
    case video([Image], FrameRate)
    case text(String)
  }

  /// What the field holds.
  public var kind: FieldKind
  /// What its numbers stand for.
  public var names: FieldNames
  /// How fast frames follow each other, which tensors do not say; nil: 25 a second.
  public var frameRate: FrameRate?
  /// The programs that read and write videos.
  public var ffmpeg: FFmpeg

  /// A codec for values of a kind.
  public init(
    _ kind: FieldKind, names: FieldNames = FieldNames(), frameRate: FrameRate? = nil,
    ffmpeg: FFmpeg = .standard
  ) {
    self.kind = kind
    self.names = names
    self.frameRate = frameRate
    self.ffmpeg = ffmpeg
  }
}

extension ImageRange {
  /// What black and white are.
  public var bounds: ClosedRange<Float> { self == .signed ? -1...1 : 0...1 }
}

extension FieldKind {
  /// What the smallest and largest values are, silence being 0; nil for numbers without bounds, indices and
  /// texts.
  public var bounds: ClosedRange<Float>? {
    switch self {
    case .image(_, _, _, let range), .video(_, _, _, _, let range): range.bounds
    case .audio: -1...1
    case .labelMap, .labelMaps, .label, .tokens, .sequence, .labels, .features, .spectrogram, .text: nil
    }
  }

  /// What it is called in errors.
  var title: String {
    switch self {
    case .image: "image"
    case .labelMap: "label map"
    case .labelMaps: "video of label maps"
    case .label: "class"
    case .tokens: "text of tokens"
    case .audio: "sound"
    case .video: "video"
    case .features: "feature vector"
    case .spectrogram: "spectrogram"
    case .sequence: "sequence"
    case .labels: "sequence of classes"
    case .text: "text"
    }
  }

  /// The axes of a batch's tensor; nil for what is no tensor.
  var axes: [String]? {
    switch self {
    case .image: ["batch", "channels", "height", "width"]
    case .labelMap: ["batch", "height", "width"]
    case .labelMaps: ["batch", "time", "height", "width"]
    case .label: ["batch"]
    case .tokens: ["time", "batch"]
    case .audio: ["batch", "channels", "samples"]
    case .video: ["batch", "time", "channels", "height", "width"]
    case .features: ["batch", "size"]
    case .spectrogram: ["batch", "bands", "frames"]
    case .sequence, .labels: ["batch", "time"]
    case .text: nil
    }
  }

  /// How many classes or tokens there are; nil for what is no index.
  var indices: Int? {
    switch self {
    case .labelMap(let count, _, _), .labelMaps(let count, _, _, _), .label(let count), .labels(let count, _):
      count
    case .tokens(let count, _), .sequence(let count, _, _): count
    case .image, .audio, .video, .features, .spectrogram, .text: nil
    }
  }
}

extension FieldCodec {
  /// The examples of a value, each in the shape of its kind without the batch axis, after their shape, type
  /// and numbers were checked.
  ///
  /// - Throws: ``DatasetError/invalid(reason:)`` for another shape than the kind has, for NaN, for an infinite
  ///   sample or feature, and for an index of no class or token.
  func examples(_ value: Value) throws(DatasetError) -> [HostTensor] {
    guard case .tensor(let tensor) = value, let axes = kind.axes else {
      throw .invalid(reason: "a \(kind.title) is \(kind.axes == nil ? "no tensor" : "a tensor and no text")")
    }
    let shape = tensor.shape
    guard shape.count == axes.count, !shape.contains(0) else {
      throw .invalid(
        reason: "a tensor of the shape \(shape) is no \(kind.title); [\(axes.joined(separator: ", "))] is")
    }
    if let channels, let axis = axes.firstIndex(of: "channels"), shape[axis] != channels {
      throw .invalid(reason: "a \(kind.title) of \(shape[axis]) channels is there, and it has \(channels)")
    }
    if case .features(let size) = kind, shape[1] != size {
      throw .invalid(reason: "a feature vector of \(shape[1]) numbers is there, and it has \(size)")
    }
    if case .spectrogram(let bands, _) = kind, shape[1] != bands {
      throw .invalid(reason: "a spectrogram of \(shape[1]) bands is there, and it has \(bands)")
    }
    try checkNumbers(tensor)
    // Time first, as recurrent networks take it.
    if case .tokens = kind {
      let numbers = tensor.integers()
      return (0..<shape[1]).map { column in
        HostTensor((0..<shape[0]).map { numbers[$0 * shape[1] + column] })
      }
    }
    let stride = tensor.bytes.count / shape[0]
    return (0..<shape[0]).map { index in
      HostTensor(
        shape: Array(shape.dropFirst()), dtype: tensor.dtype,
        bytes: Array(tensor.bytes[(index * stride)..<((index + 1) * stride)]))
    }
  }

  private var channels: Int? {
    switch kind {
    case .image(let channels, _, _, _), .audio(let channels, _, _), .video(_, let channels, _, _, _): channels
    case .labelMap, .labelMaps, .label, .tokens, .features, .spectrogram, .sequence, .labels, .text: nil
    }
  }

  private func checkNumbers(_ tensor: HostTensor) throws(DatasetError) {
    if let count = kind.indices {
      guard !tensor.dtype.isFloatingPoint else {
        throw .invalid(reason: "a \(kind.title) holds whole numbers, not \(tensor.dtype)")
      }
      // 255 stands for no class in a map.
      var unlabelled: Int?
      switch kind {
      case .labelMap, .labelMaps: unlabelled = 255
      default: break
      }
      let wrong = tensor.integers().first { !(0..<count).contains($0) && $0 != unlabelled }
      if let wrong {
        throw .invalid(reason: "a \(kind.title) holds \(wrong), and its numbers are 0 … \(count - 1)")
      }
      return
    }
    try Self.refuseNaN(tensor, kind.title)
    switch kind {
    case .audio, .features, .spectrogram:
      guard tensor.dtype.isFloatingPoint else {
        throw .invalid(reason: "a \(kind.title) holds floating-point numbers, not \(tensor.dtype)")
      }
      guard tensor.floats().allSatisfy(\.isFinite) else {
        throw .invalid(reason: "a \(kind.title) holds infinite numbers")
      }
    case .image, .video, .labelMap, .labelMaps, .label, .tokens, .sequence, .labels, .text: break
    }
  }

  /// Refuses a tensor with NaN in it, which would be drawn black.
  static func refuseNaN(_ tensor: HostTensor, _ title: String) throws(DatasetError) {
    guard tensor.dtype.isFloatingPoint else { return }
    let count = tensor.floats().reduce(0) { $1.isNaN ? $0 + 1 : $0 }
    guard count == 0 else {
      throw .invalid(reason: "\(count) of the \(tensor.count) values of the \(title) are NaN")
    }
  }
}
