internal import CTorch

/// x W^T + b over the last dimension; `weight` `[outputs, inputs]`, `bias` `[outputs]`.
public func linear(_ x: Tensor, _ weight: Tensor, _ bias: Tensor? = nil) -> Tensor {
  Tensor(CTLinear(x.handle, weight.handle, bias?.handle), "linear", x, weight, rank: x.rank)
}

/// Cross-correlation of `[batch, inputs, length]` with `weight` `[outputs, inputs / groups, kernel]`.
public func conv1d(
  _ x: Tensor, _ weight: Tensor, _ bias: Tensor? = nil, stride: Int = 1, padding: Int = 0, dilation: Int = 1,
  groups: Int = 1
) -> Tensor {
  convolution("conv1d", x, weight, bias, [stride], [padding], [dilation], nil, groups)
}

/// Cross-correlation of `[batch, inputs, height, width]` with `[outputs, inputs / groups, height, width]`.
public func conv2d(
  _ x: Tensor, _ weight: Tensor, _ bias: Tensor? = nil, stride: (Int, Int) = (1, 1),
  padding: (Int, Int) = (0, 0), dilation: (Int, Int) = (1, 1), groups: Int = 1
) -> Tensor {
  convolution(
    "conv2d", x, weight, bias, [stride.0, stride.1], [padding.0, padding.1], [dilation.0, dilation.1], nil,
    groups)
}

/// The transpose of ``conv1d(_:_:_:stride:padding:dilation:groups:)``; `weight` `[inputs, outputs / groups, kernel]`.
public func convTranspose1d(
  _ x: Tensor, _ weight: Tensor, _ bias: Tensor? = nil, stride: Int = 1, padding: Int = 0,
  outputPadding: Int = 0, groups: Int = 1
) -> Tensor {
  convolution("convTranspose1d", x, weight, bias, [stride], [padding], [1], [outputPadding], groups)
}

/// The transpose of ``conv2d(_:_:_:stride:padding:dilation:groups:)``; `weight` `[inputs, outputs / groups, height, width]`.
public func convTranspose2d(
  _ x: Tensor, _ weight: Tensor, _ bias: Tensor? = nil, stride: (Int, Int) = (1, 1),
  padding: (Int, Int) = (0, 0), outputPadding: (Int, Int) = (0, 0), groups: Int = 1
) -> Tensor {
  convolution(
    "convTranspose2d", x, weight, bias, [stride.0, stride.1], [padding.0, padding.1], [1, 1],
    [outputPadding.0, outputPadding.1], groups)
}

private func convolution(
  _ operation: StaticString, _ x: Tensor, _ weight: Tensor, _ bias: Tensor?, _ stride: [Int],
  _ padding: [Int], _ dilation: [Int], _ outputPadding: [Int]?, _ groups: Int
) -> Tensor {
  let spatial = stride.count
  let handle = CTConvolution(
    x.handle, weight.handle, bias?.handle, Int32(spatial), stride.map(Int64.init), padding.map(Int64.init),
    dilation.map(Int64.init), outputPadding != nil,
    outputPadding?.map(Int64.init) ?? [Int64](repeating: 0, count: spatial), Int64(groups))
  return Tensor(handle, operation, x, weight, rank: spatial + 2)
}

/// Max pooling of `[batch, channels, height, width]`.
public func maxPool2d(
  _ x: Tensor, kernelSize: (Int, Int), stride: (Int, Int)? = nil, padding: (Int, Int) = (0, 0)
) -> Tensor {
  let stride = stride ?? kernelSize
  return Tensor(
    CTMaxPool2d(x.handle, wide(kernelSize), wide(stride), wide(padding)), "maxPool2d", x, rank: x.rank)
}

/// Average pooling of `[batch, channels, height, width]`.
///
/// - Parameter countIncludePad: whether padding counts in the divisor; PyTorch's default is yes.
public func averagePool2d(
  _ x: Tensor, kernelSize: (Int, Int), stride: (Int, Int)? = nil, padding: (Int, Int) = (0, 0),
  countIncludePad: Bool = true
) -> Tensor {
  let stride = stride ?? kernelSize
  return Tensor(
    CTAveragePool2d(x.handle, wide(kernelSize), wide(stride), wide(padding), countIncludePad),
    "averagePool2d", x,
    rank: x.rank)
}

/// Adaptive average pooling to the given size.
public func adaptiveAveragePool2d(_ x: Tensor, size: (Int, Int)) -> Tensor {
  Tensor(
    CTAdaptiveAveragePool2d(x.handle, Int64(size.0), Int64(size.1)), "adaptiveAveragePool2d", x, rank: x.rank)
}

/// Batch normalisation over all dimensions but the second; inside ``withProcesses(_:_:)`` by the statistics of all
/// processes' batches together.
///
/// - Parameters:
///   - runningMean: if given, used in evaluation and updated in place in training.
///   - training: whether the batch's own statistics are used.
///   - momentum: the weight of the new statistics in the running ones.
public func batchNorm(
  _ x: Tensor, weight: Tensor?, bias: Tensor?, runningMean: Tensor?, runningVariance: Tensor?, training: Bool,
  momentum: Double = 0.1, epsilon: Double = 1e-5
) -> Tensor {
  if training, x.rank > 1,
    let result = synchronizedBatchNorm(
      x, weight: weight, bias: bias, runningMean: runningMean, runningVariance: runningVariance,
      momentum: momentum, epsilon: epsilon)
  {
    return result
  }
  let handle = CTBatchNorm(
    x.handle, weight?.handle, bias?.handle, runningMean?.handle, runningVariance?.handle, training, momentum,
    epsilon)
  return Tensor(handle, "batchNorm", x, rank: x.rank)
}

/// Normalises each channel of each example by its own statistics (or the running ones); inside
/// ``withProcesses(_:weight:isDivided:_:)`` the running ones follow the examples of all processes.
public func instanceNorm(
  _ x: Tensor, weight: Tensor? = nil, bias: Tensor? = nil, runningMean: Tensor? = nil,
  runningVariance: Tensor? = nil, useInputStatistics: Bool = true, momentum: Double = 0.1,
  epsilon: Double = 1e-5
) -> Tensor {
  let handle = CTInstanceNorm(
    x.handle, weight?.handle, bias?.handle, runningMean?.handle, runningVariance?.handle, useInputStatistics,
    momentum, epsilon)
  let result = Tensor(handle, "instanceNorm", x, rank: x.rank)
  if useInputStatistics, currentProcesses != nil {
    // They take in means over examples.
    withoutGradients {
      for running in [runningMean, runningVariance].compactMap({ $0 }) {
        running.copy(from: running.averagedOverProcesses())
      }
    }
  }
  return result
}

/// Normalises over the trailing dimensions of the given shape.
public func layerNorm(
  _ x: Tensor, shape: [Int], weight: Tensor? = nil, bias: Tensor? = nil, epsilon: Double = 1e-5
) -> Tensor {
  let handle = withInt64(shape) { CTLayerNorm(x.handle, $0, $1, weight?.handle, bias?.handle, epsilon) }
  return Tensor(handle, "layerNorm", x, rank: x.rank)
}

/// Normalises groups of channels of each example.
public func groupNorm(
  _ x: Tensor, groups: Int, weight: Tensor? = nil, bias: Tensor? = nil, epsilon: Double = 1e-5
) -> Tensor {
  Tensor(
    CTGroupNorm(x.handle, Int64(groups), weight?.handle, bias?.handle, epsilon), "groupNorm", x, rank: x.rank)
}

/// Nearest-neighbour resampling: index floor(i * old / new).
public func upsampleNearest(_ x: Tensor, size: (Int, Int)) -> Tensor {
  Tensor(
    CTResample2d(x.handle, Int64(size.0), Int64(size.1), 0, false, false), "upsampleNearest", x, rank: x.rank)
}

/// Bilinear resampling of `[batch, channels, height, width]`.
///
/// - Parameters:
///   - alignCorners: whether the centres of corner pixels coincide (true) or the images' edges (false).
///   - antialias: whether the kernel is widened when downsampling, as in Pillow.
public func upsampleBilinear(
  _ x: Tensor, size: (Int, Int), alignCorners: Bool = false, antialias: Bool = false
) -> Tensor {
  Tensor(
    CTResample2d(x.handle, Int64(size.0), Int64(size.1), 1, alignCorners, antialias), "upsampleBilinear", x,
    rank: x.rank)
}

/// Bicubic resampling (a = -0.75 without, -0.5 with `antialias`) of `[batch, channels, height, width]`.
public func upsampleBicubic(
  _ x: Tensor, size: (Int, Int), alignCorners: Bool = false, antialias: Bool = false
) -> Tensor {
  Tensor(
    CTResample2d(x.handle, Int64(size.0), Int64(size.1), 2, alignCorners, antialias), "upsampleBicubic", x,
    rank: x.rank)
}

/// The interpolation of a resize.
public enum ResamplingMode: String, Sendable, Hashable {
  case nearest, bilinear, bicubic
}

/// Enlarges `[batch, channels, height, width]` by an integer factor; a recorded script works for images of
/// any size.
///
/// - Parameter alignCorners: as in ``upsampleBilinear(_:size:alignCorners:antialias:)``; not for nearest.
public func enlarged(
  _ x: Tensor, by factor: Int, mode: ResamplingMode = .nearest, alignCorners: Bool = false
) -> Tensor {
  let code: Int32 =
    switch mode {
    case .nearest: 0
    case .bilinear: 1
    case .bicubic: 2
    }
  return Tensor(CTEnlarge2d(x.handle, Int64(factor), code, alignCorners), "enlarged", x, rank: x.rank)
}

/// What lies beyond an image's edges where it is sampled there.
public enum SamplingPadding: Int32, Sendable, Hashable {
  /// Zeros.
  case zeros
  /// The pixels of the edge.
  case border
  /// The image, mirrored at its edges.
  case reflection
}

/// Bilinear samples of images `[batch, channels, height, width]` at the points `(x, y)` of a grid
/// `[batch, height', width', 2]`, where -1 … 1 spans the image; `[batch, channels, height', width']`.
///
/// - Parameters:
///   - padding: what lies beyond the edges.
///   - alignCorners: whether -1 and 1 are the centres of the corner pixels (true) or the images' edges (false).
public func gridSample(
  _ x: Tensor, at grid: Tensor, padding: SamplingPadding = .zeros, alignCorners: Bool = false
) -> Tensor {
  Tensor(CTGridSample2d(x.handle, grid.handle, padding.rawValue, alignCorners), "gridSample", x, rank: 4)
}

/// Pixel shuffle: `[batch, channels * factor², height, width]` to `[batch, channels, height * factor, width *
/// factor]`.
///
/// Source: Shi et al. 2016, "Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel
/// Convolutional Neural Network", equation 4.
public func pixelShuffle(_ x: Tensor, factor: Int) -> Tensor {
  Tensor(CTPixelShuffle(x.handle, Int64(factor)), "pixelShuffle", x, rank: x.rank)
}

/// The inverse of ``pixelShuffle(_:factor:)``.
public func pixelUnshuffle(_ x: Tensor, factor: Int) -> Tensor {
  Tensor(CTPixelUnshuffle(x.handle, Int64(factor)), "pixelUnshuffle", x, rank: x.rank)
}

/// x where positive, `weight` times x elsewhere; `weight` `[1]` or `[channels]` (He et al. 2015).
public func prelu(_ x: Tensor, _ weight: Tensor) -> Tensor {
  Tensor(CTPRelu(x.handle, weight.handle), "prelu", x, weight, rank: x.rank)
}

/// The rows of `weight` `[count, size]` at int64 `indices` of any shape: a new last dimension.
public func embedding(_ weight: Tensor, _ indices: Tensor) -> Tensor {
  Tensor(CTEmbedding(weight.handle, indices.handle), "embedding", weight, indices, rank: indices.rank + 1)
}

/// softmax(q·kᵀ / √size)·v, without the whole table of scores in memory (Vaswani et al. 2017, equation 1; Dao et al.
/// 2022).
///
/// - Parameters:
///   - query: `[batch, heads, queries, size]`; `key` and `value` `[batch, heads, keys, size]`.
///   - mask: bool, broadcast to `[batch, heads, queries, keys]`; true where a query sees a key.
///   - isCausal: whether a query sees only the keys up to its own place; without `mask`.
public func scaledDotProductAttention(
  _ query: Tensor, _ key: Tensor, _ value: Tensor, mask: Tensor? = nil, isCausal: Bool = false
) -> Tensor {
  Tensor(
    CTAttention(query.handle, key.handle, value.handle, mask?.handle, isCausal), "scaledDotProductAttention",
    query, key, value, rank: query.rank)
}

/// The recurrent cells with a kernel for whole sequences.
public enum RecurrentCell: String, Sendable, Hashable, Codable, CaseIterable {
  case tanh, relu, lstm, gru

  /// Rows of the weight matrices for each hidden feature: the number of gates.
  public var gates: Int {
    switch self {
    case .tanh, .relu: 1
    case .lstm: 4
    case .gru: 3
    }
  }
}

/// One recurrent layer over a sequence.
///
/// - Parameters:
///   - x: `[time, batch, inputs]`.
///   - hidden: `[1, batch, hidden]`; `cellState` likewise, for an LSTM only.
///   - inputWeight: `[gates * hidden, inputs]`; `hiddenWeight` `[gates * hidden, hidden]`, the gates in
///     PyTorch's order (LSTM: input, forget, cell, output; GRU: reset, update, new).
/// - Returns: the outputs `[time, batch, hidden]` and the last states.
public func recurrent(
  _ cell: RecurrentCell, _ x: Tensor, hidden: Tensor, cellState: Tensor? = nil, inputWeight: Tensor,
  hiddenWeight: Tensor, inputBias: Tensor? = nil, hiddenBias: Tensor? = nil
) -> (output: Tensor, hidden: Tensor, cellState: Tensor?) {
  let code: Int32 =
    switch cell {
    case .tanh: 0
    case .relu: 1
    case .lstm: 2
    case .gru: 3
    }
  let count = cell == .lstm ? 3 : 2
  let results = several(count) {
    CTRecurrent(
      code, x.handle, hidden.handle, cellState?.handle, inputWeight.handle, hiddenWeight.handle,
      inputBias?.handle, hiddenBias?.handle, $0)
  }
  let tensors = results.map { Tensor($0, "recurrent", x, hidden, inputWeight, hiddenWeight, rank: 3) }
  return (tensors[0], tensors[1], count == 3 ? tensors[2] : nil)
}

// MARK: - Losses that the engine has kernels for

/// The reduction of a loss.
public enum Reduction: Int32, Sendable {
  case none = 0, mean, sum
}

/// -(t log p + (1 - t) log(1 - p)), each logarithm at least -100 as in PyTorch.
public func binaryCrossEntropy(_ probability: Tensor, _ target: Tensor, _ reduction: Reduction = .mean)
  -> Tensor
{
  Tensor(
    CTBinaryCrossEntropy(probability.handle, target.handle, reduction.rawValue), "binaryCrossEntropy",
    probability, target, rank: reduction == .none ? probability.rank : 0)
}

/// Binary cross-entropy of sigmoid(logits), without overflow.
public func binaryCrossEntropyWithLogits(
  _ logits: Tensor, _ target: Tensor, _ reduction: Reduction = .mean
) -> Tensor {
  Tensor(
    CTBinaryCrossEntropyWithLogits(logits.handle, target.handle, reduction.rawValue),
    "binaryCrossEntropyWithLogits", logits, target, rank: reduction == .none ? logits.rank : 0)
}

/// The negative log-probability of int64 targets; classes are in dimension 1.
public func negativeLogLikelihood(
  _ logProbabilities: Tensor, _ target: Tensor, _ reduction: Reduction = .mean, ignoredIndex: Int = -100
) -> Tensor {
  Tensor(
    CTNegativeLogLikelihood(logProbabilities.handle, target.handle, reduction.rawValue, Int64(ignoredIndex)),
    "negativeLogLikelihood", logProbabilities, target, rank: reduction == .none ? target.rank : 0)
}

/// Cross-entropy of softmax(logits) against int64 targets; classes are in dimension 1.
public func crossEntropy(
  _ logits: Tensor, _ target: Tensor, _ reduction: Reduction = .mean, ignoredIndex: Int = -100
) -> Tensor {
  negativeLogLikelihood(logits.logSoftmax(1), target, reduction, ignoredIndex: ignoredIndex)
}

/// (x - target)².
public func meanSquaredError(_ x: Tensor, _ target: Tensor, _ reduction: Reduction = .mean) -> Tensor {
  Tensor(
    CTMeanSquaredError(x.handle, target.handle, reduction.rawValue), "meanSquaredError", x, target,
    rank: reduction == .none ? max(x.rank, target.rank) : 0)
}

/// |x - target|.
public func meanAbsoluteError(_ x: Tensor, _ target: Tensor, _ reduction: Reduction = .mean) -> Tensor {
  Tensor(
    CTMeanAbsoluteError(x.handle, target.handle, reduction.rawValue), "meanAbsoluteError", x, target,
    rank: reduction == .none ? max(x.rank, target.rank) : 0)
}

/// 0.5 d² / beta below `beta`, d - 0.5 beta above, of d = |x - target|.
public func smoothL1(
  _ x: Tensor, _ target: Tensor, _ reduction: Reduction = .mean, beta: Double = 1
) -> Tensor {
  Tensor(
    CTSmoothL1(x.handle, target.handle, reduction.rawValue, beta), "smoothL1", x, target,
    rank: reduction == .none ? max(x.rank, target.rank) : 0)
}

private func wide(_ pair: (Int, Int)) -> [Int64] { [Int64(pair.0), Int64(pair.1)] }
