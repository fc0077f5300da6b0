internal import AtelierMedia
public import Foundation

/// The sounds below a folder, by their headers: nothing is decoded.
///
/// A folder is divided by inner folders `train`, `validation` and `test` (`valid`, `val`, `dev`), or not at all. Sounds may
/// lie in folders of any depth; hidden names are left out.
struct SoundFolder {
  /// A sound that can be read.
  struct Entry: Sendable, Hashable {
    /// The path below the folder.
    let name: String
    let file: URL
    let frames: Int
    let sampleRate: Int
    let channels: Int
    /// Where it is in the file, which is a shard then; nil: it is the file.
    var member: ArchiveMember?

    /// Where it is found.
    var place: SoundPlace { SoundPlace(name: name, file: file, member: member) }

    /// Samples at another rate.
    func samples(at rate: Int) -> Int { Int(Double(frames) * Double(rate) / Double(sampleRate)) }
  }

  let name: String
  let entries: [Entry]
  /// What was left out, one sentence each.
  let notes: [String]
  let fingerprint: String

  /// The part of a folder.
  ///
  /// - Throws: ``DatasetError/missingSplit(path:split:reason:)`` for a part that is not there, ``DatasetError/empty(path:)``
  ///   and ``DatasetError/unusable(path:reason:)`` where there is no sound.
  init(_ place: URL, _ split: DatasetSplit) throws(DatasetError) {
    let root = try archiveFolder(at: place)
    if let shards = try SoundShards(at: root) {
      try self.init(
        shards.places(of: split), from: place.path,
        name: shards.isPattern ? place.lastPathComponent : root.lastPathComponent)
      return
    }
    guard ImageFolders.isFolder(root) else { throw .notFound(path: place.path) }
    try ImageFolders.requireListable(root)
    let parts = Self.parts(of: root)
    guard parts.isEmpty || parts[split] != nil, split == .train || !parts.isEmpty else {
      throw .missingSplit(
        path: place.path, split: split,
        reason: parts.isEmpty
          ? "the sounds are not divided; make folders train and \(split.rawValue), or hold a share out"
          : "there is no folder \(split.rawValue) beside \(parts.values.map(\.lastPathComponent).sorted().joined(separator: " and "))"
      )
    }
    let folder = parts[split] ?? root
    try self.init(MediaFiles.names(.sounds, below: folder), in: folder, name: root.lastPathComponent)
  }

  /// Sounds by their paths below a folder.
  ///
  /// - Throws: ``DatasetError/unusable(path:reason:)`` where none of them can be read.
  init(_ paths: [String], in folder: URL, name: String) throws(DatasetError) {
    try self.init(
      paths.map { SoundPlace(name: $0, file: folder.appendingPathComponent($0)) }, from: folder.path,
      name: name)
  }

  /// Sounds at places, which errors say are from a path.
  private init(_ places: [SoundPlace], from path: String, name: String) throws(DatasetError) {
    self.name = name
    var (entries, notes) = ([Entry](), [String]())
    var unreadable: [String] = []
    for place in places {
      do throws(AudioError) {
        let reader = try place.reader()
        let information = reader.information
        guard let frames = information.frames else {
          // A stream that does not say its length is decoded once to count it.
          var count = 0
          while let window = try reader.read(frames: 1 << 16) { count += window.frames }
          entries.append(
            Entry(
              name: place.name, file: place.file, frames: count, sampleRate: information.sampleRate,
              channels: information.channels, member: place.member))
          continue
        }
        entries.append(
          Entry(
            name: place.name, file: place.file, frames: frames, sampleRate: information.sampleRate,
            channels: information.channels, member: place.member))
      } catch { unreadable.append("\(place.name): \(error.description)") }
    }
    if let first = unreadable.first {
      guard !entries.isEmpty else {
        throw .unusable(path: path, reason: "no sound in it can be read: \(first)")
      }
      notes.append(
        "\(unreadable.count) files are left out because they cannot be read, the first is \(first)")
    }
    guard !entries.isEmpty else {
      throw .unusable(
        path: path,
        reason:
          "there is no sound in it; sounds end in \(MediaFiles.endings(.sounds).sorted().joined(separator: ", "))"
      )
    }
    self.entries = entries
    self.notes = notes
    // Names, sizes and contents, as for images; contents by their first and last bytes, because sounds are long.
    var bytes: [UInt8] = []
    for entry in entries {
      bytes += Array("\(entry.name)\n\(entry.frames) \(entry.sampleRate) \(entry.channels)\n".utf8)
      bytes += entry.place.ends
    }
    fingerprint = contentFingerprint(of: bytes)
  }

  /// Given sounds.
  init(name: String, entries: [Entry], notes: [String], fingerprint: String) {
    (self.name, self.entries, self.notes, self.fingerprint) = (name, entries, notes, fingerprint)
  }

  /// The first and the last 64 KiB of a file.
  static func ends(of file: URL) -> [UInt8] {
    guard let handle = try? FileHandle(forReadingFrom: file) else { return [] }
    defer { try? handle.close() }
    let first = (try? handle.read(upToCount: 1 << 16)) ?? Data()
    guard let size = try? handle.seekToEnd(), size > 1 << 16 else { return Array(first) }
    try? handle.seek(toOffset: max(1 << 16, size - 1 << 16))
    return Array(first) + Array((try? handle.readToEnd()) ?? Data())
  }

  /// The folders of the parts; none where there is no training part.
  static func parts(of root: URL) -> [DatasetSplit: URL] {
    let names: [(DatasetSplit, [String])] = [
      (.train, ["train", "training"]), (.validation, ["validation", "valid", "val", "dev"]),
      (.test, ["test"]),
    ]
    var found: [DatasetSplit: URL] = [:]
    for (split, choices) in names {
      found[split] = choices.lazy.map { root.appendingPathComponent($0) }.first(where: ImageFolders.isFolder)
    }
    return found[.train] == nil ? [:] : found
  }

  /// What a person should know of the sounds that a model reads as mono of one rate.
  func remarks(sampleRate: Int, channels: Int) -> [String] {
    Self.remarks(of: entries, sampleRate: sampleRate, channels: channels)
  }

  static func remarks(of entries: [Entry], sampleRate: Int, channels: Int) -> [String] {
    var remarks: [String] = []
    let mixed = entries.count { $0.channels > channels }
    if mixed > 0 {
      remarks.append("\(mixed) of \(entries.count) sounds have several channels, which are mixed down.")
    }
    let low = entries.filter { $0.sampleRate < sampleRate }
    if let first = low.first {
      remarks.append(
        "\(low.count) of \(entries.count) sounds have a lower sample rate than the model's \(sampleRate) Hz, as "
          + "\(first.name) with \(first.sampleRate) Hz, so that there is nothing above \(first.sampleRate / 2) Hz."
      )
    }
    let other = entries.count { $0.sampleRate > sampleRate }
    if other > 0 { remarks.append("\(other) of \(entries.count) sounds are resampled to \(sampleRate) Hz.") }
    return remarks
  }
}
