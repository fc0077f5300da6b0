import AtelierCore
import AtelierModels
import Foundation
import TestSupport
import Testing

/// UNIT in both forms, MUNIT and FUNIT through the harness that all systems share.
@Suite struct UnpairedHarnessTests {
  private static let tiny: [String: ConfigurationValue] = [
    "imageSize": .integer(16), "width": .integer(2), "blocks": .integer(1), "discriminatorWidth": .integer(2),
    "batchSize": .integer(1), "learningRate": .number(1e-3),
  ]

  private func harness(_ index: Int, in folder: TemporaryFolder) throws -> SystemHarness {
    let data = folder("data")
    try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
    let codes: [String: ConfigurationValue] = ["mlpWidth": .integer(4), "styleLength": .integer(3)]
    let type: any GenerativeSystem.Type
    let more: [String: ConfigurationValue]
    switch index {
    case 0: (type, more) = (UNIT.self, [:])
    case 1:
      (type, more) = (
        UNIT.self,
        [
          "model": .string("weight-sharing"), "scales": .integer(1), "layers": .integer(3),
          "sharedLayers": .integer(2), "adversarialLoss": .string("vanilla"),
        ]
      )
    case 2: (type, more) = (MUNIT.self, codes.merging(["loadSize": .integer(18)]) { _, new in new })
    default:
      let few: [String: ConfigurationValue] = [
        "discriminatorBlocks": .integer(4), "heldOutClasses": .list([.string("star")]),
        "batchSize": .integer(2),
      ]
      (type, more) = (FUNIT.self, codes.merging(few) { _, new in new })
    }
    if type is FUNIT.Type {
      try TinyData.writeClassFolders(to: data, classes: ["circle", "square", "star"], size: 16)
    } else {
      try TinyData.writeUnpaired(to: data, size: 16)
    }
    return try SystemHarness(type, Self.tiny.merging(more) { _, new in new }, data: data)
  }

  @Test(arguments: 0..<4) func twoStepsChangeTheNetworks(_ index: Int) throws {
    let folder = try TemporaryFolder()
    #expect(try harness(index, in: folder).takesTwoSteps())
  }

  @Test(arguments: 0..<4) func aSeedDecidesEveryByte(_ index: Int) throws {
    let folder = try TemporaryFolder()
    #expect(try harness(index, in: folder).isDeterministic(steps: 2))
  }

  @Test(arguments: 0..<4) func resumingEqualsNotStopping(_ index: Int) throws {
    let folder = try TemporaryFolder()
    #expect(try harness(index, in: folder).resumesExactly(half: 1))
  }

  @Test(arguments: 0..<4) func aSingleBatchIsToldFromWhatIsMade(_ index: Int) throws {
    let folder = try TemporaryFolder()
    let (first, last) = try harness(index, in: folder).overfitsOneBatch(steps: 30)
    #expect(last < first)
  }
}
