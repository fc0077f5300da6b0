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

  /// What this process's mean counts for in the mean over the whole batch: 1 where all have equal parts. Losses are
  /// weighted by it before they are differentiated, so that what passes through other processes is weighted as well.
  var weight: Double { part()?.weight(among: group.count) ?? 1 }

  /// Replaces gradients by their mean over the processes.
  ///
  /// - Parameter backward: the backward pass that ends them; what it has finished is sent while it goes on.
  func averageGradients(of parameters: [Tensor], after backward: () -> Void = {}) throws {
    let exchange = GradientExchange(group, parameters, factor: 1 / Double(group.count))
    withGradientsObserved(of: exchange.parameters, exchange.gradientIsReady, during: backward)
    try exchange.finish()
  }
}

/// The mean of gradients over several processes, in buckets that are summed as soon as they are full.
///
/// A gradient that only some processes have counts as 0 in the others; one that none has stays nil. Buckets are made of
/// parameters in reverse order, which is about the order in which a backward pass comes by them, and are sent in the
/// same order by all processes.
private final class GradientExchange {
  /// Parameters of one type whose gradients are summed together.
  private struct Bucket {
    let dtype: DType
    var places: [Int] = []
    var bytes = 0
    /// How many gradients are not there yet.
    var missing = 0
    var sum: (all: Tensor, pending: any PendingSum)?
  }

  /// Bytes of a bucket: PyTorch's DistributedDataParallel takes as many.
  private static let bucketBytes = 25 << 20

  private let group: any ProcessGroup
  /// Those that take gradients, in the order of the optimiser.
  let parameters: [Tensor]
  private let factor: Double
  private var buckets: [Bucket] = []
  /// The bucket of every parameter.
  private var bucketOf: [Int]
  /// The first bucket that was not sent.
  private var next = 0
  private var failure: (any Error)?

  /// - Parameter factor: what this process's gradients are multiplied by before they are summed.
  init(_ group: any ProcessGroup, _ parameters: [Tensor], factor: Double) {
    self.group = group
    self.parameters = parameters.filter(\.requiresGradient)
    self.factor = factor
    bucketOf = Array(repeating: 0, count: self.parameters.count)
    var open: [DType: Int] = [:]
    for (place, parameter) in self.parameters.enumerated().reversed() {
      let bytes = parameter.count * parameter.dtype.byteCount
      var index = open[parameter.dtype]
      if let last = index, buckets[last].bytes + bytes > Self.bucketBytes { index = nil }
      let bucket = index ?? buckets.count
      if index == nil {
        buckets.append(Bucket(dtype: parameter.dtype))
        open[parameter.dtype] = bucket
      }
      buckets[bucket].places.append(place)
      buckets[bucket].bytes += bytes
      buckets[bucket].missing += 1
      bucketOf[place] = bucket
    }
  }

  /// Takes note of a gradient that is whole, and sends the buckets that are full now.
  func gradientIsReady(_ place: Int) {
    let bucket = bucketOf[place]
    precondition(bucket >= next, "a backward pass has added twice to the gradient of one parameter")
    buckets[bucket].missing -= 1
    while next < buckets.count, buckets[next].missing == 0 { send() }
  }

  /// Sends what is left, and puts the means in the gradients' places.
  func finish() throws {
    while next < buckets.count { send() }
    if let failure { throw failure }
    let present = Tensor(parameters.map { $0.gradient == nil ? 0 : 1 as Float })
    if !parameters.isEmpty { try group.allReduce([present], .sum) }
    let anywhere = present.floats().map { $0 > 0 }
    for bucket in buckets {
      guard let (all, pending) = bucket.sum else { continue }
      try pending.wait()
      withoutGradients { spread(all, over: bucket.places, where: anywhere) }
    }
  }

  /// Flattens the next bucket's gradients and begins to sum them.
  private func send() {
    let bucket = buckets[next]
    defer { next += 1 }
    guard failure == nil else { return }
    withoutGradients {
      let rows = bucket.places.map { place in
        (parameters[place].gradient ?? .zeros(like: parameters[place].detached())).detached().reshaped([-1])
      }
      let all = Tensor.concatenated(rows, dim: 0)
      if factor != 1 { all.multiplyInPlace(factor) }
      // It is called in a backward pass, through which no error comes.
      do { buckets[next].sum = (all, try group.beginSum(all)) } catch { failure = error }
    }
  }

  private func spread(_ all: Tensor, over places: [Int], where isAnywhere: [Bool]) {
    var start = 0
    for place in places {
      let parameter = parameters[place]
      defer { start += parameter.count }
      guard isAnywhere[place] else { continue }
      let mean = all.narrow(0, from: start, length: parameter.count).reshaped(parameter.shape)
      if let gradient = parameter.gradient {
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
