internal import Foundation

/// Sounds and their given sources, in two folders by their usual names (`source` and `target`, `low` and `high`, `A` and `B`)
/// that hold files of one name.
struct SoundPairs {
  /// The sounds to come to, with what is to be known of both folders.
  let targets: SoundFolder
  /// The source of each.
  let sources: [SoundFolder.Entry]

  /// The pairs of a part; nil where a folder has no such two folders.
  ///
  /// - Throws: ``DatasetError/missingSplit(path:split:reason:)`` for a part that is not there, and
  ///   ``DatasetError/unusable(path:reason:)`` where no name is in both folders.
  init?(_ place: URL, _ split: DatasetSplit) throws(DatasetError) {
    let root = try archiveFolder(at: place)
    guard let folders = PairFolders.find(at: root) else { return nil }
    guard let part = folders.parts[split], let source = part[.source]?.url, let target = part[.target]?.url
    else {
      throw .missingSplit(
        path: place.path, split: split,
        reason: "its pairs of sounds have no \(split.rawValue) part; make one, or hold a share out")
    }
    let given = try SoundFolder(
      MediaFiles.names(.sounds, below: source), in: source, name: root.lastPathComponent)
    let wanted = try SoundFolder(
      MediaFiles.names(.sounds, below: target), in: target, name: root.lastPathComponent)
    func stem(_ entry: SoundFolder.Entry) -> String { (entry.name as NSString).deletingPathExtension }
    let known = Dictionary(given.entries.map { (stem($0), $0) }) { first, _ in first }
    let kept = wanted.entries.filter { known[stem($0)] != nil }
    guard !kept.isEmpty else {
      throw .unusable(
        path: root.path,
        reason: "no sound of \(source.lastPathComponent) has the name of one of \(target.lastPathComponent)")
    }
    var notes = given.notes + wanted.notes
    let names = Set(kept.map(stem))
    for (folder, entries) in [(target, wanted.entries), (source, given.entries)] {
      let alone = entries.filter { !names.contains(stem($0)) }
      if let first = alone.first {
        notes.append(
          "\(alone.count) sounds of \(folder.lastPathComponent) have no partner and are left out, such as \(first.name)."
        )
      }
    }
    sources = kept.compactMap { known[stem($0)] }
    targets = SoundFolder(
      name: wanted.name, entries: kept, notes: notes,
      fingerprint: contentFingerprint(of: Array("\(given.fingerprint) \(wanted.fingerprint)".utf8)))
  }
}
