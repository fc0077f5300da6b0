internal import CTorch

extension Tensor {
  /// Whether operations on this tensor are recorded for its gradient.
  public var requiresGradient: Bool {
    get { CTTensorRequiresGradient(handle) }
    set {
      if !CTTensorSetRequiresGradient(handle, newValue) { fail(engineFailure("requiresGradient", [self])) }
    }
  }

  /// The gradient that ``backward(gradient:retainGraph:)`` added up here; nil before the first.
  public var gradient: Tensor? {
    get {
      var result: OpaquePointer?
      return CTTensorGradient(handle, &result) ? result.map(Tensor.init(owning:)) : nil
    }
    set {
      let done = withExtendedLifetime(newValue) { CTTensorSetGradient(handle, newValue?.handle) }
      if !done { fail(engineFailure("gradient", [self])) }
    }
  }

  /// The same values without history; memory is shared.
  public func detached() -> Tensor { Tensor(CTTensorDetach(handle), "detached", self, rank: rank) }

  /// The same values without history; memory is shared, and what is written through the result stays unnoticed
  /// by histories that keep this tensor: their backward pass reads the new values, where it would otherwise end
  /// in an error. PyTorch's `.data`; for repeating authors' code that relies on it, and for nothing else.
  public func uncounted() -> Tensor { Tensor(CTTensorUncounted(handle), "uncounted", self, rank: rank) }

  /// Adds the derivatives of this tensor to the gradients of everything it was computed from.
  ///
  /// - Parameters:
  ///   - gradient: the outer derivative, of this tensor's shape; may be left out for a scalar.
  ///   - retainGraph: whether the history is kept for another pass.
  public func backward(gradient: Tensor? = nil, retainGraph: Bool = false) {
    let done = withExtendedLifetime(gradient) { CTTensorBackward(handle, gradient?.handle, retainGraph) }
    if !done { fail(engineFailure("backward", [self])) }
  }
}

/// The derivatives of the sum of `output` with respect to each input.
///
/// - Parameters:
///   - createGraph: whether the derivatives can be differentiated again, as gradient penalties need.
///   - allowUnused: whether an input the output does not depend on yields zeros instead of an error.
public func gradients(
  of output: Tensor, withRespectTo inputs: [Tensor], createGraph: Bool = false, allowUnused: Bool = false
) -> [Tensor] {
  // The engine seeds only scalars by itself, and a sum has the same derivatives as a seed of ones.
  let scalar = output.rank == 0 ? output : output.sum()
  var results = [OpaquePointer?](repeating: nil, count: inputs.count)
  let done = withHandles([scalar]) { outputs, outputCount in
    withHandles(inputs) { handles, count in
      differentiate(outputs, outputCount, handles, count, createGraph, allowUnused, &results)
    }
  }
  if !done { fail(engineFailure("gradients(of:)", [output] + inputs)) }
  return zip(results, inputs).map { result, input in result.map(Tensor.init(owning:)) ?? .zeros(like: input) }
}

private func differentiate(
  _ outputs: UnsafePointer<OpaquePointer>, _ outputCount: Int32, _ inputs: UnsafePointer<OpaquePointer>,
  _ inputCount: Int32, _ createGraph: Bool, _ allowUnused: Bool, _ results: inout [OpaquePointer?]
) -> Bool {
  CTGradients(outputs, outputCount, inputs, inputCount, createGraph, allowUnused, &results)
}

/// Runs `body` without recording history, on this thread.
public func withoutGradients<Result>(_ body: () throws -> Result) rethrows -> Result {
  try withGradientMode(false, body)
}

/// Runs `body` with history recorded, also inside ``withoutGradients(_:)``.
public func withGradients<Result>(_ body: () throws -> Result) rethrows -> Result {
  try withGradientMode(true, body)
}

private func withGradientMode<Result>(_ enabled: Bool, _ body: () throws -> Result) rethrows -> Result {
  let outer = CTGradientModeEnabled()
  CTSetGradientMode(enabled)
  defer { CTSetGradientMode(outer) }
  return try body()
}

/// Runs `body` with products and convolutions in a 16-bit type, on this thread.
///
/// The engine keeps norms, losses, sums and exponentials in float32; weights stay float32 and are
/// cast at use. Source: PyTorch's autocast lists.
///
/// - Parameter dtype: `.bfloat16` or `.float16`; nil runs `body` as it is.
public func withAutocast<Result>(
  _ dtype: DType?, on device: Device = .cpu, _ body: () throws -> Result
) rethrows -> Result {
  guard let dtype else { return try body() }
  let outer = CTAutocastEnabled(device.kindCode)
  check(CTSetAutocast(device.kindCode, true, dtype.code), "autocast to \(dtype) is not possible on \(device)")
  defer {
    _ = CTSetAutocast(device.kindCode, outer, dtype.code)
    if !outer { CTAutocastClearCache() }
  }
  return try body()
}

/// Runs `body` without casting, also inside ``withAutocast(_:on:_:)``: what norms' statistics,
/// penalties and backward passes want.
public func withoutAutocast<Result>(on device: Device = .cpu, _ body: () throws -> Result) rethrows -> Result
{
  guard CTAutocastEnabled(device.kindCode) else { return try body() }
  _ = CTSetAutocast(device.kindCode, false, DType.bfloat16.code)
  defer { _ = CTSetAutocast(device.kindCode, true, DType.bfloat16.code) }
  return try body()
}
