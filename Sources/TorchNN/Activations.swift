public import Torch

/// The input, unchanged.
public final class Identity: Module, Layer {
  /// `x`.
  public func callAsFunction(_ x: Tensor) -> Tensor { x }
}

/// max(x, 0).
public final class ReLU: Module, Layer {
  private let isInPlace: Bool

  /// - Parameter isInPlace: whether to overwrite the input, which saves memory; nothing else may need its
  ///   values, including the backward pass of the layer that produced it (convolutions and norms do not).
  public init(isInPlace: Bool = false) {
    self.isInPlace = isInPlace
    super.init()
  }

  /// Returns the input's shape.
  public func callAsFunction(_ x: Tensor) -> Tensor { isInPlace ? x.reluInPlace() : x.relu() }
}

/// x where positive, a slope times x elsewhere.
public final class LeakyReLU: Module, Layer {
  /// The factor of negative inputs.
  public let negativeSlope: Double
  private let isInPlace: Bool

  /// The default slope is PyTorch's; GANs mostly use 0.2.
  ///
  /// - Parameter isInPlace: as in ``ReLU/init(isInPlace:)``.
  public init(negativeSlope: Double = 0.01, isInPlace: Bool = false) {
    self.negativeSlope = negativeSlope
    self.isInPlace = isInPlace
    super.init()
  }

  /// Returns the input's shape.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    isInPlace ? x.leakyReluInPlace(negativeSlope) : x.leakyRelu(negativeSlope)
  }
}

/// x where positive, a learned slope times x elsewhere (He et al. 2015, "Delving Deep into Rectifiers").
public final class PReLU: Module, Layer {
  /// The slope of negative inputs, `[1]` or `[channels]`.
  @Parameter public var weight: Tensor

  /// - Parameters:
  ///   - channels: the number of slopes: 1 for all channels together, or one per channel.
  ///   - initialSlope: 0.25 is PyTorch's default.
  public init(channels: Int = 1, initialSlope: Double = 0.25) {
    weight = .full([channels], initialSlope)
    super.init()
  }

  /// Returns the input's shape.
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
  /// Returns the input's shape.
  public func callAsFunction(_ x: Tensor) -> Tensor { x.gelu() }
}

/// x where positive, exp(x) - 1 elsewhere.
public final class ELU: Module, Layer {
  /// Returns the input's shape.
  public func callAsFunction(_ x: Tensor) -> Tensor { x.elu() }
}

/// log(1 + exp(x)).
public final class Softplus: Module, Layer {
  /// Returns the input's shape.
  public func callAsFunction(_ x: Tensor) -> Tensor { x.softplus() }
}

/// Softmax along a dimension.
public final class Softmax: Module, Layer {
  private let dim: Int

  /// Softmax along dimension `dim`; negative values count from the end.
  public init(dim: Int = -1) {
    self.dim = dim
    super.init()
  }

  /// Returns the input's shape.
  public func callAsFunction(_ x: Tensor) -> Tensor { x.softmax(dim) }
}
