import AtelierData
import AtelierMedia
import Foundation
import Testing
import Torch

/// What the values of maps of labels mean is decided for a whole set.
struct LabelMeaningTests {
  private func preparation(classes: Int?) -> JointPreparation {
    JointPreparation(
      [
        ImageField("source", .labelMap(classes: classes), height: 4, width: 4),
        ImageField("target", .picture(channels: 3), height: 4, width: 4),
      ], source: "source", target: "target")
  }

  private func oneHot(_ channels: Int) -> JointPreparation {
    JointPreparation(
      [
        ImageField("source", .picture(channels: channels), height: 4, width: 4),
        ImageField("target", .picture(channels: 3), height: 4, width: 4),
      ], source: "source", target: "target")
  }

  /// Maps that repeat the values of each, and photographs.
  private func fill(_ folder: URL, _ maps: [[UInt8]], ending: String = "png") throws {
    for (number, values) in maps.enumerated() {
      let map = Image(width: 4, height: 4, channels: 1, bytes: (0..<16).map { values[$0 % values.count] })
      try folder.write(
        "labels/\(number).\(ending)", ImageCodec().encode(map, as: ending == "png" ? .png : .jpeg))
      try folder.picture("images/\(number).png", tone: UInt8(30 * number), width: 4, height: 4)
    }
  }

  private func findings(_ folder: URL) throws -> String {
    try checkData(at: folder, suggesting: \.rawValue).findings
      .map { "\($0.severity.rawValue): \($0.message)" }.joined(separator: "\n")
  }

  private func refusal(_ body: () throws -> Void) -> String {
    do { try body() } catch { return "\(error)" }
    return "nothing was refused"
  }

  @Test func masksOfZeroAnd255AreTwoClasses() throws {
    try withTemporaryFolder { folder in
      try fill(folder, [[0, 255], [0], [255]])
      let data = try openPairs(at: folder, preparation(classes: 2))
      // No class is called unlabelled, so that no loss leaves the second out.
      #expect(data.description.classNames == ["0", "255"])
      #expect(try data.example(at: 0)["source"]?.integers() == (0..<16).map { $0 % 2 })
      #expect(try findings(folder).contains("note: The maps of labels hold 0 and 255 only: two classes"))
      try folder.write("classes.txt", "ground\nbuilding\n")
      #expect(
        try openPairs(at: folder, preparation(classes: 2)).description.classNames == ["ground", "building"])
    }
  }

  @Test func oneMapWithAnotherValueMakes255UnlabelledAgain() throws {
    try withTemporaryFolder { folder in
      try fill(folder, [[0, 255], [0, 1]])
      let data = try openPairs(at: folder, preparation(classes: 3))
      #expect(data.description.classNames == ["0", "1", "unlabelled"])
    }
  }

  @Test func namedClassesAnd255NeedAChannelMoreThanNames() throws {
    try withTemporaryFolder { folder in
      try fill(folder, [[0, 1, 2, 3], [4, 5, 255, 255]])
      try folder.write("classes.txt", (0..<6).map { "class\($0)\n" }.joined())
      #expect(try findings(folder).contains("inputChannels: 7"))
      let sentence = refusal { _ = try openPairs(at: folder, oneHot(6)) }
      #expect(sentence.contains("7 classes, of which 255 is the last") && sentence.contains("6 channels"))
      let example = try openPairs(at: folder, oneHot(7)).example(at: 1)
      // Of the columns 4, 5, 255, 255 the last two are in the last channel alone.
      let bytes = try #require(example["source"]?.bytes)
      #expect(bytes[(6 * 16)..<(6 * 16 + 4)] == [0, 0, 255, 255])
      #expect(bytes[(5 * 16)..<(5 * 16 + 4)] == [0, 255, 0, 0])
    }
  }

  @Test func lossyMapsAndShadesAreWarnedAbout() throws {
    try withTemporaryFolder { folder in
      try fill(folder, [[0, 100, 200, 0], [0, 100, 200, 100]], ending: "jpg")
      let notes = try openPairs(at: folder, preparation(classes: nil)).description.notes
      #expect(notes.contains { $0.contains("2 maps of labels, such as 0.jpg") && $0.contains("PNG") })
      #expect(try findings(folder).contains("warning: 2 maps of labels, such as 0.jpg"))
    }
    try withTemporaryFolder { folder in
      try fill(folder, [[0, 100, 200]])
      #expect(
        try findings(folder).contains("warning: The maps of labels hold only 3 different values up to 200"))
    }
  }

  /// Fills parts of a set with maps and photographs.
  private func fill(_ folder: URL, train: [[UInt8]], test: [[UInt8]]) throws {
    for (part, maps) in [("train", train), ("test", test)] {
      for (number, values) in maps.enumerated() {
        let map = Image(width: 4, height: 4, channels: 1, bytes: (0..<16).map { values[$0 % values.count] })
        try folder.write("\(part)/labels/\(number).png", ImageCodec().encode(map, as: .png))
        try folder.picture("\(part)/images/\(number).png", tone: UInt8(30 * number), width: 4, height: 4)
      }
    }
  }

  @Test(arguments: [[0], [255], [0, 255]] as [[UInt8]])
  func theTrainingPartDecidesThatMapsAreMasks(_ values: [UInt8]) throws {
    try withTemporaryFolder { folder in
      try fill(folder, train: [[0, 255]], test: [values])
      let test = try openPairs(at: folder, split: .test, preparation(classes: 2))
      #expect(test.description.classNames == ["0", "255"])
      #expect(try test.example(at: 0)["source"]?.integers().first == (values[0] == 0 ? 0 : 1))
    }
  }

  @Test func aPartWithOneMaskOnlyKeepsTheClassesOfTheTrainingPart() throws {
    try withTemporaryFolder { folder in
      try fill(folder, train: [[0, 1, 255]], test: [[0, 255]])
      let test = try openPairs(at: folder, split: .test, preparation(classes: 3))
      #expect(test.description.classNames == ["0", "1", "unlabelled"])
    }
  }

  @Test func whatTheTrainingPartLeavesOpenIsNamed() throws {
    try withTemporaryFolder { folder in
      try fill(folder, train: [[0, 255]], test: [[0, 1, 255]])
      let sentence = refusal { _ = try openPairs(at: folder, split: .test, preparation(classes: 2)) }
      #expect(sentence.contains("test/labels/0.png") && sentence.contains("the label 1"), "\(sentence)")
      #expect(try findings(folder).contains("error: \(sentence)"))
    }
    try withTemporaryFolder { folder in
      try fill(folder, train: [[0, 1]], test: [[0, 1, 255]])
      #expect(
        try findings(folder).contains("warning: The maps of labels of this part hold 255, which those of the")
      )
    }
  }

  @Test func palettesOfPartsContradictEachOtherToo() throws {
    try withTemporaryFolder { folder in
      for (part, red) in [("train", 255), ("test", 9)] as [(String, UInt8)] {
        try folder.write("\(part)/labels/0.png", indexed([[0, 0, 0], [red, 0, 0], [0, 255, 0]]))
        try folder.picture("\(part)/images/0.png", tone: 30, width: 4, height: 4)
      }
      #expect(try openPairs(at: folder, preparation(classes: 3)).count == 1)
      let sentence = refusal { _ = try openPairs(at: folder, split: .test, preparation(classes: 3)) }
      #expect(
        sentence.contains("the index 1 is 255 0 0 in train/labels/0.png and 9 0 0 in test/labels/0.png"))
    }
  }

  /// A PNG of 4 x 4 with a palette, rows of the indices 0, 1, 2, 2; stored without compression.
  private func indexed(_ palette: [[UInt8]]) -> [UInt8] {
    func big(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(value >> (24 - 8 * UInt32($0)) & 255) } }
    func chunk(_ name: String, _ data: [UInt8]) -> [UInt8] {
      let body = Array(name.utf8) + data
      var crc: UInt32 = 0xFFFF_FFFF
      for byte in body {
        crc ^= UInt32(byte)
        for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
      }
      return big(UInt32(data.count)) + body + big(~crc)
    }
    let rows = (0..<4).flatMap { _ in [0, 0, 1, 2, 2] as [UInt8] }
    var (low, high): (UInt32, UInt32) = (1, 0)
    for byte in rows {
      low = (low + UInt32(byte)) % 65521
      high = (high + low) % 65521
    }
    let stored: [UInt8] =
      [0x78, 1, 1, UInt8(rows.count), 0, ~UInt8(rows.count), 255] + rows + big(high << 16 | low)
    return [0x89] + Array("PNG\r\n".utf8) + [0x1A, 0x0A]
      + chunk("IHDR", big(4) + big(4) + [8, 3, 0, 0, 0]) + chunk("PLTE", palette.flatMap { $0 })
      + chunk("IDAT", stored) + chunk("IEND", [])
  }

  @Test func palettesThatContradictEachOtherAreRefusedUnlessATableDecides() throws {
    try withTemporaryFolder { folder in
      let (black, red, green): ([UInt8], [UInt8], [UInt8]) = ([0, 0, 0], [255, 0, 0], [0, 255, 0])
      for (number, palette) in [[black, red, green], [red, green, black]].enumerated() {
        try folder.write("labels/\(number).png", indexed(palette))
        try folder.picture("images/\(number).png", tone: UInt8(30 * number), width: 4, height: 4)
      }
      let sentence = refusal { _ = try openPairs(at: folder, preparation(classes: 3)) }
      #expect(sentence.contains("the index 0 is 0 0 0 in 0.png and 255 0 0 in 1.png"), "\(sentence)")
      #expect(try findings(folder).contains("error: \(sentence)"))
      // Colours alone mean the same everywhere.
      #expect(try openPairs(at: folder, oneHot(3)).count == 2)
      try folder.write("classes.csv", "sky,0,0,0\nroad,255,0,0\ntree,0,255,0\n")
      let data = try openPairs(at: folder, preparation(classes: 3))
      #expect(Array(try data.example(at: 0)["source"]?.integers().prefix(4) ?? []) == [0, 1, 2, 2])
      #expect(Array(try data.example(at: 1)["source"]?.integers().prefix(4) ?? []) == [1, 2, 0, 0])
    }
  }

  @Test func entriesOfOneColourAreDifferentClassesAndNamed() throws {
    try withTemporaryFolder { folder in
      for number in 0..<2 {
        try folder.write("labels/\(number).png", indexed([[0, 0, 0], [9, 9, 9], [0, 0, 0]]))
        try folder.picture("images/\(number).png", tone: UInt8(30 * number), width: 4, height: 4)
      }
      let data = try openPairs(at: folder, preparation(classes: 3))
      #expect(Array(try data.example(at: 0)["source"]?.integers().prefix(4) ?? []) == [0, 1, 2, 2])
      #expect(data.description.notes.contains { $0.contains("The indices 0, 2 have one colour") })
    }
  }
}
