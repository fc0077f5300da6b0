import Atelier
import Foundation
import TestSupport
import Testing
import Torch

@Suite struct PlayableVideoTests {
  private func tiny(
    _ change: (inout PlayableVideo.Configuration) -> Void = { _ in }
  ) -> PlayableVideo.Configuration {
    var configuration = PlayableVideo.Configuration()
    configuration.imageSize = 32
    configuration.frames = 4
    configuration.groundTruthFrames = 2
    configuration.actions = 3
    configuration.representationChannels = [2, 3]
    configuration.stateFeatures = 4
    configuration.hiddenSize = 4
    configuration.pretrainingSteps = 1
    configuration.batchSize = 2
    change(&configuration)
    return configuration
  }

  private func played(_ system: PlayableVideo, _ actions: [Int], size: Int = 32) throws -> Tensor {
    var found: Output?
    let request = Request(
      conditions: [
        "image": .tensor(RandomStream(seed: 1).uniform([1, 3, size, size]) * 2 - 1),
        "actions": .tensor(Tensor(actions, shape: [1, actions.count])),
      ], draws: StreamDraws(RandomStream(seed: 2)))
    try system.draw(request) { found = $0 }
    return try #require(found?.tensor)
  }

  // MARK: Playing

  @Test func aVideoHasAFrameForEachActionAndRepeatsToTheBit() throws {
    for stacked in [1, 2] {
      let system = try Trial.make(PlayableVideo.self, tiny { $0.stackedFrames = stacked })
      let video = try played(system, [0, 2, 2, 1, 0])
      #expect(video.shape == [1, 6, 3, 32, 32] && video.floats().allSatisfy(\.isFinite))
      #expect(try played(system, [0, 2, 2, 1, 0]).floats() == video.floats())
      // What was played before does not change with what is done later.
      let other = try played(system, [0, 2, 0])
      #expect(
        other.slice(1, 0, 3).contiguous().floats() == video.slice(1, 0, 3).contiguous().floats()
          && other.slice(1, 3, 4).contiguous().floats() != video.slice(1, 3, 4).contiguous().floats())
    }
  }

  @Test func actionsThatThereAreNotAreRefused() throws {
    let system = try Trial.make(PlayableVideo.self, tiny())
    #expect(throws: ConfigurationError.self) { try played(system, [0, 3]) }
    #expect(throws: ConfigurationError.self) { try played(system, [-1]) }
  }

  @Test func framesAreJoinedNewestFirst() {
    let values = (0..<3).flatMap { frame in (0..<3).map { Float(10 * (frame + $0)) } }
    let frames = Tensor(values, shape: [1, 3, 3, 1, 1])
    let stacked = PlayableVideo.stacked(frames, 3)
    #expect(stacked.shape == [1, 3, 9, 1, 1])
    #expect(stacked.slice(1, 0, 1).floats() == [0, 10, 20, 0, 10, 20, 0, 10, 20])
    #expect(stacked.slice(1, 2, 3).contiguous().floats() == [20, 30, 40, 10, 20, 30, 0, 10, 20])
  }

  // MARK: Training

  @Test(arguments: [false, true]) func runsResumeToTheByte(_ hard: Bool) throws {
    let folder = try TemporaryFolder()
    let harness = try SystemHarness(
      PlayableVideo.self,
      [
        "imageSize": 32, "frames": 4, "groundTruthFrames": 2, "actions": 3,
        "representationChannels": .list([2, 3].map { .integer($0) }), "stateFeatures": 4, "hiddenSize": 4,
        "pretrainingSteps": 1, "batchSize": 2, "hardActions": .boolean(hard), "minimumTemperature": 0.4,
        "stackedFrames": .integer(hard ? 2 : 1), "temperatureSteps": 3,
      ], data: TinyLayout.videos.write(in: folder.url))
    #expect(try harness.takesTwoSteps())
    #expect(try harness.isDeterministic())
    #expect(try harness.resumesExactly())
  }

  @Test func actionsOfTheDataReplaceLearnedOnes() throws {
    let configuration = tiny { ($0.actionSource, $0.pretrainingSteps) = (.given, 0) }
    #expect(configuration.plan.fields.map(\.name) == ["image", "actions"])
    #expect(configuration.plan.ability(VideoPlaying.self)?.given == "actions")
    let system = try Trial.make(PlayableVideo.self, configuration)
    let video = RandomStream(seed: 4).uniform([2, 4, 3, 32, 32]) * 2 - 1
    func losses(_ actions: [Int]) throws -> [String: Double] {
      let system = try Trial.make(PlayableVideo.self, configuration)
      return try Trial.step(
        system, Batch(["image": video, "actions": Tensor(actions, shape: [2, 4])]))
    }
    let first = try losses([0, 1, 2, 0, 2, 2, 1, 0])
    let recognition = try #require(first["recognition"])
    #expect(recognition > 0 && recognition.isFinite && first["mutualInformation"] == nil)
    // What is done in the last frame shows nowhere.
    #expect(try losses([0, 1, 2, 1, 2, 2, 1, 2]) == first)
    #expect(try losses([1, 1, 2, 0, 2, 2, 1, 0])["observations"] != first["observations"])
    // Recognition learns: after some steps on the same clip the true actions are likelier.
    let batch = Batch(["image": video, "actions": Tensor([0, 1, 2, 0, 2, 2, 1, 0], shape: [2, 4])])
    var last = recognition
    for _ in 0..<30 { last = try #require(Trial.step(system, batch)["recognition"]) }
    #expect(last < recognition)
  }

  @Test func actionsOfTheDataHaveTheirNumberAndResume() throws {
    let folder = try TemporaryFolder()
    let harness = try SystemHarness(
      PlayableVideo.self,
      [
        "imageSize": 32, "frames": 4, "groundTruthFrames": 2, "actionSource": "given",
        "representationChannels": .list([2, 3].map { .integer($0) }), "stateFeatures": 4, "hiddenSize": 4,
        "pretrainingSteps": 1, "batchSize": 2,
      ], data: TinyLayout.videos.write(in: folder.url))
    let opened = try DataBinding.open(
      harness.data, for: harness.system, configuration: harness.configuration)
    #expect(opened.configuration["actions"] == .integer(2))
    #expect(try harness.takesTwoSteps())
    #expect(try harness.resumesExactly())
  }

  @Test func theTemperatureFallsToItsMinimum() {
    let configuration = tiny { ($0.minimumTemperature, $0.temperatureSteps) = (0.4, 10) }
    #expect([0, 5, 10, 50].map { configuration.temperature(at: $0) } == [1, 0.7, 0.4, 0.4])
    #expect(tiny().temperature(at: 50) == 1)
  }

  @Test func entropyAndActionStatesAreFurtherTerms() throws {
    let system = try Trial.make(
      PlayableVideo.self,
      tiny { ($0.lossWeights.entropy, $0.lossWeights.actionStates, $0.pretrainingSteps) = (0.1, 0.1, 0) })
    let video = RandomStream(seed: 4).uniform([2, 4, 3, 32, 32]) * 2 - 1
    let losses = try Trial.step(system, Batch(["image": video]))
    let entropy = try #require(losses["entropy"])
    #expect(entropy > 0 && entropy <= log(3) + 1e-6)
    #expect(losses["actionStates"]?.isFinite == true && losses["hiddenStates"] == 0)
  }

  @Test func valuesThatDoNotFitAreRefused() {
    for change: (inout PlayableVideo.Configuration) -> Void in [
      { $0.imageSize = 40 }, { $0.hiddenSize = 6 }, { $0.frames = 1 }, { $0.actions = 1 },
      { $0.temperature = 0 }, { $0.minimumTemperature = 2 }, { $0.centroidDecay = 0 },
      { $0.representationChannels = [1] }, { $0.lossWeights.states = -1 },
    ] {
      #expect(throws: ConfigurationError.self) { try tiny(change).validate() }
    }
  }

  // MARK: Measures

  @Test(arguments: ["learned", "given"]) func playedVideosAreMeasured(_ source: String) throws {
    let folder = try TemporaryFolder()
    let harness = try SystemHarness(
      PlayableVideo.self,
      [
        "imageSize": 32, "frames": 4, "groundTruthFrames": 2, "actions": 2, "actionSource": .string(source),
        "representationChannels": .list([2, 3].map { .integer($0) }), "stateFeatures": 4, "hiddenSize": 4,
        "pretrainingSteps": 1, "batchSize": 2,
      ], data: TinyLayout.videos.write(in: folder.url))
    let run = try harness.train(in: folder.url, options: SystemHarness.options(steps: 2))
    let system = try loadSystem(from: run.url, registry: .standard).system
    let bound = try Training.openData(of: run.url, registry: .standard)
    let numbers = try Evaluation(system, data: bound, options: EvaluationOptions(samples: 2)).run()
    func number(_ id: String) throws -> MeasuredNumber {
      try #require(numbers.first { $0.id == id }, "\(id)")
    }
    for id in ["played-psnr", "played-action-accuracy", "action-accuracy", "frame-psnr", "late-psnr"] {
      #expect(try number(id).value.isFinite)
    }
    #expect(try number("frame-psnr").baselines?.count == 2)
    // After two steps all actions may be one, which says nothing of the true ones.
    #expect(source == "learned" || !numbers.contains { $0.id == "action-information" })
    // The square is found by its colours in all real frames, where the label maps have it.
    let missed = try number("missed-detections")
    #expect(missed.realAgainstReal == 0 && (0...1).contains(missed.value))
    #expect(missed.protocolText.contains("'1' by label maps"))
    if let distance = numbers.first(where: { $0.id == "detection-distance" }) {
      #expect((distance.realAgainstReal ?? 9) < 1)
    }
  }

  @Test func foundLabelsAreComparedWithTrueOnesUnderAnyNames() {
    let first = [0, 0, 1, 1, 2, 2, 2]
    let same = LabelAgreement(first, first.map { [2, 0, 1][$0] })
    #expect(same.matchedAccuracy == 1 && abs((same.adjustedMutualInformation ?? 0) - 1) < 1e-12)
    // The expectation over all permutations of the second labelling, counted out in Python.
    let other = LabelAgreement(first, [1, 1, 0, 0, 0, 2, 2])
    #expect(abs((other.adjustedMutualInformation ?? 0) - 0.5701874864698878) < 1e-9)
    #expect(other.matchedAccuracy == 6.0 / 7)
    #expect(LabelAgreement([0, 0], [1, 0]).matchedAccuracy == 0.5)
    #expect(LabelAgreement([], []).matchedAccuracy == nil)
  }
}
