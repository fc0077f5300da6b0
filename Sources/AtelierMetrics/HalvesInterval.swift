public import Torch

/// The 95 % intervals of statistics of whole sets, such as distances between them, by random halves: the deviation of
/// the statistic over halves drawn without replacement is an estimate of its standard error on the whole sets (the
/// delete-half jackknife; Shao and Wu 1989).
///
/// Unlike the bootstrap it repeats no example, which measures by neighbours would take for copies, and it is centred on
/// the halves' own mean, so that a bias that depends on the number of examples, as the Fréchet distance's does, does not
/// move the interval.
public struct HalvesInterval: Sendable, Hashable {
  /// How many halves are drawn.
  public let halves: Int

  /// Forty halves: the standard error is then known to a tenth.
  public init(halves: Int = 40) { self.halves = halves }

  /// Twenty halves for wide features, whose distances take seconds, else forty.
  public init(features: Int) { self.init(halves: features > 512 ? 20 : 40) }

  /// What a protocol says of it.
  public var protocolText: String { "95 % interval by \(halves) random halves" }

  /// The intervals of some statistics of the same sets; nil where a set has fewer than eight rows, or the statistics of
  /// halves are not finite.
  ///
  /// - Parameters:
  ///   - values: the statistics of the whole sets.
  ///   - sets: examples by rows; a half is drawn of each.
  ///   - bounds: what the statistics lie in.
  ///   - statistics: the same statistics of halves.
  public func callAsFunction(
    around values: [Double], of sets: [Tensor], within bounds: ClosedRange<Double> = -.infinity ... .infinity,
    using stream: RandomStream, statistics: ([Tensor]) throws -> [Double]
  ) rethrows -> [ConfidenceInterval?] {
    guard sets.allSatisfy({ $0.shape[0] >= 8 }), halves > 1 else { return values.map { _ in nil } }
    let samples = try withoutGradients {
      try (0..<halves).map { _ in
        try statistics(
          sets.map { set in
            let count = set.shape[0]
            return set.indexSelected(0, stream.permutation(count).narrow(0, from: 0, length: count / 2))
          })
      }
    }
    return values.indices.map { place in
      let column = samples.map { $0[place] }
      let mean = column.reduce(0, +) / Double(halves)
      let variance = column.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(halves - 1)
      let reach = 1.959964 * variance.squareRoot()
      guard reach.isFinite, values[place].isFinite else { return nil }
      func within(_ value: Double) -> Double { min(max(value, bounds.lowerBound), bounds.upperBound) }
      return ConfidenceInterval(lower: within(values[place] - reach), upper: within(values[place] + reach))
    }
  }
}
