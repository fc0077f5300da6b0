/// The part of a batch that a process has: examples `lower ..< lower + count` of `total`.
public struct BatchPart: Sendable, Hashable {
  /// The first example of the part.
  public var lower: Int
  /// The number of examples of the part.
  public var count: Int
  /// The number of examples of the whole batch.
  public var total: Int
  /// The axis of the examples in tensors of the batch: 0, or 1 for texts `[time, batch]`.
  public var axis: Int

  /// A part of a batch.
  public init(lower: Int, count: Int, total: Int, axis: Int = 0) {
    self.lower = lower
    self.count = count
    self.total = total
    self.axis = axis
  }

  /// Whether it is less than the whole batch.
  public var isDivided: Bool { count < total }

  /// What a mean over the part counts for in the mean over the whole batch, of which so many processes have a part
  /// each: 1 where all parts are of one size, and 1 where every process has the whole batch.
  public func weight(among processes: Int) -> Double {
    total > 0 && count < total ? Double(count * processes) / Double(total) : 1
  }
}

/// Which part of every batch a process has: one of `count` that follow each other, as equal as they can be.
public struct BatchShare: Sendable, Hashable {
  /// The number of the process, from 0.
  public var rank: Int
  /// The number of processes.
  public var count: Int

  /// The share of one of several processes.
  public init(rank: Int, count: Int) {
    self.rank = rank
    self.count = count
  }

  /// The part of a batch of so many examples; empty for some where there are fewer than processes.
  public func part(of total: Int, axis: Int = 0) -> BatchPart {
    let lower = total * rank / count
    return BatchPart(lower: lower, count: total * (rank + 1) / count - lower, total: total, axis: axis)
  }
}
