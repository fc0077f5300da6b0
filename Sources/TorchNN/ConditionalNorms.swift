public import Torch

/// Batch normalisation whose scale and shift depend on a condition y:
/// norm(x) · (1 + W_g y) + W_b y.
///
/// y is a class (an int64 index, then W are embeddings) or a vector (then W are linear layers without
/// bias). State: `running_mean`, `running_var`, `gain.weight`, `bias.weight`. Sources: Dumoulin et
/// al. 2017; ajbrock/BigGAN-PyTorch layers.py `ccbn`.
public final class ConditionalBatchNorm2d: Module, RunningStatistics {
  /// The running mean.
  @Buffer public var runningMean: Tensor
  /// The running mean of unbiased variances.
  @Buffer public var runningVar: Tensor
  /// Maps y to the scale minus 1, `[batch, channels]`.
  public let gain: any Layer
  /// Maps y to the shift, `[batch, channels]`.
  public let bias: any Layer
  private let channels: Int
  private let epsilon: Double
  /// The weight of a new batch in the running statistics.
  public var momentum: Double?

  private init(channels: Int, gain: any Layer, bias: any Layer, epsilon: Double, momentum: Double) {
    self.channels = channels
    self.gain = gain
    self.bias = bias
    self.epsilon = epsilon
    self.momentum = momentum
    runningMean = .zeros([channels])
    runningVar = .ones([channels])
    super.init()
  }

  /// Conditioned on one of `classes` classes; the tables are initially zero, which is plain normalisation.
  public convenience init(
    channels: Int, classes: Int, epsilon: Double = 1e-5, momentum: Double = 0.1,
    normalization: WeightNormalization? = nil, using stream: RandomStream
  ) {
    let tables = (0..<2).map { _ in
      let table = Embedding(count: classes, features: channels, normalization: normalization, using: stream)
      // A spectrally normalised table must not be zero, as it is divided by its norm.
      if normalization == nil { table.weight.fill(0) }
      return table
    }
    self.init(channels: channels, gain: tables[0], bias: tables[1], epsilon: epsilon, momentum: momentum)
  }

  /// Conditioned on a vector of length `conditionFeatures`, by linear layers with PyTorch's initialisation.
  public convenience init(
    channels: Int, conditionFeatures: Int, epsilon: Double = 1e-5, momentum: Double = 0.1,
    normalization: WeightNormalization? = nil, using stream: RandomStream
  ) {
    let layers = (0..<2).map { _ in
      Linear(
        inputFeatures: conditionFeatures, outputFeatures: channels, hasBias: false,
        normalization: normalization, using: stream)
    }
    self.init(channels: channels, gain: layers[0], bias: layers[1], epsilon: epsilon, momentum: momentum)
  }

  /// - Parameters:
  ///   - x: `[batch, channels, height, width]`.
  ///   - condition: int64 classes `[batch]`, or vectors `[batch, conditionFeatures]`.
  public func callAsFunction(_ x: Tensor, _ condition: Tensor) -> Tensor {
    check(x.rank == 4, "ConditionalBatchNorm2d takes [batch, channels, height, width], not \(x.shape)")
    let normalized = batchNorm(
      x, weight: nil, bias: nil, runningMean: changedOnce(runningMean),
      runningVariance: changedOnce(runningVar), training: isTraining, momentum: momentum ?? 0.1,
      epsilon: epsilon)
    let scale = (gain(condition) + 1).reshaped([-1, channels, 1, 1])
    return normalized * scale + bias(condition).reshaped([-1, channels, 1, 1])
  }
}

/// Adaptive instance normalisation (Huang and Belongie 2017) in MUNIT's form: norm(x) · weight + bias, with
/// scale and shift per image set from outside.
///
/// State: `running_mean` and `running_var`, which the authors' code registers and never updates. Source: UNIT
/// networks.py `AdaptiveInstanceNorm2d`.
public final class AdaptiveInstanceNorm2d: Module, Layer {
  /// The number of channels.
  public let channels: Int
  /// The scale and the shift, each `[batch, channels]`.
  public var style: (weight: Tensor, bias: Tensor)?
  /// Always zeros; part of the authors' state.
  @Buffer public var runningMean: Tensor
  /// Always ones; part of the authors' state.
  @Buffer public var runningVar: Tensor
  private let epsilon: Double

  /// A layer for `[batch, channels, height, width]`.
  public init(channels: Int, epsilon: Double = 1e-5) {
    self.channels = channels
    self.epsilon = epsilon
    runningMean = .zeros([channels])
    runningVar = .ones([channels])
    super.init()
  }

  /// Normalises `x` and applies the current ``style``.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    guard let style else {
      check(false, "AdaptiveInstanceNorm2d has no style: call assignStyles before the network")
      return x
    }
    guard
      check(
        x.rank == 4 && style.weight.shape == Array(x.shape.prefix(2))
          && style.bias.shape == style.weight.shape,
        "AdaptiveInstanceNorm2d: a style of \(style.weight.shape) does not fit \(x.shape)")
    else { return x }
    return instanceNorm(x, epsilon: epsilon) * style.weight.unsqueezed(-1).unsqueezed(-1)
      + style.bias.unsqueezed(-1).unsqueezed(-1)
  }
}

/// The length of a network's style vector: a shift and a scale for each channel of each
/// ``AdaptiveInstanceNorm2d`` in it.
public func styleCount(of network: Module) -> Int {
  adaptiveNorms(in: network).reduce(0) { $0 + 2 * $1.channels }
}

/// Sets the styles of a network's ``AdaptiveInstanceNorm2d`` layers from one vector: for each layer in module
/// order the shifts, then the scales.
///
/// - Parameter parameters: `[batch, styleCount]`.
public func assignStyles(_ parameters: Tensor, to network: Module) {
  let norms = adaptiveNorms(in: network)
  let needed = norms.reduce(0) { $0 + 2 * $1.channels }
  guard
    check(
      parameters.rank == 2 && parameters.shape[1] == needed,
      "assignStyles needs [batch, \(needed)], not \(parameters.shape)")
  else { return }
  var start = 0
  for norm in norms {
    let bias = parameters.slice(1, start, start + norm.channels)
    let weight = parameters.slice(1, start + norm.channels, start + 2 * norm.channels)
    norm.style = (weight: weight, bias: bias)
    start += 2 * norm.channels
  }
}

private func adaptiveNorms(in network: Module) -> [AdaptiveInstanceNorm2d] {
  network.allModules().compactMap { $0 as? AdaptiveInstanceNorm2d }
}
