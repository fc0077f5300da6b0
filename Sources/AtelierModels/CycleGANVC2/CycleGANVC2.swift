public import AtelierCore
public import AtelierData
public import Torch
public import TorchNN

/// CycleGAN-VC2: speech of two speakers turned into each other, learned without parallel sentences.
///
/// Paper: Kaneko, Kameoka, Tanaka and Hojo 2019, "CycleGAN-VC2: Improved CycleGAN-based Non-parallel Voice Conversion". On mel
/// spectrograms as its authors have it in Kaneko et al. 2020, "CycleGAN-VC3: Examining and Improving CycleGAN-VCs for
/// Mel-spectrogram Conversion", whose baseline it is. There is no code of the authors.
///
/// As in CycleGAN both generators learn first, then the discriminators. There are two adversarial losses: a spectrogram that
/// was converted is judged by the discriminator of its speaker, and one that came back by a second discriminator, because the
/// cycle loss alone smooths it. Networks are 2-1-2D: convolutions over bands and frames around residual blocks over frames.
///
/// Deviations are on the system's page.
public final class CycleGANVC2: VoiceConvertingSystem {
  /// The name and papers.
  public static let identity = SystemIdentity(
    name: "cyclegan-vc2", summary: "speech of two speakers in each other's voice, learned without pairs",
    paper: "Kaneko et al., CycleGAN-VC2, 2019; CycleGAN-VC3, 2020", reference: "no code of the authors")

  /// The choices this system was built from.
  public let configuration: Configuration
  /// `generatorAB`, `generatorBA`, and for each speaker the discriminators of converted and of cycled spectrograms.
  public let networks: [Network]
  private let generatorAB: CycleVoiceGenerator
  private let generatorBA: CycleVoiceGenerator
  private let discriminatorA: CycleVoiceDiscriminator
  private let discriminatorB: CycleVoiceDiscriminator
  private let cycledA: CycleVoiceDiscriminator
  private let cycledB: CycleVoiceDiscriminator
  private let generatorOptimizer: Optimizer
  private let discriminatorOptimizer: Optimizer
  private let statistics: BandScale

  /// Builds the networks with PyTorch's initial weights drawn from `stream`.
  public init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    try configuration.validate()
    self.configuration = configuration
    generatorAB = CycleVoiceGenerator(configuration, using: stream)
    generatorBA = CycleVoiceGenerator(configuration, using: stream)
    discriminatorA = CycleVoiceDiscriminator(configuration.discriminatorWidth, using: stream)
    discriminatorB = CycleVoiceDiscriminator(configuration.discriminatorWidth, using: stream)
    cycledA = CycleVoiceDiscriminator(configuration.discriminatorWidth, using: stream)
    cycledB = CycleVoiceDiscriminator(configuration.discriminatorWidth, using: stream)
    generatorOptimizer = Adam(
      namedParameters(of: ["generatorAB": generatorAB, "generatorBA": generatorBA]),
      learningRate: configuration.generatorLearningRate, beta1: configuration.beta1,
      beta2: configuration.beta2)
    discriminatorOptimizer = Adam(
      namedParameters(of: [
        "discriminatorA": discriminatorA, "discriminatorB": discriminatorB, "cycledA": cycledA,
        "cycledB": cycledB,
      ]),
      learningRate: configuration.discriminatorLearningRate, beta1: configuration.beta1,
      beta2: configuration.beta2)
    statistics = try BandScale(artefacts, bands: configuration.mels)
    func network(_ name: String, _ layer: any Layer, _ output: String) -> Network {
      Network(name, layer, isForTraining: output == "scores") { _, inputs in
        [output: layer(try inputs.required("mel"))]
      }
    }
    networks = [
      network("generatorAB", generatorAB, "mel"), network("generatorBA", generatorBA, "mel"),
      network("discriminatorA", discriminatorA, "scores"),
      network("discriminatorB", discriminatorB, "scores"),
      network("cycledA", cycledA, "scores"), network("cycledB", cycledB, "scores"),
    ]
  }

  /// One for both generators, one for the discriminators.
  public var optimizers: [(name: String, optimizer: Optimizer)] {
    [("generators", generatorOptimizer), ("discriminators", discriminatorOptimizer)]
  }

  /// Refuses any number of speakers but two.
  public static func adapted(_ configuration: Configuration, to data: DataFacts) throws -> Configuration {
    let speakers = data.description.classNames
    try Checks.require(
      speakers.isEmpty || speakers.count == 2,
      "\(identity.name) converts between two speakers, and the data have \(speakers.count): "
        + "\(speakers.joined(separator: ", ")); keep two of them, or train a system for many")
    return configuration
  }

  /// One step: both generators, then the discriminators on the spectrograms made before that update.
  public func step(_ step: TrainingStep) throws {
    let fall = configuration.rateFactor(at: step.index)
    generatorOptimizer.learningRate = configuration.generatorLearningRate * fall
    discriminatorOptimizer.learningRate = configuration.discriminatorLearningRate * fall
    let weights = configuration.lossWeights
    let (realA, realB) = try Self.speakers(of: step.batch())
    // Means over the crops of a speaker, of whom every process may have another number.
    func ofA(_ mean: Tensor) -> Tensor { mean.averagedOverProcesses(counting: realA.shape[0]) }
    func ofB(_ mean: Tensor) -> Tensor { mean.averagedOverProcesses(counting: realB.shape[0]) }

    let (terms, made) = try step.update(
      "generators", generatorOptimizer, freezing: [discriminatorA, discriminatorB, cycledA, cycledB]
    ) { loss in
      let fakeB = generatorAB(realA)
      let backA = generatorBA(fakeB)
      loss.add("adversarialAB", ofA(Self.asReal(discriminatorB(fakeB))))
      loss.add("secondAdversarialA", ofA(Self.asReal(cycledA(backA))))
      loss.add("cycleA", ofA(meanAbsoluteError(backA, realA)), weight: weights.cycle)
      loss.backward()

      let fakeA = generatorBA(realB)
      let backB = generatorAB(fakeA)
      loss.add("adversarialBA", ofB(Self.asReal(discriminatorA(fakeA))))
      loss.add("secondAdversarialB", ofB(Self.asReal(cycledB(backB))))
      loss.add("cycleB", ofB(meanAbsoluteError(backB, realB)), weight: weights.cycle)
      loss.backward()

      // The identity loss guides the beginning only.
      if step.index < configuration.identitySteps, weights.identity > 0 {
        loss.add("identityA", ofA(meanAbsoluteError(generatorBA(realA), realA)), weight: weights.identity)
        loss.add("identityB", ofB(meanAbsoluteError(generatorAB(realB), realB)), weight: weights.identity)
      }
      return (
        fakeA: fakeA.detached(), fakeB: fakeB.detached(), backA: backA.detached(), backB: backB.detached()
      )
    }
    step.log("generator", terms.total)

    let judged = try step.update("discriminators", discriminatorOptimizer) { loss in
      for (name, discriminator, real, fake) in [
        ("discriminatorA", discriminatorA, realA, made.fakeA),
        ("discriminatorB", discriminatorB, realB, made.fakeB),
        ("cycledA", cycledA, realA, made.backA), ("cycledB", cycledB, realB, made.backB),
      ] {
        // What becomes of one speaker's crops is as many as they are.
        let falsehood = discriminator(fake).square().mean()
          .averagedOverProcesses(counting: fake.shape[0])
        let truth = Self.asReal(discriminator(real)).averagedOverProcesses(counting: real.shape[0])
        loss.add(name, (truth + falsehood) * 0.5)
        loss.backward()
      }
    }
    step.log("discriminator", judged.total)
  }

  /// The crops of each speaker.
  private static func speakers(of batch: Batch) throws -> (a: Tensor, b: Tensor) {
    let (mel, labels) = (batch["mel"], batch["speaker"].to(.cpu).integers())
    func crops(_ speaker: Int) -> Tensor {
      let places = labels.indices.filter { labels[$0] == speaker }
      return mel.indexSelected(0, Tensor(places, device: mel.device))
    }
    try Checks.require(
      labels.contains(0) && labels.contains(1),
      "a batch has crops of one speaker only; make batchSize even, and in several processes at least twice their number"
    )
    return (crops(0), crops(1))
  }

  /// The squared distance from 1.
  private static func asReal(_ scores: Tensor) -> Tensor { (scores - 1).square().mean() }

  /// Spectrograms in the other speaker's voice.
  public func converted(_ mel: Tensor, from source: Voice?, to target: Voice) throws -> Tensor {
    guard case .speaker(let speaker) = target else {
      throw ConfigurationError(
        "\(Self.identity.name) knows the training's two speakers only; name one of them and no recording")
    }
    let frames = mel.shape[2]
    // Both halvings need full groups of four frames.
    let missing = (4 - frames % 4) % 4
    let whole = missing == 0 ? mel : mel.replicationPadded([0, missing])
    let made = speaker == 0 ? generatorBA(whole) : generatorAB(whole)
    return made.narrow(2, from: 0, length: frames).asType(.float32)
  }

  /// Of mean 0 and deviation 1 over the training's frames.
  public func scaled(_ mel: Tensor) -> Tensor { statistics.scaled(mel) }

  /// The front end's values.
  public func unscaled(_ mel: Tensor) -> Tensor { statistics.unscaled(mel) }
}
