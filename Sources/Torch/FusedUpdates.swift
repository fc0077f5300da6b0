internal import CTorch

/// Fused in-place operations on all parameters of a network, outside autograd.
///
/// The step of a small network is bound by the number of calls, not by arithmetic; these make an optimiser's
/// step one call instead of hundreds.
public enum FusedUpdates {
  /// One step of Adam (Kingma and Ba 2015) or, decoupled, of AdamW (Loshchilov and Hutter 2019).
  ///
  /// - Parameters:
  ///   - steps: scalar float32 tensors, one per parameter, that already count this step.
  ///   - weightDecay: added to the gradient as an L2 term, or applied to the parameter when `decoupled`.
  public static func adam(
    _ parameters: [Tensor], gradients: [Tensor], firstMoments: [Tensor], secondMoments: [Tensor],
    steps: [Tensor], learningRate: Double, beta1: Double, beta2: Double, epsilon: Double, weightDecay: Double,
    decoupled: Bool
  ) {
    guard !parameters.isEmpty else { return }
    let done = withHandles(parameters) { p, count in
      withHandles(gradients) { g, _ in
        withHandles(firstMoments) { m, _ in
          withHandles(secondMoments) { v, _ in
            withHandles(steps) { s, _ in
              CTFusedAdam(
                p, g, m, v, s, count, learningRate, beta1, beta2, weightDecay, epsilon, decoupled)
            }
          }
        }
      }
    }
    if !done { fail(engineFailure("FusedUpdates.adam", parameters)) }
  }

  /// One step of stochastic gradient descent as in `torch.optim.SGD`.
  ///
  /// - Parameter isFirstStep: whether `momenta` are initialised with the gradient instead of decayed.
  public static func sgd(
    _ parameters: [Tensor], gradients: [Tensor], momenta: [Tensor], learningRate: Double, momentum: Double,
    dampening: Double = 0, weightDecay: Double = 0, nesterov: Bool = false, isFirstStep: Bool
  ) {
    guard !parameters.isEmpty else { return }
    let done = withHandles(parameters) { p, count in
      withHandles(gradients) { g, _ in
        withHandles(momenta) { m, _ in
          CTFusedSGD(
            p, g, m, count, learningRate, momentum, dampening, weightDecay, nesterov, isFirstStep)
        }
      }
    }
    if !done { fail(engineFailure("FusedUpdates.sgd", parameters)) }
  }

  /// The Euclidean norm of all elements of all tensors, as a scalar.
  public static func globalNorm(_ tensors: [Tensor]) -> Tensor {
    guard !tensors.isEmpty else { return Tensor(scalar: 0) }
    return withHandles(tensors) { handles, count in
      Tensor(owning: CTGlobalNorm(handles, count) ?? Tensor.failed("globalNorm", tensors, rank: 0))
    }
  }

  /// Multiplies every tensor by a scalar tensor.
  public static func multiply(_ tensors: [Tensor], by factor: Tensor) {
    guard !tensors.isEmpty else { return }
    let done = withHandles(tensors) { CTMultiplyAllInPlace($0, $1, factor.handle) }
    if !done { fail(engineFailure("FusedUpdates.multiply", tensors)) }
  }

  /// Interpolates every tensor in place: `t + weight * (end - t)`.
  public static func lerp(_ tensors: [Tensor], to ends: [Tensor], weight: Double) {
    guard !tensors.isEmpty else { return }
    let done = withHandles(tensors) { t, count in
      withHandles(ends) { e, _ in CTLerpAllInPlace(t, e, count, weight) }
    }
    if !done { fail(engineFailure("FusedUpdates.lerp", tensors)) }
  }
}
