internal import Foundation

extension ImageFolders {
  /// Refuses data of which a folder cannot be listed: it would be taken for an empty one.
  ///
  /// Anything but a folder passes; hidden names and debris are no data.
  ///
  /// - Throws: ``DatasetError/unusable(path:reason:)`` that names the folder.
  static func requireListable(_ folder: URL, depth: Int = 0) throws(DatasetError) {
    guard isFolder(folder) else { return }
    if depth == 0, let place = known(folder), !place.holdsClosedFolders { return }
    do { _ = try FileManager.default.contentsOfDirectory(atPath: folder.path) } catch {
      throw .unusable(path: folder.path, reason: "the folder cannot be listed, \(reason(error))")
    }
    // Without the right to enter it, names can be listed and nothing behind them be read.
    guard FileManager.default.isExecutableFile(atPath: folder.path) else {
      throw .unusable(path: folder.path, reason: "the folder cannot be entered, \(noPermission)")
    }
    guard depth < 16 else { return }
    for name in listing(of: folder, withImages: false) where !isImage(name) {
      try requireListable(folder.appendingPathComponent(name), depth: depth + 1)
    }
  }

  private static let noPermission = "there is no permission to; change its permissions, or move it away"

  private static func reason(_ error: any Error) -> String {
    let failure = error as NSError
    let underlying = failure.userInfo[NSUnderlyingErrorKey] as? NSError
    let code = [failure, underlying].compactMap(\.self).first { $0.domain == NSPOSIXErrorDomain }?.code
    switch code.map({ Int32($0) }) {
    case nil, EACCES?, EPERM?: return noPermission
    case let code?: return "\(String(cString: strerror(code))); mend that, or move it away"
    }
  }
}

/// A text file as UTF-8.
///
/// - Parameter what: what it is, for messages: "the list".
/// - Throws: ``DatasetError/corruptFile(path:reason:)`` where it cannot be read, or is no UTF-8.
func text(of file: URL, _ what: String = "it") throws(DatasetError) -> String {
  let data: Data
  do { data = try Data(contentsOf: file) } catch {
    guard FileManager.default.fileExists(atPath: file.path) else { throw .notFound(path: file.path) }
    throw .corruptFile(path: file.path, reason: "\(what) cannot be read; check its permissions")
  }
  guard let text = String(data: data, encoding: .utf8) else {
    throw .corruptFile(path: file.path, reason: "\(what) is not text in UTF-8; save it as UTF-8")
  }
  return text
}
