internal import Foundation
internal import Synchronization

/// What was derived from the files of a folder and takes long: fingerprints, exact copies. They hold as long as the
/// folder's stamp does, and are kept beside its index.
final class FolderFacts: Sendable {
  /// The file beside an index.
  private struct Kept: Codable {
    var stamp: String
    var facts: [String: String]
  }

  private let file: URL?
  private let kept: Mutex<Kept>

  /// Facts of a folder without an index, which are kept in memory.
  init() {
    file = nil
    kept = Mutex(Kept(stamp: "", facts: [:]))
  }

  /// The facts in a file; none where they are of another stamp, or the file is no such table.
  init(_ file: URL, stamp: String) {
    self.file = file
    let read = (try? Data(contentsOf: file)).flatMap { try? JSONDecoder().decode(Kept.self, from: $0) }
    kept = Mutex(
      read?.stamp == stamp ? read ?? Kept(stamp: stamp, facts: [:]) : Kept(stamp: stamp, facts: [:]))
  }

  /// Whether they are kept for the next command.
  var areKept: Bool { file != nil }

  /// A fact.
  subscript(_ key: String) -> String? { kept.withLock { $0.facts[key] } }

  /// Keeps a fact, where it can be written; it is found again otherwise.
  func keep(_ fact: String, as key: String) {
    kept.withLock { kept in
      kept.facts[key] = fact
      guard let file else { return }
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys]
      if let data = try? encoder.encode(kept) { try? data.write(to: file, options: .atomic) }
    }
  }
}
