package import Foundation
internal import Torch

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

  /// Indexes an archive and reads its captions.
  ///
  /// - Throws: ``DatasetError/corruptFile(path:reason:)`` for a damaged archive, a member that comes twice, or one that is
  ///   too large for what it is.
  package init(_ file: URL) throws(DatasetError) {
    self.file = file
    let (index, source) = try ShardIndex.open(file)
    do {
      var (pictures, silent, lonely): ([TaggedImageSet.Picture], [String], [String]) = ([], [], [])
      for sample in index.samples {
        let written = ShardIndex.textEndings.lazy.compactMap { sample.texts[$0] }.first
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

  /// The captions of a member, each as words: the first line of a text, a class, or what a JSON object calls caption.
  private static func sentences(of member: ArchiveMember, in source: ByteSource) throws -> [[String]] {
    let bytes = try source.bytes(of: member)
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

  /// Whether shards with captions lie at a place, and not such that name classes alone.
  static func isPresent(at path: URL) -> Bool {
    ShardFiles.arePresent(at: path) && !LabelledShards.namesClassesAlone(at: path)
  }

  init(_ found: ShardFiles, at path: URL, _ split: DatasetSplit) throws(DatasetError) {
    isDivided = found.isDivided
    // Every tenth image of undivided shards is the test part.
    let files = try found.files(of: !isDivided && split == .test ? .train : split, at: path)
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
