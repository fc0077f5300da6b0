public import Torch

/// Batch normalisation whose scale and shift depend on a condition y:
/// norm(x) · (1 + W_g y) + W_b y.
///
/// y is a class (an int64 index, then W are embeddings) or a vector (then W are linear layers without
/// bias). State: `running_mean`, `running_var`, `gain.weight`, `bias.weight`. Sources: Dumoulin et
/// al. 2017; ajbrock/BigGAN-PyTorch layers.py `ccbn`.
public final class ConditionalBatchNorm2d: Module, RunningStatistics {
  /// The average of batch means.
  @Buffer public var runningMean: Tensor
  /// The average of unbiased batch variances.
  @Buffer public var runningVar: Tensor
  /// y to the scale less one, `[batch, channels]`.
  public let gain: any Layer
  /// y to the shift, `[batch, channels]`.
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

  /// Conditioned on one of `classes` classes; all start as plain normalisation, the tables being zero.
  public convenience init(
    channels: Int, classes: Int, epsilon: Double = 1e-5, momentum: Double = 0.1,
    normalization: WeightNormalization? = nil, using stream: RandomStream
  ) {
    let tables = (0..<2).map { _ in
      let table = Embedding(count: classes, features: channels, normalization: normalization, using: stream)
      // A normalised table must not be zero, for its norm divides.
      if normalization == nil { table.weight.fill(0) }
      return table
    }
    self.init(channels: channels, gain: tables[0], bias: tables[1], epsilon: epsilon, momentum: momentum)
  }

  /// Conditioned on a vector of `conditionFeatures` numbers, by linear layers with PyTorch's initial values.
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

/// Instance normalisation whose scale and shift come from outside, for each picture (Huang and Belongie
/// 2017), in MUNIT's form: norm(x) · weight + bias, no one added to the weight.
///
/// State: `running_mean` and `running_var`, which the authors register and never change.
/// Source: UNIT networks.py `AdaptiveInstanceNorm2d`.
public final class AdaptiveInstanceNorm2d: Module, Layer {
  /// The number of channels.
  public let channels: Int
  /// The scale and the shift of each picture's channels, each `[batch, channels]`.
  public var style: (weight: Tensor, bias: Tensor)?
  /// Zeros, for the state's sake.
  @Buffer public var runningMean: Tensor
  /// Ones, for the state's sake.
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

  /// The input's shape, in the present ``style``.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    guard let style else {
      check(false, "AdaptiveInstanceNorm2d was given no style: call assignStyles before the network")
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

/// How many numbers a style of a network has: a mean and a deviation for each channel of each
/// ``AdaptiveInstanceNorm2d`` below it.
public func styleCount(of network: Module) -> Int {
  adaptiveNorms(in: network).reduce(0) { $0 + 2 * $1.channels }
}

/// Hands out a network's styles: for each ``AdaptiveInstanceNorm2d`` in order of the network's
/// modules first the shifts (the new means), then the scales (the new deviations).
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
