internal import AtelierMedia
internal import Foundation
internal import Synchronization
internal import Torch

/// Images in shards with a class each: `000.jpg` with the number or name of its class in `000.cls`, or in `000.json` as
/// `label` or `class`; without any of these they are images without labels.
///
/// Names of numbered classes come from `classes.json` or `classes.txt` beside the shards.
struct LabelledShards {
  /// What a shard says.
  private struct Part {
    let file: URL
    var images: [ArchiveMember] = []
    var labels: [String?] = []
  }

  /// The part of a place.
  ///
  /// - Throws: ``DatasetError`` for a damaged shard, or one of images that partly have classes.
  static func open(
    _ found: ShardFiles, at path: URL, _ split: DatasetSplit, preparation: ImagePreparation?,
    codec: ImageCodec, depth: Int
  ) throws(DatasetError) -> ShardImages {
    // Classes are collected from all parts, so that labels agree between them.
    var parts: [DatasetSplit: [Part]] = [:]
    _ = try found.files(of: split, at: path)
    for (split, files) in found.parts.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
      let read = inParallel(files.count) { index in
        Result { () throws(DatasetError) in try part(files[index]) }
      }
      for result in read { parts[split, default: []].append(try result.get()) }
    }
    let own = parts[split] ?? []
    let images = own.flatMap { part in part.images.map { ShardImages.Place(file: part.file, member: $0) } }
    guard !images.isEmpty else {
      throw .unusable(
        path: path.path, reason: "none of its \(own.count) shards has an image, such as 000.jpg with 000.cls")
    }
    var description = DatasetDescription(
      layout: .shards, name: path.lastPathComponent, split: split, count: images.count, fingerprint: "")
    let labels = try numbered(
      own.flatMap(\.labels), of: parts.values.joined().flatMap(\.labels), path, &description)
    description.fingerprint = try contentFingerprint(
      of: own.map { ($0.file.lastPathComponent, $0.file) })
    return ShardImages(
      description: description, places: images, labels: labels, preparation: preparation, codec: codec,
      depth: depth)
  }

  /// Whether the examples of the first shard have classes, and nothing that may be a caption.
  static func namesClassesAlone(at path: URL) -> Bool {
    do throws(DatasetError) {
      guard let first = try ShardFiles(at: path)?.parts.values.joined().first else { return false }
      let samples = try ShardIndex.open(first).index.samples.prefix(100).filter { $0.image != nil }
      return !samples.isEmpty && samples.allSatisfy { $0.texts.isEmpty || Array($0.texts.keys) == ["cls"] }
    } catch { return false }
  }

  private static func part(_ file: URL) throws(DatasetError) -> Part {
    let (index, source) = try ShardIndex.open(file)
    var part = Part(file: file)
    do {
      for sample in index.samples {
        guard let image = sample.image else { continue }
        part.images.append(image)
        part.labels.append(try label(of: sample, in: source))
      }
    } catch let error as DatasetError { throw error } catch let error as FileFormatError {
      throw .corruptFile(path: file.path, reason: error.problem)
    } catch { throw .corruptFile(path: file.path, reason: String(describing: error)) }
    return part
  }

  /// What names no class, as a clause.
  struct NoLabel: Error {
    let reason: String
  }

  private static func label(of sample: ShardIndex.Sample, in source: ByteSource) throws -> String? {
    do {
      if let member = sample.texts["cls"] {
        return try label(ofClass: source.bytes(of: member), member.name)
      }
      return try sample.texts["json"].flatMap { try label(ofJSON: source.bytes(of: $0), $0.name) }
    } catch let error as NoLabel {
      throw DatasetError.corruptFile(path: source.file.path, reason: error.reason)
    }
  }

  /// The class that a member `000.cls` names.
  static func label(ofClass bytes: [UInt8], _ name: String) throws(NoLabel) -> String {
    let text = String(decoding: bytes, as: UTF8.self)
    let label = text.split(whereSeparator: \.isNewline).first.map { $0.trimmingCharacters(in: .whitespaces) }
    guard let label, !label.isEmpty else {
      throw NoLabel(reason: "its member \(name) names no class; write a number or a name")
    }
    return label
  }

  /// The class that a member `000.json` names; nil where it names none.
  static func label(ofJSON bytes: [UInt8], _ name: String) throws(NoLabel) -> String? {
    guard let object = try? JSONDecoder().decode(Facts.self, from: Data(bytes)) else {
      throw NoLabel(reason: "its member \(name) is no JSON object")
    }
    return object.label
  }

  /// `{"label": 3}`, `{"class": "cat"}`.
  private struct Facts: Decodable {
    let label: String?

    private enum Key: String, CodingKey, CaseIterable {
      case label, category
      case name = "class"
    }

    init(from decoder: any Decoder) throws {
      let keys = try decoder.container(keyedBy: Key.self)
      label =
        Key.allCases.lazy.compactMap { key in
          (try? keys.decode(Int.self, forKey: key)).map(String.init)
            ?? (try? keys.decode(String.self, forKey: key))
        }.first
    }
  }

  /// The number of each label, and the classes' names.
  static func numbered(
    _ own: [String?], of all: [String?], _ path: URL, _ description: inout DatasetDescription
  ) throws(DatasetError) -> [Int] {
    let named = all.compactMap(\.self)
    guard !named.isEmpty else {
      description.classNames = ["0"]
      description.notes.append(noLabels)
      return [Int](repeating: 0, count: own.count)
    }
    guard named.count == all.count else {
      throw .unusable(
        path: path.path,
        reason:
          "\(all.count - named.count) of \(all.count) images have no class; give all of them one, or none")
    }
    let mostClasses = 1_000_000
    let numbers = named.compactMap { Int($0) }
    guard numbers.count == named.count else {
      description.classNames = Set(named).sorted()
      let places = Dictionary(uniqueKeysWithValues: description.classNames.enumerated().map { ($1, $0) })
      return own.map { places[$0 ?? ""] ?? 0 }
    }
    guard let last = numbers.max(), numbers.allSatisfy({ (0..<mostClasses).contains($0) }) else {
      throw .unusable(path: path.path, reason: "a class of it is below 0 or above \(mostClasses)")
    }
    let folder = ImageFolders.isFolder(path) ? path : path.deletingLastPathComponent()
    let names = try ClassTable(in: folder).names
    description.classNames = (0...max(last, names.count - 1)).map {
      names.indices.contains($0) ? names[$0] : "\($0)"
    }
    return own.map { $0.flatMap { Int($0) } ?? 0 }
  }
}

/// Images in shards, decoded on demand.
struct ShardImages: Dataset {
  /// Where an image is.
  struct Place: Sendable {
    let file: URL
    let member: ArchiveMember

    var name: String { "\(file.path)/\(member.name)" }
  }

  let description: DatasetDescription
  let places: [Place]
  let labels: [Int]
  let codec: ImageCodec
  private let preparation: ImagePreparation?
  private let depth: Int
  private let shards: ShardOrder?

  init(
    description: DatasetDescription, places: [Place], labels: [Int], preparation: ImagePreparation?,
    codec: ImageCodec, depth: Int
  ) {
    var description = description
    description.imageShape = preparation?.shape
    description.labelHistogram = [Int](repeating: 0, count: description.classNames.count)
    for label in labels { description.labelHistogram[label] += 1 }
    self.description = description
    self.places = places
    self.labels = labels
    self.preparation = preparation
    self.codec = codec
    self.depth = depth
    shards = ShardOrder(places: places.lazy.map(\.file.path))
  }

  var count: Int { places.count }

  /// The image as it is.
  func image(at index: Int) throws(DatasetError) -> Image {
    let place = places[index]
    return try TaggedImageSet.Picture(file: place.file, sentences: [], member: place.member).image(by: codec)
  }

  func example(at index: Int) throws(DatasetError) -> Example {
    guard places.indices.contains(index) else {
      throw .invalid(reason: "example \(index) is not in 0..<\(places.count)")
    }
    let image = try image(at: index)
    do throws(ImageError) {
      return Example([
        "image": (try preparation?(image, depth: depth) ?? image).hostTensor(depth: depth),
        "label": HostTensor([labels[index]], shape: []),
      ])
    } catch { throw .unreadable(places[index].name, error) }
  }

  func order(pass: Int, batchSize: Int, using generator: inout SeededGenerator) -> [[Int]]? {
    shards?.batches(of: batchSize, using: &generator)
  }
}
