internal import CTorch

/// Gives a value that was computed without history the history of a computation that is repeated in the
/// backward pass: the engine's half of gradient checkpointing (Chen et al. 2016, "Training Deep Nets with
/// Sublinear Memory Cost").
///
/// Only the inputs are kept. Derivatives reach the inputs and the parameters, whether they are added up by
/// ``Tensor/backward(gradient:retainGraph:)`` or asked for by
/// ``gradients(of:withRespectTo:createGraph:allowUnused:)``. What makes a repetition give the same numbers,
/// such as its draws, is the caller's business; `checkpointed` in TorchNN sees to it.
///
/// The backward pass fails, as an operation of the engine does, where `replay` fails or throws, where it depends
/// on a tensor that requires a gradient and is in neither list, where one of the tensors was changed meanwhile,
/// and where it is to be differentiated twice.
///
/// - Parameters:
///   - value: what `replay` computes, computed without history.
///   - inputs: what `replay` is given again, without the history behind it.
///   - parameters: leaves that `replay` reads by itself.
///   - replay: computes the value again, with history. It is kept as long as the history, and runs on the thread
///     that differentiates, which on an accelerator is one of the engine's, while the caller waits; it sees none
///     of the caller's scopes but the autocast of this call.
/// - Returns: the value with a history; itself where no history is recorded or nothing requires a gradient.
public func repeatedInBackward(
  _ value: Tensor, inputs: [Tensor], parameters: [Tensor], _ replay: @escaping ([Tensor]) throws -> Tensor
) -> Tensor {
  guard isRecordingGradients, (inputs + parameters).contains(where: \.requiresGradient) else { return value }
  let context = Unmanaged.passRetained(ReplayBox(replay)).toOpaque()
  let result = withExtendedLifetime(value) {
    withHandles(inputs) { inputHandles, inputCount in
      withHandles(parameters) { parameterHandles, parameterCount in
        CTCheckpoint(
          value.handle, inputHandles, inputCount, parameterHandles, parameterCount, context,
          { runReplay($0, $1, $2) }, { Unmanaged<ReplayBox>.fromOpaque($0).release() })
      }
    }
  }
  return Tensor(result, "repeatedInBackward", value, rank: value.rank)
}

/// Whether operations on this thread are recorded for gradients, as they are outside ``withoutGradients(_:)``.
public var isRecordingGradients: Bool { CTGradientModeEnabled() }

/// Carries a closure through the engine.
private final class ReplayBox {
  let replay: ([Tensor]) throws -> Tensor
  init(_ replay: @escaping ([Tensor]) throws -> Tensor) { self.replay = replay }
}

/// Called by the engine in a backward pass. Failures go back as text, because neither a Swift error nor the end
/// of a scope of another thread can cross it.
private func runReplay(
  _ context: UnsafeMutableRawPointer, _ handles: UnsafePointer<OpaquePointer>, _ count: Int32
) -> OpaquePointer? {
  let box = Unmanaged<ReplayBox>.fromOpaque(context).takeUnretainedValue()
  let inputs = (0..<Int(count)).map { Tensor(owning: handles[$0]) }
  do {
    let value = try withTensorErrors { try box.replay(inputs) }
    return CTTensorAlias(value.handle)
  } catch {
    CTSetLastError("in the repeated computation: \(error)")
    return nil
  }
}
