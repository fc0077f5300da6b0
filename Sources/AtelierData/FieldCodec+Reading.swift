public import AtelierMedia
public import Foundation
public import Torch

extension FieldCodec {
  /// A file's value as a batch of one, in the range that the kind declares.
  ///
  /// - An image by what libvips reads, in the kind's channels; without `fit` at its own size. Where
  ///   ``FieldNames/standForLabels`` says so, a map of labels in its colours or a channel a class.
  /// - A label map by its indices or its classes' colours; 255 becomes the last class where there is no class
  ///   255.
  /// - A video of label maps by a folder of numbered maps.
  /// - A sound in the kind's channels and sample rate, as long as it is.
  /// - A video, or a folder of numbered images: its first frames, as many as the kind has at most.
  /// - Features from a safetensors file that holds one tensor, or from a text of numbers; a spectrogram from the former.
  /// - Classes, tokens and texts from a text file.
  ///
  /// - Parameter fit: how images and frames are brought to the kind's height and width; nil: not at all.
  /// - Throws: `ImageError`, `AudioError`, `VideoError`, `FileFormatError` or ``DatasetError``, each naming the
  ///   file.
  public func read(_ file: URL, fit: ImagePreparation.Fit? = nil) throws -> Value {
    switch kind {
    case .image(let channels, let height, let width, let range):
      if names.standForLabels,
        let map = try labels(file, channels, range, height: height, width: width, fit)
      {
        return .tensor(map.batched)
      }
      let image = try ImageCodec(scale: names.scale).decode(file)
      do {
        return .tensor(try tensor(image, channels, range, height: height, width: width, fit).batched)
      } catch let error as ImageError { throw damaged(file, error.shortReason) }
    case .labelMap(let classes, let height, let width):
      let map = try Self.fitted(
        try ImageCodec().decodeLabels(file, colours: names.colours).indices, height: height, width: width, fit
      )
      return .tensor(
        try LabelMapEncoding.classes(map, below: classes == .max ? nil : classes, file: file).batched)
    case .labelMaps(let classes, _, let height, let width):
      let maps = try FrameFolder(file, frameRate: frameRate)
      var frames: [HostTensor] = []
      for name in maps.names {
        let file = file.appendingPathComponent(name)
        let map = try Self.fitted(
          try ImageCodec().decodeLabels(file, colours: names.colours).indices, height: height, width: width,
          fit)
        frames.append(try LabelMapEncoding.classes(map, below: classes == .max ? nil : classes, file: file))
        guard frames.last?.shape == frames[0].shape else {
          throw damaged(file, "it is of another size than \(maps.names[0])")
        }
      }
      return .tensor(
        HostTensor(
          shape: [1, frames.count] + frames[0].shape, dtype: .int64, bytes: frames.flatMap(\.bytes)))
    case .audio(let channels, _, let sampleRate):
      return .tensor(try sound(file, channels, sampleRate))
    case .video(let frames, let channels, let height, let width, let range):
      return .tensor(
        try video(file, limit: frames, channels, range, height: height, width: width, fit))
    case .features where file.pathExtension == "safetensors", .spectrogram:
      let tensors = try Safetensors.read(file).tensors
      guard tensors.count == 1 else {
        throw damaged(file, "it holds \(tensors.count) tensors, and a \(kind.title) is one")
      }
      let values = tensors[0].tensor
      // One example needs no batch axis.
      let isOne = values.shape.count + 1 == kind.axes?.count
      let value = Value.tensor(
        HostTensor(values.floats(), shape: isOne ? [1] + values.shape : values.shape))
      do { _ = try examples(value) } catch { throw damaged(file, error.clause) }
      return value
    case .features, .label, .labels, .tokens, .sequence, .text:
      let data: Data
      do { data = try Data(contentsOf: file) } catch { throw DatasetError.notFound(path: file.path) }
      guard let text = String(validating: data, as: UTF8.self) else {
        throw damaged(file, "it is not UTF-8")
      }
      do { return try read(text) } catch let error as DatasetError { throw damaged(file, error.clause) }
    }
  }

  /// The value that a text stands for, as a batch of one: a class by its name or number, classes between
  /// commas or spaces with counts as in `left*12`, tokens by the words of a vocabulary or by their numbers, features by their numbers.
  ///
  /// - Throws: ``DatasetError/invalid(reason:)`` that names the word, or the kind that no text stands for.
  public func read(_ text: String) throws -> Value {
    let value: Value
    switch kind {
    case .text: return .text(text)
    case .label(let classes):
      let name = text.trimmingCharacters(in: .whitespacesAndNewlines)
      return .tensor(HostTensor([try names.number(ofClass: name, below: classes)]))
    case .labels(let classes, _):
      let isListed = text.contains(",")
      let words = text.split { isListed ? $0 == "," || $0.isNewline : $0.isWhitespace }
        .map { $0.trimmingCharacters(in: .whitespaces) }
      let numbers = try words.flatMap { try names.numbers(of: $0, below: classes) }
      value = .tensor(HostTensor(numbers, shape: [1, numbers.count]))
    case .sequence(_, let longest, _):
      let tokens = try tokens(text)
      guard tokens.count <= longest else {
        throw DatasetError.invalid(reason: "it has \(tokens.count) tokens, and at most \(longest) are taken")
      }
      value = .tensor(HostTensor(tokens, shape: [1, tokens.count]))
    case .tokens:
      let tokens = try tokens(text)
      value = .tensor(HostTensor(tokens, shape: [tokens.count, 1]))
    case .features:
      let numbers = try text.split { $0.isWhitespace || $0 == "," }.map { word throws(DatasetError) in
        guard let number = Float(word) else { throw .invalid(reason: "'\(word)' is not a number") }
        return number
      }
      value = .tensor(HostTensor(numbers, shape: [1, numbers.count]))
    case .image, .labelMap, .labelMaps, .audio, .video, .spectrogram:
      throw DatasetError.invalid(reason: "a \(kind.title) comes from a file and not from a text")
    }
    _ = try examples(value)
    return value
  }

  private func tokens(_ text: String) throws -> [Int] {
    if let tokens = names.tokens { return try tokens.encode(text) }
    return try text.split(whereSeparator: \.isWhitespace).map { word in
      guard let number = Int(word) else {
        throw DatasetError.invalid(reason: "'\(word)' is not the number of a token")
      }
      return number
    }
  }

  private func damaged(_ file: URL, _ reason: String) -> DatasetError {
    .corruptFile(path: file.path, reason: reason)
  }

  /// Indices at the size of a field; nil: at their own.
  static func fitted(
    _ indices: Image, height: Int, width: Int, _ fit: ImagePreparation.Fit?
  ) throws -> Image {
    switch fit {
    case .centerCrop?: try indices.resizedToFill(width: width, height: height, filter: .nearest)
    case .stretch?: try indices.resized(width: width, height: height, filter: .nearest)
    case .pad?: try indices.resizedToFit(width: width, height: height, filter: .nearest)
    case nil: indices
    }
  }

  /// A map of labels as an image field has it, float32 `[channels, height, width]` in a range; nil where up to four
  /// channels are drawn in colours that no table names, which are an image like any other.
  private func labels(
    _ file: URL, _ channels: Int, _ range: ImageRange, height: Int, width: Int,
    _ fit: ImagePreparation.Fit?
  ) throws -> HostTensor? {
    let map: LabelMap
    do throws(ImageError) { map = try ImageCodec().decodeLabels(file, colours: names.colours) } catch {
      guard case .unsupported = error, channels <= 4 else { throw error }
      return nil
    }
    let indices = try Self.fitted(map.indices, height: height, width: width, fit)
    guard channels <= 4 else {
      return try ranged(try LabelMapEncoding.oneHot(indices, classes: channels, file: file), range)
    }
    let coloured = LabelMap(indices: indices, palette: map.palette).coloured()
    return try ranged(coloured.converted(toChannels: channels), range)
  }

  /// float32 `[channels, height, width]` in a range.
  private func tensor(
    _ image: Image, _ channels: Int, _ range: ImageRange, height: Int, width: Int,
    _ fit: ImagePreparation.Fit?
  ) throws -> HostTensor {
    if let fit {
      let preparation = ImagePreparation(height: height, width: width, channels: channels, fit: fit)
      return try ranged(try preparation(image), range)
    }
    guard (1...4).contains(channels) || channels == image.channels else {
      throw ImageError.invalid(reason: "it has \(image.channels) channels, and \(channels) are wanted")
    }
    return try ranged(image.converted(toChannels: channels), range)
  }

  /// By the operations that bring a batch of bytes to its range, so that values are equal to the last bit.
  private func ranged(_ image: Image, _ range: ImageRange) throws -> HostTensor {
    guard image.depth != 8 else { return try ranged(image.hostTensor(), range) }
    return try withTensorErrors {
      let values = Tensor(image.floatTensor())
      return range == .signed ? (values * 2 - 1).host() : values.host()
    }
  }

  private func ranged(_ bytes: HostTensor, _ range: ImageRange) throws -> HostTensor {
    try withTensorErrors {
      let values = Tensor(bytes).asType(.float32)
      return (range == .signed ? values * (2.0 / 255) - 1 : values * (1.0 / 255)).host()
    }
  }

  private func sound(_ file: URL, _ channels: Int, _ sampleRate: Int) throws -> HostTensor {
    var audio = try Audio(contentsOf: file)
    if audio.channels != channels {
      guard channels == 1 else {
        throw damaged(file, "it has \(audio.channels) channels, and \(channels) are needed")
      }
      audio = audio.mono()
    }
    audio = try audio.resampled(to: sampleRate)
    guard audio.frames > 0 else { throw damaged(file, "it has no samples") }
    let tensor = HostTensor(audio.samples, shape: [1, channels, audio.frames])
    do { _ = try examples(.tensor(tensor)) } catch { throw damaged(file, error.clause) }
    return tensor
  }

  private func video(
    _ file: URL, limit: Int, _ channels: Int, _ range: ImageRange, height: Int, width: Int,
    _ fit: ImagePreparation.Fit?
  ) throws -> HostTensor {
    var isFolder: ObjCBool = false
    _ = FileManager.default.fileExists(atPath: file.path, isDirectory: &isFolder)
    let sequence: any FrameSequence =
      isFolder.boolValue
      ? try FrameFolder(file, frameRate: frameRate) : try Video(contentsOf: file, ffmpeg: ffmpeg)
    let reader = try sequence.frames()
    var frames: [HostTensor] = []
    while frames.count < limit, let frame = try reader.next() {
      frames.append(try tensor(frame, channels, range, height: height, width: width, fit))
    }
    guard let first = frames.first else { throw damaged(file, "it has no frames") }
    return HostTensor(
      shape: [1, frames.count] + first.shape, dtype: .float32, bytes: frames.flatMap(\.bytes))
  }
}

extension DatasetError {
  /// What is wrong, as a clause for another sentence.
  var clause: String {
    if case .invalid(let reason) = self { return reason }
    return description
  }
}
