public import Foundation

/// The header of a video file.
public struct VideoInformation: Sendable, Hashable {
  /// Width in pixels, with the orientation applied.
  public let width: Int
  /// Height in pixels, with the orientation applied.
  public let height: Int
  /// Clockwise quarter turns that bring the stored frames upright, 0...3.
  public let quarterTurns: Int
  /// The number of frames; nil where the file does not say.
  public let frames: Int?
  /// Frames per second, on average; nil where the file does not say.
  public let frameRate: FrameRate?
  /// Whether the frame rate is constant, judged by the header (the average rate is within a thousandth of the
  /// base rate) and the first hundreds of time stamps.
  public let isConstantRate: Bool
  /// The duration in seconds; nil where the file does not say.
  public let duration: Double?
  /// Whether there is an audio stream.
  public let hasAudio: Bool
  /// The name of the codec, such as `h264`.
  public let codec: String
  /// ffmpeg's name of the pixel format, such as `yuv420p`.
  public let pixelFormat: String
  /// Whether luma has full range (0...255, not 16...235); nil where the file does not say.
  public let isFullRange: Bool?
  /// The pixel aspect ratio where it is not square; frames are not rescaled for it.
  public let pixelAspectRatio: String?
  /// The text tags of the file, such as `comment`, by their names in small letters.
  public let tags: [String: String]
}

/// A video file; frames are read one by one and never all held in memory.
///
/// ```swift
/// let reader = try Video(contentsOf: file).frames(FrameSelection(start: 10, duration: 2))
/// while let frame = try reader.next() { … }
/// ```
///
/// A Sendable value. Reading goes through ffmpeg, which may open only local files.
public struct Video: FrameSequence, Hashable {
  /// The file.
  public let file: URL
  /// The file's header.
  public let information: VideoInformation
  /// The largest width × height of a frame.
  public let maximumPixels: Int
  let ffmpeg: FFmpeg
  let stream: Int

  /// Reads the header of a video file through ffprobe.
  ///
  /// - Parameters:
  ///   - maximumPixels: the largest width × height of a frame.
  ///   - ffmpeg: the programs to use.
  public init(
    contentsOf file: URL, maximumPixels: Int = 100_000_000, ffmpeg: FFmpeg = .standard
  ) throws(VideoError) {
    let values = try? file.resolvingSymlinksInPath().resourceValues(forKeys: [
      .fileSizeKey, .isRegularFileKey,
    ])
    guard values?.isRegularFile == true, FileManager.default.isReadableFile(atPath: file.path) else {
      throw .unreadable(
        file: file.path,
        reason: FileManager.default.fileExists(atPath: file.path)
          ? "it is not a readable file" : "there is no such file")
    }
    guard values?.fileSize != 0 else { throw .damaged(file: file.path, reason: "the file is empty") }
    guard ffmpeg.isAvailable else { throw .missingProgram(file: file.path, reason: ffmpeg.absence) }
    let probe: MediaProbe
    do throws(ProgramFailure) { probe = try MediaProbe(file, ffmpeg) } catch {
      throw .notAVideo(file: file.path, reason: error.reason)
    }
    guard let video = probe.video else {
      throw .notAVideo(file: file.path, reason: "it has no video stream")
    }
    guard let width = video.width, let height = video.height, width > 0, height > 0 else {
      throw .damaged(file: file.path, reason: "it does not declare the size of its frames")
    }
    let (pixels, overflow) = width.multipliedReportingOverflow(by: height)
    guard !overflow, pixels <= maximumPixels else {
      throw .tooLarge(file: file.path, width: width, height: height, limit: maximumPixels)
    }
    // The display matrix rotates counter-clockwise, the older tag clockwise.
    let rotation =
      video.sideDataList?.compactMap(\.rotation).first.map { -$0 }
      ?? video.tags?["rotate"].flatMap(Double.init) ?? 0
    let turns = rotation.isFinite && abs(rotation) < 1e6 ? ((Int((rotation / 90).rounded()) % 4) + 4) % 4 : 0
    let average = video.avgFrameRate.flatMap { FrameRate($0) }
    let base = video.rFrameRate.flatMap { FrameRate($0) }
    let aspect = video.sampleAspectRatio
    self.file = file
    self.maximumPixels = maximumPixels
    self.ffmpeg = ffmpeg
    stream = video.index
    information = VideoInformation(
      width: turns % 2 == 0 ? width : height, height: turns % 2 == 0 ? height : width, quarterTurns: turns,
      frames: video.nbFrames.flatMap(Int.init).flatMap { $0 > 0 ? $0 : nil }, frameRate: average ?? base,
      isConstantRate: average.flatMap { average in
        base.map { abs($0.value - average.value) <= 0.001 * average.value && probe.isEven(video) }
      } ?? false,
      duration: probe.duration(of: video), hasAudio: probe.audio != nil,
      codec: video.codecName ?? "unknown", pixelFormat: video.pixFmt ?? "unknown",
      isFullRange: video.colorRange == "pc" ? true : video.colorRange == "tv" ? false : nil,
      pixelAspectRatio: aspect == nil || aspect == "1:1" || aspect == "0:1" ? nil : aspect,
      tags: Dictionary((probe.format?.tags ?? [:]).map { ($0.key.lowercased(), $0.value) }) { first, _ in
        first
      })
  }

  /// Width in pixels, with the orientation applied.
  public var width: Int { information.width }
  /// Height in pixels, with the orientation applied.
  public var height: Int { information.height }
  /// Frames per second, on average.
  public var frameRate: FrameRate? { information.frameRate }
  /// The number of frames, where the file says it.
  public var frameCount: Int? { information.frames }

  /// Opens a reader: an ffmpeg process that decodes the selected frames.
  public func frames(_ selection: FrameSelection) throws(VideoError) -> any FrameReader {
    try VideoReader(self, selection)
  }
}
