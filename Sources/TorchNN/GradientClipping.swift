public import Torch

/// Clips the global L2 norm of all gradients to `maximum`.
///
/// The factor is min(1, maximum / (norm + 1e-6)), as in `torch.nn.utils.clip_grad_norm_`.
///
/// - Returns: the norm before clipping, a scalar; read it only where it is logged.
@discardableResult
public func clipGradients(of parameters: [Tensor], toNorm maximum: Double) -> Tensor {
  let gradients = parameters.compactMap(\.gradient)
  let norm = FusedUpdates.globalNorm(gradients)
  FusedUpdates.multiply(gradients, by: (maximum / (norm + 1e-6)).clamped(max: 1))
  return norm
}

/// Clamps every element of all gradients to -maximum … maximum.
public func clipGradients(of parameters: [Tensor], toValue maximum: Double) {
  for gradient in parameters.compactMap(\.gradient) {
    gradient.copy(from: withoutGradients { gradient.clamped(min: -maximum, max: maximum) })
  }
}

/// The global L2 norm of all gradients, a scalar.
public func gradientNorm(of parameters: [Tensor]) -> Tensor {
  FusedUpdates.globalNorm(parameters.compactMap(\.gradient))
}
