import Perception
import TestSupport
import Testing
import Torch
import TorchNN

@Suite struct VGGTests {
  /// Images that any program can make again.
  private static var pictures: Tensor {
    Tensor.linspace(-1, 1, 2 * 3 * 32 * 32).reshaped([2, 3, 32, 32]).sin() * 2
  }

  @Test func namesAndOrderOfWeightsAreTorchvisions() throws {
    let network = try VGG(.vgg16)
    let names = network.state().map(\.name)
    #expect(names.count == 26)
    #expect(
      Array(names.prefix(5))
        == [0, 0, 2, 2, 5].enumerated().map { index, place in
          "features.\(place).\(index % 2 == 0 ? "weight" : "bias")"
        })
    #expect(names.last == "features.28.bias")
    #expect(network.state().map(\.tensor.count).reduce(0, +) == 14_714_688)
    #expect(try VGG(.vgg19).state().map(\.tensor.count).reduce(0, +) == 20_024_384)
    #expect(network.parameters().isEmpty)
  }

  /// Sums over activations of torch.nn layers in torchvision's order with the same drawn weights.
  @Test func activationsAreThoseOfPyTorch() throws {
    func sums(_ architecture: VGG.Architecture, _ layers: [String]) throws -> [Double] {
      let network = try VGG(architecture, upTo: layers)
      network.drawWeights(seed: 7)
      let found = withoutGradients { network.activations(of: Self.pictures, at: layers) }
      return layers.map { found[$0]?.asType(.float64).sum().item() ?? .nan }
    }
    let shallow = try sums(.vgg16, ["relu1_1", "relu_2", "relu3_3", "features.22", "conv5_3"])
    for (value, expected) in zip(shallow, [76922.84038, 65831.85207, 11590.58641, 4445.13830, -22.49981]) {
      #expect(abs(value - expected) < max(0.01, 1e-5 * abs(expected)))
    }
    let deep = try sums(.vgg19, ["relu1_1", "conv_2", "relu2_2", "conv_8", "conv5_4"])
    for (value, expected) in zip(deep, [76922.84038, -15493.60105, 28259.78211, -664.80313, 1.86156]) {
      #expect(abs(value - expected) < max(0.02, 1e-5 * abs(expected)))
    }
  }

  @Test func gradientsReachThePictureAndNotTheWeights() throws {
    let network = try VGG(.vgg16, upTo: ["relu2_2"], pooling: .average)
    network.drawWeights(seed: 1)
    let picture = Tensor.zeros([1, 3, 16, 16])
    picture.requiresGradient = true
    let found = network.activations(of: picture + 0.5, at: ["relu2_2", "pool1"])
    #expect(found["pool1"]?.shape == [1, 64, 8, 8])
    try #require(found["relu2_2"]).sum().backward()
    #expect(try #require(picture.gradient).abs().sum().item() > 0)
    #expect(network.state().allSatisfy { $0.tensor.gradient == nil })
  }

  @Test func unknownLayersAndMissingWeightsAreNamed() throws {
    #expect(throws: PerceptionError.self) { try VGG(.vgg16, upTo: ["relu3_4"]) }
    #expect(throws: PerceptionError.self) { try VGG.index(of: "relu9_1", in: .vgg19) }
    let empty = try VGG(.vgg16, upTo: ["relu1_1"])
    #expect(throws: TensorError.self) {
      try withTensorErrors { _ = empty.activations(of: Self.pictures, at: ["relu1_1"]) }
    }
    let folder = try TemporaryFolder()
    do {
      try WeightStore(folder.url).fill(empty, with: "vgg16", for: "a test")
      Issue.record("missing weights were not noticed")
    } catch {
      #expect("\(error)".contains("atelier weights install vgg16"))
    }
  }

  @Test func preparationsDifferAsTheirWeightsDo() {
    let grey = Tensor([0, 0.5, 1, 0.25], shape: [1, 1, 2, 2])
    let imagenet = InputNormalization.imagenet(grey, from: .unit).floats()
    #expect(abs(imagenet[1] - (0.5 - 0.485) / 0.229) < 1e-6)
    #expect(abs(imagenet[9] - (0.5 - 0.406) / 0.225) < 1e-6)
    let colour = Tensor([-1, 0, 1], shape: [1, 3, 1, 1])
    // Blue comes first.
    let caffe = InputNormalization.caffe(colour, from: .signed).floats()
    #expect(
      zip(caffe, [255 - 103.939, 127.5 - 116.779, -123.68] as [Float]).allSatisfy { abs($0 - $1) < 1e-4 })
    let lpips = InputNormalization.lpips(colour, from: .signed).floats()
    #expect(
      zip(lpips, [-0.97 / 0.458, 0.088 / 0.448, 1.188 / 0.45] as [Float]).allSatisfy { abs($0 - $1) < 1e-5 })
    #expect(InputNormalization.none(colour, from: .signed).floats() == [-1, 0, 1])
  }
}
