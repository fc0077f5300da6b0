public import AtelierMedia
public import Torch

extension FieldCodec {
  /// The examples of a batch as people see, hear or read them: label maps in the classes' colours, sequences
  /// as the words of a vocabulary, classes by their names.
  ///
  /// - Throws: ``DatasetError/invalid(reason:)`` for a value that is none of this kind: a wrong shape, NaN, an
  ///   index of no class.
  public func shown(_ value: Value) throws -> [Shown] {
    if case .text(let text) = value, kind == .text { return [.text(text)] }
    return try examples(value).map(shown)
  }

  private func shown(_ example: HostTensor) throws -> Shown {
    switch kind {
    case .image(_, _, _, let range):
      return .image(try Self.images(example.batched, range, colours: names.colours)[0])
    case .labelMap: return .image(try Image(labels: example, colours: names.colours))
    case .labelMaps:
      return .video(try Self.maps(example, names.colours), try rate())
    case .audio(let channels, _, let sampleRate):
      return .audio(Audio(sampleRate: sampleRate, channels: channels, samples: example.floats()))
    case .video(_, _, _, _, let range):
      return .video(try Self.images(example, range), try rate())
    case .label: return .text(names.name(ofClass: example.integers()[0]))
    case .labels:
      let texts = example.integers().map(names.name(ofClass:))
      // Names of several words are told apart by commas.
      guard texts.contains(where: { $0.contains(where: \.isWhitespace) }) else {
        return .text(texts.joined(separator: " "))
      }
      return .text(texts.joined(separator: ", ") + (texts.count == 1 ? "," : ""))
    case .tokens: return .text(text(of: example.integers()))
    case .sequence(_, _, let padding):
      let tokens = example.integers()
      let length = tokens.lastIndex { $0 != padding }.map { $0 + 1 } ?? 0
      return .text(text(of: Array(tokens.prefix(length))))
    case .features: return .text(example.floats().map { "\($0)" }.joined(separator: " "))
    case .spectrogram: return .image(Self.picture(ofSpectrogram: example))
    case .text: return .text("")
    }
  }

  private func text(of tokens: [Int]) -> String {
    names.tokens.map { $0.decode(tokens) } ?? tokens.map(String.init).joined(separator: " ")
  }

  func rate() throws(DatasetError) -> FrameRate {
    guard let rate = frameRate ?? FrameRate(25) else { throw .invalid(reason: "there is no frame rate") }
    return rate
  }

  /// Images that can be looked at, of a batch of any channels: class indices `[count, height, width]` and
  /// one-hot maps (more than four channels) become colours; of two channels the first is shown, as grey.
  ///
  /// - Parameters:
  ///   - range: what black and white are, of floating-point values.
  ///   - colours: those of the classes; PASCAL VOC's serve what is missing.
  /// - Throws: ``DatasetError/invalid(reason:)`` for NaN, `ImageError` for what is no batch of images.
  public static func images(
    _ batch: HostTensor, _ range: ImageRange, colours: [[UInt8]] = []
  ) throws -> [Image] {
    try refuseNaN(batch, "image")
    if batch.shape.count == 3 { return try maps(batch, colours) }
    guard batch.shape.count == 4, batch.shape[1] == 2 || batch.shape[1] > 4 else {
      return try Image.images(of: batch, range: range.bounds)
    }
    return try withTensorErrors {
      let tensor = Tensor(batch)
      if batch.shape[1] > 4 { return try maps(tensor.argmax(dim: 1).host(), colours) }
      return try Image.images(of: tensor.slice(1, 0, 1).contiguous().host(), range: range.bounds)
    }
  }

  /// A spectrogram `[bands, frames]` as a grey image, from its least value to its largest, low bands at the bottom.
  public static func picture(ofSpectrogram values: HostTensor) -> Image {
    let (bands, frames) = (values.shape[0], values.shape[1])
    let numbers = values.floats()
    let (low, high) = (numbers.min() ?? 0, numbers.max() ?? 0)
    let scale = high > low ? 255 / (high - low) : 0
    let bytes = (0..<bands).reversed().flatMap { band in
      numbers[(band * frames)..<((band + 1) * frames)].map { UInt8((($0 - low) * scale).rounded()) }
    }
    return Image(width: frames, height: bands, channels: 1, bytes: bytes)
  }

  private static func maps(_ batch: HostTensor, _ colours: [[UInt8]]) throws -> [Image] {
    let shape = Array(batch.shape.dropFirst())
    let indices = batch.integers()
    let plane = shape.reduce(1, *)
    return try (0..<batch.shape[0]).map { index in
      try Image(
        labels: HostTensor(Array(indices[(index * plane)..<((index + 1) * plane)]), shape: shape),
        colours: colours)
    }
  }
}

extension HostTensor {
  /// The same values with a batch axis of 1 in front.
  var batched: HostTensor { HostTensor(shape: [1] + shape, dtype: dtype, bytes: bytes) }
}
