internal import CSndFile
internal import Foundation

/// A sound that libsndfile is encoding. Not thread-safe.
final class SoundSink {
  private let handle: SoundHandle
  private let name: String
  /// The file that is written; nil: memory.
  private let file: URL?
  private let encoding: AudioEncoding
  private let sampleRate: Int
  private let channels: Int
  private var samples = 0

  /// Begins a sound.
  ///
  /// - Parameters:
  ///   - name: the name used in errors.
  ///   - encoding: nil takes the first of the format's.
  ///   - file: the file that is written; nil: memory.
  ///   - open: opens what is written to.
  init(
    _ name: String, _ format: AudioFormat, _ encoding: AudioEncoding?, _ quality: Double,
    _ tags: [AudioTag: String], sampleRate: Int, channels: Int, file: URL? = nil,
    open: (inout SF_INFO) -> SoundHandle?
  ) throws(AudioError) {
    let choices = format.writableEncodings
    guard let encoding = encoding ?? choices.first, choices.contains(encoding) else {
      throw .unwritable(
        file: name,
        reason: choices.isEmpty
          ? "sounds are written as WAV, FLAC, Ogg or AIFF only"
          : "\(format.rawValue) is written as \(choices.map(\.rawValue).joined(separator: " or ")) only")
    }
    guard (0...1).contains(quality) else { throw .invalid(reason: "a quality of \(quality) is not in 0...1") }
    guard channels <= 1024, sampleRate <= 10_000_000 else {
      throw .unwritable(file: name, reason: "\(channels) channels at \(sampleRate) Hz are too many")
    }
    for (tag, text) in tags where text.utf8.count > 1000 || text.utf8.contains(0) {
      throw .invalid(reason: "the tag \(tag.rawValue) is longer than 1000 bytes, or has a zero byte in it")
    }
    (self.name, self.encoding, self.sampleRate, self.channels) = (name, encoding, sampleRate, channels)
    self.file = file
    var info = SF_INFO()
    info.samplerate = Int32(sampleRate)
    info.channels = Int32(channels)
    info.format = format.sndfileCode | encoding.sndfileCode
    guard sf_format_check(&info) != 0 else {
      throw .unwritable(
        file: name,
        reason: "\(format.rawValue) does not take \(channels) channels at \(sampleRate) Hz as "
          + encoding.rawValue)
    }
    errno = 0
    guard let handle = open(&info) else {
      let code = errno
      throw .unwritable(
        file: name,
        reason: Shortage.fullDisk(code, writing: file) ?? Shortage.reason(code)
          ?? "it cannot be begun (\(SoundFile.text(sf_strerror(nil))))")
    }
    self.handle = handle
    // The PEAK chunk holds a time stamp; without it equal sounds become equal files.
    sf_command(handle.pointer, Int32(SFC_SET_ADD_PEAK_CHUNK), nil, Int32(SF_FALSE))
    if encoding == .vorbis {
      var quality = quality
      sf_command(
        handle.pointer, Int32(SFC_SET_VBR_ENCODING_QUALITY), &quality, Int32(MemoryLayout<Double>.size))
    }
    for (tag, text) in tags.sorted(by: { $0.key.rawValue < $1.key.rawValue })
    where tag.isCarried(by: format) && !text.isEmpty {
      sf_set_string(handle.pointer, tag.sndfileCode, text)
    }
  }

  /// Adds frames.
  ///
  /// - Throws: ``AudioError/unwritable(file:reason:)`` for samples that are not finite, another rate or number of channels,
  ///   and where libsndfile cannot go on.
  func write(_ audio: Audio) throws(AudioError) {
    guard audio.sampleRate == sampleRate, audio.channels == channels else {
      throw .unwritable(
        file: name,
        reason:
          "\(audio.channels) channels at \(audio.sampleRate) Hz do not fit behind \(channels) at \(sampleRate) Hz"
      )
    }
    guard audio.samples.allSatisfy(\.isFinite) else {
      throw .unwritable(file: name, reason: "some of its samples are NaN or infinite")
    }
    samples += audio.samples.count
    // WAV and AIFF have 32-bit sizes.
    guard samples <= 1_000_000_000 else {
      throw .unwritable(
        file: name, reason: "more than \(samples - audio.samples.count) samples do not fit into a file")
    }
    errno = 0
    let written = written(audio)
    guard sf_error(handle.pointer) == 0, written == audio.frames else {
      let code = errno
      throw .unwritable(
        file: name,
        reason: Shortage.fullDisk(code, writing: file)
          ?? (sf_error(handle.pointer) == 0
            ? "\(written) of \(audio.frames) frames were written"
            : SoundFile.text(sf_strerror(handle.pointer))))
    }
  }

  /// Completes the header.
  func close() throws(AudioError) {
    errno = 0
    guard handle.close() else {
      throw .unwritable(
        file: name, reason: Shortage.fullDisk(errno, writing: file) ?? "its header could not be completed")
    }
  }

  /// Writes all frames; returns how many libsndfile accepted.
  private func written(_ audio: Audio) -> Int {
    let frames = audio.frames
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
          ? sf_writef_float(handle.pointer, floats, sf_count_t(count))
          : sf_writef_int(handle.pointer, whole, sf_count_t(count))
        start += Int(taken)
        if taken < sf_count_t(count) { break }
      }
      return start
    }
  }
}
