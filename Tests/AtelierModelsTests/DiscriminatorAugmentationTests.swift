import AtelierCore
import AtelierData
import AtelierModels
import Foundation
import TestSupport
import Testing
import Torch
import TorchNN

/// An adversarial system at a tiny size, and the data it learns from.
private struct Form {
  let type: any GenerativeSystem.Type
  let write: (URL) throws -> Void
  let base: [String: ConfigurationValue]

  init(
    _ type: any GenerativeSystem.Type, _ write: @escaping (URL) throws -> Void,
    _ base: [String: ConfigurationValue]
  ) { (self.type, self.write, self.base) = (type, write, base) }

  /// Whether there is a border between real and generated, so that a probability can be steered.
  var takesTarget: Bool { !(type is WGANGP.Type) }

  /// The changes that the system knows.
  var changes: ConfigurationValue {
    type is OASIS.Type ? ["translation", "cutout"] : ["color", "translation", "cutout"]
  }

  var off: [String: ConfigurationValue] { laid(base, ["diffAugment": .list([])]) }
  var always: [String: ConfigurationValue] { laid(base, ["diffAugment": changes]) }
  var adaptive: [String: ConfigurationValue] {
    guard takesTarget else { return always }
    let steered: [String: ConfigurationValue] = ["augmentationTarget": 0.01, "augmentationRamp": 16]
    return laid(always, steered)
  }
}

/// Tables laid over one another, one typed step after the other, as the compiler takes minutes otherwise.
private func laid(_ tables: [String: ConfigurationValue]...) -> [String: ConfigurationValue] {
  tables.reduce(into: [:]) { all, table in all.merge(table) { _, new in new } }
}

private func digits(_ folder: URL) throws { try TinyData.writeIDX(to: folder) }
private func pairs(_ folder: URL) throws { try TinyData.writePairs(to: folder, count: 4, size: 18) }
private func unpaired(_ folder: URL) throws { try TinyData.writeUnpaired(to: folder, count: 4, size: 18) }
private func labelled(_ folder: URL) throws { try TinyData.writeLabelled(to: folder, count: 4, size: 32) }
private func photographs(_ folder: URL) throws { try TinyData.writeClassFolders(to: folder, size: 40) }

/// The systems that draw pictures from latent vectors, for pictures of 8×8.
private func makeLatentForms() -> [Form] {
  let tiny: [String: ConfigurationValue] = ["imageSize": 8, "batchSize": 4, "latentSize": 8]
  let widths: [String: ConfigurationValue] = ["generatorHidden": [6, 6], "discriminatorHidden": [6, 6]]
  let channels: [String: ConfigurationValue] = ["generatorChannels": 2, "discriminatorChannels": 2]
  let convolutional: [String: ConfigurationValue] = [
    "model": "convolutional", "dropout": 0, "loss": "hinge", "featureSize": 6,
  ]
  let big: [String: ConfigurationValue] = [
    "bottomWidth": 1, "sharedEmbeddingSize": 3, "generatorAttention": [4], "discriminatorAttention": [4],
  ]
  let instances: [String: ConfigurationValue] = [
    "featureSize": 6, "featureEpochs": 1, "neighbours": 3, "sharedFeatureSize": 4, "selectedInstances": 5,
  ]
  let dense = laid(tiny, widths)
  let narrow = laid(tiny, channels)
  var forms: [Form] = []
  forms.append(Form(GAN.self, digits, dense))
  forms.append(Form(ConditionalGAN.self, digits, laid(dense, convolutional)))
  forms.append(Form(DCGAN.self, digits, narrow))
  forms.append(Form(LSGAN.self, digits, dense))
  forms.append(Form(WGANGP.self, digits, dense))
  forms.append(Form(ACGAN.self, digits, dense))
  forms.append(Form(BigGAN.self, digits, laid(narrow, big)))
  forms.append(Form(ICGAN.self, digits, laid(narrow, big, instances)))
  return forms
}

/// The systems that turn pictures into pictures.
private func makePictureForms() -> [Form] {
  let tiny: [String: ConfigurationValue] = ["width": 2, "discriminatorWidth": 2, "batchSize": 2]
  let small: [String: ConfigurationValue] = ["imageSize": 16, "layers": 1]
  let wide: [String: ConfigurationValue] = [
    "imageWidth": 16, "imageHeight": 16, "layers": 1, "downsamplings": 1, "blocks": 1,
  ]
  let codes: [String: ConfigurationValue] = [
    "imageSize": 16, "blocks": 1, "mlpWidth": 4, "styleLength": 3,
  ]
  let maps: [String: ConfigurationValue] = ["imageWidth": 32, "imageHeight": 32, "spadeHidden": 3]
  let enlarged: [String: ConfigurationValue] = [
    "width": 4, "blocks": 1, "imageSize": 32, "perceptualLayers": .table([:]), "pretrainingSteps": 0,
  ]
  let unet: [String: ConfigurationValue] = ["downsamplings": 4]
  let cycle: [String: ConfigurationValue] = ["blocks": 1, "downsamplings": 1, "poolSize": 3]
  let shared: [String: ConfigurationValue] = ["imageSize": 16, "blocks": 1]
  let classes: [String: ConfigurationValue] = ["discriminatorBlocks": 4]
  let noisy: [String: ConfigurationValue] = ["latent": 2]
  let styled: [String: ConfigurationValue] = ["styleLength": 4, "encoderWidth": 2]
  var forms: [Form] = []
  forms.append(Form(Pix2Pix.self, pairs, laid(tiny, small, unet)))
  forms.append(Form(CycleGAN.self, unpaired, laid(tiny, small, cycle)))
  forms.append(Form(Pix2PixHD.self, pairs, laid(tiny, wide)))
  forms.append(Form(UNIT.self, unpaired, laid(tiny, shared)))
  forms.append(Form(MUNIT.self, unpaired, laid(tiny, codes)))
  forms.append(Form(FUNIT.self, photographs, laid(tiny, codes, classes)))
  forms.append(Form(SPADE.self, labelled, laid(tiny, maps)))
  forms.append(Form(OASIS.self, labelled, laid(tiny, maps, noisy)))
  forms.append(Form(SEAN.self, labelled, laid(tiny, maps, styled)))
  forms.append(Form(SRGAN.self, photographs, laid(tiny, enlarged)))
  forms.append(Form(ESRGAN.self, photographs, laid(tiny, enlarged)))
  return forms
}

private func makeForms() -> [Form] { makeLatentForms() + makePictureForms() }

/// Noise for every kind of field that these systems have.
private final class FieldSource: BatchSource {
  private let fields: [Field]
  private let count: Int
  private let stream = RandomStream(seed: 9)

  init(_ fields: [Field], count: Int) { (self.fields, self.count) = (fields, count) }

  func next() -> Batch {
    var tensors: [String: Tensor] = [:]
    for field in fields {
      switch field.kind {
      case .image(let channels, let height, let width, let range):
        let drawn = stream.uniform([count, channels, height, width])
        tensors[field.name] = range == .unit ? drawn : drawn * 2 - 1
      case .labelMap(let classes, let height, let width):
        tensors[field.name] = stream.integers(below: min(classes, 4), [count, height, width])
      case .label(let classes): tensors[field.name] = stream.integers(below: classes, [count])
      case .features(let size): tensors[field.name] = stream.normal([count, size])
      default: break
      }
    }
    return Batch(tensors)
  }
}

/// Draws whose numbers depend on their name and on how often it was asked for, not on other draws.
private final class NamedDraws: Draws {
  private var asked: [String: Int] = [:]

  private func stream(_ name: String) -> RandomStream {
    asked[name, default: 0] += 1
    return RandomStream(seed: 6, purpose: name, step: asked[name, default: 0])
  }

  func normal(_ name: String, _ shape: [Int]) -> Tensor { stream(name).normal(shape) }
  func uniform(_ name: String, _ shape: [Int]) -> Tensor { stream(name).uniform(shape) }
  func integers(_ name: String, below bound: Int, _ shape: [Int]) -> Tensor {
    stream(name).integers(below: bound, shape)
  }
  func bernoulli(_ name: String, probability: Double, _ shape: [Int]) -> Tensor {
    stream(name).bernoulli(probability, shape)
  }
}

/// What the first step of a new system logs.
private func firstStep<System: GenerativeSystem>(
  _ type: System.Type, _ changes: [String: ConfigurationValue]
) throws -> [String: Double] {
  let configuration = try preset(type, "small").overlaid(with: changes)
  let system = try make(type, configuration)
  let source = FieldSource(configuration.plan.fields, count: configuration.batchSize)
  let stage = configuration.plan.stages.last?.name ?? "training"
  let step = TrainingStep(index: 0, stage: stage, draws: NamedDraws(), source: source)
  try step.run { try system.step($0) }
  return Dictionary(step.logged.map { ($0.name, $0.value.item()) }) { _, last in last }
}

@Suite struct DiscriminatorAugmentationTests {
  private static let formCount = 19

  @Test func everySystemThatHasTheKeysIsHere() throws {
    func hasKeys<System: GenerativeSystem>(_ type: System.Type) -> Bool {
      let keys = System.Configuration().keys
      let wanted = ["diffAugment", "augmentationTarget", "augmentationRamp"].filter(keys.contains)
      #expect(wanted.isEmpty || wanted.count == 3, "\(type.identity.name) has \(wanted) alone")
      return !wanted.isEmpty
    }
    let names = SystemRegistry.standard.systems.filter { hasKeys($0) }.map { $0.identity.name }
    #expect(Set(names) == Set(makeForms().map { $0.type.identity.name }))
    #expect(makeForms().count == Self.formCount)
  }

  @Test(arguments: 0..<formCount) func theReferenceConfigurationChangesNothing(_ index: Int) throws {
    func values<System: GenerativeSystem>(_ type: System.Type) throws -> [String: ConfigurationValue] {
      try System.Configuration().values()
    }
    let values = try values(makeForms()[index].type)
    #expect(values["diffAugment"] == .list([]))
    #expect(values["augmentationTarget"] == .integer(0) || values["augmentationTarget"] == .number(0))
  }

  @Test(arguments: 0..<formCount)
  func aStepAtProbabilityZeroIsOneWithoutAnyChange(_ index: Int) throws {
    let form = makeForms()[index]
    let plain = try firstStep(form.type, form.off)
    let changed = try firstStep(form.type, form.always)
    #expect(plain["augmentationProbability"] == nil && changed["augmentationProbability"] == nil)
    let isFinite = changed.values.allSatisfy { $0.isFinite }
    #expect(isFinite)
    #expect(plain.contains { $0.value != changed[$0.key] }, "the discriminator saw what it always sees")
    guard form.takesTarget else { return }
    let adaptive = try firstStep(form.type, form.adaptive)
    #expect(adaptive["augmentationProbability"] == 0)
    // Shares of right decisions jump with a score that is rounded the other way.
    for (name, value) in plain where !name.contains("ccuracy") {
      let other = try #require(adaptive[name])
      #expect(abs(other - value) <= 0.01 * max(1, abs(value)), "\(name): \(other), not \(value)")
    }
  }

  @Test(arguments: 0..<formCount) func resumingIsExactWithChangedPictures(_ index: Int) throws {
    let folder = try TemporaryFolder()
    let data = folder("data")
    try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
    let form = makeForms()[index]
    try form.write(data)
    // Five steps: one adjustment lies behind, and the sums for the next have begun.
    #expect(try SystemHarness(form.type, form.adaptive, data: data).resumesExactly(half: 5))
  }

  // MARK: The probability

  private func augmentation(
    _ changes: [DiffAugment.Change] = [.translation], target: Double = 0.4, ramp: Double = 16,
    threshold: Double = 0
  ) -> DiscriminatorAugmentation {
    DiscriminatorAugmentation(changes, target: target, ramp: ramp, threshold: threshold)
  }

  private func steps(_ count: Int, _ augment: DiscriminatorAugmentation, _ scores: [Tensor]) -> Double {
    for _ in 0..<count {
      augment.observe(realScores: scores)
      augment.endStep()
    }
    return augment.probability
  }

  @Test func theProbabilityRisesWhereRealPicturesAreKnownAndFallsWhereNot() {
    let augment = augmentation()
    let (sure, unsure) = (Tensor([3, 0.1] as [Float]), Tensor([3, -0.1] as [Float]))
    #expect(steps(3, augment, [sure]) == 0)
    #expect(steps(1, augment, [sure]) == 0.5)
    // Eight pictures more reach 1, and further ones go no further.
    #expect(steps(8, augment, [sure]) == 1)
    #expect(steps(4, augment, [unsure]) == 0.5)
    #expect(steps(8, augment, [unsure]) == 0)
  }

  @Test func aScoreCountsByTheSideOfItsLossesBorder() {
    let likely = Tensor([0.3, 0.3] as [Float])
    #expect(steps(4, augmentation(threshold: 0), [likely]) == 0.5)
    #expect(steps(4, augmentation(threshold: 0.5), [likely]) == 0)
    #expect(steps(4, augmentation(threshold: 0.5), [likely + 0.3]) == 0.5)
  }

  @Test func aMapOfScoresCountsAsOnePictureAndEveryScaleAlike() {
    let large = Tensor.ones([2, 1, 4, 4])
    let small = Tensor([1, -1, 1, -1] as [Float], shape: [2, 1, 2, 1])
    // Signs of 1 and of 0: their mean is ½, whatever the number of patches.
    #expect(steps(4, augmentation(target: 0.4), [large, small]) == 0.5)
    #expect(steps(4, augmentation(target: 0.6), [large, small]) == 0)
  }

  @Test func withoutATargetThereIsNoStateAndEveryPictureIsChanged() throws {
    let augment = augmentation(target: 0)
    #expect(steps(8, augment, [.ones([4])]) == 1 && augment.state.isEmpty)
    let adaptive = augmentation()
    _ = steps(5, adaptive, [.ones([4])])
    let other = augmentation()
    try other.restore(adaptive.state)
    #expect(other.probability == adaptive.probability)
    #expect(other.state.map(\.tensor) == adaptive.state.map(\.tensor))
    #expect(throws: ConfigurationError.self) { try augment.restore(adaptive.state) }
    #expect(throws: ConfigurationError.self) { try adaptive.restore([]) }
  }

  @Test func aSystemsProbabilityFollowsItsDiscriminator() throws {
    let form = try #require(makeForms().first { $0.type is LSGAN.Type })
    let system = try make(LSGAN.self, preset(LSGAN.self, "small").overlaid(with: form.adaptive))
    let head = try #require(system.network("discriminator")).module.namedParameters()
    func fix(score: Double) {
      withoutGradients {
        for (name, tensor) in head where name.hasPrefix("head.") {
          tensor.fill(name == "head.bias" ? score : 0)
        }
      }
    }
    fix(score: 1)
    // Four batches of four, and a ramp of sixteen pictures.
    let rising = try train(system, steps: 0..<4).compactMap { $0["augmentationProbability"] }
    #expect(rising == [0, 0, 0, 1])
    // Above 0, and yet on the generated side of ½.
    fix(score: 0.3)
    let falling = try train(system, steps: 4..<8).compactMap { $0["augmentationProbability"] }
    #expect(falling == [1, 1, 1, 0])
  }

  // MARK: Pictures beside one another

  private let pictures = RandomStream(seed: 2).uniform([64, 3, 8, 8]) * 2 - 1

  /// An augmentation whose probability is ½.
  private func halfway(_ changes: [DiffAugment.Change]) -> DiscriminatorAugmentation {
    let augment = augmentation(changes)
    _ = steps(4, augment, [.ones([2])])
    return augment
  }

  @Test func aConditionMovesWithItsPictureWhicheverAreChosen() {
    let augment = halfway([.translation, .cutout])
    #expect(augment.probability == 0.5)
    let draws = StreamDraws(RandomStream(seed: 3))
    let joined = augment(pictures, beside: pictures, draws: draws, name: "d")
    let (condition, picture) = (joined.slice(1, 0, 3), joined.slice(1, 3, 6))
    #expect(condition.floats() == picture.floats())
    // Some are changed and some are not, each for itself.
    let isChanged = picture.notEqual(pictures).asType(.float32).mean(dims: [1, 2, 3]).greater(0)
    let share: Double = isChanged.asType(.float32).mean().item()
    #expect(share > 0.3 && share < 0.95)
  }

  @Test func aConditionKeepsItsColours() {
    let augment = halfway([.color])
    let joined = augment(
      pictures, beside: pictures, draws: StreamDraws(RandomStream(seed: 4)), name: "d")
    #expect(joined.slice(1, 0, 3).floats() == pictures.floats())
    #expect(joined.slice(1, 3, 6).floats() != pictures.floats())
  }

  @Test func whatIsComparedAfterwardsIsChangedAlike() {
    for augment in [halfway([.color, .translation]), augmentation([.color, .cutout], target: 0)] {
      let draws = StreamDraws(RandomStream(seed: 5))
      let seen = augment.alike([pictures, pictures], beside: pictures, draws: draws, name: "d")
      #expect(seen[0].floats() == seen[1].floats())
      let again = augment.alike([pictures], beside: pictures, draws: draws, name: "d")
      #expect(again[0].floats() != seen[0].floats())
    }
  }

  @Test func picturesFromZeroToOneAreChangedAsTheSameOnesFromMinusOne() {
    func changed(_ x: Tensor, isUnit: Bool) -> Tensor {
      DiscriminatorAugmentation(
        [.color, .translation], target: 0, ramp: 1, threshold: 0, isUnit: isUnit)(
          x, draws: StreamDraws(RandomStream(seed: 7)), name: "d")
    }
    let signed = changed(pictures, isUnit: false)
    let unit = changed((pictures + 1) / 2, isUnit: true)
    let difference: Double = (unit * 2 - 1 - signed).abs().max().item()
    #expect(difference < 1e-4)
  }

  // MARK: Configurations

  @Test func whatCannotWorkIsRefused() throws {
    func sentence<System: GenerativeSystem>(
      _ type: System.Type, _ changes: [String: ConfigurationValue]
    ) throws -> String {
      refusal(try preset(type, "small").overlaid(with: changes))
    }
    let coloured: [String: ConfigurationValue] = ["diffAugment": ["color"]]
    let adaptive: [String: ConfigurationValue] = ["diffAugment": ["color"], "augmentationTarget": 0.6]
    var critic = adaptive
    critic["loss"] = "wasserstein"
    let steered: [String: ConfigurationValue] = ["augmentationTarget": 0.6]
    let twice: [String: ConfigurationValue] = ["diffAugment": ["color", "color"]]
    let high: [String: ConfigurationValue] = ["augmentationTarget": 1]
    #expect(try sentence(WGANGP.self, adaptive).contains("Wasserstein"))
    #expect(try sentence(WGANGP.self, coloured).isEmpty)
    #expect(try sentence(BigGAN.self, critic).contains("Wasserstein"))
    #expect(try sentence(LSGAN.self, steered).contains("diffAugment"))
    #expect(try sentence(SPADE.self, twice).contains("twice"))
    #expect(try sentence(MUNIT.self, high).contains("0 ..< 1"))
  }
}
