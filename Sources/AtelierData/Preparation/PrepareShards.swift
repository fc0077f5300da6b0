public import Foundation
internal import Torch

/// Limits of a shard of WebDataset.
public struct ShardLimits: Sendable, Hashable {
  /// The most examples of a shard.
  public var count: Int
  /// The most bytes of a shard, as long as one example is not larger itself.
  public var bytes: Int

  /// 10,000 examples, 512 MiB.
  public init(count: Int = 10_000, bytes: Int = 512 << 20) {
    self.count = count
    self.bytes = bytes
  }
}

/// Writes data as shards of WebDataset: tar archives whose members of one name are one example.
///
/// Images with captions have them in `.txt`, or several in `.json`; images with classes have the class's number in `.cls`,
/// and its name in `classes.json` beside the shards; numeric columns of a table are in `.json`; sounds lie with the class
/// of their folder. Files are copied byte by byte. Parts of the data become folders `train`, `val` and `test`. The examples
/// of a part are shuffled once, by the seed, so that each shard is a fair sample of it; the bytes of all shards follow from
/// the data, the seed and the limits.
///
/// - Throws: ``DatasetError`` where there is nothing to write, or where the result exists.
public func prepareShards(
  of source: URL, to target: URL, limits: ShardLimits = ShardLimits(), seed: UInt64 = 0,
  progress: PreparationProgress? = nil
) throws(DatasetError) -> PreparationReport {
  guard limits.count > 0, limits.bytes > 0 else {
    throw .invalid(reason: "a shard has at least one example and one byte")
  }
  try refuseNesting(of: target, in: source)
  let sets = try ShardSource.parts(of: source)
  var report = PreparationReport(written: 0, leftOut: [])
  let total = sets.reduce(0) { $0 + $1.examples.count }
  let recipe =
    "shards \(limits.count) \(limits.bytes) \(seed)\n\(source.standardizedFileURL.path)\n"
  let folder = try StagedFolder(target, recipe: recipe)
  for set in sets {
    report.leftOut += set.notes
    var generator = SeededGenerator(seed: seed, purpose: "shards \(set.split.rawValue)")
    let order = generator.permutation(set.examples.count)
    var writer = ShardWriter(folder, set.split, limits)
    for (place, index) in order.enumerated() {
      let key = String(format: "%09d", place)
      do throws(DatasetError) {
        try writer.add(key, set.examples[index].members())
        report.written += 1
      } catch {
        guard case .corruptFile(_, let reason) = error else { throw error }
        report.leftOut.append("\(set.examples[index].file.path): \(reason).")
      }
      progress?(report.written, total)
    }
    let count = try writer.finish()
    report.found.append("\(set.split.rawValue): \(set.examples.count) examples in \(count) shards")
  }
  if let names = sets.first?.classes, !names.isEmpty {
    guard let bytes = try? JSONEncoder().encode(names) else {
      throw .invalid(reason: "the names of the classes cannot be written")
    }
    try folder.write([UInt8](bytes), to: "classes.json")
  }
  guard report.written > 0 else {
    folder.discard()
    throw .unusable(path: source.path, reason: "none of its \(total) files can be read")
  }
  try folder.finish()
  return report
}

/// Fills shards one after the other; each appears whole.
private struct ShardWriter {
  private let folder: StagedFolder
  private let split: DatasetSplit
  private let limits: ShardLimits
  private var bytes: [UInt8] = []
  private var count = 0
  private var number = 0

  init(_ folder: StagedFolder, _ split: DatasetSplit, _ limits: ShardLimits) {
    (self.folder, self.split, self.limits) = (folder, split, limits)
  }

  mutating func add(_ key: String, _ members: [(ending: String, bytes: [UInt8])]) throws(DatasetError) {
    let size = members.reduce(0) { $0 + TarWriter.size("\(key).\($1.ending)", $1.bytes.count) }
    if count > 0, count == limits.count || bytes.count + size + TarWriter.end.count > limits.bytes {
      try write()
    }
    for member in members { bytes += TarWriter.member("\(key).\(member.ending)", member.bytes) }
    count += 1
  }

  mutating func finish() throws(DatasetError) -> Int {
    if count > 0 { try write() }
    return number
  }

  private mutating func write() throws(DatasetError) {
    let part = ImageFolders.partName(of: split)
    try folder.write(bytes + TarWriter.end, to: "\(part)/\(part)-\(String(format: "%06d", number)).tar")
    (bytes, count, number) = ([], 0, number + 1)
  }
}

extension ImageFolders {
  /// The folder that preparations name a part by.
  static func partName(of split: DatasetSplit) -> String {
    switch split {
    case .train: "train"
    case .validation: "val"
    case .test: "test"
    }
  }
}

/// A part of data whose files go into shards.
private struct ShardSource {
  struct Example {
    let file: URL
    var label: Int?
    /// The class that the label is to number once all parts are known.
    var className: String?
    var captions: [String] = []
    var columns: [String: Float] = [:]

    /// The file and what belongs to it, by endings.
    func members() throws(DatasetError) -> [(ending: String, bytes: [UInt8])] {
      let data: Data
      do { data = try Data(contentsOf: file) } catch {
        throw .corruptFile(path: file.path, reason: "it cannot be read; check its permissions")
      }
      var members = [(file.pathExtension.lowercased(), [UInt8](data))]
      if let label { members.append(("cls", Array("\(label)".utf8))) }
      if captions.count == 1 { members.append(("txt", Array(captions[0].utf8))) }
      if captions.count > 1 || !columns.isEmpty {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let facts = Facts(captions: captions.count > 1 ? captions : nil, columns: columns)
        guard let bytes = try? encoder.encode(facts) else {
          throw .invalid(reason: "\(file.path): its numbers cannot be written as JSON")
        }
        members.append(("json", [UInt8](bytes)))
      }
      return members
    }
  }

  private struct Facts: Encodable {
    let captions: [String]?
    let columns: [String: Float]

    private struct Key: CodingKey {
      let stringValue: String
      var intValue: Int? { nil }
      init(stringValue: String) { self.stringValue = stringValue }
      init?(intValue: Int) { nil }
    }

    func encode(to encoder: any Encoder) throws {
      var keys = encoder.container(keyedBy: Key.self)
      for (name, value) in columns { try keys.encode(value, forKey: Key(stringValue: name)) }
      if let captions { try keys.encode(captions, forKey: Key(stringValue: "captions")) }
    }
  }

  let split: DatasetSplit
  var examples: [Example]
  var classes: [String] = []
  var notes: [String] = []

  /// The parts of a folder: captioned images, sounds, or images with classes or without.
  static func parts(of place: URL) throws(DatasetError) -> [ShardSource] {
    guard !ShardFiles.arePresent(at: place) else {
      throw .invalid(reason: "\(place.path) holds shards already; train on them as they are")
    }
    let isPairs = PairFolders.find(at: place).map { !$0.mayBeClasses } ?? false
    guard !isPairs else {
      throw .invalid(
        reason:
          "\(place.path) holds pairs of images, and shards hold single ones; train on the folders as they are"
      )
    }
    var found: [ShardSource] = []
    let holdsSounds =
      ImageFolders.isFolder(place) && !ImageFolders.folderHoldsImages(place)
      && !MediaFiles.names(.sounds, below: place).isEmpty
    let readsCaptions = holdsCaptions(place)
    for split in DatasetSplit.allCases {
      do throws(DatasetError) {
        if holdsSounds {
          found.append(try sounds(place, split))
        } else if readsCaptions {
          found.append(try captions(place, split))
        } else {
          found.append(try images(place, split))
        }
      } catch {
        guard case .missingSplit = error, split != .train else { throw error }
      }
    }
    return holdsSounds ? numbered(found) : found
  }

  private static func captions(_ place: URL, _ split: DatasetSplit) throws(DatasetError) -> ShardSource {
    let set = try openTaggedImages(at: place, split: split)
    return ShardSource(
      split: split, examples: set.pictures.map { Example(file: $0.file, captions: $0.captions) },
      notes: set.notes)
  }

  private static func images(_ place: URL, _ split: DatasetSplit) throws(DatasetError) -> ShardSource {
    guard let set = try openDataset(at: place, split: split) as? ImageDataset else {
      throw .invalid(reason: "\(place.path) holds no image files; shards are made of files")
    }
    let names = set.description.classNames
    let isLabelled = names.count > 1 || set.description.layout != .flatImages
    // A table may have both.
    var captions: [String: [String]] = [:]
    if ImageFolders.isFolder(place), try CaptionTable.findAny(in: place) != nil {
      for picture in try openTaggedImages(at: place, split: split).pictures {
        captions[picture.file.standardizedFileURL.path] = picture.captions
      }
    }
    let examples = set.files.enumerated().map { index, file in
      Example(
        file: file, label: isLabelled ? set.labels[index] : nil,
        captions: captions[file.standardizedFileURL.path] ?? [],
        columns: set.columns.compactMapValues { $0[index].isFinite ? $0[index] : nil })
    }
    return ShardSource(
      split: split, examples: examples, classes: isLabelled ? names : [],
      notes: set.description.notes.filter(LeftOut.isLoss))
  }

  private static func sounds(_ place: URL, _ split: DatasetSplit) throws(DatasetError) -> ShardSource {
    let folder = try SoundFolder(place, split)
    let examples = folder.entries.map { entry in
      Example(file: entry.file, className: entry.name.split(separator: "/").dropLast().first.map(String.init))
    }
    return ShardSource(split: split, examples: examples, notes: folder.notes)
  }

  /// Numbers the classes of sounds alike in all parts, in sorted order; without classes where a sound has none.
  private static func numbered(_ sets: [ShardSource]) -> [ShardSource] {
    let names = Set(sets.flatMap(\.examples).map(\.className))
    let classes = names.compactMap(\.self).sorted()
    guard classes.count > 1, !names.contains(nil) else { return sets }
    let numbers = Dictionary(classes.enumerated().map { ($1, $0) }) { first, _ in first }
    return sets.map { set in
      var set = set
      set.classes = classes
      for index in set.examples.indices {
        set.examples[index].label = set.examples[index].className.flatMap { numbers[$0] }
      }
      return set
    }
  }
}
