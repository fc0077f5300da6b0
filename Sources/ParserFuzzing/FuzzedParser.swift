package import Foundation

/// A reader of files that may come from anyone, and valid files to begin with.
package struct FuzzedParser: Sendable {
  /// For example `pickle`.
  package let name: String
  /// Longer inputs are not tried.
  package let longest: Int
  /// Valid files, as small as they are valid.
  package let seeds: @Sendable () throws -> [[UInt8]]
  /// Reads an input: throws what the reader throws. The folder is the reader's own, in memory where the machine has
  /// such a place.
  let read: @Sendable (FuzzFolder, [UInt8]) throws -> Void

  init(
    _ name: String, longest: Int = 4096, seeds: @escaping @Sendable () throws -> [[UInt8]],
    read: @escaping @Sendable (FuzzFolder, [UInt8]) throws -> Void
  ) {
    (self.name, self.longest, self.seeds, self.read) = (name, longest, seeds, read)
  }

  /// What became of an input.
  package enum Outcome: Sendable, Hashable {
    /// It was read.
    case accepted
    /// It was refused in one sentence.
    case refused
    /// It was refused otherwise: by an error that is none of Atelier's, or not in one sentence. Why.
    case wrong(String)
  }

  /// Reads an input. What traps, traps.
  package func outcome(of input: [UInt8], in folder: FuzzFolder) -> Outcome {
    do {
      try read(folder, input)
      return .accepted
    } catch {
      guard let problem = RefusalCheck.problem(of: error) else { return .refused }
      return .wrong(problem)
    }
  }

  /// A parser by its name.
  package static func named(_ name: String) -> FuzzedParser? { all.first { $0.name == name } }

  /// All of them.
  package static let all: [FuzzedParser] =
    tensorFiles + archives + dataFiles + texts + mediaFiles + faces
}

/// A folder for one process's inputs.
package final class FuzzFolder {
  /// Where it lies.
  package let url: URL

  /// Makes an empty one.
  package init() throws {
    let memory = URL(fileURLWithPath: "/dev/shm", isDirectory: true)
    let manager = FileManager.default
    let place = manager.isWritableFile(atPath: memory.path) ? memory : manager.temporaryDirectory
    url = place.appendingPathComponent("atelier-fuzz-\(UUID().uuidString)", isDirectory: true)
    try manager.createDirectory(at: url, withIntermediateDirectories: true)
  }

  /// Removes it.
  package func remove() { try? FileManager.default.removeItem(at: url) }

  /// A file with the input's bytes, over what was there.
  func file(_ name: String, _ bytes: [UInt8]) throws -> URL {
    let file = url.appendingPathComponent(name)
    let descriptor = open(file.path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw CocoaError(.fileWriteUnknown) }
    defer { close(descriptor) }
    let written = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    guard written == bytes.count else { throw CocoaError(.fileWriteOutOfSpace) }
    return file
  }

  /// A folder in it that is made once, with what is beside the input.
  func folder(_ name: String, _ fill: (URL) throws -> Void) throws -> URL {
    let folder = url.appendingPathComponent(name, isDirectory: true)
    if !FileManager.default.fileExists(atPath: folder.path) {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      try fill(folder)
    }
    return folder
  }
}
