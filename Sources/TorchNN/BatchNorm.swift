public import Torch

/// A normalisation with a learned scale, which initialisers look for.
public protocol AffineNorm: Module {
  /// The scale; nil without affine parameters.
  var weight: Tensor? { get }
  /// The shift; nil without affine parameters.
  var bias: Tensor? { get }
}

/// Batch normalisation (Ioffe and Szegedy 2015) over all dimensions but the second.
///
/// State as in PyTorch: `weight`, `bias`, `running_mean`, `running_var`, `num_batches_tracked` (int64).
public class BatchNorm: Module, Layer, AffineNorm, RunningStatistics {
  /// The scale, initially ones.
  @Parameter public var weight: Tensor?
  /// The shift, initially zeros.
  @Parameter public var bias: Tensor?
  /// The running mean.
  @Buffer public var runningMean: Tensor?
  /// The running mean of unbiased variances.
  @Buffer public var runningVar: Tensor?
  /// The number of training batches.
  @Buffer public var numBatchesTracked: Tensor?
  /// The weight of a new batch in the running statistics; nil gives all batches equal weight.
  public var momentum: Double?
  /// Whether evaluation also uses the batch's statistics; the running ones are then unused and unchanged.
  ///
  /// Some authors test their generators this way, never leaving training mode.
  public var usesBatchStatistics = false
  private let epsilon: Double
  private let allowedRanks: Set<Int>
  private let one: Tensor?

  /// - Parameters:
  ///   - momentum: the weight of a new batch in the running statistics; nil gives all batches equal weight.
  ///   - isAffine: whether the layer has a scale and a shift.
  ///   - tracksStatistics: whether the layer has running statistics; without them evaluation also uses the
  ///     batch's.
  ///   - countsBatches: whether `num_batches_tracked` is part of the state, as in PyTorch since 0.4.1.
  init(
    channels: Int, epsilon: Double, momentum: Double?, isAffine: Bool, tracksStatistics: Bool,
    countsBatches: Bool, ranks: Set<Int>
  ) {
    self.epsilon = epsilon
    self.momentum = momentum
    allowedRanks = ranks
    one = tracksStatistics && countsBatches ? Tensor.ones([], dtype: .int64) : nil
    check(
      momentum != nil || countsBatches || !tracksStatistics,
      "batch normalisation without a momentum has to count its batches")
    if isAffine {
      weight = .ones([channels])
      bias = .zeros([channels])
    }
    if tracksStatistics {
      runningMean = .zeros([channels])
      runningVar = .ones([channels])
      numBatchesTracked = countsBatches ? .zeros([], dtype: .int64) : nil
    }
    super.init()
  }

  /// Lists the tensors without reflection.
  public override func members() -> [Member] {
    [
      .tensor(name: "weight", slot: _weight), .tensor(name: "bias", slot: _bias),
      .tensor(name: "running_mean", slot: _runningMean), .tensor(name: "running_var", slot: _runningVar),
      .tensor(name: "num_batches_tracked", slot: _numBatchesTracked),
    ]
  }

  /// Normalises `x`; returns its shape.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    check(
      allowedRanks.contains(x.rank),
      "\(type(of: self)) takes inputs of rank \(allowedRanks.sorted().map(String.init).joined(separator: " or ")), "
        + "not \(x.shape)")
    let usesBatch = isTraining || runningMean == nil || usesBatchStatistics
    let tracked = isTraining || !usesBatch
    var weightOfNew = momentum ?? 0
    if isTraining, !isRepeatedPass, let count = numBatchesTracked {
      if let one { count.copy(from: count + one) }
      if momentum == nil { weightOfNew = 1 / count.item() }
    }
    return batchNorm(
      x, weight: weight, bias: bias, runningMean: tracked ? changedOnce(runningMean) : nil,
      runningVariance: tracked ? changedOnce(runningVar) : nil, training: usesBatch, momentum: weightOfNew,
      epsilon: epsilon)
  }
}

/// Batch normalisation of `[batch, channels]` or `[batch, channels, length]`.
public final class BatchNorm1d: BatchNorm {
  /// - Parameters:
  ///   - momentum: the weight of a new batch in the running statistics; nil gives all batches equal weight.
  ///   - isAffine: whether the layer has a scale and a shift.
  ///   - tracksStatistics: whether the layer has running statistics.
  ///   - countsBatches: whether `num_batches_tracked` is part of the state; needed without a momentum.
  public init(
    channels: Int, epsilon: Double = 1e-5, momentum: Double? = 0.1, isAffine: Bool = true,
    tracksStatistics: Bool = true, countsBatches: Bool = true
  ) {
    super.init(
      channels: channels, epsilon: epsilon, momentum: momentum, isAffine: isAffine,
      tracksStatistics: tracksStatistics, countsBatches: countsBatches, ranks: [2, 3])
  }
}

/// Batch normalisation of `[batch, channels, height, width]`.
public final class BatchNorm2d: BatchNorm {
  /// - Parameters:
  ///   - momentum: the weight of a new batch in the running statistics; nil gives all batches equal weight.
  ///   - isAffine: whether the layer has a scale and a shift.
  ///   - tracksStatistics: whether the layer has running statistics.
  ///   - countsBatches: whether `num_batches_tracked` is part of the state; needed without a momentum.
  public init(
    channels: Int, epsilon: Double = 1e-5, momentum: Double? = 0.1, isAffine: Bool = true,
    tracksStatistics: Bool = true, countsBatches: Bool = true
  ) {
    super.init(
      channels: channels, epsilon: epsilon, momentum: momentum, isAffine: isAffine,
      tracksStatistics: tracksStatistics, countsBatches: countsBatches, ranks: [4])
  }
}
