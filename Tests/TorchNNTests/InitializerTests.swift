import Testing
import Torch
import TorchNN

/// `torch.nn.init` of PyTorch 2.13 after `torch.manual_seed(5)`.
@Suite struct InitializerTests {
  private func drawn(_ shape: Int..., by fill: (RandomStream, Tensor) -> Void) -> Tensor {
    let weight = Tensor.zeros(shape)
    fill(RandomStream(seed: 5), weight)
    return weight
  }

  @Test func xavierEqualsPyTorch() {
    expectClose(
      drawn(3, 2, 2) { $0.fillXavierUniform($1, gain: 2) },
      [
        1.0232481, -1.158453, 1.2624987, 0.9912577, 1.3016429, -1.1877813, -1.0398449, 0.7371663, -1.4461267,
        1.5311754, 0.3297569, 0.2000667,
      ])
    expectClose(
      drawn(3, 2, 2) { $0.fillXavierNormal($1, gain: 0.5) },
      [
        -0.1088475, -0.1350186, -0.1247941, 0.149263, -0.0441434, 0.4344196, -0.3134301, -0.170513, 0.1411436,
        -0.2010527, -0.1247264, 0.1544494,
      ])
  }

  @Test func kaimingEqualsPyTorch() {
    expectClose(
      drawn(3, 2) { $0.fillKaimingNormal($1, negativeSlope: 0.2, mode: .output) },
      [-0.3897365, -0.4834442, -0.4468346, 0.5344472, -0.1580586, 1.5554717])
    expectClose(
      drawn(3, 2) { $0.fillKaimingUniform($1, negativeSlope: 0.2) },
      [1.1218098, -1.270038, 1.3841057, 1.0867381, 1.4270204, -1.3021914])
  }

  @Test func orthogonalEqualsPyTorchAndIsOrthogonal() {
    expectClose(
      drawn(2, 3) { $0.fillOrthogonal($1, gain: 2) },
      [-1.0188763, -1.2638534, -1.1681461, -0.0259297, -1.3460815, 1.4789835], tolerance: 1e-5)
    expectClose(
      drawn(3, 2, 1) { $0.fillOrthogonal($1) },
      [-0.6351358, -0.4803135, -0.7281859, 0.1111851, -0.2575808, 0.8700213], tolerance: 1e-5)
    let wide = drawn(4, 3, 3) { $0.fillOrthogonal($1) }.flattened(from: 1)
    expectClose(wide.matmul(wide.transposed(0, 1)), Tensor.eye(4).doubles(), tolerance: 1e-5)
  }

  @Test func truncatedNormalEqualsPyTorch() {
    expectClose(
      drawn(20) { $0.fillTruncatedNormal($1, standardDeviation: 2, low: -1.5, high: 2) },
      [
        -0.994605, 1.0377743, 1.873593, 0.5082525, -0.2593254, -1.2035313, 0.2899971, -0.2996543, 0.976924,
        -0.8680459, 0.7046709, -0.129103, 1.3055995, 0.9880762, 0.4984376, 1.2951732, 1.4895539, 0.0633138,
        -1.2926594, 1.8178741,
      ])
    let narrow = drawn(50) { $0.fillTruncatedNormal($1, low: 3.5, high: 4) }
    #expect(narrow.min().item() >= 3.5 && narrow.max().item() <= 4)
  }

  @Test func dcgansRuleDrawsAsTheAuthors() {
    let stream = RandomStream(seed: 9)
    let network = Sequential(
      Conv2d(inputChannels: 1, outputChannels: 2, kernelSize: 2, using: stream), BatchNorm2d(channels: 2))
    initialize(network, .normal(), using: stream)
    expectClose(
      tensor("0.weight", of: network),
      [-0.0073186, -0.0059137, 0.0088617, 0.0074446, -0.0222996, -0.0124829, -0.0063417, 0.0253586],
      tolerance: 1e-6)
    expectClose(tensor("1.weight", of: network), [0.9786395, 1.0269488], tolerance: 1e-6)
    #expect(tensor("0.bias", of: network)?.floats() == [0, 0])
    #expect(tensor("1.bias", of: network)?.floats() == [0, 0])
  }

  @Test func rulesLeaveAloneWhatIsNotTheirs() {
    let stream = RandomStream(seed: 9)
    let table = Embedding(count: 3, features: 2, using: stream)
    let before = table.weight.floats()
    initialize(table, .xavierNormal(), using: stream)
    #expect(table.weight.floats() == before)
    let linear = Linear(inputFeatures: 3, outputFeatures: 2, using: stream)
    let bias = linear.bias?.floats()
    initialize(linear, .orthogonal(), using: stream)
    #expect(linear.bias?.floats() == bias)
    let weighted = Linear(inputFeatures: 3, outputFeatures: 2, normalization: .weight, using: stream)
    initialize(weighted, .kaimingNormal(), using: stream)
    expectClose(weighted.effectiveWeight(), weighted.weight.detached().doubles(), tolerance: 1e-6)
  }
}
