public import Foundation

/// Reads a sound file in windows, without holding all of it in memory.
///
/// ```swift
/// let reader = try AudioReader(file)
/// while let window = try reader.read(frames: 48_000) { … }
/// ```
///
/// A reader keeps its file open and is not thread-safe. Its samples equal those of ``AudioCodec/decode(_:)``,
/// up to rounding in lossy formats.
public final class AudioReader {
  /// The file's header.
  public let information: AudioInformation
  /// The index of the next frame.
  public private(set) var position = 0
  private let source: any SoundSource
  private let codec: AudioCodec

  /// Opens a sound file of any length.
  public init(_ file: URL, codec: AudioCodec = AudioCodec()) throws(AudioError) {
    source = try codec.open(file)
    information = source.information
    self.codec = codec
  }

  /// Opens a sound in memory; formats that need ffmpeg are read from files only.
  ///
  /// - Parameter name: the name used in errors.
  public init(
    _ bytes: [UInt8], named name: String, codec: AudioCodec = AudioCodec()
  ) throws(AudioError) {
    source = try codec.open(bytes, name)
    information = source.information
    self.codec = codec
  }

  /// Moves to another frame.
  ///
  /// Where ffmpeg decodes the sound, all frames before it are decoded and dropped, so that the position is
  /// exact.
  ///
  /// - Throws: ``AudioError/invalid(reason:)`` where the file has no such frame.
  public func seek(to frame: Int) throws(AudioError) {
    guard frame >= 0, frame <= information.frames ?? .max else {
      throw .invalid(
        reason: "a sound of \(information.frames.map(String.init) ?? "unknown") frames has no frame \(frame)")
    }
    try source.seek(to: frame)
    position = frame
  }

  /// The next `count` frames, fewer at the end of the file, and nil after it.
  ///
  /// - Throws: ``AudioError`` where the file is damaged there, or the window exceeds the codec's limit.
  public func read(frames count: Int) throws(AudioError) -> Audio? {
    let channels = information.channels
    guard count > 0, count <= codec.maximumSamples / channels else {
      throw .invalid(
        reason: "a window of \(count) frames of \(channels) channels is not in 1...\(codec.maximumSamples) "
          + "samples")
    }
    let wanted = min(count, information.frames.map { $0 - position } ?? count)
    guard wanted > 0 else { return nil }
    let buffer = UnsafeMutableBufferPointer<Float>.allocate(capacity: wanted * channels)
    defer { buffer.deallocate() }
    let taken = try source.read(into: buffer, frames: wanted)
    guard taken > 0 else { return nil }
    position += taken
    let samples = [Float](unsafeUninitializedCapacity: taken * channels) { output, initialized in
      AudioCodec.deinterleave(buffer, taken, channels, into: output, stride: taken, at: 0)
      initialized = taken * channels
    }
    return Audio(sampleRate: information.sampleRate, channels: channels, samples: samples)
  }
}
