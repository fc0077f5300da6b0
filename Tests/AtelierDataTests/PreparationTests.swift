import AtelierData
import AtelierMedia
import Foundation
import Testing

struct PreparationTests {
  func names(_ folder: URL) -> [String] {
    let found = FileManager.default.enumerator(atPath: folder.path)?.compactMap { $0 as? String } ?? []
    return found.filter { $0.contains(".") }.sorted()
  }

  @Test func picturesAreMadeUnderTheSameNamesAndDamagedOnesNamed() throws {
    try withTemporaryFolder { folder in
      let source = folder.appendingPathComponent("in")
      try source.picture("a/1.jpg", tone: 10, width: 12, height: 12)
      try source.picture("2.png", tone: 90, width: 12, height: 12)
      try source.write("3.png", "words")
      try source.picture("2.jpg", tone: 90)
      let target = folder.appendingPathComponent("out")
      let report = try prepareImages(from: source, to: target, recipe: "grey") { $0.grey() }
      #expect(report.written == 2 && names(target) == ["2.png", "a/1.png"])
      #expect(report.leftOut.contains { $0.contains("3.png") })
      #expect(report.leftOut.contains { $0.contains("2.png would overwrite") })
      #expect(try Image(contentsOf: target.appendingPathComponent("2.png")).channels == 1)
      #expect(names(folder).count == 6)
    }
  }

  @Test func nothingThatIsThereIsWrittenOver() throws {
    try withTemporaryFolder { folder in
      let source = folder.appendingPathComponent("in")
      try source.picture("1.png", tone: 10)
      let target = folder.appendingPathComponent("out")
      try target.write("mine.txt", "precious")
      #expect(throws: DatasetError.exists(path: target.path)) {
        try prepareImages(from: source, to: target, recipe: "grey") { $0.grey() }
      }
      #expect(throws: DatasetError.self) {
        try prepareImages(from: source, to: source.appendingPathComponent("out"), recipe: "grey") {
          $0.grey()
        }
      }
      #expect(names(folder) == ["in/1.png", "out/mine.txt"])
      let missing = folder.appendingPathComponent("none")
      #expect(throws: DatasetError.notFound(path: missing.path)) {
        try prepareImages(from: missing, to: folder.appendingPathComponent("b"), recipe: "x") { $0 }
      }
    }
  }

  @Test func anInterruptedPreparationIsTakenUpAgain() throws {
    try withTemporaryFolder { folder in
      let source = folder.appendingPathComponent("in")
      for number in 0..<4 { try source.picture("\(number).png", tone: 10) }
      let target = folder.appendingPathComponent("out")
      // What an interrupted run leaves: a folder beside, with the recipe and some of the files.
      let staging = folder.appendingPathComponent(".out.partial")
      try staging.write(".preparation", "grey\n\(source.standardizedFileURL.path)\n")
      try staging.picture("1.png", tone: 200)
      let error = #expect(throws: DatasetError.self) {
        try prepareImages(from: source, to: target, recipe: "edges") { (image) throws(ImageError) in
          try image.outlines()
        }
      }
      #expect(error?.description.contains("interrupted") == true)
      let report = try prepareImages(from: source, to: target, recipe: "grey") { $0.grey() }
      #expect(report.written == 4 && !FileManager.default.fileExists(atPath: staging.path))
      // The file that was there is the one that was kept.
      #expect(try Image(contentsOf: target.appendingPathComponent("1.png")).channels == 3)
      #expect(try Image(contentsOf: target.appendingPathComponent("2.png")).channels == 1)
      #expect(!names(target).contains(".preparation"))
    }
  }

  @Test(arguments: [false, true]) func foldersAreJoinedToPairs(sideBySide: Bool) throws {
    try withTemporaryFolder { folder in
      let (a, b) = (folder.appendingPathComponent("x"), folder.appendingPathComponent("y"))
      for number in 0..<3 { try a.picture("s/\(number).png", tone: 10, width: 4, height: 4) }
      for number in 1..<4 { try b.picture("s/\(number).jpg", tone: 200, width: 8, height: 8) }
      let target = folder.appendingPathComponent("out")
      let report = try preparePairs(sources: a, targets: b, to: target, sideBySide: sideBySide)
      #expect(report.written == 2 && report.leftOut.count == 2)
      if sideBySide {
        #expect(names(target) == ["s/1.png", "s/2.png"])
        #expect(try Image(contentsOf: target.appendingPathComponent("s/1.png")).width == 16)
      } else {
        #expect(names(target) == ["A/s/1.png", "A/s/2.png", "B/s/1.jpg", "B/s/2.jpg"])
      }
      // Below a folder of its own a sheet counts as a class; flat ones are told by their proportions.
      let checked = try checkData(at: sideBySide ? target.appendingPathComponent("s") : target)
      #expect(checked.layout == (sideBySide ? .sideBySide : .pairedFolders))
    }
  }

  @Test func pairsThatDoNotMatchAreNamed() throws {
    try withTemporaryFolder { folder in
      let (a, b) = (folder.appendingPathComponent("x"), folder.appendingPathComponent("y"))
      try a.picture("1.png", tone: 10, width: 8, height: 4)
      try b.picture("2.png", tone: 10, width: 4, height: 4)
      let target = folder.appendingPathComponent("out")
      #expect(throws: DatasetError.self) { try preparePairs(sources: a, targets: b, to: target) }
      try b.picture("1.png", tone: 10, width: 4, height: 4)
      let error = #expect(throws: DatasetError.self) {
        try preparePairs(sources: a, targets: b, to: target, sideBySide: true)
      }
      #expect(error?.description.contains("8 x 4") == true)
      #expect(!FileManager.default.fileExists(atPath: target.path))
    }
  }

  @Test func aTableDividesPairsAndGoesWithItsPictures() throws {
    try withTemporaryFolder { folder in
      let targets = folder.appendingPathComponent("targets")
      for name in ["1.png", "s/2.png", "3.png"] { try targets.picture(name, tone: 90) }
      try targets.write(
        "metadata.csv",
        "file_name,label,split,words\n1.png,x,train,\"a, b\"\ns/2.png,y,val,c\n3.png,y,test,d\n")
      let sources = folder.appendingPathComponent("sources")
      _ = try prepareImages(from: targets, to: sources, recipe: "grey") { $0.grey() }
      let labelled = try openDataset(at: sources, split: .validation)
      #expect(labelled.count == 1 && labelled.description.classNames == ["x", "y"])
      let table = try String(contentsOf: sources.appendingPathComponent("metadata.jsonl"), encoding: .utf8)
      #expect(table.contains(#""file_name":"1.png","label":"x","split":"train","words":"a, b""#), "\(table)")
      let pairs = folder.appendingPathComponent("pairs")
      _ = try preparePairs(sources: sources, targets: targets, to: pairs)
      #expect(
        names(pairs) == [
          "test/A/3.png", "test/B/3.png", "train/A/1.png", "train/B/1.png", "val/A/s/2.png", "val/B/s/2.png",
        ])
      let divided = #expect(throws: DatasetError.self) {
        try prepareSplit(of: targets, to: folder.appendingPathComponent("again"))
      }
      #expect(divided?.description.contains("table") == true)
    }
  }

  @Test func whereNothingCanBeMadeNothingIsLeft() throws {
    try withTemporaryFolder { folder in
      try folder.write("in/1.png", "words")
      let target = folder.appendingPathComponent("out")
      #expect(throws: DatasetError.self) {
        try prepareImages(from: folder.appendingPathComponent("in"), to: target, recipe: "grey") {
          $0.grey()
        }
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["in"])
    }
  }

  @Test func classesAreDividedEvenly() throws {
    try withTemporaryFolder { folder in
      let source = folder.appendingPathComponent("in")
      for number in 0..<10 {
        try source.picture("cats/\(number).png", tone: 10)
        try source.picture("dogs/\(number).png", tone: 90)
      }
      let targets = ["one", "two"].map { folder.appendingPathComponent($0) }
      for target in targets { _ = try prepareSplit(of: source, to: target, validation: 0.1, test: 0.2) }
      for kind in ["cats", "dogs"] {
        #expect(names(targets[0].appendingPathComponent("test/\(kind)")).count == 2)
        #expect(names(targets[0].appendingPathComponent("val/\(kind)")).count == 1)
        #expect(names(targets[0].appendingPathComponent("train/\(kind)")).count == 7)
      }
      #expect(names(targets[0]) == names(targets[1]))
      let again = #expect(throws: DatasetError.self) {
        try prepareSplit(of: targets[0], to: folder.appendingPathComponent("three"))
      }
      #expect(again?.description.contains("divided already") == true)
    }
  }

  @Test func exactCopiesAreInOnePart() throws {
    try withTemporaryFolder { folder in
      let source = folder.appendingPathComponent("in")
      for name in ["a", "b"] {
        try FileManager.default.createDirectory(
          at: source.appendingPathComponent(name), withIntermediateDirectories: true)
      }
      // Ten images three times each: twice in one class, once in the other.
      for number in 0..<10 {
        let image = Image(
          width: 8, height: 8, channels: 3, bytes: (0..<192).map { UInt8($0) ^ UInt8(number * 7) })
        for name in ["a/\(number).png", "a/again\(number).png", "b/\(number).tiff"] {
          try image.write(to: source.appendingPathComponent(name))
        }
      }
      let target = folder.appendingPathComponent("out")
      _ = try prepareSplit(of: source, to: target, validation: 0.2, test: 0.2)
      var parts: [String: Set<String>] = [:]
      for name in names(target).filter({ $0.contains(".") }) {
        let number = String(name.filter(\.isNumber))
        parts[number, default: []].insert(String(name.prefix { $0 != "/" }))
      }
      #expect(parts.count == 10 && parts.values.allSatisfy { $0.count == 1 }, "\(parts)")
      #expect(Set(parts.values.joined()) == ["train", "val", "test"])
    }
  }

  @Test func bothPicturesOfAPairStayInOnePart() throws {
    try withTemporaryFolder { folder in
      let source = folder.appendingPathComponent("in")
      for number in 0..<10 {
        try source.picture("labels/\(number).png", tone: 10)
        try source.picture("images/\(number).jpg", tone: 90)
      }
      try source.write("classes.txt", "sky\nwall\n")
      let target = folder.appendingPathComponent("out")
      let report = try prepareSplit(of: source, to: target, validation: 0, test: 0.3, linking: true)
      #expect(report.written == 10 && names(target).contains("classes.txt"))
      let preparation = JointPreparation(
        [
          ImageField("source", .picture(channels: 3), height: 4, width: 4),
          ImageField("target", .picture(channels: 3), height: 4, width: 4),
        ], source: "source", target: "target")
      #expect(try openPairs(at: target, preparation).count == 7)
      #expect(try openPairs(at: target, split: .test, preparation).count == 3)
    }
  }

  @Test func whatListsDivideIsDividedAlready() throws {
    try withTemporaryFolder { folder in
      for number in 0..<4 {
        try folder.picture("in/labels/\(number).png", tone: 10)
        try folder.picture("in/images/\(number).png", tone: 90)
      }
      try folder.write("in/train.txt", "0\n1\n2\n")
      try folder.write("in/test.txt", "3\n")
      let error = #expect(throws: DatasetError.self) {
        try prepareSplit(of: folder.appendingPathComponent("in"), to: folder.appendingPathComponent("out"))
      }
      #expect(error?.description.contains("divided already") == true)
    }
  }

  @Test func unpairedSetsAreDividedEachForItself() throws {
    try withTemporaryFolder { folder in
      let source = folder.appendingPathComponent("in")
      for number in 0..<10 { try source.picture("A/a\(number).png", tone: 10) }
      for number in 0..<20 { try source.picture("B/b\(number).png", tone: 10) }
      let target = folder.appendingPathComponent("out")
      _ = try prepareSplit(of: source, to: target, validation: 0, test: 0.1)
      #expect(names(target.appendingPathComponent("test/A")).count == 1)
      #expect(names(target.appendingPathComponent("test/B")).count == 2)
    }
  }

  @Test func sharesThatLeaveNothingAreRefused() throws {
    try withTemporaryFolder { folder in
      try folder.picture("in/1.png", tone: 1)
      let (source, target) = (folder.appendingPathComponent("in"), folder.appendingPathComponent("out"))
      for (validation, test) in [(0.5, 0.5), (-0.1, 0.3), (0, 0)] {
        #expect(throws: DatasetError.self) {
          try prepareSplit(of: source, to: target, validation: validation, test: test)
        }
      }
    }
  }
}

struct EmojiTests {
  let list = """
    # group: Smileys & Emotion
    # subgroup: face-smiling
    1F600                 ; fully-qualified     # x E1.0 grinning face
    263A                  ; unqualified         # x E0.6 smiling face
    # group: People & Body
    # subgroup: person-role
    1F468 200D 1F33E      ; fully-qualified     # x E4.0 man farmer
    1F44B                 ; fully-qualified     # x E0.6 waving hand: "light"
    """

  func font(_ folder: URL) throws -> URL {
    let colours: [[UInt8]] = [[200, 100, 0, 255], [10, 20, 30, 128]]
    let pictures = colours.map { Image(width: 6, height: 4, filledWith: $0) }
    let glyphs = try zip(["\u{1F600}", "\u{1F44B}"] as [Unicode.Scalar], pictures).map {
      (character: $0, png: try ImageCodec().encode($1, as: .png), width: 6, height: 4)
    }
    let file = folder.appendingPathComponent("font.ttf")
    try Data(ColourFontFile.bytes(glyphs)).write(to: file)
    return file
  }

  @Test func glyphsAreDrawnWithTheirAlpha() throws {
    try withTemporaryFolder { folder in
      let font = try ColourFont(font(folder))
      #expect(
        try font.picture(of: "\u{1F600}") == Image(width: 6, height: 4, filledWith: [200, 100, 0, 255]))
      let veiled = try #require(try font.picture(of: "\u{1F44B}\u{FE0F}"))
      #expect(veiled.bytes[3] == 128)
      // The font keeps colours multiplied by alpha, which costs a step or two of 255.
      #expect(zip(veiled.bytes[0..<3], [10, 20, 30]).allSatisfy { abs(Int($0) - $1) <= 2 })
      #expect(try font.picture(of: "\u{1F468}\u{200D}\u{1F33E}") == nil)
      #expect(try font.picture(of: "ab") == nil && font.picture(of: "") == nil)
    }
  }

  @Test func theSetHasPicturesNamesAndGroups() throws {
    try withTemporaryFolder { folder in
      try folder.write("list.txt", list)
      let target = folder.appendingPathComponent("emoji")
      let report = try EmojiSet.prepare(
        to: target, font: font(folder), list: folder.appendingPathComponent("list.txt"), size: 8,
        isTransparent: true)
      #expect(report.written == 2 && report.leftOut.count == 1)
      #expect(report.leftOut[0].contains("man farmer"))
      let rows = try String(contentsOf: target.appendingPathComponent("metadata.jsonl"), encoding: .utf8)
      #expect(rows.contains(#""caption":"waving hand: \"light\"""#))
      #expect(rows.contains(#""label":"Smileys & Emotion""#))
      let picture = try Image(contentsOf: target.appendingPathComponent("1f600.png"))
      #expect(picture.width == 8 && picture.height == 8 && picture.channels == 4)
      #expect(picture[x: 0, y: 0, channel: 3] == 0 && picture[x: 4, y: 4, channel: 3] > 240)
      let data = try openDataset(at: target)
      #expect(data.description.layout == .table)
      #expect(data.description.classNames == ["People & Body", "Smileys & Emotion"])
    }
  }

  @Test func picturesLieOnWhiteUnlessAskedOtherwise() throws {
    try withTemporaryFolder { folder in
      try folder.write("list.txt", list)
      let target = folder.appendingPathComponent("emoji")
      _ = try EmojiSet.prepare(
        to: target, font: font(folder), list: folder.appendingPathComponent("list.txt"), size: 8)
      let picture = try Image(contentsOf: target.appendingPathComponent("1f600.png"))
      #expect(picture.channels == 3 && picture[x: 0, y: 0, channel: 2] == 255)
    }
  }

  func entry(_ name: String, _ group: String = "People & Body") -> EmojiSet.Entry {
    let words = "# group: \(group)\n# subgroup: s\n1F600 ; fully-qualified # x E1.0 \(name)"
    return EmojiSet.entries(in: words)[0]
  }

  @Test func variantsOfAMotifAreOneFamily() {
    let families = [
      "man farmer: dark skin tone", "woman farmer", "farmer", "person: blond hair", "family: man, boy",
    ].map { entry($0).family }
    #expect(families == ["farmer", "farmer", "farmer", "person", "family"])
    #expect(entry("flag: Chad", "Flags").family == "flag: Chad")
  }

  @Test func whatLooksTheSameStaysInOnePartAndLargeFamiliesInTraining() {
    let flags = (0..<200).map { entry("flag: \($0)", "Flags") }
    let kisses = (0..<13).map { entry("kiss: \($0)") }
    let entries = flags + flags + kisses
    // The flags stand there twice, under the same names.
    let looks = flags.map(\.name) + flags.map(\.name) + kisses.map(\.name)
    let parts = EmojiSet.parts(of: entries, looks: looks, seed: 1)
    #expect(Array(parts[0..<200]) == Array(parts[200..<400]))
    #expect(parts[400...].allSatisfy { $0 == .train })
    let renamed = (0..<200).map { entry("flag: other \($0)", "Flags") }
    let merged = EmojiSet.parts(of: flags + renamed, looks: looks.dropLast(13), seed: 1)
    #expect(Array(merged[0..<200]) == Array(merged[200..<400]))
    let counts = Dictionary(grouping: parts[0..<200], by: { $0 }).mapValues(\.count)
    #expect((8...35).contains(counts[.test] ?? 0) && (2...22).contains(counts[.validation] ?? 0))
    #expect(EmojiSet.parts(of: entries, looks: looks, seed: 2) != parts)
  }

  @Test func whatIsNoFontOrNoListIsNamed() throws {
    try withTemporaryFolder { folder in
      try folder.write("list.txt", list)
      try folder.write("words.ttf", "words")
      let words = folder.appendingPathComponent("words.ttf")
      let error = #expect(throws: ImageError.self) { try ColourFont(words) }
      #expect(error?.description.contains("words.ttf") == true)
      let target = folder.appendingPathComponent("emoji")
      let good = folder.appendingPathComponent("list.txt")
      #expect(throws: DatasetError.self) { try EmojiSet.prepare(to: target, font: words, list: good) }
      #expect(throws: DatasetError.self) { try EmojiSet.prepare(to: target, font: font(folder), list: words) }
      #expect(throws: DatasetError.self) {
        try EmojiSet.prepare(to: target, font: font(folder), list: good, size: 3)
      }
      #expect(!FileManager.default.fileExists(atPath: target.path))
    }
  }
}
