import AtelierModels
import AtelierTraining
import Foundation
import TestSupport
import Testing

/// Every system of the registry, on its small preset and tiny data, through the one harness.
@Suite(.serialized) struct SystemTests {
  static let names = SystemRegistry.standard.systems.map { $0.identity.name }

  private func harness(_ name: String, in folder: TemporaryFolder) throws -> SystemHarness {
    let system = try SystemRegistry.standard.system(named: name)
    if system is any LanguageSystem.Type {
      try TinyData.writeText(to: folder("text.txt"))
      return try SystemHarness(system, ["batchSize": .integer(4)], data: folder("text.txt"))
    }
    try FileManager.default.createDirectory(at: folder("data"), withIntermediateDirectories: true)
    try TinyData.writeIDX(to: folder("data"), classes: 4, perClass: 3, size: 28)
    return try SystemHarness(system, ["batchSize": .integer(4)], data: folder("data"))
  }

  @Test(arguments: names) func takesTwoStepsWithFiniteNumbers(name: String) throws {
    let folder = try TemporaryFolder()
    #expect(try harness(name, in: folder).takesTwoSteps())
  }

  @Test(arguments: names) func givesTheSameBytesForTheSameSeed(name: String) throws {
    let folder = try TemporaryFolder()
    #expect(try harness(name, in: folder).isDeterministic())
  }

  @Test(arguments: names) func resumesToTheBytesOfAnUninterruptedRun(name: String) throws {
    let folder = try TemporaryFolder()
    #expect(try harness(name, in: folder).resumesExactly())
  }

  @Test(arguments: names) func drawsTheSameForTheSameSeed(name: String) throws {
    let folder = try TemporaryFolder()
    #expect(try harness(name, in: folder).generatesDeterministically())
  }

  @Test(arguments: names) func learnsASingleBatch(name: String) throws {
    let folder = try TemporaryFolder()
    let harness = try harness(name, in: folder)
    let distance = try harness.overfitsOneBatch(steps: 120)
    // Adversarial training does not come straight to a batch; without any it stays where it began.
    #expect(distance.last < 0.92 * distance.first, "\(distance)")
  }
}
