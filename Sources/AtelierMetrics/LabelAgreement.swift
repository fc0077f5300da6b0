public import Foundation

/// How well two labellings of the same examples agree where the numbers of one mean nothing to the other, such as found
/// actions beside true ones.
public struct LabelAgreement: Sendable, Hashable {
  /// How often each pair of labels occurs: first labelling by rows.
  public let table: [[Int]]

  /// Two labellings of as many examples, with labels from 0.
  public init(_ first: [Int], _ second: [Int]) {
    let (rows, columns) = ((first.max() ?? -1) + 1, (second.max() ?? -1) + 1)
    var table = [[Int]](repeating: [Int](repeating: 0, count: columns), count: rows)
    for (one, other) in zip(first, second) { table[one][other] += 1 }
    self.table = table
  }

  /// How many examples there are.
  public var count: Int { table.reduce(0) { $0 + $1.reduce(0, +) } }

  /// The share of examples whose labels correspond under the best correspondence of one label to one; nil without
  /// examples, or with more than 16 labels on the smaller side.
  public var matchedAccuracy: Double? {
    let columns = table.first?.count ?? 0
    let isTransposed = columns > table.count
    let cells = isTransposed ? (0..<columns).map { column in table.map { $0[column] } } : table
    let small = min(columns, table.count)
    guard count > 0, small <= 16 else { return nil }
    // The most that the rows so far match, for each set of columns that they take.
    var best = [Int](repeating: -1, count: 1 << small)
    best[0] = 0
    for row in cells {
      for taken in stride(from: best.count - 1, through: 0, by: -1) where best[taken] >= 0 {
        for column in 0..<small where taken & (1 << column) == 0 {
          let next = taken | (1 << column)
          best[next] = max(best[next], best[taken] + row[column])
        }
      }
    }
    return Double(best.max() ?? 0) / Double(count)
  }

  /// The mutual information of both labellings beyond what chance gives, over the mean of their entropies beyond the same:
  /// 1 where they are the same but for the names, about 0 for independent ones; nil where both have one label only.
  ///
  /// Source: Vinh, Epps and Bailey 2010, "Information Theoretic Measures for Clusterings Comparison", with the arithmetic
  /// mean, as scikit-learn's `adjusted_mutual_info_score`.
  public var adjustedMutualInformation: Double? {
    let total = count
    guard total > 0 else { return nil }
    let rows = table.map { $0.reduce(0, +) }
    let columns = (0..<(table.first?.count ?? 0)).map { column in table.reduce(0) { $0 + $1[column] } }
    let n = Double(total)
    func entropy(_ sums: [Int]) -> Double {
      -sums.filter { $0 > 0 }.reduce(0) { $0 + Double($1) / n * log(Double($1) / n) }
    }
    var information = 0.0
    for (row, cells) in table.enumerated() {
      for (column, cell) in cells.enumerated() where cell > 0 {
        information +=
          Double(cell) / n * log(n * Double(cell) / (Double(rows[row]) * Double(columns[column])))
      }
    }
    func logFactorial(_ number: Int) -> Double { lgamma(Double(number) + 1) }
    var expected = 0.0
    for a in rows where a > 0 {
      for b in columns where b > 0 {
        for cell in max(1, a + b - total)...max(1, min(a, b)) where cell <= min(a, b) {
          let chance =
            logFactorial(a) + logFactorial(b) + logFactorial(total - a) + logFactorial(total - b)
            - logFactorial(total) - logFactorial(cell) - logFactorial(a - cell) - logFactorial(b - cell)
            - logFactorial(total - a - b + cell)
          expected += Double(cell) / n * log(n * Double(cell) / (Double(a) * Double(b))) * exp(chance)
        }
      }
    }
    let mean = (entropy(rows) + entropy(columns)) / 2
    guard abs(mean - expected) > 1e-12 else { return mean == 0 ? nil : 0 }
    return (information - expected) / (mean - expected)
  }
}
