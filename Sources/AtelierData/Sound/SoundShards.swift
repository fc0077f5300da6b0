internal import AtelierMedia
internal import Foundation
internal import Torch

/// Where a sound is: a file, or a member of a shard.
struct SoundPlace: Sendable, Hashable {
  /// What the sound is called: its path below a folder, or in a shard.
  let name: String
  let file: URL
  /// Its part of the file; nil: all of it.
  var member: ArchiveMember?

  /// What errors call it.
  var path: String { member.map { "\(file.path)/\($0.name)" } ?? file.path }

  /// Opens the sound. A member of a shard is read into memory, and only what libsndfile decodes.
  func reader() throws(AudioError) -> AudioReader {
    guard let member else { return try AudioReader(file) }
    return try AudioReader(bytes(of: member), named: path)
  }

  /// The whole sound.
  func audio() throws(AudioError) -> Audio {
    guard let member else { return try Audio(contentsOf: file) }
    return try AudioCodec().decode(bytes(of: member), named: path)
  }

  private func bytes(of member: ArchiveMember) throws(AudioError) -> [UInt8] {
    do throws(FileFormatError) { return try ByteSource(file).bytes(of: member) } catch {
      throw .damaged(file: path, reason: error.problem)
    }
  }

  /// The first and the last 64 KiB.
  var ends: [UInt8] {
    guard let member else { return SoundFolder.ends(of: file) }
    guard let source = try? ByteSource(file) else { return [] }
    let (range, most) = (member.range, 1 << 16)
    let first = (try? source.bytes(at: range.lowerBound, count: min(most, range.count))) ?? []
    guard range.count > most else { return first }
    let rest = max(range.lowerBound + most, range.upperBound - most)
    return first + ((try? source.bytes(at: rest, count: range.upperBound - rest)) ?? [])
  }
}

/// Sounds in the shards of WebDataset: `000.wav`, or any other ending of sounds.
///
/// Folders of the members' names count as those of a folder of sounds do, so that `anna/000.wav` is of the speaker anna. Where
/// a class stands beside a sound, `000.cls` with a number or a name, its name is that folder.
struct SoundShards {
  private let shards: ShardFiles
  private let root: URL

  /// The shards at a place; nil where there are none, where sounds lie beside them, or where the first shard has images or
  /// no sound.
  init?(at root: URL) throws(DatasetError) {
    guard let found = try ShardFiles(at: root), let first = found.parts.values.joined().first,
      !ImageFolders.isFolder(root) || MediaFiles.names(.sounds, below: root).isEmpty
    else { return nil }
    let samples = try ShardIndex.open(first).index.samples
    guard samples.contains(where: { $0.sound != nil }), samples.allSatisfy({ $0.image == nil }) else {
      return nil
    }
    (shards, self.root) = (found, root)
  }

  /// Whether a pattern names the shards.
  var isPattern: Bool { !ImageFolders.isFolder(root) }

  /// The parts that have shards of their own, and training.
  var splits: [DatasetSplit] { DatasetSplit.allCases.filter { shards.parts[$0] != nil } }

  /// The sounds of a part, in the order of shards and members.
  ///
  /// - Throws: ``DatasetError/missingSplit(path:split:reason:)`` for a part without shards, and what ``ShardIndex`` throws.
  func places(of split: DatasetSplit) throws(DatasetError) -> [SoundPlace] {
    let files = try shards.files(of: split, at: root)
    let folder = isPattern ? root.deletingLastPathComponent() : root
    let names = try ClassTable(in: folder).names
    let read = inParallel(files.count) { index in
      Result { () throws(DatasetError) in try Self.places(in: files[index], names) }
    }
    var places: [SoundPlace] = []
    for result in read { places += try result.get() }
    return places
  }

  private static func places(in file: URL, _ names: [String]) throws(DatasetError) -> [SoundPlace] {
    let (index, source) = try ShardIndex.open(file)
    var places: [SoundPlace] = []
    for sample in index.samples {
      guard let sound = sample.sound else { continue }
      var name = sound.name
      if let written = sample.texts["cls"] {
        let bytes: [UInt8]
        do throws(FileFormatError) { bytes = try source.bytes(of: written) } catch {
          throw .corruptFile(path: file.path, reason: error.problem)
        }
        let text = String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        guard !text.isEmpty, !text.contains("/"), !text.contains(where: \.isNewline) else {
          throw .corruptFile(
            path: file.path, reason: "its member \(written.name) names no class; write a number or a name")
        }
        let number = Int(text).flatMap { names.indices.contains($0) ? names[$0] : nil }
        name = "\(number ?? text)/\(sound.name)"
      }
      places.append(SoundPlace(name: name, file: file, member: sound))
    }
    return places
  }
}
