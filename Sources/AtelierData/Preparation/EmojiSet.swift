internal import AtelierMedia
public import Foundation

/// A data set of captioned emoji: every fully qualified emoji of the Unicode Standard in a font, with its
/// name, group and subgroup.
public enum EmojiSet {
  /// The file of Debian's package `fonts-noto-color-emoji`.
  public static let debianFont = "/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf"
  /// The file of Debian's package `unicode-data`.
  public static let debianList = "/usr/share/unicode/emoji/emoji-test.txt"

  /// One emoji of Unicode's list.
  package struct Entry: Hashable {
    package let text: String
    package let codes: String
    package let name: String
    package let group: String
    package let subgroup: String

    /// The name shared by variants: skin tones and hair follow a colon; man, woman and person precede an
    /// occupation. Flags are all named "flag: …" but are different images.
    package var family: String {
      if group == "Flags" || subgroup == "keycap" { return name }
      let motif = String(name.prefix { $0 != ":" })
      for person in ["man ", "woman ", "person ", "men ", "women ", "people "] where motif.hasPrefix(person) {
        return String(motif.dropFirst(person.count))
      }
      return motif
    }
  }

  /// The part of each entry: 10 % of the motifs for test, 5 % for validation.
  ///
  /// Variants stay in one part, and so do entries that look the same (the flags of France and Clipperton), so
  /// that no held-out image is a recoloured training image. Motifs of more than a dozen images (kiss has a
  /// hundred) stay in training, as they would dominate a held-out part.
  ///
  /// - Parameter looks: a key per entry, equal where images look the same.
  package static func parts(of entries: [Entry], looks: [String], seed: UInt64) -> [DatasetSplit] {
    var parents: [String: String] = [:]
    func root(_ family: String) -> String {
      var family = family
      while let parent = parents[family] { family = parent }
      return family
    }
    var byLook: [String: String] = [:]
    for (entry, look) in zip(entries, looks) {
      let (mine, other) = (root(entry.family), root(byLook[look, default: entry.family]))
      if mine != other { parents[mine] = other }
      byLook[look] = other
    }
    let roots = entries.map { root($0.family) }
    let sizes = Dictionary(roots.map { ($0, 1) }, uniquingKeysWith: +)
    return roots.map { root in
      guard sizes[root, default: 0] <= 12 else { return .train }
      return .drawn(seed: seed, purpose: "emoji \(root)")
    }
  }

  /// Writes the set into a new folder: one PNG per emoji, and `metadata.jsonl` with `file_name`, `label` (the
  /// group), `subgroup`, `name`, `caption`, `codes` and `split`.
  ///
  /// - Parameters:
  ///   - size: the side of square images in pixels, 8 to 1024; nil keeps the font's size (136 × 128 in Noto).
  ///   - isTransparent: keeps the font's alpha; otherwise images are composited over white.
  ///   - seed: the seed of the division into parts.
  /// - Throws: ``DatasetError/exists(path:)`` where the folder exists, ``DatasetError`` for an unusable font
  ///   or list.
  public static func prepare(
    to target: URL, font: URL, list: URL, size: Int? = nil, isTransparent: Bool = false, seed: UInt64 = 0,
    progress: PreparationProgress? = nil
  ) throws(DatasetError) -> PreparationReport {
    let entries = entries(in: try text(of: list))
    guard !entries.isEmpty else {
      throw .corruptFile(path: list.path, reason: "it has no fully qualified emoji; use emoji-test.txt")
    }
    if let size, !(8...1024).contains(size) {
      throw .invalid(reason: "the size of emoji must be 8 to 1024 pixels, not \(size)")
    }
    let drawing: ColourFont
    do throws(ImageError) { drawing = try ColourFont(font) } catch {
      throw .corruptFile(path: font.path, reason: error.shortReason)
    }
    let folder = try StagedFolder(
      target, recipe: "emoji \(size ?? 0) \(isTransparent) \(seed)\n\(font.path)\n\(list.path)\n")
    var drawn: [Entry] = []
    var looks: [String] = []
    var leftOut: [String] = []
    for start in stride(from: 0, to: entries.count, by: chunk) {
      var pictures: [(name: String, picture: Image)] = []
      for entry in entries[start..<min(start + chunk, entries.count)] {
        let picture: Image?
        do throws(ImageError) { picture = try drawing.picture(of: entry.text) } catch {
          throw .corruptFile(path: font.path, reason: error.shortReason)
        }
        guard let picture else {
          leftOut.append("\(entry.name) (\(entry.codes)) is not in the font.")
          continue
        }
        pictures.append((entry.codes + ".png", picture))
        drawn.append(entry)
        looks.append(contentFingerprint(of: picture.bytes))
      }
      let made = pictures
      let failures = inParallel(made.count) { index in
        write(made[index].picture, made[index].name, to: folder, size, isTransparent)
      }
      for case let failure? in failures { throw failure }
      progress?(min(start + chunk, entries.count), entries.count)
    }
    guard !drawn.isEmpty else {
      folder.discard()
      throw .corruptFile(path: font.path, reason: "it has none of the listed emoji")
    }
    let rows = zip(drawn, parts(of: drawn, looks: looks, seed: seed)).map { entry, part in
      [
        "file_name": entry.codes + ".png", "label": entry.group, "subgroup": entry.subgroup,
        "name": entry.name,
        "caption": entry.name, "codes": entry.codes, "split": ImageFolders.names(of: part)[0],
      ]
    }
    try folder.write(try LabelTable.jsonLines(rows), to: LabelTable.fileNames[0])
    try folder.finish()
    return PreparationReport(written: rows.count, leftOut: leftOut)
  }

  /// Glyphs are rasterised on one thread and encoded in chunks of this size on all.
  private static let chunk = 64

  /// Writes an image unless it exists; returns the reason of a failure, or nil.
  private static func write(
    _ picture: Image, _ name: String, to folder: StagedFolder, _ size: Int?, _ isTransparent: Bool
  ) -> DatasetError? {
    if folder.has(name) { return nil }
    do throws(ImageError) {
      let sized = try size.map { side throws(ImageError) in try squared(picture, side) } ?? picture
      let bytes = try ImageCodec().encode(isTransparent ? sized : sized.withoutAlpha(), as: .png)
      do throws(DatasetError) { try folder.write(bytes, to: name) } catch { return error }
      return nil
    } catch {
      return .unwritable(path: folder.target.path, reason: error.shortReason)
    }
  }

  /// The fully qualified emoji of `emoji-test.txt`: `1F600 ; fully-qualified # 😀 E1.0 grinning face`.
  package static func entries(in text: String) -> [Entry] {
    var entries: [Entry] = []
    var group = ""
    var subgroup = ""
    for line in text.split(whereSeparator: \.isNewline) {
      if line.hasPrefix("# group: ") { group = String(line.dropFirst(9)) }
      if line.hasPrefix("# subgroup: ") { subgroup = String(line.dropFirst(12)) }
      guard !line.hasPrefix("#"), let semicolon = line.firstIndex(of: ";"),
        let hash = line[semicolon...].firstIndex(of: "#")
      else { continue }
      let status = line[line.index(after: semicolon)..<hash].trimmingCharacters(in: .whitespaces)
      guard status == "fully-qualified" else { continue }
      let codes = line[..<semicolon].split(separator: " ")
      let scalars = codes.compactMap { UInt32($0, radix: 16).flatMap(Unicode.Scalar.init) }
      // After the hash: the emoji, the version that added it, its name.
      let words = line[line.index(after: hash)...].split(separator: " ", omittingEmptySubsequences: true)
      guard scalars.count == codes.count, !scalars.isEmpty, words.count >= 3 else { continue }
      var view = String.UnicodeScalarView()
      view.append(contentsOf: scalars)
      entries.append(
        Entry(
          text: String(view), codes: codes.joined(separator: "-").lowercased(),
          name: words.dropFirst(2).joined(separator: " "), group: group, subgroup: subgroup))
    }
    return entries
  }

  /// The image centred in a transparent square.
  private static func squared(_ picture: Image, _ side: Int) throws(ImageError) -> Image {
    let longer = max(picture.width, picture.height)
    let (left, top) = ((longer - picture.width) / 2, (longer - picture.height) / 2)
    var bytes = [UInt8](repeating: 0, count: 4 * longer * longer)
    for row in 0..<picture.height {
      let from = 4 * row * picture.width
      let to = 4 * ((row + top) * longer + left)
      bytes.replaceSubrange(
        to..<(to + 4 * picture.width), with: picture.bytes[from..<(from + 4 * picture.width)])
    }
    return try Image(width: longer, height: longer, channels: 4, bytes: bytes)
      .resized(width: side, height: side)
  }
}
