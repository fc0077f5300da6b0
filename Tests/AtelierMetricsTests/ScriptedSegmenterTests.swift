import AtelierMetrics
import Foundation
import Testing
import Torch

/// Segmenters that users bring, and those that runs share.
@Suite struct ScriptedSegmenterTests {
  /// A file whose `forward` is a formula of one image tensor.
  private func script(_ folder: URL, _ name: String = "own.pt", _ body: @escaping (Tensor) -> Tensor) throws
    -> URL
  {
    let file = folder.appending(path: name)
    let module = try ScriptModule("Segmenter")
    try module.record([("pictures", .zeros([1, 3, 8, 8]))]) { body($0[0]) }
    try module.write(to: file, extraFiles: [:])
    return file
  }

  /// Two classes: what is darker, and what is brighter than grey.
  private func brightness(_ pictures: Tensor) -> Tensor {
    let mean = pictures.mean(dims: [1], keepDim: true)
    return .concatenated([mean * -1, mean], dim: 1)
  }

  private func examples(_ count: Int, seed: UInt64) throws -> SegmenterTraining.Examples {
    let small = RandomStream(seed: seed).integers(below: 2, [count, 1, 4, 4]).asType(.float32)
    let large = upsampleNearest(small, size: (16, 16))
    let images = (large * 180 + 30).expanded([count, 3, 16, 16]).asType(.uint8)
    return try SegmenterTraining.Examples(images: images, labels: large.squeezed(1).asType(.int64))
  }

  @Test func aScriptedSegmenterFindsTheClassesItsFormulaNames() throws {
    try withFolder { folder in
      let file = try script(folder, "own.pt", brightness)
      let real = try examples(11, seed: 1)
      let segmenter = try ScriptedSegmenter(file, range: .signed, classes: 2)
      #expect(try segmenter.classes(of: real.images).integers() == real.labels.integers())
      #expect(segmenter.facts.contains("own.pt") && segmenter.facts.contains("-1 … 1"))
      // In 0 … 1 nothing is below zero.
      let unit = try ScriptedSegmenter(file, range: .unit, classes: 2)
      #expect(try unit.classes(of: real.images).min().item() == 1)
      // Black is below ImageNet's mean and white above it.
      let normalised = try ScriptedSegmenter(file, range: .imagenet, classes: 2)
      #expect(try normalised.classes(of: real.images).integers() == real.labels.integers())
    }
  }

  @Test func logitsOfAnotherSizeAreBroughtToThePictures() throws {
    try withFolder { folder in
      let file = try script(folder) { pictures in
        averagePool2d(self.brightness(pictures), kernelSize: (2, 2), stride: (2, 2))
      }
      let segmenter = try ScriptedSegmenter(file, range: .signed, classes: 2)
      let real = try examples(2, seed: 3)
      #expect(try segmenter.classes(of: real.images).shape == [2, 16, 16])
      #expect(segmenter.facts.contains("8×8"))
    }
  }

  @Test func whatDoesNotFitIsRefusedInOneSentence() throws {
    try withFolder { folder in
      let real = try examples(2, seed: 3)
      let file = try script(folder, "own.pt", brightness)
      let classes = sentence {
        _ = try ScriptedSegmenter(file, range: .signed, classes: 3).classes(of: real.images)
      }
      #expect(classes?.contains("2 classes, and the maps have 3") == true)
      let flat = try script(folder, "flat.pt") { $0.mean(dims: [2, 3]) }
      let shape = sentence {
        _ = try ScriptedSegmenter(flat, range: .signed, classes: 3).classes(of: real.images)
      }
      #expect(shape?.contains("flat.pt") == true && shape?.contains("[n, classes, height, width]") == true)
      let missing = sentence {
        _ = try ScriptedSegmenter(folder.appending(path: "no.pt"), range: .signed, classes: 2)
      }
      #expect(missing?.contains("no.pt") == true)
      let text = folder.appending(path: "text.pt")
      try Data("no network".utf8).write(to: text)
      let foreign = sentence { _ = try ScriptedSegmenter(text, range: .signed, classes: 2) }
      #expect(foreign?.contains("TorchScript") == true && foreign?.contains("\n") == false)
    }
  }

  @Test func oneSegmenterServesAllWhoLookIntoTheSameFolders() throws {
    try withFolder { folder in
      let (train, test) = (try examples(12, seed: 1), try examples(4, seed: 2))
      let (first, second) = (folder.appending(path: "first"), folder.appending(path: "second"))
      for place in [first, second] {
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
      }
      let plan = SegmenterTraining(epochs: 10, batchSize: 4, baseChannels: 2)
      let made = try plan.shared(in: [first, second], train: train, test: test, classes: 2, ignoring: nil)
      #expect(!made.wasKnown && made.file.path.hasPrefix(first.path))
      let again = try plan.shared(in: [second, first], train: train, test: test, classes: 2, ignoring: nil)
      #expect(again.wasKnown && again.file == made.file && again.segmenter.report == made.segmenter.report)
      #expect(try FileManager.default.contentsOfDirectory(atPath: second.path).isEmpty)
      // Other data and other settings are another segmenter.
      let other = try plan.shared(
        in: [second, first], train: try examples(12, seed: 5), test: test, classes: 2, ignoring: nil)
      #expect(!other.wasKnown && other.file.path.hasPrefix(second.path))
    }
  }

  @Test func aTrainingThatWasCutShortCountsOnlyForWhoAllowsNoMoreTime() throws {
    try withFolder { folder in
      let (train, test) = (try examples(12, seed: 1), try examples(4, seed: 2))
      func shared(_ seconds: Double) throws -> (segmenter: ImageSegmenter, file: URL, wasKnown: Bool) {
        try SegmenterTraining(epochs: 20, batchSize: 4, seconds: seconds, baseChannels: 2)
          .shared(in: [folder], train: train, test: test, classes: 2, ignoring: nil)
      }
      // Sixty steps are planned, and the clock is looked at after twenty.
      let short = try shared(1e-6)
      #expect(short.segmenter.report?.wasShortened == true && short.segmenter.report?.steps == 20)
      #expect(try shared(1e-6).wasKnown)
      let long = try shared(1e9)
      #expect(!long.wasKnown && long.segmenter.report?.steps == 60)
      // A complete one serves whoever would allow less.
      #expect(try shared(1e-6).wasKnown)
    }
  }
}
