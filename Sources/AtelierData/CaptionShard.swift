package import Foundation
internal import Torch

/// A file in an archive: its name there, and where its bytes are.
public struct ArchiveMember: Sendable, Hashable {
  /// Its name in the archive.
  public let name: String
  let range: Range<Int>
}

/// A shard of WebDataset: a tar archive whose members of one name up to the first dot are one example, an image and its
/// caption, `000.jpg` and `000.txt`, `000.json` or `000.cls`.
///
/// An index of names and places is kept and the captions' words; images are read when they are asked for.
///
/// Format: webdataset/webdataset, `tariterators.py`.
package struct CaptionShard: Sendable {
  /// The archive.
  package let file: URL
  /// Images with what is written about them, in the archive's order.
  let pictures: [TaggedImageSet.Picture]
  /// The members that are images without a caption.
  package let withoutCaption: [String]
  /// The members that are captions without an image.
  package let withoutImage: [String]

  /// The endings of captions; of several in one example the first that is there is read.
  private static let captionEndings = ["txt", "json", "cls"]
  private static let longestCaption = 1 << 20
  private static let largestImage = 1 << 28
  private static let mostMembers = 10_000_000

  /// What belongs to one name.
  private struct Sample {
    var image: ArchiveMember?
    var captions: [String: ArchiveMember] = [:]
  }

  /// Indexes an archive and reads its captions.
  ///
  /// - Throws: ``DatasetError/corruptFile(path:reason:)`` for a damaged archive, a member that comes twice, or one that is
  ///   too large for what it is.
  package init(_ file: URL) throws(DatasetError) {
    self.file = file
    do {
      let source = try ByteSource(file)
      let samples = try Self.samples(of: TarReader(source, limit: Self.mostMembers), file)
      var (pictures, silent, lonely): ([TaggedImageSet.Picture], [String], [String]) = ([], [], [])
      for sample in samples {
        let written = Self.captionEndings.lazy.compactMap { sample.captions[$0] }.first
        guard let image = sample.image else {
          if let written { lonely.append(written.name) }
          continue
        }
        let sentences = try written.map { try Self.sentences(of: $0, in: source) } ?? []
        if sentences.isEmpty {
          silent.append(image.name)
        } else {
          pictures.append(TaggedImageSet.Picture(file: file, sentences: sentences, member: image))
        }
      }
      (self.pictures, withoutCaption, withoutImage) = (pictures, silent, lonely)
    } catch let error as DatasetError { throw error } catch let error as FileFormatError {
      throw .corruptFile(path: file.path, reason: error.problem)
    } catch { throw .corruptFile(path: file.path, reason: String(describing: error)) }
  }

  private static func damaged(_ file: URL, _ reason: String) -> DatasetError {
    .corruptFile(path: file.path, reason: reason)
  }

  private static func samples(of tar: TarReader, _ file: URL) throws -> [Sample] {
    var places: [String: Int] = [:]
    var samples: [Sample] = []
    for entry in tar.entries where entry.kind == 0x30 {
      guard let (key, ending) = parts(of: entry.name) else { continue }
      let isImage = !ending.contains(".") && ImageFolders.isImage("0." + ending)
      guard isImage || captionEndings.contains(ending) else { continue }
      let most = isImage ? largestImage : longestCaption
      guard entry.range.count <= most else {
        throw damaged(
          file,
          "its member \(entry.name) has \(entry.range.count) bytes, and \(isImage ? "an image" : "a caption") has "
            + "at most \(most)")
      }
      let member = ArchiveMember(name: entry.name, range: entry.range)
      let place = places[key] ?? samples.count
      if place == samples.count {
        places[key] = place
        samples.append(Sample())
      }
      let before =
        isImage ? samples[place].image : samples[place].captions.updateValue(member, forKey: ending)
      if let before {
        throw damaged(file, "its members \(before.name) and \(entry.name) are both the example's one")
      }
      if isImage { samples[place].image = member }
    }
    return samples
  }

  /// The name up to the first dot of its last part, and what follows in small letters; nil for hidden files.
  private static func parts(of name: String) -> (key: String, ending: String)? {
    let start = name.lastIndex(of: "/").map(name.index(after:)) ?? name.startIndex
    guard let dot = name[start...].firstIndex(of: "."), dot > start else { return nil }
    return (String(name[..<dot]), name[name.index(after: dot)...].lowercased())
  }

  /// The captions of a member, each as words: the first line of a text, a class, or what a JSON object calls caption.
  private static func sentences(of member: ArchiveMember, in source: ByteSource) throws -> [[String]] {
    let bytes = try source.bytes(at: member.range.lowerBound, count: member.range.count)
    let texts: [String]
    if member.name.lowercased().hasSuffix(".json") {
      guard let object = try? JSONDecoder().decode(Description.self, from: Data(bytes)) else {
        throw damaged(source.file, "its member \(member.name) is no JSON object with texts called caption")
      }
      texts = object.captions
    } else {
      let text = String(decoding: bytes, as: UTF8.self)
      texts = text.split(whereSeparator: \.isNewline).prefix(1).map(String.init)
    }
    return texts.map(TaggedImageSet.words(of:)).filter { !$0.isEmpty }
  }

  /// `{"caption": "…"}` or `{"captions": ["…", "…"]}`; other keys are ignored.
  private struct Description: Decodable {
    let captions: [String]

    private enum Key: String, CodingKey, CaseIterable { case caption, captions, text, texts }

    init(from decoder: any Decoder) throws {
      let keys = try decoder.container(keyedBy: Key.self)
      for key in Key.allCases where keys.contains(key) {
        if let text = try? keys.decode(String.self, forKey: key) {
          captions = [text]
        } else {
          captions = try keys.decode([String].self, forKey: key)
        }
        return
      }
      captions = []
    }
  }
}

/// A folder of shards, divided into folders `train` and `test` or not.
struct CaptionShards {
  let shards: [CaptionShard]
  /// The part is every tenth image, or all the others.
  let isDivided: Bool

  /// The archives in a folder itself, in order of their names.
  static func files(in folder: URL) -> [URL] {
    listing(of: folder).filter { $0.lowercased().hasSuffix(".tar") }.map(folder.appendingPathComponent)
      .filter { !ImageFolders.isFolder($0) }
  }

  private static func partsWithShards(in path: URL) -> [DatasetSplit: [URL]] {
    var parts: [DatasetSplit: [URL]] = [:]
    for split in DatasetSplit.allCases {
      let files = ImageFolders.folder(of: split, in: path).map(files(in:)) ?? []
      if !files.isEmpty { parts[split] = files }
    }
    return parts
  }

  /// Whether a folder holds shards, and neither a table of captions nor images beside them.
  static func isPresent(at path: URL) -> Bool {
    guard ImageFolders.isFolder(path), CaptionTable.find(in: path) == nil,
      !files(in: path).isEmpty || !partsWithShards(in: path).isEmpty
    else { return false }
    return !ImageFolders.folderHoldsImages(path)
  }

  init(at path: URL, _ split: DatasetSplit) throws(DatasetError) {
    let own = Self.files(in: path)
    let parts = own.isEmpty ? Self.partsWithShards(in: path) : [:]
    isDivided = own.isEmpty
    guard let files = isDivided ? parts[split] : split == .validation ? nil : own else {
      throw .missingSplit(
        path: path.path, split: split,
        reason: isDivided
          ? "there is no folder \(ImageFolders.names(of: split).joined(separator: " or ")) with shards in it"
          : "the shards are not divided into parts")
    }
    let read = inParallel(files.count) { index in
      Result { () throws(DatasetError) in try CaptionShard(files[index]) }
    }
    var shards: [CaptionShard] = []
    for result in read { shards.append(try result.get()) }
    self.shards = shards
  }

  /// The images of the part.
  func set(named name: String, _ split: DatasetSplit, at path: URL) throws(DatasetError) -> TaggedImageSet {
    let all = shards.flatMap(\.pictures)
    guard !all.isEmpty else {
      throw .unusable(
        path: path.path,
        reason: "none of its \(shards.count) shards has an image with a caption, such as 000.jpg with 000.txt"
      )
    }
    let chosen = all.enumerated().filter { isDivided || ($0.offset % 10 == 9) == (split == .test) }
      .map(\.element)
    let fingerprint = try contentFingerprint(of: shards.map { ($0.file.lastPathComponent, $0.file) })
    return TaggedImageSet(
      name: name, pictures: chosen,
      fingerprint: isDivided
        ? fingerprint : contentFingerprint(of: Array("\(fingerprint) \(split.rawValue)".utf8)),
      notes: shards.flatMap(\.notes))
  }
}

extension CaptionShard {
  /// What is left out of the shard, by its name and those of the members.
  var notes: [String] {
    func sentence(_ names: [String], _ one: String, _ many: String) -> String? {
      guard !names.isEmpty else { return nil }
      let shown = names.prefix(10).joined(separator: ", ")
      let rest = names.count > 10 ? " and \(names.count - 10) more" : ""
      return
        "\(file.lastPathComponent): \(names.count == 1 ? one : "\(names.count) \(many)") left out: \(shown)\(rest)."
    }
    return [
      sentence(withoutCaption, "an image without caption is", "images without caption are"),
      sentence(withoutImage, "a caption without image is", "captions without image are"),
    ].compactMap { $0 }
  }
}
