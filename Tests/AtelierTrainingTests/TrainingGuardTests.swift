import AtelierCore
import AtelierGeneration
import AtelierTraining
import Foundation
import Synchronization
import TestSupport
import Testing

/// What happens beside a step that takes long.
@Suite struct TrainingGuardTests {
  /// What was said, and with which code the process would have ended.
  private final class Record: LiveReporter {
    let lines = Mutex<[String]>([])
    let codes = Mutex<[Int32]>([])
    func begin(_ title: String) {}
    func update(_ progress: TrainingProgress, isLogged: Bool) {}
    func say(_ message: String) { lines.withLock { $0.append(message) } }
    func end(_ message: String) { say(message) }
    func live(_ activity: String, for seconds: Double) { say("\(activity) \(Int(seconds))") }
  }

  private func duty(_ record: Record) -> (guardian: TrainingGuard, interruption: Interruption) {
    let interruption = Interruption.whileTraining()
    let guardian = TrainingGuard(interruption, reporter: record) { code in
      record.codes.withLock { $0.append(code) }
    }
    return (guardian, interruption)
  }

  @Test func aSignalIsAnsweredAtOnceAndTheStepFinished() {
    let record = Record()
    let (guardian, interruption) = duty(record)
    guardian.enter("step 7", .saved(step: 6))
    guardian.look(at: .now)
    interruption.request()
    guardian.look(at: .now)
    guardian.look(at: .now + .seconds(1))
    guardian.leave()
    guardian.look(at: .now + .seconds(9))
    let lines = record.lines.withLock { $0 }
    #expect(
      lines.count == 2 && lines[0] == "step 7 0" && lines[1].hasPrefix("Stopping: step 7 is finished"),
      "\(lines)")
    #expect(record.codes.withLock { $0 }.isEmpty)
  }

  @Test func aSlowStepIsNotWaitedForWhereTheStateBeforeItIsKept() throws {
    let folder = try TemporaryFolder()
    let file = folder("saved")
    for (fallback, isWritten) in [
      (TrainingGuard.Fallback.saved(step: 6), false),
      (.snapshot(step: 6) { try Data("x".utf8).write(to: file) }, true),
    ] {
      let record = Record()
      let (guardian, interruption) = duty(record)
      guardian.enter("step 7", fallback)
      interruption.request()
      guardian.look(at: .now)
      guardian.look(at: .now + .seconds(4))
      #expect(record.codes.withLock { $0 } == [130])
      #expect(record.lines.withLock { $0.last }?.contains("the state after 6 steps is saved") == true)
      #expect(FileManager.default.fileExists(atPath: file.path) == isWritten)
    }
  }

  @Test func withoutAStateToKeepTheStepIsWaitedForAndThatIsSaidOnce() {
    let record = Record()
    let (guardian, interruption) = duty(record)
    guardian.enter("step 7", TrainingGuard.Fallback.none)
    interruption.request()
    for second in [0, 4, 5, 60] { guardian.look(at: .now + .seconds(second)) }
    #expect(record.codes.withLock { $0 }.isEmpty)
    #expect(record.lines.withLock { $0 }.count { $0.contains("is waited for") } == 1)
  }

  @Test func aStateThatCannotBeSavedIsSaid() {
    let record = Record()
    let (guardian, interruption) = duty(record)
    guardian.enter(
      "step 7", .snapshot(step: 6) { throw TrainingError.unwritable(path: "x", reason: "the disk is full") })
    interruption.request()
    guardian.look(at: .now)
    guardian.look(at: .now + .seconds(4))
    #expect(record.codes.withLock { $0 } == [73])
    #expect(record.lines.withLock { $0.last }?.contains("the disk is full") == true)
  }

  @Test func aLibrarysWishToStopNeverEndsTheProcess() {
    let record = Record()
    let interruption = Interruption()
    let guardian = TrainingGuard(interruption, reporter: record) { code in
      record.codes.withLock { $0.append(code) }
    }
    guardian.enter("step 7", .saved(step: 6))
    interruption.request()
    for second in [0, 4, 60] { guardian.look(at: .now + .seconds(second)) }
    #expect(record.codes.withLock { $0 }.isEmpty)
  }

  @Test func aLogIsNeverSilentForLong() {
    let lines = Mutex<[String]>([])
    let silent = LineReporter(silence: .zero) { text in lines.withLock { $0.append(text) } }
    silent.live("step 7", for: 42)
    silent.update(TrainingProgress(step: 7, epoch: 0, rate: 1, unit: "examples"), isLogged: false)
    #expect(lines.withLock { $0 }.first == "step 7 is under way for 42 s\n")
    #expect(lines.withLock { $0 }.count == 2)
    let talking = LineReporter { text in lines.withLock { $0.append(text) } }
    talking.live("step 7", for: 42)
    #expect(lines.withLock { $0 }.count == 2)
  }

  @Test func worksThatSayNothingShowThatTheyGoOn() {
    for (isTerminal, silence) in [(true, 3), (false, 30)] {
      let signs = SignsOfLife("evaluate", isTerminal: isTerminal)
      let began = ContinuousClock.now
      SignsOfLife.heard()
      #expect(signs.due(at: began + .seconds(silence - 1), since: began) == nil)
      // Other tests may say something meanwhile, so the time looked at lies far behind whatever they take.
      let text = signs.due(at: began + .seconds(86_400), since: began)
      #expect(text?.contains("evaluate is at work for ") == true)
      #expect(text?.hasSuffix(isTerminal ? "\r" : "\n") == true)
      // Nothing is written over what a person is asked for.
      SignsOfLife.silenced {
        #expect(signs.due(at: began + .seconds(172_800), since: began) == nil)
      }
      #expect(signs.due(at: began + .seconds(259_200), since: began) != nil)
      signs.stop()
      #expect(signs.due(at: began + .seconds(600), since: began) == nil)
    }
  }

  @Test func aSnapshotIsTheCheckpointThatWouldHaveBeenSaved() throws {
    let folder = try TemporaryFolder()
    try FileManager.default.createDirectory(at: folder("data"), withIntermediateDirectories: true)
    try TinyData.writeIDX(to: folder("data"), classes: 2, perClass: 6)
    let harness = try SystemHarness(ToySystem.self, data: folder("data"))
    let run = try harness.train(in: folder.url, options: SystemHarness.options(steps: 3))
    let system = try loadSystem(from: run.url, registry: .init([ToySystem.self])).system
    let store = CheckpointStore(run.checkpoints)
    let saved = try store.open(step: 3)
    let description = try ModelFile.describe(saved.url.appendingPathComponent(CheckpointStore.modelName))
    let (model, training) = (SystemState.model(of: system), SystemState.training(of: system))
    let other = CheckpointStore(folder("other"))
    try RunDirectory.makeFolder(folder("other"))
    try other.write(system, description, saved.state)
    let whole = try Data(contentsOf: other.url(step: 3).appendingPathComponent(CheckpointStore.modelName))
    try other.write(model: { model }, training: { training }, description, saved.state)
    #expect(
      try Data(contentsOf: other.url(step: 3).appendingPathComponent(CheckpointStore.modelName)) == whole)
    _ = try other.open(step: 3)
  }
}
