internal import Foundation

/// A folder that is filled beside its place, and appears there whole or not at all.
///
/// What an interrupted preparation left is taken up again by the same preparation; files in it are whole,
/// since each is written beside and renamed.
struct StagedFolder: Sendable {
  let target: URL
  private let staging: URL

  private static let marker = ".preparation"

  /// Begins or takes up again.
  ///
  /// - Parameter recipe: what is made, from what; another preparation's leavings are not mixed in.
  /// - Throws: ``DatasetError/exists(path:)`` where something is there already.
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
          reason: "another preparation for it was interrupted; remove \(staging.path) or finish that one")
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

  /// Whether a file is there from an earlier, interrupted run.
  func has(_ name: String) -> Bool {
    FileManager.default.fileExists(atPath: staging.appendingPathComponent(name).path)
  }

  /// Writes a file, at once or not at all.
  func write(_ bytes: [UInt8], to name: String) throws(DatasetError) {
    let file = staging.appendingPathComponent(name)
    do {
      try makeFolder(of: file)
      try Data(bytes).write(to: file, options: .atomic)
    } catch {
      throw .unwritable(path: file.path, reason: "the disk is full, or the folder is not writable")
    }
  }

  /// Copies a file, or links it, which takes no space.
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
          ? "\(source.lastPathComponent) cannot be linked there; leave --link out to copy"
          : "\(source.lastPathComponent) cannot be read, or the disk is full")
    }
  }

  /// Leaves nothing behind, where nothing could be made.
  func discard() { try? FileManager.default.removeItem(at: staging) }

  /// Puts the folder in its place.
  func finish() throws(DatasetError) {
    let manager = FileManager.default
    do {
      try manager.removeItem(at: staging.appendingPathComponent(Self.marker))
      // Only an empty folder can be there; a folder cannot be renamed over it everywhere.
      if manager.fileExists(atPath: target.path) { try manager.removeItem(at: target) }
      try manager.moveItem(at: staging, to: target)
    } catch {
      throw .unwritable(path: target.path, reason: "what was made lies in \(staging.path)")
    }
  }

  private func makeFolder(of file: URL) throws {
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
  }
}

extension DatasetSplit {
  /// The part that falls to what is drawn under one name: one in ten for tests, one in twenty for validation.
  static func drawn(seed: UInt64, purpose: String) -> DatasetSplit {
    var generator = SeededGenerator(seed: seed, purpose: purpose)
    switch generator.integer(below: 20) {
    case 0, 1: return .test
    case 2: return .validation
    default: return .train
    }
  }
}

/// What a preparation made.
public struct PreparationReport: Sendable, Hashable {
  /// The files that were made, of all parts.
  public var written: Int
  /// What was left out and why, a sentence each.
  public var leftOut: [String]
}
