internal import Foundation

/// The files of sounds and videos, by their endings.
enum MediaFiles {
  private static let known: [MediaReport.Medium: Set<String>] = [
    .sounds: [
      "wav", "wave", "flac", "ogg", "oga", "opus", "aif", "aiff", "mp3", "m4a", "aac", "caf", "au", "sph",
      "wma",
    ],
    .videos: ["mp4", "m4v", "mov", "mkv", "webm", "avi", "mpg", "mpeg", "wmv", "flv", "ts"],
  ]

  /// The endings of a medium's files, in small letters.
  static func endings(_ medium: MediaReport.Medium) -> Set<String> { known[medium] ?? [] }

  /// The sorted paths, relative to `folder`, of all files of a medium below it, without hidden ones.
  static func names(_ medium: MediaReport.Medium, below folder: URL) -> [String] {
    guard let walk = FileManager.default.enumerator(atPath: folder.path) else { return [] }
    var found: [String] = []
    for case let name as String in walk {
      let isHidden = name.split(separator: "/").contains { $0.hasPrefix(".") }
      let ending = (name as NSString).pathExtension.lowercased()
      guard !isHidden, endings(medium).contains(ending),
        !ImageFolders.isFolder(folder.appendingPathComponent(name))
      else { continue }
      found.append(name)
    }
    return found.sorted()
  }
}

extension MediaReport.Medium {
  /// The endings of files that count as of this medium, in small letters.
  public var fileExtensions: Set<String> { MediaFiles.endings(self) }
}
