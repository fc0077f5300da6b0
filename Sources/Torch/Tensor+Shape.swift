internal import CTorch

extension Tensor {
  /// The elements in another shape; one length may be -1, which is inferred.
  public func reshaped(_ shape: [Int]) -> Tensor {
    Tensor(withInt64(shape) { CTTensorReshape(handle, $0, $1) }, "reshaped", self, rank: shape.count)
  }

  /// All dimensions from `first` on, merged into one.
  public func flattened(from first: Int = 1) -> Tensor {
    guard rank > first else { return self }
    return Tensor(CTTensorFlatten(handle, Int64(first)), "flattened", self, rank: first + 1)
  }

  /// The dimensions in another order.
  public func permuted(_ dims: [Int]) -> Tensor {
    Tensor(withInt64(dims) { CTTensorPermute(handle, $0, $1) }, "permuted", self, rank: rank)
  }

  /// Two dimensions exchanged.
  public func transposed(_ a: Int, _ b: Int) -> Tensor {
    Tensor(CTTensorTranspose(handle, Int64(a), Int64(b)), "transposed", self, rank: rank)
  }

  /// Removes a dimension of length 1.
  public func squeezed(_ dim: Int) -> Tensor {
    Tensor(CTTensorSqueeze(handle, Int64(dim)), "squeezed", self, rank: Swift.max(0, rank - 1))
  }

  /// Inserts a dimension of length 1.
  public func unsqueezed(_ dim: Int) -> Tensor {
    Tensor(CTTensorUnsqueeze(handle, Int64(dim)), "unsqueezed", self, rank: rank + 1)
  }

  /// Dimensions of length 1 broadcast without copying; -1 keeps a length.
  public func expanded(_ shape: [Int]) -> Tensor {
    Tensor(withInt64(shape) { CTTensorExpand(handle, $0, $1) }, "expanded", self, rank: shape.count)
  }

  /// The tensor tiled, with a count for each dimension.
  public func repeated(_ counts: [Int]) -> Tensor {
    Tensor(withInt64(counts) { CTTensorRepeat(handle, $0, $1) }, "repeated", self, rank: counts.count)
  }

  /// The order of elements reversed along some dimensions.
  public func flipped(_ dims: [Int]) -> Tensor {
    Tensor(withInt64(dims) { CTTensorFlip(handle, $0, $1) }, "flipped", self, rank: rank)
  }

  /// The elements `from ..< to` along a dimension, every `step`-th; negative ends count from behind.
  public func slice(_ dim: Int, _ from: Int, _ to: Int, step: Int = 1) -> Tensor {
    Tensor(CTTensorSlice(handle, Int64(dim), Int64(from), Int64(to), Int64(step)), "slice", self, rank: rank)
  }

  /// `length` elements from `start` on along a dimension; a range outside is an error.
  public func narrow(_ dim: Int, from start: Int, length: Int) -> Tensor {
    let extent = shape.isEmpty ? 0 : shape[dim < 0 ? dim + rank : dim]
    check(
      start >= 0 && length >= 0 && start + length <= extent,
      "narrow: \(start) ..< \(start + length) reaches outside dimension \(dim) of shape \(shape)")
    return slice(dim, start, start + length)
  }

  /// One index of a dimension, which is removed.
  public func selected(dim: Int, index: Int) -> Tensor {
    Tensor(
      CTTensorSelectIndex(handle, Int64(dim), Int64(index)), "selected", self, rank: Swift.max(0, rank - 1))
  }

  /// The elements at int64 `indices` (a vector) along a dimension.
  public func indexSelected(_ dim: Int, _ indices: Tensor) -> Tensor {
    Tensor(
      CTTensorIndexSelect(handle, Int64(dim), indices.handle), "indexSelected", self, indices, rank: rank)
  }

  /// For every position of `indices`, the element at that index along a dimension: `torch.gather`.
  public func gathered(_ dim: Int, _ indices: Tensor) -> Tensor {
    Tensor(CTTensorGather(handle, Int64(dim), indices.handle), "gathered", self, indices, rank: rank)
  }

  /// This tensor with `source` added at `indices` along a dimension: `torch.scatter_add`.
  public func scatterAdded(_ dim: Int, _ indices: Tensor, _ source: Tensor) -> Tensor {
    Tensor(
      CTTensorScatterAdd(handle, Int64(dim), indices.handle, source.handle), "scatterAdded", self, indices,
      source, rank: rank)
  }

  /// Parts of the given lengths along a dimension.
  public func split(sizes: [Int], dim: Int) -> [Tensor] {
    let results = several(sizes.count) { results in
      withInt64(sizes) { CTTensorSplit(handle, $0, $1, Int64(dim), results) }
    }
    return results.map { Tensor($0, "split", self, rank: rank) }
  }

  /// `count` parts of equal length along a dimension, the last one shorter where it does not divide.
  public func chunked(_ count: Int, dim: Int) -> [Tensor] {
    let extent = shape[dim < 0 ? dim + rank : dim]
    let size = (extent + count - 1) / Swift.max(1, count)
    return split(
      sizes: stride(from: 0, to: extent, by: Swift.max(1, size)).map { Swift.min(size, extent - $0) },
      dim: dim)
  }

  /// Tensors joined along an existing dimension.
  public static func concatenated(_ tensors: [Tensor], dim: Int) -> Tensor {
    withHandles(tensors) { handles, count in
      let rank = tensors.first?.rank ?? 1
      return Tensor(
        owning: CTTensorConcatenate(handles, count, Int64(dim)) ?? failed("concatenated", tensors, rank: rank)
      )
    }
  }

  /// Tensors of one shape joined along a new dimension.
  public static func stacked(_ tensors: [Tensor], dim: Int = 0) -> Tensor {
    withHandles(tensors) { handles, count in
      let rank = (tensors.first?.rank ?? 0) + 1
      return Tensor(
        owning: CTTensorStack(handles, count, Int64(dim)) ?? failed("stacked", tensors, rank: rank))
    }
  }

  /// int64 class indices as float32 vectors that are 1 at the class: a new last dimension.
  public func oneHot(_ classes: Int) -> Tensor {
    Tensor(CTTensorOneHot(handle, Int64(classes)), "oneHot", self, rank: rank + 1)
  }

  /// Constant padding; `padding` is [left, right, top, bottom, …] from the last dimension on.
  public func padded(_ padding: [Int], value: Double = 0) -> Tensor {
    Tensor(withInt64(padding) { CTTensorPad(handle, $0, $1, value) }, "padded", self, rank: rank)
  }

  /// Reflection padding, without repeating the edge; `padding` as in ``padded(_:value:)``.
  public func reflectionPadded(_ padding: [Int]) -> Tensor {
    Tensor(
      withInt64(padding) { CTTensorReflectionPad(handle, $0, $1) }, "reflectionPadded", self, rank: rank)
  }

  /// Replication padding; `padding` as in ``padded(_:value:)``.
  public func replicationPadded(_ padding: [Int]) -> Tensor {
    Tensor(
      withInt64(padding) { CTTensorReplicationPad(handle, $0, $1) }, "replicationPadded", self, rank: rank)
  }
}

// MARK: - Linear algebra

extension Tensor {
  /// The matrix product; leading dimensions are batches and broadcast.
  public func matmul(_ other: Tensor) -> Tensor {
    let resultRank =
      rank == 1 || other.rank == 1
      ? Swift.max(0, Swift.max(rank, other.rank) - 1)
      : Swift.max(rank, other.rank)
    return Tensor(CTTensorMatMul(handle, other.handle), "matmul", self, other, rank: resultRank)
  }

  /// A diagonal of a matrix; 0 is the main one.
  public func diagonal(_ offset: Int = 0) -> Tensor {
    Tensor(CTTensorDiagonal(handle, Int64(offset)), "diagonal", self, rank: Swift.max(0, rank - 1))
  }

  /// Zeros below a diagonal.
  public func triangularUpper(_ offset: Int = 0) -> Tensor {
    Tensor(CTTensorTriangularUpper(handle, Int64(offset)), "triangularUpper", self, rank: rank)
  }

  /// Zeros above a diagonal.
  public func triangularLower(_ offset: Int = 0) -> Tensor {
    Tensor(CTTensorTriangularLower(handle, Int64(offset)), "triangularLower", self, rank: rank)
  }

  /// The eigenvalues of a symmetric matrix, ascending.
  public func eigenvaluesSymmetric() -> Tensor {
    Tensor(CTTensorEigenvaluesSymmetric(handle), "eigenvaluesSymmetric", self, rank: Swift.max(0, rank - 1))
  }

  /// The real parts of the eigenvalues of a square matrix, in no order.
  public func eigenvaluesReal() -> Tensor {
    Tensor(CTTensorEigenvaluesReal(handle), "eigenvaluesReal", self, rank: Swift.max(0, rank - 1))
  }

  /// The singular values of a matrix, descending.
  public func singularValues() -> Tensor {
    Tensor(CTTensorSingularValues(handle), "singularValues", self, rank: Swift.max(0, rank - 1))
  }
}
