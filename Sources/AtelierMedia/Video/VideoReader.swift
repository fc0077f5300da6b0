internal import Foundation

/// Reads the frames of a video from an ffmpeg process.
///
/// Frames are 8-bit RGB with the orientation applied. ffmpeg decodes only as far ahead as the pipe buffers,
/// and is killed where the reader is released before the end.
public final class VideoReader: FrameReader {
  /// Width of each frame in pixels.
  public let width: Int
  /// Height of each frame in pixels.
  public let height: Int
  private let video: Video
  private let isWhole: Bool
  private var program: ChildProgram?
  private var count = 0
  private var failure: VideoError?

  /// Starts reading.
  public init(_ video: Video, _ selection: FrameSelection = FrameSelection()) throws(VideoError) {
    try selection.check()
    width = selection.size?.width ?? video.width
    height = selection.size?.height ?? video.height
    let (pixels, overflow) = width.multipliedReportingOverflow(by: height)
    guard !overflow, pixels <= video.maximumPixels else {
      throw .tooLarge(file: video.file.path, width: width, height: height, limit: video.maximumPixels)
    }
    self.video = video
    isWhole = selection.start == 0 && selection.duration == nil && selection.frameRate == nil
    guard let path = video.ffmpeg.ffmpeg else {
      throw .missingProgram(file: video.file.path, reason: video.ffmpeg.absence)
    }
    do throws(ProgramFailure) {
      program = try ChildProgram(
        path, Self.arguments(video, selection, width, height), writes: false, reads: true)
    } catch {
      throw .missingProgram(file: video.file.path, reason: error.reason)
    }
  }

  private static func arguments(
    _ video: Video, _ selection: FrameSelection, _ width: Int, _ height: Int
  ) -> [String] {
    var words = ["-nostdin", "-hide_banner", "-loglevel", "error", "-xerror"]
    // Time stamps are multiples of the stream's time base, mostly not of ffmpeg's microsecond.
    let slack = 0.0005
    if selection.start > slack { words += ["-ss", String(format: "%.6f", selection.start - slack)] }
    if let duration = selection.duration {
      let length = selection.start > slack ? duration : max(slack, duration + selection.start - slack)
      words += ["-t", String(format: "%.6f", length)]
    }
    words += FFmpeg.input(video.file)
    var filters: [String] = []
    if let rate = selection.frameRate { filters.append("fps=\(rate)") }
    let kind = selection.size == nil ? "bicubic" : "lanczos"
    filters.append("scale=\(width):\(height):flags=\(kind)+accurate_rnd+full_chroma_int+full_chroma_inp")
    // Renumber the frames: ffmpeg would otherwise repeat or drop some to make the rate constant.
    filters += ["settb=1/25", "setpts=N"]
    return words + [
      "-map", "0:\(video.stream)", "-vf", filters.joined(separator: ","), "-r", "25", "-f", "rawvideo",
      "-pix_fmt", "rgb24", "pipe:1",
    ]
  }

  /// The next frame; nil after the last.
  ///
  /// - Throws: ``VideoError`` where the video is damaged from here on; again on every further call.
  public func next() throws(VideoError) -> Image? {
    if let failure { throw failure }
    guard let program else { return nil }
    let size = width * height * 3
    do throws(ProgramFailure) {
      var problem: ProgramFailure?
      let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, initialized in
        do throws(ProgramFailure) {
          initialized = try program.read(into: UnsafeMutableRawBufferPointer(buffer.extracting(0..<size)))
        } catch {
          problem = error
        }
      }
      if let problem { throw problem }
      if bytes.count == size {
        count += 1
        return Image(width: width, height: height, channels: 3, bytes: bytes)
      }
      try program.finish()
      guard bytes.isEmpty else { throw ProgramFailure(reason: "frame \(count) is incomplete") }
      if count == 0 && isWhole { throw ProgramFailure(reason: program.complaint ?? "it holds no frames") }
      if isWhole, let announced = video.frameCount, count < announced {
        throw ProgramFailure(
          reason: "of \(announced) frames only \(count) could be decoded"
            + (program.complaint.map { " (\($0))" } ?? ""))
      }
      self.program = nil
      return nil
    } catch {
      self.program = nil
      let failed = VideoError.damaged(file: video.file.path, reason: error.reason)
      failure = failed
      throw failed
    }
  }
}
