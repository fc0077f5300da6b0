import AtelierData
import AtelierMedia
import Foundation
import Testing
import Torch

@Suite struct ClassPairTests {
  /// Four classes of four images; an image's grey is its class.
  private func write(to folder: URL, classes: [String] = ["ant", "bee", "cat", "dog"]) throws {
    for (label, name) in classes.enumerated() {
      let place = folder.appendingPathComponent(name)
      try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
      for number in 0..<4 {
        let grey = [UInt8](repeating: UInt8(50 * label + number), count: 16)
        try Image(width: 4, height: 4, channels: 1, bytes: grey)
          .write(to: place.appendingPathComponent("\(number).png"))
      }
    }
  }

  private func withData(_ body: (URL) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("classes-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try write(to: folder)
    try body(folder)
  }

  private let preparation = JointPreparation(
    [ImageField("image", .picture(channels: 1), height: 4, width: 4)], source: "image", target: "image")

  @Test func trainingNeverShowsAHeldOutClass() throws {
    try withData { folder in
      let data = try openClassPairs(at: folder, preparation, heldOut: ["bee"])
      #expect(data.description.classNames == ["ant", "cat", "dog"] && data.count == 12)
      #expect(data.allClassNames == ["ant", "cat", "dog", "bee"])
      var generator = SeededGenerator(seed: 3)
      var shown: Set<Int> = []
      for round in 0..<5 {
        for index in 0..<data.count {
          let example =
            round == 0 ? try data.example(at: index) : try data.example(at: index, using: &generator)
          for (picture, label) in [("content", "contentLabel"), ("classImage", "classLabel")] {
            let number = try #require(example[label]?.integers().first)
            let grey = try #require(example[picture]?.bytes.first)
            #expect(Int(grey) / 50 == [0, 2, 3][number])
          }
          shown.insert(example["classLabel"]?.integers().first ?? -1)
        }
      }
      #expect(shown == [0, 1, 2])
    }
  }

  @Test func heldOutExamplesShowHeldOutClassesOnly() throws {
    try withData { folder in
      let data = try openClassPairs(at: folder, split: .test, preparation, heldOut: ["bee", "dog"])
      #expect(data.count == 8)
      for index in 0..<data.count {
        let example = try data.example(at: index)
        #expect([0, 1].contains(example["contentLabel"]?.integers().first))
        #expect([2, 3].contains(example["classLabel"]?.integers().first))
      }
      #expect(data.pictures(ofClass: 3).count == 4 && data.trainsOnContents)
      #expect(throws: DatasetError.self) {
        try openClassPairs(at: folder, split: .validation, preparation, heldOut: ["bee"])
      }
      #expect(try data.picture(data.pictures(ofClass: 2)[0]).bytes.first == 50)
    }
  }

  @Test(arguments: [true, false])
  func dividedDataGiveUntrainedContentsAndAllPicturesOfHeldOutClasses(byTable: Bool) throws {
    try withData { folder in
      let manager = FileManager.default
      if byTable {
        // The last image of each class is held out, and the first of the bees is for validation.
        let rows = ["ant", "bee", "cat", "dog"].flatMap { name in
          (0..<4).map { number in
            "\(name)/\(number).png,\(name),\(number == 3 ? "test" : name == "bee" && number == 0 ? "val" : "train")"
          }
        }
        try Data((["file_name,label,split"] + rows).joined(separator: "\n").utf8)
          .write(to: folder.appendingPathComponent("metadata.csv"))
      } else {
        for name in ["ant", "bee", "cat", "dog"] {
          for number in 0..<4 {
            let part = folder.appendingPathComponent(number == 3 ? "test/\(name)" : "train/\(name)")
            try manager.createDirectory(at: part, withIntermediateDirectories: true)
            try manager.moveItem(
              at: folder.appendingPathComponent("\(name)/\(number).png"),
              to: part.appendingPathComponent("\(number).png"))
          }
          try manager.removeItem(at: folder.appendingPathComponent(name))
        }
      }
      let data = try openClassPairs(at: folder, split: .test, preparation, heldOut: ["bee"])
      #expect(data.count == 3 && data.description.classNames == ["ant", "cat", "dog"])
      for index in 0..<3 {
        let example = try data.example(at: index)
        #expect(try #require(example["content"]?.bytes.first) % 50 == 3)
        #expect(example["classLabel"]?.integers() == [3])
      }
      let bees = try data.pictures(ofClass: 3).map { try data.picture($0).bytes.first ?? 0 }
      #expect(bees.sorted() == [50, 51, 52, 53])
      var generator = SeededGenerator(seed: 1)
      let drawn = try (0..<30).map {
        try data.example(at: $0 % 3, using: &generator)["classImage"]?.bytes.first
      }
      #expect(Set(drawn) == [50, 51, 52, 53])
      let training = try openClassPairs(at: folder, preparation, heldOut: ["bee"])
      #expect(training.count == 9 && training.trainsOnContents && !data.trainsOnContents)
    }
  }

  @Test func withoutHeldOutClassesThereIsNoTestPartOfItsOwn() throws {
    try withData { folder in
      #expect(throws: DatasetError.self) { try openClassPairs(at: folder, split: .test, preparation) }
    }
  }

  @Test func aClassThatIsNotThereIsNamed() throws {
    try withData { folder in
      #expect {
        try openClassPairs(at: folder, preparation, heldOut: ["cow"])
      } throws: { "\($0)".contains("cow") && "\($0)".contains("ant") }
      #expect {
        try openClassPairs(at: folder, preparation, heldOut: ["ant", "bee", "cat"])
      } throws: { "\($0)".contains("at least two") }
    }
  }
}
