public import Torch

/// How a step is made in one of several processes.
public struct StepProcesses {
  /// The processes.
  public let group: any ProcessGroup
  /// The part of the batch that was served last; nil: all of it.
  public let part: () -> BatchPart?

  /// The processes that a step is made in.
  public init(_ group: any ProcessGroup, part: @escaping () -> BatchPart?) {
    self.group = group
    self.part = part
  }

  /// What this process's mean counts for in the mean over the whole batch: 1 where all have equal parts.
  var weight: Double {
    guard let part = part(), part.total > 0 else { return 1 }
    return Double(part.count * group.count) / Double(part.total)
  }

  /// Bytes of a bucket, as many as PyTorch's DistributedDataParallel takes.
  private static let bucketBytes = 25 << 20

  /// Replaces gradients by their mean over the processes, in buckets that are reduced while others wait their turn.
  ///
  /// A gradient that only some processes have counts as 0 in the others; one that none has stays nil.
  func averageGradients(of parameters: [Tensor]) throws {
    let gradients = parameters.map(\.gradient)
    let present = Tensor(gradients.map { $0 == nil ? 0 : 1 as Float })
    try group.allReduce([present], .sum)
    let anywhere = zip(gradients, present.floats()).map { ($0, $1 > 0) }
    let factor = weight / Double(group.count)
    try withoutGradients {
      var buckets: [(dtype: DType, places: [Int], bytes: Int)] = []
      for (place, (gradient, isAnywhere)) in anywhere.enumerated() where isAnywhere {
        let dtype = (gradient ?? parameters[place]).dtype
        let bytes = parameters[place].count * dtype.byteCount
        if let last = buckets.last, last.dtype == dtype, last.bytes + bytes <= Self.bucketBytes {
          buckets[buckets.count - 1].places.append(place)
          buckets[buckets.count - 1].bytes += bytes
        } else {
          buckets.append((dtype, [place], bytes))
        }
      }
      for dtype in Set(buckets.map(\.dtype)).sorted(by: { $0.byteCount < $1.byteCount }) {
        let own = buckets.filter { $0.dtype == dtype }
        let flat = own.map { bucket in
          let rows = bucket.places.map { place in
            (gradients[place] ?? .zeros(like: parameters[place].detached())).detached().reshaped([-1])
          }
          let all = Tensor.concatenated(rows, dim: 0)
          if factor != 1 { all.multiplyInPlace(factor) }
          return all
        }
        try group.allReduce(flat, .sum)
        for (bucket, all) in zip(own, flat) {
          var start = 0
          for place in bucket.places {
            let parameter = parameters[place]
            let mean = all.narrow(0, from: start, length: parameter.count).reshaped(parameter.shape)
            start += parameter.count
            if let gradient = gradients[place] {
              // Into the gradient's own memory, whose order in memory may be another.
              gradient.detached().copy(from: mean)
            } else {
              let gradient = Tensor.zeros(like: parameter.detached())
              gradient.copy(from: mean)
              parameter.gradient = gradient
            }
          }
        }
      }
    }
  }
}
