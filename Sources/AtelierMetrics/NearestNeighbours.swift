public import Torch

/// The nearest rows of a database for each query, nearest first.
public struct Neighbours {
  /// Row indices, int64 `[queries, k]`.
  public let indices: Tensor
  /// Distances, float64 `[queries, k]`, ascending.
  public let distances: Tensor

  /// A search result.
  public init(indices: Tensor, distances: Tensor) {
    self.indices = indices
    self.distances = distances
  }
}

/// Exact nearest neighbours by Euclidean distance.
///
/// Blocks of matrix products and top-k find candidates, whose distances are then computed from the
/// differences, so that they are exact and ties are in order of index.
///
/// - Parameters:
///   - query: `[queries, features]`.
///   - database: `[rows, features]`, of any numeric type; bytes need not be converted first.
///   - k: the number of neighbours.
/// - Throws: `MetricError` for shapes that do not fit or numbers that are not finite.
public func nearestNeighbours(query: Tensor, database: Tensor, k: Int) throws -> Neighbours {
  try withoutGradients {
    let query = try featureMatrix(query, "query")
    try checkDatabase(query, database, k)
    let origin = try columnMeans(
      featureMatrix(database.narrow(0, from: 0, length: min(1024, database.shape[0])), "database"))
    let queries = PointSet(query, origin: origin)
    // A few more than k, so that rounding cannot exclude a true neighbour.
    let candidates = try nearestCandidates(queries: queries.count, database, count: k + 4) { rows, block in
      queries[rows].squaredDistances(to: PointSet(block, origin: origin)).distances
    }
    let parts = blocks(of: queries.count, width: candidates.shape[1] * query.shape[1]).map { rows in
      let chosen = candidates.narrow(0, from: rows.lowerBound, length: rows.count)
      let neighbours = database.indexSelected(0, chosen.flattened(from: 0)).to(.cpu).asType(.float64)
        .reshaped(chosen.shape + [query.shape[1]])
      let points = query.narrow(0, from: rows.lowerBound, length: rows.count).unsqueezed(1)
      return ordered(chosen, (points - neighbours).square().sum(dims: [2]).sqrt(), k)
    }
    return joined(parts)
  }
}

/// Exact nearest neighbours by cosine distance, 1 - cos(query, row), as scikit-learn's
/// `NearestNeighbors(metric="cosine")`; a row of zeros is at distance 1 from everything.
///
/// - Parameters:
///   - query: `[queries, features]`.
///   - database: `[rows, features]`.
///   - k: the number of neighbours.
/// - Throws: `MetricError` for shapes that do not fit or numbers that are not finite.
public func cosineNeighbours(query: Tensor, database: Tensor, k: Int) throws -> Neighbours {
  try withoutGradients {
    let query = try featureMatrix(query, "query")
    try checkDatabase(query, database, k)
    let directions = unitRows(query)
    let candidates = try nearestCandidates(queries: query.shape[0], database, count: k + 4) { rows, block in
      1
        - directions.narrow(0, from: rows.lowerBound, length: rows.count).matmul(
          unitRows(block).transposed(0, 1))
    }
    let parts = blocks(of: query.shape[0], width: candidates.shape[1] * query.shape[1]).map { rows in
      let chosen = candidates.narrow(0, from: rows.lowerBound, length: rows.count)
      let neighbours = unitRows(
        database.indexSelected(0, chosen.flattened(from: 0)).to(.cpu).asType(.float64)
      ).reshaped(chosen.shape + [query.shape[1]])
      let points = directions.narrow(0, from: rows.lowerBound, length: rows.count).unsqueezed(1)
      return ordered(chosen, (1 - (points * neighbours).sum(dims: [2])).clamped(min: 0, max: 2), k)
    }
    return joined(parts)
  }
}

/// Rows normalised to length 1; rows of zeros stay zero.
private func unitRows(_ matrix: Tensor) -> Tensor {
  let norms = matrix.square().sum(dims: [1], keepDim: true).sqrt()
  return matrix / Tensor.select(norms.equal(0), Tensor.ones(like: norms), norms)
}

private func checkDatabase(_ query: Tensor, _ database: Tensor, _ k: Int) throws {
  guard database.rank == 2, database.shape[0] >= 1 else {
    throw MetricError("“database” has the shape \(database.shape), but it must be a matrix [rows, features]")
  }
  try checkSameWidth(query, "query", database, "database")
  guard k >= 1, k <= database.shape[0] else {
    throw MetricError(
      "\(k) neighbours cannot be found among the \(database.shape[0]) rows of “database”; "
        + "choose between 1 and \(database.shape[0])")
  }
}

/// The indices of the approximately nearest rows, int64 `[queries, count]`, ascending.
///
/// The database is converted in blocks, of which only the nearest rows are kept.
private func nearestCandidates(
  queries: Int, _ database: Tensor, count: Int, _ distances: (Range<Int>, Tensor) -> Tensor
) throws -> Tensor {
  let count = min(count, database.shape[0])
  let queryBlock = 512
  var parts: [Tensor] = []
  for start in stride(from: 0, to: queries, by: queryBlock) {
    let rows = start..<min(queries, start + queryBlock)
    var best: (values: Tensor, indices: Tensor)?
    for columns in blocks(of: database.shape[0], width: max(database.shape[1], queryBlock)) {
      let block = try featureMatrix(
        database.narrow(0, from: columns.lowerBound, length: columns.count), "database")
      let (values, places) = distances(rows, block).topK(min(count, columns.count), dim: 1, largest: false)
      let indices = places + Tensor.full([], Double(columns.lowerBound), dtype: .int64)
      guard let known = best else {
        best = (values, indices)
        continue
      }
      let allValues = Tensor.concatenated([known.values, values], dim: 1)
      let (kept, order) = allValues.topK(min(count, allValues.shape[1]), dim: 1, largest: false)
      best = (kept, Tensor.concatenated([known.indices, indices], dim: 1).gathered(1, order))
    }
    if let best { parts.append(best.indices.sorted(dim: 1).values) }
  }
  return Tensor.concatenated(parts, dim: 0)
}

/// The first k candidates by distance, then by index.
private func ordered(_ candidates: Tensor, _ distances: Tensor, _ k: Int) -> Neighbours {
  let (values, order) = distances.sorted(dim: 1)
  return Neighbours(
    indices: candidates.gathered(1, order).narrow(1, from: 0, length: k),
    distances: values.narrow(1, from: 0, length: k))
}

private func joined(_ parts: [Neighbours]) -> Neighbours {
  Neighbours(
    indices: Tensor.concatenated(parts.map(\.indices), dim: 0),
    distances: Tensor.concatenated(parts.map(\.distances), dim: 0))
}
