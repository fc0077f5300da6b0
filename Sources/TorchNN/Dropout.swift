public import Torch

/// Sets elements to zero at random in training and scales the others by 1 / (1 - p).
///
/// The mask is drawn through ``withDraws(_:_:)`` under ``drawName``. Source: Srivastava et al. 2014, in
/// the inverted form that leaves evaluation alone.
public class Dropout: Module, Layer {
  /// The probability of zero.
  public let probability: Double
  /// The name under which the mask is drawn: 1 keeps an element, with probability 1 - p.
  public let drawName: String

  /// - Parameter drawName: tell dropout layers of one network apart where recordings must: `dropout.3`.
  public init(probability: Double = 0.5, drawName: String = "dropout") {
    check((0...1).contains(probability), "a dropout probability lies in 0 … 1, not at \(probability)")
    self.probability = probability
    self.drawName = drawName
    super.init()
  }

  /// The input's shape.
  public func callAsFunction(_ x: Tensor) -> Tensor { dropped(x, maskShape: x.shape) }

  func dropped(_ x: Tensor, maskShape: [Int]) -> Tensor {
    guard isTraining, probability > 0 else { return x }
    return dropout(x, probability: probability, drawName: drawName, maskShape: maskShape)
  }
}

/// Sets whole channels of `[batch, channels, …]` to zero at random in training.
public final class Dropout2d: Dropout {
  /// The input's shape.
  public override func callAsFunction(_ x: Tensor) -> Tensor {
    dropped(x, maskShape: Array(x.shape.prefix(2)) + [Int](repeating: 1, count: max(0, x.rank - 2)))
  }
}

/// Zeroes elements with the given probability and scales the others, from the ambient draws.
///
/// - Parameter maskShape: the shape of the mask where it is to be broadcast; the input's otherwise.
public func dropout(
  _ x: Tensor, probability: Double, drawName: String, maskShape: [Int]? = nil
) -> Tensor {
  guard let draws = currentDraws else {
    check(false, "dropout \"\(drawName)\" found no random numbers: call the network inside withDraws { }")
    return x
  }
  let kept = 1 - probability
  guard kept > 0 else { return x * 0 }
  let mask = draws.bernoulli(drawName, probability: kept, maskShape ?? x.shape) * (1 / kept)
  return x * (mask.dtype == x.dtype ? mask : mask.asType(x.dtype))
}
