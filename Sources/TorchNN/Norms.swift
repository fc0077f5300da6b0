public import Torch

/// Instance normalisation: each channel of each image by its own mean and variance (Ulyanov et al. 2016).
///
/// As in PyTorch, without scale and running statistics by default.
public final class InstanceNorm2d: Module, Layer, AffineNorm {
  /// The scale, initially ones.
  @Parameter public var weight: Tensor?
  /// The shift, initially zeros.
  @Parameter public var bias: Tensor?
  /// The running mean, used in evaluation if present.
  @Buffer public var runningMean: Tensor?
  /// The running mean of unbiased variances.
  @Buffer public var runningVar: Tensor?
  /// Part of PyTorch's state; never incremented, as in PyTorch.
  @Buffer public var numBatchesTracked: Tensor?
  /// Whether evaluation also uses each image's own statistics; the running ones are then unused and unchanged.
  public var usesOwnStatistics = false
  private let epsilon: Double
  private let momentum: Double

  /// A layer for `[batch, channels, height, width]`.
  public init(
    channels: Int, epsilon: Double = 1e-5, momentum: Double = 0.1, isAffine: Bool = false,
    tracksStatistics: Bool = false
  ) {
    self.epsilon = epsilon
    self.momentum = momentum
    if isAffine {
      weight = .ones([channels])
      bias = .zeros([channels])
    }
    if tracksStatistics {
      runningMean = .zeros([channels])
      runningVar = .ones([channels])
      numBatchesTracked = .zeros([], dtype: .int64)
    }
    super.init()
  }

  /// Normalises `x`; returns its shape.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    check(x.rank == 4, "InstanceNorm2d takes [batch, channels, height, width], not \(x.shape)")
    let isTracked = isTraining || !usesOwnStatistics
    return instanceNorm(
      x, weight: weight, bias: bias, runningMean: isTracked ? changedOnce(runningMean) : nil,
      runningVariance: isTracked ? changedOnce(runningVar) : nil,
      useInputStatistics: isTraining || usesOwnStatistics || runningMean == nil, momentum: momentum,
      epsilon: epsilon)
  }
}

/// Normalises over the trailing dimensions (Ba et al. 2016).
public final class LayerNorm: Module, Layer, AffineNorm {
  /// The scale, of the normalised shape, initially ones.
  @Parameter public var weight: Tensor?
  /// The shift, initially zeros.
  @Parameter public var bias: Tensor?
  private let normalizedShape: [Int]
  private let epsilon: Double

  /// - Parameter normalizedShape: the trailing dimensions that share statistics.
  public init(_ normalizedShape: [Int], epsilon: Double = 1e-5, isAffine: Bool = true, hasBias: Bool = true) {
    self.normalizedShape = normalizedShape
    self.epsilon = epsilon
    if isAffine {
      weight = .ones(normalizedShape)
      if hasBias { bias = .zeros(normalizedShape) }
    }
    super.init()
  }

  /// Over the last dimension, of the given length.
  public convenience init(_ features: Int, epsilon: Double = 1e-5, isAffine: Bool = true) {
    self.init([features], epsilon: epsilon, isAffine: isAffine)
  }

  /// Normalises `x`; returns its shape.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    layerNorm(x, shape: normalizedShape, weight: weight, bias: bias, epsilon: epsilon)
  }
}

/// Normalises groups of channels of each example (Wu and He 2018).
public final class GroupNorm: Module, Layer, AffineNorm {
  /// The scale of each channel, initially ones.
  @Parameter public var weight: Tensor?
  /// The shift of each channel, initially zeros.
  @Parameter public var bias: Tensor?
  private let groups: Int
  private let epsilon: Double

  /// A layer for `[batch, channels, …]`; `groups` must divide `channels`.
  public init(groups: Int, channels: Int, epsilon: Double = 1e-5, isAffine: Bool = true) {
    check(groups > 0 && channels % groups == 0, "\(groups) groups do not divide \(channels) channels")
    self.groups = groups
    self.epsilon = epsilon
    if isAffine {
      weight = .ones([channels])
      bias = .zeros([channels])
    }
    super.init()
  }

  /// Normalises `x`; returns its shape.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    groupNorm(x, groups: groups, weight: weight, bias: bias, epsilon: epsilon)
  }
}

/// Local response normalisation over neighbouring channels (Krizhevsky et al. 2012): x / (k + alpha ·
/// mean(x²))^beta over `size` channels, zeros beyond the first and last.
public final class LocalResponseNorm: Module, Layer {
  private let size: Int
  private let alpha: Double
  private let beta: Double
  private let k: Double

  /// PyTorch's defaults.
  public init(size: Int, alpha: Double = 1e-4, beta: Double = 0.75, k: Double = 1) {
    check(size > 0, "local response normalisation needs at least one channel, not \(size)")
    self.size = size
    self.alpha = alpha
    self.beta = beta
    self.k = k
    super.init()
  }

  /// The shape of `[batch, channels, …]`, normalised.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    guard check(x.rank >= 3, "LocalResponseNorm takes [batch, channels, …] of rank 3 or more, not \(x.shape)")
    else { return x }
    let channels = x.shape[1]
    let borders = [Int](repeating: 0, count: 2 * (x.rank - 2)) + [size / 2, (size - 1) / 2]
    let squares = x.square().padded(borders)
    var sum = squares.slice(1, 0, channels)
    for offset in 1..<max(1, size) { sum = sum + squares.slice(1, offset, offset + channels) }
    return x / (sum * (alpha / Double(size)) + k).pow(beta)
  }
}

/// MUNIT's layer normalisation: over a whole example, with the unbiased standard deviation and a scale per
/// channel.
///
/// (x - mean) / (deviation + epsilon) · gamma + beta; unlike in ``LayerNorm``, epsilon is outside the square
/// root. Source: UNIT networks.py `LayerNorm`.
public final class UnbiasedLayerNorm: Module, Layer {
  /// The scale of each channel, initially uniform in [0, 1).
  @Parameter public var gamma: Tensor?
  /// The shift of each channel, initially zeros.
  @Parameter public var beta: Tensor?
  private let epsilon: Double

  /// A layer for `[batch, channels, …]`.
  public init(channels: Int, epsilon: Double = 1e-5, isAffine: Bool = true, using stream: RandomStream) {
    self.epsilon = epsilon
    if isAffine {
      gamma = stream.uniform([channels])
      beta = .zeros([channels])
    }
    super.init()
  }

  /// Normalises `x`; returns its shape.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    let dims = Array(1..<max(2, x.rank))
    let mean = x.mean(dims: dims, keepDim: true)
    let deviation = x.standardDeviation(dims: dims, unbiased: true, keepDim: true)
    let normalized = (x - mean) / (deviation + epsilon)
    guard let gamma, let beta else { return normalized }
    let shape = [1, -1] + [Int](repeating: 1, count: max(0, x.rank - 2))
    return normalized * gamma.reshaped(shape) + beta.reshaped(shape)
  }
}
