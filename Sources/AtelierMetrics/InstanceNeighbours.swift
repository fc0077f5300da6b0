public import Torch

/// The nearest other rows of every row by cosine similarity: the neighbourhoods of an instance-conditioned
/// GAN.
///
/// Rows are normalised to length 1, so that Euclidean distance and cosine similarity give the same order.
/// Blocks of float32 products and top-k find candidates, which are ordered by distances from differences in
/// float64, so that the table equals brute force and ties are in order of index. Where rounding could have
/// hidden a neighbour, all rows within the rounding error are candidates. Uses less than a gigabyte beyond
/// the features and the table.
///
/// Source: ic_gan data_utils/datasets_common.py `_obtain_nns`, which queries Faiss or scikit-learn for one
/// neighbour more and removes the row itself.
///
/// - Parameters:
///   - features: `[rows, features]`.
///   - k: the number of neighbours, below the number of rows.
/// - Returns: indices, int64 `[rows, k]`, and distances, float64 `[rows, k]`, nearest first.
/// - Throws: `MetricError` for a k that is too large or numbers that are not finite.
public func instanceNeighbours(_ features: Tensor, k: Int) throws -> Neighbours {
  try withoutGradients {
    guard features.rank == 2, features.shape[1] >= 1 else {
      throw MetricError(
        "“features” has the shape \(features.shape), but features are a matrix [rows, features]")
    }
    try checkNeighbours(k, in: features, "features")
    let given = features.detached().to(.cpu).asType(.float32)
    guard given.isFinite() else {
      throw MetricError("“features” holds numbers that are not finite; leave those rows out")
    }
    let unit = (given / given.norm(dims: [1], keepDim: true).clamped(min: 1e-12)).contiguous()
    let count = unit.shape[0]
    // A block of similarities stays near 256 MB.
    let rows = max(1, min(512, 64_000_000 / count))
    // Allocated up front: small results that stay, allocated between large temporary ones, would fragment the
    // memory.
    let table = Neighbours(
      indices: .zeros([count, k], dtype: .int64), distances: .zeros([count, k], dtype: .float64))
    for start in stride(from: 0, to: count, by: rows) {
      findNeighbourhoods(of: start..<min(count, start + rows), in: unit, table)
    }
    return table
  }
}

/// The nearest of some candidates, such as those that an index finds, for each of several points: ordered by distances
/// from differences in float64, ties in order of index.
///
/// - Parameters:
///   - points: `[points, features]`.
///   - database: `[rows, features]`.
///   - candidates: int64 `[points, candidates]`, rows of the database in order of index.
///   - k: at most as many as there are candidates.
package func nearestOfCandidates(
  _ points: Tensor, in database: Tensor, candidates: Tensor, k: Int
) -> Neighbours {
  withoutGradients {
    let parts = blocks(of: points.shape[0], width: candidates.shape[1] * database.shape[1]).map { rows in
      nearest(
        points.narrow(0, from: rows.lowerBound, length: rows.count).asType(.float64), database,
        candidates.narrow(0, from: rows.lowerBound, length: rows.count), k)
    }
    return Neighbours(
      indices: .concatenated(parts.map(\.indices), dim: 0),
      distances: .concatenated(parts.map(\.distances), dim: 0))
  }
}

/// Finds the neighbours of a range of rows of a matrix of unit rows, and writes them into a table.
private func findNeighbourhoods(of range: Range<Int>, in unit: Tensor, _ table: Neighbours) {
  let (count, width, k) = (unit.shape[0], unit.shape[1], table.indices.shape[1])
  let queries = unit.narrow(0, from: range.lowerBound, length: range.count)
  let similarity = queries.matmul(unit.transposed(0, 1))
  // A row is not its own neighbour.
  let own = similarity.narrow(1, from: range.lowerBound, length: range.count)
  own.copy(from: own - Tensor.eye(range.count) * 4)
  let candidates = min(k + 8, count - 1)
  let (values, places) = largest(candidates, of: similarity)
  // By index, so that ties stay in that order.
  let byNumber = places.sorted(dim: 1).values
  // A bound on the float32 error of a product of unit rows of this length.
  let rounding = 6e-8 * (8 + 2 * Double(width).squareRoot())
  for block in blocks(of: range.count, width: candidates * width) {
    let points = queries.narrow(0, from: block.lowerBound, length: block.count).asType(.float64)
    let found = nearest(points, unit, byNumber.narrow(0, from: block.lowerBound, length: block.count), k)
    table.write(found, at: range.lowerBound + block.lowerBound)
    guard candidates < count - 1 else { continue }
    // Apart from rounding, no other row is more similar than the last candidate.
    let best = values.narrow(0, from: block.lowerBound, length: block.count).asType(.float64)
    let last = best.selected(dim: 1, index: candidates - 1)
    let doubtful = (2 - (last + rounding) * 2).less(
      found.distances.selected(dim: 1, index: k - 1).square())
    guard doubtful.any().item() != 0 else { continue }
    let thresholds = (best.selected(dim: 1, index: k - 1) - 2 * rounding).doubles()
    for (place, isDoubtful) in doubtful.asType(.int64).integers().enumerated() where isDoubtful != 0 {
      let alike = similarity.selected(dim: 0, index: block.lowerBound + place).floats()
      let within = alike.indices.filter { Double(alike[$0]) >= thresholds[place] }
      let again = nearest(
        points.narrow(0, from: place, length: 1), unit, Tensor(within, shape: [1, within.count]), k)
      table.write(again, at: range.lowerBound + block.lowerBound + place)
    }
  }
}

extension Neighbours {
  /// Writes the neighbours of a part of the queries into the rows from `row` on.
  fileprivate func write(_ part: Neighbours, at row: Int) {
    let count = part.indices.shape[0]
    indices.narrow(0, from: row, length: count).copy(from: part.indices)
    distances.narrow(0, from: row, length: count).copy(from: part.distances)
  }
}

/// The largest similarities of every row and their columns, as top-k gives them.
///
/// Columns are grouped by sixteen; the best `count` columns lie in the groups with the best `count` maxima,
/// as any other group is no larger than each of those. The maxima cost one pass over the block, several times
/// less than top-k over whole rows.
private func largest(_ count: Int, of similarity: Tensor) -> (values: Tensor, indices: Tensor) {
  let size = 16
  let columns = similarity.shape[1]
  let groups = columns / size
  guard groups >= 4 * count else { return similarity.topK(count, dim: 1) }
  // Halved until one value per group is left: group g has the columns g, g + groups, g + 2 groups, …
  var maxima = similarity.narrow(1, from: 0, length: groups * size)
  while maxima.shape[1] > groups {
    let half = maxima.shape[1] / 2
    maxima = maxima.narrow(1, from: 0, length: half).maximum(maxima.narrow(1, from: half, length: half))
  }
  let best = maxima.topK(count, dim: 1).indices
  var members = (0..<size).map { best + Tensor.full([], Double($0 * groups), dtype: .int64) }
  if columns > groups * size {
    let rest = Tensor(Array((groups * size)..<columns), shape: [1, columns - groups * size])
    members.append(rest.expanded([similarity.shape[0], rest.shape[1]]))
  }
  let chosen = Tensor.concatenated(members, dim: 1)
  let (values, places) = similarity.gathered(1, chosen).topK(count, dim: 1)
  return (values, chosen.gathered(1, places))
}

/// Sorts candidates `[points, candidates]`, given by index, by their exact distance, then by index.
private func nearest(_ points: Tensor, _ database: Tensor, _ candidates: Tensor, _ k: Int) -> Neighbours {
  // A row with many duplicates has many candidates.
  let parts = blocks(of: candidates.shape[1], width: points.shape[0] * points.shape[1]).map { columns in
    let chosen = candidates.narrow(1, from: columns.lowerBound, length: columns.count)
    let rows = database.indexSelected(0, chosen.flattened(from: 0)).asType(.float64)
      .reshaped(chosen.shape + [database.shape[1]])
    return (points.unsqueezed(1) - rows).square().sum(dims: [2]).sqrt()
  }
  let (values, order) = Tensor.concatenated(parts, dim: 1).sorted(dim: 1)
  return Neighbours(
    indices: candidates.gathered(1, order).narrow(1, from: 0, length: k),
    distances: values.narrow(1, from: 0, length: k))
}
