import AtelierCore
import AtelierData
import AtelierGeneration
import AtelierModels
import AtelierTraining
import Foundation
import TestSupport
import Testing
import Torch
import TorchNN

@Suite struct ExportTests {
  /// A system as it would come from a run.
  private func system<System: GenerativeSystem>(
    _ type: System.Type, _ changes: [String: ConfigurationValue], preset: String = "small"
  ) throws -> (System, ModelDescription) {
    let base = try #require(System.Configuration.presets.first { $0.name == preset }).configuration
    let configuration = try base.overlaid(with: changes)
    let system = try System(configuration, artefacts: Artefacts(), using: RandomStream(seed: 3))
    let data = DatasetDescription(
      layout: .memory, name: "none", split: .train, count: 0, fingerprint: "none")
    let description = ModelDescription(
      system: System.identity.name, configuration: try configuration.values(), data: data,
      artefacts: Artefacts(), step: 0)
    return (system, description)
  }

  private let unet: [String: ConfigurationValue] = [
    "width": .integer(2), "discriminatorWidth": .integer(2), "imageSize": .integer(64),
  ]

  @Test func dropoutsMasksAreInputsAndNormsUseTheGivenBatch() throws {
    let folder = try TemporaryFolder()
    var changes = unet
    changes["testBatchStatistics"] = .boolean(true)
    let (system, description) = try system(Pix2Pix.self, changes)
    let file = folder("unet.pt")
    let report = try ModelExport.torchScript(system, description, to: file, check: .libtorch)
    #expect(report.networks == ["generator"] && report.inputs == ["source", "dropout_1"])
    #expect(report.norm.contains("batch") && report.dropout.contains("inputs"))
    #expect((report.largestDifference ?? 1) < 1e-4)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path) == ["unet.pt"])
    // A mask of zeros is another picture than a mask of ones.
    let source = Tensor.ones([1, 3, 64, 64])
    let shape = [1, 16, 4, 4]
    let (none, all) = (
      try ScriptModule.run(file, [source, .zeros(shape)]), try ScriptModule.run(file, [source, .ones(shape)])
    )
    #expect(none.floats() != all.floats())
  }

  @Test func withoutDropoutAndWithRunningStatisticsThereIsOneInput() throws {
    let folder = try TemporaryFolder()
    let (system, description) = try system(
      Pix2Pix.self,
      unet.merging(["testDropout": .boolean(false), "testBatchStatistics": .boolean(false)]) { $1 })
    let report = try ModelExport.torchScript(system, description, to: folder("a.pt"), check: .libtorch)
    #expect(report.inputs == ["source"] && report.norm == "running statistics" && report.dropout == "off")
  }

  private let maps: [String: ConfigurationValue] = [
    "imageWidth": .integer(32), "imageHeight": .integer(32), "width": .integer(2), "spadeHidden": .integer(3),
    "discriminatorWidth": .integer(2), "classes": .integer(4),
  ]

  @Test func systemsOfMapsAreExportedAtTheirSizeForAnyNumberOfPictures() throws {
    let folder = try TemporaryFolder()
    let (spade, first) = try system(SPADE.self, maps)
    let report = try ModelExport.torchScript(spade, first, to: folder("spade.pt"), check: .libtorch)
    #expect(report.inputs == ["label"] && (report.largestDifference ?? 1) < 1e-4)
    let (oasis, second) = try system(OASIS.self, maps.merging(["latent": .integer(2)]) { $1 })
    let other = try ModelExport.torchScript(oasis, second, to: folder("oasis.pt"), check: .libtorch)
    #expect(other.inputs.count == 2 && (other.largestDifference ?? 1) < 1e-4)
  }

  @Test func bigGANIsExportedForAnyNumberOfPictures() throws {
    let folder = try TemporaryFolder()
    let (system, description) = try system(
      BigGAN.self,
      [
        "imageSize": .integer(8), "bottomWidth": .integer(1), "latentSize": .integer(8),
        "classes": .integer(3),
        "generatorChannels": .integer(2), "discriminatorChannels": .integer(2),
        "sharedEmbeddingSize": .integer(3), "generatorAttention": .integer(4),
        "discriminatorAttention": .integer(4),
      ])
    let report = try ModelExport.torchScript(system, description, to: folder("big.pt"), check: .libtorch)
    #expect(report.inputs == ["latent", "label"] && (report.largestDifference ?? 1) < 1e-4)
  }

  @Test func stylesInstancesAndRegionsAreInputsForAnyNumberOfImages() throws {
    let folder = try TemporaryFolder()
    let small: [String: ConfigurationValue] = ["width": .integer(2), "discriminatorWidth": .integer(2)]
    func exported<System: GenerativeSystem>(
      _ made: (System, ModelDescription), _ inputs: [String], direction: String? = nil
    ) throws {
      let name = made.1.system
      let report = try ModelExport.torchScript(
        made.0, made.1, to: folder("\(name).pt"), direction: direction, check: .libtorch)
      #expect(report.inputs == inputs, "\(name)")
      #expect((report.largestDifference ?? 1) < 1e-4, "\(name)")
    }
    try exported(
      system(SEAN.self, maps.merging(["styleLength": .integer(4), "encoderWidth": .integer(2)]) { $1 }),
      ["label", "styles", "noise"])
    let munit = try system(MUNIT.self, small)
    try exported(munit, ["A", "style"])
    try exported(munit, ["B", "style"], direction: "B-to-A")
    try exported(system(FUNIT.self, small.merging(["classes": .integer(3)]) { $1 }), ["content", "style"])
    try exported(
      system(
        ICGAN.self,
        [
          "imageSize": .integer(8), "bottomWidth": .integer(1), "latentSize": .integer(8),
          "featureSize": .integer(6), "generatorChannels": .integer(2), "discriminatorChannels": .integer(2),
          "generatorAttention": .integer(4), "discriminatorAttention": .integer(4),
        ]), ["latent", "features"])
  }

  @Test func enlargingSystemsAreExportedForImagesOfAnySize() throws {
    let folder = try TemporaryFolder()
    func exported<System: GenerativeSystem>(
      _ type: System.Type, _ changes: [String: ConfigurationValue]
    ) throws {
      let (system, description) = try system(
        type, changes.merging(["width": .integer(4), "blocks": .integer(1)]) { $1 })
      let report = try ModelExport.torchScript(system, description, to: folder("a.pt"), check: .libtorch)
      #expect((report.largestDifference ?? 1) < 1e-4, "\(description.system) \(changes)")
      try FileManager.default.removeItem(at: folder("a.pt"))
    }
    for scale in [2, 4] {
      try exported(SRResNet.self, ["scale": .integer(scale), "generator": .string("msrresnet")])
      try exported(SRResNet.self, ["scale": .integer(scale), "generator": .string("ledig")])
      try exported(
        SRResNet.self,
        ["scale": .integer(scale), "generator": .string("johnson"), "matchesHistogram": .boolean(false)])
      try exported(SRGAN.self, ["scale": .integer(scale)])
      try exported(ESRGAN.self, ["scale": .integer(scale), "growth": .integer(2)])
    }
  }

  @Test func languageModelsAreExportedForTextsOfAnyLength() throws {
    let folder = try TemporaryFolder()
    let small: [String: ConfigurationValue] = [
      "vocabularySize": .integer(11), "embeddingSize": .integer(8), "hiddenSize": .integer(8),
      "layers": .integer(2), "tokenUnit": .string("word"),
    ]
    for cell in ["lstm", "gru", "tanh"] {
      let (model, description) = try system(
        RNNLanguageModel.self, small.merging(["cell": .string(cell)]) { $1 })
      let report = try ModelExport.torchScript(model, description, to: folder("\(cell).pt"), check: .libtorch)
      #expect(report.inputs == ["token"] && (report.largestDifference ?? 1) < 1e-4, "\(cell)")
      // What training and drawing compute.
      let token = Tensor([1, 2, 3, 4, 5, 6], shape: [3, 2])
      let answer = try #require(
        try model.networks[0].forward(nil, ["token": token])["logProbability"])
      let script = try LoadedScript(folder("\(cell).pt"))([token])
      #expect((answer.reshaped([3, 2, 11]) - script).abs().max().item() < 1e-5)
    }
    let (model, description) = try system(
      RNNLanguageModel.self,
      small.merging(["model": .string("transformer-encoder"), "heads": .integer(2)]) { $1 })
    let report = try ModelExport.torchScript(model, description, to: folder("t.pt"), check: .libtorch)
    #expect((report.largestDifference ?? 1) < 1e-4)
  }

  private let layers: [String: ConfigurationValue] = [
    "embeddingSize": .integer(8), "heads": .integer(2), "tokenUnit": .string("word"),
    "vocabularySize": .integer(17),
  ]

  @Test func gptIsExportedForTextsOfAnyLength() throws {
    let folder = try TemporaryFolder()
    for (name, more) in [
      ("second", ["layers": .integer(2), "contextLength": .integer(16)]),
      ("first", ["normFirst": .boolean(false), "tiedEmbedding": .boolean(false), "layers": .integer(1)]),
      // No longer than the shorter of both sizes that are checked.
      ("short", ["contextLength": .integer(5), "layers": .integer(1), "activation": .string("gelu-tanh")]),
    ] as [(String, [String: ConfigurationValue])] {
      let (model, description) = try system(GPT.self, layers.merging(more) { $1 })
      let file = folder("\(name).pt")
      let report = try ModelExport.torchScript(model, description, to: file, check: .libtorch)
      #expect(report.inputs == ["token"] && (report.largestDifference ?? 1) < 1e-4, "\(name)")
      // What drawing computes with its memory of earlier tokens.
      let token = Tensor([1, 16, 3, 4, 5, 9, 8, 7], shape: [2, 4])
      let last = try #require(
        try model.drawing { try model.networks[0].forward(nil, ["token": token]) }["logits"])
      let script = try LoadedScript(file)([token])
      #expect(script.shape == [2, 4, 17])
      #expect((script.slice(1, 3, 4) - last).abs().max().item() < 1e-5, "\(name)")
    }
    let (model, description) = try system(GPT.self, layers)
    #expect(throws: ConfigurationError.self) {
      try ModelExport.torchScript(
        model, description, to: folder("a.pt"), direction: "back", check: .libtorch)
    }
  }

  private let electra: [String: ConfigurationValue] = [
    "hiddenSize": .integer(8), "intermediateSize": .integer(6), "layers": .integer(2),
    "generatorHiddenSize": .integer(4), "generatorHeads": .integer(1),
    "generatorIntermediateSize": .integer(4),
  ]

  @Test(arguments: [true, false]) func electrasDiscriminatorIsExportedWithoutItsGenerator(_ isTied: Bool)
    throws
  {
    let folder = try TemporaryFolder()
    let changes = layers.merging(electra) { $1 }.merging(["tiedEmbedding": .boolean(isTied)]) { $1 }
    let (model, description) = try system(ELECTRA.self, changes)
    let report = try ModelExport.torchScript(model, description, to: folder("e.pt"), check: .libtorch)
    #expect(report.networks == ["discriminator"] && report.inputs == ["token", "mask"])
    #expect((report.largestDifference ?? 1) < 1e-4)
    let token = Tensor([2, 9, 16, 3, 2, 7, 3, 0], shape: [2, 4])
    let mask = Tensor([1, 1, 1, 1, 1, 1, 1, 0], shape: [2, 4])
    let answer = try #require(
      try model.drawing { try model.networks[1].forward(nil, ["token": token, "mask": mask]) }["logits"])
    let script = try LoadedScript(folder("e.pt"))([token, mask])
    #expect(script.shape == [2, 4] && (script - answer).abs().max().item() < 1e-5)
    // What stands at padding changes nothing before it.
    let other = try LoadedScript(folder("e.pt"))([Tensor([2, 9, 16, 3, 2, 7, 3, 11], shape: [2, 4]), mask])
    #expect((script - other).slice(1, 0, 3).abs().max().item() < 1e-6)
    #expect(throws: ConfigurationError.self) {
      try ModelExport.torchScript(
        model, description, to: folder("c.pt"), direction: "classes", check: .libtorch)
    }
  }

  @Test func electrasClassesAreExportedAndItsReplacedTokensToo() throws {
    let folder = try TemporaryFolder()
    let (model, description) = try system(
      ELECTRA.self, layers.merging(electra) { $1 }.merging(["classes": .integer(3)]) { $1 },
      preset: "classifier")
    let report = try ModelExport.torchScript(model, description, to: folder("c.pt"), check: .libtorch)
    #expect(report.networks == ["discriminator", "classifier"])
    #expect((report.largestDifference ?? 1) < 1e-4)
    let token = Tensor([2, 9, 16, 3], shape: [1, 4])
    let script = try LoadedScript(folder("c.pt"))([token, .ones(like: token)])
    // The class that the system gives the text between its frame.
    let text = Batch(["token": Tensor([4, 11], shape: [1, 2])])
    #expect(script.shape == [1, 3])
    #expect(try script.argmax(dim: 1).integers() == model.drawing { try model.classes(of: text).integers() })
    let tokens = try ModelExport.torchScript(
      model, description, to: folder("r.pt"), direction: "replaced-tokens", check: .libtorch)
    #expect(tokens.networks == ["discriminator"])
  }

  @Test(arguments: ["sinusoidal", "learned"])
  func theTransformerIsExportedForSentencesOfAnyLengths(_ positions: String) throws {
    let folder = try TemporaryFolder()
    let (model, description) = try system(
      Transformer.self,
      [
        "embeddingSize": .integer(8), "heads": .integer(2), "hiddenSize": .integer(6),
        "encoderLayers": .integer(1), "decoderLayers": .integer(2), "sourceVocabularySize": .integer(11),
        "targetVocabularySize": .integer(13), "sourceUnit": .string("words"), "targetUnit": .string("words"),
        "positions": .string(positions), "sharedEmbedding": .boolean(false),
      ])
    let file = folder("t.pt")
    let report = try ModelExport.torchScript(model, description, to: file, check: .libtorch)
    #expect(report.inputs == ["source", "target"] && (report.largestDifference ?? 1) < 1e-4)
    // Padding, token 1, in the shorter of two sentences.
    let source = Tensor([2, 5, 3, 2, 7, 10, 3, 1, 1, 1], shape: [2, 5])
    let target = Tensor([2, 6, 3, 2, 12, 1], shape: [2, 3])
    let answer = try #require(
      try model.drawing {
        try model.networks[0].forward(
          nil, ["source": source.transposed(0, 1), "target": target.transposed(0, 1)])
      }["logits"])
    let script = try LoadedScript(file)([source, target])
    let before = script.slice(1, 0, 2).transposed(0, 1)
    #expect(script.shape == [2, 3, 13] && (before - answer).abs().max().item() < 1e-5)
  }

  @Test func statisticsThatFollowTheSizeHaveToBeChosenFirst() throws {
    let folder = try TemporaryFolder()
    let (system, description) = try system(Pix2Pix.self, unet.merging(["testBatchStatistics": .null]) { $1 })
    #expect {
      try ModelExport.torchScript(system, description, to: folder("a.pt"), check: .libtorch)
    } throws: {
      "\($0)".contains("testBatchStatistics") && "\($0)".contains("64×64")
    }
  }

  @Test func bothDirectionsOfACycleGANAreExported() throws {
    let folder = try TemporaryFolder()
    let (system, description) = try system(
      CycleGAN.self,
      ["width": .integer(2), "blocks": .integer(1), "imageSize": .integer(16), "layers": .integer(1)])
    let there = try ModelExport.torchScript(system, description, to: folder("ab.pt"), check: .libtorch)
    let back = try ModelExport.torchScript(
      system, description, to: folder("ba.pt"), direction: "B-to-A", check: .libtorch)
    #expect(there.networks == ["generatorAB"] && back.networks == ["generatorBA"])
    #expect(there.norm == "statistics of each image" && there.dropout == "there is none")
  }

  @Test func latentsAndClassesAreInputs() throws {
    let folder = try TemporaryFolder()
    let (plain, first) = try system(DCGAN.self, ["generatorChannels": .integer(2)])
    let report = try ModelExport.torchScript(plain, first, to: folder("a.pt"), check: .libtorch)
    #expect(report.inputs == ["latent"] && report.norm == "running statistics")
    let (conditional, second) = try system(
      ACGAN.self,
      [
        "imageSize": .integer(8), "generatorHidden": .list([.integer(4), .integer(4)]),
        "discriminatorHidden": .list([.integer(4)]),
      ])
    let other = try ModelExport.torchScript(conditional, second, to: folder("b.pt"), check: .libtorch)
    #expect(other.inputs == ["latent", "label"])
  }

  @Test func weightsComeUnderTheirAuthorsNamesWithTheModes() throws {
    let folder = try TemporaryFolder()
    let (system, description) = try system(Pix2Pix.self, unet)
    let file = folder("weights.safetensors")
    let report = try ModelExport.safetensors(system, description, to: file)
    let written = try Safetensors.read(file)
    #expect(report.networks == ["generator"])
    #expect(written.tensors.first?.name == "model.model.0.weight")
    #expect(written.metadata["atelier.dropout"]?.contains("inputs") == true)
    #expect(written.metadata["atelier.system"] == "pix2pix")
    #expect(written.tensors.count == system.networks[0].module.state().count)
  }

  @Test func aSystemThatKeepsASizeIsRefusedAndLeavesNoFile() throws {
    let folder = try TemporaryFolder()
    let (system, description) = try system(SizedTranslator.self, [:])
    #expect {
      try ModelExport.torchScript(system, description, to: folder("a.pt"), check: .libtorch)
    } throws: { "\($0)".contains("nothing was written") || "\($0)".contains("cannot be run") }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path).isEmpty)
  }

  @Test func aPythonThatIsNoneIsNamed() throws {
    #expect { try Python.withTorch("/nowhere/python") } throws: {
      "\($0)".contains("/nowhere/python is no Python with PyTorch (there is no such program)")
    }
  }

  @Test func whatCameOfAPythonIsSaid() throws {
    let folder = try TemporaryFolder()
    for (name, script, text) in [
      (
        "without", "echo \"ModuleNotFoundError: No module named 'torch'\" >&2; exit 1",
        "No module named 'torch'"
      ),
      ("killed", "kill -9 $$", "was ended by signal 9"),
    ] {
      let program = folder(name)
      try "#!/bin/sh\n\(script)\n".write(to: program, atomically: true, encoding: .utf8)
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program.path)
      #expect { try Python.withTorch(program.path) } throws: { "\($0)".contains(text) }
    }
  }
}

/// A system that adds a picture of a fixed size, which a recording cannot free.
private final class SizedTranslator: TranslatingSystem {
  struct Configuration: SystemConfiguration {
    var batchSize = 1
    static let presets = [Preset("small", "a toy", Configuration())]
    var plan: SystemPlan {
      .translation(
        ["source", "target"].map { Field($0, .image(channels: 1, height: 8, width: 8, range: .signed)) },
        ImagePairs(source: "source", target: "target"), changes: JointAugmentation(),
        [TranslationDirection("source-to-target", source: "source", target: "target")],
        batchSize: batchSize)
    }
    func validate() throws(ConfigurationError) {}
  }

  static let identity = SystemIdentity(name: "sized", summary: "a toy", paper: "none", reference: "none")
  let configuration: Configuration
  private let layer: Conv2d

  init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    self.configuration = configuration
    layer = Conv2d(inputChannels: 1, outputChannels: 1, kernelSize: 1, using: stream)
  }

  static func adapted(_ configuration: Configuration, to data: DataFacts) throws -> Configuration {
    configuration
  }
  var networks: [Network] { [Network("generator", layer) { _, _ in [:] }] }
  var optimizers: [(name: String, optimizer: Optimizer)] { [] }
  func step(_ step: TrainingStep) throws {}
  func translate(_ pictures: Tensor, direction: TranslationDirection, draws: any Draws) throws -> Tensor {
    layer(pictures) + .ones(pictures.shape)
  }
}

extension ExportTests {
  /// A Python with PyTorch that has onnxruntime too; nil where there is none, as on most machines.
  private static let python: Python? = {
    guard let python = try? Python.withTorch(), (try? ONNXProbe.has(python)) == true else { return nil }
    return python
  }()

  private enum ONNXProbe {
    static func has(_ python: Python) throws -> Bool {
      let process = Process()
      process.executableURL = python.executable
      process.arguments = ["-c", "import onnx, onnxruntime"]
      process.standardError = FileHandle.nullDevice
      try process.run()
      process.waitUntilExit()
      return process.terminationStatus == 0
    }
  }

  @Test(.enabled(if: ExportTests.python != nil, "no Python with onnx and onnxruntime is here"))
  func whatONNXGivesElsewhereIsWhatTheSystemGives() throws {
    let folder = try TemporaryFolder()
    let (system, description) = try system(
      Pix2Pix.self,
      [
        "width": .integer(2), "discriminatorWidth": .integer(2), "imageSize": .integer(64),
        "testBatchStatistics": .boolean(false),
      ])
    let report = try ModelExport.onnx(system, description, to: folder("unet.onnx"))
    #expect(report.inputs.first == "source" && (report.largestDifference ?? 1) < 1e-4)
    #expect(report.checkedBy?.hasPrefix("onnxruntime ") == true)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path) == ["unet.onnx"])
    let bytes = try Data(contentsOf: folder("unet.onnx"))
    #expect(bytes.range(of: Data("atelier.json".utf8)) != nil)
  }

  @Test(.enabled(if: ExportTests.python != nil, "no Python with onnx and onnxruntime is here"))
  func languageModelsAreWrittenAsONNX() throws {
    let folder = try TemporaryFolder()
    let (gpt, first) = try system(GPT.self, layers.merging(["layers": .integer(2)]) { $1 })
    let (electra, second) = try system(ELECTRA.self, layers.merging(electra) { $1 })
    for (index, report) in [
      try ModelExport.onnx(gpt, first, to: folder("g.onnx")),
      try ModelExport.onnx(electra, second, to: folder("e.onnx")),
    ].enumerated() {
      #expect((report.largestDifference ?? 1) < 1e-4, "\(index)")
    }
  }

  @Test func whatONNXLacksIsSaidWithTheWayOut() throws {
    let folder = try TemporaryFolder()
    // A Python that claims to have PyTorch, and nothing else.
    let script = "#!/bin/sh\ncase \"$2\" in *onnx*) exit 1;; *) echo 2.13.0;; esac\n"
    let python = folder("python")
    try Data(script.utf8).write(to: python)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: python.path)
    let (system, description) = try system(
      Pix2Pix.self,
      ["width": .integer(2), "discriminatorWidth": .integer(2), "imageSize": .integer(64)])
    let error = #expect(throws: ExportError.self) {
      try ModelExport.onnx(system, description, to: folder("a.onnx"), python: python.path)
    }
    #expect(error?.description.contains("-m pip install onnx onnxruntime") == true)
    #expect(!FileManager.default.fileExists(atPath: folder("a.onnx").path))
  }
}
