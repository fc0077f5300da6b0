import Atelier
import Foundation
import TestSupport
import Testing

/// A real process, killed without warning and resumed, ends with the bytes of one that was not.
@Suite(.serialized) struct ResumeAfterKillTests {
  /// A system and the changes that make it quick.
  struct Case: Sendable, CustomTestStringConvertible {
    let system: String
    let layout: TinyLayout

    var testDescription: String { system }

    /// Steps cross the ends of passes: 80 digits in batches of 16, six of anything else in twos.
    var changes: [String] {
      switch layout {
      case .labelledDigits: ["batchSize=16"]
      case .text: ["batchSize=4"]
      default: ["batchSize=2"]
      }
    }

    static let quick = [Case(system: "cgan", layout: .labelledDigits)]

    /// Every system that learns from data alone.
    static let all: [Case] = SystemRegistry.standard.systems.compactMap { type in
      TinyLayout.of(type).map { Case(system: type.identity.name, layout: $0) }
    }
  }

  private func prove(_ tried: Case, kills: Int, steps: Int) throws {
    let atelier = try #require(
      Program(named: "atelier"), "the program atelier was not built beside the tests")
    let folder = try TemporaryFolder()
    let data = try tried.layout.write(in: folder.url, perClass: 20)
    func train(_ run: String) -> [String] {
      ["train", tried.system, "--preset", "small", "--data", data.path, "--run", run]
        + tried.changes.flatMap { ["--set", $0] }
        + ["--steps", "\(steps)", "--threads", "1", "--checkpoint-every", "1", "--keep-last", "2", "--quiet"]
    }
    let whole = folder("whole").path
    let start = Date()
    let uninterrupted = try atelier.run(train(whole))
    #expect(uninterrupted.status == 0, "\(uninterrupted.errors)")
    let duration = Date().timeIntervalSince(start)
    let broken = folder("broken").path
    // A checkpoint a step: many of the instants fall into the middle of a save.
    var generator = SeededGenerator(seed: 11, purpose: tried.system)
    let instants = (0..<kills).map { _ in Double.random(in: 0.2...0.9, using: &generator) * duration }
    let result = try runThroughKills(
      atelier, first: train(broken), then: ["train", "--resume", broken, "--quiet"], instants: instants)
    var last = result.last
    if last.status != 0, last.errors.contains("configuration.yaml") {
      // Killed before the run had a configuration: there is nothing to resume yet.
      try? FileManager.default.removeItem(atPath: broken)
      last = try atelier.run(train(broken))
    }
    #expect(last.status == 0, "\(last.errors)")
    let step = String(format: "checkpoints/step-%06d", steps)
    let differing = differingFiles(
      ["model.safetensors", "training.safetensors"], URL(fileURLWithPath: whole).appendingPathComponent(step),
      URL(fileURLWithPath: broken).appendingPathComponent(step))
    #expect(differing.isEmpty, "\(tried.system) differs in \(differing) after \(result.kills) kills")
  }

  @Test(arguments: Case.quick)
  func aKilledRunEndsWithTheSameBytes(_ tried: Case) throws {
    try prove(tried, kills: 2, steps: 12)
  }

  @Test(.enabled(if: ProcessInfo.processInfo.environment["ATELIER_PROOF"] != nil), arguments: Case.all)
  func everySystemSurvivesManyKillsProof(_ tried: Case) throws {
    try prove(tried, kills: 8, steps: 40)
  }
}
