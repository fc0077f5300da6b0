import Atelier
import Foundation

/// The files that a job is about to write, looked at before the first of them is.
enum ResultFiles {
  /// Refuses results of which one would replace another or an input, and, where `--force` does not ask for it, what is there.
  ///
  /// - Parameters:
  ///   - targets: where the results go.
  ///   - sources: what each result is made of, as a sentence names it; as many as `targets`, or none of a single one.
  ///   - inputs: files that are read; they are never written over.
  static func check(
    _ targets: [URL], of sources: [String], inputs: [String], force: Bool
  ) throws {
    var makers: [String: String] = [:]
    for (target, source) in zip(targets, sources) {
      guard let other = makers.updateValue(source, forKey: resolved(target)) else { continue }
      throw Refusal.usage(
        "two inputs would be written as \(target.path), \(other) and \(source); rename one, or take them one after the other"
      )
    }
    let read = inputs.map { URL(fileURLWithPath: $0) }
    let identities = Dictionary(
      zip(read.map(identity(of:)), inputs).compactMap { found, path in found.map { ($0, path) } }
    ) { first, _ in first }
    // A file that is still missing cannot be an input, but for its name.
    let names = Dictionary(zip(read.map(resolved), inputs)) { first, _ in first }
    for target in targets {
      guard let same = identity(of: target).map({ identities[$0] }) ?? names[resolved(target)] else {
        continue
      }
      throw Refusal.usage("\(same) is an input, and is not written over; choose another --output or --files")
    }
    for target in targets { try refuseExisting(target, force: force) }
  }

  private static func resolved(_ file: URL) -> String {
    file.standardizedFileURL.resolvingSymlinksInPath().path
  }

  /// Which file a path stands for, links followed; nil where there is none.
  private static func identity(of url: URL) -> [UInt64]? {
    let path = url.resolvingSymlinksInPath().path
    guard let facts = try? FileManager.default.attributesOfItem(atPath: path),
      let device = facts[.systemNumber] as? NSNumber, let file = facts[.systemFileNumber] as? NSNumber
    else { return nil }
    return [device.uint64Value, file.uint64Value]
  }
}

/// Where the results of a command go, and what they carry.
struct ResultOptions {
  /// The file to write; - is standard output.
  let output: String?
  /// A folder to write one file an output into.
  let folder: String?
  /// Whether files that are there are written over.
  let force: Bool
  /// What the metadata of a result say; nil: nothing.
  let origin: ImageOrigin?
  /// The mark of each result, and the label of frames.
  let marking: OutputMarking

  /// Makes the folder, where one is named.
  func makeFolder() throws {
    if let folder { try RunDirectory.makeFolder(URL(fileURLWithPath: folder), withParents: true) }
  }
}

/// Refuses to write over what is there, where `--force` does not ask for it.
func refuseExisting(_ place: URL, force: Bool) throws {
  guard !force, FileManager.default.fileExists(atPath: place.path) else { return }
  throw Refusal.usage("\(place.path) exists already; choose another place, or --force to write over it")
}

/// A number with a noun: `1 image`, `2 images`.
func counted(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }
