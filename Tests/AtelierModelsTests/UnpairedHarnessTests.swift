import AtelierCore
import AtelierModels
import Foundation
import TestSupport
import Testing

/// A system in one of its forms.
private struct Form {
  let type: any GenerativeSystem.Type
  let changes: [String: ConfigurationValue]

  init(_ type: any GenerativeSystem.Type, _ more: [String: ConfigurationValue] = [:]) {
    let tiny: [String: ConfigurationValue] = [
      "imageSize": .integer(16), "width": .integer(2), "blocks": .integer(1),
      "discriminatorWidth": .integer(2), "batchSize": .integer(1), "learningRate": .number(1e-3),
    ]
    self.type = type
    changes = tiny.merging(more) { _, new in new }
  }
}

private func makeForms() -> [Form] {
  [
    Form(UNIT.self),
    Form(
      UNIT.self,
      [
        "model": .string("weight-sharing"), "scales": .integer(1), "layers": .integer(3),
        "sharedLayers": .integer(2), "adversarialLoss": .string("vanilla"),
      ]),
    Form(MUNIT.self, ["mlpWidth": .integer(4), "styleLength": .integer(3), "loadSize": .integer(18)]),
    Form(
      MUNIT.self,
      [
        "mlpWidth": .integer(4), "styleLength": .integer(3),
        "weights": .table(["perceptual": .integer(1), "cycle": .integer(1)]),
      ]),
    Form(
      FUNIT.self,
      [
        "mlpWidth": .integer(4), "styleLength": .integer(3), "discriminatorBlocks": .integer(4),
        "heldOutClasses": .list([.string("star")]), "batchSize": .integer(2),
      ]),
  ]
}

/// UNIT in both forms, MUNIT and FUNIT through the harness that all systems share.
@Suite struct UnpairedHarnessTests {
  private func harness(_ index: Int, in folder: TemporaryFolder) throws -> SystemHarness {
    let data = folder("data")
    try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
    let form = makeForms()[index]
    if form.type is FUNIT.Type {
      try TinyData.writeClassFolders(to: data, classes: ["circle", "square", "star"], size: 16)
    } else {
      try TinyData.writeUnpaired(to: data, size: 16)
    }
    return try SystemHarness(form.type, form.changes, data: data)
  }

  @Test(arguments: makeForms().indices) func twoStepsChangeTheNetworks(_ index: Int) throws {
    let folder = try TemporaryFolder()
    #expect(try harness(index, in: folder).takesTwoSteps())
  }

  @Test(arguments: makeForms().indices) func aSeedDecidesEveryByte(_ index: Int) throws {
    let folder = try TemporaryFolder()
    #expect(try harness(index, in: folder).isDeterministic(steps: 2))
  }

  @Test(arguments: makeForms().indices) func resumingEqualsNotStopping(_ index: Int) throws {
    let folder = try TemporaryFolder()
    #expect(try harness(index, in: folder).resumesExactly(half: 1))
  }

  @Test(arguments: makeForms().indices) func aSingleBatchIsToldFromWhatIsMade(_ index: Int) throws {
    let folder = try TemporaryFolder()
    let (first, last) = try harness(index, in: folder).overfitsOneBatch(steps: 30)
    #expect(last < first)
  }
}
