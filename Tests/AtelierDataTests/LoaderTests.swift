import AtelierData
import AtelierMedia
import Foundation
import Testing
import Torch

struct LoaderTests {
  func indices(_ loader: Loader, _ count: Int) throws -> [[Int]] {
    try (0..<count).map { _ in try loader.next().indices }
  }

  @Test func everyPassServesEveryExampleOnceInAnOrderOfItsOwn() throws {
    let loader = try Loader(numbered(12), batchSize: 4, seed: 5)
    #expect(loader.batchesPerEpoch == 3)
    let batches = try indices(loader, 6)
    let first = Array(batches[0..<3].joined())
    let second = Array(batches[3..<6].joined())
    #expect(first.sorted() == Array(0..<12) && second.sorted() == Array(0..<12))
    #expect(first != second && first != Array(0..<12))
    #expect(try indices(Loader(numbered(12), batchSize: 4, seed: 5), 6) == batches)
    #expect(try indices(Loader(numbered(12), batchSize: 4, seed: 6), 6) != batches)
  }

  /// Pins the order: changing it would break the resuming of old runs.
  @Test func theOrderOfASeedNeverChanges() {
    var generator = SeededGenerator(seed: 42, purpose: "shuffle", epoch: 3)
    #expect(generator.permutation(10) == [3, 5, 7, 9, 2, 8, 0, 1, 6, 4])
    #expect(generator.permutation(0) == [] && generator.permutation(1) == [0])
  }

  @Test func allOrdersAreEquallyLikely() {
    var counts: [[Int]: Int] = [:]
    for epoch in 0..<6000 {
      var generator = SeededGenerator(seed: 1, epoch: epoch)
      counts[generator.permutation(3), default: 0] += 1
    }
    #expect(counts.count == 6)
    #expect(counts.values.allSatisfy { (850...1150).contains($0) })
  }

  @Test func batchesHoldWhatTheirIndicesSay() throws {
    let loader = try Loader(numbered(10), batchSize: 4, seed: 1)
    for number in 0..<4 {
      let batch = try loader.next()
      #expect(batch["image"]?.shape == [4, 3, 2, 2])
      #expect(batch["image"]?.bytes == batch.indices.flatMap { [UInt8](repeating: UInt8($0), count: 12) })
      #expect(batch["label"]?.integers() == batch.indices.map { $0 % 3 })
      #expect(batch.epoch == number / 2 && batch.isFirst == (number % 2 == 0))
    }
  }

  @Test func theLastBatchMayBeSmaller() throws {
    let loader = try Loader(numbered(10), batchSize: 4, shuffles: false, dropsLast: false)
    #expect(loader.batchesPerEpoch == 3)
    #expect(try indices(loader, 4) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9], [0, 1, 2, 3]])
  }

  @Test func fewerExamplesThanABatchIsAnError() throws {
    let error = try #require(throws: DatasetError.self) { try Loader(numbered(3), batchSize: 4) }
    #expect(error.description.contains("3 examples") && error.description.contains("batch of 4"))
    #expect(try Loader(numbered(3), batchSize: 4, dropsLast: false).next().indices.count == 3)
    #expect(throws: DatasetError.self) { try Loader(numbered(3), batchSize: 0) }
  }

  @Test(arguments: [0, 1, 2, 3, 5, 9]) func resumingServesExactlyWhatWouldHaveFollowed(steps: Int) throws {
    let original = try Loader(numbered(10), batchSize: 3, seed: 9)
    _ = try indices(original, steps)
    let saved = try JSONDecoder().decode(LoaderPosition.self, from: JSONEncoder().encode(original.position))
    let resumed = try Loader(numbered(10), batchSize: 3, seed: 9)
    try resumed.seek(to: saved)
    for _ in 0..<8 { #expect(try original.next() == resumed.next()) }
  }

  @Test func positionsOfOtherDataAreRefused() throws {
    let position = try Loader(numbered(10), batchSize: 3, seed: 9).position
    #expect(throws: DatasetError.self) { try Loader(numbered(11), batchSize: 3, seed: 9).seek(to: position) }
    #expect(throws: DatasetError.self) { try Loader(numbered(10), batchSize: 3, seed: 8).seek(to: position) }
    var other = position
    other.fingerprint = "sha256:0"
    #expect(throws: DatasetError.self) { try Loader(numbered(10), batchSize: 3, seed: 9).seek(to: other) }
    other = position
    other.offset = 10
    #expect(throws: DatasetError.self) { try Loader(numbered(10), batchSize: 3, seed: 9).seek(to: other) }
  }

  /// Twelve images in two folders; numbers 4 and 5 are corrupt, each in its own way.
  func pictures(in folder: URL) throws -> any Dataset {
    for index in 0..<12 { try folder.picture("\(index / 6)/\(100 + index).png", tone: UInt8(index)) }
    try folder.write("0/104.png", "words")
    try folder.write("0/105.png", [])
    return try openDataset(at: folder, preparation: ImagePreparation(height: 4, width: 4, channels: 3))
  }

  @Test func workersChangeNothingButTime() throws {
    try withTemporaryFolder { folder in
      let data = try pictures(in: folder)
      let batches = try [1, 2, 7].map { workers in
        let loader = try Loader(data, batchSize: 5, seed: 3, workers: workers)
        return try (0..<7).map { _ in try loader.next() }
      }
      #expect(batches[0] == batches[1] && batches[0] == batches[2])
    }
  }

  @Test func corruptPicturesAreNamedOnceAndReplacedByTheNextGoodOne() throws {
    try withTemporaryFolder { folder in
      var told: [Int] = []
      let loader = try Loader(
        pictures(in: folder), batchSize: 6, shuffles: false, onSkip: { told.append($0.index) })
      #expect(try loader.next().indices == [0, 1, 2, 3, 6, 6])
      #expect(try loader.next().indices == [6, 7, 8, 9, 10, 11])
      #expect(try loader.next().indices == [0, 1, 2, 3, 6, 6])
      #expect(told == [4, 5] && loader.skipped.map(\.index) == [4, 5])
      #expect(loader.skipped[0].reason.contains("104.png"))
      #expect(loader.skipped[1].reason.contains("empty"))
    }
  }

  @Test func corruptPicturesStopOnRequestAndTheLoaderStaysWhereItWas() throws {
    try withTemporaryFolder { folder in
      let loader = try Loader(
        pictures(in: folder), batchSize: 4, shuffles: false, corruptImages: .stop)
      #expect(try loader.next().indices == [0, 1, 2, 3])
      let position = loader.position
      for _ in 0..<2 { #expect(throws: DatasetError.self) { try loader.next() } }
      #expect(loader.position == position)
      try folder.picture("0/104.png", tone: 4)
      try folder.picture("0/105.png", tone: 5)
      #expect(try loader.next().indices == [4, 5, 6, 7])
    }
  }

  @Test func nothingButCorruptPicturesIsAnErrorAndVanishedOnesAreNamed() throws {
    try withTemporaryFolder { folder in
      for index in 0..<4 { try folder.write("a/\(index).png", "words") }
      let loader = try Loader(openDataset(at: folder), batchSize: 2)
      #expect(throws: DatasetError.self) { try loader.next() }
      try FileManager.default.removeItem(at: folder.appendingPathComponent("a"))
      let error = try #require(throws: DatasetError.self) { try loader.next() }
      #expect(error.description.contains("no such file"))
    }
  }

  @Test func differingSizesAskForAPreparation() throws {
    try withTemporaryFolder { folder in
      try folder.picture("a/1.png", tone: 1)
      try folder.picture("a/2.png", tone: 1, width: 9)
      let error = try #require(throws: DatasetError.self) {
        try Loader(openDataset(at: folder), batchSize: 2).next()
      }
      #expect(error.description.contains("image preparation"))
    }
  }
}

struct TensorPictureTests {
  @Test func picturesBecomePlanesAndComeBack() throws {
    let image = Image(width: 2, height: 1, channels: 3, bytes: [1, 2, 3, 4, 5, 6])
    let tensor = image.hostTensor()
    #expect(tensor == HostTensor([1, 4, 2, 5, 3, 6] as [UInt8], shape: [3, 1, 2]))
    #expect(try Image(tensor) == image)
    #expect(image.with16Bits().hostTensor() == tensor)
  }

  @Test func drawnValuesAreRoundedAndClipped() throws {
    let tensor = HostTensor([-1, -0.5, 0, 1, 7, -9, .nan] as [Float], shape: [1, 7])
    #expect(try Image(tensor).bytes == [0, 64, 128, 255, 255, 0, 0])
    #expect(
      try Image(HostTensor([0, 0.5, 1] as [Float], shape: [1, 1, 3]), range: 0...1).bytes == [0, 128, 255])
    #expect(throws: ImageError.self) { try Image(HostTensor([1, 2] as [Float])) }
    #expect(throws: ImageError.self) { try Image(HostTensor([1, 2], shape: [1, 2])) }
    let batch = HostTensor([0, 255] as [UInt8], shape: [2, 1, 1, 1])
    #expect(try Image.images(of: batch).map(\.bytes) == [[0], [255]])
  }

  @Test func preparationsKeepCutOrPadProportions() throws {
    let bytes = (0..<(8 * 4)).map { $0 % 8 < 2 || $0 % 8 >= 6 ? UInt8(0) : UInt8(240) }
    let image = Image(width: 8, height: 4, channels: 1, bytes: bytes)
    let cut = ImagePreparation(height: 4, width: 4, channels: 3)
    #expect(try cut(image).bytes.allSatisfy { $0 == 240 })
    var padded = cut
    padded.fit = .pad
    #expect(try padded(image)[x: 0, y: 0, channel: 0] == 0)
    var stretched = cut
    stretched.fit = .stretch
    #expect(try stretched(image)[x: 0, y: 0, channel: 0] < 60)
    #expect(try JSONDecoder().decode(ImagePreparation.self, from: JSONEncoder().encode(cut)) == cut)
  }

  @Test(arguments: ImagePreparation.Fit.allCases, [1, 3])
  func manyPicturesAtOnceComeOutAsOneByOne(fit: ImagePreparation.Fit, channels: Int) throws {
    let (count, height, width) = (130, 7, 9)
    for source in [1, 3] {
      let size = source * height * width
      let bytes = (0..<(count * size)).map { UInt8($0 * 7919 % 251) }
      let preparation = ImagePreparation(height: 12, width: 10, channels: channels, fit: fit)
      let data = try InMemoryDataset(
        images: HostTensor(bytes, shape: [count, source, height, width]), preparation: preparation)
      for index in [0, 1, 95, 96, 129] {
        let one = HostTensor(
          Array(bytes[(index * size)..<((index + 1) * size)]), shape: [source, height, width])
        let expected = try preparation(Image(one)).hostTensor()
        #expect(try data.example(at: index)["image"] == expected)
      }
    }
  }
}
