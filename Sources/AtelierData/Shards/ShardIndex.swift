package import Foundation
internal import Torch

/// A file in an archive: its name there, and where its bytes are.
public struct ArchiveMember: Sendable, Hashable {
  /// Its name in the archive.
  public let name: String
  let range: Range<Int>
}

/// The members of a shard of WebDataset by their examples: members of one name up to the first dot are one example, as
/// `000.jpg`, `000.txt`, `000.cls` and `000.json`.
///
/// Only names and places are kept; bytes are read when they are asked for.
///
/// Format: webdataset/webdataset, `tariterators.py`.
struct ShardIndex: Sendable {
  /// What belongs to one name.
  struct Sample: Sendable {
    /// The name up to the first dot.
    let key: String
    /// The image.
    var image: ArchiveMember?
    /// The sound; of several the first.
    var sound: ArchiveMember?
    /// Texts by their ending: `txt`, `json`, `cls`.
    var texts: [String: ArchiveMember] = [:]
  }

  /// The archive.
  let file: URL
  /// The examples in the archive's order.
  let samples: [Sample]

  /// The endings of texts.
  static let textEndings = ["txt", "json", "cls"]
  private static let longestText = 1 << 20
  private static let largestImage = 1 << 28

  /// The most bytes of a member by its name, of an image or of what names its class; nil for any other.
  static func longest(_ name: String) -> Int? {
    guard let ending = parts(of: name)?.ending else { return nil }
    if ["cls", "json"].contains(ending) { return longestText }
    return !ending.contains(".") && ImageFolders.isImage("0." + ending) ? largestImage : nil
  }

  private static let mostMembers = 10_000_000

  /// Indexes an archive.
  ///
  /// - Throws: ``DatasetError/corruptFile(path:reason:)`` for a damaged archive, a member that comes twice, or one that is
  ///   too large for what it is.
  init(_ source: ByteSource) throws {
    file = source.file
    let tar = try TarReader(source, limit: Self.mostMembers)
    let block = 512
    guard !tar.entries.isEmpty, source.count % block == 0 else {
      throw DatasetError.corruptFile(
        path: file.path, reason: "it holds no whole tar archive, so it was not copied in full; fetch it again"
      )
    }
    samples = try Self.samples(of: tar, file)
  }

  /// Opens an archive.
  static func open(_ file: URL) throws(DatasetError) -> (index: ShardIndex, source: ByteSource) {
    do {
      let source = try ByteSource(file)
      return (try ShardIndex(source), source)
    } catch let error as DatasetError { throw error } catch let error as FileFormatError {
      throw .corruptFile(path: file.path, reason: error.problem)
    } catch { throw .corruptFile(path: file.path, reason: String(describing: error)) }
  }

  private static func samples(of tar: TarReader, _ file: URL) throws -> [Sample] {
    func damaged(_ reason: String) -> DatasetError { .corruptFile(path: file.path, reason: reason) }
    let sounds = MediaFiles.endings(.sounds)
    var places: [String: Int] = [:]
    var samples: [Sample] = []
    for entry in tar.entries where entry.kind == 0x30 {
      guard let (key, ending) = parts(of: entry.name) else { continue }
      let isImage = !ending.contains(".") && ImageFolders.isImage("0." + ending)
      let isSound = sounds.contains(ending)
      guard isImage || isSound || textEndings.contains(ending) else { continue }
      let most = isImage || isSound ? largestImage : longestText
      guard entry.range.count <= most else {
        let what = isImage ? "an image" : isSound ? "a sound" : "a caption"
        throw damaged(
          "its member \(entry.name) has \(entry.range.count) bytes, and \(what) has at most \(most)")
      }
      let member = ArchiveMember(name: entry.name, range: entry.range)
      let place = places[key] ?? samples.count
      if place == samples.count {
        places[key] = place
        samples.append(Sample(key: key))
      }
      if isSound {
        samples[place].sound = samples[place].sound ?? member
        continue
      }
      let before = isImage ? samples[place].image : samples[place].texts.updateValue(member, forKey: ending)
      if let before {
        throw damaged("its members \(before.name) and \(entry.name) are both the example's one")
      }
      if isImage { samples[place].image = member }
    }
    return samples
  }

  /// The name up to the first dot of its last part, and what follows in small letters; nil for hidden files.
  static func parts(of name: String) -> (key: String, ending: String)? {
    let start = name.lastIndex(of: "/").map(name.index(after:)) ?? name.startIndex
    guard let dot = name[start...].firstIndex(of: "."), dot > start else { return nil }
    return (String(name[..<dot]), name[name.index(after: dot)...].lowercased())
  }
}

extension ByteSource {
  /// The bytes of a member.
  func bytes(of member: ArchiveMember) throws(FileFormatError) -> [UInt8] {
    try bytes(at: member.range.lowerBound, count: member.range.count)
  }
}
