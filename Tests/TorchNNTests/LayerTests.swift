import Testing
import Torch
import TorchNN

/// Layers with PyTorch 2.13's numbers: `torch.manual_seed(3)`, the layer, `ramp` as input.
@Suite struct LayerTests {
  private let stream = RandomStream(seed: 3)

  @Test func linearStartsAsInPyTorch() {
    let layer = Linear(inputFeatures: 4, outputFeatures: 3, using: stream)
    expectClose(
      layer.weight,
      [
        -0.4957365, -0.3944306, -0.2141575, -0.4730452, -0.0283856, -0.4398837, 0.2718658, 0.2436994,
        0.0944212, 0.3878567, -0.0489687, 0.2994906,
      ], tolerance: 1e-7)
    expectClose(layer.bias, [-0.3501591, -0.0985312, -0.4458231], tolerance: 1e-7)
    #expect(layer(ramp(2, 5, 4)).shape == [2, 5, 3])
  }

  @Test func conv2dEqualsPyTorch() {
    let layer = Conv2d(
      inputChannels: 2, outputChannels: 3, kernelSize: 3, stride: 2, padding: 1, using: stream)
    expectClose(layer.bias, [0.1514238, 0.0587687, -0.0845503], tolerance: 1e-7)
    expectClose(
      layer(ramp(1, 2, 4, 4)),
      [
        0.0561588, -0.4536842, 0.0129408, 0.5807656, -0.5931091, -0.7355765, 0.6061565, 0.9852114, 0.0999424,
        0.0876003, -0.7304195, -0.5741795,
      ])
  }

  @Test func oblongKernelsTakePairs() {
    let layer = Conv2d(
      inputChannels: 1, outputChannels: 1, kernelSize: (1, 3), stride: (2, 1), padding: (0, 1), using: stream)
    #expect(layer.weight.shape == [1, 1, 1, 3])
    #expect(layer(ramp(1, 1, 4, 5)).shape == [1, 1, 2, 5])
  }

  @Test func convTranspose2dEqualsPyTorch() {
    let layer = ConvTranspose2d(
      inputChannels: 2, outputChannels: 3, kernelSize: 4, stride: 2, padding: 1, using: stream)
    expectClose(layer.bias, [-0.0975022, 0.0796542, -0.0337019], tolerance: 1e-7)
    let y = layer(ramp(1, 2, 2, 2))
    #expect(y.shape == [1, 3, 4, 4])
    expectClose(y.sum(), [-2.2287793])
    expectClose(
      y.flattened(from: 0).slice(0, 0, 6),
      [-0.0413652, 0.0043633, -0.0370687, 0.0284563, 0.0132834, -0.2352751])
  }

  @Test func conv1dEqualsPyTorch() {
    let layer = Conv1d(
      inputChannels: 2, outputChannels: 2, kernelSize: 3, padding: 2, dilation: 2, groups: 2, using: stream)
    expectClose(
      layer(ramp(1, 2, 5)),
      [
        -0.1383112, -0.2812872, -0.6181404, -0.5786983, -0.6453152, 0.2318859, 0.426998, 0.2137791, 0.0681375,
        0.2740545,
      ])
  }

  @Test func convTranspose1dEqualsPyTorch() {
    let layer = ConvTranspose1d(
      inputChannels: 2, outputChannels: 2, kernelSize: 3, stride: 2, padding: 1, outputPadding: 1,
      using: stream)
    expectClose(
      layer(ramp(1, 2, 3)),
      [
        -0.2414765, -0.3984248, -0.3495053, -0.5737151, -0.4489259, -0.3964317, -0.131514, -0.012974,
        -0.1348468, -0.270613, -0.1308173, -0.2461627,
      ])
  }

  @Test func embeddingStartsStandardNormalAndGivesRows() {
    let layer = Embedding(count: 3, features: 2, using: stream)
    expectClose(
      layer.weight, [0.8032761, 0.1748334, 0.0889781, -0.613718, 0.0461824, -1.3682592], tolerance: 1e-6)
    let y = layer(Tensor([2, 0]))
    #expect(y.shape == [2, 2])
    expectClose(y, [0.0461824, -1.3682592, 0.8032761, 0.1748334])
  }

  @Test func maxoutTakesTheLargestOfNeighbouringPieces() throws {
    let layer = Maxout(inputFeatures: 1, units: 2, pieces: 3, using: stream)
    #expect(layer.state().map(\.name) == ["linear.weight", "linear.bias"])
    try layer.load([
      ("linear.weight", HostTensor([1, -1, 0, 2, 3, -4] as [Float], shape: [6, 1])),
      ("linear.bias", HostTensor([0, 0, 0.5, 0, 0, 0] as [Float])),
    ])
    #expect(layer(Tensor([0.25, -2] as [Float], shape: [2, 1])).floats() == [0.5, 0.75, 2, 8])
  }

  @Test func activationsEqualTheirFormulas() {
    let x = Tensor([-1, 0, 2] as [Float])
    #expect(ReLU()(x).floats() == [0, 0, 2])
    expectClose(LeakyReLU(negativeSlope: 0.2)(x), [-0.2, 0, 2])
    expectClose(Tanh()(x), [-0.76159416, 0, 0.96402758])
    expectClose(Sigmoid()(x), [0.26894142, 0.5, 0.88079708])
    expectClose(Softplus()(x), [0.31326169, 0.69314718, 2.126928])
    expectClose(Softmax()(x), [0.04201007, 0.1141952, 0.84379473])
    expectClose(GELU()(ramp(4)), [0.3280143, 0.5943914, 0.7829868, 0.8405125])
    expectClose(ELU()(ramp(6, a: 0.9)), [0.4794255, 0.9854497, 0.7457052, -0.056703, -0.5588089, -0.616695])
    #expect(Identity()(x).floats() == [-1, 0, 2])
  }

  @Test func resamplingEqualsPyTorch() {
    let x = ramp(1, 1, 3, 3)
    let bilinear = Upsample(scaleFactor: 2, mode: .bilinear)(x)
    #expect(bilinear.shape == [1, 1, 6, 6])
    expectClose(
      bilinear.flattened(from: 0).slice(0, 0, 8),
      [0.4794255, 0.5506514, 0.6931031, 0.8096927, 0.9004202, 0.945784, 0.6093771, 0.6576843])
    let nearest = Upsample(scaleFactor: 2)(Tensor([1, 2] as [Float], shape: [1, 1, 1, 2]))
    #expect(nearest.floats() == [1, 1, 2, 2, 1, 1, 2, 2])
    expectClose(
      AveragePool2d(kernelSize: 3, stride: 2, padding: 1, countIncludePad: false)(x),
      [0.7901061, 0.834756, 0.5943634, 0.3418567])
    expectClose(MaxPool2d(kernelSize: 2, stride: 1)(x), [0.9992316, 0.945784, 0.9992316, 0.917438])
    expectClose(AdaptiveAveragePool2d(size: 1)(x), [x.mean().item()])
  }

  @Test func bordersShowWhatTheyShould() {
    let x = Tensor([1, 2, 3, 4] as [Float], shape: [1, 1, 2, 2])
    #expect(ReflectionPad2d(1)(x).floats() == [4, 3, 4, 3, 2, 1, 2, 1, 4, 3, 4, 3, 2, 1, 2, 1])
    #expect(
      Pad2d(left: 1, right: 0, top: 0, bottom: 1, mode: .zero)(x).floats() == [0, 1, 2, 0, 3, 4, 0, 0, 0])
    #expect(
      Pad2d(left: 1, right: 0, top: 0, bottom: 1, mode: .replication)(x).floats() == [
        1, 1, 2, 3, 3, 4, 3, 3, 4,
      ])
    #expect(Pad2d(1, mode: .reflection)(x).shape == [1, 1, 4, 4])
  }

  @Test func flatteningAndReshapingKeepTheBatch() {
    let x = ramp(2, 3, 4)
    #expect(Flatten()(x).shape == [2, 12])
    #expect(Reshape([4, 3, 1])(Flatten()(x)).shape == [2, 4, 3, 1])
  }

  @Test func wrongShapesAreErrorsNotCrashes() {
    #expect(throws: TensorError.self) {
      try withTensorErrors { BatchNorm2d(channels: 2)(ramp(2, 2)) }
    }
    #expect(throws: TensorError.self) {
      try withTensorErrors {
        Linear(inputFeatures: 4, outputFeatures: 3, using: stream)(ramp(2, 5))
      }
    }
    #expect(throws: TensorError.self) { try withTensorErrors { Upsample(scaleFactor: 2)(ramp(2, 5)) } }
  }
}
