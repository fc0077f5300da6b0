import AtelierCore
import AtelierData
import AtelierModels
import AtelierTraining
import Foundation
import TestSupport
import Testing
import Torch
import TorchNN

@Suite struct CheckpointTests {
  private func system(seed: UInt64 = 1) throws -> ToySystem {
    try ToySystem(.init(), artefacts: Artefacts(), using: RandomStream(seed: seed))
  }

  private func write(_ system: ToySystem, step: Int, to store: CheckpointStore) throws {
    let data = DatasetDescription(layout: .memory, name: "x", split: .train, count: 1, fingerprint: "x")
    let description = ModelDescription(
      system: "toy", configuration: try system.configuration.values(), data: data,
      artefacts: Artefacts(["words": Data("[1]".utf8), "bytes": Data([255, 0])]), step: step)
    let state = TrainingState(
      step: step, epoch: 0.5, stage: "training", seed: 1, rollbacks: 0, position: .none,
      learningRates: ["generator": 0.1], health: HealthState(), seconds: 1, peakMemory: 1,
      surroundings: .current(TrainingOptions(), dataFingerprint: "x"))
    try store.write(system, description, state)
  }

  @Test func aCheckpointComesBackWithItsState() throws {
    let folder = try TemporaryFolder()
    let store = CheckpointStore(folder.url)
    let system = try system()
    try write(system, step: 5, to: store)
    let checkpoint = try store.open(step: 5)
    #expect(checkpoint.state.step == 5 && checkpoint.state.learningRates == ["generator": 0.1])
    #expect(
      checkpoint.state.hashes.keys.sorted() == [
        "artefacts/bytes", "artefacts/words", "model.safetensors", "training.safetensors",
      ])
    let other = try self.system(seed: 2)
    let file = checkpoint.url.appendingPathComponent(CheckpointStore.modelName)
    try ModelFile.load(file, into: other)
    #expect(
      other.networks[0].module.hostState().map(\.tensor)
        == system.networks[0].module.hostState().map(\.tensor))
    #expect(
      try ModelFile.describe(file).artefacts
        == Artefacts(["words": Data("[1]".utf8), "bytes": Data([255, 0])]))
  }

  @Test func equalStatesGiveEqualBytes() throws {
    let folder = try TemporaryFolder()
    for name in ["a", "b"] {
      try FileManager.default.createDirectory(at: folder(name), withIntermediateDirectories: true)
      try write(system(), step: 5, to: CheckpointStore(folder(name)))
    }
    let (a, b) = (folder("a/step-000005"), folder("b/step-000005"))
    #expect(differingFiles(["model.safetensors", "training.safetensors"], a, b).isEmpty)
  }

  @Test func whatAKillLeavesInTheMiddleOfASaveIsRemoved() throws {
    let folder = try TemporaryFolder()
    let store = CheckpointStore(folder.url)
    try write(system(), step: 5, to: store)
    // Killed while writing, and killed between writing and renaming.
    for (name, files) in [
      (".partial-step-000007-x", ["model.safetensors"]), (".partial-step-000008-y", ["a", "b", "c"]),
    ] {
      try FileManager.default.createDirectory(at: folder(name), withIntermediateDirectories: true)
      for file in files { try Data("half".utf8).write(to: folder(name).appendingPathComponent(file)) }
    }
    #expect(store.newestSound().checkpoint?.state.step == 5)
    try store.removeLeftovers()
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path) == ["step-000005"])
  }

  @Test func aKillWhileReplacingLeavesOneOfTheTwo() throws {
    let folder = try TemporaryFolder()
    let store = CheckpointStore(folder.url)
    try write(system(), step: 5, to: store)
    // Between the two renames.
    try FileManager.default.moveItem(at: store.url(step: 5), to: folder(".replaced-step-000005+abc"))
    #expect(store.newestSound().checkpoint == nil)
    try store.removeLeftovers()
    #expect(store.newestSound().checkpoint?.state.step == 5)
    // After them.
    try FileManager.default.createDirectory(
      at: folder(".replaced-step-000005+def"), withIntermediateDirectories: true)
    try store.removeLeftovers()
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path) == ["step-000005"])
  }

  @Test func aCheckpointOfTheSameStepIsReplaced() throws {
    let folder = try TemporaryFolder()
    let store = CheckpointStore(folder.url)
    try write(system(seed: 1), step: 5, to: store)
    let first = try store.open(step: 5).state.hashes
    try write(system(seed: 2), step: 5, to: store)
    #expect(try store.open(step: 5).state.hashes != first)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path) == ["step-000005"])
  }

  @Test(arguments: ["model.safetensors", "training.safetensors", "training.json"])
  func aDamagedCheckpointFallsBackToTheOneBeforeAndSaysSo(file: String) throws {
    let folder = try TemporaryFolder()
    let store = CheckpointStore(folder.url)
    try write(system(), step: 5, to: store)
    try write(system(), step: 10, to: store)
    let place = store.url(step: 10).appendingPathComponent(file)
    var bytes = try Data(contentsOf: place)
    bytes[bytes.count - 3] ^= 255
    try bytes.write(to: place)
    let found = store.newestSound()
    #expect(found.checkpoint?.state.step == 5)
    #expect(found.problems.count == 1 && found.problems[0].contains("step-000010"))
    try FileManager.default.removeItem(at: place)
    let missing = store.newestSound()
    #expect(missing.checkpoint?.state.step == 5)
    #expect(missing.problems[0].contains("\(file) is missing"), "\(missing.problems)")
    // There, but no file.
    try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
    let unreadable = store.newestSound()
    #expect(unreadable.checkpoint?.state.step == 5)
    #expect(unreadable.problems[0].contains("step-000010/\(file) cannot be used: it cannot be read"))
    #expect(unreadable.problems[0].contains("folder"), "\(unreadable.problems)")
  }

  @Test func whatCannotBeUnderstoodOfACheckpointIsNamed() throws {
    let folder = try TemporaryFolder()
    let store = CheckpointStore(folder.url)
    try write(system(), step: 5, to: store)
    let place = store.url(step: 5).appendingPathComponent("training.json")
    let text = try String(contentsOf: place, encoding: .utf8)
    try Data(text.replacingOccurrences(of: "\"rollbacks\"", with: "\"rollback\"").utf8).write(to: place)
    let error = #expect(throws: TrainingError.self) { try store.open(step: 5) }
    #expect(
      error?.description.contains("a value is missing at 'rollbacks'") == true, "\(String(describing: error))"
    )
  }

  @Test func aFolderOfCheckpointsThatCannotBeReadIsNamed() throws {
    let folder = try TemporaryFolder()
    try Data().write(to: folder("checkpoints"))
    let found = CheckpointStore(folder("checkpoints")).newestSound()
    #expect(found.checkpoint == nil && found.problems.count == 1)
    #expect(found.problems.first?.contains("checkpoints cannot be read") == true)
  }

  @Test func theNewestAndEveryNthStay() throws {
    let folder = try TemporaryFolder()
    let store = CheckpointStore(folder.url)
    let system = try system()
    for step in [0, 5, 10, 15, 20, 25] { try write(system, step: step, to: store) }
    #expect(try store.prune(keepLast: 2, keepEvery: 10) == [0, 5, 15])
    #expect(store.steps == [10, 20, 25])
    #expect(try store.prune(keepLast: 1, keepEvery: nil) == [10, 20])
    #expect(store.steps == [25])
  }

  @Test func aFolderThatCannotBeWrittenLeavesNothingBehind() throws {
    let folder = try TemporaryFolder()
    try Data().write(to: folder("checkpoints"))
    let error = #expect(throws: TrainingError.self) {
      try write(system(), step: 5, to: CheckpointStore(folder("checkpoints")))
    }
    #expect("\(error as Any)".contains("cannot be written"))
  }
}
