import Atelier
import Foundation
import TestSupport
import Testing
import Torch

@Suite struct Wav2LipTests {
  private func tiny(
    _ change: (inout Wav2Lip.Configuration) -> Void = { _ in }
  ) -> Wav2Lip.Configuration {
    var configuration = Wav2Lip.Configuration()
    configuration.channels = [2, 2, 3, 3, 4, 4, 5]
    configuration.syncChannels = [2, 2, 3, 3, 4]
    configuration.qualityChannels = [2, 2, 2, 3, 3]
    configuration.expertSteps = 2
    (configuration.expertBatchSize, configuration.batchSize) = (2, 2)
    change(&configuration)
    return configuration
  }

  @Test func aVideoHasTheFramesThatWereGiven() throws {
    let system = try Trial.make(Wav2Lip.self, tiny())
    let frames = RandomStream(seed: 1).uniform([1, 3, 3, 96, 96])
    let mels = RandomStream(seed: 2).normal([1, 80, 48])
    func drawn(_ mels: Tensor) throws -> Tensor {
      var found: Tensor?
      try system.draw(
        Request(
          conditions: ["frames": .tensor(frames), "mels": .tensor(mels)],
          draws: StreamDraws(RandomStream(seed: 0)))
      ) { found = $0.tensor }
      return try #require(found)
    }
    let video = try drawn(mels)
    #expect(video.shape == [1, 3, 3, 96, 96] && video.floats().allSatisfy { (0...1).contains($0) })
    // Each frame hears its own piece.
    let other = Tensor.concatenated(
      [mels.narrow(2, from: 0, length: 32), mels.narrow(2, from: 32, length: 16) + 1], dim: 2)
    let difference = (try drawn(other) - video).abs().sum(dims: [2, 3, 4]).floats()
    #expect(difference[0] == 0 && difference[1] == 0 && difference[2] > 0)
    #expect(throws: ConfigurationError.self) { try drawn(mels.narrow(2, from: 0, length: 32)) }
  }

  @Test func windowsAreJudgedAsTheyAreLearned() throws {
    let system = try Trial.make(Wav2Lip.self, tiny())
    let frames = RandomStream(seed: 1).uniform([8, 3, 96, 96])
    let pieces = RandomStream(seed: 2).normal([8, 80, 16])
    let (lips, speech) = (system.lipEmbeddings(of: frames), system.speechEmbeddings(of: pieces))
    #expect(lips.shape[0] == 4 && speech.shape == [8, lips.shape[1]])
    // The third window, as a batch of its own; what it hears begins at its first frame.
    let lower = frames.slice(0, 2, 7).narrow(2, from: 48, length: 48).reshaped([1, 15, 48, 96])
    let expert = try #require(system.networks.first { $0.name == "sync" })
    let judged = try withoutGradients {
      try expert.module.evaluating {
        try expert.forward(nil, ["mel": pieces.slice(0, 2, 3).unsqueezed(1), "frames": lower])
      }
    }
    #expect((lips.slice(0, 2, 3) - (try #require(judged["face"]))).abs().max().item() < 1e-6)
    #expect((speech.slice(0, 2, 3) - (try #require(judged["audio"]))).abs().max().item() < 1e-6)
  }

  /// A step of the expert and one of the generator on the folder `data`.
  private func trained(in folder: TemporaryFolder) throws -> RunDirectory {
    let harness = try SystemHarness(
      Wav2Lip.self,
      [
        "channels": [2, 2, 3, 3, 4, 4, 5], "syncChannels": [2, 2, 3, 3, 4],
        "qualityChannels": [2, 2, 2, 3, 3],
        "expertSteps": 1, "expertBatchSize": 2, "batchSize": 2,
      ], data: folder("data"))
    return try harness.train(in: folder.url, options: SystemHarness.options(steps: 2))
  }

  @Test func dubbedVideosAreMeasuredBesideTheRealOnes() throws {
    let folder = try TemporaryFolder()
    try TinyData.writeVideos(to: folder("data"), frames: 12, size: 32)
    let run = try trained(in: folder)
    let system = try loadSystem(from: run.url, registry: .standard).system
    let data = try Training.openData(of: run.url, registry: .standard)
    let numbers = try Evaluation(system, data: data, options: EvaluationOptions(samples: 2)).run()
    #expect(numbers.map(\.id) == ["lip-sync-distance", "lip-sync-confidence", "lip-sync-offset"])
    for number in numbers {
      #expect(
        number.value.isFinite && number.realAgainstReal?.isFinite == true && number.baselines?.count == 1)
    }
    #expect(numbers[0].value >= 0 && numbers[0].value <= 2.0.squareRoot() + 1e-6)
  }

  /// Of a person with one clip the folder is one video, of one with more it is as many.
  @Test func drawnFacesThatSpeakAreItsVideos() throws {
    let folder = try TemporaryFolder()
    try FileManager.default.createDirectory(at: folder("voices"), withIntermediateDirectories: true)
    for number in 0..<3 {
      let samples = RandomStream(seed: UInt64(number)).uniform([16_000]).floats()
      try Audio(sampleRate: 16_000, samples: samples).write(to: folder("voices/\(number).wav"))
    }
    var faces = RenderedFaceOptions()
    (faces.identities, faces.clips, faces.frames, faces.size) = (2, 3, 12, 32)
    (faces.speech, faces.frameRate) = (folder("voices").path, 25)
    _ = try RenderedFaceSet.prepare(to: folder("data"), options: faces)
    let run = try trained(in: folder)
    // The held-out part has one clip of each person.
    let system = try loadSystem(from: run.url, registry: .standard).system
    let data = try Training.openData(of: run.url, registry: .standard)
    let numbers = try Evaluation(system, data: data, options: EvaluationOptions(samples: 2)).run()
    #expect(numbers.first?.id == "lip-sync-distance" && numbers.allSatisfy(\.value.isFinite))
  }

  @Test func runsResumeToTheByteInBothStages() throws {
    let folder = try TemporaryFolder()
    let data = folder("data")
    try TinyData.writeVideos(to: data, frames: 12, size: 32)
    func harness(_ changes: [String: ConfigurationValue]) throws -> SystemHarness {
      let keys: [String: ConfigurationValue] = [
        "channels": [2, 2, 3, 3, 4, 4, 5], "syncChannels": [2, 2, 3, 3, 4],
        "qualityChannels": [2, 2, 2, 3, 3],
        "expertSteps": 2, "expertBatchSize": 2, "batchSize": 2,
      ]
      return try SystemHarness(Wav2Lip.self, keys.merging(changes) { _, new in new }, data: data)
    }
    // Two steps of the expert, and two of the generator.
    #expect(try harness([:]).resumesExactly())
    #expect(try harness(["expertSteps": 3]).isDeterministic(steps: 4))
    // The expert counts from a time on that the checkpoint knows.
    #expect(try harness(["expertSteps": 0, "syncThreshold": 100]).resumesExactly())
  }

  @Test func theExpertLearnsABatch() throws {
    let system = try Trial.make(Wav2Lip.self, tiny { $0.learningRate = 1e-2 })
    let stream = RandomStream(seed: 4)
    let batch = Batch([
      "lips": stream.uniform([4, 15, 48, 96]), "mel": stream.normal([4, 1, 80, 16]),
      "label": Tensor([1, 0, 1, 0] as [Float], shape: [4, 1]),
    ])
    let losses = try (0..<60).map { try #require(try Trial.step(system, batch, index: $0)["sync"]) }
    #expect(losses[59] < losses[0] / 2)
  }

  @Test func theNetworksHaveTheAuthorsNumbersOfParameters() throws {
    let system = try Trial.make(Wav2Lip.self, Wav2Lip.Configuration())
    #expect(system.networks.map(\.module.parameterCount) == [36_298_035, 16_435_072, 14_113_793])
  }

  @Test func authorsWeightsTellTheConfiguration() throws {
    let system = try Trial.make(Wav2Lip.self, tiny())
    let files = try system.networks.map { network in
      ForeignWeights(
        url: URL(fileURLWithPath: "/\(network.name).pth"),
        tensors: try network.authorsNames.translate(network.module.hostState(), toOurs: false).map {
          ("state_dict.module." + $0.name, $0.tensor)
        })
    }
    let told = try Wav2Lip.Configuration().overlaid(with: Wav2Lip.recognise(files).configuration)
    #expect(told.channels == tiny().channels && told.syncChannels == tiny().syncChannels)
    #expect(told.qualityChannels == tiny().qualityChannels && told.expertSteps == 0)
    _ = try Wav2Lip.importing(files, using: RandomStream(seed: 1))
  }

  @Test func valuesThatDoNotFitAreRefused() {
    for change: (inout Wav2Lip.Configuration) -> Void in [
      { $0.channels = [1] }, { $0.syncChannels = [] }, { $0.batchSize = 1 }, { $0.expertBatchSize = 1 },
      { $0.lossWeights.sync = 1 }, { $0.syncThreshold = 0 }, { $0.expertSteps = -1 },
    ] {
      #expect(throws: ConfigurationError.self) { try tiny(change).validate() }
    }
  }
}
