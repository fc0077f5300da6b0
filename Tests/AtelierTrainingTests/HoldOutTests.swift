import AtelierData
import AtelierMedia
import AtelierTraining
import Foundation
import TestSupport
import Testing
import Torch

/// A share of undivided data that is kept from training.
@Suite struct HoldOutTests {
  private func open(_ folder: URL) throws -> DataPart {
    .examples(
      try openDataset(at: folder, preparation: ImagePreparation(height: 8, width: 8, channels: 1)))
  }

  @Test func everyExampleIsInOnePartAndClassesAreDividedInProportion() throws {
    let folder = try TemporaryFolder()
    try TinyData.writeClassFolders(to: folder.url, classes: ["a", "b", "c"], perClass: 20)
    let whole = try open(folder.url)
    let holdOut = try HoldOut(0.1)
    let training = try #require(holdOut.part(.train, of: whole).dataset)
    let held = try #require(holdOut.part(.test, of: whole).dataset)
    #expect(training.count == 54 && held.count == 6)
    #expect(
      training.description.labelHistogram == [18, 18, 18] && held.description.labelHistogram == [2, 2, 2])
    #expect(training.description.notes.contains { $0.contains("6 of 60 examples are held out") })
    let all = try #require(whole.dataset)
    func pixels(_ data: any Dataset) throws -> [[UInt8]] {
      try (0..<data.count).map { try data.example(at: $0)["image"]?.bytes ?? [] }
    }
    #expect(try Set(pixels(training) + pixels(held)) == Set(pixels(all)))
    #expect(try Set(pixels(training)).isDisjoint(with: Set(pixels(held))))
    #expect(training.description.fingerprint != all.description.fingerprint)
  }

  @Test func theSameDataHaveTheSamePartsAtEveryStart() throws {
    let folder = try TemporaryFolder()
    try TinyData.writeClassFolders(to: folder.url, perClass: 10)
    let parts = try (0..<2).map { _ in
      try #require(try HoldOut(0.2).part(.test, of: open(folder.url)).dataset)
    }
    #expect(parts[0].description == parts[1].description)
    for index in 0..<parts[0].count {
      #expect(try parts[0].example(at: index) == parts[1].example(at: index))
    }
  }

  @Test func bothSetsWithoutCorrespondenceAreDivided() throws {
    let folder = try TemporaryFolder()
    try TinyData.writeClassFolders(to: folder.url, perClass: 10, size: 16)
    let preparation = JointPreparation(
      [
        ImageField("A", .picture(channels: 1), height: 16, width: 16),
        ImageField("B", .picture(channels: 1), height: 16, width: 16),
      ], source: "A", target: "B")
    let whole = DataPart.examples(try openUnpaired(at: folder.url, preparation))
    let held = try #require(try HoldOut(0.2).part(.test, of: whole).dataset as? UnpairedDataset)
    let training = try #require(try HoldOut(0.2).part(.train, of: whole).dataset as? UnpairedDataset)
    #expect(held.files.first.count == 2 && training.files.first.count == 8 && held.count == 2)
    #expect(Set(held.files.second).isDisjoint(with: Set(training.files.second)))
    _ = try held.example(at: 1)
  }

  @Test func aValidationPartIsDisjointAndLeavesTheTestPartAsItIs() throws {
    let folder = try TemporaryFolder()
    try TinyData.writeClassFolders(to: folder.url, classes: ["a", "b", "c"], perClass: 20)
    let whole = try open(folder.url)
    func pixels(_ split: DatasetSplit, _ holdOut: HoldOut) throws -> [[UInt8]] {
      let data = try #require(holdOut.part(split, of: whole).dataset)
      #expect(data.description.split == split && data.description.count == data.count)
      return try (0..<data.count).map { try data.example(at: $0)["image"]?.bytes ?? [] }
    }
    let both = try HoldOut(0.1, validation: 0.2)
    let parts = try [DatasetSplit.train, .validation, .test].map { try pixels($0, both) }
    #expect(parts.map(\.count) == [42, 12, 6])
    #expect(Set(parts.joined()).count == 60)
    #expect(try pixels(.test, HoldOut(0.1)) == parts[2])
    let notes = try #require(both.part(.train, of: whole).dataset).description.notes
    #expect(
      notes.contains { $0.contains("18 of 60") && $0.contains("12 as validation part") }, "\(notes)")
    let validation = try #require(both.part(.validation, of: whole).dataset)
    #expect(validation.description.labelHistogram == [4, 4, 4])
    // A share of one part makes no other.
    #expect(throws: DatasetError.self) { try HoldOut(0.1).part(.validation, of: whole) }
    #expect(throws: DatasetError.self) { try HoldOut(validation: 0.1).part(.test, of: whole) }
  }

  @Test func sharesOfBothPartsAreRecordedInARunAndReadAgain() throws {
    for holdOut in [
      try HoldOut(0.1), try HoldOut(validation: 0.2), try HoldOut(0.1, validation: 0.2),
      try HoldOut(0.1, keepsCopiesTogether: false),
    ] {
      let folder = try TemporaryFolder()
      let configuration = RunConfiguration(
        system: "cgan", reading: ReadingOptions(holdOut: holdOut), options: TrainingOptions(),
        configuration: [:], keys: [])
      let file = folder("configuration.yaml")
      try configuration.text().write(to: file, atomically: true, encoding: .utf8)
      #expect(try RunConfiguration.read(file).reading.holdOut == holdOut)
    }
  }

  /// The contents of parts, and how many are in more than one of them.
  private func shared(_ holdOut: HoldOut, _ whole: DataPart, _ value: String) throws -> (
    counts: [Int], shared: Int
  ) {
    let parts = try [DatasetSplit.train, .test].map { split in
      let data = try #require(holdOut.part(split, of: whole).dataset)
      return try (0..<data.count).map { try #require(data.example(at: $0)[value]?.bytes) }
    }
    return (parts.map(\.count), Set(parts[0]).intersection(parts[1]).count)
  }

  @Test func exactCopiesAreInOnePart() throws {
    let folder = try TemporaryFolder()
    try TinyData.writeClassFolders(to: folder.url, classes: ["a", "b"], perClass: 15, size: 8)
    // Each image of a class once more, as TIFF, some of them in the other class.
    for number in 0..<15 {
      let image = try Image(contentsOf: folder("a/\(number).png"))
      try image.write(to: folder("\(number % 3 == 0 ? "b" : "a")/copy\(number).tiff"))
    }
    let whole = try open(folder.url)
    let apart = try shared(HoldOut(0.2, keepsCopiesTogether: false), whole, "image")
    #expect(apart.shared > 0)
    let together = try shared(HoldOut(0.2), whole, "image")
    #expect(together.shared == 0 && together.counts.reduce(0, +) == 45 && together.counts[1] >= 8)
    let notes = try #require(HoldOut(0.2).part(.train, of: whole).dataset).description.notes
    #expect(notes.contains("15 images are exact copies of others; copies are in one part."), "\(notes)")
  }

  @Test func withoutCopiesThePartsAreThoseOfRunsFromBefore() throws {
    let folder = try TemporaryFolder()
    try TinyData.writeClassFolders(to: folder.url, perClass: 10)
    let whole = try open(folder.url)
    let parts = try [true, false].map { together in
      let data = try #require(HoldOut(0.2, keepsCopiesTogether: together).part(.test, of: whole).dataset)
      return try (0..<data.count).map { try data.example(at: $0) }
    }
    #expect(parts[0] == parts[1])
  }

  @Test func copiesAreFoundInArraysAndAmongPairs() throws {
    // Five images in eight copies each, at another size than they are trained at.
    let pixels = (0..<40).flatMap { TinyData.pixels(label: 0, number: $0 % 5, size: 8) }
    let arrays = try InMemoryDataset(
      images: HostTensor(shape: [40, 1, 8, 8], dtype: .uint8, bytes: pixels),
      preparation: ImagePreparation(height: 4, width: 4, channels: 1))
    let found = try shared(HoldOut(0.3), .examples(arrays), "image")
    #expect(found.counts == [32, 8] && found.shared == 0)
    // Targets that are copies of one another, beside sources of their own, and sources of one colour.
    let folder = try TemporaryFolder()
    for number in 0..<20 {
      for name in ["A", "B"] {
        try FileManager.default.createDirectory(at: folder(name), withIntermediateDirectories: true)
      }
      let plain = Image(width: 8, height: 8, channels: 3, bytes: [UInt8](repeating: 7, count: 192))
      try (number < 10 ? TinyData.coloured(number: number, width: 8, height: 8) : plain)
        .write(to: folder("A/\(number).png"))
      try TinyData.coloured(number: 40 + number / 2, width: 8, height: 8).write(to: folder("B/\(number).png"))
    }
    let preparation = JointPreparation(
      [
        ImageField("A", .picture(channels: 3), height: 8, width: 8),
        ImageField("B", .picture(channels: 3), height: 8, width: 8),
      ], source: "A", target: "B")
    let pairs = DataPart.examples(try openPairs(at: folder.url, preparation))
    let divided = try shared(HoldOut(0.4), pairs, "B")
    #expect(divided.counts == [12, 8] && divided.shared == 0)
    #expect(try shared(HoldOut(0.4, keepsCopiesTogether: false), pairs, "B").shared > 0)
  }

  @Test func sharesThatLeaveNothingAreRefused() throws {
    #expect(throws: DatasetError.self) { try HoldOut() }
    #expect(throws: DatasetError.self) { try HoldOut(0.5, validation: 0.5) }
    for share in [0.0, 1, -0.1, 2, .nan] {
      #expect(throws: DatasetError.self, "\(share)") { try HoldOut(share) }
    }
    let folder = try TemporaryFolder()
    try TinyData.writeClassFolders(to: folder.url, perClass: 1)
    #expect(throws: DatasetError.self) { try HoldOut(0.5).part(.train, of: open(folder.url)) }
  }
}
