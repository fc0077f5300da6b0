import Foundation

extension RunDirectory {
  /// Whether a process is training the run now: it holds the run's log.
  public var isInTraining: Bool {
    let descriptor = Foundation.open(events.path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return false }
    defer { Foundation.close(descriptor) }
    guard flock(descriptor, LOCK_SH | LOCK_NB) != 0 else {
      flock(descriptor, LOCK_UN)
      return false
    }
    return errno == EWOULDBLOCK
  }
}
