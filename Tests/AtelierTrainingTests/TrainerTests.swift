import AtelierCore
import AtelierData
import AtelierGeneration
import AtelierModels
import AtelierTraining
import Foundation
import TestSupport
import Testing
import Torch
import TorchNN

/// Takes down what a training says.
private final class Listener: ProgressReporter {
  var lines: [String] = []
  var updates = 0
  var onUpdate: ((Int) -> Void)?
  func begin(_ title: String) { lines.append(title) }
  func update(_ progress: TrainingProgress, isLogged: Bool) {
    updates += 1
    onUpdate?(progress.step)
  }
  func say(_ message: String) { lines.append(message) }
  func end(_ message: String) { lines.append(message) }
}

@Suite(.serialized) struct TrainerTests {
  private let registry = SystemRegistry([ToySystem.self])

  private func harness(
    _ changes: [String: ConfigurationValue] = [:], in folder: TemporaryFolder
  ) throws -> SystemHarness {
    if !FileManager.default.fileExists(atPath: folder("data").path) {
      try FileManager.default.createDirectory(at: folder("data"), withIntermediateDirectories: true)
      try TinyData.writeIDX(to: folder("data"), classes: 2, perClass: 6)
    }
    return try SystemHarness(ToySystem.self, changes, data: folder("data"))
  }

  private func events(_ run: RunDirectory, _ kind: RunEvent.Kind) throws -> [RunEvent] {
    try EventLog.read(run.events).filter { $0.type == kind }
  }

  @Test func aRunHoldsEverythingTheDesignNames() throws {
    let folder = try TemporaryFolder()
    var options = SystemHarness.options(steps: 6)
    (options.checkpointEvery, options.previewEvery, options.logEvery) = (2, 3, 2)
    let run = try harness(in: folder).train(in: folder("runs"), options: options)
    #expect(run.name == "toy-001")
    for file in [
      "configuration.yaml", "events.jsonl", "report.md", "samples/step-000003.png", "samples/step-000006.png",
      "checkpoints/step-000006/model.safetensors", "checkpoints/step-000006/training.safetensors",
      "checkpoints/step-000006/training.json",
    ] {
      #expect(FileManager.default.fileExists(atPath: run.url.appendingPathComponent(file).path), "\(file)")
    }
    #expect(CheckpointStore(run.checkpoints).steps == [4, 6])
    #expect(try events(run, .step).map(\.step) == [1, 2, 4, 6])
    #expect(try events(run, .preview).map(\.step) == [3, 6])
    #expect(try events(run, .checkpoint).map(\.step) == [0, 2, 4, 6])
    #expect(try events(run, .end).count == 1)
    let report = try String(contentsOf: run.report, encoding: .utf8)
    for text in ["sha256:", "step-000006.png", "| 0 | 0 | 6 |", "libtorch", "learningRate"] {
      #expect(report.contains(text), "\(text)")
    }
  }

  @Test func theToyPassesTheTestsOfEverySystem() throws {
    let folder = try TemporaryFolder()
    let harness = try harness(in: folder)
    #expect(try harness.takesTwoSteps())
    #expect(try harness.isDeterministic())
    #expect(try harness.resumesExactly())
    #expect(try harness.generatesDeterministically())
    let (first, last) = try harness.overfitsOneBatch(steps: 200)
    #expect(last < 0.3 * first)
  }

  @Test func resumingInTheMiddleOfAPassAndWithPreviewsIsExact() throws {
    let folder = try TemporaryFolder()
    let harness = try harness(["batchSize": 5], in: folder)
    var options = SystemHarness.options(steps: 7)
    let whole = try harness.train(in: folder.url, options: options)
    (options.previewEvery, options.checkpointEvery, options.steps) = (1, 2, 3)
    let parts = try harness.train(in: folder.url, options: options)
    for steps in [4, 6, 7] { try Training.resume(parts.url, registry: registry) { $0.steps = steps } }
    #expect(try SystemHarness.bytes(of: whole) == SystemHarness.bytes(of: parts))
  }

  @Test func aModelFileDescribesItself() throws {
    let folder = try TemporaryFolder()
    let run = try harness(in: folder).train(in: folder.url, options: SystemHarness.options(steps: 2))
    let file = try modelFile(at: run.url)
    for place in [run.url, file.deletingLastPathComponent(), file] {
      let (system, description) = try loadSystem(from: place, registry: registry)
      #expect(description.system == "toy" && description.step == 2)
      #expect(description.classNames == ["0", "1"])
      #expect(description.data.imageShape == [1, 8, 8])
      #expect(description.configuration["poisonedStep"] == .null)
      #expect(system.networks.count == 1)
    }
    let names = try Safetensors.header(of: file).entries.map(\.name)
    #expect(
      names == [
        "network/generator/weight", "network/generator/bias", "average/generator/weight",
        "average/generator/bias",
      ])
  }

  @Test func aFileOfAnotherProgramIsRefused() throws {
    let folder = try TemporaryFolder()
    try Safetensors.write([("a", HostTensor([1.0]))], to: folder("other.safetensors"))
    let error = #expect(throws: TrainingError.self) {
      try loadSystem(from: folder("other.safetensors"), registry: registry)
    }
    #expect("\(error as Any)".contains("other.safetensors"))
    #expect(throws: TrainingError.self) { try loadSystem(from: folder.url, registry: registry) }
    #expect(throws: TrainingError.self) { try loadSystem(from: folder("nothing"), registry: registry) }
  }

  // MARK: Failure

  @Test func notANumberRollsBackAndSaysSo() throws {
    let folder = try TemporaryFolder()
    var options = SystemHarness.options(steps: 8)
    options.checkpointEvery = 2
    let listener = Listener()
    let run = try harness(["poisonedStep": 4], in: folder).train(
      in: folder.url, options: options, reporter: listener)
    #expect(try events(run, .rollback).map(\.step) == [4])
    #expect(try events(run, .health).count == 2)  // the loss and its gradient
    #expect(listener.lines.contains { $0.contains("rolled back from step 5 to step 4") })
    let checkpoint = try CheckpointStore(run.checkpoints).open(step: 8)
    #expect(checkpoint.state.rollbacks == 1)
    let (system, _) = try loadSystem(from: run.url, registry: registry)
    #expect(system.networks[0].module.parameters().allSatisfy { $0.isFinite() })
  }

  @Test func whatTheEngineRefusesReachesTheWatchFirst() throws {
    let folder = try TemporaryFolder()
    var options = SystemHarness.options(steps: 8)
    options.checkpointEvery = 2
    let harness = try harness(["poisonedStep": 4, "refusesPoison": true], in: folder)
    let run = try harness.train(in: folder.url, options: options)
    #expect(try events(run, .rollback).map(\.step) == [4])
    let finding = try #require(try events(run, .health).first?.message)
    #expect(finding.contains("binaryCrossEntropy was given numbers that are not finite"))
    #expect(CheckpointStore(run.checkpoints).steps.last == 8)
    options.health = HealthPolicy(.stop)
    let stopped = try harness.train(in: folder.url, options: options)
    let end = try #require(try events(stopped, .end).first?.message)
    #expect(end.contains("stopped by the health watch at step 5"))
    // Half a step cannot be gone on from.
    options.health = HealthPolicy(.warn)
    let error = #expect(throws: TrainingError.self) { try harness.train(in: folder.url, options: options) }
    #expect("\(error as Any)".contains("step 4"))
  }

  @Test func whatStaysSickGoesFurtherBackAndThenStops() throws {
    let folder = try TemporaryFolder()
    var options = SystemHarness.options(steps: 8)
    (options.checkpointEvery, options.keepLast) = (2, 10)
    let run = try harness(["poisonedStep": 4, "staysPoisoned": true], in: folder)
      .train(in: folder.url, options: options)
    #expect(try events(run, .rollback).map(\.step) == [4, 2, 0])
    let end = try #require(try events(run, .end).first?.message)
    #expect(end.contains("health watch") && end.contains("3 roll-backs"))
    // What was saved is sound.
    let (system, description) = try loadSystem(from: run.url, registry: registry)
    #expect(description.step == 4)
    #expect(system.networks[0].module.parameters().allSatisfy { $0.isFinite() })
  }

  @Test func thePolicyCanStopOrOnlyWarn() throws {
    let folder = try TemporaryFolder()
    var options = SystemHarness.options(steps: 8)
    (options.checkpointEvery, options.health) = (2, HealthPolicy(.stop))
    let stopped = try harness(["poisonedStep": 4], in: folder).train(in: folder.url, options: options)
    #expect(try events(stopped, .end).first?.step == 5)
    #expect(try events(stopped, .rollback).isEmpty)
    #expect(CheckpointStore(stopped.checkpoints).steps.last == 4)
    options.health = HealthPolicy(.warn)
    let warned = try harness(["poisonedStep": 4], in: folder).train(in: folder.url, options: options)
    #expect(try events(warned, .end).first?.step == 8)
    // Weights that are not numbers are never saved.
    #expect(CheckpointStore(warned.checkpoints).steps.last == 4)
  }

  @Test func samplesThatBecomeAlikeAreSaid() throws {
    let folder = try TemporaryFolder()
    // Samples come from the moving average, which follows within some dozens of steps.
    var options = SystemHarness.options(steps: 40)
    options.previewEvery = 2
    let run = try harness(["collapses": true], in: folder).train(in: folder.url, options: options)
    let messages = try events(run, .health).compactMap(\.message)
    #expect(messages.contains { $0.contains("alike") })
  }

  @Test func aWishToStopSavesAndResumesExactly() throws {
    let folder = try TemporaryFolder()
    let harness = try harness(in: folder)
    let whole = try harness.train(in: folder.url, options: SystemHarness.options(steps: 6))
    let run = try RunDirectory.create(in: folder.url, name: "toy")
    let data = try DataBinding.open(
      harness.data, for: ToySystem.self, configuration: harness.configuration, options: .init(seed: 7))
    let interruption = Interruption()
    let listener = Listener()
    listener.onUpdate = { if $0 == 3 { interruption.request() } }
    let outcome = try Training.start(
      data, in: run, options: SystemHarness.options(steps: 6), reporter: listener, interruption: interruption)
    #expect(outcome.reason == .interrupted && outcome.step == 3)
    #expect(CheckpointStore(run.checkpoints).steps.last == 3)
    let resumed = try Training.resume(run.url, registry: registry)
    #expect(resumed.reason == .finished && resumed.step == 6)
    #expect(try SystemHarness.bytes(of: whole) == SystemHarness.bytes(of: run))
  }

  @Test func aRunFromBeforeAKeyGoesOnWithItsDefault() throws {
    let folder = try TemporaryFolder()
    let run = try harness(in: folder).train(in: folder.url, options: SystemHarness.options(steps: 2))
    let whole = try String(contentsOf: run.configuration, encoding: .utf8)
    let older = whole.split(separator: "\n").filter { !$0.hasPrefix("  staysPoisoned:") }.joined(
      separator: "\n")
    #expect(older.count + 1 < whole.count)
    try Data((older + "\n").utf8).write(to: run.configuration)
    try Training.resume(run.url, registry: registry) { $0.steps = 4 }
    let resumed = try String(contentsOf: run.configuration, encoding: .utf8)
    #expect(resumed == whole.replacing("steps: 2", with: "steps: 4"))
    _ = try Training.openData(of: run.url, registry: registry)
  }

  @Test func dataThatVanishEndTheRunWithTheStateSaved() throws {
    let folder = try TemporaryFolder()
    try TinyData.writeClassFolders(to: folder("pictures"))
    let harness = try SystemHarness(ToySystem.self, data: folder("pictures"))
    var binding = DataBindingOptions(seed: 7)
    binding.reading.corruptImages = .stop
    let data = try DataBinding.open(
      harness.data, for: ToySystem.self, configuration: harness.configuration, options: binding)
    let run = try RunDirectory.create(in: folder.url, name: "toy")
    let listener = Listener()
    listener.onUpdate = { step in
      if step == 2 { try? FileManager.default.removeItem(at: folder("pictures")) }
    }
    let error = #expect(throws: TrainingError.self) {
      try Training.start(data, in: run, options: SystemHarness.options(steps: 100), reporter: listener)
    }
    guard case .brokenOff(.data, _, let saved)? = error else {
      Issue.record("another error: \(error as Any)")
      return
    }
    let step = try #require(CheckpointStore(run.checkpoints).steps.last)
    #expect(step >= 2)
    #expect(saved.contains("step \(step)") && "\(error as Any)".contains("pictures"))
  }

  @Test func aFullDiskIsAClearErrorAndLosesNothing() throws {
    let folder = try TemporaryFolder()
    let run = try RunDirectory.create(in: folder.url, name: "toy")
    let harness = try harness(in: folder)
    let data = try DataBinding.open(harness.data, for: ToySystem.self, configuration: harness.configuration)
    var options = SystemHarness.options(steps: 6)
    (options.seed, options.checkpointEvery) = (0, 2)
    let listener = Listener()
    // As if nothing could be written any more: a file takes the place of the folder of checkpoints.
    listener.onUpdate = { step in
      guard step == 3 else { return }
      try? FileManager.default.moveItem(at: run.checkpoints, to: folder("kept"))
      try? Data().write(to: run.checkpoints)
    }
    let error = #expect(throws: TrainingError.self) {
      try Training.start(data, in: run, options: options, reporter: listener)
    }
    guard case .brokenOff(.disk, _, _)? = error else {
      Issue.record("another error: \(error as Any)")
      return
    }
    #expect(CheckpointStore(folder("kept")).newestSound().checkpoint?.state.step == 2)
  }

  @Test func shapesThatDoNotFitAreAnErrorWithTheirOperation() throws {
    let folder = try TemporaryFolder()
    let run = try RunDirectory.create(in: folder.url, name: "toy")
    let system = try ToySystem(.init(), artefacts: Artefacts(), using: RandomStream(seed: 1))
    let facts = DataFacts(
      description: DatasetDescription(layout: .memory, name: "x", split: .train, count: 1, fingerprint: "x"))
    let trainer = try Trainer(
      system, run: run, source: WrongSource(), facts: facts, options: TrainingOptions(steps: 1))
    let error = #expect(throws: TrainingError.self) { try trainer.train() }
    #expect("\(error as Any)".contains("Training broke off"))
  }

  // MARK: Exactness

  @Test func resumingElsewhereIsRefusedAndSaysTheWayOut() throws {
    let folder = try TemporaryFolder()
    let run = try harness(in: folder).train(in: folder.url, options: SystemHarness.options(steps: 2))
    let state = CheckpointStore(run.checkpoints).url(step: 2).appendingPathComponent(
      CheckpointStore.stateName)
    let text = try String(contentsOf: state, encoding: .utf8)
    try Data(text.replacing("\"\(Engine.version)\"", with: "\"1.0.0\"").utf8).write(to: state)
    let error = #expect(throws: TrainingError.self) {
      try Training.resume(run.url, registry: registry) { $0.steps = 4 }
    }
    #expect("\(error as Any)".contains("1.0.0") && "\(error as Any)".contains("allow inexact resumption"))
    let outcome = try Training.resume(run.url, registry: registry, allowsInexact: true) { $0.steps = 4 }
    #expect(outcome.step == 4)
  }

  @Test func otherDataAreRefusedUnlessAllowed() throws {
    let folder = try TemporaryFolder()
    let run = try harness(in: folder).train(in: folder.url, options: SystemHarness.options(steps: 2))
    try TinyData.writeIDX(to: folder("data"), classes: 2, perClass: 4)
    let error = #expect(throws: TrainingError.self) {
      try Training.resume(run.url, registry: registry) { $0.steps = 4 }
    }
    #expect("\(error as Any)".contains("data have changed"))
    let outcome = try Training.resume(run.url, registry: registry, allowsInexact: true) { $0.steps = 4 }
    #expect(outcome.step == 4)
  }

  @Test func limitsEndATraining() throws {
    let folder = try TemporaryFolder()
    let harness = try harness(in: folder)
    var options = SystemHarness.options(steps: 0)
    (options.steps, options.epochs) = (nil, 2)
    let byEpoch = try harness.train(in: folder.url, options: options)
    #expect(CheckpointStore(byEpoch.checkpoints).steps.last == 6)  // 12 pictures, 4 a batch
  }

  @Test func secondsEndATrainingAndCountOverAllResumptions() throws {
    let folder = try TemporaryFolder()
    let harness = try harness(in: folder)
    var options = SystemHarness.options(steps: 2)
    // Over before the first step on any machine; and never in the way.
    options.seconds = 1e-9
    let atOnce = try harness.train(in: folder.url, options: options)
    #expect(CheckpointStore(atOnce.checkpoints).steps == [0])
    options.seconds = 1e9
    let run = try harness.train(in: folder.url, options: options)
    let store = CheckpointStore(run.checkpoints)
    #expect(store.steps.last == 2)
    // As if these two steps had taken an hour.
    let file = store.url(step: 2).appendingPathComponent(CheckpointStore.stateName)
    var state = try JSONDecoder().decode(TrainingState.self, from: try Data(contentsOf: file))
    state.seconds = 3600
    try JSONEncoder().encode(state).write(to: file)
    let spent = try Training.resume(run.url, registry: registry) { ($0.steps, $0.seconds) = (4, 3600) }
    #expect(spent.step == 2 && spent.reason == .finished)
    let more = try Training.resume(run.url, registry: registry) { ($0.steps, $0.seconds) = (4, 1e9) }
    #expect(more.step == 4 && more.seconds >= 3600)
  }

  @Test func picturesOfAnySizeAndChannelsArePrepared() throws {
    let folder = try TemporaryFolder()
    try TinyData.writeClassFolders(to: folder("pictures"), size: 20)
    let data = try DataBinding.open(
      folder("pictures"), for: ToySystem.self, configuration: [:], options: .init(seed: 1))
    let batch = try data.training.next()
    #expect(batch["image"].shape == [4, 1, 8, 8] && batch["image"].dtype == .float32)
    #expect(batch["label"].dtype == .int64)
    #expect(batch["image"].min().item() >= -1 && batch["image"].max().item() <= 1)
    #expect(data.facts.description.classNames == ["circle", "square"])
    #expect(try data.batches(of: .test) == nil)
    #expect(try data.batches(of: .train)?.count == 3)
  }
}

private final class WrongSource: ResumableBatchSource {
  let position = SourcePosition.none
  let epoch = 0.0
  let unitsServed = 0
  let unit = "examples"
  func seek(to position: SourcePosition, adoptsOtherData: Bool) {}
  func next() -> Batch {
    Batch(["image": Tensor.zeros([4, 1, 5, 5]), "label": Tensor([0, 1, 0, 1])])
  }
}
