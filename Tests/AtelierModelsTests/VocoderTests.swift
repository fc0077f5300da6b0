import Atelier
import Foundation
import TestSupport
import Testing
import Torch

@Suite struct VocoderTests {
  private static let tinyKeys: [String: ConfigurationValue] = [
    "mels": 6, "sampleRate": 8000, "transform": 32, "window": 32, "hop": 8, "maximumFrequency": .null,
    "upsampleRates": [4, 2], "upsampleKernels": [8, 4], "initialChannels": 8, "periods": [2, 3],
    "periodChannels": [2, 3, 4, 5], "scaleChannels": [16, 16, 16, 16], "segment": 64, "segmentHop": 32,
    "batchSize": 2,
  ]

  private func tiny(
    _ changes: [String: ConfigurationValue] = [:]
  ) throws -> Vocoder.Configuration {
    let keys = Self.tinyKeys.merging(changes) { _, new in new }
    return try Vocoder.Configuration().overlaid(with: keys)
  }

  /// Sums of sines, `[count, samples]`.
  private func tones(_ count: Int, _ samples: Int) -> Tensor {
    let values = (0..<count).flatMap { sound in
      (0..<samples).map { sample -> Float in
        let time = Double(sample) / 8000 * 2 * Double.pi
        return Float((1...4).reduce(0) { $0 + sin(time * Double(200 + 50 * sound) * Double($1)) / 8 })
      }
    }
    return Tensor(values, shape: [count, samples])
  }

  @Test(arguments: [("v1", 13_936_130), ("v2", 928_514), ("v3", 1_464_322)])
  func generatorsHaveTheAuthorsParameters(_ preset: String, _ count: Int) throws {
    let isFirst = preset == "v1"
    var configuration = try #require(Vocoder.Configuration.presets.first { $0.name == preset }).configuration
    if !isFirst {
      (configuration.periodChannels, configuration.scaleChannels) = ([1, 1, 1, 1], [16, 16, 16, 16])
    }
    let system = try Trial.make(Vocoder.self, configuration)
    #expect(system.network("generator")?.module.parameterCount == count)
    guard isFirst else { return }
    #expect(system.network("periods")?.module.parameterCount == 41_105_770)
    #expect(system.network("scales")?.module.parameterCount == 29_618_821)
  }

  @Test func everyPresetIsValidAndNamesItsSpectrogram() throws {
    for preset in Vocoder.Configuration.presets {
      try preset.configuration.validate()
      let resynthesis = try #require(preset.configuration.plan.ability(SoundResynthesis.self))
      switch preset.name {
      case "autovc", "small-autovc":
        #expect(resynthesis.spectrogram == .autoVC() && resynthesis.scale == 0.96)
      case "stargan-vc": #expect(resynthesis.spectrogram == .starGAN())
      case "v1": #expect(resynthesis.spectrogram == .hifiGAN() && resynthesis.scale == 1)
      default: break
      }
    }
  }

  @Test(arguments: Vocoder.Configuration.Features.allCases)
  func soundsOfAnyLengthComeBackAsLongAsTheyWere(_ features: Vocoder.Configuration.Features) throws {
    let system = try Trial.make(Vocoder.self, tiny(["features": .string(features.rawValue)]))
    for samples in [1, 7, 8, 9, 63, 64, 500] {
      let sound = RandomStream(seed: 1).normal([2, 1, samples]) * 0.1
      let output = try withoutGradients { try system.translated(sound) }
      #expect(output.shape == [2, 1, samples] && output.floats().allSatisfy(\.isFinite))
    }
  }

  @Test(arguments: [1, 2]) func piecesOfALongSpectrogramAreThoseOfTheWhole(_ block: Int) throws {
    let system = try Trial.make(
      Vocoder.self,
      tiny(["residualBlock": .integer(block), "residualDilations": [[1, 3, 5], [1, 3, 5], [1, 3, 5]]]))
    let mel = RandomStream(seed: 2).normal([1, 6, 1100])
    let whole = try withoutGradients { try #require(system.network("generator")).forward(nil, ["mel": mel]) }
    let pieces = try withoutGradients { try system.waveform(ofMel: mel) }
    let expected = try whole.required("waveform").squeezed(1)
    #expect(pieces.shape == [1, 8800])
    #expect((pieces - expected).abs().max().item() < 1e-6)
  }

  @Test func itLearnsWithoutDiscriminatorsOfScales() throws {
    let system = try Trial.make(Vocoder.self, tiny(["scaleChannels": []]))
    #expect(system.networks.map(\.name) == ["generator", "periods"])
    let logged = try Trial.step(system, Batch(["waveform": tones(2, 64)]))
    #expect(logged["discriminator"] == logged["discriminatorPeriods"] && logged["adversarialScales"] == nil)
    #expect(logged.values.allSatisfy { $0.isFinite })
  }

  @Test func spectrogramsOfOtherBandsAreRefused() throws {
    let system = try Trial.make(Vocoder.self, tiny())
    #expect(throws: ConfigurationError.self) { try system.waveform(ofMel: .zeros([1, 5, 4])) }
  }

  @Test func aRunResumesToTheByte() throws {
    let folder = try TemporaryFolder()
    let harness = try SystemHarness(
      Vocoder.self, Self.tinyKeys.merging(["batchSize": 4]) { $1 },
      data: TinyLayout.sounds.write(in: folder.url))
    #expect(try harness.takesTwoSteps())
    #expect(try harness.isDeterministic())
    #expect(try harness.resumesExactly())
  }

  @Test func itIsMeasuredBesideGriffinLim() throws {
    let folder = try TemporaryFolder()
    let harness = try SystemHarness(
      Vocoder.self, Self.tinyKeys, data: TinyLayout.sounds.write(in: folder.url))
    let run = try harness.train(in: folder.url, options: SystemHarness.options(steps: 2))
    let system = try loadSystem(from: run.url, registry: .standard).system
    let data = try Training.openData(of: run.url, registry: .standard)
    let numbers = try Evaluation(system, data: data, options: EvaluationOptions(samples: 2)).run()
    #expect(numbers.map(\.id) == ["mel-l1", "lsd-paper", "lsd-decadic"])
    for number in numbers {
      let baseline = try #require(number.baselines?.first)
      #expect(baseline.name.hasPrefix("Griffin-Lim, 60 rounds") && baseline.value > 0)
      // Two steps are not enough to come near it.
      #expect(number.value > baseline.value && number.better == .smaller)
    }
  }

  @Test func itComesNearerToTheSoundsItHears() throws {
    let system = try Trial.make(
      Vocoder.self, tiny(["learningRate": 5e-3, "segment": 512, "initialChannels": 16]))
    // Tests run side by side, and grouped convolutions gain nothing from threads that wait for each other.
    Engine.threadCount = 1
    let batch = Batch(["waveform": tones(2, 512).unsqueezed(1)])
    let losses = try (0..<60).map { try #require(try Trial.step(system, batch, index: $0)["mel"]) }
    #expect(losses[59] < losses[0] / 2)
  }

  @Test func theLearningRateFallsAfterEachPass() throws {
    let system = try Trial.make(Vocoder.self, tiny(["epochDecay": 0.5]))
    let batch = Batch(["waveform": tones(2, 64)])
    for (epoch, factor) in [(0.9, 1.0), (1.0, 0.5), (2.5, 0.25)] {
      try Trial.step(system, batch, epoch: epoch)
      for (_, optimizer) in system.optimizers { #expect(optimizer.learningRate == 2e-4 * factor) }
    }
  }

  @Test func valuesThatDoNotFitAreRefused() throws {
    let wrong: [[String: ConfigurationValue]] = [
      ["hop": 10], ["upsampleKernels": [8]], ["upsampleKernels": [7, 4]], ["initialChannels": 3],
      ["residualBlock": 3], ["residualKernels": [3, 4, 7]], ["residualDilations": [[1]]],
      ["scaleChannels": [16, 16, 20, 16]], ["periodChannels": [2, 3, 4]], ["segment": 60],
      ["periods": [64]], ["maximumFrequency": 5000], ["window": 64], ["epochDecay": 0], ["mels": 0],
    ]
    for change in wrong {
      #expect(throws: ConfigurationError.self, "\(change)") { try tiny(change).validate() }
    }
    try tiny().validate()
  }

  // MARK: Weights

  private func file(_ name: String, _ tensors: [(name: String, tensor: HostTensor)]) -> ForeignWeights {
    ForeignWeights(url: URL(fileURLWithPath: name), tensors: tensors)
  }

  private func authors(_ network: Network?) throws -> [(name: String, tensor: HostTensor)] {
    let network = try #require(network)
    return try network.authorsNames.translate(network.module.hostState(), toOurs: false)
  }

  @Test func filesOfTheAuthorsAreToldByNamesAndShapes() throws {
    for block in [1, 2] {
      let dilations: ConfigurationValue =
        block == 1 ? [[1, 3, 5], [1, 3, 5], [1, 3, 5]] : [[1, 2], [2, 6], [3, 12]]
      let system = try Trial.make(
        Vocoder.self, tiny(["residualBlock": .integer(block), "residualDilations": dilations]))
      let judges =
        try authors(system.network("periods")).map { ("mpd." + $0.name, $0.tensor) }
        + authors(system.network("scales")).map { ("msd." + $0.name, $0.tensor) }
      let keys = ["transform", "window", "sampleRate", "maximumFrequency", "periods", "segment"]
      let (imported, untouched) = try Vocoder.importing(
        [file("g_1", try authors(system.network("generator"))), file("do_1", judges)],
        changes: Self.tinyKeys.filter { keys.contains($0.key) }, using: RandomStream(seed: 9))
      #expect(untouched.isEmpty)
      for name in ["generator", "periods", "scales"] {
        #expect(
          imported.network(name)?.module.hostState().map(\.tensor)
            == system.network(name)?.module.hostState().map(\.tensor), "\(name)")
      }
    }
  }

  @Test func aGeneratorWithoutWeightNormGivesTheSameWaveform() throws {
    let system = try Trial.make(Vocoder.self, tiny())
    let named = try authors(system.network("generator"))
    let table = Dictionary(uniqueKeysWithValues: named.map { ($0.name, $0.tensor) })
    var folded: [(name: String, tensor: HostTensor)] = []
    for (name, tensor) in named where !name.hasSuffix("_g") {
      guard name.hasSuffix("_v"), let magnitude = table[name.dropLast() + "g"] else {
        folded.append((name, tensor))
        continue
      }
      let weight = Tensor(tensor)
      let lengths = weight.square().sum(dims: [1, 2], keepDim: true).sqrt()
      folded.append((String(name.dropLast(2)), (weight * (Tensor(magnitude) / lengths)).host()))
    }
    let keys = [
      "transform", "window", "sampleRate", "maximumFrequency", "periods", "periodChannels", "segment",
    ]
    let (imported, _) = try Vocoder.importing(
      [file("generator_v1", folded)], changes: Self.tinyKeys.filter { keys.contains($0.key) },
      using: RandomStream(seed: 9))
    let mel = RandomStream(seed: 4).normal([1, 6, 5])
    let (one, other) = try withoutGradients {
      (try system.waveform(ofMel: mel), try imported.waveform(ofMel: mel))
    }
    #expect((one - other).abs().max().item() < 1e-6)
  }

  @Test(arguments: [("autovc", "paper"), ("small-autovc", "small")])
  func presetsReadWhatAutoVCGives(_ vocoder: String, _ converter: String) throws {
    try expectOneForm(vocoder, AutoVC.Configuration.self, converter)
  }

  @Test(arguments: [("stargan-vc", "paper"), ("small-stargan-vc", "small")])
  func presetsReadWhatStarGANVCGives(_ vocoder: String, _ converter: String) throws {
    try expectOneForm(vocoder, StarGANVC.Configuration.self, converter)
  }

  private func expectOneForm<Converter: SystemConfiguration>(
    _ vocoder: String, _ type: Converter.Type, _ preset: String
  ) throws {
    let reading = try #require(Vocoder.Configuration.presets.first { $0.name == vocoder })
    let giving = try #require(Converter.presets.first { $0.name == preset })
    let read = try #require(reading.configuration.plan.ability(SoundResynthesis.self)).spectrogram
    let given = try #require(giving.configuration.plan.ability(VoiceConversion.self)).frontEnd.spectrogram
    #expect(read == given)
  }
}
