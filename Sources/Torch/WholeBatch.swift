extension Tensor {
  /// This process's rows of those of a whole batch, which every process has, as ``gatheredOverProcesses()`` puts them
  /// together of equal parts. Without processes the tensor itself.
  public func ownRows() -> Tensor {
    guard let processes = currentProcesses else { return self }
    let part = BatchShare(rank: processes.rank, count: processes.count).part(of: shape[0])
    return narrow(0, from: part.lower, length: part.count)
  }
}
