package import Foundation

/// The files of sounds and videos, by their endings.
package enum MediaFiles {
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
  package static func names(_ medium: MediaReport.Medium, below folder: URL) -> [String] {
    let endings = endings(medium)
    var found: [String] = []
    // Symbolic links are followed, but for those to a folder that they lie in.
    func walk(_ folder: URL, _ prefix: String, _ above: [String]) {
      let place = folder.resolvingSymlinksInPath().path
      guard !above.contains(place), above.count < 16 else { return }
      for name in listing(of: folder) {
        let url = folder.appendingPathComponent(name)
        if ImageFolders.isFolder(url) {
          walk(url, prefix + name + "/", above + [place])
        } else if endings.contains(url.pathExtension.lowercased()) {
          found.append(prefix + name)
        }
      }
    }
    walk(folder, "", [])
    return found.sorted()
  }
}

extension MediaReport.Medium {
  /// The endings of files that count as of this medium, in small letters.
  public var fileExtensions: Set<String> { MediaFiles.endings(self) }
}
