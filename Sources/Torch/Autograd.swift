internal import CTorch

extension Tensor {
  /// Whether operations on this tensor are recorded for its gradient.
  public var requiresGradient: Bool {
    get { CTTensorRequiresGradient(handle) }
    set {
      if !CTTensorSetRequiresGradient(handle, newValue) { fail(engineFailure("requiresGradient", [self])) }
    }
  }

  /// The gradient accumulated by ``backward(gradient:retainGraph:)``; nil before the first call.
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

  /// The same values without history; memory is shared, and in-place changes through the result are not
  /// tracked: a backward pass that saved this tensor reads the new values instead of failing. PyTorch's
  /// `.data`; only for reproducing code that relies on it.
  public func uncounted() -> Tensor { Tensor(CTTensorUncounted(handle), "uncounted", self, rank: rank) }

  /// Accumulates the gradients of this tensor with respect to all leaves it was computed from.
  ///
  /// - Parameters:
  ///   - gradient: the incoming gradient, of this tensor's shape; optional for a scalar.
  ///   - retainGraph: whether to keep the graph for another backward pass.
  public func backward(gradient: Tensor? = nil, retainGraph: Bool = false) {
    let done = withExtendedLifetime(gradient) { CTTensorBackward(handle, gradient?.handle, retainGraph) }
    if !done { fail(engineFailure("backward", [self])) }
  }
}

/// Runs `body`, and calls `ready` in its backward passes with the place of each of these leaves whose gradient has been
/// added up, in the order in which that happens. A leaf has one such observer at a time.
public func withGradientsObserved<Result>(
  of leaves: [Tensor], _ ready: (Int) -> Void, during body: () throws -> Result
) rethrows -> Result {
  guard !leaves.isEmpty else { return try body() }
  return try withoutActuallyEscaping(ready) { ready in
    let observer = GradientObserver(ready)
    let handles = leaves.map { Optional($0.handle) }
    return try withExtendedLifetime((leaves, observer)) {
      let context = Unmanaged.passUnretained(observer).toOpaque()
      let isSet = CTObserveGradients(handles, Int64(handles.count), context) { context, index in
        Unmanaged<GradientObserver>.fromOpaque(context).takeUnretainedValue().ready(Int(index))
      }
      if !isSet { fail(engineFailure("withGradientsObserved", leaves)) }
      defer { _ = CTForgetGradients(handles, Int64(handles.count)) }
      return try body()
    }
  }
}

/// Boxes a closure for the engine.
private final class GradientObserver {
  let ready: (Int) -> Void
  init(_ ready: @escaping (Int) -> Void) { self.ready = ready }
}

/// The gradients of the sum of `output` with respect to each input.
///
/// - Parameters:
///   - createGraph: whether the gradients can be differentiated again, as for gradient penalties.
///   - allowUnused: whether an input that the output does not depend on gives zeros instead of an error.
public func gradients(
  of output: Tensor, withRespectTo inputs: [Tensor], createGraph: Bool = false, allowUnused: Bool = false
) -> [Tensor] {
  // The engine needs a scalar; the sum has the same gradient as a tensor with incoming ones.
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

/// Runs `body` with autocast to a 16-bit type, on this thread.
///
/// Products and convolutions are cast; norms, losses, sums and exponentials stay in float32. Weights stay
/// float32 and are cast at use. Source: PyTorch's autocast lists.
///
/// - Parameter dtype: `.bfloat16` or `.float16`; nil runs `body` without autocast.
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

/// Lets go of the copies in 16 bits that ``withAutocast(_:on:_:)`` keeps of weights until its end: they are of the weights
/// as they were before an update.
public func forgetCastWeights() { CTAutocastClearCache() }

/// Runs `body` without autocast, also inside ``withAutocast(_:on:_:)``: for the statistics of norms,
/// penalties and backward passes.
public func withoutAutocast<Result>(on device: Device = .cpu, _ body: () throws -> Result) rethrows -> Result
{
  guard CTAutocastEnabled(device.kindCode) else { return try body() }
  _ = CTSetAutocast(device.kindCode, false, DType.bfloat16.code)
  defer { _ = CTSetAutocast(device.kindCode, true, DType.bfloat16.code) }
  return try body()
}
