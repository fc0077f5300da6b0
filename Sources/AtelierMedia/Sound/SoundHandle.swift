internal import CSndFile
internal import Foundation

/// A sound that libsndfile has open, with the file or the memory that it reads or writes.
///
/// libsndfile calls back into memory until the sound is closed, on every path, also where an error ends it. So the
/// handle holds a count of its own on what it was opened on, and gives it back after closing.
final class SoundHandle {
  /// What libsndfile's functions take; nil once closed. Keep this object alive across their calls.
  private(set) var pointer: OpaquePointer?
  private let source: Unmanaged<AnyObject>?

  /// Opens bytes or a file.
  ///
  /// - Returns: nil where libsndfile does not open it.
  init?(_ source: any ByteSource, _ mode: Int, _ info: inout SF_INFO) {
    let retained = Unmanaged<AnyObject>.passRetained(source)
    let opened: OpaquePointer? =
      if let file = source as? OpenFile {
        // libsndfile takes the name "-" for standard input, so it gets a descriptor instead.
        Self.open(file.descriptor, fromStart: true, mode, &info)
      } else {
        Self.open(retained.toOpaque(), mode, &info)
      }
    guard let opened else {
      retained.release()
      return nil
    }
    (pointer, self.source) = (opened, retained)
  }

  /// Opens a descriptor, which stays the caller's to close.
  init?(writingTo descriptor: Int32, _ info: inout SF_INFO) {
    guard let opened = Self.open(descriptor, fromStart: false, Int(SFM_WRITE), &info) else { return nil }
    (pointer, source) = (opened, nil)
  }

  deinit { close() }

  /// Completes the header of a written sound.
  ///
  /// - Returns: false where libsndfile could not.
  @discardableResult
  func close() -> Bool {
    guard let pointer else { return true }
    self.pointer = nil
    let isComplete = sf_close(pointer) == 0
    source?.release()
    return isComplete
  }

  private static func open(
    _ descriptor: Int32, fromStart: Bool, _ mode: Int, _ info: inout SF_INFO
  ) -> OpaquePointer? {
    if fromStart { lseek(descriptor, 0, SEEK_SET) }
    return sf_open_fd(descriptor, Int32(mode), &info, Int32(SF_FALSE))
  }

  private static func open(
    _ memory: UnsafeMutableRawPointer, _ mode: Int, _ info: inout SF_INFO
  ) -> OpaquePointer? {
    var functions = SF_VIRTUAL_IO(
      get_filelen: { sf_count_t(SoundHandle.memory($0)?.length ?? 0) },
      seek: { sf_count_t(SoundHandle.memory($2)?.seek(Int($0), $1) ?? 0) },
      read: { target, count, user in
        guard let target else { return 0 }
        return sf_count_t(SoundHandle.memory(user)?.read(into: target, count: Int(count)) ?? 0)
      },
      write: { source, count, user in
        guard let source else { return 0 }
        return sf_count_t(SoundHandle.memory(user)?.write(source, count: Int(count)) ?? 0)
      },
      tell: { sf_count_t(SoundHandle.memory($0)?.tell ?? 0) })
    return sf_open_virtual(&functions, Int32(mode), &info, memory)
  }

  private static func memory(_ user: UnsafeMutableRawPointer?) -> MemoryFile? {
    user.flatMap { Unmanaged<AnyObject>.fromOpaque($0).takeUnretainedValue() as? MemoryFile }
  }
}
