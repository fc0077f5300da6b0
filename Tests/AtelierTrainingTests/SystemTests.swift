import AtelierCore
import AtelierModels
import AtelierTraining
import Foundation
import TestSupport
import Testing

/// Every system that learns from labelled pictures or words, on its small preset and tiny data, through the
/// one harness. Systems that turn pictures into pictures have networks too large for that, and go through
/// the harness with their own tests, on narrow ones.
@Suite(.serialized) struct SystemTests {
  static let layouts: [(name: String, layout: TinyLayout)] = SystemRegistry.standard.systems.compactMap {
    switch TinyLayout.of($0) {
    case .text?: ($0.identity.name, .text)
    case .labelledDigits?: ($0.identity.name, .labelledDigits)
    default: nil
    }
  }
  static let names = layouts.map(\.name)

  private func harness(_ name: String, in folder: TemporaryFolder) throws -> SystemHarness {
    let system = try SystemRegistry.standard.system(named: name)
    let layout = try #require(TinyLayout.of(system))
    return try SystemHarness(
      system, ["batchSize": .integer(4)], data: layout.write(in: folder.url))
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
