import AtelierData
import AtelierMedia
import Foundation
import Testing
import Torch

/// Layouts that were taken for others, and what is left out of data: nothing without being counted and named.
struct LayoutFaultTests {
  private let pair = JointPreparation(
    [
      ImageField("source", .picture(channels: 3), height: 4, width: 4),
      ImageField("target", .picture(channels: 3), height: 4, width: 4),
    ], source: "source", target: "target")

  private func fill(_ folder: URL, _ names: [String], count: Int) throws {
    for (index, name) in names.enumerated() {
      for number in 0..<count {
        try folder.picture("\(name)/\(number).png", tone: UInt8(20 * index + number))
      }
    }
  }

  private func messages(_ report: DataReport) -> String {
    report.findings.map { "\($0.severity.rawValue): \($0.message)" }.joined(separator: "\n")
  }

  // MARK: A class with the name of a part

  @Test(arguments: [["bicycle", "boat", "train"], ["Training", "running", "swimming"], ["boat", "train"]])
  func aClassMayHaveTheNameOfAPart(_ classes: [String]) throws {
    try withTemporaryFolder { folder in
      try fill(folder, classes, count: 3)
      let data = try openDataset(at: folder)
      #expect(data.description.classNames == classes.sorted())
      #expect(data.description.labelHistogram == classes.map { _ in 3 })
      #expect(data.description.notes.isEmpty)
      let report = try checkData(at: folder, suggesting: \.rawValue)
      #expect(report.layout == .classFolders && report.parts[0].count == 3 * classes.count)
      let divided = folder.deletingLastPathComponent().appendingPathComponent("split-\(UUID().uuidString)")
      defer { try? FileManager.default.removeItem(at: divided) }
      _ = try prepareSplit(of: folder, to: divided, validation: 0, test: 0.34)
      #expect(try openDataset(at: divided).description.classNames == classes.sorted())
      #expect(try openDataset(at: divided, split: .test).count == classes.count)
    }
  }

  @Test func twoClassesOfWhichOneIsCalledTrainAreTwoSets() throws {
    try withTemporaryFolder { folder in
      try fill(folder, ["boat", "train"], count: 3)
      let data = try openUnpaired(at: folder, pair)
      #expect(data.files.first.count == 3 && data.files.second.count == 3)
    }
  }

  @Test func picturesWithTextsInAClassCalledTrainAreAllRead() throws {
    try withTemporaryFolder { folder in
      try fill(folder, ["boat", "train"], count: 10)
      for name in ["boat", "train"] {
        for number in 0..<10 { try folder.write("\(name)/\(number).txt", "a \(name) outdoors") }
      }
      let training = try openTaggedImages(at: folder)
      #expect(training.pictures.count == 18)
      #expect(try openTaggedImages(at: folder, split: .test).pictures.count == 2)
    }
  }

  @Test func aDivisionMayStandBesideOtherFoldersWhichAreCounted() throws {
    try withTemporaryFolder { folder in
      try fill(folder, ["train/cat", "train/dog", "test/cat", "test/dog"], count: 2)
      try fill(folder, ["unlabeled"], count: 5)
      try folder.picture("sheet.png", tone: 1)
      let data = try openDataset(at: folder)
      #expect(data.description.classNames == ["cat", "dog"] && data.count == 4)
      let notes = data.description.notes.joined(separator: "\n")
      #expect(notes.contains("unlabeled (5 images)") && notes.contains("sheet.png"))
      let report = try checkData(at: folder, suggesting: \.rawValue)
      #expect(messages(report).contains("warning: The folder unlabeled (5 images)"))
    }
  }

  @Test func partsOfBareImagesAreADivision() throws {
    try withTemporaryFolder { folder in
      try fill(folder, ["train", "val", "test"], count: 2)
      #expect(try openDataset(at: folder).description.layout == .flatImages)
      #expect(try openDataset(at: folder, split: .validation).count == 2)
    }
  }

  @Test func theTrainingPartDecidesHowImagesLie() throws {
    try withTemporaryFolder { folder in
      try fill(folder, ["train/cat", "train/dog", "test"], count: 3)
      let data = try openDataset(at: folder)
      #expect(data.description.classNames == ["cat", "dog"])
      let note =
        "The test part is left out: its images lie in no folders, and those of the training part in one "
      #expect(data.description.notes.contains { $0.hasPrefix(note) })
      let sentence = refusal { _ = try openDataset(at: folder, split: .test) }
      #expect(sentence.contains("its images lie in no folders"))
      #expect(messages(try checkData(at: folder, suggesting: \.rawValue)).contains("warning: \(note)"))
    }
    try withTemporaryFolder { folder in
      try fill(folder, ["train", "val/cat", "val/dog"], count: 3)
      let data = try openDataset(at: folder)
      #expect(data.description.layout == .flatImages && data.description.notes.count == 2)
      let sentence = refusal { _ = try openDataset(at: folder, split: .validation) }
      #expect(sentence.contains("its images lie in the folders cat, dog"))
    }
  }

  @Test func strayImagesInAPartDoNotMakeItFlat() throws {
    try withTemporaryFolder { folder in
      try fill(folder, ["train/cat", "train/dog"], count: 6)
      try fill(folder, ["test/cat", "test/dog"], count: 1)
      for number in 0..<5 { try folder.picture("test/stray\(number).png", tone: 200) }
      let test = try openDataset(at: folder, split: .test)
      #expect(test.description.layout == .classFolders && test.count == 2)
      #expect(test.description.notes.contains { $0.contains("5 images beside the folders") })
    }
  }

  @Test func partsBesideTooManyOtherFoldersAreNoClasses() throws {
    try withTemporaryFolder { folder in
      try fill(folder, ["train", "test", "alpha", "beta", "gamma"], count: 2)
      let sentence = refusal { _ = try openDataset(at: folder) }
      #expect(
        sentence.contains("the folders test, train have the names of parts and lie beside 3 other folders"))
      #expect(sentence.contains("(alpha, beta, gamma)") && sentence.contains("if they are parts, move them"))
      #expect(messages(try checkData(at: folder, suggesting: \.rawValue)).contains("error: \(sentence)"))
    }
  }

  // MARK: Images beside folders

  @Test(arguments: [1, 5]) func strayImagesBesideClassesDoNotReplaceThem(_ strays: Int) throws {
    try withTemporaryFolder { folder in
      try fill(folder, ["cats", "dogs"], count: 6)
      for number in 0..<strays { try folder.picture("\(number).png", tone: 200) }
      let data = try openDataset(at: folder)
      #expect(data.description.classNames == ["cats", "dogs"] && data.count == 12)
      #expect(data.description.notes.contains { $0.contains("0.png") && $0.contains("left out") })
      let report = try checkData(at: folder, suggesting: \.rawValue)
      #expect(report.findings.contains { $0.kind == .leftOut && $0.severity == .warning })
      let sets = try openUnpaired(at: folder, pair)
      #expect(sets.files.first.count == 6)
      #expect(sets.description.notes.contains { $0.contains("0.png") })
    }
  }

  @Test func aFolderOfReducedCopiesDoesNotReplaceTheImages() throws {
    try withTemporaryFolder { folder in
      for number in 0..<3 { try folder.picture("\(number).png", tone: UInt8(number)) }
      try fill(folder, ["thumbnails"], count: 3)
      let data = try openDataset(at: folder)
      #expect(data.count == 3 && data.description.layout == .flatImages)
      #expect(data.description.notes.contains { $0.contains("thumbnails") })
    }
  }

  @Test func whatAnArchiverLeftIsNoClass() throws {
    try withTemporaryFolder { folder in
      try fill(folder, ["cats", "dogs"], count: 3)
      try folder.write("__MACOSX/cats/._0.png", [0, 5, 22, 7])
      try folder.write("@eaDir/0.png/thumb.jpg", [1])
      #expect(try openDataset(at: folder).description.classNames == ["cats", "dogs"])
      #expect(try openUnpaired(at: folder, pair).count == 3)
      #expect(imageFiles(below: folder).count == 6)
      let report = try checkData(at: folder, suggesting: \.rawValue)
      #expect(report.findings.contains { $0.kind == .leftOut && $0.message.contains("__MACOSX") })
    }
  }

  // MARK: VOC, labelme, Cityscapes, COCO

  private func map(_ folder: URL, _ name: String, _ values: [UInt8]) throws {
    let image = Image(width: 4, height: 4, channels: 1, bytes: (0..<16).map { values[$0 % values.count] })
    try folder.write(name, ImageCodec().encode(image, as: .png))
  }

  @Test func vocAndLabelmeArePairsOfMapsAndImages() throws {
    try withTemporaryFolder { folder in
      for number in 0..<6 {
        try folder.picture("JPEGImages/\(number).jpg", tone: UInt8(number), width: 4, height: 4)
        if number < 2 { try map(folder, "SegmentationClass/\(number).png", [0, 1, 2]) }
        try map(folder, "SegmentationClassVisualization/\(number).png", [9])
      }
      let data = try openPairs(at: folder, pair)
      #expect(data.count == 2 && data.description.classNames == ["0", "1", "2"])
      let notes = data.description.notes.joined(separator: "\n")
      #expect(notes.contains("4 pictures have no source") && notes.contains("SegmentationClassVisualization"))
      let report = try checkData(at: folder, suggesting: \.rawValue)
      #expect(report.layout == .pairedFolders && report.isUsable, "\(messages(report))")
      #expect(report.suggestedCommand?.contains("labelMaps") == true)
      try folder.write("ImageSets/Segmentation/train.txt", "0\n")
      try folder.write("ImageSets/Segmentation/val.txt", "1\n")
      #expect(try openPairs(at: folder, pair).count == 1)
      #expect(try openPairs(at: folder, split: .validation, pair).count == 1)
    }
  }

  @Test func cityscapesNamesBelongTogether() throws {
    try withTemporaryFolder { folder in
      for number in 0..<3 {
        let city = "train/aachen/aachen_00000\(number)_000019"
        try folder.picture("leftImg8bit/\(city)_leftImg8bit.png", tone: UInt8(number), width: 4, height: 4)
        try map(folder, "gtFine/\(city)_gtFine_labelIds.png", [7, 11])
        try map(folder, "gtFine/\(city)_gtFine_color.png", [99])
        try map(folder, "gtFine/\(city)_gtFine_instanceIds.png", [UInt8(40 + number)])
      }
      let preparation = JointPreparation(
        [
          ImageField("labels", .labelMap(classes: 35), height: 4, width: 4),
          ImageField("image", .picture(channels: 3), height: 4, width: 4),
          ImageField("instance", .labelMap(classes: nil), height: 4, width: 4),
        ], source: "labels", target: "image")
      let data = try openPairs(at: folder, preparation)
      #expect(data.count == 3 && data.description.classNames.count == 12)
      let example = try data.example(at: 2)
      #expect(Set(example["labels"]?.integers() ?? []) == [7, 11])
      #expect(Set(example["instance"]?.integers() ?? []) == [42])
      #expect(data.description.notes.contains { $0.contains("_leftImg8bit") })
      let report = try checkData(at: folder, suggesting: \.rawValue)
      #expect(report.isUsable && report.layout == .pairedFolders, "\(messages(report))")
    }
  }

  @Test func endsThatAllNamesOfAFolderShareAreLeftOut() throws {
    try withTemporaryFolder { folder in
      for number in 0..<3 {
        try folder.picture("images/\(number)_sat.jpg", tone: UInt8(number), width: 4, height: 4)
        try map(folder, "masks/\(number)_mask.png", [0, 1])
      }
      #expect(try openPairs(at: folder, pair).count == 3)
    }
  }

  @Test func foldersWithTheNamesOfPartsAreDoubtedAsClasses() throws {
    try withTemporaryFolder { folder in
      try fill(folder, ["train2017", "val2017"], count: 3)
      let note = try #require(
        try openDataset(at: folder).description.notes.first { $0.contains("train2017, val2017") })
      let report = try checkData(at: folder, suggesting: \.rawValue)
      #expect(report.findings.contains { $0.message == note && $0.severity == .warning })
    }
  }

  // MARK: Files of one name, lists, formats

  @Test func filesThatDifferInTheirEndingsOnlyAreNamed() throws {
    try withTemporaryFolder { folder in
      try fill(folder, ["labels", "images"], count: 3)
      try folder.picture("labels/1.jpg", tone: 9)
      let data = try openPairs(at: folder, pair)
      #expect(data.count == 3)
      // The first by name counts.
      #expect(data.description.notes.contains { $0.contains("labels/1.png is left out") })
      let report = try checkData(at: folder, suggesting: \.rawValue)
      #expect(messages(report).contains("labels/1.png"))
      let made = folder.deletingLastPathComponent().appendingPathComponent("made-\(UUID().uuidString)")
      defer { try? FileManager.default.removeItem(at: made) }
      let split = try prepareSplit(of: folder, to: made, validation: 0, test: 0.34)
      #expect(split.leftOut.contains { $0.contains("labels/1.png") })
      let pairs = made.appendingPathExtension("pairs")
      defer { try? FileManager.default.removeItem(at: pairs) }
      let paired = try preparePairs(
        sources: folder.appendingPathComponent("labels"), targets: folder.appendingPathComponent("images"),
        to: pairs)
      #expect(paired.written == 3 && paired.leftOut.contains { $0.contains("1.png") })
    }
  }

  @Test func whatListsDoNotNameAndWhatTheyNameInVainIsCounted() throws {
    try withTemporaryFolder { folder in
      try fill(folder, ["A", "B"], count: 4)
      try folder.write("train.txt", "\u{FEFF}0.png\r\n1.png\r\n9.png\r\n")
      try folder.write("test.txt", "2.png\n")
      let notes = try openPairs(at: folder, pair).description.notes.joined(separator: "\n")
      #expect(notes.contains("1 source image is in no list and left out, such as 3.png"))
      #expect(notes.contains("names 1 image that is not there, such as 9"))
    }
  }

  @Test func foldersBesidePairsAreCounted() throws {
    try withTemporaryFolder { folder in
      try fill(folder, ["source", "target", "spare"], count: 3)
      let notes = try openPairs(at: folder, pair).description.notes.joined(separator: "\n")
      #expect(notes.contains("The folder spare (3 images)"))
    }
  }

  @Test func formatsThatAreNotReadAreNamedInEveryLayout() throws {
    try withTemporaryFolder { folder in
      try fill(folder.appendingPathComponent("classes"), ["cats", "dogs"], count: 2)
      try folder.write("classes/dogs/9.psd", "BM")
      try fill(folder.appendingPathComponent("pairs"), ["A", "B"], count: 3)
      try folder.write("pairs/B/9.tga", "x")
      try folder.picture("table/1.png", tone: 1)
      try folder.write("table/2.exr", "x")
      try folder.write("table/metadata.csv", "file_name,label\n1.png,a\n")
      try fill(folder, ["words"], count: 3)
      try folder.write("words/9.jp2", "x")
      try folder.write("words/captions.txt", "image,caption\n0.png,A cat\n1.png,Two cats\n2.png,No cat\n")
      func place(_ name: String) -> URL { folder.appendingPathComponent(name) }
      let notes = try [
        openDataset(at: place("classes")).description.notes,
        openPairs(at: place("pairs"), pair).description.notes,
        openUnpaired(at: place("pairs"), pair).description.notes,
        openDataset(at: place("table")).description.notes, openTaggedImages(at: place("words")).notes,
      ].map { $0.joined(separator: "\n") }
      for (text, format) in zip(notes, ["Photoshop", "Targa", "Targa", "OpenEXR", "JPEG 2000"]) {
        #expect(text.contains("1 file in the format \(format)"), "\(text)")
      }
      for name in ["classes", "pairs", "table", "words"] {
        #expect(try messages(checkData(at: place(name))).contains("does not read; convert them to PNG"))
      }
    }
  }

  // MARK: The check refuses what training refuses

  private func refusal(_ body: () throws -> Void) -> String {
    do { try body() } catch { return "\(error)" }
    return "nothing was refused"
  }

  @Test func aSideOfAnUnreadFormatIsRefusedByAllInTheSameWords() throws {
    try withTemporaryFolder { folder in
      for number in 0..<8 {
        try folder.picture("A/\(number).jpg", tone: UInt8(number))
        try folder.write("B/\(number).tga", "BM")
      }
      let pairs = refusal { _ = try openPairs(at: folder, pair) }
      #expect(pairs.contains("/B cannot be used: it holds 8 files in the format Targa"), "\(pairs)")
      #expect(refusal { _ = try openUnpaired(at: folder, pair) } == pairs)
      let report = try checkData(at: folder, suggesting: \.rawValue)
      #expect(!report.isUsable && report.findings[0].message == pairs && report.suggestedCommand == nil)
    }
  }

  @Test func pairsThatNeverShowTheSameFrameAreRefused() throws {
    try withTemporaryFolder { folder in
      for number in 0..<4 {
        try folder.picture("A/\(number).png", tone: UInt8(number), width: 8, height: 8)
        try folder.picture("B/\(number).png", tone: UInt8(number), width: 16, height: 8)
      }
      let data = try openPairs(at: folder, pair)
      let sentence = refusal { try data.requireUsable() }
      #expect(sentence.contains("8 x 8") && sentence.contains("16 x 8"), "\(sentence)")
      let report = try checkData(at: folder, suggesting: \.rawValue)
      #expect(report.findings.contains { $0.severity == .error && $0.message == sentence })
    }
  }

  @Test func mapsWithoutPartnersAreNoUnpairedSets() throws {
    try withTemporaryFolder { folder in
      for number in 0..<3 {
        try map(folder, "labels/x\(number).png", [0, 1])
        try folder.picture("images/y\(number).png", tone: 1)
      }
      let sentence = refusal { _ = try openPairs(at: folder, pair) }
      #expect(sentence.contains("only 0 of 3 images") && !sentence.contains("table"), "\(sentence)")
      let report = try checkData(at: folder, suggesting: \.rawValue)
      #expect(report.findings.contains { $0.severity == .error && $0.message == sentence })
    }
  }

  @Test func mapsDrawnInColoursAreSaidToNeedATable() throws {
    try withTemporaryFolder { folder in
      try fill(folder, ["labels", "images"], count: 3)
      let report = try checkData(at: folder, suggesting: \.rawValue)
      #expect(messages(report).contains("warning: The label maps, such as 0.png, are drawn in colours"))
      #expect(report.suggestedCommand?.contains("imagePairs") == true)
    }
  }

  @Test(
    arguments: [
      ([99, 97, 102, 0xE9, 10], "line 1 is not text in UTF-8"), ([0xFF, 0xFE, 97, 0, 98, 0], "UTF-16"),
      ([0, 97, 0, 98], "UTF-16"),
    ] as [([UInt8], String)])
  func textThatIsNotUTF8IsRefusedByNameAndBytesAreNot(_ start: [UInt8], _ reason: String) throws {
    try withTemporaryFolder { folder in
      let line = Array("a line of good text\n".utf8)
      try folder.write("train.txt", start + (0..<50).flatMap { _ in line })
      try folder.write("valid.txt", line + line)
      let fields = [Field("token", .tokens(vocabulary: 0, length: 4))]
      var artefacts = Artefacts()
      let sentence = refusal {
        _ = try RunningText(.vocabulary(.words, minimumCount: 1)).survey(
          folder, DataOpening(fields), &artefacts)
      }
      #expect(sentence.contains("train.txt") && sentence.contains(reason), "\(sentence)")
      #expect(sentence.contains("tokenUnit: byte"))
      let report = try checkData(at: folder, suggesting: \.rawValue)
      #expect(report.findings.contains { $0.severity == .error && $0.message == sentence })
      _ = try RunningText(.vocabulary(.bytes, minimumCount: 1)).survey(
        folder, DataOpening(fields), &artefacts)
    }
  }

  @Test func aByteOrderMarkIsNoToken() throws {
    try withTemporaryFolder { folder in
      let text = Array(String(repeating: "one two three\n", count: 20).utf8)
      try folder.write("plain.txt", text)
      try folder.write("marked.txt", [0xEF, 0xBB, 0xBF] + text)
      let plain = try openText(at: folder.appendingPathComponent("plain.txt"))
      #expect(try openText(at: folder.appendingPathComponent("marked.txt")).train == plain.train)
    }
  }

  @Test func transposedLettersAreNamed() throws {
    try withTemporaryFolder { folder in
      for (prefix, isNoted) in [("emnist-letters-train", true), ("train", false)] {
        let place = folder.appendingPathComponent(prefix)
        try place.idx("\(prefix)-images-idx3-ubyte", shape: [1, 2, 2], [1, 2, 3, 4])
        try place.idx("\(prefix)-labels-idx1-ubyte", shape: [1], [0])
        let description = try openDataset(at: place).description
        #expect(description.notes.contains { $0.contains("transposed") } == isNoted)
      }
    }
  }

  // MARK: Parts in tables

  @Test func rowsOfUnknownPartsAreCountedAndNamed() throws {
    try withTemporaryFolder { folder in
      for number in 0..<6 { try folder.picture("\(number).png", tone: UInt8(number)) }
      try folder.write(
        "metadata.csv",
        "file_name,label,split\n0.png,a,train\n1.png,b,TRAIN \n2.png,a,dev\n3.png,b,eval\n4.png,a,eval\n5.png,b,\n"
      )
      let data = try openDataset(at: folder)
      #expect(data.count == 2)
      let note = try #require(data.description.notes.first { $0.contains("split") })
      #expect(note.contains("an empty cell (1 row), \"dev\" (1 row), \"eval\" (2 rows)"))
      let report = try checkData(at: folder, suggesting: \.rawValue)
      #expect(report.findings.contains { $0.message == note && $0.severity == .warning })
      #expect(refusal { _ = try openDataset(at: folder, split: .test) }.contains("\"eval\" (2 rows)"))
    }
  }

  @Test func picturesThatATableDoesNotNameAreCounted() throws {
    try withTemporaryFolder { folder in
      for number in 0..<3 { try folder.picture("\(number).png", tone: UInt8(number)) }
      try folder.write("labels.csv", "file_name,label\n./0.png,a\n1.png,b\n")
      let notes = try openDataset(at: folder).description.notes
      #expect(notes == ["An image that the table does not name is left out: 2.png."])
    }
  }

  @Test func pairsOfAnUnknownPartAreNoTrainingData() throws {
    try withTemporaryFolder { folder in
      for side in ["A", "B"] {
        for number in 0..<3 { try folder.picture("\(side)/\(number).png", tone: UInt8(number)) }
      }
      try folder.write("B/metadata.csv", "file_name,split\n0.png,train\n1.png,dev\n2.png,test\n")
      let made = folder.appendingPathComponent("made")
      let report = try preparePairs(
        sources: folder.appendingPathComponent("A"), targets: folder.appendingPathComponent("B"), to: made)
      #expect(report.written == 2)
      #expect(report.leftOut.contains { $0.contains("1 is in no part") && $0.contains("dev") })
      #expect(
        imageFiles(below: made) == ["test/A/2.png", "test/B/2.png", "train/A/0.png", "train/B/0.png"])
    }
  }

  // MARK: Captions

  /// Twenty images in a folder, whose captions are read from a table of the given text.
  private func captions(
    _ text: String, name: String = "captions.txt", images: String = "images", count: Int = 4
  ) throws -> TaggedImageSet {
    try withTemporaryFolder { folder in
      for number in 0..<count { try folder.picture("\(images)/\(number).png", tone: UInt8(number)) }
      try folder.write(name, text)
      let report = try checkData(at: folder, suggesting: \.rawValue)
      #expect(report.layout == .captions && report.suggestedCommand?.contains("captionedImages") == true)
      return try openTaggedImages(at: folder)
    }
  }

  @Test(arguments: [
    "image,caption\n0.png,\"A dog, running\"\n1.png,Two cats\n\"2.png\",\"He said \"\"no\"\"\"\n3.png,A, b and c\n",
    "image;caption\n0.png;A dog, running\n1.png;Two cats\n2.png;\"He said \"\"no\"\"\"\n3.png;A, b and c\n",
    "image\tcaption\r\n0.png\tA dog, running\r\n1.png\tTwo cats\r\n2.png\tHe said \"no\"\r\n3.png\tA, b and c\r\n",
    ",image,caption\n0,0.png,\"A dog, running\"\n1,1.png,Two cats\n2,2.png,He said no\n3,3.png,\"A, b and c\"\n",
    "0.png#0\tA dog, running\n1.png#0\tTwo cats\n2.png#0\tHe said \"no\"\n3.png#0\tA, b and c\n",
    "0.png,\"A dog, running\"\n1.png,Two cats\n2.png,He said no\n3.png,\"A, b and c\"\n",
    "\u{FEFF}caption,image_number,file\n\"A dog, running\",1,0.png\nTwo cats,1,1.png\nHe said no,2,2.png\n\"A, b and c\",3,3.png\n",
    "image,comment_number,comment\n0.png,0,\"A dog, running\"\n1.png,0,Two cats\n2.png,0,He said no\n3.png,0,\"A, b and c\"\n",
  ])
  func captionsAreReadAsTablesAre(_ text: String) throws {
    let data = try captions(text)
    #expect(data.pictures.map { $0.file.lastPathComponent } == ["0.png", "1.png", "2.png", "3.png"])
    let wanted = [["a", "dog", "running"], ["two", "cats"], ["he", "said", "no"], ["a", "b", "and", "c"]]
    #expect(data.pictures.map(\.sentences) == wanted.map { [$0] })
    #expect(data.notes.isEmpty)
  }

  @Test(arguments: [
    // A quote that nothing closes, which would make one cell of all that follows.
    ("file,tags\n0.png,a cat\n1.png,\"a dog\n2.png,a cow\n3.png,a hen\n", "cell begins in line 3"),
    // Two of them, which would make one cell of the rows between.
    ("file,tags\n0.png,\"a cat\n1.png,a dog\n2.png,a board of 5\"\n3.png,a hen\n", "begins in line 2"),
    ("file,tags\n\n0.png,\"a cat\" sits\n1.png,a dog\n", "line 3 goes on with 's'"),
  ])
  func aStrayQuoteDoesNotSwallowRows(_ text: String, _ wanted: String) throws {
    try withTemporaryFolder { folder in
      for number in 0..<4 { try folder.picture("\(number).png", tone: UInt8(number)) }
      try folder.write("tags.csv", text)
      let sentence = refusal { _ = try openTaggedImages(at: folder) }
      #expect(sentence.contains("tags.csv") && sentence.contains(wanted), "\(sentence)")
      try FileManager.default.moveItem(
        at: folder.appendingPathComponent("tags.csv"), to: folder.appendingPathComponent("labels.csv"))
      if !wanted.hasPrefix("begins") {
        let other = refusal { _ = try openDataset(at: folder) }
        #expect(other.contains("labels.csv") && other.contains(wanted), "\(other)")
      }
    }
  }

  @Test func aQuoteWithinACellIsACharacter() throws {
    let data = try captions("file,tags\n0.png,a 5\" board\n1.png,the \"best\", a cat\n2.png,\"two\nlines\"\n")
    #expect(
      data.pictures.map(\.sentences) == [
        [["a", "5", "board"]], [["the", "best", "a", "cat"]], [["two", "lines"]],
      ])
    try withTemporaryFolder { folder in
      for number in 0..<2 { try folder.picture("\(number).png", tone: UInt8(number)) }
      try folder.write("labels.csv", "file,label\n0.png,5\" disc\n1.png,\"say \"\"disc\"\"\"\n")
      #expect(try openDataset(at: folder).description.classNames == ["5\" disc", "say \"disc\""])
    }
  }

  @Test func wholeNumbersAreTagsUnlessTheyCount() throws {
    let years = try captions("file,animal,year\n0.png,cat,1999\n1.png,dog,2004\n2.png,cow,1999\n")
    #expect(years.pictures.map(\.sentences) == [[["cat", "1999"]], [["dog", "2004"]], [["cow", "1999"]]])
    // The second column numbers the captions of each image.
    let counted = try captions("0.png,0,a cat\n0.png,1,a pet\n1.png,0,a dog\n1.png,1,a pet\n")
    #expect(
      counted.pictures.map(\.sentences) == [[["a", "cat"], ["a", "pet"]], [["a", "dog"], ["a", "pet"]]])
  }

  @Test(arguments: ["Images", "Flicker8k_Dataset", "."]) func theFolderOfImagesMayHaveAnyName(_ name: String)
    throws
  {
    #expect(try captions("image,caption\n0.png,a cat\n1.png,a dog\n", images: name).pictures.count == 2)
  }

  @Test func whatHasNoPictureOrNoWordsIsCounted() throws {
    let data = try captions("image,caption\n0.png,a cat\n1.png,\n7.png,nobody\n8.png,nobody\n")
    #expect(data.pictures.count == 1)
    let notes = data.notes.joined(separator: "\n")
    #expect(notes.contains("2 rows name images that are not there, such as 7.png"))
    #expect(notes.contains("3 images without words are left out"))
  }

  @Test func aColumnDividesCaptionsToo() throws {
    try withTemporaryFolder { folder in
      for number in 0..<4 { try folder.picture("\(number).png", tone: UInt8(number)) }
      try folder.write(
        "captions.csv",
        "file,caption,split\n0.png,one,train\n1.png,two,val\n2.png,three,test\n3.png,four,dev\n")
      for (split, name) in [(DatasetSplit.train, "0.png"), (.validation, "1.png"), (.test, "2.png")] {
        let pictures = try openTaggedImages(at: folder, split: split).pictures
        #expect(pictures.map { $0.file.lastPathComponent } == [name])
      }
      #expect(try openTaggedImages(at: folder).notes.contains { $0.contains("\"dev\" (1 row)") })
    }
  }

  @Test func aTableWhoseImagesAreNowhereIsNamed() throws {
    try withTemporaryFolder { folder in
      try folder.picture("photos/0.png", tone: 1)
      try folder.write("captions.txt", "image,caption\n5.png,a cat\n6.png,a dog\n")
      let sentence = refusal { _ = try openTaggedImages(at: folder) }
      #expect(sentence.contains("captions.txt") && sentence.contains("2 images, such as 5.png"))
      #expect(sentence.contains("photos"))
      let report = try checkData(at: folder, suggesting: \.rawValue)
      #expect(report.findings.contains { $0.severity == .error && $0.message == sentence })
    }
  }
}
