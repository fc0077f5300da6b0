import Foundation

/// Files of the repository that inputs begin with.
enum RepositoryFiles {
  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  /// The contents of files of a folder, in the order of their paths; none where the repository is not there.
  static func contents(of folder: String, ending: String) -> [[UInt8]] {
    let place = root.appendingPathComponent(folder)
    let names = (try? FileManager.default.subpathsOfDirectory(atPath: place.path)) ?? []
    return names.filter { $0.hasSuffix(ending) }.sorted().compactMap {
      (try? Data(contentsOf: place.appendingPathComponent($0))).map { [UInt8]($0) }
    }
  }
}
