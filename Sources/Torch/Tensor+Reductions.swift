internal import CTorch

extension Tensor {
  /// The sum of all elements, as a scalar.
  public func sum() -> Tensor { Tensor(CTTensorSum(handle), "sum", self, rank: 0) }

  /// The mean of all elements, as a scalar.
  public func mean() -> Tensor { Tensor(CTTensorMean(handle), "mean", self, rank: 0) }

  /// The largest element, as a scalar.
  public func max() -> Tensor { Tensor(CTTensorMaxAll(handle), "max", self, rank: 0) }

  /// The smallest element, as a scalar.
  public func min() -> Tensor { Tensor(CTTensorMinAll(handle), "min", self, rank: 0) }

  /// The product of all elements, as a scalar.
  public func prod() -> Tensor { Tensor(CTTensorProduct(handle), "prod", self, rank: 0) }

  /// The Euclidean norm of all elements, as a scalar.
  public func norm() -> Tensor { Tensor(CTTensorNorm(handle), "norm", self, rank: 0) }

  /// Whether every element is non-zero, as a bool scalar.
  public func all() -> Tensor { Tensor(CTTensorAll(handle), "all", self, rank: 0) }

  /// Whether some element is non-zero, as a bool scalar.
  public func any() -> Tensor { Tensor(CTTensorAny(handle), "any", self, rank: 0) }

  /// The sum over some dimensions.
  public func sum(dims: [Int], keepDim: Bool = false) -> Tensor {
    Tensor(
      withInt64(dims) { CTTensorSumOver(handle, $0, $1, keepDim) }, "sum", self, rank: reduced(dims, keepDim))
  }

  /// The mean over some dimensions.
  public func mean(dims: [Int], keepDim: Bool = false) -> Tensor {
    Tensor(
      withInt64(dims) { CTTensorMeanOver(handle, $0, $1, keepDim) }, "mean", self,
      rank: reduced(dims, keepDim))
  }

  /// The variance over some dimensions; unbiased divides by n - 1.
  public func variance(dims: [Int], unbiased: Bool = true, keepDim: Bool = false) -> Tensor {
    Tensor(
      withInt64(dims) { CTTensorVarianceOver(handle, $0, $1, unbiased, keepDim) }, "variance", self,
      rank: reduced(dims, keepDim))
  }

  /// The square root of the variance over some dimensions.
  public func standardDeviation(dims: [Int], unbiased: Bool = true, keepDim: Bool = false) -> Tensor {
    variance(dims: dims, unbiased: unbiased, keepDim: keepDim).sqrt()
  }

  /// log(sum(exp(x))) over some dimensions, without overflow.
  public func logSumExp(dims: [Int], keepDim: Bool = false) -> Tensor {
    Tensor(
      withInt64(dims) { CTTensorLogSumExp(handle, $0, $1, keepDim) }, "logSumExp", self,
      rank: reduced(dims, keepDim))
  }

  /// The Euclidean norm over some dimensions; its gradient at a zero vector is zero.
  public func norm(dims: [Int], keepDim: Bool = false) -> Tensor {
    Tensor(
      withInt64(dims) { CTTensorNormOver(handle, $0, $1, keepDim) }, "norm", self,
      rank: reduced(dims, keepDim))
  }

  /// exp(x) divided by its sum along a dimension.
  public func softmax(_ dim: Int) -> Tensor {
    Tensor(CTTensorSoftmax(handle, Int64(dim)), "softmax", self, rank: rank)
  }

  /// The logarithm of ``softmax(_:)``, without overflow.
  public func logSoftmax(_ dim: Int) -> Tensor {
    Tensor(CTTensorLogSoftmax(handle, Int64(dim)), "logSoftmax", self, rank: rank)
  }

  /// The cumulative sum along a dimension.
  public func cumulativeSum(dim: Int) -> Tensor {
    Tensor(CTTensorCumulativeSum(handle, Int64(dim)), "cumulativeSum", self, rank: rank)
  }

  /// The int64 index of the largest element along a dimension; the first of equals.
  public func argmax(dim: Int, keepDim: Bool = false) -> Tensor {
    Tensor(CTTensorArgMax(handle, Int64(dim), keepDim), "argmax", self, rank: reduced([dim], keepDim))
  }

  /// The largest elements along a dimension, and their int64 indices.
  public func max(dim: Int, keepDim: Bool = false) -> (values: Tensor, indices: Tensor) {
    pair("max", rank: reduced([dim], keepDim)) { CTTensorMaxOver(handle, Int64(dim), keepDim, $0) }
  }

  /// The smallest elements along a dimension, and their int64 indices.
  public func min(dim: Int, keepDim: Bool = false) -> (values: Tensor, indices: Tensor) {
    pair("min", rank: reduced([dim], keepDim)) { CTTensorMinOver(handle, Int64(dim), keepDim, $0) }
  }

  /// The elements sorted along a dimension, and their int64 indices; the sort is stable.
  public func sorted(dim: Int = -1, descending: Bool = false) -> (values: Tensor, indices: Tensor) {
    pair("sorted", rank: rank) { CTTensorSort(handle, Int64(dim), descending, $0) }
  }

  /// The `k` largest (or smallest) elements along a dimension in order, and their int64 indices.
  public func topK(_ k: Int, dim: Int = -1, largest: Bool = true) -> (values: Tensor, indices: Tensor) {
    pair("topK", rank: rank) { CTTensorTopK(handle, Int64(k), Int64(dim), largest, $0) }
  }

  /// Q and R of the QR decomposition of a matrix.
  public func qr() -> (q: Tensor, r: Tensor) {
    let result = pair("qr", rank: rank) { CTTensorQR(handle, $0) }
    return (result.values, result.indices)
  }

  /// Eigenvalues (ascending) and eigenvectors (columns) of a symmetric matrix.
  public func eigenSymmetric() -> (values: Tensor, vectors: Tensor) {
    let result = pair("eigenSymmetric", rank: rank) { CTTensorEigenSymmetric(handle, $0) }
    return (result.values, result.indices)
  }

  func reduced(_ dims: [Int], _ keepDim: Bool) -> Int {
    keepDim ? rank : dims.isEmpty ? 0 : Swift.max(0, rank - dims.count)
  }

  private func pair(
    _ operation: StaticString, rank: Int, _ body: (UnsafeMutablePointer<OpaquePointer?>) -> Bool
  ) -> (values: Tensor, indices: Tensor) {
    let results = several(2, body)
    return (
      Tensor(results[0], operation, self, rank: rank), Tensor(results[1], operation, self, rank: rank)
    )
  }
}

/// Calls an engine function that fills an array of owned handles; all nil where it failed.
func several(_ count: Int, _ body: (UnsafeMutablePointer<OpaquePointer?>) -> Bool) -> [OpaquePointer?] {
  var results = [OpaquePointer?](repeating: nil, count: count)
  results.withUnsafeMutableBufferPointer { buffer in
    if let base = buffer.baseAddress { _ = body(base) }
  }
  return results
}
