import AtelierCore
import AtelierGeneration
import AtelierModels
import AtelierTraining
import Foundation
import TestSupport
import Testing

/// A system that turns label maps into pictures, in one of its forms.
private struct Form {
  let type: any GenerativeSystem.Type
  let changes: [String: ConfigurationValue]

  init(_ type: any GenerativeSystem.Type, _ more: [String: ConfigurationValue] = [:]) {
    let tiny: [String: ConfigurationValue] = [
      "imageWidth": .integer(32), "imageHeight": .integer(32), "width": .integer(2),
      "spadeHidden": .integer(3), "discriminatorWidth": .integer(2), "batchSize": .integer(2),
    ]
    self.type = type
    changes = tiny.merging(more) { _, new in new }
  }
}

private func makeForms() -> [Form] {
  let moved: ConfigurationValue = .list([.string("translation"), .string("cutout")])
  return [
    Form(SPADE.self, ["instanceEdges": .boolean(true)]),
    Form(
      SPADE.self,
      [
        "encoder": .string("convolutional"), "latent": .integer(3), "encoderSize": .integer(16),
        "weights": .table(["perceptual": .integer(1)]),
      ]),
    Form(
      SPADE.self,
      [
        "generator": .string("global"), "downsamplings": .integer(1), "blocks": .integer(1),
        "diffAugment": moved,
      ]),
    Form(
      OASIS.self, ["latent": .integer(2), "statisticsEvery": .integer(2), "statisticsBatches": .integer(2)]),
    Form(OASIS.self, ["diffAugment": moved, "norm": .string("instance"), "dontcare": .boolean(true)]),
    Form(SEAN.self, ["styleLength": .integer(4), "encoderWidth": .integer(2)]),
  ]
}

/// The systems of maps through the harness that all systems share.
@Suite struct MapHarnessTests {
  private func harness(_ index: Int, in folder: TemporaryFolder) throws -> SystemHarness {
    let data = folder("data")
    try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
    try TinyData.writeLabelled(to: data, count: 4, size: 32)
    let form = makeForms()[index]
    return try SystemHarness(form.type, form.changes, data: data)
  }

  @Test(arguments: makeForms().indices) func twoStepsChangeTheNetworks(_ index: Int) throws {
    let folder = try TemporaryFolder()
    #expect(try harness(index, in: folder).takesTwoSteps())
  }

  @Test(arguments: makeForms().indices) func aSeedDecidesEveryByte(_ index: Int) throws {
    let folder = try TemporaryFolder()
    #expect(try harness(index, in: folder).isDeterministic())
  }

  @Test(arguments: makeForms().indices) func resumingEqualsNotStopping(_ index: Int) throws {
    let folder = try TemporaryFolder()
    // Odd, so that oasis collects statistics once before and twice after resumption.
    #expect(try harness(index, in: folder).resumesExactly(half: 3))
  }

  @Test(arguments: makeForms().indices) func oneBatchIsLearned(_ index: Int) throws {
    let folder = try TemporaryFolder()
    let (first, last) = try harness(index, in: folder).overfitsOneBatch(steps: 20)
    #expect(last < first)
  }

  @Test func theNumberOfClassesIsFoundInTheData() throws {
    let folder = try TemporaryFolder()
    let run = try harness(3, in: folder).train(in: folder.url, options: SystemHarness.options(steps: 1))
    let text = try String(contentsOf: run.configuration, encoding: .utf8)
    #expect(text.contains("classes: 4"))
  }
}
