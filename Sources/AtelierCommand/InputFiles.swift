import Atelier
import Foundation

/// The images that paths stand for: files, and what lies in folders and archives.
///
/// - Parameter option: what an error names.
func imageFiles(named paths: [String], for option: String) throws -> [URL] {
  try paths.flatMap { path -> [URL] in
    let url = try DataArchive.folder(at: URL(fileURLWithPath: path))
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) else {
      throw Refusal.input("\(path) does not exist; \(option) takes images and folders of images")
    }
    guard isFolder.boolValue else { return [url] }
    let names = imageFiles(below: url)
    guard !names.isEmpty else { throw Refusal.data("there is no image in \(path)") }
    return names.map { url.appendingPathComponent($0) }
  }
}
