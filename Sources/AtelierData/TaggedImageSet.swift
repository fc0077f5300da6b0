public import Foundation

/// Images with text: tags, captions, names.
///
/// Function words (articles, prepositions, …) are kept in the text but are not tags.
public struct TaggedImageSet: Sendable {
  /// An image with its text.
  public struct Picture: Sendable, Hashable {
    /// The file, or the archive that it lies in.
    public let file: URL
    /// Each caption, or all tags together, as lower-case words.
    public let sentences: [[String]]
    /// Where it lies in an archive; nil: it is a file of its own.
    public let member: ArchiveMember?

    init(file: URL, sentences: [[String]], member: ArchiveMember? = nil) {
      (self.file, self.sentences, self.member) = (file, sentences, member)
    }
  }

  /// The folder's own name.
  public let name: String
  /// The images of the part, in order of their names.
  public let pictures: [Picture]
  /// See ``contentFingerprint(of:)``.
  public let fingerprint: String
  /// What is left out, a sentence each.
  public let notes: [String]

  /// The distinct words of an image that may be tags, in order of appearance.
  public func tags(of picture: Picture) -> [String] {
    var seen: Set<String> = []
    return picture.sentences.flatMap { $0 }.filter {
      $0.count > 1 && !Self.functionWords.contains($0) && seen.insert($0).inserted
    }
  }

  /// Lower-case words: letters, digits and inner apostrophes and hyphens.
  static func words(of text: String) -> [String] {
    var words: [String] = []
    var present = ""
    for character in text.lowercased() + " " {
      if character.isLetter || character.isNumber {
        present.append(character)
      } else if character == "'" || character == "-", !present.isEmpty {
        present.append(character)
      } else if !present.isEmpty {
        while let last = present.last, last == "'" || last == "-" { present.removeLast() }
        if !present.isEmpty { words.append(present) }
        present = ""
      }
    }
    return words
  }

  /// English function words, which are not tags.
  static let functionWords: Set<String> = Set(
    """
    a about above across after against all along also among an and another any are around as at away back be \
    because been before behind being below beside between beyond both but by can did do does doing down during \
    each either for from front get gets getting go goes going had has have having he her here hers him his how i \
    if in inside into is it its itself just like looking looks many may more most much near next no not of off on \
    one onto or other others our out outside over own past s several she so some something such t than that the \
    their them themselves then there these they this those through to together too toward towards two three four \
    under until up upon very was we were what when where which while who whom whose will with within without you \
    your
    """.split(separator: " ").map(String.init))
}

/// Opens images with text. Recognised, in this order:
///
/// - `captions.txt`, `captions.csv`, `tags.csv` or `tags.txt`: a header, then lines `file,words`; the images
///   are beside it or in a folder `images`, and several lines for one image are several captions;
/// - `metadata.jsonl`, `metadata.csv` or `labels.csv` with a column `caption`;
/// - images each with a text file of the same name, whose first line is read;
/// - a folder of tar archives that hold such pairs, the shards of WebDataset.
///
/// Images without text are left out. Without folders `train` and `test`, every tenth image in order of names
/// is held out.
///
/// - Throws: ``DatasetError`` that names the folder or line and the way out.
public func openTaggedImages(
  at path: URL, split: DatasetSplit = .train
) throws(DatasetError) -> TaggedImageSet {
  if let shards = try ShardFiles(at: path) {
    return try CaptionShards(shards, at: path, split).set(named: path.lastPathComponent, split, at: path)
  }
  guard FileManager.default.fileExists(atPath: path.path) else { throw .notFound(path: path.path) }
  try ImageFolders.requireListable(path)
  var root = path
  let isDivided = try CaptionTable.findAny(in: path) == nil && ImageFolders.isDivided(path)
  if isDivided {
    guard let part = ImageFolders.folder(of: split, in: path) else {
      throw .missingSplit(
        path: path.path, split: split,
        reason: "there is no folder \(ImageFolders.names(of: split).joined(separator: " or ")) in it")
    }
    root = part
  }
  let table = try CaptionTable.findAny(in: root)
  let captions = try table.map { (file) throws(DatasetError) in try CaptionTable(file) }
  let hasParts = captions?.hasParts == true
  if !isDivided, !hasParts, split == .validation {
    throw .missingSplit(
      path: path.path, split: split, reason: "the images are not divided into parts")
  }
  let found: WordsOfImages
  if let table, let captions {
    found = try WordsOfImages(captions, hasParts ? split : nil, table, root)
  } else {
    found = WordsOfImages(besideImagesOf: root)
  }
  let names = found.sentences.keys.sorted()
  guard !names.isEmpty else {
    throw .unknownLayout(
      path: root.path,
      lookedFor: ["captions.txt or tags.csv beside images", "images each with a .txt file of its name"])
  }
  let holdsOut = !isDivided && !hasParts
  let chosen = names.enumerated().filter { !holdsOut || ($0.offset % 10 == 9) == (split == .test) }
    .map(\.element)
  return TaggedImageSet(
    name: path.lastPathComponent,
    pictures: chosen.map {
      TaggedImageSet.Picture(
        file: found.base.appendingPathComponent($0), sentences: found.sentences[$0] ?? [])
    },
    fingerprint: try contentFingerprint(of: chosen.map { ($0, found.base.appendingPathComponent($0)) }),
    notes: found.notes)
}

/// The words of images by their names below a folder.
private struct WordsOfImages {
  let base: URL
  private(set) var sentences: [String: [[String]]] = [:]
  private(set) var notes: [String] = []

  /// The words that a table gives to images.
  ///
  /// - Parameter split: the part, where the table has a column `split`.
  init(
    _ captions: CaptionTable, _ split: DatasetSplit?, _ table: URL, _ root: URL
  ) throws(DatasetError) {
    let column = PartColumn(captions.rows.map(\.part), isThere: captions.hasParts)
    let names = Set(captions.rows.map(\.file))
    func isThere(_ name: String, _ folder: URL) -> Bool {
      FileManager.default.fileExists(atPath: folder.appendingPathComponent(name).path)
    }
    // A folder of images by its name, the table's own, or whichever has most of the images.
    let folders = ImageFolders.foldersWithImages(in: root)
    let usual = folders.filter { $0.lowercased() == "images" }.map { root.appendingPathComponent($0) }
    let others = folders.map { root.appendingPathComponent($0) }
    let base =
      (usual + [root]).first { folder in names.contains { isThere($0, folder) } }
      ?? others.map { folder in (folder, names.count { isThere($0, folder) }) }
      .filter { $0.1 > 0 }.max { $0.1 < $1.1 }?.0
    guard let base else {
      let places = ([root] + others).map(\.lastPathComponent).joined(separator: ", ")
      throw .badTable(
        path: table.path,
        reason:
          "it names \(names.count) images, such as \(captions.rows.first?.file ?? ""), and none of them "
          + "is in \(places)")
    }
    self.base = base
    var missing: [String] = []
    var withoutWords: [String] = []
    for (row, part) in zip(captions.rows, column.parts) {
      if let split, part != split { continue }
      guard isThere(row.file, base) else {
        missing.append(row.file)
        continue
      }
      if row.words.isEmpty {
        withoutWords.append(row.file)
      } else {
        sentences[row.file, default: []].append(row.words)
      }
    }
    if let split, sentences.isEmpty {
      throw .missingSplit(
        path: table.path, split: split,
        reason: "no row's \"split\" is \(ImageFolders.names(of: split).joined(separator: " or "))"
          + (column.unknown.isEmpty ? "" : "; there are \(column.unknownText)"))
    }
    if let first = missing.first {
      notes.append(
        "\(missing.count) \(missing.count == 1 ? "row names an image that is" : "rows name images that are") "
          + "not there, such as \(first); \(missing.count == 1 ? "it is" : "they are") left out.")
    }
    if let sentence = column.leftOut { notes.append(sentence) }
    noteSilent(ImageFolders.pictures(below: base).filter { !names.contains($0) } + withoutWords)
    if let clause = UnreadFormats.clause(below: root) { notes.append("Left out: \(clause).") }
  }

  /// The words in text files that have the names of images.
  init(besideImagesOf root: URL) {
    base = root
    sentences = textsBeside(root)
    noteSilent(ImageFolders.pictures(below: root).filter { sentences[$0] == nil })
    if let clause = UnreadFormats.clause(below: root) { notes.append("Left out: \(clause).") }
  }

  /// Names images without words.
  private mutating func noteSilent(_ names: [String]) {
    let silent = names.filter { sentences[$0] == nil }
    guard let first = silent.first else { return }
    notes.append(
      silent.count == 1
        ? "An image without words is left out: \(first)."
        : "\(silent.count) images without words are left out, such as \(first).")
  }
}

/// Words by image, from the first line of the text file of the same name.
private func textsBeside(_ root: URL) -> [String: [[String]]] {
  var result: [String: [[String]]] = [:]
  for name in ImageFolders.pictures(below: root) {
    let text = root.appendingPathComponent(name).deletingPathExtension().appendingPathExtension("txt")
    guard let data = FileManager.default.contents(atPath: text.path),
      let first = String(decoding: data, as: UTF8.self).split(whereSeparator: \.isNewline).first
    else { continue }
    let words = TaggedImageSet.words(of: String(first))
    if !words.isEmpty { result[name] = [words] }
  }
  return result
}

/// The vocabulary of a training text: words, counts, tags, and the encoded text.
public struct TagVocabulary: Sendable, Hashable, Codable {
  /// The name of its artefact in a run.
  public static let artefactName = "tags.json"

  /// The words, the most frequent first.
  public let words: [String]
  /// The number of occurrences of each word.
  public let counts: [Int]
  /// The indices of words that are tags of at least one image, the most frequent tag first.
  public let tags: [Int]
  /// The number of images of each tag.
  public let tagCounts: [Int]
  /// The encoded training text, one entry per caption, without unknown words.
  public let sentences: [[Int]]

  /// Builds the vocabulary of words that occur at least `minimumCount` times.
  ///
  /// - Throws: ``DatasetError/invalid(reason:)`` where nothing is left.
  public init(of data: TaggedImageSet, minimumCount: Int) throws(DatasetError) {
    var counts: [String: Int] = [:]
    for picture in data.pictures {
      for word in picture.sentences.joined() { counts[word, default: 0] += 1 }
    }
    let kept = counts.filter { $0.value >= minimumCount }
      .sorted { ($1.value, $0.key) < ($0.value, $1.key) }
    let numbers = Dictionary(uniqueKeysWithValues: kept.enumerated().map { ($1.key, $0) })
    var tagCounts: [Int: Int] = [:]
    for picture in data.pictures {
      for tag in data.tags(of: picture) {
        if let number = numbers[tag] { tagCounts[number, default: 0] += 1 }
      }
    }
    let tags = tagCounts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
    guard !tags.isEmpty else {
      throw .invalid(
        reason: "\(data.name): no tag occurs \(minimumCount) times; lower minimumCount")
    }
    words = kept.map(\.key)
    self.counts = kept.map(\.value)
    self.tags = tags.map(\.key)
    self.tagCounts = tags.map(\.value)
    sentences = data.pictures.flatMap { picture in
      picture.sentences.map { $0.compactMap { numbers[$0] } }.filter { $0.count > 1 }
    }
  }

  /// The names of the tags, the most frequent first.
  public var tagNames: [String] { tags.map { words[$0] } }
}
