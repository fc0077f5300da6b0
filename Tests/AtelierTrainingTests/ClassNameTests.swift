import AtelierData
import Foundation
import TestSupport
import Testing
import Torch

/// Labels belong to names of classes, whatever numbers a layout gives them.
@Suite struct ClassNameTests {
  private let image = Field("image", .image(channels: 1, height: 8, width: 8, range: .signed))
  private let label = Field("label", .label(classes: 3))

  private func folders(_ classes: [String]) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    try TinyData.writeClassFolders(to: folder.url, classes: classes, perClass: 2)
    return folder
  }

  private func open(_ place: URL, classes names: [String], fields: [Field]) throws -> any Dataset {
    let arrangement = LabelledImages()
    let part = try arrangement.open(place, .train, DataOpening(fields), Artefacts())
    let dataset = try arrangement.relabelled(part, classes: names, fields: fields).dataset
    return try #require(dataset)
  }

  @Test func labelsFollowTheModelsOrder() throws {
    // Folders are numbered by name: bird 0, cat 1, zebra 2.
    let folder = try folders(["zebra", "cat", "bird"])
    let data = try open(folder.url, classes: ["cat", "zebra", "bird", "dog"], fields: [image, label])
    #expect(data.description.classNames == ["cat", "zebra", "bird", "dog"])
    #expect(data.description.labelHistogram == [2, 2, 2, 0])
    #expect(data.description.notes.contains { $0.contains("dog") })
    let batch = try data.batch(at: Array(0..<6))
    #expect(batch["label"]?.integers() == [2, 2, 0, 0, 1, 1])
    #expect(try data.example(at: 5)["label"]?.integers() == [1])
  }

  @Test func unknownClassesAreNamed() throws {
    let folder = try folders(["cat", "dodo"])
    let error = #expect(throws: DatasetError.self) {
      try open(folder.url, classes: ["bird", "cat"], fields: [image, label])
    }
    #expect("\(error as Any)".contains("dodo") && "\(error as Any)".contains("bird, cat"))
  }

  @Test func aMasksForegroundIsWhatOlderModelsCalledUnlabelled() throws {
    for (data, model) in [(["0", "255"], ["0", "unlabelled"]), (["0", "unlabelled"], ["0", "255"])] {
      let folder = try folders(data)
      let opened = try open(folder.url, classes: model, fields: [image, label])
      #expect(opened.description.classNames == model)
      #expect(try opened.batch(at: Array(0..<4))["label"]?.integers() == [0, 0, 1, 1])
    }
  }

  @Test func classesOfAModelWithoutLabelsAreTheDatas() throws {
    let folder = try folders(["cat", "dodo"])
    let data = try open(folder.url, classes: ["bird", "cat"], fields: [image])
    #expect(data.description.classNames == ["cat", "dodo"])
  }

  @Test func mapsOfLabelsFollowTheModelsOrder() throws {
    let folder = try TemporaryFolder()
    try TinyData.writeLabelled(to: folder.url, count: 1)
    try Data("sky\nsea\nsand\nrock\n".utf8).write(to: folder("classes.txt"))
    let fields = [
      Field("label", .labelMap(classes: 4, height: 8, width: 8)),
      Field("image", .image(channels: 3, height: 8, width: 8, range: .signed)),
    ]
    let arrangement = ImagePairs(source: "label", target: "image")
    let part = try arrangement.open(folder.url, .train, DataOpening(fields), Artefacts())
    #expect(part.description.classNames == ["sky", "sea", "sand", "rock"])
    let plain = try #require(try part.dataset?.example(at: 0)["label"]?.integers())
    let moved = try arrangement.relabelled(
      part, classes: ["rock", "sea", "sky", "sand"], fields: fields)
    let labels = try #require(try moved.dataset?.example(at: 0)["label"]?.integers())
    #expect(labels == plain.map { [2, 1, 3, 0][$0] } && Set(plain) == [0, 1, 2, 3])
    // One channel a class cannot be put into another order.
    let channels = [
      Field("label", .image(channels: 5, height: 8, width: 8, range: .signed)), fields[1],
    ]
    #expect(throws: DatasetError.self) {
      try arrangement.relabelled(part, classes: ["rock", "sea", "sky", "sand"], fields: channels)
    }
  }
}
