public import Torch

/// y = x·Wᵀ + b over the last dimension: `[…, inputs]` to `[…, outputs]`.
public final class Linear: WeightedLayer, Layer {
  /// The length of the last dimension of inputs.
  public let inputFeatures: Int
  /// The length of the last dimension of outputs.
  public let outputFeatures: Int

  /// A layer with PyTorch's initialisation: weight, then bias, uniform within ±1/√inputs.
  public init(
    inputFeatures: Int, outputFeatures: Int, hasBias: Bool = true, normalization: WeightNormalization? = nil,
    using stream: RandomStream
  ) {
    self.inputFeatures = inputFeatures
    self.outputFeatures = outputFeatures
    let (weight, bias) = defaultWeightAndBias(
      [outputFeatures, inputFeatures], biasCount: hasBias ? outputFeatures : nil, stream)
    super.init(weight: weight, bias: bias, normalization: normalization, using: stream)
  }

  /// `[…, outputs]` for `[…, inputs]`.
  public func callAsFunction(_ x: Tensor) -> Tensor { linear(x, effectiveWeight(), bias) }
}

/// An embedding table: int64 indices of any shape to rows, a new last dimension.
public final class Embedding: WeightedLayer, Layer {
  /// The number of rows.
  public let count: Int
  /// The length of a row.
  public let features: Int

  /// A table initialised from N(0, 1), as in PyTorch.
  public init(
    count: Int, features: Int, normalization: WeightNormalization? = nil, using stream: RandomStream
  ) {
    self.count = count
    self.features = features
    super.init(
      weight: initialNormal([count, features], stream), bias: nil, normalization: normalization, using: stream
    )
  }

  /// `[…, features]` for int64 indices `[…]` in 0 ..< `count`.
  public func callAsFunction(_ indices: Tensor) -> Tensor { embedding(effectiveWeight(), indices) }
}

/// Maxout, the maximum of several linear pieces: `[batch, inputs]` to `[batch, units]`.
///
/// The pieces of a unit are adjacent linear outputs, `unit * pieces + piece`, as in pylearn2. Source:
/// Goodfellow et al. 2013, "Maxout Networks".
public final class Maxout: Module, Layer {
  /// The pieces of all units.
  public let linear: Linear
  /// The number of outputs.
  public let units: Int
  /// The number of linear pieces per unit.
  public let pieces: Int

  /// A layer with PyTorch's initialisation.
  public init(
    inputFeatures: Int, units: Int, pieces: Int, hasBias: Bool = true, using stream: RandomStream
  ) {
    self.units = units
    self.pieces = pieces
    linear = Linear(
      inputFeatures: inputFeatures, outputFeatures: units * pieces, hasBias: hasBias, using: stream)
    super.init()
  }

  /// `[batch, units]` for `[batch, inputs]`.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    let z = linear(x)
    return z.reshaped(Array(z.shape.dropLast()) + [units, pieces]).max(dim: -1).values
  }
}

/// PyTorch's default initialisation: weight Kaiming uniform with a = √5, then bias uniform within ±1/√fan-in.
func defaultWeightAndBias(
  _ weightShape: [Int], biasCount: Int?, _ stream: RandomStream
) -> (weight: Tensor, bias: Tensor?) {
  let weight = initialTensor(weightShape)
  stream.fillKaimingUniform(weight, negativeSlope: 5.0.squareRoot())
  let bias = biasCount.map { count in
    let bias = initialTensor([count])
    let fanIn = fans(of: weight).input
    let bound = fanIn > 0 ? 1 / Double(fanIn).squareRoot() : 0
    stream.fillUniform(bias, low: -bound, high: bound)
    return bias
  }
  return (weight, bias)
}
