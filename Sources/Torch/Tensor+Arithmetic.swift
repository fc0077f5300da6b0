internal import CTorch

// Parameters of a function outlive its body, so their handles may be read here without further care.

// MARK: - Arithmetic with broadcasting

extension Tensor {
  /// Adds element by element; shapes broadcast as in PyTorch.
  public static func + (a: Tensor, b: Tensor) -> Tensor {
    Tensor(CTTensorAdd(a.handle, b.handle), "+", a, b, rank: Swift.max(a.rank, b.rank))
  }

  /// Subtracts element by element; shapes broadcast as in PyTorch.
  public static func - (a: Tensor, b: Tensor) -> Tensor {
    Tensor(CTTensorSubtract(a.handle, b.handle), "-", a, b, rank: Swift.max(a.rank, b.rank))
  }

  /// Multiplies element by element; shapes broadcast as in PyTorch.
  public static func * (a: Tensor, b: Tensor) -> Tensor {
    Tensor(CTTensorMultiply(a.handle, b.handle), "*", a, b, rank: Swift.max(a.rank, b.rank))
  }

  /// Divides element by element; shapes broadcast as in PyTorch.
  public static func / (a: Tensor, b: Tensor) -> Tensor {
    Tensor(CTTensorDivide(a.handle, b.handle), "/", a, b, rank: Swift.max(a.rank, b.rank))
  }

  /// Adds a number to every element.
  public static func + (a: Tensor, b: Double) -> Tensor {
    Tensor(CTTensorAddScalar(a.handle, b), "+", a, rank: a.rank)
  }

  /// Adds a number to every element.
  public static func + (a: Double, b: Tensor) -> Tensor { b + a }

  /// Subtracts a number from every element.
  public static func - (a: Tensor, b: Double) -> Tensor { a + (-b) }

  /// Subtracts every element from a number.
  public static func - (a: Double, b: Tensor) -> Tensor { -b + a }

  /// Multiplies every element by a number.
  public static func * (a: Tensor, b: Double) -> Tensor {
    Tensor(CTTensorMultiplyScalar(a.handle, b), "*", a, rank: a.rank)
  }

  /// Multiplies every element by a number.
  public static func * (a: Double, b: Tensor) -> Tensor { b * a }

  /// Divides every element by a number; integer tensors become float32.
  public static func / (a: Tensor, b: Double) -> Tensor {
    a / Tensor(scalar: b, dtype: a.scalarType, device: a.device)
  }

  /// Divides a number by every element.
  public static func / (a: Double, b: Tensor) -> Tensor { b.reciprocal() * a }

  /// The negative of every element.
  public static prefix func - (a: Tensor) -> Tensor {
    Tensor(CTTensorNegative(a.handle), "-", a, rank: a.rank)
  }

  private var scalarType: DType { dtype.isFloatingPoint ? dtype : .float32 }
}

// MARK: - Element by element

extension Tensor {
  /// e to the power of every element.
  public func exp() -> Tensor { Tensor(CTTensorExp(handle), "exp", self, rank: rank) }

  /// The natural logarithm of every element.
  public func log() -> Tensor { Tensor(CTTensorLog(handle), "log", self, rank: rank) }

  /// The natural logarithm of 1 + x, exact near 0.
  public func log1p() -> Tensor { Tensor(CTTensorLog1p(handle), "log1p", self, rank: rank) }

  /// The square root of every element.
  public func sqrt() -> Tensor { Tensor(CTTensorSqrt(handle), "sqrt", self, rank: rank) }

  /// One over the square root of every element.
  public func rsqrt() -> Tensor { Tensor(CTTensorRsqrt(handle), "rsqrt", self, rank: rank) }

  /// The absolute value of every element.
  public func abs() -> Tensor { Tensor(CTTensorAbs(handle), "abs", self, rank: rank) }

  /// The square of every element.
  public func square() -> Tensor { Tensor(CTTensorSquare(handle), "square", self, rank: rank) }

  /// One over every element.
  public func reciprocal() -> Tensor { Tensor(CTTensorReciprocal(handle), "reciprocal", self, rank: rank) }

  /// -1, 0 or 1 by the sign of every element.
  public func sign() -> Tensor { Tensor(CTTensorSign(handle), "sign", self, rank: rank) }

  /// The largest whole number not above every element.
  public func floor() -> Tensor { Tensor(CTTensorFloor(handle), "floor", self, rank: rank) }

  /// The nearest whole number, halves to even.
  public func round() -> Tensor { Tensor(CTTensorRound(handle), "round", self, rank: rank) }

  /// The sine of every element, in radians.
  public func sin() -> Tensor { Tensor(CTTensorSin(handle), "sin", self, rank: rank) }

  /// The cosine of every element, in radians.
  public func cos() -> Tensor { Tensor(CTTensorCos(handle), "cos", self, rank: rank) }

  /// max(x, 0).
  public func relu() -> Tensor { Tensor(CTTensorRelu(handle), "relu", self, rank: rank) }

  /// In-place ``relu()``; nothing else may need this tensor's previous values.
  ///
  /// The gradient is that of ``relu()``; saves the memory of the input.
  public func reluInPlace() -> Tensor { Tensor(CTTensorReluInPlace(handle), "reluInPlace", self, rank: rank) }

  /// 1 / (1 + exp(-x)).
  public func sigmoid() -> Tensor { Tensor(CTTensorSigmoid(handle), "sigmoid", self, rank: rank) }

  /// The hyperbolic tangent.
  public func tanh() -> Tensor { Tensor(CTTensorTanh(handle), "tanh", self, rank: rank) }

  /// log(1 + exp(x)), without overflow.
  public func softplus() -> Tensor { Tensor(CTTensorSoftplus(handle), "softplus", self, rank: rank) }

  /// log(1 / (1 + exp(-x))), without overflow.
  public func logSigmoid() -> Tensor { Tensor(CTTensorLogSigmoid(handle), "logSigmoid", self, rank: rank) }

  /// x times the normal distribution function at x, the exact form.
  public func gelu() -> Tensor { Tensor(CTTensorGelu(handle), "gelu", self, rank: rank) }

  /// The approximation of ``gelu()`` by a hyperbolic tangent (Hendrycks and Gimpel 2016), as OpenAI's GPT has it.
  public func geluTanh() -> Tensor { Tensor(CTTensorGeluTanh(handle), "geluTanh", self, rank: rank) }
  /// x where positive, exp(x) - 1 elsewhere.
  public func elu() -> Tensor { Tensor(CTTensorElu(handle), "elu", self, rank: rank) }

  /// Whether every element is zero, as bool.
  public func logicalNot() -> Tensor { Tensor(CTTensorLogicalNot(handle), "logicalNot", self, rank: rank) }

  /// Whether every element is a finite number, as bool.
  public func isFiniteMask() -> Tensor { Tensor(CTTensorIsFinite(handle), "isFiniteMask", self, rank: rank) }

  /// x where positive, `slope * x` elsewhere.
  public func leakyRelu(_ slope: Double = 0.01) -> Tensor {
    Tensor(CTTensorLeakyRelu(handle, slope), "leakyRelu", self, rank: rank)
  }

  /// In-place ``leakyRelu(_:)``; nothing else may need this tensor's previous values.
  public func leakyReluInPlace(_ slope: Double = 0.01) -> Tensor {
    Tensor(CTTensorLeakyReluInPlace(handle, slope), "leakyReluInPlace", self, rank: rank)
  }

  /// Every element to the power of `exponent`.
  public func pow(_ exponent: Double) -> Tensor {
    Tensor(CTTensorPower(handle, exponent), "pow", self, rank: rank)
  }

  /// Every element clamped to the range; bounds are optional.
  public func clamped(min low: Double? = nil, max high: Double? = nil) -> Tensor {
    let handle = withOptionalPointer(low) { low in
      withOptionalPointer(high) { high in CTTensorClamp(self.handle, low, high) }
    }
    return Tensor(handle, "clamped", self, rank: rank)
  }

  /// The smaller of two elements.
  public func minimum(_ other: Tensor) -> Tensor {
    Tensor(CTTensorMinimum(handle, other.handle), "minimum", self, other, rank: Swift.max(rank, other.rank))
  }

  /// The larger of two elements.
  public func maximum(_ other: Tensor) -> Tensor {
    Tensor(CTTensorMaximum(handle, other.handle), "maximum", self, other, rank: Swift.max(rank, other.rank))
  }

  /// Whether elements are equal, as bool.
  public func equal(_ other: Tensor) -> Tensor {
    Tensor(CTTensorEqual(handle, other.handle), "equal", self, other, rank: Swift.max(rank, other.rank))
  }

  /// Whether elements differ, as bool.
  public func notEqual(_ other: Tensor) -> Tensor {
    Tensor(CTTensorNotEqual(handle, other.handle), "notEqual", self, other, rank: Swift.max(rank, other.rank))
  }

  /// Whether elements are smaller, as bool.
  public func less(_ other: Tensor) -> Tensor {
    Tensor(CTTensorLess(handle, other.handle), "less", self, other, rank: Swift.max(rank, other.rank))
  }

  /// Whether elements are smaller or equal, as bool.
  public func lessOrEqual(_ other: Tensor) -> Tensor {
    Tensor(
      CTTensorLessOrEqual(handle, other.handle), "lessOrEqual", self, other, rank: Swift.max(rank, other.rank)
    )
  }

  /// Whether elements are larger, as bool.
  public func greater(_ other: Tensor) -> Tensor {
    Tensor(CTTensorGreater(handle, other.handle), "greater", self, other, rank: Swift.max(rank, other.rank))
  }

  /// Whether elements are larger or equal, as bool.
  public func greaterOrEqual(_ other: Tensor) -> Tensor {
    Tensor(
      CTTensorGreaterOrEqual(handle, other.handle), "greaterOrEqual", self, other,
      rank: Swift.max(rank, other.rank))
  }

  /// Whether both elements are non-zero, as bool.
  public func logicalAnd(_ other: Tensor) -> Tensor {
    Tensor(
      CTTensorLogicalAnd(handle, other.handle), "logicalAnd", self, other, rank: Swift.max(rank, other.rank))
  }

  /// Whether one of two elements is non-zero, as bool.
  public func logicalOr(_ other: Tensor) -> Tensor {
    Tensor(
      CTTensorLogicalOr(handle, other.handle), "logicalOr", self, other, rank: Swift.max(rank, other.rank))
  }

  /// Whether every element equals a number, as bool.
  public func equal(_ value: Double) -> Tensor {
    Tensor(CTTensorEqualScalar(handle, value), "equal", self, rank: rank)
  }

  /// Whether every element differs from a number, as bool.
  public func notEqual(_ value: Double) -> Tensor {
    Tensor(CTTensorNotEqualScalar(handle, value), "notEqual", self, rank: rank)
  }

  /// Whether every element is below a number, as bool.
  public func less(_ value: Double) -> Tensor {
    Tensor(CTTensorLessScalar(handle, value), "less", self, rank: rank)
  }

  /// Whether every element is at most a number, as bool.
  public func lessOrEqual(_ value: Double) -> Tensor {
    Tensor(CTTensorLessOrEqualScalar(handle, value), "lessOrEqual", self, rank: rank)
  }

  /// Whether every element is above a number, as bool.
  public func greater(_ value: Double) -> Tensor {
    Tensor(CTTensorGreaterScalar(handle, value), "greater", self, rank: rank)
  }

  /// Whether every element is at least a number, as bool.
  public func greaterOrEqual(_ value: Double) -> Tensor {
    Tensor(CTTensorGreaterOrEqualScalar(handle, value), "greaterOrEqual", self, rank: rank)
  }

  /// `a` where the bool `condition` holds, `b` elsewhere; shapes broadcast.
  public static func select(_ condition: Tensor, _ a: Tensor, _ b: Tensor) -> Tensor {
    Tensor(
      CTTensorSelectWhere(condition.handle, a.handle, b.handle), "select", condition, a, b,
      rank: Swift.max(condition.rank, a.rank, b.rank))
  }
}

private func withOptionalPointer<Result>(_ value: Double?, _ body: (UnsafePointer<Double>?) -> Result)
  -> Result
{
  guard let value else { return body(nil) }
  return withUnsafePointer(to: value) { body($0) }
}
