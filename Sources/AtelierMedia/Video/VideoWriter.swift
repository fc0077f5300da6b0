public import Foundation

/// Writes a video: H.264 in MP4, or an animated GIF.
///
/// The file is written under a temporary name and moved by ``finish()``; a failure, or a writer that is
/// released before, leaves no partial file and an existing one unchanged.
///
/// MP4 is `yuv420p`, BT.709 in the limited range, which needs even sizes: where the width or height is odd,
/// the last column or row is repeated. A GIF has a palette per frame, and delays in hundredths of a second.
public final class VideoWriter: FrameWriter {
  /// A sound track for a video.
  public struct Sound: Sendable, Hashable {
    /// A file with an audio stream, such as the video that the frames come from.
    public var file: URL
    /// The time in that file, in seconds, that belongs to the first frame.
    public var start: Double

    /// The sound of `file` from `start` on.
    public init(_ file: URL, start: Double = 0) {
      self.file = file
      self.start = start
    }
  }

  private enum Kind { case mp4, gif }

  private let file: URL
  private let temporary: URL
  private let kind: Kind
  private let width: Int
  private let height: Int
  private let frameRate: FrameRate
  private let sound: Sound?
  private let comment: String?
  private let ffmpeg: FFmpeg
  private let path: String
  private let muxer: String
  private var program: ChildProgram?
  private var count = 0
  private var failure: VideoError?

  /// Starts ffmpeg.
  ///
  /// - Parameters:
  ///   - file: ends in `.mp4`, `.m4v`, `.mov` or `.gif`.
  ///   - width: width of every frame in pixels.
  ///   - height: height of every frame in pixels.
  ///   - frameRate: frames per second; at most 50 for a GIF.
  ///   - quality: the constant rate factor of H.264, 0 (lossless but for the colour conversion) ... 51.
  ///   - sound: for MP4 only: copied where MP4 can hold its codec, otherwise encoded as AAC; no longer than
  ///     the frames.
  ///   - comment: a comment in the file's metadata, such as its provenance; MP4 only.
  public init(
    to file: URL, width: Int, height: Int, frameRate: FrameRate, quality: Int = 18, sound: Sound? = nil,
    comment: String? = nil, ffmpeg: FFmpeg = .standard
  ) throws(VideoError) {
    switch file.pathExtension.lowercased() {
    case "mp4", "m4v", "mov": kind = .mp4
    case "gif": kind = .gif
    default: throw .unwritable(file: file.path, reason: "its name must end in .mp4, .m4v, .mov or .gif")
    }
    guard (1...16_384).contains(width), (1...16_384).contains(height), (0...51).contains(quality) else {
      throw .invalid(
        reason: "a video of \(width) x \(height) pixels with quality \(quality) cannot be written")
    }
    guard kind == .mp4 || (sound == nil && frameRate.value <= 50) else {
      throw .unwritable(file: file.path, reason: "a GIF has no sound and at most 50 frames per second")
    }
    guard ffmpeg.isAvailable, let path = ffmpeg.ffmpeg else {
      throw .missingProgram(file: file.path, reason: ffmpeg.absence)
    }
    var isFolder: ObjCBool = false
    let folder = file.deletingLastPathComponent()
    guard FileManager.default.fileExists(atPath: folder.path, isDirectory: &isFolder), isFolder.boolValue,
      FileManager.default.isWritableFile(atPath: folder.path)
    else { throw .unwritable(file: file.path, reason: "the folder is missing or not writable") }
    self.file = file
    self.width = width
    self.height = height
    self.frameRate = frameRate
    self.sound = sound
    self.comment = comment
    self.ffmpeg = ffmpeg
    self.path = path
    muxer = kind == .gif ? "gif" : file.pathExtension.lowercased() == "mov" ? "mov" : "mp4"
    temporary = folder.appendingPathComponent(".\(file.lastPathComponent).\(UUID().uuidString)")
    let even = (width: width + width % 2, height: height + height % 2)
    let size = kind == .mp4 ? even : (width: width, height: height)
    let input = [
      "-f", "rawvideo", "-pix_fmt", "rgb24", "-video_size", "\(size.width)x\(size.height)", "-framerate",
      "\(frameRate)", "-i", "pipe:0",
    ]
    let encoder: [String]
    switch kind {
    case .mp4:
      encoder =
        [
          "-vf",
          "scale=out_color_matrix=bt709:out_range=tv:flags=bicubic+accurate_rnd+full_chroma_inp,format=yuv420p",
          "-c:v", "libx264", "-crf", "\(quality)", "-colorspace", "bt709", "-color_primaries", "bt709",
          "-color_trc", "bt709", "-color_range", "tv", "-movflags", "+faststart", "-f", muxer,
        ] + (comment.map { ["-metadata", "comment=\($0)"] } ?? [])
    case .gif:
      encoder = [
        "-filter_complex", "[0:v]split[a][b];[a]palettegen=stats_mode=single[p];[b][p]paletteuse=new=1", "-f",
        "gif",
      ]
    }
    do throws(ProgramFailure) {
      program = try ChildProgram(
        path,
        ["-hide_banner", "-loglevel", "error", "-y"] + input + encoder + [FFmpeg.address(temporary)],
        writes: true, reads: false)
    } catch {
      throw .missingProgram(file: file.path, reason: error.reason)
    }
  }

  deinit { abandon() }

  /// Appends a frame; alpha is composited over white, and every depth becomes 8 bits.
  ///
  /// - Throws: ``VideoError`` where the frame has another size, or ffmpeg has failed.
  public func append(_ frame: Image) throws(VideoError) {
    if let failure { throw failure }
    guard let program else { throw .invalid(reason: "\(file.path) is finished and takes no more frames") }
    guard frame.width == width, frame.height == height else {
      throw .invalid(
        reason: "frame \(count) has \(frame.width) x \(frame.height) pixels instead of \(width) x \(height)")
    }
    let pixels = frame.with8Bits().rgb()
    let bytes = kind == .mp4 ? Self.even(pixels).bytes : pixels.bytes
    do throws(ProgramFailure) {
      var problem: ProgramFailure?
      bytes.withUnsafeBytes { raw in
        do throws(ProgramFailure) { try program.write(raw) } catch { problem = error }
      }
      if let problem { throw problem }
    } catch {
      var failure = error
      do throws(ProgramFailure) { try program.finish() } catch { failure = error }
      throw failed(failure)
    }
    count += 1
  }

  /// Completes the video, adds the sound, and moves the file to its destination, replacing an existing one.
  public func finish() throws(VideoError) {
    if let failure { throw failure }
    guard let program else { throw .invalid(reason: "\(file.path) is finished already") }
    guard count > 0 else { throw failed("no frames were appended") }
    do throws(ProgramFailure) {
      try program.finish()
      if let sound { try addSound(sound) }
    } catch {
      throw failed(error)
    }
    guard rename(temporary.path, file.path) == 0 else { throw failed("it cannot be moved into place") }
    self.program = nil
  }

  /// Remuxes the video with the sound, cut to its length.
  private func addSound(_ sound: Sound) throws(ProgramFailure) {
    guard sound.start >= 0, sound.start.isFinite, FileManager.default.isReadableFile(atPath: sound.file.path)
    else {
      throw ProgramFailure(reason: "the sound's file \(sound.file.path) cannot be read")
    }
    guard let stream = try MediaProbe(sound.file, ffmpeg).audio else {
      throw ProgramFailure(reason: "the sound's file \(sound.file.path) has no audio stream")
    }
    let isHeld = ["aac", "mp3", "ac3", "eac3", "alac", "opus"].contains(stream.codecName ?? "")
    let length = Double(count) * Double(frameRate.denominator) / Double(frameRate.numerator)
    let joined = temporary.appendingPathExtension("sound")
    defer { try? FileManager.default.removeItem(at: joined) }
    let program = try ChildProgram(
      path,
      ["-nostdin", "-hide_banner", "-loglevel", "error", "-y"] + FFmpeg.input(temporary)
        + ["-ss", String(format: "%.6f", sound.start), "-t", String(format: "%.6f", length)]
        + FFmpeg.input(sound.file)
        + ["-map", "0:v:0", "-map", "1:\(stream.index)", "-c:v", "copy", "-map_metadata", "0"]
        + (isHeld ? ["-c:a", "copy"] : ["-c:a", "aac", "-b:a", "192k"])
        + ["-movflags", "+faststart", "-f", muxer, FFmpeg.address(joined)], writes: false, reads: false)
    try program.finish()
    guard rename(joined.path, temporary.path) == 0 else {
      throw ProgramFailure(reason: "it cannot be moved to its destination")
    }
  }

  /// A failure of the program; where the disk is full, that is the reason, whatever its last words are.
  private func failed(_ failure: ProgramFailure) -> VideoError {
    // Before the file is removed, which makes room.
    failed(Shortage.fullDisk(words: failure.words, writing: temporary) ?? failure.reason)
  }

  private func failed(_ reason: String) -> VideoError {
    abandon()
    let error = VideoError.unwritable(file: file.path, reason: reason)
    failure = error
    return error
  }

  private func abandon() {
    guard let program else { return }
    // End the process before removing the file, because it might create it again.
    program.end()
    self.program = nil
    try? FileManager.default.removeItem(at: temporary)
  }

  /// The frame padded to even sizes by repeating its last column and row.
  private static func even(_ frame: Image) -> Image {
    let (width, height) = (frame.width + frame.width % 2, frame.height + frame.height % 2)
    if width == frame.width && height == frame.height { return frame }
    let row = frame.width * 3
    var bytes: [UInt8] = []
    bytes.reserveCapacity(width * height * 3)
    for y in 0..<height {
      let start = min(y, frame.height - 1) * row
      bytes += frame.bytes[start..<(start + row)]
      if width > frame.width { bytes += frame.bytes[(start + row - 3)..<(start + row)] }
    }
    return Image(width: width, height: height, channels: 3, bytes: bytes)
  }
}
