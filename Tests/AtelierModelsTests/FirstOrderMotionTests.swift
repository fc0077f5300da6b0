import Atelier
import Foundation
import TestSupport
import Testing
import Torch

@Suite struct FirstOrderMotionTests {
  private func tiny(
    _ change: (inout FirstOrderMotion.Configuration) -> Void = { _ in }
  ) -> FirstOrderMotion.Configuration {
    var configuration = FirstOrderMotion.Configuration()
    configuration.imageSize = 32
    configuration.keypoints = 3
    configuration.scaleFactor = 0.5
    configuration.detector = .init(width: 2, maximumWidth: 4, blocks: 2)
    configuration.denseMotion = .init(width: 2, maximumWidth: 4, blocks: 2)
    configuration.generator = .init(width: 2, maximumWidth: 4, downsamplings: 1, blocks: 1)
    configuration.discriminator = .init(
      width: 2, maximumWidth: 4, blocks: 2, spectralNorm: false, keypoints: true)
    configuration.pyramid = [1, 0.5]
    configuration.lossWeights.featureMatching = [1, 1]
    configuration.lossWeights.perceptual = [0, 0, 0, 0, 0]
    configuration.batchSize = 2
    change(&configuration)
    return configuration
  }

  private let clip = RandomStream(seed: 3).uniform([1, 5, 3, 32, 32])

  private func drawn(
    _ system: FirstOrderMotion, _ change: (inout AnimationDrawing) -> Void = { _ in }
  ) throws -> Tensor {
    var drawing = AnimationDrawing()
    change(&drawing)
    let request = Request(
      conditions: ["source": .tensor(clip.selected(dim: 1, index: 0)), "driving": .tensor(clip)],
      sampling: drawing, draws: StreamDraws(RandomStream(seed: 1)))
    var found: Tensor?
    try system.draw(request) { found = $0.tensor }
    return try #require(found)
  }

  // MARK: Drawing

  @Test func aVideoHasAFrameForEachThatDrivesIt() throws {
    for configuration in [
      tiny(), tiny { ($0.jacobian, $0.occlusion) = (false, false) },
      tiny { ($0.singleJacobian, $0.alignCorners, $0.scaleFactor) = (true, false, 1) },
    ] {
      let system = try Trial.make(FirstOrderMotion.self, configuration)
      for relative in [true, false] {
        let video = try drawn(system) { $0.relative = relative }
        #expect(video.shape == [1, 5, 3, 32, 32])
        #expect(video.floats().allSatisfy { (0...1).contains($0) })
      }
    }
  }

  @Test func theFirstFrameOfTheOwnVideoIsTheSameByBothKindsOfMotion() throws {
    let system = try Trial.make(FirstOrderMotion.self, tiny())
    let relative = try drawn(system).selected(dim: 1, index: 0)
    let absolute = try drawn(system) { $0.relative = false }.selected(dim: 1, index: 0)
    #expect((relative - absolute).abs().max().item() < 1e-4)
  }

  @Test func aSessionGivesTheFramesOfTheWholeVideo() throws {
    let system = try Trial.make(FirstOrderMotion.self, tiny())
    let whole = try drawn(system)
    let session = try system.drawing {
      try system.open(
        Request(
          conditions: ["source": .tensor(clip.selected(dim: 1, index: 0))], sampling: AnimationDrawing(),
          draws: StreamDraws(RandomStream(seed: 1))))
    }
    for index in 0..<5 {
      let frame = try system.drawing {
        try session.advance(["driving": .tensor(clip.selected(dim: 1, index: index))]).tensor
      }
      let difference = try #require(frame) - whole.selected(dim: 1, index: index)
      #expect(difference.abs().max().item() < 1e-4)
    }
  }

  @Test func theBestFrameOfTheOwnVideoIsTheImageItself() throws {
    let system = try Trial.make(FirstOrderMotion.self, tiny())
    let distances = try system.drawing {
      try system.poseDistances(
        of: clip.selected(dim: 1, index: 3), to: clip.selected(dim: 0, index: 0))
    }
    #expect(distances.count == 5 && distances[3] < 1e-9)
    #expect(distances.indices.min { distances[$0] < distances[$1] } == 3)
    #expect(throws: ConfigurationError.self) {
      try drawn(system) { ($0.relative, $0.bestFrame) = (false, true) }
    }
  }

  @Test func aHullHasTheAreaOfItsCorners() {
    let square: [KeypointGeometry.Point] = [(0, 0), (2, 0), (1, 1), (2, 2), (0, 2), (1, 0)]
    #expect(KeypointGeometry.hullArea(square) == 4)
    #expect(KeypointGeometry.hullArea([(0, 0), (1, 1), (2, 2)]) == 0)
    #expect(KeypointGeometry.hullArea([(0, 0), (1, 0), (0, 1)]) == 0.5)
  }

  // MARK: Training

  @Test func runsResumeToTheByte() throws {
    let folder = try TemporaryFolder()
    let data = folder("data")
    try TinyData.writeVideos(to: data, size: 32)
    let harness = try SystemHarness(
      FirstOrderMotion.self,
      [
        "imageSize": 32, "keypoints": 3, "detector": .table(["width": 2, "maximumWidth": 4, "blocks": 2]),
        "denseMotion": .table(["width": 2, "maximumWidth": 4, "blocks": 2]),
        "generator": .table(["width": 2, "maximumWidth": 4, "blocks": 1]),
        "discriminator": .table(["width": 2, "maximumWidth": 4, "blocks": 2]), "pyramid": [1, 0.5],
        "lossWeights": .table(["adversarial": 1]), "batchSize": 2,
      ], data: data)
    #expect(try harness.takesTwoSteps())
    #expect(try harness.isDeterministic())
    #expect(try harness.resumesExactly())
  }

  @Test func aPairIsLearned() throws {
    let system = try Trial.make(
      FirstOrderMotion.self,
      tiny {
        ($0.learningRate, $0.lossWeights.adversarial, $0.lossWeights.reconstruction) = (5e-3, 0, 10)
        ($0.flips, $0.colourJitter) = (false, 0)
        $0.generator = .init(width: 8, maximumWidth: 16, downsamplings: 1, blocks: 1)
      })
    let frames = TinyData.coloured(number: 3, width: 32, height: 32)
    let image = Tensor(frames.bytes.map { Float($0) / 255 }, shape: [32, 32, 3]).permuted([2, 0, 1])
    let moved = image.flipped([2])
    let batch = Batch(["video": Tensor.stacked([image, moved]).unsqueezed(0).repeated([2, 1, 1, 1, 1])])
    let losses = try (0..<60).map {
      try #require(try Trial.step(system, batch, index: $0)["reconstruction"])
    }
    #expect(losses[59] < losses[0] / 2)
  }

  @Test func withoutAnAdversarialWeightNoDiscriminatorIsTrained() throws {
    let system = try Trial.make(FirstOrderMotion.self, tiny { $0.lossWeights.adversarial = 0 })
    let before = try #require(system.network("discriminator")).module.hostState().map(\.tensor)
    let losses = try Trial.step(system, Batch(["video": clip.slice(1, 0, 2).repeated([2, 1, 1, 1, 1])]))
    #expect(losses["adversarial"] == nil && losses["discriminator"] == nil && losses["equivariance"] != nil)
    #expect(system.network("discriminator")?.module.hostState().map(\.tensor) == before)
  }

  // MARK: Weights

  @Test func aCheckpointTellsTheConfiguration() throws {
    for configuration in [
      tiny(),
      tiny {
        ($0.jacobian, $0.occlusion, $0.scaleFactor) = (false, false, 1)
        ($0.discriminator.spectralNorm, $0.discriminator.keypoints) = (true, false)
        $0.discriminatorScales = [1, 0.5]
      },
      tiny { $0.singleJacobian = true },
    ] {
      let system = try Trial.make(FirstOrderMotion.self, configuration)
      let keys = ["detector": "kp_detector", "generator": "generator", "discriminator": "discriminator"]
      var tensors: [(name: String, tensor: HostTensor)] = []
      for network in system.networks {
        let key = try #require(keys[network.name])
        tensors += try network.authorsNames.translate(network.module.hostState(), toOurs: false).map {
          ("\(key).\($0.name)", $0.tensor)
        }
      }
      let file = ForeignWeights(url: URL(fileURLWithPath: "/vox-cpk.pth.tar"), tensors: tensors)
      let told = try FirstOrderMotion.Configuration().overlaid(
        with: FirstOrderMotion.recognise([file]).configuration)
      #expect(told.keypoints == 3 && told.jacobian == configuration.jacobian)
      #expect(told.singleJacobian == configuration.singleJacobian)
      #expect(told.occlusion == configuration.occlusion && told.generator == configuration.generator)
      #expect(told.detector == configuration.detector && told.denseMotion == configuration.denseMotion)
      #expect(told.discriminator == configuration.discriminator)
      #expect(told.discriminatorScales == configuration.discriminatorScales)
      let changes: [String: ConfigurationValue] = ["imageSize": 32, "pyramid": [1, 0.5]]
      let scale: [String: ConfigurationValue] = configuration.scaleFactor == 1 ? [:] : ["scaleFactor": 0.5]
      _ = try FirstOrderMotion.importing(
        [file],
        changes: changes.merging(scale) { one, _ in one }.merging(["lossWeights": .table(["perceptual": [0]])]
        ) {
          one, _ in one
        }, using: RandomStream(seed: 1))
    }
  }

  @Test func theNetworksHaveTheAuthorsNumbersOfParameters() throws {
    for (preset, discriminator) in [("vox", 2_758_849), ("vox-adv", 2_769_089)] {
      var configuration = try #require(
        FirstOrderMotion.Configuration.presets.first { $0.name == preset }
      ).configuration
      configuration.lossWeights.perceptual = [0]
      let system = try Trial.make(FirstOrderMotion.self, configuration)
      let counts = Dictionary(
        uniqueKeysWithValues: system.networks.map { ($0.name, $0.module.parameterCount) })
      #expect(counts == ["detector": 14_215_368, "generator": 45_575_391, "discriminator": discriminator])
      let dense = system.network("generator")?.module.namedParameters()
        .filter { $0.name.hasPrefix("dense_motion.") }.reduce(0) { $0 + $1.tensor.count }
      #expect(dense == 37_730_268)
    }
  }

  @Test func valuesThatDoNotFitAreRefused() {
    for change: (inout FirstOrderMotion.Configuration) -> Void in [
      { $0.keypoints = 0 }, { $0.temperature = 0 }, { $0.scaleFactor = 2 }, { $0.scaleFactor = 0 },
      { $0.imageSize = 34 }, { $0.discriminatorScales = [0.25] }, { $0.pyramid = [] },
      { $0.pyramid = [1, 1] },
      { $0.discriminator.blocks = 6 }, { $0.lossWeights.featureMatching = [1] },
      { $0.lossWeights.perceptual = [1, 1, 1, 1, 1, 1] }, { $0.lossWeights.equivariance = -1 },
      { $0.colourJitter = 1 }, { $0.milestones = [0] }, { $0.detector.blocks = 9 }, { $0.repeats = 0 },
    ] {
      #expect(throws: ConfigurationError.self) { try tiny(change).validate() }
    }
  }
}
