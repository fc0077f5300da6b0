import Foundation

extension EvaluationTable {
  /// The runs of this table, such as those of several seeds, as one: their mean, their standard deviation, and the 95 %
  /// interval of the mean by Student's distribution, which takes runs, not examples, for what is drawn at random.
  ///
  /// A row that not every run has is left out; baselines and real against real are left out too.
  ///
  /// - Returns: nil for fewer than two runs.
  public func aggregated() -> EvaluationTable? {
    guard runs > 1 else { return nil }
    var table = EvaluationTable(
      title: "\(title), \(runs) runs together", columns: ["mean", "deviation", "lower", "upper"], runs: 1)
    for row in rows {
      let values = row.values.prefix(runs).compactMap { $0 }
      guard values.count == runs, values.allSatisfy(\.isFinite) else {
        table.notes.append("\(row.measure): left out, as not every run has it.")
        continue
      }
      let spread = RunSpread(values)
      table.rows.append(
        Row(
          row.measure,
          protocolText: row.protocolText
            + "; mean of \(runs) runs, deviation with n - 1, 95 % interval by Student's t",
          better: row.better, values: [spread.mean, spread.deviation, spread.lower, spread.upper],
          intervals: [[spread.lower, spread.upper], nil, nil, nil]))
    }
    return table
  }
}

/// Mean, deviation and interval of the mean of a few values.
public struct RunSpread: Sendable, Hashable, Codable {
  /// The mean.
  public let mean: Double
  /// The standard deviation, with n - 1.
  public let deviation: Double
  /// The lower end of the 95 % interval of the mean.
  public let lower: Double
  /// Its upper end.
  public let upper: Double

  /// - Precondition: at least two values.
  public init(_ values: [Double]) {
    precondition(values.count > 1, "RunSpread: \(values.count) values have no deviation")
    let count = Double(values.count)
    let mean = values.reduce(0, +) / count
    deviation = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (count - 1)).squareRoot()
    let reach = Self.quantile(degrees: values.count - 1) * deviation / count.squareRoot()
    (self.mean, lower, upper) = (mean, mean - reach, mean + reach)
  }

  /// The 97.5 % quantiles of Student's distribution for 1 to 30 degrees of freedom.
  private static let quantiles = [
    12.706205, 4.302653, 3.182446, 2.776445, 2.570582, 2.446912, 2.364624, 2.306004, 2.262157, 2.228139,
    2.200985,
    2.178813, 2.160369, 2.144787, 2.131450, 2.119905, 2.109816, 2.100922, 2.093024, 2.085963, 2.079614,
    2.073873,
    2.068658, 2.063899, 2.059539, 2.055529, 2.051831, 2.048407, 2.045230, 2.042272,
  ]

  /// That quantile for any number of degrees of freedom; beyond the table by Cornish and Fisher's expansion.
  private static func quantile(degrees: Int) -> Double {
    if degrees <= quantiles.count { return quantiles[degrees - 1] }
    let z = 1.959964
    return z + (z * z * z + z) / (4 * Double(degrees))
  }
}
