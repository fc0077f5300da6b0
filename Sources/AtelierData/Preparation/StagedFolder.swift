internal import Foundation

/// A folder that is filled under a temporary name and moved to its destination atomically.
///
/// An interrupted preparation is continued by repeating it; files are complete, as each is written under a
/// temporary name and moved.
struct StagedFolder: Sendable {
  let target: URL
  private let staging: URL

  private static let marker = ".preparation"

  /// Creates or continues the temporary folder.
  ///
  /// - Parameter recipe: identifies operation and inputs; an interrupted preparation of another recipe is
  ///   refused.
  /// - Throws: ``DatasetError/exists(path:)`` where the destination exists already.
  init(_ target: URL, recipe: String) throws(DatasetError) {
    self.target = target.standardizedFileURL
    let name = self.target.lastPathComponent
    staging = self.target.deletingLastPathComponent().appendingPathComponent(".\(name).partial")
    let manager = FileManager.default
    if manager.fileExists(atPath: self.target.path) {
      let isEmpty = (try? manager.contentsOfDirectory(atPath: self.target.path))?.isEmpty ?? false
      guard isEmpty else { throw .exists(path: target.path) }
    }
    let marker = staging.appendingPathComponent(Self.marker)
    if manager.fileExists(atPath: staging.path) {
      guard (try? String(contentsOf: marker, encoding: .utf8)) == recipe else {
        throw .unwritable(
          path: target.path,
          reason: "another preparation of it was interrupted; remove \(staging.path), or repeat that one")
      }
      return
    }
    do {
      try manager.createDirectory(at: staging, withIntermediateDirectories: true)
      try Data(recipe.utf8).write(to: marker, options: .atomic)
    } catch {
      throw .unwritable(path: target.path, reason: "the folder above it is missing, full or not writable")
    }
  }

  /// Whether an interrupted preparation already wrote a file.
  func has(_ name: String) -> Bool {
    FileManager.default.fileExists(atPath: staging.appendingPathComponent(name).path)
  }

  /// Writes a file atomically.
  func write(_ bytes: [UInt8], to name: String) throws(DatasetError) {
    let file = staging.appendingPathComponent(name)
    do {
      try makeFolder(of: file)
      try Data(bytes).write(to: file, options: .atomic)
    } catch {
      throw .unwritable(path: file.path, reason: "the disk is full, or the folder is not writable")
    }
  }

  /// Copies a file, or makes a hard link.
  func add(_ source: URL, as name: String, linking: Bool) throws(DatasetError) {
    if has(name) { return }
    let manager = FileManager.default
    let file = staging.appendingPathComponent(name)
    let whole = source.resolvingSymlinksInPath()
    do {
      try makeFolder(of: file)
      if linking {
        try manager.linkItem(at: whole, to: file)
        return
      }
      let beside = file.deletingLastPathComponent().appendingPathComponent(".\(UUID().uuidString)")
      try manager.copyItem(at: whole, to: beside)
      try manager.moveItem(at: beside, to: file)
    } catch {
      throw .unwritable(
        path: file.path,
        reason: linking
          ? "\(source.lastPathComponent) cannot be linked there; copy the files instead"
          : "\(source.lastPathComponent) cannot be read, or the disk is full")
    }
  }

  /// Where a file of the result lies until the folder is finished.
  func url(_ name: String) -> URL { staging.appendingPathComponent(name) }

  /// Gives a file another place within the result.
  func move(_ name: String, to other: String) throws(DatasetError) {
    let file = url(other)
    do {
      try makeFolder(of: file)
      try FileManager.default.moveItem(at: url(name), to: file)
    } catch {
      throw .unwritable(path: file.path, reason: "it is there already, or the folder is not writable")
    }
  }

  /// Removes the temporary folder.
  func discard() { try? FileManager.default.removeItem(at: staging) }

  /// Moves the folder to its destination.
  func finish() throws(DatasetError) {
    let manager = FileManager.default
    do {
      try manager.removeItem(at: staging.appendingPathComponent(Self.marker))
      // Only an empty folder can exist there; not every system renames a folder over it.
      if manager.fileExists(atPath: target.path) { try manager.removeItem(at: target) }
      try manager.moveItem(at: staging, to: target)
    } catch {
      throw .unwritable(path: target.path, reason: "the result is in \(staging.path)")
    }
  }

  private func makeFolder(of file: URL) throws {
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
  }
}

extension DatasetSplit {
  /// The random part of the items with one name: test with 10 %, validation with 5 % probability.
  static func drawn(seed: UInt64, purpose: String) -> DatasetSplit {
    var generator = SeededGenerator(seed: seed, purpose: purpose)
    switch generator.integer(below: 20) {
    case 0, 1: return .test
    case 2: return .validation
    default: return .train
    }
  }
}

/// The result of a preparation.
public struct PreparationReport: Sendable, Hashable {
  /// The number of files written, in all parts.
  public var written: Int
  /// What was left out and why, one sentence each.
  public var leftOut: [String]
  /// What was read and what it gave, one sentence each, where a recipe reads several sources.
  public var found: [String] = []
}
