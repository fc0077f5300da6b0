import AtelierCore
public import Torch

/// How an image is compared with the one it should be, value by value.
public enum PixelLoss: String, Sendable, Hashable, Codable, CaseIterable {
  /// The mean of |x - y|.
  case l1
  /// The mean of (x - y)², which blurs more than ``l1`` where several answers are right.
  case l2
  /// The mean of √((x - y)² + 1e-12), ``l1`` with a derivative everywhere (Lai et al. 2017; BasicSR
  /// `losses/basic_loss.py`).
  case charbonnier

  /// The loss of `output` against `target`, of one shape, as a scalar.
  public func callAsFunction(_ output: Tensor, _ target: Tensor) -> Tensor {
    switch self {
    case .l1: meanAbsoluteError(output, target)
    case .l2: meanSquaredError(output, target)
    case .charbonnier: ((output - target).square() + 1e-12).sqrt().mean()
    }
  }
}
