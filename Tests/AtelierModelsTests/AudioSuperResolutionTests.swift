import Atelier
import Foundation
import TestSupport
import Testing
import Torch

@Suite struct AudioSuperResolutionTests {
  private func tiny(
    _ form: AudioSuperResolution.Configuration.Form,
    _ change: (inout AudioSuperResolution.Configuration) -> Void = { _ in }
  ) -> AudioSuperResolution.Configuration {
    var configuration = AudioSuperResolution.Configuration()
    configuration.form = form
    configuration.filters = [3, 4]
    configuration.kernelSizes = [5, 3]
    configuration.filmBlock = 8
    configuration.length = 64
    configuration.hop = 32
    configuration.sampleRate = 8000
    configuration.factor = 2
    configuration.dropout = 0
    configuration.batchSize = 2
    change(&configuration)
    return configuration
  }

  @Test(arguments: AudioSuperResolution.Configuration.Form.allCases)
  func soundsOfAnyLengthComeBackAsLongAsTheyWere(_ form: AudioSuperResolution.Configuration.Form) throws {
    let system = try Trial.make(AudioSuperResolution.self, tiny(form))
    for samples in [1, 63, 64, 65, 500] {
      let sound = RandomStream(seed: 1).normal([2, 1, samples]) * 0.1
      let output = try withoutGradients { try system.translated(sounds: sound, 64, 0.25) }
      #expect(output.shape == [2, 1, samples] && output.floats().allSatisfy(\.isFinite))
    }
  }

  @Test func aRunResumesAndDrawsToTheByte() throws {
    let folder = try TemporaryFolder()
    let system = try SystemRegistry.standard.system(named: "audio-super-resolution")
    let harness = try SystemHarness(
      system,
      [
        "filters": [3, 4], "kernelSizes": [5, 3], "length": 64, "hop": 32, "sampleRate": 8000, "factor": 2,
        "batchSize": 4,
      ], data: TinyLayout.sounds.write(in: folder.url))
    #expect(try harness.takesTwoSteps())
    #expect(try harness.isDeterministic())
    #expect(try harness.resumesExactly())
  }

  @Test func windowsThatOverlapAddUpToTheSound() throws {
    // With last weights of nothing, the network gives back what it is given.
    let system = try Trial.make(AudioSuperResolution.self, tiny(.convolutional))
    withoutGradients {
      for (name, tensor) in system.networks[0].module.namedParameters() where name.hasPrefix("last") {
        tensor.fill(0)
      }
    }
    let sound = RandomStream(seed: 2).normal([1, 1, 301])
    for overlap in [0, 0.25, 0.5] {
      let output = try withoutGradients { try system.translated(sounds: sound, 64, overlap) }
      #expect((output - sound).abs().max().item() < 1e-5)
    }
  }

  @Test func valuesThatDoNotFitAreRefused() {
    for change: (inout AudioSuperResolution.Configuration) -> Void in [
      { $0.length = 60 }, { $0.kernelSizes = [5] }, { $0.factor = 1 }, { $0.dropout = 1 },
      { $0.filters = [] },
      { $0.hop = 0 },
    ] {
      #expect(throws: ConfigurationError.self) { try tiny(.convolutional, change).validate() }
    }
  }

  @Test func itLearnsThePartialsThatWereTakenAway() throws {
    let system = try Trial.make(
      AudioSuperResolution.self, tiny(.convolutional) { ($0.learningRate, $0.filters) = (5e-3, [8, 8]) })
    let time = (0..<64).map { 2 * Double.pi * Double($0) / 64 }
    let target = Tensor(HostTensor(time.map { Float(sin(2 * $0) + 0.5 * sin(20 * $0)) }, shape: [1, 1, 64]))
    let signal = Tensor(HostTensor(time.map { Float(sin(2 * $0)) }, shape: [1, 1, 64]))
    let batch = Batch(["signal": signal, "target": target])
    let losses = try (0..<80).map { try #require(try Trial.step(system, batch, index: $0)["total"]) }
    #expect(losses[79] < losses[0] / 2)
  }
}
