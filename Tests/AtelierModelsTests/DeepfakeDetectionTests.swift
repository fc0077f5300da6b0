import Atelier
import Foundation
import TestSupport
import Testing
import Torch
import TorchNN

@Suite struct DeepfakeDetectionTests {
  private static let tinyKeys: [String: ConfigurationValue] = [
    "imageSize": 16, "channels": [2, 3, 4, 5], "batchSize": 4,
  ]

  private func tiny(_ changes: [String: ConfigurationValue] = [:]) throws -> DeepfakeDetection.Configuration {
    let small = try #require(DeepfakeDetection.Configuration.presets.last?.configuration)
    return try small.overlaid(with: Self.tinyKeys.merging(changes) { $1 })
  }

  private func system(_ changes: [String: ConfigurationValue] = [:]) throws -> DeepfakeDetection {
    try DeepfakeDetection(tiny(changes), artefacts: Artefacts(), using: RandomStream(seed: 3))
  }

  // MARK: Networks

  @Test func networksHaveTheAuthorsNumbersOfParameters() throws {
    // FaceForensics++'s Xception, and torchvision's ResNet-18 with two classes in place of a thousand.
    let counts = [20_811_050, 11_689_512 - 513_000 + 1026]
    for (preset, count) in zip(DeepfakeDetection.Configuration.presets, counts) {
      let system = try withoutInitialWeights {
        try DeepfakeDetection(preset.configuration, artefacts: Artefacts(), using: RandomStream(seed: 0))
      }
      #expect(system.network("classifier")?.module.parameterCount == count, "\(preset.name)")
    }
  }

  @Test func namesAreThoseOfTheAuthorsFiles() throws {
    let residual = try #require(system().network("classifier"))
    let names = try residual.authorsNames.translate(
      names: residual.module.hostState().map(\.name), toOurs: false)
    #expect(names.prefix(2) == ["model.conv1.weight", "model.bn1.weight"])
    #expect(names.contains("model.layer2.0.downsample.1.running_mean"))
    #expect(names.suffix(2) == ["model.fc.weight", "model.fc.bias"])
    let dropped = try #require(
      system([
        "model": "xception", "imageSize": 32, "channels": [2, 2, 2, 2, 3, 2, 2, 2], "dropout": 0.5,
      ]).network("classifier"))
    let others = try dropped.authorsNames.translate(
      names: dropped.module.hostState().map(\.name), toOurs: false)
    #expect(
      others.contains("model.block1.rep.0.conv1.weight") && others.contains("model.block2.rep.2.running_var"))
    #expect(others.contains("model.block12.skipbn.weight") && others.contains("model.conv3.pointwise.weight"))
    #expect(others.suffix(2) == ["model.last_linear.1.weight", "model.last_linear.1.bias"])
  }

  @Test func heatMapsAreGradCAMOfTheLogOdds() throws {
    let system = try system(["imageSize": 64])
    let classifier = try #require(system.network("classifier")).module
    classifier.eval()
    let images = RandomStream(seed: 1).normal([2, 3, 64, 64])
    let (odds, heat) = try withoutGradients {
      (try system.logOdds(of: images), try system.heatMaps(of: images))
    }
    let network = try #require(system.network("classifier"))
    let logits = try #require(try withoutGradients { try network.forward(nil, ["image": images])["logits"] })
    let values = logits.floats()
    for (index, value) in odds.floats().enumerated() {
      #expect(abs(value - (values[2 * index + 1] - values[2 * index])) < 1e-5)
    }
    #expect(heat.shape == [2, 64, 64])
    for index in 0..<2 {
      let own = heat.selected(dim: 0, index: index).contiguous().floats()
      #expect(own.allSatisfy { $0 >= 0 && $0 <= 1 })
      #expect(own.max() == 0 || abs((own.max() ?? 0) - 1) < 1e-5)
    }
  }

  @Test func aModelOfOtherClassesIsNoDetector() throws {
    let system = try system(["classes": 1000])
    #expect {
      _ = try system.logOdds(of: .zeros([1, 3, 16, 16]))
    } throws: { "\($0)".contains("1000 classes") }
  }

  // MARK: Training

  @Test func theLastLayerLearnsAloneAtFirst() throws {
    let system = try system(["headSteps": 1])
    let classifier = try #require(system.network("classifier")).module
    func step(_ index: Int) throws -> Set<String> {
      let before = classifier.namedParameters().map { ($0.name, $0.tensor.host()) }
      let batch = Batch([
        "image": RandomStream(seed: UInt64(index)).normal([4, 3, 16, 16]), "label": Tensor([0, 1, 1, 0]),
      ])
      try Trial.step(system, batch, index: index)
      let after = Dictionary(
        uniqueKeysWithValues: classifier.namedParameters().map { ($0.name, $0.tensor.host()) })
      return Set(before.filter { after[$0.0] != $0.1 }.map(\.0))
    }
    #expect(try step(0) == ["last_linear.weight", "last_linear.bias"])
    #expect(try step(1).count == classifier.namedParameters().count)
  }

  @Test func passesOfTheLastLayerAreStepsOfTheData() throws {
    let facts = DataFacts(
      description: DatasetDescription(
        layout: .classFolders, name: "faces", split: .train, count: 103, classNames: ["real", "fake"],
        fingerprint: ""), artefacts: Artefacts())
    let adapted = try DeepfakeDetection.adapted(tiny(["headEpochs": 3]), to: facts)
    #expect(adapted.headSteps == 75 && adapted.plan.stages.map(\.name) == ["last-layer", "everything"])
    #expect(adapted.plan.stages.map(\.steps) == [75, nil])
    #expect(try tiny(["headSteps": 0]).plan.stages.count == 1)
  }

  @Test func aRunOfBothStagesResumesAndDrawsToTheByte() throws {
    let folder = try TemporaryFolder()
    let harness = try SystemHarness(
      DeepfakeDetection.self,
      Self.tinyKeys.merging(["headSteps": 2, "dropout": 0.3]) { $1 },
      data: TinyLayout.frames.write(in: folder.url))
    #expect(try harness.takesTwoSteps())
    #expect(try harness.isDeterministic())
    #expect(try harness.resumesExactly())
  }

  @Test func itTellsManipulatedPicturesFromOthers() throws {
    Engine.threadCount = 1
    let system = try system(["channels": [4, 4, 8, 8], "learningRate": 0.01])
    let real = RandomStream(seed: 5).normal([8, 3, 16, 16]) * 0.3
    let fake = Tensor.concatenated([real.slice(3, 0, 8), real.slice(3, 8, 16) * 3], dim: 3)
    let batch = Batch([
      "image": .concatenated([real, fake], dim: 0),
      "label": Tensor([Int](repeating: 0, count: 8) + [Int](repeating: 1, count: 8)),
    ])
    let losses = try (0..<40).map { try #require(try Trial.step(system, batch, index: $0)["crossEntropy"]) }
    #expect(losses[39] < losses[0] / 2)
  }

  @Test func valuesThatDoNotFitAreRefused() throws {
    let wrong: [[String: ConfigurationValue]] = [
      ["channels": [1, 2, 3]], ["model": "xception"], ["classes": 1], ["dropout": 1], ["batchSize": 1],
      ["headSteps": -1], ["headEpochs": -1], ["fullSteps": 0], ["learningRate": 0], ["imageSize": 0],
      ["model": "xception", "channels": [1, 1, 1, 1, 1, 1, 1, 1], "imageSize": 5],
    ]
    for change in wrong {
      #expect(throws: ConfigurationError.self, "\(change)") { try tiny(change).validate() }
    }
    try tiny().validate()
  }

  // MARK: Weights

  @Test(arguments: [true, false])
  func filesOfImageNetAreToldByNamesAndShapes(_ isXception: Bool) throws {
    let model: [String: ConfigurationValue] =
      isXception
      ? ["model": "xception", "imageSize": 40, "channels": [2, 3, 4, 5, 6, 7, 8, 9], "classes": 11]
      : ["classes": 11]
    let own = try system(model)
    let network = try #require(own.network("classifier"))
    var tensors: [(name: String, tensor: HostTensor)] = []
    for (name, tensor) in try network.authorsNames.translate(network.module.hostState(), toOurs: false)
    where !name.hasSuffix("num_batches_tracked") {
      var name = name.replacingOccurrences(of: "model.", with: "")
      name = name.replacingOccurrences(of: "last_linear", with: "fc")
      let isFlat = name.hasSuffix("pointwise.weight")
      tensors.append(
        (
          name,
          isFlat
            ? HostTensor(shape: Array(tensor.shape.prefix(2)), dtype: tensor.dtype, bytes: tensor.bytes)
            : tensor
        ))
    }
    let file = ForeignWeights(url: URL(fileURLWithPath: "imagenet.pth"), tensors: tensors)
    let (imported, untouched) = try DeepfakeDetection.importing(
      [file], changes: ["imageSize": .integer(isXception ? 40 : 16)], using: RandomStream(seed: 9))
    #expect(untouched.isEmpty && imported.configuration.classes == 11)
    let found = try #require(imported.network("classifier")).module
    #expect(found.hostState().map(\.tensor) == network.module.hostState().map(\.tensor))
  }

  @Test func deeperResidualNetworksAreRefused() throws {
    let file = ForeignWeights(
      url: URL(fileURLWithPath: "resnet34.pth"),
      tensors: (0..<3).map {
        ("layer1.\($0).conv1.weight", HostTensor([Float](repeating: 0, count: 9), shape: [1, 1, 3, 3]))
      }
        + (2...4).map {
          ("layer\($0).0.conv1.weight", HostTensor([Float](repeating: 0, count: 9), shape: [1, 1, 3, 3]))
        }
        + [("fc.weight", HostTensor([Float](repeating: 0, count: 2), shape: [2, 1]))])
    #expect {
      _ = try DeepfakeDetection.recognise([file])
    } throws: { "\($0)".contains("18 layers") }
  }

  // MARK: Videos

  @Test func framesBecomeAVideosScore() throws {
    let odds = [-2.0, 0, 2]
    #expect(abs(try #require(VideoScore.mean(odds)) - 0.5) < 1e-12)
    #expect(VideoScore.meanLogit(odds) == 0.5 && VideoScore.median(odds) == 0.5)
    #expect(VideoScore.share(odds) == 1.0 / 3)
    let nine = (0..<12).map { Double($0) - 6 }
    let two = [5.0, 4].map(VideoScore.probability).reduce(0, +) / 2
    #expect(abs(try #require(VideoScore.top(nine)) - two) < 1e-12)
    for score in VideoScore.allCases { #expect(score([]) == nil) }
  }
}
