import AtelierCore
import AtelierData
import Torch
import TorchNN

// What spade, oasis and sean share: normalisation whose scale and shift are drawn from a map.

/// The normalisation without parameters inside layers that a map conditions.
public enum UnconditionalNorm: String, Sendable, Hashable, Codable, CaseIterable {
  /// Batch normalisation, which counts its batches.
  case batch
  /// SynchronizedBatchNorm2d: on one device the same numbers, but `num_batches_tracked` stays 0.
  case syncbatch
  /// Each channel of each image by itself.
  case instance
  /// None.
  case none
}

/// An ``UnconditionalNorm`` as a layer.
///
/// State for `batch` and `syncbatch`: `running_mean`, `running_var`, `num_batches_tracked`; else nothing.
final class ParameterFreeNorm: Module, Layer {
  @Buffer var runningMean: Tensor?
  @Buffer var runningVar: Tensor?
  @Buffer var numBatchesTracked: Tensor?
  private let kind: UnconditionalNorm
  private let one = Tensor.ones([], dtype: .int64)

  init(_ kind: UnconditionalNorm, channels: Int) {
    self.kind = kind
    if kind == .batch || kind == .syncbatch {
      runningMean = .zeros([channels])
      runningVar = .ones([channels])
      numBatchesTracked = .zeros([], dtype: .int64)
    }
    super.init()
  }

  override func members() -> [Member] {
    [
      .tensor(name: "running_mean", slot: _runningMean), .tensor(name: "running_var", slot: _runningVar),
      .tensor(name: "num_batches_tracked", slot: _numBatchesTracked),
    ]
  }

  /// The shape of `[batch, channels, height, width]`, normalised.
  func callAsFunction(_ x: Tensor) -> Tensor {
    switch kind {
    case .none: return x
    case .instance: return instanceNorm(x, epsilon: 1e-5)
    case .batch, .syncbatch:
      if kind == .batch, isTraining, !isRepeatedPass, let count = numBatchesTracked {
        count.copy(from: count + one.to(count.device))
      }
      return batchNorm(
        x, weight: nil, bias: nil, runningMean: changedOnce(runningMean),
        runningVariance: changedOnce(runningVar), training: isTraining, momentum: 0.1, epsilon: 1e-5)
    }
  }
}

/// A map in the sizes in which a network asks for it, each made once.
final class MapPyramid {
  /// `[batch, channels, height, width]`.
  let full: Tensor
  private var smaller: [[Int]: Tensor] = [:]

  /// - Parameter full: one-hot labels, and whatever else a generator is conditioned on at every pixel.
  init(_ full: Tensor) { self.full = full.channelsLast() }

  /// The map at a size, by nearest neighbour.
  func callAsFunction(height: Int, width: Int) -> Tensor {
    if full.shape[2] == height, full.shape[3] == width { return full }
    if let known = smaller[[height, width]] { return known }
    let made = upsampleNearest(full, size: (height, width))
    smaller[[height, width]] = made
    return made
  }

  /// The map at the size of features `[batch, channels, height, width]`.
  func callAsFunction(like x: Tensor) -> Tensor { self(height: x.shape[2], width: x.shape[3]) }
}

/// The scale (less one) and the shift that a map stands for, from two layers of convolutions.
///
/// Source: Park et al. 2019, section 3; NVlabs/SPADE `models/networks/normalization.py`.
final class MapModulation: Module {
  let shared: Conv2d
  let gamma: Conv2d
  let beta: Conv2d

  init(mapChannels: Int, hidden: Int, channels: Int, kernelSize: Int, using stream: RandomStream) {
    func convolution(_ inputs: Int, _ outputs: Int) -> Conv2d {
      Conv2d(
        inputChannels: inputs, outputChannels: outputs, kernelSize: kernelSize, padding: kernelSize / 2,
        using: stream)
    }
    shared = convolution(mapChannels, hidden)
    gamma = convolution(hidden, channels)
    beta = convolution(hidden, channels)
    super.init()
  }

  /// Both `[batch, channels, height, width]`, for a map of that height and width.
  func callAsFunction(_ map: Tensor) -> (gamma: Tensor, beta: Tensor) {
    let hidden = shared(map).relu()
    return (gamma(hidden), beta(hidden))
  }

  /// Keys of configurations that the authors' files tell of a modulated layer.
  ///
  /// - Parameters:
  ///   - layer: the layer's name in the files.
  ///   - norm: what the files call the normalisation in it.
  static func keys(
    of tensors: ForeignTensors, _ layer: String, norm: String
  ) throws(ConfigurationError) -> [String: ConfigurationValue] {
    let kernel = try tensors.required("\(layer).mlp_shared.0.weight", axes: 4)
    return [
      "spadeHidden": .integer(kernel[0]), "spadeKernel": .integer(kernel[2]),
      "norm": .string(tensors.has("\(layer).\(norm).running_mean") ? "syncbatch" : "instance"),
    ]
  }
}

/// The spatially-adaptive normalisation of SPADE: norm(x) · (1 + γ(map)) + β(map).
final class SpatiallyAdaptiveNorm: Module {
  let parameterFreeNorm: ParameterFreeNorm
  let modulation: MapModulation

  init(
    _ norm: UnconditionalNorm, channels: Int, mapChannels: Int, hidden: Int, kernelSize: Int,
    using stream: RandomStream
  ) {
    parameterFreeNorm = ParameterFreeNorm(norm, channels: channels)
    modulation = MapModulation(
      mapChannels: mapChannels, hidden: hidden, channels: channels, kernelSize: kernelSize, using: stream)
    super.init()
  }

  /// The modulation's layers stand on this one's own level, as in the authors' files.
  override func members() -> [Member] {
    [
      .child(name: "parameter_free_norm", module: parameterFreeNorm), .child(name: "", module: modulation),
    ]
  }

  /// The shape of `x`, normalised and modulated.
  func callAsFunction(_ x: Tensor, _ map: MapPyramid) -> Tensor {
    let (gamma, beta) = modulation(map(like: x))
    return parameterFreeNorm(x) * (gamma + 1) + beta
  }
}

/// A residual block: twice norm, leaky ReLU, convolution; a learned shortcut, norm and 1×1 convolution, where
/// the number of channels changes.
///
/// Source: NVlabs/SPADE `models/networks/architecture.py` `SPADEResnetBlock`.
final class SpatiallyAdaptiveBlock: Module {
  let firstConvolution: Conv2d
  let secondConvolution: Conv2d
  let shortcutConvolution: Conv2d?
  let firstNorm: SpatiallyAdaptiveNorm
  let secondNorm: SpatiallyAdaptiveNorm
  let shortcutNorm: SpatiallyAdaptiveNorm?

  /// The choices that all blocks of a generator share.
  struct Plan {
    let norm: UnconditionalNorm
    let isSpectral: Bool
    let mapChannels: Int
    let hidden: Int
    let kernelSize: Int
  }

  init(_ inputs: Int, _ outputs: Int, _ plan: Plan, using stream: RandomStream) {
    let middle = min(inputs, outputs)
    func norm(_ channels: Int) -> SpatiallyAdaptiveNorm {
      SpatiallyAdaptiveNorm(
        plan.norm, channels: channels, mapChannels: plan.mapChannels, hidden: plan.hidden,
        kernelSize: plan.kernelSize, using: stream)
    }
    (firstConvolution, secondConvolution, shortcutConvolution) = blockConvolutions(
      inputs, middle, outputs, isSpectral: plan.isSpectral, using: stream)
    firstNorm = norm(inputs)
    secondNorm = norm(middle)
    shortcutNorm = inputs == outputs ? nil : norm(inputs)
    super.init()
  }

  /// `[batch, outputs, height, width]` for `[batch, inputs, height, width]`.
  func callAsFunction(_ x: Tensor, _ map: MapPyramid) -> Tensor {
    var shortcut = x
    if let shortcutNorm, let shortcutConvolution { shortcut = shortcutConvolution(shortcutNorm(x, map)) }
    let middle = firstConvolution(firstNorm(x, map).leakyRelu(0.2))
    return shortcut + secondConvolution(secondNorm(middle, map).leakyRelu(0.2))
  }
}

/// The convolutions of a residual block of spade, oasis and sean: two of 3×3 and, where the number of
/// channels changes, one of 1×1 without bias.
func blockConvolutions(
  _ inputs: Int, _ middle: Int, _ outputs: Int, isSpectral: Bool, using stream: RandomStream
) -> (first: Conv2d, second: Conv2d, shortcut: Conv2d?) {
  let normalization: WeightNormalization? = isSpectral ? .spectral : nil
  func convolution(_ inputs: Int, _ outputs: Int, kernelSize: Int, hasBias: Bool) -> Conv2d {
    Conv2d(
      inputChannels: inputs, outputChannels: outputs, kernelSize: kernelSize, padding: kernelSize / 2,
      hasBias: hasBias, normalization: normalization, using: stream)
  }
  return (
    convolution(inputs, middle, kernelSize: 3, hasBias: true),
    convolution(middle, outputs, kernelSize: 3, hasBias: true),
    inputs == outputs ? nil : convolution(inputs, outputs, kernelSize: 1, hasBias: false)
  )
}

/// What the authors of spade, oasis and sean call the parts of a block.
///
/// - Parameter norm: their name of the normalisation without parameters: `param_free_norm`, `first_norm`.
func mapBlockNames(norm: String) -> [String: String] {
  [
    "first_convolution": "conv_0", "second_convolution": "conv_1", "shortcut_convolution": "conv_s",
    "first_norm": "norm_0", "second_norm": "norm_1", "shortcut_norm": "norm_s",
    "parameter_free_norm": norm, "shared": "mlp_shared.0", "gamma": "mlp_gamma", "beta": "mlp_beta",
  ]
}

/// Twice the height and width, by nearest neighbour.
func doubled(_ x: Tensor) -> Tensor { enlarged(x, by: 2) }

/// How often the generators of spade and sean double their smallest map.
public enum MapUpsampling: String, Sendable, Hashable, Codable, CaseIterable {
  /// Five times.
  case normal
  /// Six times.
  case more
  /// Seven times, with one more block at half the width.
  case most

  /// What both sides of an image are multiples of.
  var factor: Int {
    switch self {
    case .normal: 32
    case .more: 64
    case .most: 128
    }
  }
}
