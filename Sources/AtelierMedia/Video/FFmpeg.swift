internal import Foundation

/// The paths of ffmpeg and ffprobe. Either may be absent; what needs it then fails with the reason.
public struct FFmpeg: Sendable, Hashable {
  /// The path of ffmpeg, or nil.
  let ffmpeg: String?
  /// The path of ffprobe, or nil.
  let ffprobe: String?
  /// Why one of them is missing, and the way out.
  let absence: String

  /// The programs found through this process's environment, looked up once.
  public static let standard = FFmpeg(environment: ProcessInfo.processInfo.environment)

  /// Looks the programs up: `ATELIER_FFMPEG` (ffmpeg itself, with ffprobe beside it, or the folder of both),
  /// otherwise the first of each on `PATH`.
  public init(environment: [String: String]) {
    let folders = (environment["PATH"] ?? "").split(separator: ":").map(String.init)
      .filter { $0.hasPrefix("/") }
    func find(_ name: String, _ folders: [String]) -> String? {
      folders.map { $0 + "/" + name }.first(where: Self.isProgram)
    }
    guard let named = environment["ATELIER_FFMPEG"], !named.isEmpty else {
      ffmpeg = find("ffmpeg", folders)
      ffprobe = find("ffprobe", folders)
      absence =
        "\(ffmpeg == nil ? "ffmpeg" : "ffprobe") is not on the PATH; install it (apt-get install ffmpeg, "
        + "brew install ffmpeg), or name it in ATELIER_FFMPEG"
      return
    }
    let path = URL(fileURLWithPath: named).path
    let folder = Self.isProgram(path) ? (path as NSString).deletingLastPathComponent : path
    ffmpeg = Self.isProgram(path) ? path : find("ffmpeg", [folder])
    ffprobe = find("ffprobe", [folder]) ?? (ffmpeg == nil ? nil : find("ffprobe", folders))
    absence =
      ffmpeg == nil
      ? "ATELIER_FFMPEG is '\(named)', which is neither ffmpeg nor its folder; correct or unset it"
      : "ffprobe lies neither beside \(path) nor on the PATH; install it"
  }

  /// Whether both programs were found.
  public var isAvailable: Bool { ffmpeg != nil && ffprobe != nil }

  private static func isProgram(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && !isFolder.boolValue
      && FileManager.default.isExecutableFile(atPath: path)
  }

  // MARK: Arguments

  /// The allowed demuxers: audio and video containers, and none that follows references to other files, such
  /// as playlists.
  private static let demuxers = [
    "aac", "ac3", "aiff", "amr", "ape", "asf", "au", "avi", "caf", "dts", "dv", "eac3", "flac", "flv", "gif",
    "h264", "hevc", "ivf", "m4v", "matroska", "mjpeg", "mov", "mp3", "mp4", "mpc", "mpc8", "mpeg", "mpegts",
    "mpegvideo", "mxf", "nistsphere", "nut", "ogg", "oma", "rm", "tak", "truehd", "tta", "voc", "w64", "wav",
    "webm", "wtv", "wv", "yuv4mpegpipe", "obu", "av1", "apng", "webp_pipe",
  ].joined(separator: ",")

  /// The arguments of an input file. An absolute path cannot be taken for an option, nor with the prefix
  /// `file:` for another protocol; network protocols are not allowed.
  static func input(_ file: URL) -> [String] {
    ["-protocol_whitelist", "file,pipe", "-format_whitelist", demuxers, "-i", address(file)]
  }

  /// A file as an unambiguous ffmpeg address.
  static func address(_ file: URL) -> String { "file:" + file.absoluteURL.standardizedFileURL.path }
}
