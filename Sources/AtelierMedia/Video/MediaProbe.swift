internal import Foundation

/// What ffprobe says about a file, as far as Atelier uses it.
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

  /// How many packets of a file are looked at for the distances of its frames.
  private static let packetCount = 400

  /// Asks ffprobe about a file.
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
      throw ProgramFailure(reason: "what ffprobe says about it is not understood")
    }
    self = probe
  }

  /// The first stream of moving images; the image on a record's cover is none.
  var video: Stream? {
    streams?.first { $0.codecType == "video" && $0.disposition?.attachedPic != 1 }
  }

  /// Whether the first frames of a stream stand at one distance, up to the rounding of their time stamps.
  func isEven(_ stream: Stream) -> Bool {
    var stamps = (packets ?? []).filter { $0.streamIndex == stream.index }.compactMap(\.pts).sorted()
    // Frames that are shown before the last ones read may come later in the file.
    if (packets ?? []).count >= Self.packetCount { stamps = stamps.dropLast(16) }
    guard let first = stamps.first, let last = stamps.last, stamps.count > 2, first > -1 << 52,
      last < 1 << 52
    else { return true }
    let step = Double(last - first) / Double(stamps.count - 1)
    return stamps.enumerated().allSatisfy { abs(Double($1 - first) - Double($0) * step) <= 1.01 }
  }

  /// The first stream of sound.
  var audio: Stream? { streams?.first { $0.codecType == "audio" } }

  /// Seconds, of a stream or else of the whole file.
  func duration(of stream: Stream) -> Double? {
    for text in [stream.duration, format?.duration] {
      if let text, let value = Double(text), value.isFinite, value >= 0 { return value }
    }
    return nil
  }
}
