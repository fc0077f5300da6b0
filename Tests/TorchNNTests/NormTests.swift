import Testing
import Torch
import TorchNN

/// Norms with PyTorch 2.13's numbers, or those of the authors' formulas computed with it.
@Suite struct NormTests {
  private let x = ramp(2, 2, 2, 2)

  @Test func batchNorm2dEqualsPyTorchInBothModes() {
    let norm = BatchNorm2d(channels: 2)
    norm.weight?.copy(from: Tensor([1.5, 0.5] as [Float]))
    norm.bias?.copy(from: Tensor([0.1, -0.2] as [Float]))
    expectClose(
      norm(x),
      [
        0.925546, 1.4699212, 1.8166338, 1.9187583, 0.5423755, 0.3865317, 0.1578264, -0.1127863, -0.5886739,
        -1.2044157, -1.655861, -1.8819088, -0.8889444, -0.7773184, -0.5810322, -0.3266525,
      ])
    expectClose(norm.runningMean, [0.0047369, -0.0063693])
    expectClose(norm.runningVar, [0.9704313, 0.9499032])
    _ = norm(x * 2)
    #expect(norm.numBatchesTracked?.integers() == [2] && norm.numBatchesTracked?.dtype == .int64)
    norm.eval()
    expectClose(
      norm(x),
      [
        0.749939, 1.1475649, 1.4008129, 1.4754072, 0.2556936, 0.1554095, 0.0082396, -0.1658973, -0.3560869,
        -0.8058408, -1.1355883, -1.3006995, -0.6653481, -0.5935177, -0.4672093, -0.3035182,
      ])
    #expect(norm.numBatchesTracked?.integers() == [2])
  }

  @Test func batchNormWithoutMomentumAveragesAllBatches() {
    let norm = BatchNorm1d(channels: 2, momentum: nil)
    _ = norm(ramp(3, 2))
    _ = norm(ramp(3, 2) * 3)
    expectClose(norm.runningMean, [1.561765, 1.6500226])
    expectClose(norm.runningVar, [0.3417904, 0.1173149])
  }

  @Test func optionalPartsAreLeftOut() {
    #expect(
      BatchNorm2d(channels: 2, isAffine: false).state().map(\.name)
        == ["running_mean", "running_var", "num_batches_tracked"])
    #expect(BatchNorm2d(channels: 2, tracksStatistics: false).state().map(\.name) == ["weight", "bias"])
    #expect(
      BatchNorm2d(channels: 2, countsBatches: false).state().map(\.name)
        == ["weight", "bias", "running_mean", "running_var"])
    #expect(InstanceNorm2d(channels: 2).state().isEmpty)
    let untracked = BatchNorm2d(channels: 2, tracksStatistics: false)
    let inTraining = untracked(x).floats()
    untracked.eval()
    #expect(untracked(x).floats() == inTraining)
  }

  /// The engine's own kernel gets the last of these cases wrong.
  @Test(arguments: [[2, 3, 4, 5], [3, 16, 32, 32], [1, 3, 4, 5], [1, 16, 32, 32]])
  func instanceNormAndItsGradientHoldInEveryLayout(_ shape: [Int]) {
    let stream = RandomStream(seed: 6)
    let (values, outer) = (stream.normal(shape) * 3 + 1, stream.normal(shape))
    func run(_ norm: (Tensor) -> Tensor, _ x: Tensor, _ outer: Tensor) -> (Tensor, Tensor) {
      let x = x.detached()
      x.requiresGradient = true
      let y = norm(x)
      y.backward(gradient: outer)
      return (y.detached(), x.gradient ?? .zeros(shape))
    }
    let (y, derivative) = run(
      { x in
        let centred = x - x.mean(dims: [2, 3], keepDim: true)
        return centred / (centred.square().mean(dims: [2, 3], keepDim: true) + 1e-5).sqrt()
      }, values, outer)
    for (x, behind) in [
      (values, outer), (values, outer.channelsLast()), (values.channelsLast(), outer),
      (values.channelsLast(), outer.channelsLast()),
    ] {
      let (found, foundDerivative) = run({ instanceNorm($0) }, x, behind)
      #expect((found - y).abs().max().item() < 1e-5)
      #expect((foundDerivative - derivative).abs().max().item() < 1e-5)
    }
  }

  /// PyTorch 2.13's kernel for channels-last maps sums a channel in one float32 number a thread and lies up to 3.8e-6 from
  /// float64 on such inputs, its gradient 3.0e-6 (one thread); in the usual layout they lie 8.9e-8 and 2.3e-7 from it.
  @Test(arguments: [true, false], [true, false])
  func normsLieAsNearToFloat64AsPyTorchs(_ isInstance: Bool, _ hasChannelsLast: Bool) {
    let stream = RandomStream(seed: 1)
    let shape = [2, 16, 128, 128]
    let values = (stream.normal(shape) + stream.normal([isInstance ? 2 : 1, 16, 1, 1])) * 0.1
    let outer = stream.normal(shape) + 0.5
    func run(_ norm: (Tensor) -> Tensor, _ x: Tensor, _ outer: Tensor) -> (Tensor, Tensor) {
      let x = x.detached()
      x.requiresGradient = true
      let y = norm(x)
      y.backward(gradient: outer)
      return (y.detached().asType(.float64), (x.gradient ?? .zeros(shape)).asType(.float64))
    }
    let dims = isInstance ? [2, 3] : [0, 2, 3]
    let (y, derivative) = run(
      { x in
        let centred = x - x.mean(dims: dims, keepDim: true)
        return centred / (centred.square().mean(dims: dims, keepDim: true) + 1e-5).sqrt()
      }, values.asType(.float64), outer.asType(.float64))
    func laid(_ tensor: Tensor) -> Tensor { hasChannelsLast ? tensor.channelsLast() : tensor }
    let (found, foundDerivative) = run(
      { x in
        isInstance
          ? instanceNorm(x)
          : batchNorm(x, weight: nil, bias: nil, runningMean: nil, runningVariance: nil, training: true)
      }, laid(values), laid(outer))
    func distance(_ a: Tensor, _ b: Tensor) -> Double { ((a - b).norm() / b.norm()).item() }
    #expect(distance(found, y) < (hasChannelsLast ? 4.5e-6 : 1.2e-7))
    #expect(distance(foundDerivative, derivative) < (hasChannelsLast ? 3.6e-6 : 3e-7))
  }

  @Test func oneExampleUpdatesRunningStatisticsOfInstanceNormToo() {
    let norm = InstanceNorm2d(channels: 2, tracksStatistics: true)
    _ = norm(Tensor([1, 3, 2, 6] as [Float], shape: [1, 2, 1, 2]))
    #expect(
      norm.runningMean.map { zip($0.doubles(), [0.2, 0.4]).allSatisfy { abs($0 - $1) < 1e-6 } } == true)
    #expect(norm.runningVar.map { zip($0.doubles(), [1.1, 1.7]).allSatisfy { abs($0 - $1) < 1e-6 } } == true)
  }

  @Test func instanceNormEqualsPyTorchInBothModes() {
    let norm = InstanceNorm2d(channels: 2, isAffine: true, tracksStatistics: true)
    expectClose(
      norm(x),
      [
        -1.5645998, -0.1618114, 0.7316247, 0.9947867, 1.2099481, 0.5790682, -0.3467667, -1.4422493, 1.5060809,
        0.259702, -0.6541095, -1.1116734, -1.1492468, -0.626607, 0.2924162, 1.4834373,
      ])
    expectClose(norm.runningMean, [0.0047369, -0.0063693])
    expectClose(norm.runningVar, [0.9072052, 0.912416])
    #expect(norm.numBatchesTracked?.integers() == [0])
    norm.eval()
    expectClose(
      norm(x),
      [
        0.4983721, 0.7974901, 0.9879983, 1.0441126, 0.9671248, 0.7515025, 0.4350702, 0.0606558, -0.3336467,
        -0.6719784, -0.9200342, -1.0442406, -1.0132211, -0.8587776, -0.5872, -0.2352452,
      ])
  }

  @Test func layerAndGroupNormEqualPyTorch() {
    let layer = LayerNorm([2, 2])
    #expect(layer.state().map(\.tensor.shape) == [[2, 2], [2, 2]])
    expectClose(
      layer(x).selected(dim: 0, index: 0),
      [-1.5646001, -0.1618117, 0.7316244, 0.9947864, 1.2099482, 0.5790682, -0.3467668, -1.4422495])
    expectClose(
      GroupNorm(groups: 2, channels: 4)(ramp(1, 4, 2, 2)),
      [
        -0.5921641, 0.3431233, 0.938808, 1.1142672, 0.8457531, 0.1696077, -0.8226556, -1.9967389, 1.3350973,
        0.1501161, -0.7186804, -1.1537043, -1.0960773, -0.5535989, 0.4003087, 1.636539,
      ])
  }

  @Test func localResponseNormEqualsPyTorchForOddAndEvenSizes() {
    expectClose(
      LocalResponseNorm(size: 3, alpha: 0.5, beta: 0.75, k: 2)(ramp(1, 4, 1, 2)),
      [0.2665484, 0.4141475, 0.5018804, 0.5267721, 0.4884762, 0.3871197, 0.2290221, 0.0297232])
    expectClose(
      LocalResponseNorm(size: 4, alpha: 0.5, beta: 0.75, k: 2)(ramp(1, 4, 1, 2)),
      [0.2709118, 0.4234326, 0.5155491, 0.5419077, 0.4966299, 0.3858068, 0.2236464, 0.0286614])
  }

  @Test func munitsLayerNormDividesByTheUnbiasedDeviation() throws {
    let norm = UnbiasedLayerNorm(channels: 2, using: RandomStream(seed: 1))
    #expect(norm.state().map(\.name) == ["gamma", "beta"])
    #expect(norm.gamma?.floats() == RandomStream(seed: 1).uniform([2]).floats())
    try norm.load([("gamma", HostTensor([0.5, 2] as [Float])), ("beta", HostTensor([0.1, 0.2] as [Float]))])
    expectClose(
      norm(ramp(2, 2, 1, 3)),
      [
        -0.7373801, 4.38e-05, 0.4697092, 2.2321975, 1.3853617, -0.7470557, 0.8330003, 0.5056031, 0.1718164,
        -0.6927329, -1.5578761, -1.9910705,
      ])
  }

  @Test func adaptiveInstanceNormTakesItsStyleFromOutside() {
    let norm = AdaptiveInstanceNorm2d(channels: 2)
    #expect(norm.state().map(\.name) == ["running_mean", "running_var"])
    norm.style = (weight: ramp(2, 2, a: 0.7), bias: ramp(2, 2, a: 0.9))
    expectClose(
      norm(ramp(2, 2, 1, 3)),
      [
        -0.1459709, 0.5655423, 1.0187052, 1.9334574, 1.3039839, -0.2810932, 1.9008636, 0.7531713, -0.4169194,
        0.63025, -0.1958611, -0.6095116,
      ])
  }

  @Test func stylesAreHandedOutMeansFirst() {
    let network = Sequential(AdaptiveInstanceNorm2d(channels: 1), ReLU(), AdaptiveInstanceNorm2d(channels: 2))
    #expect(styleCount(of: network) == 6)
    assignStyles(Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [1, 6]), to: network)
    let last = network[2] as? AdaptiveInstanceNorm2d
    #expect(last?.style?.bias.floats() == [3, 4])
    #expect(last?.style?.weight.floats() == [5, 6])
    #expect(throws: TensorError.self) { try withTensorErrors { assignStyles(.ones([1, 5]), to: network) } }
    #expect(throws: TensorError.self) {
      try withTensorErrors { AdaptiveInstanceNorm2d(channels: 1)(.ones([1, 1, 2, 2])) }
    }
  }

  @Test func conditionalBatchNormScalesByOnePlusTheGain() throws {
    let norm = ConditionalBatchNorm2d(channels: 2, conditionFeatures: 3, using: RandomStream(seed: 1))
    #expect(norm.state().map(\.name) == ["running_mean", "running_var", "gain.weight", "bias.weight"])
    tensor("gain.weight", of: norm)?.copy(from: ramp(2, 3, a: 0.6))
    tensor("bias.weight", of: norm)?.copy(from: ramp(2, 3, a: 0.8))
    expectClose(
      norm(x, ramp(2, 3, a: 0.3)),
      [
        3.2054813, 4.2045698, 4.8408899, 5.0283179, 0.6696632, 0.2904902, -0.2659575, -0.9243671, 0.717115,
        -0.6202543, -1.6007776, -2.0917449, -3.4563656, -3.0872977, -2.4383194, -1.5972667,
      ])
    expectClose(norm.runningMean, [0.0047369, -0.0063693])
  }

  @Test func conditionalBatchNormOfClassesStartsPlain() {
    let norm = ConditionalBatchNorm2d(channels: 2, classes: 5, using: RandomStream(seed: 1))
    #expect(norm.state().map(\.tensor.shape) == [[2], [2], [5, 2], [5, 2]])
    let plain = BatchNorm2d(channels: 2)(x)
    #expect(norm(x, Tensor([4, 0])).floats() == plain.floats())
  }
}
