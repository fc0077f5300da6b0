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
      throw .unwritable(file: file.path, reason: "the folder is missing, full or not writable")
    }
  }

  private func encode(
    _ audio: Audio, _ format: AudioFormat, _ encoding: AudioEncoding?, _ quality: Double,
    _ tags: [AudioTag: String], _ name: String
  ) throws(AudioError) -> [UInt8] {
    let choices = format.writableEncodings
    guard let encoding = encoding ?? choices.first, choices.contains(encoding) else {
      throw .unwritable(
        file: name,
        reason: choices.isEmpty
          ? "sounds are written as WAV, FLAC, Ogg or AIFF only"
          : "\(format.rawValue) is written as \(choices.map(\.rawValue).joined(separator: " or ")) only")
    }
    guard (0...1).contains(quality) else { throw .invalid(reason: "a quality of \(quality) is not in 0...1") }
    guard audio.frames > 0 else { throw .unwritable(file: name, reason: "the sound has no frames") }
    guard audio.samples.allSatisfy(\.isFinite) else {
      throw .unwritable(file: name, reason: "some of its samples are NaN or infinite")
    }
    // WAV and AIFF have 32-bit sizes.
    guard audio.samples.count <= 1_000_000_000, audio.channels <= 1024, audio.sampleRate <= 10_000_000 else {
      throw .unwritable(
        file: name,
        reason: "\(audio.frames) frames of \(audio.channels) channels at \(audio.sampleRate) Hz are too many")
    }
    for (tag, text) in tags where text.utf8.count > 1000 || text.utf8.contains(0) {
      throw .invalid(reason: "the tag \(tag.rawValue) is longer than 1000 bytes, or has a zero byte in it")
    }

    let memory = MemoryFile()
    var info = SF_INFO()
    info.samplerate = Int32(audio.sampleRate)
    info.channels = Int32(audio.channels)
    info.format = format.sndfileCode | encoding.sndfileCode
    guard sf_format_check(&info) != 0, let handle = SoundFile.open(memory, SFM_WRITE, &info) else {
      throw .unwritable(
        file: name,
        reason: "\(format.rawValue) does not take \(audio.channels) channels at \(audio.sampleRate) Hz as "
          + encoding.rawValue)
    }
    // The PEAK chunk holds a time stamp; without it equal sounds become equal files.
    sf_command(handle, Int32(SFC_SET_ADD_PEAK_CHUNK), nil, Int32(SF_FALSE))
    if encoding == .vorbis {
      var quality = quality
      sf_command(
        handle, Int32(SFC_SET_VBR_ENCODING_QUALITY), &quality, Int32(MemoryLayout<Double>.size))
    }
    for (tag, text) in tags.sorted(by: { $0.key.rawValue < $1.key.rawValue })
    where tag.isCarried(by: format) && !text.isEmpty {
      sf_set_string(handle, tag.sndfileCode, text)
    }
    let written = Self.write(audio, encoding, to: handle)
    let reason = sf_error(handle) == 0 ? nil : SoundFile.text(sf_strerror(handle))
    guard sf_close(handle) == 0, reason == nil, written == audio.frames else {
      throw .unwritable(file: name, reason: reason ?? "\(written) of \(audio.frames) frames were written")
    }
    return memory.content
  }

  /// Writes all frames; returns how many libsndfile accepted.
  private static func write(_ audio: Audio, _ encoding: AudioEncoding, to handle: OpaquePointer) -> Int {
    let (channels, frames) = (audio.channels, audio.frames)
    // libvorbis allocates each call's input on the stack, so it gets small pieces.
    let step = max(1, 4096 / channels)
    let bits = encoding == .pcm16 ? 16 : encoding == .pcm24 ? 24 : 0
    let scale = Double(1 << max(0, bits - 1))
    var floats = [Float](repeating: 0, count: bits == 0 ? step * channels : 0)
    var whole = [Int32](repeating: 0, count: bits == 0 ? 0 : step * channels)
    return audio.samples.withUnsafeBufferPointer { samples in
      var start = 0
      while start < frames {
        let count = min(step, frames - start)
        for channel in 0..<channels {
          for frame in 0..<count {
            let sample = samples[channel * frames + start + frame]
            if bits == 0 {
              floats[frame * channels + channel] = sample
            } else {
              // libsndfile takes the upper bits of 32.
              let level = min(scale - 1, max(-scale, (Double(sample) * scale).rounded()))
              whole[frame * channels + channel] = Int32(level) << Int32(32 - bits)
            }
          }
        }
        let taken =
          bits == 0
          ? sf_writef_float(handle, floats, sf_count_t(count))
          : sf_writef_int(handle, whole, sf_count_t(count))
        start += Int(taken)
        if taken < sf_count_t(count) { break }
      }
      return start
    }
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
