import AtelierCore
import AtelierData
import AtelierGeneration
import AtelierMedia
import AtelierModels
import AtelierTraining
import Foundation
import Perception
import TestSupport
import Testing
import Torch
import TorchNN

/// A picture of waves, so that it has gradients everywhere.
private func waves(width: Int, height: Int, phase: Int) -> Image {
  let bytes = (0..<(width * height * 3)).map { place in
    UInt8(127.5 + 120 * sin(Double(place * (3 + phase)) * 0.05 + Double(phase)))
  }
  return Image(width: width, height: height, channels: 3, bytes: bytes)
}

/// Artefacts as `--content` and `--style` make them.
private func given(_ pictures: [String: Image], in folder: TemporaryFolder) throws -> Artefacts {
  var artefacts = Artefacts()
  for (name, image) in pictures {
    let file = folder("\(name).png")
    try image.write(to: file)
    try artefacts.add(GivenImage(name, ""), from: file)
  }
  return artefacts
}

@Suite struct StyleLossTests {
  /// Two channels over two places.
  private let features = Tensor([1, 2, 3, 4, 0, 1, -1, 2] as [Float], shape: [2, 2, 1, 2])

  @Test func gramMatricesAreThoseOfTheirPapers() {
    #expect(GramNormalization.gatys.matrix(features).floats() == [5, 11, 11, 25, 1, 2, 2, 5])
    #expect(
      GramNormalization.johnson.matrix(features).floats() == [1.25, 2.75, 2.75, 6.25, 0.25, 0.5, 0.5, 1.25])
    let joined = GramNormalization.tutorial.matrix(features)
    #expect(joined.shape == [1, 4, 4])
    // The pictures of a batch count as channels of one: 5 / (2 * 2 * 2), and 1·0 + 2·1 between pictures.
    #expect(joined.floats()[0] == 0.625 && joined.floats()[2] == 0.25)
    let unit = GramNormalization.unit.matrix(features)
    #expect(unit.square().sum(dims: [1, 2]).floats().allSatisfy { abs($0 - 1) < 1e-6 })
  }

  @Test func distancesOfStylesAreThoseOfTheirPapers() {
    let first = features.slice(0, 0, 1)
    let second = features.slice(0, 1, 2)
    func distance(_ gram: GramNormalization) -> Double {
      gram.distance(of: first, from: gram.matrix(second)).item()
    }
    // Differences of the Gram matrices: 4, 9, 9, 20; squares sum up to 578.
    #expect(abs(distance(.gatys) - 578 / (4 * 4 * 4)) < 1e-5)
    #expect(abs(distance(.johnson) - 578 / 16.0 / 4) < 1e-5)
    #expect(abs(distance(.tutorial) - 578 / 16.0 / 4) < 1e-5)
    // 5 + 2·22 + 125 over the lengths √892 and √34.
    let cosine = 174.0 / (892.0 * 34.0).squareRoot()
    #expect(abs(distance(.unit) - 2 * (1 - cosine)) < 1e-5)
    for gram in GramNormalization.allCases {
      #expect(gram.distance(of: features, from: gram.matrix(features)).item() < 1e-10)
    }
    // The style of one picture serves a whole batch.
    #expect(
      GramNormalization.johnson.distance(of: features, from: GramNormalization.johnson.matrix(first)).item()
        > 0)
  }

  @Test func contentDistancesAndTotalVariationAreClosedForms() {
    let other = features * 2
    #expect(abs(ContentDistance.mean(features, other).item() - 36.0 / 8) < 1e-6)
    #expect(abs(ContentDistance.halfSum(features, other).item() - 36.0 / 4) < 1e-6)
    let picture = Tensor([0, 1, 3, 7] as [Float], shape: [1, 1, 2, 2])
    #expect(totalVariation(picture).item() == 9 + 36 + 1 + 16)
    #expect(totalVariation(Tensor.ones([2, 3, 4, 4])).item() == 0)
  }
}

@Suite struct TransformNetworkTests {
  private func system(_ changes: [String: ConfigurationValue]) throws -> FastStyleTransfer {
    try FastStyleTransfer(
      FastStyleTransfer.Configuration().overlaid(with: changes), artefacts: Artefacts(),
      using: RandomStream(seed: 0))
  }

  @Test func theReferenceNetworkHasItsParameterCount() throws {
    #expect(try system([:]).network("generator")?.module.parameterCount == 1_679_235)
  }

  /// Waves in all weights, the same in PyTorch; mean, deviation and four values of the output.
  @Test(arguments: [
    ("johnson", "batch", 2, [128.42053, 36.90603, 106.3253, 100.9593, 142.6555, 137.692]),
    ("johnson", "instance", 1, [103.56622, 67.28350, 135.989, 84.7143, 142.8261, 109.4657]),
    ("lengstrom", "instance", 2, [126.90956, 92.37863, 111.8166, 188.4505, 172.1511, -19.934]),
  ])
  func theNetworksOfThePapersEqualPyTorch(
    _ generator: String, _ norm: String, _ blocks: Int, _ expected: [Double]
  ) throws {
    let system = try system([
      "generator": .string(generator), "norm": .string(norm), "width": 3, "blocks": .integer(blocks),
    ])
    let network = try #require(system.network("generator"))
    for (index, entry) in network.module.state().enumerated() where entry.tensor.requiresGradient {
      let shape = entry.tensor.shape
      let isMatrix = shape.count > 1
      let isScale = !isMatrix && (entry.name.hasSuffix("weight") || entry.name.hasSuffix("scale"))
      let factor = isMatrix ? 1 / Double(shape.dropFirst().reduce(1, *)).squareRoot() : 0.1
      let values = (0..<entry.tensor.count).map {
        sin(Double($0) * 0.37 + Double(index)) * factor + (isScale ? 1 : 0)
      }
      withoutGradients { entry.tensor.copy(from: Tensor(HostTensor(values, shape: shape))) }
    }
    let pixels = (0..<(2 * 3 * 24 * 28)).map { sin(Double($0) * 0.011) * 127.5 + 127.5 }
    let image = Tensor(HostTensor(pixels, shape: [2, 3, 24, 28])).asType(.float32)
    let output = try withoutGradients { try network.forward(nil, ["image": image]).required("image") }
    #expect(output.shape == [2, 3, 24, 28])
    let values = output.contiguous().asType(.float64)
    let flat = values.floats()
    let found =
      [values.mean().item(), values.reshaped([-1]).standardDeviation(dims: [0]).item()]
      + [0, 777, 2345, 4031].map { Double(flat[$0]) }
    #expect(zip(found, expected).allSatisfy { abs($0 - $1) < 2e-2 }, "\(found)")
  }

  @Test func anySizeComesBackAsItWentIn() throws {
    for (generator, upsampling) in [
      ("transformer-net", "transposed"), ("johnson", "transposed"), ("johnson", "resized"),
      ("lengstrom", "transposed"),
    ] {
      let system = try system([
        "generator": .string(generator), "upsampling": .string(upsampling), "width": 2, "blocks": 5,
      ])
      let parts = system.network("generator")?.module.allModules() ?? []
      let isTransposed = generator == "johnson" && upsampling == "transposed"
      #expect(parts.contains { $0 is ConvTranspose2d } == isTransposed)
      let draws = StreamDraws(RandomStream(seed: 0))
      let direction = try system.direction(named: nil)
      let picture = Tensor.linspace(0, 1, 3 * 16 * 20).reshaped([1, 3, 16, 20])
      let output = try withoutGradients { try system.translate(picture, direction: direction, draws: draws) }
      #expect(output.shape == picture.shape)
      #expect(output.min().item() >= -1 && output.max().item() <= 1)
    }
  }
}

@Suite struct FastStyleTransferTests {
  private static let tiny: [String: ConfigurationValue] = [
    "imageSize": 32, "width": 3, "blocks": 1, "batchSize": 2, "styleSize": 32,
    "styleLayers": ["relu1_2", "relu2_2"],
  ]

  private func harness(_ changes: [String: ConfigurationValue], in folder: TemporaryFolder) throws
    -> SystemHarness
  {
    let photographs = folder("photographs")
    try FileManager.default.createDirectory(at: photographs, withIntermediateDirectories: true)
    for number in 0..<4 {
      try waves(width: 40, height: 36, phase: number).write(
        to: photographs.appendingPathComponent("\(number).png"))
    }
    return try SystemHarness(
      FastStyleTransfer.self, Self.tiny.merging(changes) { _, new in new }, data: photographs,
      artefacts: given(["style": waves(width: 50, height: 30, phase: 9)], in: folder))
  }

  @Test(arguments: ["transformer-net", "johnson", "lengstrom"])
  func trainingChangesTheNetworkAndGoesOnExactly(_ generator: String) throws {
    let folder = try TemporaryFolder()
    let harness = try harness(["generator": .string(generator)], in: folder)
    #expect(try harness.takesTwoSteps())
    #expect(try harness.resumesExactly(half: 1))
    #expect(try harness.isDeterministic(steps: 1))
  }

  @Test func oneBatchIsLearned() throws {
    let folder = try TemporaryFolder()
    let (first, last) = try harness(["learningRate": 0.01], in: folder).overfitsOneBatch(steps: 25)
    #expect(last < 0.7 * first, "\(first) became \(last)")
  }

  @Test func eitherTermAloneIsEnough() throws {
    let folder = try TemporaryFolder()
    #expect(try harness(["weights": .table(["style": 0, "totalVariation": 1])], in: folder).takesTwoSteps())
    #expect(try harness(["weights": .table(["content": 0]), "gram": "unit"], in: folder).takesTwoSteps())
  }

  @Test func frozenWeightsAreRecordedAndNotSaved() throws {
    let folder = try TemporaryFolder()
    let run = try harness([:], in: folder).train(in: folder.url, options: SystemHarness.options(steps: 1))
    let store = CheckpointStore(run.checkpoints)
    let checkpoint = try #require(store.newestSound().checkpoint)
    #expect(checkpoint.state.hashes["weights/vgg16"] == "drawn")
    let model = checkpoint.url.appendingPathComponent(CheckpointStore.modelName)
    #expect(try Safetensors.header(of: model).entries.allSatisfy { $0.name.hasPrefix("network/generator/") })
    // Generation needs neither the VGG nor the style's picture.
    let loaded = try loadSystem(from: run.url, registry: .standard).system
    #expect((loaded.network("vgg16")?.module as? PerceptionNetwork)?.isFilled == false)
  }

  @Test func whatIsMissingIsSaidInOneLine() throws {
    let folder = try TemporaryFolder()
    let harness = try harness([:], in: folder)
    let data = try DataBinding.open(
      harness.data, for: FastStyleTransfer.self, configuration: harness.configuration,
      artefacts: harness.artefacts)
    let run = try RunDirectory.create(in: folder.url, name: "missing")
    #expect {
      try Training.start(
        data, in: run, options: SystemHarness.options(steps: 1), weights: WeightStore(folder("weights")))
    } throws: {
      "\($0)".contains("fast-style-transfer needs the weights 'vgg16'")
        && "\($0)".contains("atelier weights install vgg16")
    }
    let plain = try DataBinding.open(
      harness.data, for: FastStyleTransfer.self, configuration: harness.configuration)
    #expect {
      try Training.start(plain, in: run, options: SystemHarness.options(steps: 1), weights: .drawn())
    } throws: { "\($0)".contains("--style") }
  }

  @Test func valuesThatCannotWorkAreRefused() {
    let wrong: [[String: ConfigurationValue]] = [
      ["contentLayer": "relu2_3"], ["styleLayers": ["conv9_1"]], ["styleLayers": ["relu1_1", "relu1_1"]],
      ["weights": .table(["content": 0, "style": 0])], ["norm": "layer"], ["imageSize": 30],
      ["featureNormalization": "lpips"], ["weights": .table(["style": -1])],
    ]
    for changes in wrong {
      #expect(throws: ConfigurationError.self, "\(changes)") {
        try FastStyleTransfer.Configuration().overlaid(with: changes).validate()
      }
    }
    for preset in FastStyleTransfer.Configuration.presets {
      #expect(throws: Never.self) { try preset.configuration.validate() }
    }
  }
}

@Suite struct NeuralStyleTests {
  private func harness(_ changes: [String: ConfigurationValue], in folder: TemporaryFolder) throws
    -> SystemHarness
  {
    let tiny: [String: ConfigurationValue] = [
      "imageSize": 28, "iterations": 3, "contentLayers": ["conv_2"], "styleLayers": ["conv_1", "conv_3"],
      "start": "noise",
    ]
    return try SystemHarness(
      NeuralStyle.self, tiny.merging(changes) { _, new in new }, data: nil,
      artefacts: given(
        ["content": waves(width: 40, height: 30, phase: 1), "style": waves(width: 24, height: 50, phase: 2)],
        in: folder))
  }

  @Test(arguments: ["none", "strong-wolfe"])
  func optimisationByLBFGSGoesOnExactly(_ lineSearch: String) throws {
    let folder = try TemporaryFolder()
    let harness = try harness(["lineSearch": .string(lineSearch)], in: folder)
    #expect(try harness.takesTwoSteps())
    #expect(try harness.resumesExactly())
    #expect(try harness.isDeterministic(steps: 1))
    #expect(try harness.generatesDeterministically(isRandom: false))
  }

  @Test func optimisationByAdamGoesOnExactly() throws {
    let folder = try TemporaryFolder()
    let harness = try harness(["optimizer": "adam", "learningRate": 0.02], in: folder)
    #expect(try harness.resumesExactly())
    let (first, last) = try harness.overfitsOneBatch(steps: 15)
    #expect(last < first)
  }

  @Test func theLossFallsAndThePictureStaysInRange() throws {
    let folder = try TemporaryFolder()
    let (first, last) = try harness([:], in: folder).overfitsOneBatch(steps: 5)
    #expect(last < 0.5 * first)
  }

  @Test func theContentDecidesTheProportions() throws {
    let folder = try TemporaryFolder()
    let harness = try harness([:], in: folder)
    let data = try DataBinding.open(
      nil, for: NeuralStyle.self, configuration: harness.configuration, artefacts: harness.artefacts)
    #expect(data.configuration["imageHeight"] == 21 && data.configuration["imageWidth"] == 28)
  }

  @Test func onlyTermsWithWeightNeedTheirPicture() throws {
    var texture = NeuralStyle.Configuration()
    texture.weights.content = 0
    texture.start = .noise
    #expect(texture.plan.components(GivenImage.self).map(\.name) == ["style"])
    var features = NeuralStyle.Configuration()
    features.weights.style = 0
    #expect(features.plan.components(GivenImage.self).map(\.name) == ["content"])
    for preset in NeuralStyle.Configuration.presets {
      #expect(throws: Never.self) { try preset.configuration.validate() }
    }
  }
}

@Suite struct ForeignStyleTests {
  /// A tiny network of lengstrom's as its program leaves it: raw arrays and a manifest.
  @Test func rawArraysOfTensorFlowBecomeAModel() throws {
    let folder = try TemporaryFolder()
    let source = folder("checkpoint")
    try FileManager.default.createDirectory(at: source, withIntermediateDirectories: true)
    let width = 2
    var shapes: [[Int]] = []
    func layer(_ kernel: Int, _ inputs: Int, _ outputs: Int, isTransposed: Bool = false) {
      shapes += [
        [kernel, kernel, isTransposed ? outputs : inputs, isTransposed ? inputs : outputs], [outputs],
        [outputs],
      ]
    }
    layer(9, 3, width)
    layer(3, width, 2 * width)
    layer(3, 2 * width, 4 * width)
    for _ in 0..<2 { layer(3, 4 * width, 4 * width) }
    layer(3, 4 * width, 2 * width, isTransposed: true)
    layer(3, 2 * width, width, isTransposed: true)
    layer(9, width, 3)
    var manifest: [String: [String: Any]] = [:]
    for (index, shape) in shapes.enumerated() {
      let name = index == 0 ? "Variable" : "Variable_\(index)"
      manifest[name] = ["filename": name, "shape": shape]
      let values = (0..<shape.reduce(1, *)).map { Float($0 % 7) * 0.05 - 0.1 + Float(index) * 0.001 }
      try Data(HostTensor(values).bytes).write(to: source.appendingPathComponent(name))
    }
    try JSONSerialization.data(withJSONObject: manifest).write(
      to: source.appendingPathComponent("manifest.json"))

    let model = folder("model.safetensors")
    let outcome = try ForeignModels.write([source], as: FastStyleTransfer.self, to: model)
    #expect(outcome.configuration["generator"] == "lengstrom" && outcome.configuration["blocks"] == 1)
    #expect(outcome.untouched.isEmpty)
    let system = try loadSystem(from: model, registry: .standard).system
    let state = try #require(system.network("generator")).module.state()
    let first = try #require(state.first { $0.name == "down.0.weight" }).tensor
    // [outputs, inputs, height, width]: one step in the last place of the file is one in the first here.
    #expect(
      first.shape == [2, 3, 9, 9] && abs(first.contiguous().floats()[81 * 3] - (1 * 0.05 - 0.1)) < 1e-6)
    #expect(state.first { $0.name == "up.0.weight" }?.tensor.shape == [8, 4, 3, 3])

    try Data([0, 1, 2]).write(to: source.appendingPathComponent("Variable_1"))
    #expect(throws: ConfigurationError.self) {
      try ForeignModels.write([source], as: FastStyleTransfer.self, to: model)
    }
    #expect(throws: ConfigurationError.self) { try ForeignModels.write([source], as: DCGAN.self, to: model) }
  }

  @Test func runningStatisticsOfOldInstanceNormsAreLeftOut() throws {
    var configuration = FastStyleTransfer.Configuration()
    configuration.width = 2
    configuration.blocks = 2
    let system = try FastStyleTransfer(configuration, artefacts: Artefacts(), using: RandomStream(seed: 3))
    let network = try #require(system.network("generator"))
    var tensors = try network.authorsNames.translate(network.module.hostState(), toOurs: false)
    #expect(tensors.contains { $0.name == "res2.conv1.conv2d.weight" })
    tensors.append(("in1.running_mean", HostTensor([0, 0] as [Float])))
    tensors.append(("res1.in2.running_var", HostTensor([Float](repeating: 1, count: 8))))
    let file = ForeignWeights(url: URL(fileURLWithPath: "mosaic.pth"), tensors: tensors)
    let (imported, untouched) = try FastStyleTransfer.importing([file], using: RandomStream(seed: 0))
    #expect(untouched.isEmpty && imported.configuration.width == 2 && imported.configuration.blocks == 2)
    #expect(
      imported.network("generator")?.module.hostState().map(\.tensor)
        == network.module.hostState().map(\.tensor))
  }
}
