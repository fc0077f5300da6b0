internal import AtelierMedia
public import Foundation

/// A data set of the Latin letters of many fonts, as grey images whose class is the font; a small set for
/// few-shot translation.
public enum LetterSet {
  /// The letters; a font that lacks one is left out.
  package static let letters: [Unicode.Scalar] =
    Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ".unicodeScalars)
    + Array("abcdefghijklmnopqrstuvwxyz".unicodeScalars)

  /// Writes the set into a new folder: one folder per font family, one PNG per letter, black on white, and
  /// `metadata.jsonl` with `file_name`, `label` (the family), `letter` and `split`.
  ///
  /// All letters of a font share a baseline and a scale, at which the tallest and the widest fit. The regular
  /// style of a family is used, or without one the first file. Of each font 10 % of the letters are for test,
  /// 5 % for validation.
  ///
  /// - Parameters:
  ///   - fonts: a folder of font files (`ttf`, `otf`), at any depth.
  ///   - size: the side of the images in pixels, 16 to 512.
  ///   - difference: a font is left out where its images differ from those of an earlier font by no more than
  ///     this mean absolute difference, in 8-bit levels; 0 leaves out exact copies.
  ///   - seed: the seed of the division into parts.
  /// - Throws: ``DatasetError/exists(path:)`` where the folder exists, ``DatasetError`` where no font is
  ///   usable.
  public static func prepare(
    from fonts: URL, to target: URL, size: Int = 32, difference: Double = 14, seed: UInt64 = 0,
    progress: PreparationProgress? = nil
  ) throws(DatasetError) -> PreparationReport {
    guard (16...512).contains(size) else {
      throw .invalid(reason: "the size of letters must be 16 to 512 pixels, not \(size)")
    }
    guard difference >= 0, difference < 255 else {
      throw .invalid(reason: "the difference must be at least 0 and below 255, not \(difference)")
    }
    let (families, unusable) = try self.families(in: fonts)
    var leftOut = unusable
    let folder = try StagedFolder(target, recipe: "letters \(size) \(difference) \(seed)\n\(fonts.path)\n")
    var kept: [(family: Family, pictures: [Image])] = []
    for (place, family) in families.enumerated() {
      defer { progress?(place + 1, families.count) }
      let pictures: [Image]
      do throws(ImageError) { pictures = try self.pictures(of: family.font, size) } catch {
        leftOut.append("\(family.name): \(error.shortReason).")
        continue
      }
      let alike = kept.first { Self.difference($0.pictures, pictures) <= difference }
      if let alike {
        leftOut.append("\(family.name) looks like \(alike.family.name).")
        continue
      }
      for (letter, picture) in zip(letters, pictures) where !folder.has(file(family, letter)) {
        let bytes: [UInt8]
        do throws(ImageError) { bytes = try ImageCodec().encode(picture, as: .png) } catch {
          throw .unwritable(path: target.path, reason: error.shortReason)
        }
        try folder.write(bytes, to: file(family, letter))
      }
      kept.append((family, pictures))
    }
    guard !kept.isEmpty else {
      folder.discard()
      throw .invalid(
        reason: "no font below \(fonts.path) opens and has all letters; the first: "
          + (leftOut.first ?? "").trimmingCharacters(in: ["."]))
    }
    let rows = kept.flatMap { family, _ in
      letters.map { letter in
        // Both cases of a letter are in one part, as they look alike in many fonts.
        let part = DatasetSplit.drawn(
          seed: seed, purpose: "letters \(family.folder) \(letter.properties.lowercaseMapping)")
        return [
          "file_name": file(family, letter), "label": family.folder, "letter": String(letter),
          "family": family.name, "split": ImageFolders.names(of: part)[0],
        ]
      }
    }
    try folder.write(try LabelTable.jsonLines(rows), to: LabelTable.fileNames[0])
    try folder.finish()
    return PreparationReport(written: rows.count, leftOut: leftOut)
  }

  // MARK: Fonts

  private struct Family {
    let name: String
    /// The name of the folder: lower case, letters and digits.
    let folder: String
    let font: OutlineFont
    let isRegular: Bool
  }

  /// The font families below a folder, sorted by name, and the files that cannot be opened.
  private static func families(in fonts: URL) throws(DatasetError) -> ([Family], unusable: [String]) {
    guard FileManager.default.fileExists(atPath: fonts.path),
      let walk = FileManager.default.enumerator(atPath: fonts.path)
    else { throw .notFound(path: fonts.path) }
    let files = walk.compactMap { $0 as? String }
      .filter { ["ttf", "otf"].contains(($0 as NSString).pathExtension.lowercased()) }
      .sorted { (($0 as NSString).lastPathComponent, $0) < (($1 as NSString).lastPathComponent, $1) }
    guard !files.isEmpty else {
      throw .invalid(reason: "\(fonts.path) holds no fonts (files .ttf and .otf)")
    }
    var families: [String: Family] = [:]
    var unusable: [String] = []
    for (number, file) in files.enumerated() {
      let font: OutlineFont
      do throws(ImageError) { font = try OutlineFont(fonts.appendingPathComponent(file)) } catch {
        unusable.append(error.description)
        continue
      }
      let name = font.family.isEmpty ? "font \(number + 1)" : font.family
      let words = name.lowercased().split { !($0.isASCII && ($0.isLetter || $0.isNumber)) }
      let folder = words.isEmpty ? "font-\(number + 1)" : words.joined(separator: "-")
      let isRegular = ["regular", "roman", "book", "normal", "medium"].contains(font.style.lowercased())
      if let first = families[folder], first.isRegular || !isRegular { continue }
      families[folder] = Family(name: name, folder: folder, font: font, isRegular: isRegular)
    }
    return (families.values.sorted { $0.folder < $1.folder }, unusable)
  }

  // MARK: Images

  /// Renders all letters at the scale at which the tallest and the widest leave a margin of 1/16 of the side.
  private static func pictures(of font: OutlineFont, _ side: Int) throws(ImageError) -> [Image] {
    func drawn(_ size: Double) throws(ImageError) -> [OutlineFont.Glyph] {
      var glyphs: [OutlineFont.Glyph] = []
      for letter in letters {
        guard let glyph = try font.glyph(of: letter, size: size) else {
          throw .invalid(reason: "it has no letter \(letter)")
        }
        glyphs.append(glyph)
      }
      return glyphs
    }
    /// Rows above and below the baseline, and the width.
    func extent(_ glyphs: [OutlineFont.Glyph]) -> (up: Int, down: Int, wide: Int) {
      (
        glyphs.map(\.rise).max() ?? 0, glyphs.map { $0.height - $0.rise }.max() ?? 0,
        glyphs.map(\.width).max() ?? 0
      )
    }
    // Measured at a large size, so that rounding to pixels does not affect the scale.
    let probe = 256.0
    let (up, down, wide) = extent(try drawn(probe))
    let room = Double(side) * 7 / 8
    let glyphs = try drawn(max(1, probe * room / Double(max(up + down, wide, 1))))
    let (above, below, _) = extent(glyphs)
    let line = (side - above - below) / 2 + above
    return glyphs.map { glyph in
      var bytes = [UInt8](repeating: 255, count: side * side)
      let (left, top) = ((side - glyph.width) / 2, line - glyph.rise)
      for y in 0..<glyph.height where (0..<side).contains(top + y) {
        for x in 0..<glyph.width where (0..<side).contains(left + x) {
          bytes[(top + y) * side + left + x] = 255 - glyph.coverage[y * glyph.width + x]
        }
      }
      return Image(width: side, height: side, channels: 1, bytes: bytes)
    }
  }

  /// The mean absolute difference of two fonts' images, in 8-bit levels.
  private static func difference(_ first: [Image], _ second: [Image]) -> Double {
    var sum = 0
    var count = 0
    for (a, b) in zip(first, second) {
      for (x, y) in zip(a.bytes, b.bytes) { sum += abs(Int(x) - Int(y)) }
      count += a.bytes.count
    }
    return Double(sum) / Double(max(1, count))
  }

  /// Capitals are marked by a word, as some file systems ignore case.
  private static func file(_ family: Family, _ letter: Unicode.Scalar) -> String {
    let (size, name) = (
      letter.properties.isUppercase ? "capital" : "small", letter.properties.lowercaseMapping
    )
    return "\(family.folder)/\(size)-\(name).png"
  }
}
