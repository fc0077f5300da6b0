import Testing
import Torch

/// An operation with inputs at which it is smooth.
struct DifferentiableOperation: Sendable, CustomTestStringConvertible {
  let name: String
  let shapes: [[Int]]
  /// Whether a penalty may cross it, so that it must be differentiable twice.
  let twice: Bool
  /// Keeps inputs away from 0 where the operation has a kink or a pole there.
  let positive: Bool
  let body: @Sendable ([Tensor]) -> Tensor

  init(
    _ name: String, _ shapes: [[Int]], twice: Bool = true, positive: Bool = false,
    _ body: @escaping @Sendable ([Tensor]) -> Tensor
  ) {
    self.name = name
    self.shapes = shapes
    self.twice = twice
    self.positive = positive
    self.body = body
  }

  var testDescription: String { name }

  func inputs(seed: UInt64 = 3) -> [Tensor] {
    let stream = RandomStream(seed: seed)
    return shapes.map { shape in
      let drawn = stream.normal(shape, dtype: .float64)
      let tensor = positive ? drawn.abs() + 0.5 : drawn + drawn.sign() * 0.1
      tensor.requiresGradient = true
      return tensor
    }
  }

  static let all: [DifferentiableOperation] = [
    .init("add, broadcast", [[2, 3], [3]]) { $0[0] + $0[1] },
    .init("subtract", [[2, 3], [2, 1]]) { $0[0] - $0[1] },
    .init("multiply", [[2, 3], [2, 3]]) { $0[0] * $0[1] },
    .init("divide", [[2, 3], [3]], positive: true) { $0[0] / $0[1] },
    .init("numbers", [[4]]) { 2 - ($0[0] * 3 + 1) / 4 },
    .init("reciprocal", [[4]], positive: true) { 1 / $0[0] },
    .init("exp", [[4]]) { $0[0].exp() },
    .init("log", [[4]], positive: true) { $0[0].log() },
    .init("log1p", [[4]], positive: true) { $0[0].log1p() },
    .init("sqrt", [[4]], positive: true) { $0[0].sqrt() },
    .init("rsqrt", [[4]], positive: true) { $0[0].rsqrt() },
    .init("abs", [[4]]) { $0[0].abs() * $0[0] },
    .init("square", [[4]]) { $0[0].square() },
    .init("pow", [[4]], positive: true) { $0[0].pow(2.5) },
    .init("sin and cos", [[4]]) { $0[0].sin() * $0[0].cos() },
    .init("relu", [[6]]) { $0[0].relu().square() },
    .init("leakyRelu", [[6]]) { $0[0].leakyRelu(0.2).square() },
    .init("sigmoid", [[4]]) { $0[0].sigmoid() },
    .init("tanh", [[4]]) { $0[0].tanh() },
    .init("softplus", [[4]]) { $0[0].softplus() },
    .init("logSigmoid", [[4]]) { $0[0].logSigmoid() },
    .init("gelu", [[4]]) { $0[0].gelu() },
    .init("elu", [[4]]) { $0[0].elu() },
    .init("clamped", [[6]]) { $0[0].clamped(min: -0.8, max: 0.8).square() },
    .init("minimum and maximum", [[6], [6]]) { $0[0].minimum($0[1]) * $0[0].maximum($0[1]) },
    .init("select", [[6], [6]]) { .select($0[0].greater(0), $0[0].square(), $0[1].square()) },
    .init("sum", [[2, 3]]) { $0[0].square().sum() },
    .init("sum over a dimension", [[2, 3]]) { $0[0].square().sum(dims: [1]) },
    .init("mean over dimensions", [[2, 3, 2]]) { $0[0].square().mean(dims: [0, 2], keepDim: true) },
    .init("variance", [[2, 5]]) { $0[0].variance(dims: [1]) },
    .init("norm", [[2, 3]]) { $0[0].norm() },
    .init("logSumExp", [[2, 3]]) { $0[0].logSumExp(dims: [1]) },
    .init("max along a dimension", [[2, 5]]) { $0[0].max(dim: 1).values.square() },
    .init("sorted", [[5]]) {
      $0[0].sorted(dim: 0).values * Tensor([1, 2, 3, 4, 5] as [Float]).asType(.float64)
    },
    .init("cumulativeSum", [[5]]) { $0[0].square().cumulativeSum(dim: 0) },
    .init("softmax", [[2, 3]]) { $0[0].softmax(1).square() },
    .init("logSoftmax", [[2, 3]]) { $0[0].logSoftmax(1) },
    .init("reshaped and permuted", [[2, 3, 2]]) { $0[0].permuted([2, 0, 1]).reshaped([4, 3]).square() },
    .init("transposed", [[2, 3]]) { $0[0].transposed(0, 1).square() },
    .init("expanded and repeated", [[1, 3]]) { $0[0].expanded([2, 3]).square() + $0[0].repeated([2, 1]) },
    .init("slice", [[5, 2]]) { $0[0].slice(0, 1, 5, step: 2).square() },
    .init("selected", [[3, 2]]) { $0[0].selected(dim: 0, index: 1).square() },
    .init("indexSelected", [[4, 2]]) { $0[0].indexSelected(0, Tensor([3, 1, 3])).square() },
    .init("gathered", [[2, 3]]) { $0[0].gathered(1, Tensor([0, 2], shape: [2, 1])).square() },
    .init("concatenated and stacked", [[2, 2], [2, 2]]) {
      Tensor.concatenated([$0[0], $0[1]], dim: 1).square()
        + Tensor.stacked([$0[1], $0[0]], dim: 1).reshaped([2, 4])
    },
    .init("split", [[5]]) { $0[0].split(sizes: [2, 3], dim: 0)[1].square() },
    .init("padded", [[1, 1, 2, 2]]) { $0[0].padded([1, 0, 0, 1]).square() },
    .init("reflectionPadded", [[1, 1, 3, 3]]) { $0[0].reflectionPadded([1, 2, 2, 1]).square() },
    .init("flipped", [[2, 3]]) { $0[0].flipped([1]) * $0[0] },
    .init("matmul", [[2, 3], [3, 2]]) { $0[0].matmul($0[1]) },
    .init("linear", [[2, 3], [4, 3], [4]]) { linear($0[0], $0[1], $0[2]) },
    .init("conv1d", [[1, 2, 6], [3, 2, 3], [3]]) { conv1d($0[0], $0[1], $0[2], stride: 2, padding: 1) },
    .init("conv2d", [[1, 2, 5, 4], [3, 2, 3, 3], [3]]) {
      conv2d($0[0], $0[1], $0[2], stride: (2, 1), padding: (1, 1))
    },
    .init("convTranspose2d", [[1, 2, 3, 3], [2, 3, 3, 3], [3]]) {
      convTranspose2d($0[0], $0[1], $0[2], stride: (2, 2), padding: (1, 1), outputPadding: (1, 1))
    },
    .init("convTranspose1d", [[1, 2, 4], [2, 2, 3]]) { convTranspose1d($0[0], $0[1], stride: 2) },
    .init("maxPool2d", [[1, 1, 4, 4]]) { maxPool2d($0[0], kernelSize: (2, 2)).square() },
    .init("averagePool2d", [[1, 1, 4, 4]]) { averagePool2d($0[0], kernelSize: (2, 2)).square() },
    .init("adaptiveAveragePool2d", [[1, 1, 4, 4]]) { adaptiveAveragePool2d($0[0], size: (1, 1)).square() },
    .init("batchNorm", [[4, 3], [3], [3]]) {
      batchNorm($0[0], weight: $0[1], bias: $0[2], runningMean: nil, runningVariance: nil, training: true)
    },
    .init("instanceNorm", [[2, 2, 3, 3]]) { instanceNorm($0[0]) },
    .init("layerNorm", [[3, 4], [4], [4]]) { layerNorm($0[0], shape: [4], weight: $0[1], bias: $0[2]) },
    .init("groupNorm", [[2, 4, 3]]) { groupNorm($0[0], groups: 2) },
    .init("upsampleNearest", [[1, 1, 2, 3]]) { upsampleNearest($0[0], size: (4, 6)).square() },
    .init("upsampleBilinear", [[1, 1, 2, 3]]) { upsampleBilinear($0[0], size: (4, 6)).square() },
    .init("upsampleBicubic", [[1, 1, 3, 3]]) { upsampleBicubic($0[0], size: (5, 5)).square() },
    .init("gridSample", [[1, 2, 3, 4], [1, 2, 3, 2]], twice: false) {
      gridSample($0[0], at: $0[1] * 0.2, padding: .border, alignCorners: true).square()
    },
    .init("pixelShuffle", [[1, 8, 2, 3]]) { pixelShuffle($0[0], factor: 2).square() },
    .init("pixelUnshuffle", [[1, 2, 4, 6]]) { pixelUnshuffle($0[0], factor: 2).square() },
    .init("prelu", [[2, 3, 2], [3]]) { prelu($0[0], $0[1]).square() },
    .init("embedding", [[5, 2]]) { embedding($0[0], Tensor([4, 0, 4])).square() },
    .init("lstm", [[3, 2, 2], [1, 2, 3], [1, 2, 3], [12, 2], [12, 3], [12], [12]], twice: false) {
      recurrent(
        .lstm, $0[0], hidden: $0[1], cellState: $0[2], inputWeight: $0[3], hiddenWeight: $0[4],
        inputBias: $0[5], hiddenBias: $0[6]
      ).output
    },
    .init("gru", [[3, 2, 2], [1, 2, 3], [9, 2], [9, 3], [9], [9]], twice: false) {
      recurrent(
        .gru, $0[0], hidden: $0[1], inputWeight: $0[2], hiddenWeight: $0[3], inputBias: $0[4],
        hiddenBias: $0[5]
      ).output
    },
    .init("tanh cell", [[3, 2, 2], [1, 2, 3], [3, 2], [3, 3]], twice: false) {
      recurrent(.tanh, $0[0], hidden: $0[1], inputWeight: $0[2], hiddenWeight: $0[3]).output
    },
    .init("binaryCrossEntropyWithLogits", [[4]]) {
      binaryCrossEntropyWithLogits($0[0], Tensor([0, 1, 1, 0] as [Float]).asType(.float64))
    },
    .init("binaryCrossEntropy", [[4]]) {
      binaryCrossEntropy($0[0].sigmoid(), Tensor([0, 1, 1, 0] as [Float]).asType(.float64))
    },
    .init("crossEntropy", [[3, 4]]) { crossEntropy($0[0], Tensor([3, 0, 1])) },
    .init("meanSquaredError", [[4], [4]]) { meanSquaredError($0[0], $0[1]) },
    .init("meanAbsoluteError", [[4], [4]], twice: false) { meanAbsoluteError($0[0], $0[1]) },
    .init("smoothL1", [[4], [4]], twice: false) { smoothL1($0[0] * 3, $0[1]) },
    .init("eigenvaluesSymmetric", [[3, 3]], twice: false) {
      ($0[0] + $0[0].transposed(0, 1)).eigenvaluesSymmetric() * Tensor([1, 2, 3] as [Float]).asType(.float64)
    },
  ]
}

/// The largest difference between the engine's derivatives of `body` and central differences.
private func derivativeError(_ inputs: [Tensor], _ body: ([Tensor]) -> Tensor) -> Double {
  let analytic = gradients(of: body(inputs), withRespectTo: inputs, allowUnused: true).map { $0.doubles() }
  let step = 1e-5
  var worst = 0.0
  for (number, input) in inputs.enumerated() {
    let values = input.doubles()
    for index in values.indices {
      func value(_ shift: Double) -> Double {
        var moved = values
        moved[index] += shift
        var all = inputs.map { $0.detached() }
        all[number] = Tensor(HostTensor(moved, shape: input.shape))
        // A body may itself take gradients, so its inputs must be part of a history.
        for tensor in all { tensor.requiresGradient = true }
        return body(all).sum().item()
      }
      let numeric = (value(step) - value(-step)) / (2 * step)
      worst = max(worst, abs(numeric - analytic[number][index]) / max(1, abs(numeric)))
    }
  }
  return worst
}

@Suite struct GradientTests {
  @Test(arguments: DifferentiableOperation.all)
  func derivativesAgreeWithFiniteDifferences(_ operation: DifferentiableOperation) {
    #expect(derivativeError(operation.inputs(), operation.body) < 1e-6)
  }

  @Test(arguments: DifferentiableOperation.all.filter(\.twice))
  func secondDerivativesAgreeWithFiniteDifferences(_ operation: DifferentiableOperation) {
    func gradientNorm(_ inputs: [Tensor]) -> Tensor {
      // Cubing makes the second derivative depend on the point even for linear operations.
      let output = operation.body(inputs)
      let derivatives = gradients(
        of: (output * output * output).sum(), withRespectTo: inputs, createGraph: true, allowUnused: true)
      return derivatives.map { $0.square().sum() }.reduce(Tensor(scalar: 0, dtype: .float64), +)
    }
    #expect(derivativeError(operation.inputs(seed: 5), gradientNorm) < 1e-4)
  }

  @Test func backwardAddsToTheGradientAndResettingRemovesIt() {
    let x = Tensor([2] as [Float])
    x.requiresGradient = true
    x.square().sum().backward()
    x.square().sum().backward()
    #expect(x.gradient?.floats() == [8])
    x.gradient = nil
    #expect(x.gradient == nil)
  }

  @Test func nothingIsRecordedWithoutGradients() {
    let x = Tensor([2] as [Float])
    x.requiresGradient = true
    #expect(withoutGradients { x * 2 }.requiresGradient == false)
    #expect(withoutGradients { withGradients { x * 2 } }.requiresGradient)
    #expect((x * 2).detached().requiresGradient == false)
  }

  @Test func anUnusedInputIsAnErrorUnlessAllowed() throws {
    let x = Tensor([2] as [Float])
    let y = Tensor([3] as [Float])
    x.requiresGradient = true
    y.requiresGradient = true
    #expect(throws: TensorError.self) {
      try withTensorErrors { _ = gradients(of: x * 2, withRespectTo: [y]) }
    }
    #expect(gradients(of: x * 2, withRespectTo: [y], allowUnused: true)[0].floats() == [0])
  }
}
