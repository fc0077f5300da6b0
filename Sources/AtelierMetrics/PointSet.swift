import Torch

/// A feature matrix prepared for exact distances: float64 on the CPU, centred.
///
/// Distances are computed by one matrix product, |x|² + |y|² - 2 x·y, which loses digits far from the origin;
/// therefore all sets of a measure are shifted by the same point. The remaining rounding error (relative
/// 1e-12 of |x|² + |y|²) must not separate equal points, which memorising generators produce: distances
/// within it are zero, and comparisons treat it as a tie.
struct PointSet {
  /// `[count, features]`, float64.
  let points: Tensor
  /// |x|² of each row, `[count]`.
  let squaredNorms: Tensor

  private static let rounding = 1e-12

  var count: Int { points.shape[0] }

  /// Point sets centred on the mean of the first.
  static func centred(_ matrices: [Tensor]) -> [PointSet] {
    guard let first = matrices.first else { return [] }
    let origin = columnMeans(first)
    return matrices.map { PointSet($0, origin: origin) }
  }

  /// The rows of a float64 matrix, relative to `origin`.
  init(_ matrix: Tensor, origin: Tensor) {
    points = matrix - origin
    squaredNorms = points.square().sum(dims: [1])
  }

  private init(points: Tensor, squaredNorms: Tensor) {
    self.points = points
    self.squaredNorms = squaredNorms
  }

  /// A range of the rows.
  subscript(_ rows: Range<Int>) -> PointSet {
    PointSet(
      points: points.narrow(0, from: rows.lowerBound, length: rows.count),
      squaredNorms: squaredNorms.narrow(0, from: rows.lowerBound, length: rows.count))
  }

  /// Squared Euclidean distances `[count, others]`, with a bound on the rounding error of each.
  func squaredDistances(to others: PointSet) -> (distances: Tensor, rounding: Tensor) {
    let scale = squaredNorms.unsqueezed(1) + others.squaredNorms.unsqueezed(0)
    let distances = scale - points.matmul(others.points.transposed(0, 1)) * 2
    let rounding = scale * Self.rounding
    return (
      Tensor.select(distances.lessOrEqual(rounding), Tensor.zeros(like: distances), distances), rounding
    )
  }

  /// The squared distance `[count]` of each row to its k-th neighbour in the set, itself excluded.
  func squaredRadii(neighbour k: Int) -> Tensor {
    let parts = blocks(of: count, width: count).map { rows in
      self[rows].squaredDistances(to: self).distances
        .topK(k + 1, dim: 1, largest: false).values.selected(dim: 1, index: k)
    }
    return Tensor.concatenated(parts, dim: 0)
  }
}

/// Ranges of `count` rows whose products with `width` columns take about 16 MB in float64.
func blocks(of count: Int, width: Int) -> [Range<Int>] {
  let size = max(1, min(count, 2_000_000 / max(1, width)))
  return stride(from: 0, to: count, by: size).map { $0..<min(count, $0 + size) }
}

/// The mean of each column of a float64 matrix.
func columnMeans(_ matrix: Tensor) -> Tensor { matrix.mean(dims: [0]) }

/// Checks a feature matrix, and converts it to float64 on the CPU.
///
/// - Parameters:
///   - name: the argument's name for the error.
///   - atLeast: the minimum number of rows.
func featureMatrix(_ features: Tensor, _ name: String, atLeast minimum: Int = 1) throws -> Tensor {
  guard features.rank == 2 else {
    throw MetricError(
      "“\(name)” has the shape \(features.shape), but features are a matrix [samples, features]; "
        + "flatten everything after the first dimension")
  }
  guard features.shape[0] >= minimum, features.shape[1] >= 1 else {
    throw MetricError(
      "“\(name)” has the shape \(features.shape), but the measure needs at least \(minimum) "
        + "row\(minimum == 1 ? "" : "s") and a column; give more samples")
  }
  let matrix = features.detached().to(.cpu).asType(.float64)
  guard matrix.isFinite() else {
    throw MetricError(
      "“\(name)” holds numbers that are not finite; remove the samples whose features overflowed")
  }
  return matrix
}

/// Throws where two feature matrices differ in their number of columns.
func checkSameWidth(_ a: Tensor, _ aName: String, _ b: Tensor, _ bName: String) throws {
  guard a.shape[1] == b.shape[1] else {
    throw MetricError(
      "“\(aName)” has \(a.shape[1]) features per row and “\(bName)” \(b.shape[1]); take both from one feature source"
    )
  }
}

/// Throws where a set has too few rows for k neighbours of a point other than itself.
func checkNeighbours(_ k: Int, in matrix: Tensor, _ name: String) throws {
  guard k >= 1, k < matrix.shape[0] else {
    throw MetricError(
      "\(k) neighbours cannot be found among the \(matrix.shape[0]) rows of “\(name)”, a row itself not "
        + "counted; choose between 1 and \(max(1, matrix.shape[0] - 1)) or give more samples")
  }
}
