import Torch

/// A feature matrix made ready for exact distances: float64 on the processor, moved towards the origin.
///
/// Distances come from one matrix product, |x|² + |y|² - 2 x·y, which loses digits when points lie far
/// from the origin; so every set of one measure is moved by the same point first. What rounding is left
/// (relative 1e-12 of |x|² + |y|²) must not decide whether two equal points are equal, because generators
/// that memorise produce them: distances within it are zero, and comparisons count it as a tie.
struct PointSet {
  /// `[count, features]`, float64.
  let points: Tensor
  /// |x|² of each row, `[count]`.
  let squaredNorms: Tensor

  private static let rounding = 1e-12

  var count: Int { points.shape[0] }

  /// Sets of points with a common origin, the mean of the first.
  static func centred(_ matrices: [Tensor]) -> [PointSet] {
    guard let first = matrices.first else { return [] }
    let origin = columnMeans(first)
    return matrices.map { PointSet($0, origin: origin) }
  }

  /// The rows of a float64 matrix, seen from `origin`.
  init(_ matrix: Tensor, origin: Tensor) {
    points = matrix - origin
    squaredNorms = points.square().sum(dims: [1])
  }

  private init(points: Tensor, squaredNorms: Tensor) {
    self.points = points
    self.squaredNorms = squaredNorms
  }

  /// Some of the rows.
  subscript(_ rows: Range<Int>) -> PointSet {
    PointSet(
      points: points.narrow(0, from: rows.lowerBound, length: rows.count),
      squaredNorms: squaredNorms.narrow(0, from: rows.lowerBound, length: rows.count))
  }

  /// Squared Euclidean distances `[count, others]`, and for each the size of what rounding may have done.
  func squaredDistances(to others: PointSet) -> (distances: Tensor, rounding: Tensor) {
    let scale = squaredNorms.unsqueezed(1) + others.squaredNorms.unsqueezed(0)
    let distances = scale - points.matmul(others.points.transposed(0, 1)) * 2
    let rounding = scale * Self.rounding
    return (
      Tensor.select(distances.lessOrEqual(rounding), Tensor.zeros(like: distances), distances), rounding
    )
  }

  /// The squared distance of each row to its k-th neighbour in the set, itself not counted: `[count]`.
  func squaredRadii(neighbour k: Int) -> Tensor {
    let parts = blocks(of: count, width: count).map { rows in
      self[rows].squaredDistances(to: self).distances
        .topK(k + 1, dim: 1, largest: false).values.selected(dim: 1, index: k)
    }
    return Tensor.concatenated(parts, dim: 0)
  }
}

/// Ranges that cut `count` rows into blocks whose products with `width` columns stay near 16 MB of float64.
func blocks(of count: Int, width: Int) -> [Range<Int>] {
  let size = max(1, min(count, 2_000_000 / max(1, width)))
  return stride(from: 0, to: count, by: size).map { $0..<min(count, $0 + size) }
}

/// The mean of each column of a float64 matrix.
func columnMeans(_ matrix: Tensor) -> Tensor { matrix.mean(dims: [0]) }

/// A feature matrix in float64 on the processor, after what can be wrong with it has been checked.
///
/// - Parameters:
///   - name: the argument's name for the error.
///   - atLeast: how many rows the measure needs.
func featureMatrix(_ features: Tensor, _ name: String, atLeast minimum: Int = 1) throws -> Tensor {
  guard features.rank == 2 else {
    throw MetricError(
      "“\(name)” has the shape \(features.shape), but features are a matrix [samples, features]; "
        + "flatten everything behind the first dimension")
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

/// Requires that two feature matrices have equally many columns.
func checkSameWidth(_ a: Tensor, _ aName: String, _ b: Tensor, _ bName: String) throws {
  guard a.shape[1] == b.shape[1] else {
    throw MetricError(
      "“\(aName)” has \(a.shape[1]) features a row and “\(bName)” \(b.shape[1]); take both from one feature source"
    )
  }
}

/// Requires that a count of neighbours fits into a set that does not count a point itself.
func checkNeighbours(_ k: Int, in matrix: Tensor, _ name: String) throws {
  guard k >= 1, k < matrix.shape[0] else {
    throw MetricError(
      "\(k) neighbours cannot be found among the \(matrix.shape[0]) rows of “\(name)”, a row itself not "
        + "counted; choose between 1 and \(max(1, matrix.shape[0] - 1)) or give more samples")
  }
}
