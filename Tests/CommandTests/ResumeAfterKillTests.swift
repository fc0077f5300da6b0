import Atelier
import Foundation
import TestSupport
import Testing

/// A real process, killed without warning and resumed, ends with the bytes of one that was not. `kill-proof` does the
/// same to every system, a thousand times.
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
      case .text, .sentencePairs: ["batchSize=4"]
      default: ["batchSize=2"]
      }
    }

    static let quick = [Case(system: "cgan", layout: .labelledDigits)]
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
    let uninterrupted = try atelier.run(train(whole))
    #expect(uninterrupted.status == 0, "\(uninterrupted.errors)")
    let broken = folder("broken").path
    // A checkpoint a step, of which a random one is waited for; every other kill waits for the next save to begin.
    var generator = SeededGenerator(seed: 11, purpose: tried.system)
    let checkpoints = URL(fileURLWithPath: broken).appendingPathComponent("checkpoints")
    let reached = (0..<kills).map { _ in Int.random(in: 1..<steps, using: &generator) }.sorted()
    let events = reached.enumerated().map { number, step -> () throws -> Bool in
      {
        guard let newest = CheckpointStore(checkpoints).steps.last, newest >= step else { return false }
        guard number % 2 == 1 else { return true }
        return try FileManager.default.contentsOfDirectory(atPath: checkpoints.path)
          .contains { $0.hasPrefix(".partial-") }
      }
    }
    let result = try runThroughKills(
      atelier, first: train(broken), then: ["train", "--resume", broken, "--quiet"], events: events)
    #expect(result.last.status == 0, "\(result.last.errors)")
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
}
