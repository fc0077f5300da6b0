public import Torch

/// A process's part of what one process draws for the whole batch, so that several processes with a part each compute
/// what one computes with all of it.
///
/// Of a shape whose axis of examples is as long as the part of the batch, or else whose first, second or third axis is,
/// the numbers of the whole batch are drawn and the part's are taken. A first axis that is a multiple of it holds several
/// batches behind each other, such as real and generated images. Any other shape is no example's own, and every process
/// gets the same numbers.
public final class SharedDraws: Draws {
  private let whole: any Draws
  private let part: () -> BatchPart?

  /// - Parameters:
  ///   - whole: draws what one process draws; the same in all processes.
  ///   - part: the part of the batch that was served last; nil where this process has all of it.
  public init(_ whole: any Draws, part: @escaping () -> BatchPart?) {
    self.whole = whole
    self.part = part
  }

  /// Standard normal float32 numbers.
  public func normal(_ name: String, _ shape: [Int]) -> Tensor {
    taken(shape) { whole.normal(name, $0) }
  }

  /// Uniform float32 numbers from [0, 1).
  public func uniform(_ name: String, _ shape: [Int]) -> Tensor {
    taken(shape) { whole.uniform(name, $0) }
  }

  /// Numbers of the standard Gumbel distribution.
  public func gumbel(_ name: String, _ shape: [Int]) -> Tensor {
    taken(shape) { whole.gumbel(name, $0) }
  }

  /// int64 numbers from 0 ..< `bound`.
  public func integers(_ name: String, below bound: Int, _ shape: [Int]) -> Tensor {
    taken(shape) { whole.integers(name, below: bound, $0) }
  }

  /// A float32 mask that is 1 with the given probability, else 0.
  public func bernoulli(_ name: String, probability: Double, _ shape: [Int]) -> Tensor {
    taken(shape) { whole.bernoulli(name, probability: probability, $0) }
  }

  private func taken(_ shape: [Int], _ draw: ([Int]) -> Tensor) -> Tensor {
    guard let part = part(), part.count < part.total, let (axis, batches) = Self.axis(of: part, in: shape)
    else { return draw(shape) }
    var all = shape
    all[axis] = part.total * batches
    guard batches > 1 else {
      return draw(all).narrow(axis, from: part.lower, length: part.count).contiguous()
    }
    let divided = draw(all).reshaped([batches, part.total] + shape.dropFirst())
    return divided.narrow(1, from: part.lower, length: part.count).reshaped(shape)
  }

  /// The axis of the examples, and how many batches are behind each other in it; nil: there is none.
  private static func axis(of part: BatchPart, in shape: [Int]) -> (axis: Int, batches: Int)? {
    if shape.count > part.axis, shape[part.axis] == part.count { return (part.axis, 1) }
    if let axis = shape.prefix(3).firstIndex(of: part.count) { return (axis, 1) }
    guard let first = shape.first, first > part.count, part.count > 1, first % part.count == 0 else {
      return nil
    }
    return (0, first / part.count)
  }
}
