public import Torch

/// The alignment of two sequences by dynamic time warping (Sakoe and Chiba 1978, symmetric form without slope weights):
/// from the first pair to the last, each step advances the one, the other or both by one, and the sum of the costs of
/// all pairs on the way is least. Of equal sums the step that advances both is taken, then the one that advances the
/// first.
public struct TimeWarping: Sendable, Hashable {
  /// A pair of places that are aligned.
  public struct Pair: Sendable, Hashable {
    /// The place in the first sequence.
    public let first: Int
    /// The place in the second.
    public let second: Int
  }

  /// The pairs from beginning to end.
  public let path: [Pair]
  /// The sum of their costs.
  public let cost: Double

  /// The cost of a pair, on the average.
  public var meanCost: Double { cost / Double(path.count) }

  /// The most pairs that are looked at: two sequences of 16,000 frames.
  private static let mostCells = 1 << 28

  /// Aligns two sequences.
  ///
  /// - Parameter costs: the cost of each pair, `[first, second]`.
  /// - Throws: `MetricError` for no pairs, too many, or a cost that is NaN or infinite.
  public init(costs: Tensor) throws {
    guard costs.rank == 2, costs.count > 0 else {
      throw MetricError("costs to align by are [first, second] with at least one pair, not \(costs.shape)")
    }
    guard costs.count <= Self.mostCells else {
      throw MetricError("sequences of \(costs.shape[0]) and \(costs.shape[1]) are too long to be aligned")
    }
    let (rows, columns) = (costs.shape[0], costs.shape[1])
    var sums = costs.asType(.float64).to(.cpu).contiguous().doubles()
    guard sums.allSatisfy(\.isFinite) else { throw MetricError("a cost to align by is NaN or infinite") }
    // Where each pair was reached from: 0 both, 1 the first, 2 the second advanced.
    var steps = [UInt8](repeating: 0, count: sums.count)
    sums.withUnsafeMutableBufferPointer { sums in
      steps.withUnsafeMutableBufferPointer { steps in
        for row in 0..<rows {
          for column in 0..<columns where row + column > 0 {
            let place = row * columns + column
            var (best, step) = (Double.infinity, UInt8(0))
            if row > 0, column > 0 { best = sums[place - columns - 1] }
            if row > 0, sums[place - columns] < best { (best, step) = (sums[place - columns], 1) }
            if column > 0, sums[place - 1] < best { (best, step) = (sums[place - 1], 2) }
            sums[place] += best
            steps[place] = step
          }
        }
      }
    }
    var (row, column) = (rows - 1, columns - 1)
    var path = [Pair(first: row, second: column)]
    while row + column > 0 {
      switch steps[row * columns + column] {
      case 0: (row, column) = (row - 1, column - 1)
      case 1: row -= 1
      default: column -= 1
      }
      path.append(Pair(first: row, second: column))
    }
    self.path = path.reversed()
    cost = sums[sums.count - 1]
  }
}
