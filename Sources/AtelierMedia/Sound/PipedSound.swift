internal import Foundation

/// A sound decoded by ffmpeg, read sequentially.
final class PipedSound: SoundSource {
  let information: AudioInformation
  private let file: URL
  private let ffmpeg: FFmpeg
  private let stream: Int
  private var program: ChildProgram?
  private var position = 0

  init(_ file: URL, _ ffmpeg: FFmpeg) throws(AudioError) {
    guard ffmpeg.isAvailable else { throw .missingProgram(file: file.path, reason: ffmpeg.absence) }
    let probe: MediaProbe
    do throws(ProgramFailure) { probe = try MediaProbe(file, ffmpeg) } catch {
      throw .notASound(file: file.path)
    }
    guard let audio = probe.audio else {
      throw .unsupported(file: file.path, reason: "it has no audio stream")
    }
    guard let channels = audio.channels, (1...1024).contains(channels),
      let rate = audio.sampleRate.flatMap(Int.init), (1...10_000_000).contains(rate)
    else { throw .damaged(file: file.path, reason: "it does not declare its channels and sample rate") }
    var tags: [AudioTag: String] = [:]
    let names: [(String, AudioTag)] = [
      ("title", .title), ("copyright", .copyright), ("encoder", .software), ("artist", .artist),
      ("comment", .comment), ("date", .date), ("album", .album), ("license", .license),
      ("track", .trackNumber), ("genre", .genre),
    ]
    let texts = (probe.format?.tags ?? [:]).merging(audio.tags ?? [:]) { first, _ in first }
    for (name, tag) in names {
      if let text = texts[name] ?? texts[name.uppercased()], !text.isEmpty { tags[tag] = text }
    }
    let codec = audio.codecName ?? "unknown"
    information = AudioInformation(
      format: .other, encoding: AudioEncoding(rawValue: codec) ?? .other, encodingName: codec,
      sampleRate: rate, channels: channels, frames: nil, duration: probe.duration(of: audio), tags: tags)
    self.file = file
    self.ffmpeg = ffmpeg
    stream = audio.index
  }

  func read(into buffer: UnsafeMutableBufferPointer<Float>, frames count: Int) throws(AudioError) -> Int {
    let channels = information.channels
    guard count > 0, count <= buffer.count / channels else { return 0 }
    let target = UnsafeMutableRawBufferPointer(buffer.extracting(0..<(count * channels)))
    do throws(ProgramFailure) {
      let running: ChildProgram
      if let program { running = program } else { running = try start() }
      program = running
      let taken = try running.read(into: target) / (MemoryLayout<Float>.size * channels)
      for index in 0..<(taken * channels) where !buffer[index].isFinite {
        throw ProgramFailure(
          reason: "frame \(position + index / channels) of channel \(index % channels) is NaN or infinite")
      }
      position += taken
      if taken == 0 { try running.finish() }
      return taken
    } catch {
      throw .damaged(file: file.path, reason: error.reason)
    }
  }

  func seek(to frame: Int) throws(AudioError) {
    if frame < position {
      program = nil
      position = 0
    }
    let channels = information.channels
    let piece = UnsafeMutableBufferPointer<Float>.allocate(capacity: 16_384 * channels)
    defer { piece.deallocate() }
    while position < frame {
      let wanted = min(16_384, frame - position)
      guard try read(into: piece, frames: wanted) > 0 else {
        throw .invalid(reason: "\(file.path) has only \(position) frames, and frame \(frame) is asked for")
      }
    }
  }

  private func start() throws(ProgramFailure) -> ChildProgram {
    guard let path = ffmpeg.ffmpeg else { throw ProgramFailure(reason: ffmpeg.absence) }
    return try ChildProgram(
      path,
      ["-nostdin", "-hide_banner", "-loglevel", "error", "-xerror"] + FFmpeg.input(file)
        + [
          "-map", "0:\(stream)", "-c:a", "pcm_f32le", "-ar", "\(information.sampleRate)", "-ac",
          "\(information.channels)", "-f", "f32le", "pipe:1",
        ], writes: false, reads: true)
  }
}
