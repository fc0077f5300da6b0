import AtelierData
import AtelierMedia
import Foundation
import Testing
import Torch

/// Where files of pairs may lie, and which belong together.
struct PairLayoutTests {
  let preparation = JointPreparation(
    [
      ImageField("source", .picture(channels: 3), height: 4, width: 4),
      ImageField("target", .picture(channels: 3), height: 4, width: 4),
    ], source: "source", target: "target")

  /// Writes an image of one colour.
  func plain(_ folder: URL, _ name: String, _ tone: UInt8, width: Int = 4, height: Int = 4) throws {
    let image = Image(width: width, height: height, filledWith: [tone, tone, tone])
    try folder.write(name, ImageCodec().encode(image, as: .png))
  }

  func tone(_ example: Example, _ field: String) -> UInt8? { example[field]?.bytes.first }

  @Test(arguments: [
    ["train/A", "train/B", "test/A", "test/B"], ["A/train", "B/train", "A/test", "B/test"],
    ["trainA", "trainB", "testA", "testB"],
    ["train_label", "train_img", "test_label", "test_img"],
    ["train/source", "train/target", "test/source", "test/target"],
    ["Labels/training", "Images/training", "Labels/testing", "Images/testing"],
    ["trainannot", "train", "testannot", "test"],
  ])
  func everyArrangementOfFoldersIsFound(folders: [String]) throws {
    try withTemporaryFolder { folder in
      for (index, name) in folders.enumerated() {
        for number in 0..<(index < 2 ? 3 : 2) {
          try plain(folder, "\(name)/sub/\(number).png", UInt8(100 * (index % 2) + 10 * number))
        }
      }
      let data = try openPairs(at: folder, preparation)
      #expect(data.description.layout == .pairedFolders && data.count == 3)
      #expect(try openPairs(at: folder, split: .test, preparation).count == 2)
      #expect(throws: DatasetError.self) { try openPairs(at: folder, split: .validation, preparation) }
    }
  }

  @Test func sourceAndTargetAreTheNamedOnesAndChangePlacesOnRequest() throws {
    try withTemporaryFolder { folder in
      for number in 0..<3 {
        try plain(folder, "A/\(number).png", UInt8(number))
        try plain(folder, "B/\(number).jpg", UInt8(200))
      }
      let data = try openPairs(at: folder, preparation)
      #expect(try (0..<3).map { tone(try data.example(at: $0), "source") } == [0, 1, 2])
      #expect(try tone(data.example(at: 0), "target") == 200)
      let swapped = try openPairs(
        at: folder, preparation, options: DatasetOptions(swapsDirection: true))
      #expect(try tone(swapped.example(at: 2), "target") == 2)
      #expect(data.description.fingerprint == swapped.description.fingerprint)
    }
  }

  @Test func listsDivideFoldersIntoParts() throws {
    try withTemporaryFolder { folder in
      for number in 0..<5 {
        try plain(folder, "images/street/\(number).jpg", 1)
        try plain(folder, "labels/street/\(number).png", 2)
      }
      try folder.write("train.txt", "images/street/0.jpg\nimages/street/3.jpg\n")
      try folder.write("test.txt", "street/1\n2\n4.jpg\n")
      #expect(try openPairs(at: folder, preparation).count == 2)
      #expect(try openPairs(at: folder, split: .test, preparation).count == 3)
      #expect(throws: DatasetError.self) { try openPairs(at: folder, split: .validation, preparation) }
    }
  }

  @Test func picturesWithoutAPartnerAreLeftOutAndNamed() throws {
    try withTemporaryFolder { folder in
      for number in 0..<6 { try plain(folder, "A/\(number).png", 1) }
      for number in 1..<6 { try plain(folder, "B/\(number).png", 2) }
      let data = try openPairs(at: folder, preparation)
      #expect(data.count == 5)
      #expect(data.description.notes.contains { $0.contains("1 picture has no target, such as 0") })
      let error = #expect(throws: DatasetError.self) {
        try openPairs(at: folder, preparation, options: DatasetOptions(isStrict: true))
      }
      #expect(error?.description.contains("no target, such as 0") == true)
    }
  }

  @Test func foldersWithoutCommonNamesAreNoPairs() throws {
    try withTemporaryFolder { folder in
      for number in 0..<6 {
        try plain(folder, "A/a\(number).png", 1)
        try plain(folder, "B/b\(number).png", 2)
      }
      let error = #expect(throws: DatasetError.self) { try openPairs(at: folder, preparation) }
      #expect(error?.description.contains("only 0 of 6") == true)
      #expect(error?.description.contains("A and B") == true)
    }
  }

  @Test func letterFoldersBesideOthersAreClasses() throws {
    try withTemporaryFolder { folder in
      for name in ["A", "B", "C"] { try plain(folder, "\(name)/1.png", 1) }
      #expect(throws: DatasetError.self) { try openPairs(at: folder, preparation) }
      #expect(try detectLayout(at: folder) == .classFolders)
    }
  }

  @Test func halvesOfOneFileAreSourceAndTarget() throws {
    try withTemporaryFolder { folder in
      let left = Image(width: 4, height: 4, filledWith: [10, 20, 30])
      let right = Image(width: 4, height: 4, filledWith: [200, 210, 220])
      let sheet = try ImageGrid(columns: 2, padding: 0, scale: 1).render([left, right])
      for number in 0..<3 { try folder.write("train/\(number).png", ImageCodec().encode(sheet, as: .png)) }
      try folder.write("test/9.png", ImageCodec().encode(sheet, as: .png))
      let data = try openPairs(at: folder, preparation)
      #expect(data.count == 3 && data.description.layout == .sideBySide)
      #expect(try tone(data.example(at: 0), "source") == 10)
      #expect(try tone(data.example(at: 0), "target") == 200)
      #expect(try openPairs(at: folder, split: .test, preparation).count == 1)
    }
  }

  @Test func singlePicturesNeedAWordAboutTheCondition() throws {
    try withTemporaryFolder { folder in
      for number in 0..<3 { try plain(folder, "\(number).png", 5, width: 6, height: 4) }
      let error = #expect(throws: DatasetError.self) { try openPairs(at: folder, preparation) }
      #expect(error?.description.contains("derive the condition") == true)
      #expect(error?.description.contains("side by side") == true)
      let halves = try openPairs(at: folder, preparation, options: DatasetOptions(isSideBySide: true))
      #expect(halves.count == 3)
      #expect(try openPairs(at: folder, preparation, derivation: .edges).count == 3)
    }
  }

  @Test func aPartnerOfOtherProportionsIsNamed() throws {
    try withTemporaryFolder { folder in
      try plain(folder, "A/1.png", 1, width: 30, height: 20)
      try plain(folder, "B/1.png", 1, width: 20, height: 20)
      try plain(folder, "A/2.png", 1, width: 15, height: 10)
      try plain(folder, "B/2.png", 1, width: 31, height: 20)
      let data = try openPairs(at: folder, preparation)
      let error = #expect(throws: DatasetError.self) { try data.example(at: 0) }
      #expect(error?.description.contains("30 x 20") == true)
      #expect(throws: Never.self) { try data.example(at: 1) }
    }
  }
}

/// Label maps as conditions.
struct LabelConditionTests {
  func fields(_ content: ImageField.Content, name: String = "source") -> JointPreparation {
    JointPreparation(
      [
        ImageField(name, content, height: 2, width: 2),
        ImageField("target", .picture(channels: 3), height: 2, width: 2),
      ], source: name, target: "target")
  }

  /// Two labelled photographs of 4 x 4 pixels, four quarters each.
  func write(_ folder: URL, values: [UInt8] = [0, 1, 2, 3], labels: String = "labels") throws {
    var bytes = [UInt8](repeating: 0, count: 16)
    for place in 0..<16 { bytes[place] = values[place / 8 * 2 + place % 4 / 2] }
    for name in ["1", "2"] {
      let map = Image(width: 4, height: 4, channels: 1, bytes: bytes)
      try folder.write("\(labels)/\(name).png", ImageCodec().encode(map, as: .png))
      try folder.picture("images/\(name).jpg", tone: 9, width: 4, height: 4)
    }
  }

  @Test func labelsBecomeColoursWhereAPictureIsAskedFor() throws {
    try withTemporaryFolder { folder in
      try write(folder)
      let data = try openPairs(at: folder, fields(.picture(channels: 3)))
      // PASCAL VOC's first colours: black, maroon, green, olive.
      let planes: [UInt8] = [0, 128, 0, 128, 0, 0, 128, 128, 0, 0, 0, 0]
      #expect(try data.example(at: 0)["source"]?.bytes == planes)
    }
  }

  @Test func labelsBecomeOneHotWhereMoreThanFourChannelsAreAskedFor() throws {
    try withTemporaryFolder { folder in
      try write(folder)
      try folder.write("classes.json", #"{"0": "sky", "1": "wall", "3": "door"}"#)
      let data = try openPairs(at: folder, fields(.picture(channels: 5)))
      let source = try #require(try data.example(at: 0)["source"])
      #expect(source.shape == [5, 2, 2])
      #expect(source.bytes.enumerated().filter { $1 == 255 }.map(\.offset) == [0, 5, 10, 15])
      #expect(data.description.classNames == ["sky", "wall", "2", "door"])
    }
  }

  @Test func mapsStayIndicesAndUnlabelledIsTheLastClass() throws {
    try withTemporaryFolder { folder in
      try write(folder, values: [0, 1, 255, 3])
      let data = try openPairs(at: folder, fields(.labelMap(classes: 6), name: "label"))
      let label = try #require(try data.example(at: 0)["label"])
      #expect(label.shape == [2, 2] && label.integers() == [0, 1, 5, 3])
      #expect(data.description.classNames == ["0", "1", "2", "3", "unlabelled"])
      // Where the classes are those that were found, 255 is the last of them and no other is.
      let found = try openPairs(at: folder, fields(.labelMap(classes: 5), name: "label"))
      #expect(try found.example(at: 0)["label"]?.integers() == [0, 1, 4, 3])
    }
  }

  /// Maps drawn in the colours of a table, four blocks each.
  private func writeColoured(_ folder: URL, _ colours: [[UInt8]]) throws {
    for name in ["a", "b"] {
      let bytes = (0..<16).flatMap { (place: Int) -> [UInt8] in
        let (row, column) = (place / 8, place % 4 / 2)
        return colours[row * 2 + column]
      }
      let map = Image(width: 4, height: 4, channels: 3, bytes: bytes)
      try folder.write("labels/\(name).png", ImageCodec().encode(map, as: .png))
      try folder.picture("images/\(name).jpg", tone: 9, width: 4, height: 4)
    }
  }

  @Test(arguments: [
    ("classes.csv", "name, r, g, b\nsky, 128, 128, 128\nroad, 128, 64, 128\nfree,0,0,0\n"),
    ("class_dict.csv", "sky,128,128,128\nroad,128,64,128\nfree,0,0,0"),
    ("label_colors.txt", "128 128 128\tsky\n128 64 128\troad\n0 0 0\tfree\n"),
    (
      "classes.json",
      #"[{"name": "sky", "color": [128, 128, 128]}, {"name": "road", "color": [128, 64, 128]}, {"name": "free", "colour": [0, 0, 0]}]"#
    ),
  ])
  func coloursOfATableAreClasses(_ name: String, _ table: String) throws {
    try withTemporaryFolder { folder in
      try writeColoured(folder, [[128, 64, 128], [128, 128, 128], [0, 0, 0], [128, 64, 128]])
      try folder.write(name, table)
      let data = try openPairs(at: folder, fields(.labelMap(classes: 3), name: "label"))
      #expect(data.description.classNames == ["sky", "road", "free"])
      #expect(data.description.classColours == [[128, 128, 128], [128, 64, 128], [0, 0, 0]])
      #expect(try data.example(at: 0)["label"]?.integers() == [1, 0, 2, 1])
    }
  }

  @Test func aColourOutsideTheTableEndsTheRunAndNamesFileAndColour() throws {
    try withTemporaryFolder { folder in
      try writeColoured(folder, [[1, 2, 3], [0, 0, 0], [0, 0, 0], [0, 0, 0]])
      try folder.write("classes.txt", "0 0 0 free\n9 9 9 other\n")
      let data = try openPairs(at: folder, fields(.labelMap(classes: 2), name: "label"))
      let loader = try Loader(data, batchSize: 1)
      let error = #expect(throws: DatasetError.self) { try loader.next() }
      #expect(
        error?.description.contains("labels/a.png") == true
          || error?.description.contains("labels/b.png") == true)
      #expect(error?.description.contains("the colour 1 2 3") == true)
    }
  }

  @Test func aTableThatDoesNotFitIsRefused() throws {
    try withTemporaryFolder { folder in
      try write(folder)
      for text in ["a,1,2,3\nb,1,2,3", "a,1,2,3\nb", "a,1,2,300"] {
        try folder.write("classes.csv", text)
        #expect(throws: DatasetError.self) {
          try openPairs(at: folder, fields(.labelMap(classes: 4), name: "label"))
        }
      }
    }
  }

  @Test func aLabelBeyondTheClassesEndsTheRunAndNamesTheWayOut() throws {
    try withTemporaryFolder { folder in
      try write(folder)
      let data = try openPairs(at: folder, fields(.labelMap(classes: 3), name: "label"))
      let loader = try Loader(data, batchSize: 1)
      let error = #expect(throws: DatasetError.self) { try loader.next() }
      #expect(error?.description.contains("the label 3") == true)
      #expect(error?.description.contains("`classes` to 4") == true)
    }
  }

  @Test func instanceMapsLieBesideTheLabels() throws {
    try withTemporaryFolder { folder in
      try write(folder)
      try write(folder, values: [7, 8, 9, 10], labels: "inst")
      var preparation = fields(.labelMap(classes: 4), name: "label")
      preparation.fields.append(ImageField("instance", .labelMap(classes: nil), height: 2, width: 2))
      let data = try openPairs(at: folder, preparation)
      #expect(try data.example(at: 1)["instance"]?.integers() == [7, 8, 9, 10])
    }
  }
}

/// What the images of one example share.
struct JointTransformTests {
  func pair(_ height: Int, _ width: Int, augmentation: JointAugmentation = JointAugmentation())
    -> JointPreparation
  {
    JointPreparation(
      [
        ImageField("source", .picture(channels: 3), height: height, width: width),
        ImageField("target", .picture(channels: 3), height: height, width: width),
      ], source: "source", target: "target", augmentation: augmentation)
  }

  /// Six equal pairs without any symmetry, twice as wide as high.
  func write(_ folder: URL) throws {
    for number in 0..<6 {
      for side in ["A", "B"] {
        try folder.picture("\(side)/\(number).png", tone: UInt8(40 * number), width: 24, height: 12)
      }
    }
  }

  @Test func randomCutsAndMirroringKeepPairsAligned() throws {
    try withTemporaryFolder { folder in
      try write(folder)
      let preparation = pair(8, 16, augmentation: JointAugmentation(resizeTo: 20, flips: true))
      let loader = try Loader(openPairs(at: folder, preparation), batchSize: 6, seed: 3)
      var seen: Set<[UInt8]> = []
      for _ in 0..<4 {
        let batch = try loader.next()
        #expect(batch["source"]?.shape == [6, 3, 8, 16])
        #expect(batch["source"] == batch["target"])
        let first = try #require(batch.indices.firstIndex(of: 0))
        seen.insert(Array(batch["source"]?.bytes[(384 * first)..<(384 * (first + 1))] ?? []))
      }
      #expect(seen.count > 1)
    }
  }

  @Test(arguments: [1, 2, 5]) func changesResumeWithTheOrder(steps: Int) throws {
    try withTemporaryFolder { folder in
      try write(folder)
      let augmentation = JointAugmentation(resizeTo: 20, flips: true)
      let data = try openPairs(at: folder, pair(8, 16, augmentation: augmentation))
      let original = try Loader(data, batchSize: 2, seed: 9, workers: 2)
      for _ in 0..<steps { _ = try original.next() }
      let resumed = try Loader(data, batchSize: 2, seed: 9, workers: 1)
      try resumed.seek(to: original.position)
      for _ in 0..<6 { #expect(try original.next() == resumed.next()) }
    }
  }

  @Test func heldOutExamplesAreNeverChanged() throws {
    try withTemporaryFolder { folder in
      try write(folder)
      let plain = try openPairs(at: folder, pair(8, 16))
      let augmentation = JointAugmentation(resizeTo: 30, flips: true)
      let changed = try openPairs(at: folder, pair(8, 16, augmentation: augmentation))
      let loader = try Loader(changed, batchSize: 6, shuffles: false, dropsLast: false)
      #expect(try loader.next().fields == plain.batch(at: Array(0..<6)))
      #expect(!plain.isRandom && changed.isRandom)
    }
  }

  @Test func cutsOfLowAndHighResolutionShowTheSamePlace() throws {
    try withTemporaryFolder { folder in
      // Every pixel of the small image is a block of four by four in the large one.
      let small = Image(width: 9, height: 7, channels: 1, bytes: (0..<63).map { UInt8(4 * $0) })
      try folder.write("lr/1.png", ImageCodec().encode(small, as: .png))
      try folder.write("hr/1.png", ImageCodec().encode(small.enlarged(by: 4), as: .png))
      let preparation = JointPreparation(
        [
          ImageField("source", .picture(channels: 1), height: 3, width: 3),
          ImageField("target", .picture(channels: 1), height: 12, width: 12),
        ], source: "source", target: "target",
        augmentation: JointAugmentation(flips: true, cropsOriginals: true, turns: true))
      let loader = try Loader(openPairs(at: folder, preparation), batchSize: 1, seed: 1)
      var places: Set<[UInt8]> = []
      for _ in 0..<20 {
        let batch = try loader.next()
        let source = try #require(batch["source"]?.bytes)
        let cut = Image(width: 3, height: 3, channels: 1, bytes: source)
        #expect(try cut.enlarged(by: 4).bytes == batch["target"]?.bytes)
        places.insert(source)
      }
      #expect(places.count > 10)
    }
  }

  @Test func wholePicturesAreCutToTheScale() throws {
    try withTemporaryFolder { folder in
      try folder.picture("1.png", tone: 3, width: 27, height: 18)
      var preparation = JointPreparation(
        [
          ImageField("source", .picture(channels: 3), height: 2, width: 2),
          ImageField("target", .picture(channels: 3), height: 8, width: 8),
        ], source: "source", target: "target", keepsSize: true)
      let data = try openPairs(at: folder, preparation, derivation: .downscale(factor: 4))
      let example = try data.example(at: 0)
      #expect(example["target"]?.shape == [3, 16, 24] && example["source"]?.shape == [3, 4, 6])
      preparation.fields[0].height = 8
      preparation.fields[0].width = 8
      let enlarged = try openPairs(at: folder, preparation, derivation: .downscale(factor: 4))
      #expect(try enlarged.example(at: 0)["source"]?.shape == [3, 16, 24])
    }
  }

  @Test func aFrameSmallerThanTheCropIsRefused() throws {
    try withTemporaryFolder { folder in
      try write(folder)
      let preparation = pair(8, 16, augmentation: JointAugmentation(resizeTo: 12))
      let error = #expect(throws: DatasetError.self) { try openPairs(at: folder, preparation) }
      #expect(error?.description.contains("12") == true)
    }
  }

  @Test func anyDerivationReadsBackAsItIsWritten() {
    for text in ["grayscale", "blur:3", "blur:0.5", "downscale:4", "edges", "mask"] {
      #expect(ImageDerivation(parsing: text)?.description == text)
    }
    for text in ["", "blur", "blur:0", "blur:x", "downscale:1", "downscale:2.5", "edges:1", "mask:"] {
      #expect(ImageDerivation(parsing: text) == nil)
    }
  }

  @Test func conditionsAreDerivedFromWhatIsShown() throws {
    try withTemporaryFolder { folder in
      for number in 0..<4 {
        try folder.picture("train/\(number).png", tone: UInt8(60 * number), width: 16, height: 16)
      }
      func example(_ derivation: ImageDerivation, channels: Int = 3, size: Int = 8) throws -> Example {
        let preparation = JointPreparation(
          [
            ImageField("source", .picture(channels: channels), height: size, width: size),
            ImageField("target", .picture(channels: 3), height: 8, width: 8),
          ], source: "source", target: "target", augmentation: JointAugmentation(flips: true))
        let data = try openPairs(at: folder, preparation, derivation: derivation)
        var generator = SeededGenerator(seed: 2)
        return try data.example(at: 1, using: &generator)
      }
      func target(_ example: Example) throws -> Image { try Image(#require(example["target"])) }
      let grey = try example(.grayscale, channels: 1)
      #expect(try grey["source"]?.bytes == target(grey).grey().bytes)
      let small = try example(.downscale(factor: 4), size: 2)
      #expect(
        try small["source"]?.bytes
          == target(small).resized(width: 2, height: 2, filter: .bicubic).hostTensor().bytes)
      let blurred = try example(.blur(sigma: 1))
      #expect(try blurred["source"]?.bytes == target(blurred).blurred(sigma: 1).hostTensor().bytes)
      let outlined = try example(.edges, channels: 1)
      #expect(try outlined["source"]?.bytes == target(outlined).outlines().bytes)
      let holed = try example(.mask, channels: 4)
      let source = try #require(holed["source"]?.bytes)
      #expect(source[0..<64].enumerated().filter { $1 == 128 }.count >= 16)
      #expect(source[192..<256].filter { $0 == 0 }.count == 16)
      #expect(source[0] == holed["target"]?.bytes[0])
    }
  }

  @Test func conditionsCanBeDerivedFromPicturesInMemoryFormats() throws {
    try withTemporaryFolder { folder in
      try folder.idx("train-images-idx3-ubyte", shape: [3, 4, 4], (0..<48).map { UInt8(5 * $0) })
      try folder.idx("train-labels-idx1-ubyte", shape: [3], [0, 1, 2])
      let preparation = JointPreparation(
        [
          ImageField("source", .picture(channels: 1), height: 2, width: 2),
          ImageField("target", .picture(channels: 1), height: 4, width: 4),
        ], source: "source", target: "target")
      let data = try openPairs(at: folder, preparation, derivation: .downscale(factor: 2))
      #expect(data.count == 3)
      #expect(try data.example(at: 1)["target"]?.bytes == (16..<32).map { UInt8(5 * $0) })
    }
  }
}

/// Two sets without correspondence.
struct UnpairedTests {
  let preparation = JointPreparation(
    [
      ImageField("A", .picture(channels: 1), height: 4, width: 4),
      ImageField("B", .picture(channels: 3), height: 4, width: 4),
    ], source: "A", target: "B")

  func write(_ folder: URL, _ names: [String], counts: [Int]) throws {
    for (name, count) in zip(names, counts) {
      for number in 0..<count {
        let tone = UInt8(20 * number)
        let image = Image(width: 4, height: 4, filledWith: [tone, tone, tone])
        try folder.write("\(name)/\(name.first ?? "x")\(number).png", ImageCodec().encode(image, as: .png))
      }
    }
  }

  @Test(arguments: [
    ["trainA", "trainB"], ["A", "B"], ["train/A", "train/B"], ["cats", "dogs"], ["train/x", "train/y"],
  ])
  func setsAreFoundInEveryArrangement(names: [String]) throws {
    try withTemporaryFolder { folder in
      try write(folder, names, counts: [3, 5])
      let data = try openUnpaired(at: folder, preparation)
      #expect(data.count == 5 && data.files.first.count == 3 && data.files.second.count == 5)
      let swapped = try openUnpaired(at: folder, preparation, options: DatasetOptions(swapsDirection: true))
      #expect(swapped.files.first == data.files.second)
      #expect(throws: DatasetError.self) { try openUnpaired(at: folder, split: .test, preparation) }
    }
  }

  @Test func aPassGoesThroughTheLargerSetAndDrawsPartnersAnew() throws {
    try withTemporaryFolder { folder in
      try write(folder, ["A", "B"], counts: [6, 4])
      let loader = try Loader(openUnpaired(at: folder, preparation), batchSize: 3, seed: 4)
      var partners: [[UInt8]] = []
      for _ in 0..<3 {
        let batches = try (0..<2).map { _ in try loader.next() }
        let first = batches.flatMap { batch in (0..<3).map { batch["A"]?.bytes[16 * $0] ?? 0 } }
        #expect(first.sorted() == [0, 20, 40, 60, 80, 100])
        partners.append(batches.flatMap { batch in (0..<3).map { batch["B"]?.bytes[48 * $0] ?? 0 } })
      }
      #expect(Set(partners).count == 3)
      let again = try Loader(openUnpaired(at: folder, preparation), batchSize: 3, seed: 4)
      for _ in 0..<3 { _ = try again.next() }
      let resumed = try Loader(openUnpaired(at: folder, preparation), batchSize: 3, seed: 4)
      try resumed.seek(to: again.position)
      #expect(try again.next() == resumed.next())
    }
  }

  @Test func aCorruptPartnerIsDrawnAnew() throws {
    try withTemporaryFolder { folder in
      try write(folder, ["A", "B"], counts: [6, 6])
      try folder.write("B/B0.png", "words")
      let loader = try Loader(openUnpaired(at: folder, preparation), batchSize: 6, seed: 4)
      for _ in 0..<5 { #expect(try loader.next()["A"]?.shape == [6, 1, 4, 4]) }
      #expect(!loader.skipped.isEmpty)
    }
  }

  @Test func threeFoldersAreNoTwoSets() throws {
    try withTemporaryFolder { folder in
      try write(folder, ["cats", "dogs", "birds"], counts: [2, 2, 2])
      let error = #expect(throws: DatasetError.self) { try openUnpaired(at: folder, preparation) }
      #expect(error?.description.contains("exactly two folders") == true)
    }
  }
}
