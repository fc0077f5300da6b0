internal import CSndFile
public import Foundation

extension AudioCodec {
  /// Encodes a sound.
  ///
  /// Integer samples are scaled by 2^(bits - 1), rounded to nearest and clipped at full scale, without
  /// dither; decoding and encoding at the same bit depth is lossless.
  ///
  /// - Parameters:
  ///   - format: WAV, FLAC, Ogg or AIFF.
  ///   - encoding: one of the format's ``AudioFormat/writableEncodings``; nil takes the first: `vorbis` for
  ///     Ogg, otherwise `pcm16`.
  ///   - quality: 0...1, for Vorbis only.
  ///   - tags: values of at most 1000 bytes of UTF-8; those that the format cannot hold are left out, see
  ///     ``AudioTag/isCarried(by:)``.
  public func encode(
    _ audio: Audio, as format: AudioFormat, encoding: AudioEncoding? = nil, quality: Double = 0.6,
    tags: [AudioTag: String] = [:]
  ) throws(AudioError) -> [UInt8] {
    try encode(audio, format, encoding, quality, tags, "the sound")
  }

  /// Writes a sound atomically; the file extension selects the format.
  ///
  /// The parameters are those of ``encode(_:as:encoding:quality:tags:)``.
  public func write(
    _ audio: Audio, to file: URL, encoding: AudioEncoding? = nil, quality: Double = 0.6,
    tags: [AudioTag: String] = [:]
  ) throws(AudioError) {
    guard let format = AudioFormat(fileExtension: file.pathExtension) else {
      throw .unwritable(file: file.path, reason: "its name must end in .wav, .flac, .ogg or .aiff")
    }
    let bytes = try encode(audio, format, encoding, quality, tags, file.path)
    do { try Data(bytes).write(to: file, options: .atomic) } catch {
      throw .unwritable(file: file.path, reason: writeFailureReason(error))
    }
  }

  private func encode(
    _ audio: Audio, _ format: AudioFormat, _ encoding: AudioEncoding?, _ quality: Double,
    _ tags: [AudioTag: String], _ name: String
  ) throws(AudioError) -> [UInt8] {
    guard audio.frames > 0 else { throw .unwritable(file: name, reason: "the sound has no frames") }
    let memory = MemoryFile()
    let sink = try SoundSink(
      name, format, encoding, quality, tags, sampleRate: audio.sampleRate, channels: audio.channels
    ) { SoundHandle(memory, SFM_WRITE, &$0) }
    try sink.write(audio)
    try sink.close()
    return memory.content
  }
}

extension Audio {
  /// Writes the sound; the file extension selects the format. See
  /// ``AudioCodec/write(_:to:encoding:quality:tags:)``.
  public func write(
    to file: URL, encoding: AudioEncoding? = nil, tags: [AudioTag: String] = [:]
  ) throws(AudioError) {
    try AudioCodec().write(self, to: file, encoding: encoding, tags: tags)
  }
}
