import AtelierCore
import AtelierData
import AtelierMedia
import AtelierTraining
import Foundation
import TestSupport
import Testing
import Torch

/// The scale of a set's numbers is decided when data are opened for a new run, and stays with the run.
@Suite struct RunScaleTests {
  /// Floating-point images of -1 … 1 in two classes.
  private func signedImages() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    for name in ["a", "b"] {
      try FileManager.default.createDirectory(at: folder(name), withIntermediateDirectories: true)
      for number in 0..<6 {
        let image = Image(
          width: 8, height: 8, channels: 1, floats: (0..<64).map { Float(($0 + 8 * number) % 64) / 31.5 - 1 })
        try image.write(to: folder("\(name)/\(number).tif"))
      }
    }
    return folder
  }

  @Test func itIsDecidedOnceSaidAndKeptByRunAndModel() throws {
    let folder = try signedImages()
    var said: [String] = []
    let data = try DataBinding.open(
      folder.url, for: ToySystem.self, configuration: [:], say: { said.append($0) })
    let scale = try #require(data.options.reading.scale)
    #expect(scale.description == "-1:1" && data.facts.description.scale == scale)
    #expect(said.contains { $0.contains("-1 … 1") && $0.contains("--range") })
    // Every image by the same scale: the darkest number of each is black.
    let dataset = try #require(try data.dataset(of: .train))
    for index in 0..<dataset.count {
      let bytes = try #require(try dataset.example(at: index)["image"]).bytes
      #expect(bytes.min() == 0 && bytes.max() == 255)
    }
    let configuration = RunConfiguration(
      system: "toy", data: folder.url.path, reading: data.options.reading, options: TrainingOptions(steps: 1),
      configuration: data.configuration, keys: data.keys)
    let file = folder("configuration.yaml")
    try Data(try configuration.text().utf8).write(to: file)
    #expect(try RunConfiguration.read(file).reading.scale == scale)
  }

  @Test func aRunFromBeforeThereWereScalesKeepsNone() throws {
    let folder = try signedImages()
    let data = try DataBinding.open(
      folder.url, for: ToySystem.self, configuration: [:], options: DataBindingOptions(isRecorded: true))
    #expect(data.options.reading.scale == nil && data.facts.description.scale == nil)
    let configuration = RunConfiguration(
      system: "toy", options: TrainingOptions(steps: 1), configuration: [:], keys: [])
    let file = folder("configuration.yaml")
    let old = try configuration.text().split(separator: "\n").filter { !$0.hasPrefix("range:") }
    try Data(old.joined(separator: "\n").utf8).write(to: file)
    #expect(try RunConfiguration.read(file).reading.scale == nil)
  }
}
