public import Foundation

/// Reads and writes sound files: WAV, FLAC, Ogg, AIFF and some others through libsndfile, all else through
/// the ffmpeg program where there is one.
///
/// A codec is a value of its limits; all of it may be used from any thread.
public struct AudioCodec: Sendable, Hashable {
  /// The most samples (frames times channels) that a file may announce or hold; guards against files that are
  /// small on disk and huge in memory. ``AudioReader`` takes windows of longer ones.
  public var maximumSamples: Int
  /// Where the ffmpeg program is.
  public var ffmpeg: FFmpeg

  /// The limit of 2^28 samples, a gigabyte in memory (93 minutes of one channel at 48 kHz), unless told
  /// otherwise.
  public init(maximumSamples: Int = 1 << 28, ffmpeg: FFmpeg = .standard) {
    self.maximumSamples = maximumSamples
    self.ffmpeg = ffmpeg
  }

  // MARK: Reading

  /// Reads a sound: all of its channels at the file's own sample rate.
  ///
  /// Whole numbers become floats by division by 2^(bits - 1), exactly up to 24 bits. A cut-short or damaged
  /// file, one without frames and one with NaN or infinite samples is an error.
  public func decode(_ file: URL) throws(AudioError) -> Audio {
    try decoded(open(file), file.path)
  }

  /// Reads a sound from memory. What only ffmpeg reads has to be a file.
  ///
  /// - Parameter name: what errors call it.
  public func decode(_ bytes: [UInt8], named name: String = "the sound") throws(AudioError) -> Audio {
    try decoded(open(bytes, name), name)
  }

  /// What a file announces, without decoding its samples.
  public func information(of file: URL) throws(AudioError) -> AudioInformation {
    try open(file).information
  }

  /// What a sound in memory announces.
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

  private func open(_ bytes: [UInt8], _ name: String) throws(AudioError) -> any SoundSource {
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
    // The memory is only touched as far as samples come.
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

  /// Decodes what does not say how long it is.
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

  /// Reads a source to its end in pieces of some 64,000 samples; `body` says whether to go on.
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
