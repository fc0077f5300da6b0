public import AtelierMetrics
public import Torch

extension InvertedFileIndex {
  /// The nearest other rows of every row by cosine similarity, as ``AtelierMetrics/instanceNeighbours(_:k:)`` finds them
  /// exactly: here among the rows of the lists whose centroids are nearest to it.
  ///
  /// Distances of the rows that are found are exact, and so is their order. A row whose lists hold too few others is
  /// looked for in all of them. Beside the features, the index holds a copy of them.
  ///
  /// - Parameters:
  ///   - features: `[rows, features]`.
  ///   - k: the number of neighbours, below the number of rows.
  ///   - lists: nil: four times the root of the number of rows.
  ///   - probes: the lists that are looked through for each row; nil: a thirty-second of them, and 16 at least.
  ///   - seed: the seed of the choice of rows and first centroids, in 32 bits.
  ///   - progress: told how many rows are done.
  /// - Returns: indices, int64 `[rows, k]`, and distances, float64 `[rows, k]`, nearest first.
  /// - Throws: `MetricError` where Faiss is absent, for a k that is too large or numbers that are not finite.
  public static func instanceNeighbours(
    _ features: Tensor, k: Int, lists: Int? = nil, probes: Int? = nil, seed: Int = 1234,
    progress: (Int) -> Void = { _ in }
  ) throws -> Neighbours {
    guard features.rank == 2, k >= 1, k < features.shape[0] else {
      throw MetricError(
        "\(k) neighbours of each cannot be found in features of the shape \(features.shape); choose at least 1, and "
          + "fewer than there are rows")
    }
    let (count, width) = (features.shape[0], features.shape[1])
    let wanted = lists ?? min(count, 4 * Int(Double(count).squareRoot()))
    let looked = probes ?? max(16, wanted / 32)
    let order = RandomStream(seed: UInt64(seed), purpose: "rows of an index").permutation(count)
    let given = features.detached().to(.cpu).asType(.float32)
    let unit = (given / given.norm(dims: [1], keepDim: true).clamped(min: 1e-12)).contiguous()
    let sample = unit.indexSelected(0, order.narrow(0, from: 0, length: min(count, 64 * wanted)))
    // Of rows of length 1 Euclidean distances have the order of cosines.
    let index = try InvertedFileIndex(training: sample, lists: wanted, measure: .euclidean, seed: seed)
    try index.add(unit)
    let candidates = min(k + 8, count - 1)
    let (indices, distances) = (
      Tensor.zeros([count, k], dtype: .int64), Tensor.zeros([count, k], dtype: .float64)
    )
    let block = max(1, min(4096, 64_000_000 / max(width, candidates)))
    for start in stride(from: 0, to: count, by: block) {
      let length = min(block, count - start)
      let queries = unit.narrow(0, from: start, length: length)
      func others(_ rows: Tensor, from first: Int, probes: Int) throws -> [[Int]] {
        let found = try index.search(rows, k: candidates + 1, probes: probes).indices.integers()
        return (0..<rows.shape[0]).map { row in
          let places = (row * (candidates + 1))..<((row + 1) * (candidates + 1))
          return Array(found[places].filter { $0 >= 0 && $0 != first + row }.prefix(candidates))
        }
      }
      var found = try others(queries, from: start, probes: looked)
      for row in found.indices where found[row].count < candidates {
        found[row] = try others(queries.narrow(0, from: row, length: 1), from: start + row, probes: wanted)[0]
      }
      let nearest = nearestOfCandidates(
        queries, in: unit, candidates: Tensor(found.flatMap { $0.sorted() }, shape: [length, candidates]),
        k: k)
      indices.narrow(0, from: start, length: length).copy(from: nearest.indices)
      distances.narrow(0, from: start, length: length).copy(from: nearest.distances)
      progress(start + length)
    }
    return Neighbours(indices: indices, distances: distances)
  }
}
