internal import Foundation
internal import Synchronization
public import Torch

/// A batch of host tensors.
public struct HostBatch: Sendable, Hashable {
  /// The values by name, each `[count, …]`; `image` is uint8 `[count, channels, height, width]`, `label`
  /// int64 `[count]`; a ``TokenStream`` gives `token` and `target`, int64 `[time, count]`.
  public var fields: [String: HostTensor]
  /// The indices of the examples; empty for text.
  public var indices: [Int]
  /// The pass over the data this batch belongs to, from 0.
  public var epoch: Int
  /// Whether this is the first batch of a pass.
  public var isFirst: Bool
  /// Which part of the batch this is, where several processes have a part each; nil: all of it.
  public var part: BatchPart?

  /// A batch with the given values.
  public init(fields: [String: HostTensor], indices: [Int], epoch: Int, isFirst: Bool) {
    self.fields = fields
    self.indices = indices
    self.epoch = epoch
    self.isFirst = isFirst
  }

  /// One value.
  public subscript(_ name: String) -> HostTensor? { fields[name] }
}

/// The position of a loader: which example of which pass is next.
public struct LoaderPosition: Sendable, Codable, Hashable {
  /// The pass over the data, from 0.
  public var epoch: Int
  /// The number of examples of this pass already served.
  public var offset: Int
  /// The seed of the order.
  public var seed: UInt64
  /// The number of examples in the data set.
  public var count: Int
  /// The data set's fingerprint.
  public var fingerprint: String
}

/// An image that was skipped.
public struct SkippedExample: Sendable, Codable, Hashable {
  /// The index of the image.
  public var index: Int
  /// The reason, which names the file.
  public var reason: String
}

/// How a corrupt image is handled.
public enum CorruptImagePolicy: String, Sendable, Codable, Hashable, CaseIterable {
  /// The next good image is served in its place, and the corrupt one is added to ``Loader/skipped``.
  case skip
  /// The loader throws.
  case stop
}

/// An endless stream of batches, pass after pass, in an order determined by the seed.
///
/// Each pass is a permutation of the data keyed by (seed, epoch), or the data set's own order of the same
/// key; see ``Dataset/order(pass:batchSize:using:)``. Augmentation is keyed by (seed, epoch, position in the
/// pass), so that it resumes with the order; a loader that does not shuffle does not augment. Batches are
/// decoded in the background, `workers` at a time and a few ahead; neither number changes what is served.
/// Data in memory is gathered on the caller's thread, which is faster than a hand-over.
///
/// One of several processes reads its part of every batch only; positions are those of all processes together, so that
/// each example is read and augmented as one process would do it, and values that a batch makes equally long are as long
/// as in the whole batch. Batches of a data set's own order that hold fewer examples than there are processes are read
/// whole by each of them.
///
/// Not thread-safe: use a loader on one thread; it blocks until a batch is ready. Without shuffling, the
/// order is that of the data set.
public final class Loader {
  /// The data.
  public let dataset: any Dataset
  /// The batch size.
  public let batchSize: Int
  /// The seed of the order.
  public let seed: UInt64
  /// Whether each pass is shuffled.
  public let shuffles: Bool
  /// Whether an incomplete last batch is dropped.
  public let dropsLast: Bool
  /// The corrupt images so far, each once, in order of occurrence.
  public private(set) var skipped: [SkippedExample] = []

  private let share: BatchShare?
  private let policy: CorruptImagePolicy
  private let onSkip: ((SkippedExample) -> Void)?
  private let queue: OperationQueue?
  private let depth: Int
  private var knownCorrupt: Set<Int> = []
  /// The position of the next batch.
  private var epoch = 0
  private var offset = 0
  /// The position of the first batch not yet assigned to a worker.
  private var plannedEpoch = 0
  private var plannedOffset = 0
  /// The pass planned last.
  private var planned: Pass?
  /// The number of examples in the current pass.
  private var size: Int
  private var pending: [PendingBatch] = []

  /// A loader at the start of its first pass.
  ///
  /// - Parameters:
  ///   - workers: batches decoded concurrently.
  ///   - corruptImages: whether a corrupt image is skipped or an error.
  ///   - share: which part of every batch is read; nil: all of it. Then `batchSize` counts the examples of all.
  ///   - onSkip: called once for each corrupt image, on the caller's thread.
  public init(
    _ dataset: any Dataset, batchSize: Int, seed: UInt64 = 0, shuffles: Bool = true, dropsLast: Bool = true,
    workers: Int = 2, corruptImages: CorruptImagePolicy = .skip, share: BatchShare? = nil,
    onSkip: ((SkippedExample) -> Void)? = nil
  ) throws(DatasetError) {
    guard batchSize > 0, workers > 0 else {
      throw .invalid(reason: "batch size \(batchSize) and \(workers) workers must both be at least 1")
    }
    let first = try Pass(0, of: dataset, batchSize: batchSize, seed: seed, shuffles: shuffles)
    guard dataset.count > 0, !dropsLast || first.ends != nil || dataset.count >= batchSize else {
      throw .tooSmall(name: dataset.description.name, count: dataset.count, batchSize: batchSize)
    }
    if let share, first.ends == nil { try share.requireEqualParts(of: batchSize) }
    self.share = share
    self.dataset = dataset
    self.batchSize = batchSize
    self.seed = seed
    self.shuffles = shuffles
    self.dropsLast = dropsLast
    self.policy = corruptImages
    self.onSkip = onSkip
    planned = first
    size = first.indices.count
    if dataset.isInMemory {
      queue = nil
      depth = 1
    } else {
      let queue = OperationQueue()
      queue.maxConcurrentOperationCount = workers
      self.queue = queue
      depth = max(2, min(workers + 1, 8))
    }
  }

  deinit { queue?.cancelAllOperations() }

  /// The number of batches in a pass; where the data set has its own order, in the pass planned last.
  public var batchesPerEpoch: Int {
    if let ends = planned?.ends { return ends.count }
    return dropsLast ? dataset.count / batchSize : (dataset.count + batchSize - 1) / batchSize
  }

  /// The next batch. An error leaves the position unchanged.
  public func next() throws(DatasetError) -> HostBatch {
    while pending.count < depth { try plan() }
    let current = pending.removeFirst()
    let outcome = current.wait()
    switch outcome {
    case .failure(let error):
      restart(epoch: epoch, offset: offset)
      throw error
    case .success(let served):
      for skip in served.skipped where knownCorrupt.insert(skip.index).inserted {
        skipped.append(skip)
        onSkip?(skip)
      }
      (epoch, offset, size) = (current.following.epoch, current.following.offset, current.passSize)
      return served.batch
    }
  }

  /// The current position. A loader of the same data, batch size and options that seeks there serves exactly
  /// the same batches from then on.
  public var position: LoaderPosition {
    LoaderPosition(
      epoch: epoch, offset: offset, seed: seed, count: dataset.count,
      fingerprint: dataset.description.fingerprint)
  }

  /// Passes over the data so far (epochs), as a fraction.
  public var passes: Double { Double(epoch) + Double(offset) / Double(max(1, size)) }

  /// Seeks to a saved position; throws for one of other data or of another seed.
  public func seek(to position: LoaderPosition) throws(DatasetError) {
    guard position.count == dataset.count else {
      throw .wrongPosition(
        reason:
          "\(dataset.description.name) had \(position.count) examples then, and has \(dataset.count) now")
    }
    guard position.fingerprint == dataset.description.fingerprint else {
      throw .wrongPosition(reason: "the contents of \(dataset.description.name) have changed since")
    }
    guard position.seed == seed else {
      throw .wrongPosition(reason: "the seed was \(position.seed) then, and is \(seed) now")
    }
    let count = position.epoch < 0 ? 0 : try pass(position.epoch).indices.count
    guard (0..<count).contains(position.offset) else {
      throw .wrongPosition(reason: "example \(position.offset) of pass \(position.epoch) does not exist")
    }
    size = count
    restart(epoch: position.epoch, offset: position.offset)
  }

  /// The same position, or the end of a pass that has become shorter.
  public func nearest(to position: LoaderPosition) -> LoaderPosition {
    var place = self.position
    let count = (try? pass(max(0, position.epoch)))?.indices.count ?? place.count
    (place.epoch, place.offset) = (position.epoch, min(position.offset, count - 1))
    return place
  }

  // MARK: Planning

  private func restart(epoch: Int, offset: Int) {
    queue?.cancelAllOperations()
    pending.removeAll()
    (self.epoch, self.offset) = (epoch, offset)
    (plannedEpoch, plannedOffset) = (epoch, offset)
  }

  private func pass(_ number: Int) throws(DatasetError) -> Pass {
    if let planned, planned.number == number { return planned }
    let pass = try Pass(number, of: dataset, batchSize: batchSize, seed: seed, shuffles: shuffles)
    planned = pass
    return pass
  }

  private func plan() throws(DatasetError) {
    var pass = try self.pass(plannedEpoch)
    var isFirst = plannedOffset == 0
    // A position saved with another batch size may leave less than a batch of its pass.
    if pass.isOver(plannedOffset, batchSize, dropsLast) {
      (plannedEpoch, plannedOffset, isFirst) = (plannedEpoch + 1, 0, true)
      pass = try self.pass(plannedEpoch)
    }
    let end = pass.end(plannedOffset, batchSize)
    let size = end - plannedOffset
    // What cannot be divided is computed by all, whose mean is what one computes.
    let part = share.map {
      size < $0.count ? BatchPart(lower: 0, count: size, total: size) : $0.part(of: size)
    }
    let lower = plannedOffset + (part?.lower ?? 0)
    let chosen = Array(pass.indices[lower..<lower + (part?.count ?? size)])
    let isDivided = part.map { $0.count < size } ?? false
    let lengths = isDivided ? dataset.lengths(of: pass.indices[plannedOffset..<end]) : [:]
    let isOver = pass.isOver(end, batchSize, dropsLast)
    let batch = PendingBatch(
      epoch: plannedEpoch, offset: lower, isFirst: isFirst, part: part, lengths: lengths,
      following: isOver ? (plannedEpoch + 1, 0) : (plannedEpoch, end), passSize: pass.indices.count)
    (plannedEpoch, plannedOffset) = batch.following
    pending.append(batch)
    let dataset = dataset
    let policy = policy
    let seed = shuffles && dataset.isRandom ? seed : nil
    if let queue {
      queue.addOperation { batch.finish(PendingBatch.read(chosen, of: dataset, policy, seed, batch)) }
    } else {
      batch.finish(PendingBatch.read(chosen, of: dataset, policy, seed, batch))
    }
  }
}

/// A pass over the data: its examples in order, and how they are divided into batches.
private struct Pass {
  let number: Int
  let indices: [Int]
  /// The end of each batch, where the data set has its own order; nil for batches of `batchSize`.
  let ends: [Int]?

  init(
    _ number: Int, of dataset: any Dataset, batchSize: Int, seed: UInt64, shuffles: Bool
  ) throws(DatasetError) {
    self.number = number
    var own = SeededGenerator(seed: seed, purpose: "order", epoch: number)
    guard shuffles, let batches = dataset.order(pass: number, batchSize: batchSize, using: &own) else {
      var generator = SeededGenerator(seed: seed, purpose: "shuffle", epoch: number)
      indices = shuffles ? generator.permutation(dataset.count) : Array(0..<dataset.count)
      ends = nil
      return
    }
    var found: [Int] = []
    var ends: [Int] = []
    for batch in batches {
      guard !batch.isEmpty, batch.allSatisfy({ (0..<dataset.count).contains($0) }) else {
        throw .invalid(
          reason: "the order of \(dataset.description.name) has an empty batch or an index out of range; "
            + "correct its order(pass:batchSize:using:)")
      }
      found += batch
      ends.append(found.count)
    }
    guard !ends.isEmpty else {
      throw .tooSmall(name: dataset.description.name, count: dataset.count, batchSize: batchSize)
    }
    indices = found
    self.ends = ends
  }

  /// The end of the batch that starts at `offset`.
  func end(_ offset: Int, _ batchSize: Int) -> Int {
    ends?.first { $0 > offset } ?? min(offset + batchSize, indices.count)
  }

  /// Whether no batch starts at `offset`.
  func isOver(_ offset: Int, _ batchSize: Int, _ dropsLast: Bool) -> Bool {
    offset + (dropsLast && ends == nil ? batchSize : 1) > indices.count
  }
}

/// A batch in a worker.
private final class PendingBatch: Sendable {
  typealias Outcome = Result<(batch: HostBatch, skipped: [SkippedExample]), DatasetError>

  let epoch: Int
  /// The place of its first example in the pass.
  let offset: Int
  let isFirst: Bool
  let part: BatchPart?
  /// The lengths of the whole batch's values, where this is a part of it.
  let lengths: [String: Int]
  /// The position after it.
  let following: (epoch: Int, offset: Int)
  /// The number of examples in its pass.
  let passSize: Int
  private let outcome = Mutex<Outcome?>(nil)
  private let isReady = DispatchSemaphore(value: 0)

  init(
    epoch: Int, offset: Int, isFirst: Bool, part: BatchPart?, lengths: [String: Int],
    following: (epoch: Int, offset: Int), passSize: Int
  ) {
    self.epoch = epoch
    self.offset = offset
    self.isFirst = isFirst
    self.part = part
    self.lengths = lengths
    self.following = following
    self.passSize = passSize
  }

  func finish(_ result: Outcome) {
    outcome.withLock { $0 = result }
    isReady.signal()
  }

  func wait() -> Outcome {
    isReady.wait()
    return outcome.withLock { $0 } ?? .failure(.invalid(reason: "a batch was never read"))
  }

  /// Reads the examples. A corrupt one is replaced by the next good one of the data set, which depends on the
  /// data alone and is therefore the same after resuming.
  ///
  /// - Parameter seed: the seed of the augmentation; nil for none.
  static func read(
    _ chosen: [Int], of dataset: any Dataset, _ policy: CorruptImagePolicy, _ seed: UInt64?,
    _ batch: PendingBatch
  ) -> Outcome {
    var used: [Int] = []
    var skipped: [SkippedExample] = []
    do throws(DatasetError) {
      let fields: [String: HostTensor]
      if dataset.isInMemory && seed == nil && batch.lengths.isEmpty {
        used = chosen
        fields = try dataset.batch(at: chosen)
      } else {
        var examples: [Example] = []
        examples.reserveCapacity(chosen.count)
        for (row, index) in chosen.enumerated() {
          var candidate = index
          var attempt = 0
          while true {
            do throws(DatasetError) {
              if let seed {
                // Each attempt draws anew, as the drawn image may be the corrupt one.
                var generator = SeededGenerator(
                  seed: seed, purpose: "example \(batch.offset + row).\(attempt)", epoch: batch.epoch)
                examples.append(try dataset.example(at: candidate, using: &generator))
              } else {
                examples.append(try dataset.example(at: candidate))
              }
              used.append(candidate)
              break
            } catch {
              guard case .corruptImage = error, policy == .skip else { throw error }
              skipped.append(SkippedExample(index: candidate, reason: error.description))
              candidate = (candidate + 1) % dataset.count
              attempt += 1
              if candidate == index || skipped.count > 1000 {
                throw .unusable(
                  path: dataset.description.name,
                  reason: "\(skipped.count) images of one batch cannot be decoded, the first being: "
                    + skipped[0].reason)
              }
            }
          }
        }
        fields =
          batch.lengths.isEmpty
          ? try dataset.collate(examples) : try dataset.collate(examples, atLeast: batch.lengths)
      }
      var served = HostBatch(fields: fields, indices: used, epoch: batch.epoch, isFirst: batch.isFirst)
      served.part = batch.part
      return .success((served, skipped))
    } catch { return .failure(error) }
  }
}
