import Atelier
import Foundation
import TestSupport
import Testing

/// Measures while training, the best checkpoint, and an early end.
@Suite(.serialized) struct ValidationTests {
  private let registry = SystemRegistry([ToySystem.self])

  /// Parts that each hold both classes.
  private func data(in folder: TemporaryFolder, _ parts: [String] = ["train", "validation", "test"]) throws
    -> URL
  {
    for part in parts { try TinyData.writeClassFolders(to: folder("data/\(part)"), perClass: 24) }
    return folder("data")
  }

  private func start(
    _ data: URL, in folder: URL, _ options: TrainingOptions, _ measuring: ValidationMeasuring?
  ) throws -> (run: RunDirectory, outcome: TrainingOutcome) {
    let run = try RunDirectory.create(in: folder, name: "toy")
    Engine.threadCount = 1
    let harness = try SystemHarness(ToySystem.self, data: data)
    let binding = try DataBinding.open(
      data, for: ToySystem.self, configuration: harness.configuration, options: .init(seed: options.seed))
    return (run, try Training.start(binding, in: run, options: options, measuring: measuring))
  }

  /// Numbers by the steps that the system has behind it.
  private func scripted(_ values: [Int: Double]) -> ValidationMeasuring {
    ValidationMeasuring { _ in
      { system in
        let step = system.carriedState().first?.tensor.integers().first ?? -1
        return [
          MeasuredNumber(
            id: "level", name: "level", value: 1, better: .neither, protocolText: "a constant"),
          MeasuredNumber(
            id: "error", name: "error", value: values[step] ?? .nan, better: .smaller,
            provenance: ["part": "validation"], protocolText: "scripted"),
        ]
      }
    }
  }

  private func options(steps: Int, every: Int, patience: Int? = nil, keepLast: Int = 1) -> TrainingOptions {
    var options = SystemHarness.options(steps: steps, seed: 3)
    (options.keepLast, options.checkpointEvery) = (keepLast, 4)
    options.validation = ValidationPolicy(steps: every, patience: patience)
    return options
  }

  private func state(_ run: RunDirectory) -> ValidationState? {
    CheckpointStore(run.checkpoints).newestSound().checkpoint?.state.validation
  }

  @Test func theBestCheckpointStaysAndPatienceEndsTheTraining() throws {
    let folder = try TemporaryFolder()
    let data = try data(in: folder)
    // What was not trained is never the best.
    let measuring = scripted([0: 2, 2: 3, 4: 5, 6: .nan, 8: 4, 10: 1])
    let (run, outcome) = try start(
      data, in: folder.url, options(steps: 20, every: 2, patience: 3), measuring)
    guard case .settled(let why) = outcome.reason else {
      Issue.record("\(outcome.reason)")
      return
    }
    #expect(outcome.step == 8 && why.contains("step 2") && why.contains("error"))
    #expect(CheckpointStore(run.checkpoints).steps == [2, 8])
    #expect(try run.bestCheckpoint().lastPathComponent == "step-000002")
    let state = try #require(self.state(run))
    #expect(state.best == 3 && state.bestStep == 2 && state.stale == 3 && state.part == "validation")
    let events = try EventLog.read(run.events).filter { $0.type == .validation }
    #expect(events.map(\.step) == [0, 2, 4, 6, 8])
    #expect(events[0].message?.contains("before training") == true)
    #expect(
      events[1].values == ["error": 3, "level": 1] && events[1].message?.contains("best so far") == true)
    // A settled run stays settled, unless it is given more patience.
    let again = try Training.resume(run.url, registry: registry, measuring: measuring)
    #expect(again.step == 8 && again.reason != .finished)
    let more = try Training.resume(run.url, registry: registry, measuring: measuring) {
      $0.steps = 11
      $0.validation?.patience = 4
    }
    #expect(more.step == 11 && more.reason == .finished)
    #expect(try run.bestCheckpoint().lastPathComponent == "step-000010")
  }

  @Test func aResumedTrainingDecidesAsOneThatWasNotInterrupted() throws {
    let folder = try TemporaryFolder()
    let data = try data(in: folder)
    let values = [0: 9.0, 2: 3, 4: 5, 6: 2, 8: 4, 10: 4, 12: 4, 14: 0]
    let whole = try start(data, in: folder.url, options(steps: 20, every: 2, patience: 3), scripted(values))
    let parts = try start(data, in: folder.url, options(steps: 3, every: 2, patience: 3), scripted(values))
    for steps in [5, 9, 20] {
      try Training.resume(parts.run.url, registry: registry, measuring: scripted(values)) { $0.steps = steps }
    }
    #expect(try SystemHarness.bytes(of: whole.run) == SystemHarness.bytes(of: parts.run))
    var (one, other) = (try #require(self.state(whole.run)), try #require(self.state(parts.run)))
    (one.seconds, other.seconds) = (0, 0)
    #expect(one == other && one.step == 12 && one.bestStep == 6)
    #expect(try CheckpointStore(parts.run.checkpoints).steps.contains(6))
  }

  @Test func measuringLeavesTheTrainingAsItIs() throws {
    let folder = try TemporaryFolder()
    let data = try data(in: folder)
    var measured = options(steps: 4, every: 2)
    measured.validation?.samples = 24
    measured.validation?.measures = ["frechet-distance"]
    let options = EvaluationOptions(classifierSeconds: 5)
    let with = try start(data, in: folder.url, measured, .by(options: options))
    var plain = measured
    plain.validation = nil
    let without = try start(data, in: folder.url, plain, nil)
    #expect(try SystemHarness.bytes(of: with.run) == SystemHarness.bytes(of: without.run))
    let state = try #require(self.state(with.run))
    #expect(state.number == "frechet-distance" && state.better == .smaller && state.part == "validation")
    let events = try EventLog.read(with.run.events).filter { $0.type == .validation }
    #expect(events.count == 3 && events.allSatisfy { $0.values?["frechet-distance"]?.isFinite == true })
    // What is reported at the end is measured on another part, and says so.
    let binding = try Training.openData(of: with.run.url, registry: registry)
    let best = try loadSystem(from: with.run.bestCheckpoint(), registry: registry)
    let numbers = try Evaluation(
      best.system, data: binding,
      options: EvaluationOptions(
        samples: 24, classifierSeconds: 5,
        classifierFile: with.run.url.appendingPathComponent("classifier.safetensors")),
      measures: MeasureList.standard.only(["frechet-distance"])
    ).run()
    #expect(numbers.first?.provenance["part"] == "test")
    try Report(with.run).add(numbers, step: best.description.step)
    let kept = try #require(try Report(with.run).numbers.first)
    #expect(kept.provenance["checkpoint"] == RunDirectory.stepName(best.description.step))
  }

  @Test func whatCannotBeMeasuredIsRefusedBeforeTheRun() throws {
    let folder = try TemporaryFolder()
    let data = try data(in: folder, ["train", "test"])
    func refusal(_ options: TrainingOptions, _ measuring: ValidationMeasuring?, _ place: String) throws
      -> String
    {
      let error = #expect(throws: TrainingError.self) {
        try start(data, in: folder(place), options, measuring)
      }
      let run = folder("\(place)/toy-001")
      #expect(!FileManager.default.fileExists(atPath: run.appendingPathComponent("configuration.yaml").path))
      #expect(!FileManager.default.fileExists(atPath: run.appendingPathComponent("events.jsonl").path))
      return error?.description ?? ""
    }
    #expect(try refusal(options(steps: 4, every: 2), .by(), "a").contains("no validation part"))
    #expect(try refusal(options(steps: 4, every: 2), nil, "b").contains("nothing was handed in"))
    var other = options(steps: 4, every: 2)
    other.validation?.number = "beauty"
    #expect(try refusal(other, scripted([0: 1]), "c").contains("there are error"))
    other.validation = ValidationPolicy(steps: 2, measures: ["perplexity"])
    #expect(try refusal(other, .by(), "d").contains("'perplexity' says nothing"))
    other.validation = ValidationPolicy(steps: 2, seconds: 5)
    #expect(try refusal(other, .by(), "e").contains("one of them"))
    let run = try start(data, in: folder("f"), SystemHarness.options(steps: 1), nil).run
    #expect(throws: TrainingError.self) { try run.bestCheckpoint() }
  }
}
