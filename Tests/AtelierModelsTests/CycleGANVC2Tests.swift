import Atelier
import Foundation
import TestSupport
import Testing
import Torch

@Suite struct CycleGANVC2Tests {
  private func tiny(
    _ change: (inout CycleGANVC2.Configuration) -> Void = { _ in }
  ) -> CycleGANVC2.Configuration {
    var configuration = CycleGANVC2.Configuration()
    (configuration.mels, configuration.frames, configuration.blocks) = (8, 16, 1)
    (configuration.generatorWidth, configuration.discriminatorWidth) = (2, 2)
    change(&configuration)
    return configuration
  }

  private var batch: Batch {
    Batch(["mel": RandomStream(seed: 4).normal([4, 8, 16]), "speaker": Tensor([1, 0, 0, 1])])
  }

  @Test func thePapersLayersHaveItsChannels() throws {
    // The paper's figure: 2,304 channels of 36 coefficients around residual blocks of 512 before their gates.
    let system = try Trial.make(CycleGANVC2.self, tiny { ($0.mels, $0.generatorWidth) = (36, 64) })
    let network = try #require(system.networks.first { $0.name == "generatorAB" })
    let shapes = Dictionary(
      network.module.namedParameters().map { ($0.name, $0.tensor.shape) }
    ) { first, _ in first }
    #expect(shapes["input.convolution.weight"] == [128, 1, 5, 15])
    #expect(shapes["down.0.convolution.weight"] == [256, 64, 5, 5])
    #expect(shapes["down.1.convolution.weight"] == [512, 128, 5, 5])
    #expect(shapes["narrowing.weight"] == [256, 2304, 1, 1])
    #expect(shapes["residuals.0.gated.convolution.weight"] == [1024, 256, 1, 3])
    #expect(shapes["widening.weight"] == [2304, 256, 1, 1])
    #expect(shapes["up.0.convolution.weight"] == [1024, 256, 5, 5])
    #expect(shapes["up.1.convolution.weight"] == [512, 128, 5, 5])
  }

  @Test func speechOfAnyLengthComesBackAsLongAsItWas() throws {
    let system = try Trial.make(CycleGANVC2.self, tiny())
    for frames in [5, 16, 31] {
      let mel = RandomStream(seed: 1).normal([1, 8, frames])
      let (a, b) = (
        try system.converted(mel, from: nil, to: .speaker(0)),
        try system.converted(mel, from: nil, to: .speaker(1))
      )
      #expect(a.shape == [1, 8, frames] && b.shape == [1, 8, frames])
      #expect(a.floats() != b.floats())
    }
    #expect(throws: ConfigurationError.self) {
      try system.converted(.zeros([1, 8, 16]), from: nil, to: .recording([]))
    }
  }

  @Test func theIdentityLossEnds() throws {
    let system = try Trial.make(CycleGANVC2.self, tiny { $0.identitySteps = 3 })
    let early = try Trial.step(system, batch, index: 2)
    let late = try Trial.step(system, batch, index: 3)
    #expect(early["identityA"] != nil && early["identityB"] != nil)
    #expect(late["identityA"] == nil && late["cycleA"] != nil && late["secondAdversarialB"] != nil)
  }

  @Test func learningRatesFallToZero() throws {
    let configuration = tiny { ($0.constantSteps, $0.decaySteps) = (10, 4) }
    let system = try Trial.make(CycleGANVC2.self, configuration)
    let rates = try [10, 12, 14, 20].map { index in
      _ = try Trial.step(system, batch, index: index)
      return system.optimizers.map { $0.optimizer.learningRate }
    }
    #expect(rates == [[2e-4, 1e-4], [1e-4, 5e-5], [0, 0], [0, 0]])
  }

  @Test func itLearnsABatch() throws {
    let system = try Trial.make(
      CycleGANVC2.self,
      tiny { ($0.generatorWidth, $0.generatorLearningRate, $0.discriminatorLearningRate) = (8, 1e-3, 1e-5) })
    // Partials of two pitches that swell.
    var mel: [Float] = []
    for item in 0..<4 {
      let pitch = item % 2 == 0 ? 1.6 : 0.8
      for band in 0..<8 {
        for frame in 0..<16 {
          let swell = cos(Double(frame + 3 * item) * 0.4)
          mel.append(Float(sin(Double(band) * pitch) * swell))
        }
      }
    }
    let batch = Batch(["mel": Tensor(mel, shape: [4, 8, 16]), "speaker": Tensor([0, 1, 0, 1])])
    let losses = try (0..<120).map { index in
      let logged = try Trial.step(system, batch, index: index)
      return try #require(logged["identityA"]) + #require(logged["identityB"])
    }
    #expect(losses[110...].reduce(0, +) / 10 < losses[0] / 2)
  }

  @Test func runsResumeToTheByte() throws {
    let folder = try TemporaryFolder()
    let harness = try SystemHarness(
      CycleGANVC2.self,
      ["mels": 8, "frames": 8, "blocks": 1, "generatorWidth": 2, "discriminatorWidth": 2],
      data: TinyLayout.voices.write(in: folder.url))
    #expect(try harness.takesTwoSteps())
    #expect(try harness.isDeterministic())
    #expect(try harness.resumesExactly())
  }

  @Test func itTakesTwoSpeakers() throws {
    #expect(throws: ConfigurationError.self) {
      try CycleGANVC2.adapted(
        tiny(),
        to: DataFacts(
          description: DatasetDescription(
            layout: .sounds, name: "voices", split: .train, count: 3, classNames: ["a", "b", "c"],
            fingerprint: "")))
    }
    for change: (inout CycleGANVC2.Configuration) -> Void in [
      { $0.mels = 10 }, { $0.frames = 10 }, { $0.batchSize = 3 }, { $0.lossWeights.cycle = -1 },
    ] {
      #expect(throws: ConfigurationError.self) { try tiny(change).validate() }
    }
  }
}
