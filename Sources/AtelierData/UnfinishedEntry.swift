package import Foundation

/// A file or folder of the user's cache while it is made: hidden, and locked for as long as its maker lives.
///
/// Whoever makes one removes those beside it that nobody holds any more, because their maker was killed. A lock is the
/// system's own (`flock`), so that it ends with the process, and with every command that writes for it.
package final class UnfinishedEntry {
  /// Where it is made.
  package let place: URL
  /// The file, opened for writing; of a folder, the folder.
  package let descriptor: Int32

  /// Begins an empty file or folder in a folder that is there, which is rid of abandoned ones first.
  ///
  /// - Throws: ``DatasetError/unwritable(path:reason:)``.
  package init(in folder: URL, isFolder: Bool = false) throws(DatasetError) {
    Self.removeAbandoned(in: folder)
    while true {
      let place = folder.appendingPathComponent(".\(UUID().uuidString)")
      let made = isFolder && mkdir(place.path, 0o777) != 0
      let flags = isFolder ? O_RDONLY | O_DIRECTORY : O_WRONLY | O_CREAT | O_EXCL
      let descriptor = made ? -1 : open(place.path, flags | O_CLOEXEC, 0o666)
      guard descriptor >= 0 else {
        throw .unwritable(path: folder.path, reason: String(cString: strerror(errno)))
      }
      // File systems without locks keep what a kill leaves.
      flock(descriptor, LOCK_EX)
      // Another process may have removed it before it was locked.
      guard Self.isAt(place, descriptor) else {
        close(descriptor)
        continue
      }
      (self.place, self.descriptor) = (place, descriptor)
      return
    }
  }

  /// Removes it, unless it was moved away.
  deinit {
    if Self.isAt(place, descriptor) { try? FileManager.default.removeItem(at: place) }
    close(descriptor)
  }

  /// Moves it to its own place, over a file that is there.
  ///
  /// - Returns: whether it could be moved; not onto a folder that holds anything.
  package func move(to target: URL) -> Bool { rename(place.path, target.path) == 0 }

  /// Removes what was being made in a folder by processes that are gone.
  package static func removeAbandoned(in folder: URL) {
    for name in (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    where name.hasPrefix(".") && UUID(uuidString: String(name.dropFirst())) != nil {
      let place = folder.appendingPathComponent(name)
      let descriptor = open(place.path, O_RDONLY | O_CLOEXEC)
      guard descriptor >= 0 else { continue }
      if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { try? FileManager.default.removeItem(at: place) }
      close(descriptor)
    }
  }

  /// Whether a path leads to what is open.
  private static func isAt(_ place: URL, _ descriptor: Int32) -> Bool {
    var (named, opened) = (stat(), stat())
    return stat(place.path, &named) == 0 && fstat(descriptor, &opened) == 0
      && named.st_ino == opened.st_ino && named.st_dev == opened.st_dev
  }
}
