internal import Foundation

/// Where the programs ffmpeg and ffprobe are. Either may be absent; what needs it then says so.
public struct FFmpeg: Sendable, Hashable {
  /// The path of ffmpeg, or nil.
  let ffmpeg: String?
  /// The path of ffprobe, or nil.
  let ffprobe: String?
  /// Why one of them is missing, and the way out.
  let absence: String

  /// The programs that this process's environment names, looked for once.
  public static let standard = FFmpeg(environment: ProcessInfo.processInfo.environment)

  /// The programs that an environment names: `ATELIER_FFMPEG` (the program ffmpeg, beside which ffprobe lies,
  /// or the folder of both), else the first of each on `PATH`.
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
      ? "ATELIER_FFMPEG is '\(named)', which is neither that program nor a folder with it; correct or unset it"
      : "ffprobe lies neither beside \(path) nor on the PATH; install it"
  }

  /// Whether both programs are there.
  public var isAvailable: Bool { ffmpeg != nil && ffprobe != nil }

  private static func isProgram(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && !isFolder.boolValue
      && FileManager.default.isExecutableFile(atPath: path)
  }

  // MARK: Arguments

  /// The demuxers that may read a file: containers of sound and images, and none that follows references to
  /// other files, such as playlists.
  private static let demuxers = [
    "aac", "ac3", "aiff", "amr", "ape", "asf", "au", "avi", "caf", "dts", "dv", "eac3", "flac", "flv", "gif",
    "h264", "hevc", "ivf", "m4v", "matroska", "mjpeg", "mov", "mp3", "mp4", "mpc", "mpc8", "mpeg", "mpegts",
    "mpegvideo", "mxf", "nistsphere", "nut", "ogg", "oma", "rm", "tak", "truehd", "tta", "voc", "w64", "wav",
    "webm", "wtv", "wv", "yuv4mpegpipe", "obu", "av1", "apng", "webp_pipe",
  ].joined(separator: ",")

  /// What stands before a file that is read. The name is absolute, so that it is no option, and has the
  /// prefix `file:`, so that it is no protocol; the network stays closed.
  static func input(_ file: URL) -> [String] {
    ["-protocol_whitelist", "file,pipe", "-format_whitelist", demuxers, "-i", address(file)]
  }

  /// A file's name as ffmpeg takes it for nothing else.
  static func address(_ file: URL) -> String { "file:" + file.absoluteURL.standardizedFileURL.path }
}
