internal import CSndFile
internal import Foundation

/// A sound opened by libsndfile. Not thread-safe.
final class SoundFile: SoundSource {
  let information: AudioInformation
  private let handle: SoundHandle
  private let name: String
  private let frames: Int
  private var position = 0

  /// libsndfile stores the reason of a failed open in global variables.
  private static let opening = NSLock()

  /// Opens a sound whose container was recognised.
  ///
  /// - Returns: nil where this build of libsndfile does not support the format.
  init?(_ source: any ByteSource, format: AudioFormat, named name: String) throws(AudioError) {
    if let defect = SoundContainer.defect(of: source, format: format) {
      throw .damaged(file: name, reason: defect)
    }
    var info = SF_INFO()
    let (opened, code, reason) = Self.opening.withLock {
      () -> (SoundHandle?, Int, String) in
      let opened = SoundHandle(source, SFM_READ, &info)
      return opened == nil ? (nil, Int(sf_error(nil)), Self.text(sf_strerror(nil))) : (opened, 0, "")
    }
    guard let opened else {
      if code == SF_ERR_UNRECOGNISED_FORMAT { return nil }
      throw .damaged(file: name, reason: reason)
    }
    // libsndfile does not decode a FLAC of unknown length, such as one written to a pipe.
    if format == .flac && (info.frames <= 0 || info.frames == sf_count_t.max) { return nil }
    handle = opened
    self.name = name
    frames = Int(info.frames)
    let rate = Int(info.samplerate)
    information = AudioInformation(
      format: AudioFormat(sndfileCode: info.format), encoding: AudioEncoding(sndfileCode: info.format),
      encodingName: Self.encodingName(info.format), sampleRate: rate, channels: Int(info.channels),
      frames: frames, duration: Double(frames) / Double(max(1, rate)), tags: Self.tags(opened))
    guard info.channels > 0, rate > 0 else {
      throw .damaged(file: name, reason: "its header declares \(info.channels) channels at \(rate) Hz")
    }
    guard frames > 0, frames < 1 << 48 else {
      throw .damaged(file: name, reason: frames == 0 ? "it holds no frames" : "its length is not known")
    }
  }

  func read(into buffer: UnsafeMutableBufferPointer<Float>, frames count: Int) throws(AudioError) -> Int {
    guard let start = buffer.baseAddress, count > 0, count <= buffer.count / information.channels else {
      return 0
    }
    let wanted = min(count, frames - position)
    var done = 0
    while done < wanted {
      let taken = Int(
        sf_readf_float(handle.pointer, start + done * information.channels, sf_count_t(wanted - done)))
      guard taken > 0, sf_error(handle.pointer) == 0 else {
        let reason = sf_error(handle.pointer) == 0 ? "it ends there" : Self.text(sf_strerror(handle.pointer))
        throw .damaged(
          file: name,
          reason: "of \(frames) frames only \(position + done + max(0, taken)) could be decoded: \(reason)")
      }
      done += taken
    }
    for index in 0..<(done * information.channels) where !start[index].isFinite {
      throw .damaged(
        file: name,
        reason: "frame \(position + index / information.channels) of channel \(index % information.channels) "
          + "is \(start[index].isNaN ? "NaN" : "infinite")")
    }
    position += done
    return done
  }

  func seek(to frame: Int) throws(AudioError) {
    if frame == position { return }
    guard sf_seek(handle.pointer, sf_count_t(frame), SEEK_SET) == sf_count_t(frame) else {
      throw .damaged(file: name, reason: "frame \(frame) of \(frames) cannot be reached")
    }
    position = frame
  }

  // MARK: Messages and tags

  /// A libsndfile message, worded to end a sentence.
  static func text(_ message: UnsafePointer<CChar>?) -> String {
    guard let message else { return "libsndfile gives no reason" }
    var text = String(cString: message).trimmingCharacters(in: .whitespacesAndNewlines)
    for prefix in ["Error : ", "Error: "] where text.hasPrefix(prefix) { text.removeFirst(prefix.count) }
    while text.hasSuffix(".") { text.removeLast() }
    return text.isEmpty ? "libsndfile gives no reason" : text.replacingOccurrences(of: ". ", with: "; ")
  }

  private static func encodingName(_ format: Int32) -> String {
    var entry = SF_FORMAT_INFO()
    entry.format = format & Int32(SF_FORMAT_SUBMASK)
    let size = Int32(MemoryLayout<SF_FORMAT_INFO>.size)
    guard sf_command(nil, Int32(SFC_GET_FORMAT_INFO), &entry, size) == 0, let name = entry.name else {
      return "unknown"
    }
    return String(cString: name)
  }

  private static func tags(_ handle: SoundHandle) -> [AudioTag: String] {
    var result: [AudioTag: String] = [:]
    for tag in AudioTag.allCases {
      guard let text = sf_get_string(handle.pointer, tag.sndfileCode) else { continue }
      var value = String(cString: text)
      // libsndfile appends its own name to the software tag.
      if tag == .software, let end = value.range(of: " (libsndfile-", options: .backwards) {
        value.removeSubrange(end.lowerBound...)
      }
      if !value.isEmpty { result[tag] = value }
    }
    return result
  }
}
