public import AtelierCore
public import AtelierData
public import Perception
public import Torch
public import TorchNN

/// The face identity transformer: a face and a passcode become another person's face; that face and the passcode with all
/// bits turned over become the first face again, and with any other passcode a third person's.
///
/// Paper: Gu, Luo, Ryoo and Lee 2020, "Password-conditioned Anonymization and Deanonymization with Face Identity
/// Transformers". Reference implementation, by the authors: laoreja/face-identity-transformer `main_train.py`,
/// `models/networks.py`, `models/net_sphere.py`, `utils/util.py`, Apache-2.0.
///
/// Discriminators and recogniser learn first, generator and classifier then, through the updated ones. The recogniser is
/// trained against the generator: it is to know people in anonymised and in wrongly recovered faces, and not in recovered
/// ones; the generator is to achieve the opposite of all three.
///
/// Deviations are on the system's page.
public final class FaceIdentityTransformer: TranslatingSystem {
  /// The name, the paper and the reference implementation.
  public static let identity = SystemIdentity(
    name: "face-identity-transformer", summary: "Faces made unknown by a passcode, and known again by it",
    paper:
      "Gu et al., Password-conditioned Anonymization and Deanonymization with Face Identity Transformers, 2020",
    reference: "laoreja/face-identity-transformer")

  /// The choices this system was built from.
  public let configuration: Configuration
  /// `generator`, `discriminator`, `classifier`, `recognizer`, and `sphereface` where the recogniser begins with its weights.
  public let networks: [Network]
  private let generator: PasscodeGenerator
  private let discriminator: PasscodeDiscriminator
  private let classifier: PasscodeClassifier
  private let recognizer: FaceRecogniser
  private let sphereFace: SphereFaceNetwork?
  private let generatorOptimizer: Optimizer
  private let discriminatorOptimizer: Optimizer
  private let pools: [ImagePool]

  /// Builds the networks with initial weights drawn from `stream`.
  public init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    try configuration.validate()
    self.configuration = configuration
    discriminator = PasscodeDiscriminator(configuration, using: stream)
    classifier = PasscodeClassifier(configuration, using: stream)
    generator = PasscodeGenerator(configuration, using: stream)
    recognizer = FaceRecogniser.make(configuration, using: stream)
    sphereFace = configuration.recognizer == .sphereFace ? SphereFaceNetwork() : nil
    let rate = configuration.learningRate
    func optimizer(_ name: String, _ module: Module, _ learningRate: Double) -> Optimizer {
      configuration.adam.optimizer(namedParameters(of: [name: module]), learningRate: learningRate)
    }
    generatorOptimizer = JointOptimizer([
      optimizer("generator", generator, rate),
      optimizer("classifier", classifier, configuration.classifierLearningRate ?? rate),
    ])
    discriminatorOptimizer = JointOptimizer([
      optimizer("discriminator", discriminator, configuration.discriminatorLearningRate ?? rate),
      optimizer("recognizer", recognizer, configuration.recognizerLearningRate ?? rate * 0.1),
    ])
    pools = ["poolM", "poolR", "poolWR"].map { ImagePool($0, capacity: configuration.poolSize) }
    networks = Self.describe(generator, discriminator, classifier, recognizer, sphereFace, configuration)
  }

  /// One for generator and classifier, one for discriminator and recogniser.
  public var optimizers: [(name: String, optimizer: Optimizer)] {
    [("generators", generatorOptimizer), ("discriminators", discriminatorOptimizer)]
  }

  /// Takes over the number of identities.
  public static func adapted(_ configuration: Configuration, to data: DataFacts) throws -> Configuration {
    var configuration = configuration
    let identities = data.description.classNames.count
    guard identities > 0 else { return configuration }
    try Checks.require(
      identities > 1,
      "a recogniser tells at least two people apart, and the data have one; add a folder a person")
    configuration.identities = identities
    return configuration
  }

  /// Without SphereFace's weights a recogniser of the training's own identities stands in.
  public static func adapted(
    _ configuration: Configuration, to store: WeightStore
  ) -> (configuration: Configuration, remark: String?) {
    guard configuration.recognizer == .sphereFace, !store.contains("sphereface") else {
      return (configuration, nil)
    }
    var configuration = configuration
    configuration.recognizer = .standIn
    return (
      configuration,
      "There are no weights sphereface, so that a small recogniser of the training's own identities stands in, which knows "
        + "nobody else's face; how well people are hidden from others is then less sure."
    )
  }

  /// The pools, as far as they are filled.
  public func carriedState() -> [(name: String, tensor: HostTensor)] { pools.flatMap { $0.state() } }

  /// Puts back the pools.
  public func restoreCarriedState(_ state: [(name: String, tensor: HostTensor)]) throws {
    let table = Dictionary(state.map { ($0.name, $0.tensor) }) { first, _ in first }
    for (pool, name) in zip(pools, ["poolM", "poolR", "poolWR"]) {
      try pool.restore(table[name], channels: 3, device: device)
    }
  }

  // MARK: Training

  /// What a step makes of its faces.
  private struct Made {
    let modified: Tensor
    let random: Tensor
    let recovered: Tensor
    let wrong: Tensor
    let secondWrong: Tensor
  }

  /// The number of times that the angular loss is taken in a step.
  private static let recognitions = 7

  /// One step: discriminators and recogniser, then generator and classifier.
  public func step(_ step: TrainingStep) throws {
    if step.index == 0, let sphereFace, let own = recognizer as? SphereFaceRecogniser {
      own.begin(with: sphereFace)
    }
    let batch = try step.batch()
    let (image, identity) = (batch["image"], batch.tensors["identity"] ?? batch["label"])
    let length = configuration.passwordLength
    let alignment =
      batch.tensors["alignment"] ?? FaceRecogniser.middle(image.shape[0], on: image.device)
    let passcodes =
      batch.tensors["password"].map { StepPasscodes($0, length: length) }
      ?? StepPasscodes(count: image.shape[0], length: length, draws: step.draws)

    // Their histories wait for the discriminators' update.
    func changed(_ image: Tensor, _ passcode: Tensor) -> Tensor {
      generator.checkpointed([image, code(passcode)], when: step.isAccumulating) { [generator] in
        generator($0[0], $0[1])
      }
    }
    // In the authors' order, which running statistics of instance norms remember.
    let modified = changed(image, passcodes.own)
    let recovered = changed(modified, passcodes.inverse)
    let random = changed(image, passcodes.random)
    let wrong = changed(modified, passcodes.wrong)
    let secondWrong = changed(modified, passcodes.secondWrong)
    let made = Made(
      modified: modified, random: random, recovered: recovered, wrong: wrong, secondWrong: secondWrong)
    try updateDiscriminators(step, image, identity, alignment, made)
    try updateGenerators(step, image, identity, alignment, made, passcodes)
  }

  /// The generator's input for passcodes `[batch]`.
  private func code(_ numbers: Tensor) -> Tensor {
    scaled(PasscodeBits.bits(of: numbers, length: configuration.passwordLength))
  }

  /// The generator's input for bits.
  private func scaled(_ bits: Tensor) -> Tensor { (bits - 0.5) * (2 * configuration.passwordValues.value) }

  private func updateDiscriminators(
    _ step: TrainingStep, _ image: Tensor, _ identity: Tensor, _ alignment: Tensor, _ made: Made
  ) throws {
    let (weights, objective) = (configuration.lossWeights, configuration.loss.loss)
    let first = Self.recognitions * step.index
    func recognition(_ images: Tensor, _ call: Int) -> Tensor {
      angularLoss(
        recognizer(FaceRecogniser.crops(of: images.detached(), alignment)), identity, call: first + call)
    }
    func log(_ values: KeyValuePairs<String, Tensor>) {
      for (name, value) in values { step.log("D_" + name, value) }
    }
    let terms = try step.update("discriminators", discriminatorOptimizer) { loss in
      let known = recognition(made.modified, 1)
      let unknown = -recognition(made.recovered, 2)
      let wronglyKnown = recognition(made.wrong, 3)
      let generated =
        (known * weights.recognitionModified + unknown + wronglyKnown * weights.recognitionWrong)
        / (1 + weights.recognitionModified + weights.recognitionWrong)
      let real = recognition(image, 4)
      loss.add((real + generated) * 0.5, weight: weights.recognition)
      log([
        "FR_M": known, "FR_R": unknown, "FR_WR": wronglyKnown, "FR_real": real, "FR_fake": generated,
      ])

      func judged(_ images: Tensor, _ branch: PasscodeDiscriminator.Branch, _ loss: (Tensor) -> Tensor)
        -> Tensor
      {
        let scores = discriminator(images, branch)
        return loss(scores[0]) + loss(scores[1])
      }
      let modified = shown([made.modified, made.random], 0, step)
      let recovered = shown([made.recovered], 1, step)
      let wrong = shown([made.wrong, made.secondWrong], 2, step)
      let fakes = [
        judged(modified, .modified, objective.fake), judged(recovered, .recovered, objective.fake),
        judged(wrong, .wrong, objective.fake),
      ]
      let reals = PasscodeDiscriminator.Branch.allCases.map { judged(image, $0, objective.real) }
      let (fake, genuine) = (averaged(fakes), averaged(reals))
      loss.add((fake + genuine) * 0.5, weight: weights.adversarial)
      log(["GAN_M": fakes[0], "GAN_R": fakes[1], "GAN_WR": fakes[2], "GAN_real": genuine, "GAN_fake": fake])
    }
    step.log("D", terms.total)
  }

  /// Terms of anonymised, recovered and wrongly recovered faces as one.
  private func averaged(_ terms: [Tensor]) -> Tensor {
    let weights = configuration.lossWeights
    let factors = [weights.adversarialModified, weights.adversarialRecovered, weights.adversarialWrong]
    return (terms[0] * factors[0] + terms[1] * factors[1] + terms[2] * factors[2]) / factors.reduce(0, +)
  }

  /// What a discriminator sees in place of batches of generated images: earlier ones among them, and no more than a batch;
  /// without a pool they are all seen.
  private func shown(_ images: [Tensor], _ pool: Int, _ step: TrainingStep) -> Tensor {
    guard configuration.poolSize > 0 else { return Tensor.concatenated(images, dim: 0).detached() }
    // Among several processes the pool and the choice are of the whole batch.
    let whole = images.map { $0.detached().gatheredOverProcesses() }
    let exchanged = pools[pool].exchangedWhole(.concatenated(whole, dim: 0), draws: step.draws)
    guard whole.count > 1 else { return exchanged.ownRows() }
    let drawn = step.draws.common.uniform("chosen.\(pool)", [exchanged.shape[0]])
    let chosen = drawn.topK(whole[0].shape[0], dim: 0).indices.sorted(dim: 0).values
    return exchanged.indexSelected(0, chosen).ownRows()
  }

  private func updateGenerators(
    _ step: TrainingStep, _ image: Tensor, _ identity: Tensor, _ alignment: Tensor, _ made: Made,
    _ passcodes: StepPasscodes
  ) throws {
    let (weights, objective) = (configuration.lossWeights, configuration.loss.loss)
    let first = Self.recognitions * step.index
    let terms = try step.update("generators", generatorOptimizer, freezing: [discriminator, recognizer]) {
      loss in
      func judged(_ images: Tensor, _ branch: PasscodeDiscriminator.Branch) -> Tensor {
        let scores = discriminator(images, branch)
        return objective.generator(scores[0]) + objective.generator(scores[1])
      }
      let scores = [
        judged(made.modified, .modified), judged(made.recovered, .recovered), judged(made.wrong, .wrong),
      ]
      let adversarial = averaged(scores)
      loss.add("G_GAN", adversarial, weight: weights.adversarial, logsWeighted: false)
      for (name, value) in zip(["M", "R", "WR"], scores) { step.log("G_GAN_" + name, value) }

      if weights.code > 0 {
        loss.add("dis", told(image, made, passcodes), weight: weights.code, logsWeighted: false)
      }

      func judgement(_ images: Tensor) -> FaceRecogniser.Judgement {
        recognizer(FaceRecogniser.crops(of: images, alignment))
      }
      let (modified, recovered, wrong) = (
        judgement(made.modified), judgement(made.recovered), judgement(made.wrong)
      )
      let hidden = -angularLoss(modified, identity, call: first + 5)
      let known = angularLoss(recovered, identity, call: first + 6)
      let wronglyHidden = -angularLoss(wrong, identity, call: first + 7)
      let recognition =
        (hidden * weights.recognitionModified + known + wronglyHidden * weights.recognitionWrong)
        / (1 + weights.recognitionModified + weights.recognitionWrong)
      loss.add("G_FR", recognition, weight: weights.recognition, logsWeighted: false)
      for (name, value) in zip(["M", "R", "WR"], [hidden, known, wronglyHidden]) {
        step.log("G_FR_" + name, value)
      }

      let random = recognizer.features(FaceRecogniser.crops(of: made.random, alignment))
      let secondWrong = recognizer.features(FaceRecogniser.crops(of: made.secondWrong, alignment))
      for (name, one, other, weight) in [
        ("G_feat", modified.features, random, weights.feature),
        ("G_WR_feat", wrong.features, secondWrong, weights.featureWrong),
        ("G_feat_M_WR", modified.features, wrong.features, weights.featureModifiedWrong),
      ] where weight > 0 {
        loss.add(name, closeness(one, other), weight: weight, logsWeighted: false)
      }

      loss.add(
        "L1_M", meanAbsoluteError(made.modified, image), weight: weights.modifiedL1, logsWeighted: false)
      loss.add("L1_WR", meanAbsoluteError(made.wrong, image), weight: weights.wrongL1, logsWeighted: false)
      loss.add(
        "recon", meanAbsoluteError(made.recovered, image), weight: weights.recoveredL1, logsWeighted: false)
    }
    step.log("G", terms.total)
  }

  /// How badly the classifier tells the passcodes from what they did.
  private func told(_ image: Tensor, _ made: Made, _ passcodes: StepPasscodes) -> Tensor {
    let changes = [
      (image, made.modified, passcodes.own), (made.modified, made.recovered, passcodes.inverse),
      (made.modified, made.wrong, passcodes.wrong),
    ]
    var total = Tensor(scalar: 0, device: image.device)
    for (before, after, numbers) in changes {
      let groups = PasscodeBits.groups(of: numbers, length: configuration.passwordLength)
      for (place, logits) in classifier(before, after).enumerated() {
        total = total + crossEntropy(logits, groups.selected(dim: 1, index: place))
      }
    }
    return total
  }

  /// How alike features `[batch, size]` are, which is to fall.
  private func closeness(_ one: Tensor, _ other: Tensor) -> Tensor {
    switch configuration.featureLoss {
    case .meanSquared: return -meanSquaredError(one, other)
    case .cosine:
      // PyTorch's cosine embedding loss for pairs that are to differ, with its ε.
      let product = (one * other).sum(dims: [1])
      let squares = (one.square().sum(dims: [1]) + 1e-12) * (other.square().sum(dims: [1]) + 1e-12)
      return (product / squares.sqrt()).relu().mean()
    }
  }

  // MARK: Generation

  /// Faces by passcodes that are drawn, and so lost.
  public func translate(
    _ pictures: Tensor, direction: TranslationDirection, draws: any Draws
  ) throws -> Tensor {
    let bits = draws.bernoulli(
      "passcode", probability: 0.5, [pictures.shape[0], configuration.passwordLength])
    return transform(pictures, bits: bits)
  }

  /// Faces by passcodes `[n, length]` or `[1, length]` of bits, 0 and 1.
  ///
  /// Batch norms without running statistics take out of a batch whatever all of it shares, and a passcode is constant over an
  /// image: alone, it would change nothing. So each face is drawn in a batch of its own beside itself with other
  /// passcodes, always the same ones.
  func transform(_ pictures: Tensor, bits: Tensor) -> Tensor {
    let count = pictures.shape[0]
    let all = bits.expanded([count, configuration.passwordLength]).asType(.float32)
    return generator.evaluating {
      guard configuration.norm == .batch else { return generator(pictures, scaled(all)) }
      let others = companions.to(pictures.device)
      let faces = (0..<count).map { index in
        let face = pictures.slice(0, index, index + 1)
        let codes = Tensor.concatenated([all.slice(0, index, index + 1), others], dim: 0)
        return generator(face.expanded([codes.shape[0]] + face.shape.dropFirst()), scaled(codes)).slice(
          0, 0, 1)
      }
      return .concatenated(faces, dim: 0)
    }
  }

  /// Four passcodes and the same turned over, so that each bit is set in half of them.
  private var companions: Tensor {
    let stream = RandomStream(seed: 0, purpose: "passcodes beside a face")
    let drawn = stream.uniform([4, configuration.passwordLength]).less(0.5).asType(.float32)
    return .concatenated([drawn, 1 - drawn], dim: 0)
  }

  /// Faces by the request's passcode, one at a time, as norms see no other face.
  public func generate(_ request: Request, emit: (Output) throws -> Void) throws {
    let pictures = try request.required("image")
    let bits = try configuration.passcodes.bits(of: request)
    try Checks.require(
      bits.shape[0] == 1 || bits.shape[0] == pictures.shape[0],
      "there are \(bits.shape[0]) passcodes for \(pictures.shape[0]) faces; give one, or one a face")
    guard let direction = directions.first else { return }
    for index in 0..<pictures.shape[0] {
      let code = bits.shape[0] == 1 ? bits : bits.slice(0, index, index + 1)
      let output = try whole(pictures.slice(0, index, index + 1), direction, nil) { part, _ in
        transform(part, bits: code)
      }
      try emit(Output(direction.target, output))
    }
  }
}
