public import Torch

/// The input, unchanged.
public final class Identity: Module, Layer {
  /// `x`.
  public func callAsFunction(_ x: Tensor) -> Tensor { x }
}

/// max(x, 0).
public final class ReLU: Module, Layer {
  private let isInPlace: Bool

  /// - Parameter isInPlace: whether the input is overwritten, which saves its memory; nothing else may
  ///   need it, not even the gradient of the layer that made it. Convolutions and norms do not.
  public init(isInPlace: Bool = false) {
    self.isInPlace = isInPlace
    super.init()
  }

  /// The input's shape.
  public func callAsFunction(_ x: Tensor) -> Tensor { isInPlace ? x.reluInPlace() : x.relu() }
}

/// x where positive, a slope times x elsewhere.
public final class LeakyReLU: Module, Layer {
  /// The factor of negative inputs.
  public let negativeSlope: Double
  private let isInPlace: Bool

  /// GANs mostly take 0.2; the default is PyTorch's.
  ///
  /// - Parameter isInPlace: as in ``ReLU/init(isInPlace:)``.
  public init(negativeSlope: Double = 0.01, isInPlace: Bool = false) {
    self.negativeSlope = negativeSlope
    self.isInPlace = isInPlace
    super.init()
  }

  /// The input's shape.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    isInPlace ? x.leakyReluInPlace(negativeSlope) : x.leakyRelu(negativeSlope)
  }
}

/// x where positive, a learned slope times x elsewhere (He et al. 2015, "Delving Deep into Rectifiers").
public final class PReLU: Module, Layer {
  /// The slope of negative inputs, `[1]` or `[channels]`.
  @Parameter public var weight: Tensor

  /// - Parameters:
  ///   - channels: how many slopes: one for all channels, or one for each.
  ///   - initialSlope: PyTorch's default is a quarter.
  public init(channels: Int = 1, initialSlope: Double = 0.25) {
    weight = .full([channels], initialSlope)
    super.init()
  }

  /// The input's shape.
  public func callAsFunction(_ x: Tensor) -> Tensor { prelu(x, weight) }
}

/// The hyperbolic tangent.
public final class Tanh: Module, Layer {
  /// The input's shape, in -1 … 1.
  public func callAsFunction(_ x: Tensor) -> Tensor { x.tanh() }
}

/// 1 / (1 + exp(-x)).
public final class Sigmoid: Module, Layer {
  /// The input's shape, in 0 … 1.
  public func callAsFunction(_ x: Tensor) -> Tensor { x.sigmoid() }
}

/// x times the normal distribution function at x (Hendrycks and Gimpel 2016), the exact form.
public final class GELU: Module, Layer {
  /// The input's shape.
  public func callAsFunction(_ x: Tensor) -> Tensor { x.gelu() }
}

/// x where positive, exp(x) - 1 elsewhere.
public final class ELU: Module, Layer {
  /// The input's shape.
  public func callAsFunction(_ x: Tensor) -> Tensor { x.elu() }
}

/// log(1 + exp(x)).
public final class Softplus: Module, Layer {
  /// The input's shape.
  public func callAsFunction(_ x: Tensor) -> Tensor { x.softplus() }
}

/// Exponentials that sum to one along a dimension.
public final class Softmax: Module, Layer {
  private let dim: Int

  /// Along dimension `dim`, negative ones counted from behind.
  public init(dim: Int = -1) {
    self.dim = dim
    super.init()
  }

  /// The input's shape.
  public func callAsFunction(_ x: Tensor) -> Tensor { x.softmax(dim) }
}
