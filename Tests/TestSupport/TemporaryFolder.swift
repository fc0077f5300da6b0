public import Foundation

/// A folder that is there as long as its owner, and empty at first.
public final class TemporaryFolder {
  /// Where it lies.
  public let url: URL

  /// Makes a folder in the system's place for temporary files.
  public init() throws {
    url = FileManager.default.temporaryDirectory.appendingPathComponent("atelier-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit {
    // A test may have taken the right to write away.
    try? FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: url.path)
    try? FileManager.default.removeItem(at: url)
  }

  /// Something in the folder.
  public func callAsFunction(_ path: String) -> URL { url.appendingPathComponent(path) }
}
