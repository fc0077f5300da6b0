public import Foundation

/// Images with text: tags, captions, names.
///
/// Function words (articles, prepositions, …) are kept in the text but are not tags.
public struct TaggedPictures: Sendable {
  /// An image with its text.
  public struct Picture: Sendable, Hashable {
    /// The file.
    public let file: URL
    /// Each caption, or all tags together, as lower-case words.
    public let sentences: [[String]]
  }

  /// The folder's own name.
  public let name: String
  /// The images of the part, in order of their names.
  public let pictures: [Picture]
  /// See ``contentFingerprint(of:)``.
  public let fingerprint: String

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
/// - images each with a text file of the same name, whose first line is read.
///
/// Images without text are left out. Without folders `train` and `test`, every tenth image in order of names
/// is held out.
///
/// - Throws: ``DatasetError`` that names the folder or line and the way out.
public func openTaggedPictures(
  at path: URL, split: DatasetSplit = .train
) throws(DatasetError) -> TaggedPictures {
  guard FileManager.default.fileExists(atPath: path.path) else { throw .notFound(path: path.path) }
  var root = path
  let isDivided = PictureFolders.isDivided(path)
  if isDivided {
    guard let part = PictureFolders.folder(of: split, in: path) else {
      throw .missingSplit(
        path: path.path, split: split,
        reason: "there is no folder \(PictureFolders.names(of: split).joined(separator: " or ")) in it")
    }
    root = part
  } else if split == .validation {
    throw .missingSplit(path: path.path, split: split, reason: "the images are not divided into parts")
  }
  let tables = ["captions.txt", "captions.csv", "tags.csv", "tags.txt"]
  let present = Set(listing(of: root))
  let found: [String: [[String]]]
  var base = root
  if let table = tables.first(where: { present.contains($0) }) {
    let images = root.appendingPathComponent("images")
    if PictureFolders.isFolder(images) { base = images }
    found = try taggedLines(of: root.appendingPathComponent(table))
  } else {
    found = textsBeside(root)
  }
  let names = found.keys.sorted().filter { name in
    !(found[name] ?? []).isEmpty
      && FileManager.default.fileExists(atPath: base.appendingPathComponent(name).path)
  }
  guard !names.isEmpty else {
    throw .unknownLayout(
      path: root.path,
      lookedFor: ["captions.txt or tags.csv beside images", "images each with a .txt file of its name"])
  }
  let chosen = names.enumerated().filter { isDivided || ($0.offset % 10 == 9) == (split == .test) }
    .map(\.element)
  return TaggedPictures(
    name: path.lastPathComponent,
    pictures: chosen.map {
      TaggedPictures.Picture(file: base.appendingPathComponent($0), sentences: found[$0] ?? [])
    },
    fingerprint: try contentFingerprint(of: chosen.map { ($0, base.appendingPathComponent($0)) }))
}

/// Words by file name, from lines `file,words`.
private func taggedLines(of table: URL) throws(DatasetError) -> [String: [[String]]] {
  guard let data = FileManager.default.contents(atPath: table.path),
    let text = String(validating: data, as: UTF8.self)
  else { throw .corruptFile(path: table.path, reason: "it is not text in UTF-8") }
  var result: [String: [[String]]] = [:]
  for (number, line) in text.split(whereSeparator: \.isNewline).enumerated() where number > 0 {
    guard let comma = line.firstIndex(of: ",") else {
      throw .corruptFile(
        path: table.path, reason: "line \(number + 1) has no comma; write lines as file,words")
    }
    let name = String(line[..<comma]).trimmingCharacters(in: .whitespaces)
    // A name must not lead out of the folder.
    guard !name.isEmpty, !name.split(separator: "/").contains(".."), !name.hasPrefix("/") else {
      throw .corruptFile(path: table.path, reason: "line \(number + 1) names the file '\(name)'")
    }
    let words = TaggedPictures.words(of: String(line[line.index(after: comma)...]))
    if !words.isEmpty { result[name, default: []].append(words) }
  }
  return result
}

/// Words by image, from the first line of the text file of the same name.
private func textsBeside(_ root: URL) -> [String: [[String]]] {
  var result: [String: [[String]]] = [:]
  for name in PictureFolders.pictures(below: root) {
    let text = root.appendingPathComponent(name).deletingPathExtension().appendingPathExtension("txt")
    guard let data = FileManager.default.contents(atPath: text.path),
      let first = String(decoding: data, as: UTF8.self).split(whereSeparator: \.isNewline).first
    else { continue }
    let words = TaggedPictures.words(of: String(first))
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
  public init(of data: TaggedPictures, minimumCount: Int) throws(DatasetError) {
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
