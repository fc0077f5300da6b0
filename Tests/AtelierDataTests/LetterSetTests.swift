import AtelierData
import AtelierMedia
import Foundation
import Testing

struct LetterSetTests {
  /// Writes a font whose letters are bars: the height follows from the letter, the width is given.
  func font(
    _ file: String, in folder: URL, family: String, style: String = "Regular", width: Int = 300,
    letters: [Unicode.Scalar] = LetterSet.letters
  ) throws {
    let glyphs = letters.enumerated().map {
      OutlineFontFile.Glyph(character: $1, width: width, top: 400 + 8 * $0, bottom: -100)
    }
    try Data(OutlineFontFile.bytes(family: family, style: style, glyphs))
      .write(to: folder.appendingPathComponent(file))
  }

  @Test func outlinesAreDrawnAtEverySize() throws {
    try withTemporaryFolder { folder in
      let glyphs = [
        OutlineFontFile.Glyph(character: "a", width: 500, top: 800),
        OutlineFontFile.Glyph(character: "g", width: 250, top: 400, bottom: -200),
        OutlineFontFile.Glyph(character: " ", width: 0, top: 0),
        OutlineFontFile.Glyph(character: "w", width: 20_000, top: 100),
      ]
      let file = folder.appendingPathComponent("bars.ttf")
      try Data(OutlineFontFile.bytes(family: "Bars", style: "Bold", glyphs)).write(to: file)
      let font = try OutlineFont(file)
      #expect(font.family == "Bars" && font.style == "Bold")
      let a = try #require(try font.glyph(of: "a", size: 10))
      #expect(a.width == 5 && a.height == 8 && a.rise == 8)
      #expect(a.coverage == [UInt8](repeating: 255, count: 40))
      let g = try #require(try font.glyph(of: "g", size: 10))
      #expect(g.width == 3 && g.height == 6 && g.rise == 4)
      // The third column is covered by half.
      #expect((126...129).contains(g.coverage[2]) && g.coverage[1] == 255)
      #expect(try font.glyph(of: "a", size: 20)?.height == 16)
      #expect(try font.glyph(of: "w", size: 10) == nil)
      #expect(try font.glyph(of: " ", size: 10) == nil && font.glyph(of: "z", size: 10) == nil)
      for size in [0, -1, 5000, Double.nan] {
        #expect(throws: ImageError.self) { try font.glyph(of: "a", size: size) }
      }
    }
  }

  @Test func everyFamilyIsAClassAndWhatCannotServeIsNamed() throws {
    try withTemporaryFolder { folder in
      try folder.write("fonts/deep/words.ttf", "words")
      let fonts = folder.appendingPathComponent("fonts")
      try font("a-bold.ttf", in: fonts, family: "Narrow", style: "Bold", width: 350)
      try font("b.ttf", in: fonts, family: "Narrow", width: 100)
      try font("c.otf", in: fonts, family: "Wide Type", width: 500)
      try font("d.ttf", in: fonts, family: "Xerox", width: 500)
      try font("e.ttf", in: fonts, family: "Gap", letters: LetterSet.letters.filter { $0 != "q" })
      let target = folder.appendingPathComponent("letters")
      let report = try LetterSet.prepare(from: fonts, to: target, size: 16)
      #expect(report.written == 104)
      #expect(report.leftOut.count == 3)
      #expect(report.leftOut.contains { $0.contains("words.ttf") })
      #expect(report.leftOut.contains("Gap: it has no letter q."))
      #expect(report.leftOut.contains("Xerox looks like Wide Type."))
      let data = try openDataset(at: target)
      #expect(data.description.layout == .table && data.description.classNames == ["narrow", "wide-type"])

      let table = try String(contentsOf: target.appendingPathComponent("metadata.jsonl"), encoding: .utf8)
      let rows = try table.split(separator: "\n").map {
        try JSONDecoder().decode([String: String].self, from: Data($0.utf8))
      }
      let parts = Dictionary(grouping: rows) { "\($0["label"] ?? "")\($0["letter"]?.lowercased() ?? "")" }
      #expect(parts.count == 52)
      #expect(parts.values.allSatisfy { Set($0.map { $0["split"] }).count == 1 })

      // The tallest letter fills seven eighths and a part of a row; all stand on one line, dark on white.
      let tall = try Image(contentsOf: target.appendingPathComponent("narrow/small-z.png"))
      let short = try Image(contentsOf: target.appendingPathComponent("narrow/capital-a.png"))
      #expect(tall.channels == 1 && tall.width == 16)
      func ink(_ picture: Image) -> [Int] { (0..<16).filter { picture[x: 7, y: $0, channel: 0] < 200 } }
      #expect(ink(tall) == Array(0...14))
      #expect(ink(short).last == 14 && ink(short).count == 8)
      // The regular style was drawn, not the bold one that comes first.
      let columns = (0..<16).filter { tall[x: $0, y: 8, channel: 0] < 250 }
      #expect(columns.count <= 2)
    }
  }

  @Test func whatMakesNoSetIsRefusedAndLeavesNothing() throws {
    try withTemporaryFolder { folder in
      let target = folder.appendingPathComponent("letters")
      let fonts = folder.appendingPathComponent("fonts")
      #expect(throws: DatasetError.notFound(path: fonts.path)) {
        try LetterSet.prepare(from: fonts, to: target)
      }
      try folder.write("fonts/words.txt", "words")
      #expect(throws: DatasetError.self) { try LetterSet.prepare(from: fonts, to: target) }
      try folder.write("fonts/words.ttf", "words")
      let error = #expect(throws: DatasetError.self) { try LetterSet.prepare(from: fonts, to: target) }
      #expect(error?.description.contains("words.ttf") == true)
      try font("a.ttf", in: fonts, family: "Narrow")
      #expect(throws: DatasetError.self) { try LetterSet.prepare(from: fonts, to: target, size: 3) }
      #expect(throws: DatasetError.self) { try LetterSet.prepare(from: fonts, to: target, difference: -1) }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["fonts"])
      _ = try LetterSet.prepare(from: fonts, to: target)
      #expect(throws: DatasetError.exists(path: target.path)) {
        try LetterSet.prepare(from: fonts, to: target)
      }
    }
  }
}
