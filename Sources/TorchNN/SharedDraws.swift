public import Torch

/// A process's part of what one process draws for the whole batch, so that several processes with a part each compute
/// what one computes with all of it.
///
/// Of a shape whose axis of examples is as long as the part of the batch, or else whose first, second or third axis is,
/// the numbers of the whole batch are drawn and the part's are taken. A first axis that is a multiple of it holds several
/// batches behind each other, such as real and generated images. Any other shape is no example's own, and every process
/// gets the same numbers. Where that is not what a shape means, ``Draws/along(_:)`` and ``Draws/common`` say it.
public final class SharedDraws: Draws {
  /// What of a shape belongs to the examples.
  fileprivate enum Layout {
    /// What the lengths say.
    case bySize
    /// An axis of examples, each of one row or of several behind each other.
    case along(Int)
    /// Nothing.
    case common
  }

  private let whole: any Draws
  private let part: () -> BatchPart?
  private let layout: Layout

  /// - Parameters:
  ///   - whole: draws what one process draws; the same in all processes.
  ///   - part: the part of the batch that was served last; nil where this process has all of it.
  public convenience init(_ whole: any Draws, part: @escaping () -> BatchPart?) {
    self.init(whole, .bySize, part: part)
  }

  private init(_ whole: any Draws, _ layout: Layout, part: @escaping () -> BatchPart?) {
    self.whole = whole
    self.layout = layout
    self.part = part
  }

  /// The same draws of shapes that are laid out otherwise.
  fileprivate func laidOut(_ layout: Layout) -> SharedDraws { SharedDraws(whole, layout, part: part) }

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
    guard let part = part(), part.count < part.total else { return draw(shape) }
    var all = shape
    switch layout {
    case .common: return draw(shape)
    case .along(let axis):
      guard let (lower, total) = Self.rows(of: part, along: axis, in: shape) else { return draw(shape) }
      all[axis] = total
      return draw(all).narrow(axis, from: lower, length: shape[axis]).contiguous()
    case .bySize:
      guard let (axis, batches) = Self.axis(of: part, in: shape) else { return draw(shape) }
      all[axis] = part.total * batches
      guard batches > 1 else {
        return draw(all).narrow(axis, from: part.lower, length: part.count).contiguous()
      }
      let divided = draw(all).reshaped([batches, part.total] + shape.dropFirst())
      return divided.narrow(1, from: part.lower, length: part.count).reshaped(shape)
    }
  }

  /// Where the part's rows lie in those of the whole batch, and how many these are; nil for an empty part.
  private static func rows(
    of part: BatchPart, along axis: Int, in shape: [Int]
  ) -> (lower: Int, total: Int)? {
    guard part.count > 0, check(axis < shape.count, "\(shape) has no axis \(axis) of examples") else {
      return nil
    }
    let length = shape[axis]
    if length % part.count == 0 {
      let rows = length / part.count
      return (part.lower * rows, part.total * rows)
    }
    // A batch of another size than the last that was served, in equal parts as well.
    guard
      check(
        part.total % part.count == 0,
        "\(length) rows are not those of \(part.count) examples of a batch of \(part.total)")
    else { return nil }
    return (part.lower / part.count * length, part.total / part.count * length)
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

extension Draws {
  /// The same draws of shapes whose axis holds the examples, each one row or several behind each other, whatever
  /// lengths the others have: `[2, batch, size]` along 1, or `[batch * frames, size]` along 0.
  ///
  /// Among several processes each gets the numbers of its part of the batch; alone these draws are as they were.
  public func along(_ axis: Int) -> any Draws {
    (self as? SharedDraws)?.laidOut(.along(axis)) ?? self
  }

  /// The same draws of numbers that belong to no example, so that all processes get the same whatever lengths a shape
  /// has.
  public var common: any Draws { (self as? SharedDraws)?.laidOut(.common) ?? self }
}

/// Sets the axis of the examples in what the layers called by `body` draw, such as dropout's masks, whatever lengths their
/// shapes have; see ``Draws/along(_:)``.
public func withExamples<Result>(along axis: Int, _ body: () throws -> Result) rethrows -> Result {
  guard let draws = currentDraws else { return try body() }
  return try withDraws(draws.along(axis), body)
}
