import Atelier
import Foundation
import ReferenceCases
import TestSupport
import Testing

/// Systems of kinds that no shared code knows are previewed, measured, asked and checked like any other.
@Suite(.serialized) struct ToyTests {
  /// What `samples` holds after each of some steps.
  private func previews(
    _ harness: SystemHarness, in folder: TemporaryFolder, steps: Int, every: Int
  ) throws -> RunDirectory {
    var options = SystemHarness.options(steps: steps)
    options.previewEvery = every
    let run = try harness.train(in: folder.url, options: options)
    #expect(try EventLog.read(run.events).filter { $0.type == .warning }.compactMap(\.message) == [])
    return run
  }

  private func samples(_ run: RunDirectory) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: run.samples.path).sorted()
  }

  private func text(_ run: RunDirectory, _ name: String) throws -> String {
    try String(contentsOf: run.samples.appendingPathComponent(name), encoding: .utf8)
  }

  /// The one number that a measure of a program's own gives of a run.
  private func measured(
    _ measure: any Measure, _ harness: SystemHarness, _ run: RunDirectory
  ) throws -> Double {
    let registry = SystemRegistry([harness.system])
    let system = try loadSystem(from: run.url, registry: registry).system
    let data = try Training.openData(of: run.url, registry: registry)
    let numbers = try Evaluation(
      system, data: data, options: EvaluationOptions(samples: 4), measures: MeasureList([]).adding(measure)
    ).run()
    #expect(numbers.count == 1)
    return try #require(numbers.first).value
  }

  /// The results of a case with one check that a system answers.
  private func answer(
    _ system: any GenerativeSystem.Type, _ kind: String, _ inputs: [String: HostTensor],
    _ outputs: [String: HostTensor], settings: [String: Any] = [:]
  ) throws -> [CheckResult] {
    let folder = try TemporaryFolder()
    let check: [String: Any] = [
      "name": kind, "kind": kind, "rtol": 0, "atol": 1e-6,
      "inputs": Dictionary(uniqueKeysWithValues: inputs.keys.map { ($0, $0) }),
      "outputs": Dictionary(uniqueKeysWithValues: outputs.keys.map { ($0, $0) }),
    ]
    let root: [String: Any] = [
      "format": 1, "system": system.identity.name, "configuration": [String: Any](),
      "weights": [String: Any](), "tensors": "tensors.safetensors",
      "checks": [check.merging(settings) { $1 }],
    ]
    try JSONSerialization.data(withJSONObject: root).write(to: folder("case.json"))
    let tensors = inputs.merging(outputs) { $1 }.sorted { $0.key < $1.key }
    try Safetensors.write(
      tensors.map { (name: $0.key, tensor: $0.value) }, to: folder("tensors.safetensors"))
    return CaseRunner(registry: SystemRegistry([system])).run(folder: folder.url)
  }

  /// What a trained system draws for conditions that were read by the kinds of their fields.
  private func draw(
    _ harness: SystemHarness, _ run: RunDirectory, _ conditions: [String: FieldCodec.Value],
    sampling: any Settings = NoSettings()
  ) throws -> Output {
    let system = try loadSystem(from: run.url, registry: SystemRegistry([harness.system])).system
    var request = Request(sampling: sampling, draws: StreamDraws(RandomStream(seed: 1)))
    for (name, value) in conditions {
      switch value {
      case .tensor(let tensor): request.conditions[name] = .tensor(Tensor(tensor))
      case .text(let text): request.conditions[name] = .text(text)
      }
    }
    var outputs: [Output] = []
    try system.draw(request) { outputs.append($0) }
    #expect(outputs.count == 1)
    return try #require(outputs.first)
  }

  /// A field of a run's plan as its data name its values.
  private func codec(_ harness: SystemHarness, _ run: RunDirectory, _ name: String) throws -> FieldCodec {
    let registry = SystemRegistry([harness.system])
    let loaded = try loadSystem(from: run.url, registry: registry)
    let plan = loaded.system.plan
    let field = try #require(plan.field(name))
    let arrangement = try #require(
      plan.stages.compactMap(\.data).first { $0.fields.contains(field) }?.arrangement)
    let names = try arrangement.names(of: field, loaded.description.data, loaded.description.artefacts)
    return FieldCodec(field.kind, names: names)
  }

  private func passes(_ results: [CheckResult]) -> Bool {
    for result in results where !result.passed { Issue.record("\(result)") }
    return !results.isEmpty && results.allSatisfy(\.passed)
  }

  // MARK: Tokens

  @Test func sentencesAreTranslated() throws {
    let folder = try TemporaryFolder()
    let harness = try SystemHarness(
      ToyTokenTranslator.self, data: try ToyData.sentencePairs(in: folder))
    let run = try previews(harness, in: folder, steps: 60, every: 30)
    #expect(try samples(run) == ["step-000030.txt", "step-000060.txt"])
    let lines = try text(run, "step-000060.txt").split(separator: "\n")
    #expect(lines.count == 2 && lines[0].hasPrefix("sentence 1: "))
    // Words, without the numbers that are none.
    let words = Set(["one", "two", "three", "four", "and", "<unk>"])
    let found = lines.flatMap { $0.split(separator: ":")[1].split(separator: " ").map(String.init) }
    #expect(!found.isEmpty && found.allSatisfy(words.contains))
    let accuracy = try measured(WordAccuracy(), harness, run)
    #expect(accuracy > 0.2 && accuracy <= 1)
    // Drawn through a request, with settings of its own and no other system's.
    let sentence = try codec(harness, run, "source").read("un deux")
    let target = try codec(harness, run, "target")
    var search = BeamSearch()
    (search.beams, search.longest) = (3, 4)
    let drawn = try draw(harness, run, ["source": sentence], sampling: search)
    let tokens = try #require(drawn.tensor)
    #expect(drawn.field == "target" && tokens.shape[0] == 1 && tokens.shape[1] <= 6)
    guard case .text(let translation)? = try target.shown(.tensor(tokens.host())).first else {
      Issue.record("no text")
      return
    }
    #expect(translation.split(separator: " ").map(String.init).allSatisfy(words.contains))
    search.beams = 0
    #expect(throws: ConfigurationError.self) {
      try draw(harness, run, ["source": sentence], sampling: search)
    }
    #expect(throws: ConfigurationError.self) {
      try draw(harness, run, ["source": sentence], sampling: TextSampling(length: 3))
    }
    #expect(throws: ConfigurationError.self) { try draw(harness, run, [:]) }
  }

  @Test func beamsFindWhatGreedSearchesInVain() throws {
    // Greedily 1 → 3 → 2 has 0.6 × 0.4; 1 → 4 → 2 has 0.4 × 0.9.
    var table = [Float](repeating: 1e-6, count: 25)
    (table[8], table[9]) = (0.6, 0.4)
    (table[17], table[18], table[19]) = (0.4, 0.3, 0.3)
    (table[22], table[23]) = (0.9, 0.1)
    let inputs = ["probabilities": HostTensor(table, shape: [5, 5])]
    for (beams, expected) in [(1, [1, 3, 2]), (2, [1, 4, 2])] {
      let results = try answer(
        ToyTokenTranslator.self, "beam-search", inputs, ["tokens": HostTensor(expected)],
        settings: ["beams": beams])
      #expect(passes(results))
    }
  }

  // MARK: Images in two stages

  @Test func codesAreShownInTheFirstStageAndCaptionsInTheSecond() throws {
    let folder = try TemporaryFolder()
    let harness = try SystemHarness(
      ToyCaptionedCodes.self, ["codeSteps": 30], data: try ToyData.captionedImages(in: folder))
    let run = try previews(harness, in: folder, steps: 60, every: 30)
    #expect(try samples(run) == ["step-000030.png", "step-000060.png"])
    let error = try measured(CodeError(), harness, run)
    let untrained = try harness.train(in: folder.url, options: SystemHarness.options(steps: 1))
    #expect(try error < 0.8 * measured(CodeError(), harness, untrained))
    // Of a caption, and of any codes.
    let caption = try codec(harness, run, "caption").read("dark striped")
    let drawn = try draw(harness, run, ["caption": caption])
    #expect(drawn.field == "image" && drawn.tensor?.shape == [1, 1, 8, 8])
    #expect(try draw(harness, run, [:]).tensor?.shape == [1, 1, 8, 8])
    #expect(throws: DatasetError.self) { try codec(harness, run, "caption").read("dotted") }
  }

  @Test func anImageHasTheNearestCodes() throws {
    let image = HostTensor((0..<64).map { Float($0 / 8 < 4 ? $0 % 8 / 4 : 3) }, shape: [1, 1, 8, 8])
    let entries = HostTensor((0..<4).flatMap { [Float](repeating: Float($0), count: 16) }, shape: [4, 16])
    let results = try answer(
      ToyCaptionedCodes.self, "codes", ["image": image, "entries": entries],
      ["codes": HostTensor([0, 1, 3, 3], shape: [1, 4])])
    #expect(passes(results))
  }

  // MARK: Sounds

  @Test func soundsAreHeardAndMeasured() throws {
    let folder = try TemporaryFolder()
    let harness = try SystemHarness(ToySoundFilter.self, data: try ToyData.soundPairs(in: folder))
    let run = try previews(harness, in: folder, steps: 120, every: 60)
    #expect(
      try samples(run) == [
        "step-000060-1.wav", "step-000060-2.wav", "step-000120-1.wav", "step-000120-2.wav",
      ])
    let heard = try Audio(contentsOf: run.samples.appendingPathComponent("step-000120-2.wav"))
    #expect(heard.sampleRate == 8000 && heard.frames == 64)
    // Half as loud as its source, away from the padded ends: sin(t · 3 / 7) · 0.4.
    let errors: [Float] = (8..<56).map { time in
      abs(heard.samples[time] - Float(0.4 * sin(Double(time * 3) / 7)))
    }
    #expect(errors.allSatisfy { $0 < 0.1 })
    #expect(try measured(SignalToNoise(), harness, run) > 15)
    // A whole file, longer than the clips, into a file.
    let source = try codec(harness, run, "source").read(folder("sounds/test/source/0.wav"))
    let drawn = try #require(try draw(harness, run, ["source": source]).tensor)
    let written = try codec(harness, run, "target").encoded(.tensor(drawn.host()))[0].write(to: folder("out"))
    #expect(written.lastPathComponent == "out.wav")
    #expect(try Audio(contentsOf: written).frames == 100)
  }

  @Test func decibelsAreThoseOfTheirFormula() throws {
    // 10 log10((4 + 4) / (1 + 1)).
    let results = try answer(
      ToySoundFilter.self, "signal-to-noise",
      [
        "output": HostTensor([1, -1] as [Float], shape: [1, 1, 2]),
        "target": HostTensor([2, -2] as [Float], shape: [1, 1, 2]),
      ], ["decibels": HostTensor([6.0205999] as [Float], shape: [])])
    #expect(passes(results))
  }

  // MARK: Frames

  @Test func framesFollowActions() throws {
    let folder = try TemporaryFolder()
    let harness = try SystemHarness(
      ToyFrameWorld.self, ["batchSize": 5], data: try ToyData.recordedClips(in: folder))
    let run = try previews(harness, in: folder, steps: 200, every: 200)
    let isFilmed = FFmpeg.standard.isAvailable
    #expect(try samples(run) == [isFilmed ? "step-000200.mp4" : "step-000200.png"])
    if isFilmed {
      let film = try Video(contentsOf: run.samples.appendingPathComponent("step-000200.mp4"))
      #expect(film.information.frames == 5)
    }
    // A frame that is all grey would be 0.75 away.
    #expect(try measured(FrameError(), harness, run) < 0.4)
    // Another start and other actions, and more of them, than the data have.
    let start = try codec(harness, run, "start").read(folder("clips/test/clip-1/3.png"))
    let actions = try codec(harness, run, "actions").read("up up down up down down up")
    let drawn = try draw(harness, run, ["start": start, "actions": actions])
    #expect(drawn.field == "frames" && drawn.tensor?.shape == [1, 7, 1, 4, 4])
    #expect(throws: DatasetError.self) { try codec(harness, run, "actions").read("up left") }
    #expect(throws: ConfigurationError.self) { try draw(harness, run, ["start": start]) }
  }

  @Test func aSessionPlaysWhatAWholeRequestDraws() throws {
    let folder = try TemporaryFolder()
    let harness = try SystemHarness(ToyFrameWorld.self, data: try ToyData.recordedClips(in: folder))
    let run = try harness.train(in: folder.url, options: SystemHarness.options(steps: 5))
    let start = try codec(harness, run, "start").read(folder("clips/test/clip-1/3.png"))
    let actions = [0, 1, 1, 0]
    let clip = try #require(
      try draw(
        harness, run,
        ["start": start, "actions": .tensor(HostTensor(actions + [0], shape: [1, actions.count + 1]))]
      ).tensor)
    let loaded = try loadSystem(from: run.url, registry: SystemRegistry([ToyFrameWorld.self])).system
    let world = try #require(loaded as? ToyFrameWorld)
    guard case .tensor(let first) = start else { return }
    let request = Request(
      conditions: ["start": .tensor(Tensor(first))], draws: StreamDraws(RandomStream(seed: 1)))
    // Another session beside it changes nothing.
    let (session, other) = (try world.open(request), try world.open(request))
    for (time, action) in actions.enumerated() {
      let frame = try #require(try session.advance(["action": .labels([action])]).tensor)
      _ = try other.advance(["action": .labels([1 - action])])
      #expect(frame.floats() == clip.selected(dim: 1, index: time + 1).floats())
    }
    #expect(throws: ConfigurationError.self) { try session.advance([:]) }
    #expect(throws: ConfigurationError.self) { try session.advance(["action": .labels([2])]) }
    #expect(throws: ConfigurationError.self) {
      try world.open(Request(draws: StreamDraws(RandomStream(seed: 1))))
    }
  }

  @Test func framesOfABiasAreItsHyperbolicTangent() throws {
    let start = [Float](repeating: 0.25, count: 16)
    let later = [Float](repeating: 0.46211716, count: 16)
    let results = try answer(
      ToyFrameWorld.self, "roll-out",
      [
        "bias": HostTensor([Float](repeating: 0.5, count: 16)),
        "start": HostTensor(start, shape: [1, 1, 4, 4]), "actions": HostTensor([0, 1, 1], shape: [1, 3]),
      ], ["frames": HostTensor(start + later + later, shape: [1, 3, 1, 4, 4])])
    #expect(passes(results))
  }
}
