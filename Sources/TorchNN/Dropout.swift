public import Torch

/// In training zeroes elements with probability p and scales the others by 1 / (1 - p).
///
/// The mask is drawn through ``withDraws(_:_:)`` under ``drawName``. Source: Srivastava et al. 2014, in the
/// inverted form, without an effect in evaluation.
public class Dropout: Module, Layer {
  /// The probability of zero.
  public let probability: Double
  /// The name of the mask's draw: 1 keeps an element, with probability 1 - p.
  public let drawName: String

  /// - Parameter drawName: distinguishes the dropout layers of a network in recordings: `dropout.3`.
  public init(probability: Double = 0.5, drawName: String = "dropout") {
    check((0...1).contains(probability), "a dropout probability is in 0 … 1, not \(probability)")
    self.probability = probability
    self.drawName = drawName
    super.init()
  }

  /// Returns the input's shape.
  public func callAsFunction(_ x: Tensor) -> Tensor { dropped(x, maskShape: x.shape) }

  func dropped(_ x: Tensor, maskShape: [Int]) -> Tensor {
    guard isTraining, probability > 0 else { return x }
    return dropout(x, probability: probability, drawName: drawName, maskShape: maskShape)
  }
}

/// In training zeroes whole channels of `[batch, channels, …]` at random.
public final class Dropout2d: Dropout {
  /// Returns the input's shape.
  public override func callAsFunction(_ x: Tensor) -> Tensor {
    dropped(x, maskShape: Array(x.shape.prefix(2)) + [Int](repeating: 1, count: max(0, x.rank - 2)))
  }
}

/// Dropout with a mask from ``currentDraws``.
///
/// - Parameter maskShape: the shape of a mask to be broadcast; by default the input's.
public func dropout(
  _ x: Tensor, probability: Double, drawName: String, maskShape: [Int]? = nil
) -> Tensor {
  guard let draws = currentDraws else {
    check(false, "dropout \"\(drawName)\" has no draws: call the network inside withDraws { }")
    return x
  }
  let kept = 1 - probability
  guard kept > 0 else { return x * 0 }
  let mask = draws.bernoulli(drawName, probability: kept, maskShape ?? x.shape) * (1 / kept)
  return x * (mask.dtype == x.dtype ? mask : mask.asType(x.dtype))
}
