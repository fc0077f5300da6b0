public import Foundation
import Torch

/// The folder of a run and where things lie in it.
///
/// ```
/// runs/cgan-fashion-001/
///   configuration.yaml        everything needed to run it again
///   events.jsonl              one line an event; events.out.tfevents.* beside it for TensorBoard
///   checkpoints/step-000500/  model.safetensors, training.safetensors, training.json
///   samples/step-000500.png   what it draws for fixed conditions (.txt for words)
///   artefacts/                a vocabulary and the like
///   consent.yaml              who agreed, where voices or faces of people are learned
///   report.md                 data fingerprint, numbers with their protocol, time and memory
/// ```
public struct RunDirectory: Sendable, Hashable {
  /// The folder.
  public let url: URL

  /// A folder that is or was a run's; whether it is one shows ``open(_:)``.
  package init(url: URL) { self.url = url }

  /// The run's name: the folder's.
  public var name: String { url.lastPathComponent }
  /// `configuration.yaml`
  public var configuration: URL { url.appendingPathComponent("configuration.yaml") }
  /// `events.jsonl`
  public var events: URL { url.appendingPathComponent("events.jsonl") }
  /// `checkpoints/`
  public var checkpoints: URL { url.appendingPathComponent("checkpoints", isDirectory: true) }
  /// `samples/`
  public var samples: URL { url.appendingPathComponent("samples", isDirectory: true) }
  /// `artefacts/`
  public var artefacts: URL { url.appendingPathComponent("artefacts", isDirectory: true) }
  /// `consent.yaml`, where the system learns the voices or faces of people.
  public var consent: URL { url.appendingPathComponent("consent.yaml") }
  /// `report.md`
  public var report: URL { url.appendingPathComponent("report.md") }
  /// `evaluation.json`, the numbers that `report.md` shows.
  public var evaluation: URL { url.appendingPathComponent("evaluation.json") }

  /// Makes the next free folder `<name>-001`, `<name>-002`, … and the folders in it.
  ///
  /// Two processes that ask at the same time get two folders.
  ///
  /// - Parameters:
  ///   - runs: the folder that holds runs; made where it is missing.
  ///   - name: usually the system's and the data's name; what cannot stand in a file's name becomes `-`.
  /// - Throws: ``TrainingError`` where nothing can be written there.
  public static func create(in runs: URL, name: String) throws(TrainingError) -> RunDirectory {
    try complete(numberedFolder(in: runs, name: name))
  }

  /// Makes the next free folder `<name>-001`, `<name>-002`, …, for a run or for several together.
  ///
  /// - Throws: ``TrainingError/unwritable(path:reason:)``.
  package static func numberedFolder(in runs: URL, name: String) throws(TrainingError) -> URL {
    try makeFolder(runs, withParents: true)
    let stem = fileName(name)
    let existing = (try? FileManager.default.contentsOfDirectory(atPath: runs.path)) ?? []
    let numbers = existing.compactMap { entry -> Int? in
      guard entry.hasPrefix(stem + "-") else { return nil }
      return Int(entry.dropFirst(stem.count + 1))
    }
    var number = (numbers.max() ?? 0) + 1
    while true {
      let folder = runs.appendingPathComponent("\(stem)-\(padded(number, 3))", isDirectory: true)
      if mkdir(folder.path, 0o777) == 0 { return folder }
      guard errno == EEXIST else { throw .unwritable(path: folder.path, reason: writeFailureReason(errno)) }
      number += 1
    }
  }

  /// Makes a run of a folder that the user named; it must be new or empty, but for what a run leaves that was killed
  /// before it began.
  public static func create(at folder: URL) throws(TrainingError) -> RunDirectory {
    try makeFolder(folder, withParents: true)
    RunDirectory(url: folder).removeUnbegun()
    return try complete(emptyFolder(at: folder))
  }

  /// Makes a folder that the user named, or takes it where it is empty.
  ///
  /// - Throws: ``TrainingError/unwritable(path:reason:)`` for one that is not.
  package static func emptyFolder(at folder: URL) throws(TrainingError) -> URL {
    try makeFolder(folder, withParents: true)
    let entries: [String]
    do { entries = try FileManager.default.contentsOfDirectory(atPath: folder.path) } catch {
      throw .unwritable(path: folder.path, reason: readFailureReason(error, folder, needsFolder: true))
    }
    guard entries.isEmpty else {
      throw .unwritable(
        path: folder.path, reason: "it is not empty; resume the run in it or name another folder")
    }
    return folder
  }

  /// Removes what a kill leaves between the first folder of a run and its configuration: its three folders, in that
  /// of artefacts what was derived from the data, a consent, and a configuration that did not get its name. Anything else
  /// stays.
  private func removeUnbegun() {
    let known = [artefacts, checkpoints, samples].map(\.lastPathComponent)
    func entries(_ folder: URL) -> [String]? {
      try? FileManager.default.contentsOfDirectory(atPath: folder.path)
    }
    guard let found = entries(url), !found.isEmpty else { return }
    let unnamed = found.filter { AtomicFile.isPartial($0) || $0 == consent.lastPathComponent }
    let others = found.filter { !unnamed.contains($0) }
    guard others.allSatisfy(known.contains), entries(checkpoints)?.isEmpty ?? true,
      entries(samples)?.isEmpty ?? true
    else { return }
    if others.count == known.count { try? FileManager.default.removeItem(at: artefacts) }
    for name in unnamed { unlink(url.appendingPathComponent(name).path) }
    for folder in [checkpoints, samples, artefacts] { rmdir(folder.path) }
  }

  /// Removes the folders of a run that nothing was written into.
  ///
  /// - Parameter keepsFolder: whether the run's own folder stays, as one that the user made.
  public func removeIfEmpty(keepsFolder: Bool = false) {
    for folder in [checkpoints, samples, artefacts] + (keepsFolder ? [] : [url]) { rmdir(folder.path) }
  }

  /// Opens a run that exists.
  ///
  /// - Throws: ``TrainingError/notFound(path:reason:)`` where there is no `configuration.yaml`.
  public static func open(_ folder: URL) throws(TrainingError) -> RunDirectory {
    let run = RunDirectory(url: folder.standardizedFileURL)
    guard FileManager.default.fileExists(atPath: run.configuration.path) else {
      throw .notFound(
        path: folder.path, reason: "it is no run, there is no configuration.yaml in it; check the path")
    }
    return run
  }

  /// `step-000500`
  public static func stepName(_ step: Int) -> String { "step-" + padded(step, 6) }

  /// The step that a folder's or file's name speaks of.
  package static func step(ofName name: String) -> Int? {
    guard name.hasPrefix("step-") else { return nil }
    let digits = name.dropFirst(5)
    return digits.isEmpty || !digits.allSatisfy(\.isASCIIDigit) ? nil : Int(digits)
  }

  /// The path of something in the run, relative to its folder, as events name it.
  package func relativePath(_ file: URL) -> String {
    let prefix = url.standardizedFileURL.path + "/"
    let path = file.standardizedFileURL.path
    return path.hasPrefix(prefix) ? String(path.dropFirst(prefix.count)) : path
  }

  private static func complete(_ folder: URL) throws(TrainingError) -> RunDirectory {
    let run = RunDirectory(url: folder.standardizedFileURL)
    for folder in [run.checkpoints, run.samples, run.artefacts] { try makeFolder(folder) }
    return run
  }

  /// Makes a folder where it is missing.
  ///
  /// - Throws: ``TrainingError/unwritable(path:reason:)``.
  package static func makeFolder(_ folder: URL, withParents: Bool = false) throws(TrainingError) {
    if withParents {
      let parent = folder.standardizedFileURL.deletingLastPathComponent()
      if !FileManager.default.fileExists(atPath: parent.path), parent.path != folder.path {
        try makeFolder(parent, withParents: true)
      }
    }
    guard mkdir(folder.path, 0o777) != 0 else { return }
    let failure = errno
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: folder.path, isDirectory: &isFolder), isFolder.boolValue {
      return
    }
    throw .unwritable(
      path: folder.path,
      reason: failure == EEXIST
        ? "a file of this name is in the way; choose another folder" : writeFailureReason(failure))
  }

  private static func fileName(_ name: String) -> String {
    let cleaned = name.lowercased().map { character -> Character in
      character.isASCII && (character.isLetter || character.isNumber || character == "_" || character == ".")
        ? character : "-"
    }
    // No leading point: the folder would be hidden.
    let words = String(cleaned).split(whereSeparator: { $0 == "-" }).joined(separator: "-")
    let visible = words.drop { $0 == "." }.prefix(100)
    return visible.isEmpty ? "run" : String(visible)
  }
}

extension Character {
  fileprivate var isASCIIDigit: Bool { isASCII && isNumber }
}

/// A number with leading zeros.
package func padded(_ number: Int, _ width: Int) -> String {
  let digits = String(number)
  return String(repeating: "0", count: max(0, width - digits.count)) + digits
}
