import Atelier
import Foundation
import TestSupport
import Testing
import Torch

@Suite struct FaceAnonymisationTests {
  private func ciagan(
    _ change: (inout CIAGAN.Configuration) -> Void = { _ in }
  ) -> CIAGAN.Configuration {
    var configuration = CIAGAN.Configuration()
    configuration.imageSize = 64
    configuration.identities = 3
    configuration.channels = [2, 2, 3, 3, 4]
    configuration.identityHidden = 4
    configuration.identityChannels = 2
    configuration.criticChannels = [2, 2, 3, 3]
    configuration.criticHidden = 4
    configuration.siameseChannels = [2, 2, 3, 3]
    configuration.siameseHidden = 4
    configuration.featureSize = 3
    configuration.generatorSteps = 1
    configuration.batchSize = 2
    change(&configuration)
    return configuration
  }

  private func deepPrivacy(
    _ change: (inout DeepPrivacy.Configuration) -> Void = { _ in }
  ) -> DeepPrivacy.Configuration {
    var configuration = DeepPrivacy.Configuration()
    configuration.imageSize = 16
    configuration.widths = [4, 3, 3]
    configuration.keypoints = 5
    configuration.latentChannels = 2
    configuration.penaltyInterval = 2
    configuration.batchSize = 2
    change(&configuration)
    return configuration
  }

  private func drawn(
    _ system: any GenerativeSystem, _ conditions: [String: ConditionValue],
    _ sampling: any Settings = NoSettings(), seed: UInt64 = 2
  ) throws -> Tensor {
    var found: Output?
    try system.draw(
      Request(conditions: conditions, sampling: sampling, draws: StreamDraws(RandomStream(seed: seed)))
    ) { found = $0 }
    return try #require(found?.tensor)
  }

  /// A face as a grid of points: the jaw a half circle, all else at the middle.
  private var outline: [Float] {
    (0..<68).flatMap { point -> [Float] in
      if point <= 16 {
        let angle = Double(point) / 16 * .pi
        return [Float(0.5 - 0.25 * cos(angle)), Float(0.5 + 0.25 * sin(angle))]
      }
      return point == 19 ? [0.4, 0.3] : point == 24 ? [0.6, 0.3] : [0.5, 0.5]
    }
  }

  // MARK: Drawing

  @Test func whatLiesOutsideTheMaskStaysAsItIs() throws {
    let image = RandomStream(seed: 1).uniform([1, 3, 80, 96])
    let mask = Tensor.concatenated([.zeros([1, 1, 80, 48]), .ones([1, 1, 80, 48])], dim: 3)
    let outside = image.slice(3, 0, 48).contiguous().floats()
    let first = try drawn(
      Trial.make(CIAGAN.self, ciagan()),
      [
        "image": .tensor(image), "landmarks": .tensor(.ones([1, 3, 80, 96])), "mask": .tensor(mask),
        "identity": .labels([1]),
      ])
    #expect(first.shape == [1, 3, 80, 96] && first.slice(3, 0, 48).contiguous().floats() == outside)
    let second = try drawn(
      Trial.make(DeepPrivacy.self, deepPrivacy()),
      [
        "image": .tensor(image), "mask": .tensor(mask),
        "keypoints": .tensor(RandomStream(seed: 3).uniform([1, 10])),
      ])
    #expect(second.shape == [1, 3, 80, 96] && second.slice(3, 0, 48).contiguous().floats() == outside)
  }

  @Test func anIdentityIsTheSameFaceForTheSameSeed() throws {
    let system = try Trial.make(CIAGAN.self, ciagan())
    let seen: [String: ConditionValue] = [
      "image": .tensor(RandomStream(seed: 1).uniform([1, 3, 64, 64])),
      "keypoints": .tensor(Tensor(outline, shape: [1, 136])),
    ]
    func face(_ more: [String: ConditionValue], seed: UInt64 = 2) throws -> [Float] {
      try drawn(system, seen.merging(more) { $1 }, seed: seed).floats()
    }
    let chosen = try face([:])
    #expect(try face([:]) == chosen)
    let faces = try (0..<3).map { try face(["identity": .labels([$0])]) }
    #expect(Set(faces).count == 3 && faces.contains(chosen))
  }

  @Test func truncationDecidesWhetherFacesDiffer() throws {
    let system = try Trial.make(DeepPrivacy.self, deepPrivacy())
    let seen: [String: ConditionValue] = [
      "image": .tensor(RandomStream(seed: 1).uniform([1, 3, 16, 16]) * 2 - 1),
      "keypoints": .tensor(RandomStream(seed: 3).uniform([1, 10])),
      "box": .tensor(Tensor([0.25, 0.25, 0.75, 0.75] as [Float], shape: [1, 4])),
    ]
    var sampling = InpaintingSettings()
    #expect(try drawn(system, seen, sampling).floats() == drawn(system, seen, sampling, seed: 5).floats())
    sampling.truncation = 2
    #expect(try drawn(system, seen, sampling).floats() != drawn(system, seen, sampling, seed: 5).floats())
    // Also where images of any size are translated.
    guard case .tensor(let image)? = seen["image"] else { return }
    func whole(_ settings: any Settings, seed: UInt64) throws -> [Float] {
      try withoutGradients {
        try system.translateWhole(
          image, direction: try #require(system.directions.first),
          draws: StreamDraws(RandomStream(seed: seed)), conditions: seen.filter { $0.key != "image" },
          sampling: settings
        ) { _ in [:] }.contiguous().floats()
      }
    }
    #expect(try whole(sampling, seed: 2) != whole(sampling, seed: 5))
    #expect(try whole(NoSettings(), seed: 2) == whole(NoSettings(), seed: 5))
  }

  @Test func requestsThatDoNotSayWhereTheFaceIsAreRefused() throws {
    let first = try Trial.make(CIAGAN.self, ciagan())
    let second = try Trial.make(DeepPrivacy.self, deepPrivacy())
    let image = ConditionValue.tensor(.zeros([1, 3, 64, 64]))
    let (mask, points) = (
      ConditionValue.tensor(.ones([1, 1, 64, 64])), ConditionValue.tensor(.zeros([1, 10]))
    )
    let wrong: [(any GenerativeSystem, [String: ConditionValue])] = [
      (first, ["image": image]), (first, ["image": image, "mask": mask]),
      (first, ["image": image, "identity": .labels([3])]),
      (first, ["image": image, "keypoints": .tensor(.zeros([1, 10]))]),
      (first, ["image": image, "mask": mask, "keypoints": .tensor(Tensor(outline, shape: [1, 136]))]),
      (second, ["image": image, "mask": mask]), (second, ["image": image, "keypoints": points]),
      (second, ["image": image, "keypoints": points, "box": .tensor(.zeros([1, 4]))]),
      (second, ["image": image, "keypoints": points, "mask": mask, "box": .tensor(.ones([1, 4]))]),
    ]
    for (system, conditions) in wrong {
      #expect(throws: ConfigurationError.self) { try drawn(system, conditions) }
    }
  }

  // MARK: Landmarks and keypoints

  @Test func aMaskGoesFromTheJawToTheBrows() throws {
    let mask = try FaceOutline(shares: outline).mask(width: 20, height: 20).floats()
    func isFace(_ x: Int, _ y: Int) -> Bool { mask[y * 20 + x] == 1 }
    // The chin lies at 0.75, the brows at 0.3, the sides at 0.25 and 0.75.
    #expect(isFace(10, 14) && isFace(10, 6) && isFace(6, 9) && isFace(13, 9))
    #expect(!isFace(10, 16) && !isFace(10, 5) && !isFace(4, 9) && !isFace(15, 9))
    #expect(throws: DatasetError.self) { try FaceOutline(shares: [0, 1]) }
  }

  @Test func aDrawingIsBlueOnWhite() throws {
    let drawing = try FaceOutline(shares: outline).drawing(size: 20).floats()
    func colour(_ x: Int, _ y: Int) -> [Float] { (0..<3).map { drawing[$0 * 400 + y * 20 + x] } }
    #expect(colour(5, 10) == [0, 0, 1] && colour(10, 15) == [0, 0, 1] && colour(0, 0) == [1, 1, 1])
  }

  // MARK: Training

  @Test(arguments: ["leastSquares", "wasserstein", "binaryCrossEntropy"])
  func ciaganRunsResumeToTheByte(_ objective: String) throws {
    let folder = try TemporaryFolder()
    let two = ConfigurationValue.list([.integer(2), .integer(2), .integer(3), .integer(3)])
    let harness = try SystemHarness(
      CIAGAN.self,
      [
        "imageSize": 64, "channels": .list([2, 2, 3, 3, 4].map { .integer($0) }), "identityHidden": 4,
        "identityChannels": 2, "criticChannels": two, "criticHidden": 4, "siameseChannels": two,
        "siameseHidden": 4, "featureSize": 3, "adversarialLoss": .string(objective), "siameseMask": true,
        "generatorSteps": 2, "batchSize": 2,
      ], data: TinyLayout.faces.write(in: folder.url))
    #expect(try harness.takesTwoSteps())
    #expect(try harness.isDeterministic())
    #expect(try harness.resumesExactly())
  }

  @Test(arguments: [0, 4])
  func deepPrivacyRunsResumeToTheByte(_ growth: Int) throws {
    let folder = try TemporaryFolder()
    let harness = try SystemHarness(
      DeepPrivacy.self,
      [
        "imageSize": 16, "widths": .list([4, 3, 3].map { .integer($0) }), "keypoints": 5,
        "latentChannels": 2, "growthImages": .integer(growth), "penaltyInterval": 2, "batchSize": 2,
        "residual": .boolean(growth == 0),
      ], data: TinyLayout.faces.write(in: folder.url))
    #expect(try harness.takesTwoSteps())
    #expect(try harness.isDeterministic())
    #expect(try harness.resumesExactly())
  }

  @Test func networksGrowAsTheAuthors() throws {
    var configuration = deepPrivacy()
    configuration.imageSize = 32
    configuration.widths = [4, 3, 3, 2]
    (configuration.growthImages, configuration.batchSizes) = (16, [4, 2, 2])
    // 8×8 for 16 images of 4, 16×16 for twice as many of 2, 32×32 without end.
    #expect(configuration.plan.stages.map(\.name) == ["8x8", "16x16", "32x32"])
    #expect(configuration.plan.stages.map(\.steps) == [4, 16, nil])
    let system = try Trial.make(DeepPrivacy.self, configuration)
    func transition(_ step: Int) -> Double {
      step < 4
        ? system.transition(at: step, of: (1, 0))
        : step < 20 ? system.transition(at: step, of: (2, 4)) : system.transition(at: step, of: (3, 20))
    }
    #expect(transition(3) == 1 && transition(4) == 0 && transition(7) == 0 && transition(8) == 0.5)
    #expect(transition(12) == 1 && transition(19) == 1 && transition(20) == 0 && transition(100) == 1)
    // Networks of a size compute with what belongs to it alone, and each stage has an optimiser of its own.
    #expect(
      system.optimizers.map(\.name).filter { $0.hasPrefix("gen") } == [
        "generator-8", "generator-16", "generator-32",
      ])
    let batch = Batch([
      "image": RandomStream(seed: 1).uniform([2, 3, 32, 32]), "mask": .zeros([2, 1, 32, 32]),
      "keypoints": RandomStream(seed: 2).uniform([2, 10]),
    ])
    for step in [0, 5, 21] {
      let losses = try Trial.step(system, batch, index: step)
      #expect(losses.values.allSatisfy(\.isFinite) && losses["transition"] == transition(step))
    }
  }

  @Test func theContrastOfIdentitiesHasAMargin() throws {
    // A siamese network that gives one vector for all images: half the squared margin for two people, 0 for one.
    let system = try Trial.make(CIAGAN.self, ciagan())
    for parameter in system.networks[2].module.parameters() {
      withoutGradients { parameter.copy(from: .zeros(like: parameter)) }
    }
    let image = RandomStream(seed: 1).uniform([2, 3, 64, 64])
    func loss(wanted: [Int]) throws -> Double {
      let batch = Batch([
        "image": image, "landmarks": image, "mask": .ones([2, 1, 64, 64]), "target": image,
        "targetMask": .ones([2, 1, 64, 64]), "identity": Tensor([0, 1]), "wanted": Tensor(wanted),
      ])
      // The siamese network, the critic and the generator take batches of their own.
      let step = TrainingStep(
        index: 0, draws: StreamDraws(RandomStream(seed: 2)),
        source: Trial.Source([Batch](repeating: batch, count: 20)))
      try step.run(system.step)
      return try #require(step.logged.first { $0.name == "siamese" }).value.item()
    }
    #expect(abs(try loss(wanted: [1, 0]) - 4.5) < 1e-3)
  }

  // MARK: Weights

  @Test func authorsWeightsTellTheConfiguration() throws {
    let configuration = ciagan { ($0.identities, $0.imageSize) = (5, 128) }
    let system = try Trial.make(CIAGAN.self, configuration)
    let files = try system.networks.map { network in
      ForeignWeights(
        url: URL(fileURLWithPath: "/\(network.name).pth"),
        tensors: try network.authorsNames.translate(network.module.hostState(), toOurs: false))
    }
    let told = try CIAGAN.Configuration().overlaid(with: CIAGAN.recognise(files).configuration)
    #expect(told.identities == 5 && told.imageSize == 128 && told.channels == configuration.channels)
    #expect(told.criticChannels == configuration.criticChannels && told.criticHidden == 4)
    #expect(told.siameseChannels == configuration.siameseChannels && told.featureSize == 3)
    _ = try CIAGAN.importing(files, using: RandomStream(seed: 1))
  }

  @Test func theNetworksHaveTheAuthorsNumbersOfParameters() throws {
    let system = try Trial.make(CIAGAN.self, CIAGAN.Configuration())
    #expect(system.networks.map(\.module.parameterCount) == [11_801_123, 18_233_409, 12_924_144])
    // Counted by hand from the layers of the authors' classes.
    let other = try Trial.make(DeepPrivacy.self, DeepPrivacy.Configuration())
    #expect(other.networks.map(\.module.parameterCount) == [47_595_110, 47_153_474])
  }

  @Test func valuesThatDoNotFitAreRefused() {
    for change: (inout CIAGAN.Configuration) -> Void in [
      { $0.imageSize = 32 }, { $0.imageSize = 80 }, { $0.channels = [1, 2] }, { $0.identities = 1 },
      { $0.margin = 0 }, { $0.criticSteps = 0 },
    ] {
      #expect(throws: ConfigurationError.self) { try ciagan(change).validate() }
    }
    for change: (inout DeepPrivacy.Configuration) -> Void in [
      { $0.imageSize = 32 }, { $0.widths = [4] }, { $0.transition = 2 }, { $0.penaltyInterval = 0 },
      { ($0.growthImages, $0.progressive) = (8, false) }, { ($0.growthImages, $0.startSize) = (8, 12) },
      { ($0.growthImages, $0.batchSizes) = (8, [1]) },
    ] {
      #expect(throws: ConfigurationError.self) { try deepPrivacy(change).validate() }
    }
  }
}
