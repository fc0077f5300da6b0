public import AtelierCore
public import AtelierData
public import Torch
public import TorchNN

/// StarGAN-VC: one generator between the voices of many speakers, told whose voice to make by a label, and a discriminator
/// that also says who speaks.
///
/// Papers: Kameoka et al. 2018, "StarGAN-VC: Non-parallel Many-to-many Voice Conversion Using Star Generative Adversarial
/// Networks"; Kameoka et al. 2020, "Nonparallel Voice Conversion with Augmented Classifier Star Generative Adversarial
/// Networks". Reference implementation, by the author: kamepong/StarGAN-VC `net.py`, `module.py`, `train.py`, no licence
/// stated.
///
/// A step takes one batch of every speaker and goes through all pairs of speakers (s, t); for each pair the generator makes
/// a step, then the discriminator. Of both batches the generator makes four spectrograms: into the own voice (ss, tt) and
/// into the other (st, ts). What the discriminator's step computes through the generator is a constant here; the authors
/// throw these gradients away.
///
/// Deviations are on the system's page.
public final class StarGANVC: VoiceConvertingSystem, ReferenceAnswering {
  /// The name, papers and reference implementation.
  public static let identity = SystemIdentity(
    name: "stargan-vc", summary: "speech in the voice of another of the training's speakers",
    paper:
      "Kameoka et al., StarGAN-VC, 2018; Nonparallel Voice Conversion with Augmented Classifier Star GANs, 2020",
    reference: "kamepong/StarGAN-VC")

  /// The choices this system was built from.
  public let configuration: Configuration
  /// The generator and the discriminator.
  public let networks: [Network]
  let generator: VoiceGenerator
  let discriminator: VoiceDiscriminator
  private let generatorOptimizer: Optimizer
  private let discriminatorOptimizer: Optimizer
  private let statistics: BandScale

  /// Builds both networks with initial weights drawn from `stream`.
  public init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    try configuration.validate()
    self.configuration = configuration
    let generator = VoiceGenerator(configuration, using: stream)
    let discriminator = VoiceDiscriminator(configuration, using: stream)
    (self.generator, self.discriminator) = (generator, discriminator)
    generatorOptimizer = Adam(
      generator.namedParameters(), learningRate: configuration.generatorLearningRate,
      beta1: configuration.generatorBeta1,
      beta2: configuration.beta2, epsilon: configuration.adamEpsilon)
    discriminatorOptimizer = Adam(
      discriminator.namedParameters(), learningRate: configuration.discriminatorLearningRate,
      beta1: configuration.discriminatorBeta1, beta2: configuration.beta2, epsilon: configuration.adamEpsilon)
    networks = Self.describe(generator, discriminator)
    statistics = try BandScale(artefacts, bands: configuration.mels)
  }

  /// The optimisers by their networks' names.
  public var optimizers: [(name: String, optimizer: Optimizer)] {
    [("generator", generatorOptimizer), ("discriminator", discriminatorOptimizer)]
  }

  /// Takes over the number of speakers.
  public static func adapted(_ configuration: Configuration, to data: DataFacts) throws -> Configuration {
    var configuration = configuration
    if !data.description.classNames.isEmpty { configuration.speakers = data.description.classNames.count }
    return configuration
  }

  /// A step of generator and discriminator for each pair of speakers.
  public func step(_ step: TrainingStep) throws {
    let speakers = configuration.speakers
    var mels: [Tensor] = []
    var labels: [Int] = []
    for _ in 0..<speakers {
      let batch = try step.batch()
      mels.append(batch["mel"])
      labels.append(batch["speaker"].to(.cpu).integers().first ?? 0)
    }
    // Speakers come in turn; a run that went over to other data may begin with any of them.
    if Set(labels) == Set(0..<speakers) {
      mels = (0..<speakers).compactMap { speaker in labels.firstIndex(of: speaker).map { mels[$0] } }
    }
    for s in 0..<speakers {
      for t in (s + 1)..<speakers { try self.step(step, pair: (s, t), mels[s], mels[t]) }
    }
  }

  /// Spectrograms of a pair: from whom and to whom.
  private typealias Converted = (ss: Tensor, st: Tensor, tt: Tensor, ts: Tensor)

  private func step(_ step: TrainingStep, pair: (s: Int, t: Int), _ xS: Tensor, _ xT: Tensor) throws {
    let (s, t) = pair
    let weights = configuration.lossWeights
    let objective = configuration.adversarialLoss
    // The order of passes is the authors', because batch norms count them.
    func converted() -> Converted {
      let ss = generator(xS, to: s, from: s)
      let ts = generator(xT, to: s, from: t)
      let tt = generator(xT, to: t, from: t)
      let st = generator(xS, to: t, from: s)
      return (ss, st, tt, ts)
    }

    let generatorTerms = try step.update(
      "generator", generatorOptimizer, freezing: [discriminator], clip: configuration.gradientClip
    ) { loss in
      let made = converted()
      let judged = [(made.ss, s), (made.st, t), (made.tt, t), (made.ts, s)].map { (discriminator($0), $1) }
      loss.add(
        "generatorAdversarial", objective.real(Self.joined(judged.map(\.0.scores))),
        weight: weights.adversarial,
        logsWeighted: false)
      loss.add(
        "generatorClass", Self.classLoss(judged.map { ($0.logits, $1) }), weight: weights.classification,
        logsWeighted: false)
      let cycle = [(xS, generator(made.st, to: s, from: t)), (xT, generator(made.ts, to: t, from: s))]
      loss.add("cycle", Self.distance(cycle), weight: weights.cycle, logsWeighted: false)
      loss.add(
        "reconstruction", Self.distance([(xS, made.ss), (xT, made.tt)]), weight: weights.reconstruction,
        logsWeighted: false)
    }
    step.log("generator", generatorTerms.total)

    let mixing = (
      t: step.draws.uniform("mix", [xT.shape[0]]), s: step.draws.uniform("mix", [xS.shape[0]])
    )
    let discriminatorTerms = try step.update(
      "discriminator", discriminatorOptimizer, clip: configuration.gradientClip
    ) { loss in
      let made = withoutGradients { converted() }
      let (realS, realT) = (discriminator(xS), discriminator(xT))
      let fakes = [made.ss, made.st, made.tt, made.ts].map { discriminator($0).scores }
      loss.add(
        "discriminatorAdversarial",
        objective.real(Self.joined([realS.scores, realT.scores])) + objective.fake(Self.joined(fakes)),
        weight: weights.adversarial, logsWeighted: false)
      let penaltyT = GradientPenalty.interpolated(real: xT, fake: made.ts, mixing: mixing.t) {
        discriminator($0).scores
      }
      let penaltyS = GradientPenalty.interpolated(real: xS, fake: made.st, mixing: mixing.s) {
        discriminator($0).scores
      }
      loss.add("gradientPenalty", penaltyS + penaltyT, weight: weights.gradientPenalty, logsWeighted: false)
      loss.add(
        "discriminatorClass", Self.classLoss([(realS.logits, s), (realT.logits, t)]),
        weight: weights.classification, logsWeighted: false)
    }
    step.log("discriminator", discriminatorTerms.total)
  }

  /// The scores of all positions of several spectrograms.
  private static func joined(_ scores: [Tensor]) -> Tensor {
    .concatenated(scores.map { $0.flattened(from: 0) }, dim: 0)
  }

  /// The cross-entropies of all positions, divided by the number of logits, as the authors have it: 1 / speakers of the mean.
  private static func classLoss(_ judged: [(logits: Tensor, speaker: Int)]) -> Tensor {
    let count = judged.reduce(0) { $0 + $1.logits.count }
    return judged.map { logits, speaker in
      let rows = logits.transposed(1, 2).reshaped([logits.shape[0] * logits.shape[2], logits.shape[1]])
      let target = Tensor([Int](repeating: speaker, count: rows.shape[0]), device: rows.device)
      return crossEntropy(rows, target, .sum)
    }.reduce(Tensor.zeros([], device: judged[0].logits.device), +) / Double(count)
  }

  /// The mean absolute difference over all values of two pairs.
  private static func distance(_ pairs: [(Tensor, Tensor)]) -> Tensor {
    let count = pairs.reduce(0) { $0 + $1.0.count }
    return pairs.map { meanAbsoluteError($1, $0, .sum) }.reduce(
      Tensor.zeros([], device: pairs[0].0.device), +) / Double(count)
  }

  /// Spectrograms in the voice of a speaker of the training.
  public func converted(_ mel: Tensor, from source: Voice?, to target: Voice) throws -> Tensor {
    guard case .speaker(let speaker) = target else {
      throw ConfigurationError(
        "stargan-vc knows the training's speakers only; name one of them and no recording")
    }
    var origin: Int?
    if case .speaker(let given)? = source { origin = given }
    if configuration.sourceConditioning, origin == nil {
      throw ConfigurationError(
        "this stargan-vc was trained with the source speaker; name who is heard as 'source'")
    }
    return padded(mel, to: speaker, from: origin ?? 0)
  }

  /// Frames up to a multiple of four are the last one repeated, and cut off again.
  func padded(_ mel: Tensor, to target: Int, from source: Int) -> Tensor {
    let frames = mel.shape[2]
    let missing = (4 - frames % 4) % 4
    let whole = missing == 0 ? mel : mel.replicationPadded([0, missing])
    return generator(whole, to: target, from: source).narrow(2, from: 0, length: frames).asType(.float32)
  }

  /// Of mean 0 and deviation 1 over the training's frames.
  public func scaled(_ mel: Tensor) -> Tensor { statistics.scaled(mel) }

  /// The front end's values.
  public func unscaled(_ mel: Tensor) -> Tensor { statistics.unscaled(mel) }
}
