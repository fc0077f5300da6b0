import Atelier
import Foundation
import TestSupport
import Testing
import Torch

@Suite struct VoiceConversionTests {
  private func starGAN(
    _ change: (inout StarGANVC.Configuration) -> Void = { _ in }
  ) -> StarGANVC.Configuration {
    var configuration = StarGANVC.Configuration()
    configuration.mels = 6
    configuration.speakers = 3
    configuration.bottleneckSize = 3
    configuration.generatorChannels = 4
    configuration.embeddingSize = 2
    configuration.discriminatorChannels = 3
    configuration.sampleRate = 8000
    configuration.transform = 256
    configuration.hop = 64
    configuration.maximumFrequency = nil
    configuration.batchSize = 2
    change(&configuration)
    return configuration
  }

  private func autoVC(_ change: (inout AutoVC.Configuration) -> Void = { _ in }) -> AutoVC.Configuration {
    var configuration = AutoVC.Configuration()
    configuration.mels = 6
    configuration.encoderChannels = 5
    configuration.bottleneckSize = 2
    configuration.codeDownsampling = 4
    configuration.decoderInputChannels = 6
    configuration.decoderChannels = 7
    configuration.postnetChannels = 5
    configuration.embedding = .oneHot
    configuration.embeddingSize = 3
    configuration.speakers = 3
    configuration.frames = 8
    configuration.batchSize = 3
    change(&configuration)
    return configuration
  }

  private func drawn(
    _ system: any GenerativeSystem, samples: Int, _ conditions: [String: ConditionValue],
    _ change: (inout VoiceDrawing) -> Void = { $0.iterations = 2 }
  ) throws -> Output {
    var sampling = VoiceDrawing()
    change(&sampling)
    let signal = RandomStream(seed: 1).normal([1, 1, samples]) * 0.1
    let request = Request(
      conditions: conditions.merging(["signal": .tensor(signal)]) { one, _ in one }, sampling: sampling,
      draws: StreamDraws(RandomStream(seed: 2)))
    var found: Output?
    try system.draw(request) { found = $0 }
    return try #require(found)
  }

  // MARK: Drawing

  @Test func speechOfAnyLengthComesBackAsLongAsItWas() throws {
    for configuration in [
      starGAN(), starGAN { $0.generator = .recurrent },
      starGAN { ($0.norm, $0.sourceConditioning) = (.layer, true) },
    ] {
      let system = try Trial.make(StarGANVC.self, configuration)
      let labels = ["target": ConditionValue.labels([2])].merging(
        configuration.sourceConditioning ? ["source": .labels([0])] : [:]
      ) { one, _ in one }
      for samples in [129, 1000, 1024] {
        let sound = try #require(try drawn(system, samples: samples, labels).tensor)
        #expect(sound.shape == [1, 1, samples] && sound.floats().allSatisfy(\.isFinite))
      }
    }
    let system = try Trial.make(AutoVC.self, autoVC())
    for samples in [513, 2000, 2048] {
      let sound = try #require(
        try drawn(system, samples: samples, ["source": .labels([1]), "target": .labels([2])]).tensor)
      #expect(sound.shape == [1, 1, samples] && sound.floats().allSatisfy(\.isFinite))
    }
  }

  @Test func longSilencesAreCutOutOfWhatIsLearnedFromAndNotOutOfWhatIsConverted() throws {
    let silence = [Float](repeating: 0, count: 32_000)
    let sound = silence + (0..<16_000).map { 0.3 * Float(sin(Double($0) * 0.1)) } + silence
    func learned(_ configuration: AutoVC.Configuration) throws -> Int {
      let voices = try #require(configuration.plan.stages[0].data?.arrangement as? Voices)
      return try voices.features(sound).shape[1]
    }
    let trimming = autoVC { $0.trimsSilence = true }
    let converted = try #require(trimming.plan.ability(VoiceConversion.self)).frontEnd(sound).shape[1]
    let cut = try learned(trimming)
    #expect(converted == 313 && (60...90).contains(cut), "\(converted), \(cut)")
    #expect(try learned(autoVC()) == converted)
    // The authors cut nothing.
    #expect(!AutoVC.Configuration.presets.contains { $0.configuration.trimsSilence })
  }

  @Test func aSpectrogramIsGivenForAVocoder() throws {
    let system = try Trial.make(StarGANVC.self, starGAN())
    let output = try drawn(system, samples: 1000, ["target": .labels([1])]) { $0.givesSpectrogram = true }
    #expect(output.field == "mel" && output.tensor?.shape == [1, 6, 1000 / 64 + 1])
  }

  @Test func framesAreScaledAsInTrainingAndBack() throws {
    let statistics = BandStatistics(mean: [1, 2, 3, 4, 5, 6], deviation: [1, 2, 1, 2, 1, 2])
    let artefacts = Artefacts([BandStatistics.name: try JSONEncoder().encode(statistics)])
    let system = try StarGANVC(starGAN(), artefacts: artefacts, using: RandomStream(seed: 0))
    let mel = Tensor.full([1, 6, 4], 7)
    #expect(system.scaled(mel).selected(dim: 2, index: 0).contiguous().floats() == [6, 2.5, 4, 1.5, 2, 0.5])
    #expect(system.unscaled(system.scaled(mel)).floats() == mel.floats())
  }

  @Test func voicesThatAreNotKnownAreRefused() throws {
    let plain = try Trial.make(StarGANVC.self, starGAN())
    let conditioned = try Trial.make(StarGANVC.self, starGAN { $0.sourceConditioning = true })
    let oneHot = try Trial.make(AutoVC.self, autoVC())
    let recording = ConditionValue.tensor(.zeros([1, 1, 2000]))
    let wrong: [(any GenerativeSystem, [String: ConditionValue])] = [
      (plain, [:]), (plain, ["target": .labels([3])]), (plain, ["reference": recording]),
      (conditioned, ["target": .labels([0])]), (oneHot, ["target": .labels([0])]),
      (oneHot, ["source": .labels([0])]),
      (oneHot, ["source": .labels([0]), "target": .labels([1]), "reference": recording]),
    ]
    for (system, conditions) in wrong {
      #expect(throws: ConfigurationError.self) { try drawn(system, samples: 2000, conditions) }
    }
    #expect(throws: PerceptionError.self) { try drawn(plain, samples: 128, ["target": .labels([0])]) }
  }

  // MARK: Training

  @Test(arguments: ["convolutional", "recurrent"])
  func starGANRunsResumeToTheByte(_ form: String) throws {
    let folder = try TemporaryFolder()
    let harness = try SystemHarness(
      StarGANVC.self,
      [
        "generator": .string(form), "mels": 6, "bottleneckSize": 3, "generatorChannels": 4,
        "embeddingSize": 2,
        "discriminatorChannels": 3, "sampleRate": 8000, "transform": 256, "hop": 64, "maximumFrequency": 4000,
        "batchSize": 2, "norm": .string(form == "recurrent" ? "layer" : "batch"),
      ], data: TinyLayout.voices.write(in: folder.url))
    #expect(try harness.takesTwoSteps())
    #expect(try harness.isDeterministic())
    #expect(try harness.resumesExactly())
  }

  @Test func autoVCRunsResumeToTheByte() throws {
    let folder = try TemporaryFolder()
    let harness = try SystemHarness(
      AutoVC.self,
      [
        "mels": 6, "encoderChannels": 4, "bottleneckSize": 2, "codeDownsampling": 4,
        "decoderInputChannels": 4,
        "decoderChannels": 5, "postnetChannels": 3, "frames": 8, "batchSize": 3,
      ], data: TinyLayout.voices.write(in: folder.url))
    #expect(try harness.takesTwoSteps())
    #expect(try harness.isDeterministic())
    #expect(try harness.resumesExactly())
  }

  @Test func autoVCLearnsABatch() throws {
    let system = try Trial.make(AutoVC.self, autoVC { ($0.learningRate, $0.encoderChannels) = (5e-3, 16) })
    let batch = Batch(["mel": RandomStream(seed: 4).uniform([3, 6, 8]), "speaker": Tensor([0, 1, 2])])
    let losses = try (0..<60).map { try #require(try Trial.step(system, batch, index: $0)["identity"]) }
    #expect(losses[59] < losses[0] / 2)
  }

  @Test func pairwiseReconstructionComparesEachItemWithAll() throws {
    let mel = RandomStream(seed: 5).uniform([3, 6, 8])
    let batch = Batch(["mel": mel, "speaker": Tensor([0, 1, 2])])
    func identity(_ form: AutoVC.Configuration.Reconstruction, _ batch: Batch) throws -> Double {
      let system = try Trial.make(AutoVC.self, autoVC { $0.reconstruction = form })
      return try #require(try Trial.step(system, batch)["identity"])
    }
    #expect(try identity(.pairwise, batch) != identity(.paired, batch))
    // Items that are all the same have no wrong partner.
    let same = Batch(["mel": mel.slice(0, 0, 1).repeated([3, 1, 1]), "speaker": Tensor([1, 1, 1])])
    #expect(abs(try identity(.pairwise, same) - identity(.paired, same)) < 1e-6)
  }

  // MARK: Weights

  @Test func authorsWeightsTellTheConfiguration() throws {
    for configuration in [
      starGAN { $0.norm = .batch }, starGAN { ($0.sourceConditioning, $0.norm) = (true, .layer) },
      starGAN { ($0.generator, $0.layers, $0.sourceConditioning) = (.recurrent, 3, true) },
    ] {
      let system = try Trial.make(StarGANVC.self, configuration)
      let files = try system.networks.map { try weights(of: $0) }
      let keys = try StarGANVC.recognise(files).configuration
      let told = try StarGANVC.Configuration().overlaid(with: keys)
      #expect(told.generator == configuration.generator && told.mels == 6 && told.speakers == 3)
      #expect(told.norm == configuration.norm && told.sourceConditioning == configuration.sourceConditioning)
      #expect(told.bottleneckSize == 3 && told.generatorChannels == 4 && told.embeddingSize == 2)
      #expect(told.discriminatorChannels == 3)
      if configuration.generator == .recurrent { #expect(told.layers == 3) }
      _ = try StarGANVC.importing(files, using: RandomStream(seed: 1))
    }
    let system = try Trial.make(AutoVC.self, autoVC())
    let files = [try weights(of: system.networks[0])]
    let told = try AutoVC.Configuration().overlaid(with: AutoVC.recognise(files).configuration)
    #expect(
      told.mels == 6 && told.embeddingSize == 3 && told.encoderChannels == 5 && told.bottleneckSize == 2)
    #expect(told.decoderInputChannels == 6 && told.decoderChannels == 7 && told.postnetChannels == 5)
    _ = try AutoVC.importing(files, using: RandomStream(seed: 1))
  }

  private func weights(of network: Network) throws -> ForeignWeights {
    ForeignWeights(
      url: URL(fileURLWithPath: "/\(network.name).pt"),
      tensors: try network.authorsNames.translate(network.module.hostState(), toOurs: false))
  }

  @Test func theNetworksHaveTheAuthorsNumbersOfParameters() throws {
    let convolutional = try Trial.make(StarGANVC.self, StarGANVC.Configuration())
    #expect(convolutional.networks.map(\.module.parameterCount) == [569_568, 90_400])
    var configuration = StarGANVC.Configuration()
    configuration.generator = .recurrent
    #expect(try Trial.make(StarGANVC.self, configuration).networks[0].module.parameterCount == 119_552)
    var published = AutoVC.Configuration()
    (published.bottleneckSize, published.codeDownsampling, published.embedding) = (32, 32, .resemblyzer)
    #expect(try Trial.make(AutoVC.self, published).networks[0].module.parameterCount == 28_422_464)
    #expect(DVectorNetwork().parameterCount == 12_257_536)
  }

  @Test func valuesThatDoNotFitAreRefused() {
    for change: (inout StarGANVC.Configuration) -> Void in [
      { $0.speakers = 1 }, { $0.dropout = 1 }, { $0.maximumFrequency = 5000 }, { $0.hop = 300 },
      { ($0.generator, $0.generatorChannels) = (.recurrent, 5) }, { $0.gradientClip = 0 },
      { $0.lossWeights.cycle = -1 },
    ] {
      #expect(throws: ConfigurationError.self) { try starGAN(change).validate() }
    }
    for change: (inout AutoVC.Configuration) -> Void in [
      { $0.frames = 10 }, { $0.embeddingSize = 2 }, { $0.embedding = .resemblyzer },
      { $0.lossWeights.code = -1 },
    ] {
      #expect(throws: ConfigurationError.self) { try autoVC(change).validate() }
    }
  }
}
