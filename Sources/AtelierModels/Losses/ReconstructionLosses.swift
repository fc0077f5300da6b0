import AtelierCore
public import Torch

/// How far an image is from the one it should be, as one number.
public enum ReconstructionLoss: String, Sendable, Hashable, Codable, CaseIterable {
  /// The mean of (x - y)² over all values.
  case meanSquared
  /// The mean of |x - y| over all values.
  case meanAbsolute
  /// The mean over all values of ½ d² below d = 1 and d - ½ above, of d = |x - y| (Girshick 2015).
  case smoothL1
  /// The mean over the batch of √(mean of (x - y)² + 1e-6) (Kuleshov et al. 2017, `models/model.py`).
  case rootMeanSquared
  /// The mean over all values of -(y log x + (1 - y) log(1 - x)); both lie in 0 … 1.
  case binaryCrossEntropy

  /// The loss of `output` against `target`, both of one shape with the batch in front, as a scalar.
  public func callAsFunction(_ output: Tensor, _ target: Tensor) -> Tensor {
    switch self {
    case .meanSquared: meanSquaredError(output, target)
    case .meanAbsolute: meanAbsoluteError(output, target)
    case .smoothL1: Torch.smoothL1(output, target)
    case .rootMeanSquared:
      ((output - target).square().flattened(from: 1).mean(dims: [1]) + 1e-6).sqrt().mean()
    case .binaryCrossEntropy: Torch.binaryCrossEntropy(output, target)
    }
  }
}
