public import Foundation

/// Reads and writes sound files: WAV, FLAC, Ogg, AIFF and others through libsndfile, any other format through
/// ffmpeg where it is installed.
///
/// A Sendable value that holds limits; use it from any thread.
public struct AudioCodec: Sendable, Hashable {
  /// The largest number of samples (frames × channels) of a file; guards against decompression bombs.
  /// ``AudioReader`` reads longer files in windows.
  public var maximumSamples: Int
  /// The ffmpeg programs used for other formats.
  public var ffmpeg: FFmpeg

  /// A codec with a limit of 2^28 samples by default: 1 GiB in memory, 93 minutes of mono at 48 kHz.
  public init(maximumSamples: Int = 1 << 28, ffmpeg: FFmpeg = .standard) {
    self.maximumSamples = maximumSamples
    self.ffmpeg = ffmpeg
  }

  // MARK: Reading

  /// Reads a sound: all of its channels at the file's own sample rate.
  ///
  /// Integer samples are divided by 2^(bits - 1), exactly up to 24 bits. A truncated, damaged or empty file
  /// and one with NaN or infinite samples are errors.
  public func decode(_ file: URL) throws(AudioError) -> Audio {
    try decoded(open(file), file.path)
  }

  /// Reads a sound from memory; formats that need ffmpeg are read from files only.
  ///
  /// - Parameter name: the name used in errors.
  public func decode(_ bytes: [UInt8], named name: String = "the sound") throws(AudioError) -> Audio {
    try decoded(open(bytes, name), name)
  }

  /// Reads the header, without decoding samples.
  public func information(of file: URL) throws(AudioError) -> AudioInformation {
    try open(file).information
  }

  /// Reads the header of a sound in memory.
  public func information(
    of bytes: [UInt8], named name: String = "the sound"
  ) throws(AudioError) -> AudioInformation {
    try open(bytes, name).information
  }

  /// Opens a file through libsndfile or ffmpeg, without a limit on its length.
  func open(_ file: URL) throws(AudioError) -> any SoundSource {
    let source = try OpenFile(file)
    guard source.length > 0 else { throw .damaged(file: file.path, reason: "the file is empty") }
    if let format = SoundContainer.format(of: source),
      let sound = try SoundFile(source, format: format, named: file.path)
    {
      return sound
    }
    return try PipedSound(file, ffmpeg)
  }

  /// Opens a sound in memory through libsndfile.
  func open(_ bytes: [UInt8], _ name: String) throws(AudioError) -> any SoundSource {
    guard !bytes.isEmpty else { throw .damaged(file: name, reason: "the file is empty") }
    let source = MemoryFile(bytes)
    guard let format = SoundContainer.format(of: source),
      let sound = try SoundFile(source, format: format, named: name)
    else { throw .notASound(file: name) }
    return sound
  }

  private func decoded(_ source: any SoundSource, _ name: String) throws(AudioError) -> Audio {
    let information = source.information
    let channels = information.channels
    let limit = maximumSamples / channels
    guard let frames = information.frames else { return try decodedToTheEnd(source, limit, name) }
    guard frames <= limit else {
      throw .tooLarge(file: name, frames: frames, channels: channels, limit: maximumSamples)
    }
    // Pages of this buffer are committed only as samples arrive, so a false length costs nothing.
    var failure: AudioError?
    let samples = [Float](unsafeUninitializedCapacity: frames * channels) { output, count in
      do throws(AudioError) {
        var start = 0
        try Self.eachPiece(of: source) { piece, taken in
          Self.deinterleave(piece, taken, channels, into: output, stride: frames, at: start)
          start += taken
          return start < frames
        }
        if start == frames { count = frames * channels }
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    guard samples.count == frames * channels else {
      throw .damaged(file: name, reason: "it holds fewer than the \(frames) frames that it announces")
    }
    return Audio(sampleRate: information.sampleRate, channels: channels, samples: samples)
  }

  /// Decodes a source of unknown length.
  private func decodedToTheEnd(
    _ source: any SoundSource, _ limit: Int, _ name: String
  ) throws(AudioError) -> Audio {
    let channels = source.information.channels
    var interleaved: [Float] = []
    try Self.eachPiece(of: source) { piece, taken in
      interleaved.append(contentsOf: piece[0..<(taken * channels)])
      return interleaved.count / channels <= limit
    }
    let frames = interleaved.count / channels
    guard frames <= limit else {
      throw .tooLarge(file: name, frames: frames, channels: channels, limit: maximumSamples)
    }
    guard frames > 0 else { throw .damaged(file: name, reason: "it holds no frames") }
    return Audio(
      sampleRate: source.information.sampleRate, channels: channels, interleaved: interleaved)
  }

  /// Reads a source to its end in pieces of some 64,000 samples, until `body` returns false.
  private static func eachPiece(
    of source: any SoundSource, _ body: (UnsafeMutableBufferPointer<Float>, Int) -> Bool
  ) throws(AudioError) {
    let channels = source.information.channels
    let frames = max(1, 65_536 / channels)
    let piece = UnsafeMutableBufferPointer<Float>.allocate(capacity: frames * channels)
    defer { piece.deallocate() }
    while true {
      let taken = try source.read(into: piece, frames: frames)
      if taken == 0 || !body(piece, taken) { return }
    }
  }

  static func deinterleave(
    _ piece: UnsafeMutableBufferPointer<Float>, _ frames: Int, _ channels: Int,
    into output: UnsafeMutableBufferPointer<Float>, stride: Int, at start: Int
  ) {
    for channel in 0..<channels {
      let target = channel * stride + start
      for frame in 0..<frames { output[target + frame] = piece[frame * channels + channel] }
    }
  }
}

extension Audio {
  /// Reads a sound file with the default limit; see ``AudioCodec/decode(_:)``.
  public init(contentsOf file: URL) throws(AudioError) {
    self = try AudioCodec().decode(file)
  }
}
