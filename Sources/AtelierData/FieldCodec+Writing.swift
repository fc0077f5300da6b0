public import AtelierMedia
internal import CZlib
public import Foundation
public import Torch

extension FieldCodec {
  /// An example as a file holds it.
  public struct Encoded: Sendable, Hashable {
    /// A file's bytes, or frames that become a folder of images.
    public enum Content: Sendable, Hashable {
      case bytes([UInt8])
      case frames([Image])
    }

    /// What is written.
    public let content: Content
    /// The end of the file's name: `png`, `wav`, `mp4`, `txt`; empty for a folder.
    public let fileExtension: String

    /// Writes it beside other files of one stem; the file or folder appears at once or not at all, in the
    /// place of one that was there.
    ///
    /// - Parameter stem: the path without the ending, which is added.
    /// - Returns: where it is.
    /// - Throws: ``DatasetError/unwritable(path:reason:)``, or `VideoError` for a folder of frames.
    @discardableResult
    public func write(to stem: URL) throws -> URL {
      let place = fileExtension.isEmpty ? stem : stem.appendingPathExtension(fileExtension)
      switch content {
      case .bytes(let bytes):
        do { try Data(bytes).write(to: place, options: .atomic) } catch {
          throw DatasetError.unwritable(path: place.path, reason: writeFailureReason(error))
        }
      case .frames(let frames):
        try Self.write(frames, to: place)
      }
      return place
    }

    /// Writes a folder of frames beside its place and moves it there; a folder with other files stays.
    private static func write(_ frames: [Image], to place: URL) throws {
      let manager = FileManager.default
      let new = place.deletingLastPathComponent()
        .appendingPathComponent(".\(place.lastPathComponent).\(UUID().uuidString)")
      defer { try? manager.removeItem(at: new) }
      let writer = try FrameFolderWriter(new)
      for frame in frames { try writer.append(frame) }
      try writer.finish()
      do {
        if manager.fileExists(atPath: place.path) {
          let old = try manager.contentsOfDirectory(atPath: place.path)
          guard old.allSatisfy({ $0.hasSuffix(".png") && Int($0.dropLast(4)) != nil }) else {
            throw DatasetError.unwritable(
              path: place.path, reason: "it holds other files than frames; name another folder")
          }
          try manager.removeItem(at: place)
        }
        try manager.moveItem(at: new, to: place)
      } catch let error as DatasetError {
        throw error
      } catch {
        throw DatasetError.unwritable(path: place.path, reason: "what is there cannot be replaced")
      }
    }
  }

  /// The examples of a batch as files hold them, so that ``read(_:fit:)`` gives them back: images as PNG, label
  /// maps as PNG whose palette are the classes' colours, sounds as WAV of 16 bits, videos as MP4 or, where
  /// there is no ffmpeg, as a folder of frames, everything else as text.
  ///
  /// An image has 8 bits a value and the channels of ``shown(_:)``, or where the names have a scale its numbers; MP4
  /// loses detail.
  ///
  /// - Parameters:
  ///   - metadata: an XMP packet for images, such as where they come from.
  ///   - tags: the text tags of sounds, such as where they come from; videos have the comment.
  ///   - change: what becomes of an example before it is written, such as a mark in an image; label maps, whose
  ///     values are numbers of classes, are never changed.
  /// - Throws: what ``shown(_:)`` throws, and the error of the file's format.
  public func encoded(
    _ value: Value, metadata: String? = nil, tags: [AudioTag: String] = [:],
    change: (Shown) throws -> Shown = { $0 }
  ) throws -> [Encoded] {
    if case .labelMap(let classes, _, _) = kind {
      return try examples(value).map { try Self.encoded(labels: $0, classes, names.colours) }
    }
    if case .image(_, _, _, let range) = kind, let scale = names.scale {
      return try examples(value).map {
        let image = try Image($0, range: range.bounds, depth: scale.depth)
        guard case .image(let changed) = try change(.image(image)) else {
          return try encoded(change(.image(image)), metadata: metadata)
        }
        return try Self.encoded(changed, on: scale, metadata: metadata)
      }
    }
    return try shown(value).map { try encoded(change($0), metadata: metadata, tags: tags) }
  }

  /// An image in the numbers of a scale: PNG where 8 or 16 bits hold them, else TIFF.
  private static func encoded(_ image: Image, on scale: SampleScale, metadata: String?) throws -> Encoded {
    let isPNG = image.depth < 32 && !image.isMultiband
    return Encoded(
      content: .bytes(
        try ImageCodec(scale: scale).encode(image, as: isPNG ? .png : .tiff, metadata: metadata)),
      fileExtension: isPNG ? "png" : "tif")
  }

  /// What is shown of an example as a file holds it.
  public func encoded(
    _ shown: Shown, metadata: String? = nil, tags: [AudioTag: String] = [:]
  ) throws -> Encoded {
    switch shown {
    case .image(let image):
      return Encoded(
        content: .bytes(try ImageCodec().encode(image, as: .png, metadata: metadata)), fileExtension: "png")
    case .audio(let audio):
      return Encoded(
        content: .bytes(try AudioCodec().encode(audio, as: .wav, tags: tags)), fileExtension: "wav")
    case .video(let frames, let rate):
      guard ffmpeg.isAvailable else { return Encoded(content: .frames(frames), fileExtension: "") }
      return Encoded(
        content: .bytes(try film(frames, rate, as: "mp4", comment: tags[.comment])), fileExtension: "mp4")
    case .text(let text): return Encoded(content: .bytes(Array(text.utf8)), fileExtension: "txt")
    }
  }

  /// Frames as a video file's bytes.
  ///
  /// - Parameters:
  ///   - ending: `mp4` or `gif`; a GIF has at most 50 frames a second.
  ///   - comment: the comment of an MP4's metadata.
  /// - Throws: `VideoError`, also where there is no ffmpeg.
  public func film(
    _ frames: [Image], _ rate: FrameRate, as ending: String, comment: String? = nil
  ) throws -> [UInt8] {
    guard let first = frames.first else { throw DatasetError.invalid(reason: "a video has no frames") }
    // ffmpeg seeks in what it writes.
    let file = FileManager.default.temporaryDirectory
      .appendingPathComponent("atelier-\(UUID().uuidString).\(ending)")
    defer { try? FileManager.default.removeItem(at: file) }
    let writer = try VideoWriter(
      to: file, width: first.width, height: first.height, frameRate: rate, comment: comment,
      ffmpeg: ffmpeg)
    for frame in frames { try writer.append(frame) }
    try writer.finish()
    return [UInt8](try Data(contentsOf: file))
  }

  /// A label map as a PNG: indexed where every class has a colour of its own and 8 bits do, else grey.
  private static func encoded(
    labels: HostTensor, _ classes: Int, _ own: [[UInt8]]
  ) throws -> Encoded {
    let (height, width) = (labels.shape[0], labels.shape[1])
    let indices = labels.integers()
    let highest = indices.max() ?? 0
    guard highest <= 65_535 else {
      throw DatasetError.invalid(reason: "a label map holds \(highest), and a PNG holds at most 65535")
    }
    guard highest <= 255 else {
      let values = indices.map { UInt16($0) }
      let image = Image(
        width: width, height: height, channels: 1, depth: 16, bytes: values.withUnsafeBytes { Array($0) })
      return Encoded(content: .bytes(try ImageCodec().encode(image, as: .png)), fileExtension: "png")
    }
    let bytes = indices.map { UInt8($0) }
    let palette = (0..<min(256, max(classes, highest + 1))).map {
      own.indices.contains($0) ? own[$0] : LabelMapEncoding.colour($0)
    }
    guard Set(palette).count == palette.count else {
      let image = Image(width: width, height: height, channels: 1, bytes: bytes)
      return Encoded(content: .bytes(try ImageCodec().encode(image, as: .png)), fileExtension: "png")
    }
    return Encoded(
      content: .bytes(try indexedPNG(bytes, width: width, height: height, palette: palette)),
      fileExtension: "png")
  }

  /// A PNG of indices into a palette (ISO/IEC 15948, colour type 3), which libvips writes only after choosing a
  /// palette of its own.
  private static func indexedPNG(
    _ indices: [UInt8], width: Int, height: Int, palette: [[UInt8]]
  ) throws(DatasetError) -> [UInt8] {
    func number(_ value: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) } }
    func chunk(_ name: String, _ body: [UInt8]) -> [UInt8] {
      let named = Array(name.utf8) + body
      return number(body.count) + named + number(Int(crc32(0, named, uInt(named.count))))
    }
    // Each row begins with the number of its filter: 0, none.
    let rows = (0..<height).flatMap { [0] + indices[($0 * width)..<(($0 + 1) * width)] }
    var length = compressBound(uLong(rows.count))
    var packed = [UInt8](repeating: 0, count: Int(length))
    guard compress2(&packed, &length, rows, uLong(rows.count), 6) == Z_OK else {
      throw .invalid(reason: "a label map of \(width) x \(height) pixels cannot be compressed")
    }
    return [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
      + chunk("IHDR", number(width) + number(height) + [8, 3, 0, 0, 0])
      + chunk("PLTE", palette.flatMap { $0 }) + chunk("IDAT", Array(packed.prefix(Int(length))))
      + chunk("IEND", [])
  }
}
