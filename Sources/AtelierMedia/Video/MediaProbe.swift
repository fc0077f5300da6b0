internal import Foundation

/// The part of ffprobe's output that Atelier uses.
struct MediaProbe: Decodable {
  struct Stream: Decodable {
    var index: Int
    var codecType: String?
    var codecName: String?
    var width: Int?
    var height: Int?
    var pixFmt: String?
    var colorRange: String?
    var sampleAspectRatio: String?
    var rFrameRate: String?
    var avgFrameRate: String?
    var nbFrames: String?
    var duration: String?
    var sampleRate: String?
    var channels: Int?
    var tags: [String: String]?
    var sideDataList: [SideData]?
    var disposition: Disposition?
  }
  struct Packet: Decodable {
    var streamIndex: Int?
    var pts: Int?
  }
  struct Disposition: Decodable { var attachedPic: Int? }
  struct SideData: Decodable { var rotation: Double? }
  struct Format: Decodable {
    var duration: String?
    var tags: [String: String]?
  }

  var streams: [Stream]?
  var packets: [Packet]?
  var format: Format?

  /// The number of packets examined for a constant frame rate.
  private static let packetCount = 400

  /// Runs ffprobe on a file.
  init(_ file: URL, _ ffmpeg: FFmpeg) throws(ProgramFailure) {
    guard let path = ffmpeg.ffprobe else { throw ProgramFailure(reason: ffmpeg.absence) }
    let program = try ChildProgram(
      path,
      [
        "-hide_banner", "-loglevel", "error", "-print_format", "json", "-show_format", "-show_streams",
        "-show_packets", "-read_intervals", "%+#\(Self.packetCount)",
      ] + FFmpeg.input(file), writes: false, reads: true)
    let answer = try program.readAll(limit: 16 << 20)
    try program.finish()
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    guard let probe = try? decoder.decode(MediaProbe.self, from: Data(answer)) else {
      throw ProgramFailure(reason: "the output of ffprobe could not be parsed")
    }
    self = probe
  }

  /// The first video stream; cover art does not count.
  var video: Stream? {
    streams?.first { $0.codecType == "video" && $0.disposition?.attachedPic != 1 }
  }

  /// Whether the first frames of a stream are evenly spaced, up to the rounding of their time stamps.
  func isEven(_ stream: Stream) -> Bool {
    var stamps = (packets ?? []).filter { $0.streamIndex == stream.index }.compactMap(\.pts).sorted()
    // With reordered frames (B-frames) some time stamps before the last ones may come later in the file.
    if (packets ?? []).count >= Self.packetCount { stamps = stamps.dropLast(16) }
    guard let first = stamps.first, let last = stamps.last, stamps.count > 2, first > -1 << 52,
      last < 1 << 52
    else { return true }
    let step = Double(last - first) / Double(stamps.count - 1)
    return stamps.enumerated().allSatisfy { abs(Double($1 - first) - Double($0) * step) <= 1.01 }
  }

  /// The first audio stream.
  var audio: Stream? { streams?.first { $0.codecType == "audio" } }

  /// The duration in seconds, of the stream or otherwise of the file.
  func duration(of stream: Stream) -> Double? {
    for text in [stream.duration, format?.duration] {
      if let text, let value = Double(text), value.isFinite, value >= 0 { return value }
    }
    return nil
  }
}
