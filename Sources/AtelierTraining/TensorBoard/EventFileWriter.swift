public import AtelierMedia
public import Foundation

/// Writes scalars, images, sounds, videos and texts for TensorBoard.
///
/// A file is a sequence of TFRecords: length (8 bytes, little-endian), its masked CRC-32C, an `Event`
/// message, its masked CRC-32C. Every start of a run writes a file of its own; TensorBoard shows the
/// files of a folder as one run.
public final class EventFileWriter {
  /// The file.
  public let url: URL
  private let file: AppendingFile

  /// Creates an event file in a folder.
  ///
  /// - Throws: ``TrainingError`` where it cannot be written.
  public init(folder: URL, now: Date = Date()) throws(TrainingError) {
    let seconds = Int(now.timeIntervalSince1970)
    let name = "events.out.tfevents.\(seconds).atelier.\(ProcessInfo.processInfo.processIdentifier)"
    // Two writers of one process within a second still get two files.
    var candidate = folder.appendingPathComponent(name)
    var number = 1
    while FileManager.default.fileExists(atPath: candidate.path) {
      candidate = folder.appendingPathComponent("\(name).\(number)")
      number += 1
    }
    url = candidate
    file = try AppendingFile(candidate)
    try append(.version("brain.Event:2"), step: 0, time: now)
  }

  /// Writes the numbers of a step.
  public func write(
    scalars: [(name: String, value: Double)], step: Int, time: Date = Date()
  ) throws(TrainingError) {
    try append(.scalars(scalars.map { ($0.name, Float($0.value)) }), step: step, time: time)
  }

  /// Writes an image of a step.
  ///
  /// - Parameters:
  ///   - png: a PNG file's bytes.
  ///   - channels: 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha.
  public func write(
    picture png: [UInt8], width: Int, height: Int, channels: Int, name: String, step: Int, time: Date = Date()
  ) throws(TrainingError) {
    try append(
      .image(name: name, file: png, width: width, height: height, colorspace: channels), step: step,
      time: time)
  }

  /// Writes a sound of a step, which TensorBoard plays.
  ///
  /// - Parameter wav: the sound as a WAV file's bytes.
  public func write(
    _ audio: Audio, wav: [UInt8], name: String, step: Int, time: Date = Date()
  ) throws(TrainingError) {
    try append(
      .audio(
        name: name, wav: wav, sampleRate: audio.sampleRate, channels: audio.channels, frames: audio.frames),
      step: step, time: time)
  }

  /// Writes a video of a step as an animated GIF, which TensorBoard plays among the images.
  ///
  /// - Parameters:
  ///   - gif: the file's bytes.
  ///   - width: pixels in a row of each frame.
  ///   - height: rows of each frame.
  public func write(
    video gif: [UInt8], width: Int, height: Int, name: String, step: Int, time: Date = Date()
  ) throws(TrainingError) {
    try append(
      .image(name: name, file: gif, width: width, height: height, colorspace: 3), step: step, time: time)
  }

  /// Writes a text of a step, which TensorBoard shows as Markdown.
  public func write(text: String, name: String, step: Int, time: Date = Date()) throws(TrainingError) {
    try append(.text(name: name, text: text), step: step, time: time)
  }

  private func append(_ message: EventMessage, step: Int, time: Date) throws(TrainingError) {
    try file.append(Self.record(message.packed(step: step, time: time.timeIntervalSince1970)))
  }

  /// One TFRecord around a message.
  package static func record(_ data: [UInt8]) -> [UInt8] {
    let length = littleEndian(UInt64(data.count))
    return length + littleEndian(CRC32C.masked(length)) + data + littleEndian(CRC32C.masked(data))
  }

  private static func littleEndian<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
    withUnsafeBytes(of: number.littleEndian) { Array($0) }
  }
}
