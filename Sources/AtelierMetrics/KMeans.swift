public import Torch

/// The result of k-means.
public struct Clusters {
  /// The centres, float32 `[k, features]`.
  public let centres: Tensor
  /// The cluster of each row, int64 `[rows]`.
  public let assignment: Tensor
  /// The mean squared distance of rows to their centres.
  public let inertia: Double
}

/// k-means by Lloyd's algorithm with k-means++ initialisation (Arthur and Vassilvitskii 2007).
///
/// Assignments are computed in blocks of float32 products, which bounds the memory. An empty cluster is moved
/// to the row farthest from its centre.
///
/// - Parameters:
///   - points: `[rows, features]`.
///   - k: the number of clusters, at most the number of rows.
///   - iterations: the maximum number of iterations; it stops earlier when no assignment changes.
/// - Throws: `MetricError` for a k that is too large or numbers that are not finite.
public func kMeans(
  _ points: Tensor, k: Int, iterations: Int = 100, using stream: RandomStream
) throws -> Clusters {
  try withoutGradients {
    guard points.rank == 2, points.shape[0] >= 1, points.isFinite() else {
      throw MetricError(
        "“points” has the shape \(points.shape), but k-means needs a matrix of finite numbers")
    }
    guard k >= 1, k <= points.shape[0] else {
      throw MetricError(
        "\(k) clusters do not fit \(points.shape[0]) rows; choose between 1 and \(points.shape[0])")
    }
    let points = points.detached().to(.cpu).asType(.float32).contiguous()
    let norms = points.square().sum(dims: [1])
    var centres = firstCentres(points, norms, k, stream)
    var (assignment, distances) = assigned(points, norms, centres)
    for _ in 0..<iterations {
      centres = moved(points, assignment, distances, k)
      let next = assigned(points, norms, centres)
      let isSettled = next.assignment.notEqual(assignment).any().item() == 0
      (assignment, distances) = next
      if isSettled { break }
    }
    return Clusters(centres: centres, assignment: assignment, inertia: distances.mean().item())
  }
}

/// The row nearest to each centre, int64 `[k]`, without repetitions.
public func nearestRows(_ points: Tensor, to clusters: Clusters) throws -> Tensor {
  let found = try nearestNeighbours(query: clusters.centres, database: points, k: 1)
  return Tensor(Array(Set(found.indices.integers())).sorted())
}

/// k-means++: each further centre is a row drawn with a probability proportional to its squared distance to
/// the nearest centre so far.
private func firstCentres(_ points: Tensor, _ norms: Tensor, _ k: Int, _ stream: RandomStream) -> Tensor {
  let count = points.shape[0]
  var chosen = [Int(stream.integers(below: count, [1]).item())]
  var nearest = squaredDistances(points, norms, to: points.narrow(0, from: chosen[0], length: 1)).squeezed(1)
  while chosen.count < k {
    let sums = nearest.asType(.float64).cumulativeSum(dim: 0)
    let total = sums.selected(dim: 0, index: count - 1).item()
    let row: Int
    if total > 0 {
      let threshold = stream.uniform([1]).item() * total
      row = min(count - 1, Int(sums.lessOrEqual(threshold).asType(.int64).sum().item()))
    } else {
      // All rows are centres or equal to one, so any other row will do.
      row = (0..<count).first { !chosen.contains($0) } ?? 0
    }
    chosen.append(row)
    nearest = nearest.minimum(
      squaredDistances(points, norms, to: points.narrow(0, from: row, length: 1)).squeezed(1))
  }
  return points.indexSelected(0, Tensor(chosen))
}

private func squaredDistances(_ points: Tensor, _ norms: Tensor, to centres: Tensor) -> Tensor {
  let products = points.matmul(centres.transposed(0, 1))
  return (norms.unsqueezed(1) + centres.square().sum(dims: [1]).unsqueezed(0) - products * 2).clamped(min: 0)
}

private func assigned(
  _ points: Tensor, _ norms: Tensor, _ centres: Tensor
) -> (assignment: Tensor, distances: Tensor) {
  let parts = blocks(of: points.shape[0], width: centres.shape[0]).map { rows in
    squaredDistances(
      points.narrow(0, from: rows.lowerBound, length: rows.count),
      norms.narrow(0, from: rows.lowerBound, length: rows.count), to: centres
    ).min(dim: 1)
  }
  return (
    .concatenated(parts.map { $0.indices }, dim: 0), .concatenated(parts.map { $0.values }, dim: 0)
  )
}

private func moved(_ points: Tensor, _ assignment: Tensor, _ distances: Tensor, _ k: Int) -> Tensor {
  let (count, width) = (points.shape[0], points.shape[1])
  let rows = assignment.unsqueezed(1).expanded([count, width])
  let sums = Tensor.zeros([k, width]).scatterAdded(0, rows, points)
  let sizes = Tensor.zeros([k]).scatterAdded(0, assignment, .ones([count]))
  let centres = sums / sizes.clamped(min: 1).unsqueezed(1)
  let empty = sizes.less(0.5).asType(.int64).integers().enumerated().filter { $0.element != 0 }.map(\.offset)
  guard !empty.isEmpty else { return centres }
  let farthest = distances.topK(empty.count, dim: 0).indices.integers()
  for (cluster, row) in zip(empty, farthest) {
    centres.narrow(0, from: cluster, length: 1).copy(from: points.narrow(0, from: row, length: 1))
  }
  return centres
}
