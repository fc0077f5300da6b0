import AtelierData
import AtelierMedia
import Foundation
import Testing
import Torch

@Suite struct TaggedPictureTests {
  private func withFolder(_ body: (URL) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("tags-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder)
  }

  private func write(_ names: [String], to folder: URL) throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    for name in names {
      try Image(width: 2, height: 2, channels: 1, bytes: [1, 2, 3, 4])
        .write(to: folder.appendingPathComponent(name))
    }
  }

  @Test func captionsOfOnePictureBelongTogether() throws {
    try withFolder { folder in
      let names = (0..<20).map { String(format: "%02d.png", $0) }
      try write(names, to: folder.appendingPathComponent("images"))
      let lines = names.flatMap { ["\($0),A black Dog, running .", "\($0),\"Two dogs' well-worn ball\""] }
      try Data((["image,caption"] + lines + ["99.png,nobody is there"]).joined(separator: "\n").utf8)
        .write(to: folder.appendingPathComponent("captions.txt"))
      let training = try openTaggedImages(at: folder)
      let test = try openTaggedImages(at: folder, split: .test)
      #expect(training.pictures.count == 18 && test.pictures.count == 2)
      #expect(test.pictures.map(\.file.lastPathComponent) == ["09.png", "19.png"])
      let picture = try #require(training.pictures.first)
      #expect(picture.sentences.map(\.count) == [4, 4])
      #expect(training.tags(of: picture) == ["black", "dog", "running", "dogs", "well-worn", "ball"])
    }
  }

  @Test func textsBesidePicturesAreRead() throws {
    try withFolder { folder in
      try write(["cow.png", "sun.png", "mute.png"], to: folder)
      for (name, text) in [("cow", "A brown cow.\nes.utf8=Una vaca"), ("sun", "The sun")] {
        try Data(text.utf8).write(to: folder.appendingPathComponent("\(name).txt"))
      }
      let data = try openTaggedImages(at: folder)
      #expect(data.pictures.map { data.tags(of: $0) } == [["brown", "cow"], ["sun"]])
    }
  }

  @Test func aBadTableIsNamedWithItsLine() throws {
    try withFolder { folder in
      try write(["a.png"], to: folder)
      let table = folder.appendingPathComponent("tags.csv")
      for (text, wanted) in [("file,tags\na.png", "line 2"), ("file,tags\n../a.png,cow", "../a.png")] {
        try Data(text.utf8).write(to: table)
        #expect { try openTaggedImages(at: folder) } throws: { "\($0)".contains(wanted) }
      }
      try FileManager.default.removeItem(at: table)
      #expect { try openTaggedImages(at: folder) } throws: { "\($0)".contains("captions.txt") }
    }
  }

  @Test func theVocabularyCountsAndLeavesRareWordsOut() throws {
    try withFolder { folder in
      let names = (0..<5).map { "\($0).png" }
      try write(names, to: folder)
      let words = ["red cow", "red cow on grass", "blue sky", "red sky", "the lonely tree"]
      let lines = zip(names, words).map { "\($0),\($1)" }
      try Data((["file,tags"] + lines).joined(separator: "\n").utf8)
        .write(to: folder.appendingPathComponent("tags.csv"))
      let data = try openTaggedImages(at: folder)
      let vocabulary = try TagVocabulary(of: data, minimumCount: 2)
      #expect(vocabulary.words == ["red", "cow", "sky"] && vocabulary.counts == [3, 2, 2])
      #expect(vocabulary.tagNames == ["red", "cow", "sky"] && vocabulary.tagCounts == [3, 2, 2])
      #expect(vocabulary.sentences == [[0, 1], [0, 1], [0, 2]])
      let features = HostTensor((0..<10).map { Float($0) }, shape: [5, 2])
      let dataset = try TagDataset(data, split: .train, features: features, vocabulary: vocabulary)
      #expect(dataset.tags == [[0, 1], [0, 1], [2], [0, 2], []] && dataset.count == 7)
      #expect(try dataset.example(at: 4)["feature"]?.floats() == [4, 5])
      #expect(try dataset.example(at: 4)["tag"]?.integers() == [2])
      #expect(throws: DatasetError.self) { try TagVocabulary(of: data, minimumCount: 9) }
      #expect(throws: DatasetError.self) {
        try TagDataset(
          data, split: .train, features: HostTensor([Float(1)], shape: [1, 1]), vocabulary: vocabulary)
      }
    }
  }
}
