internal import CTorch

/// Attaches a history to a value computed without one, by repeating the computation in the backward pass: the
/// engine's part of gradient checkpointing (Chen et al. 2016, "Training Deep Nets with Sublinear Memory
/// Cost").
///
/// Only the inputs are kept. Gradients reach the inputs and the parameters, both through
/// ``Tensor/backward(gradient:retainGraph:)`` and ``gradients(of:withRespectTo:createGraph:allowUnused:)``.
/// The caller must make the repetition deterministic, including its draws; `checkpointed` in TorchNN does.
///
/// The backward pass fails where `replay` fails or throws, depends on a tensor that requires a gradient and
/// is in neither list, where one of the tensors was changed in the meantime, and in a double backward pass.
///
/// - Parameters:
///   - value: what `replay` computes, computed without history.
///   - inputs: the inputs of `replay`, passed again without their history.
///   - parameters: leaves that `replay` captures.
///   - replay: computes the value again, with history. It is retained as long as the history, and runs on the
///     thread of the backward pass (one of the engine's on an accelerator) while the caller waits; of the
///     caller's scopes only the autocast of this call applies.
/// - Returns: the value with a history; unchanged where no history is recorded or nothing requires a
///   gradient.
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

/// Passes a closure through the engine.
private final class ReplayBox {
  let replay: ([Tensor]) throws -> Tensor
  init(_ replay: @escaping ([Tensor]) throws -> Tensor) { self.replay = replay }
}

/// Called by the engine in a backward pass. Failures are returned as text, as Swift errors cannot cross C++.
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
