internal import Foundation
internal import Synchronization
public import Torch

/// A batch in plain memory.
public struct HostBatch: Sendable, Hashable {
  /// The values by name, each `[count, …]`; `image` is uint8 `[count, channels, height, width]`, `label`
  /// int64 `[count]`; a ``TokenStream`` gives `token` and `target`, int64 `[time, count]`.
  public var fields: [String: HostTensor]
  /// Which examples these are; empty for text.
  public var indices: [Int]
  /// The pass over the data this batch belongs to, from 0.
  public var epoch: Int
  /// Whether a pass begins with this batch.
  public var isFirst: Bool

  /// A batch of the given values.
  public init(fields: [String: HostTensor], indices: [Int], epoch: Int, isFirst: Bool) {
    self.fields = fields
    self.indices = indices
    self.epoch = epoch
    self.isFirst = isFirst
  }

  /// One value.
  public subscript(_ name: String) -> HostTensor? { fields[name] }
}

/// Where a loader stands: which example of which pass comes next.
public struct LoaderPosition: Sendable, Codable, Hashable {
  /// The pass over the data, from 0.
  public var epoch: Int
  /// Examples of this pass that have been served.
  public var offset: Int
  /// The seed of the order.
  public var seed: UInt64
  /// Examples in the data set.
  public var count: Int
  /// The data set's fingerprint.
  public var fingerprint: String
}

/// An image that could not be used, and what stood in for it.
public struct SkippedExample: Sendable, Codable, Hashable {
  /// The image's number.
  public var index: Int
  /// Why it was skipped; names the file.
  public var reason: String
}

/// What happens when an image turns out to be corrupt.
public enum CorruptPicturePolicy: String, Sendable, Codable, Hashable, CaseIterable {
  /// The next good image of the data set stands in; the corrupt one is named in ``Loader/skipped``.
  case skip
  /// The loader throws.
  case stop
}

/// Serves batches for ever, pass after pass, in an order that depends on nothing but the seed.
///
/// Each pass is a permutation of the data keyed by (seed, epoch), or the data set's own order of the same
/// key; see ``Dataset/order(pass:batchSize:using:)``. Random changes of an example are keyed by (seed, epoch,
/// place in the pass), so that they resume with the order; a loader that does not shuffle serves examples
/// without them. Batches are decoded in the background, `workers` at a time, a few ahead; neither number
/// changes what is served. Data that lie decoded in memory are gathered on the caller's thread, which is
/// faster than handing them over.
///
/// A loader belongs to one thread; it waits where a batch is not ready. Without shuffling, the order is that
/// of the data set.
public final class Loader {
  /// The data.
  public let dataset: any Dataset
  /// Examples in a batch.
  public let batchSize: Int
  /// The seed of the order.
  public let seed: UInt64
  /// Whether each pass has an order of its own.
  public let shuffles: Bool
  /// Whether a last batch that would be smaller is left out.
  public let dropsLast: Bool
  /// Corrupt images met so far, each once, in the order they were met.
  public private(set) var skipped: [SkippedExample] = []

  private let policy: CorruptPicturePolicy
  private let onSkip: ((SkippedExample) -> Void)?
  private let queue: OperationQueue?
  private let depth: Int
  private var knownCorrupt: Set<Int> = []
  /// The position of the batch that `next()` gives.
  private var epoch = 0
  private var offset = 0
  /// The position of the first batch that no worker has been given yet.
  private var plannedEpoch = 0
  private var plannedOffset = 0
  /// The pass that was planned last.
  private var planned: Pass?
  /// Examples of the pass that the loader stands in.
  private var size: Int
  private var pending: [PendingBatch] = []

  /// A loader at the beginning of its first pass.
  ///
  /// - Parameters:
  ///   - workers: batches decoded at a time.
  ///   - corruptPictures: whether a corrupt image is skipped or stops everything.
  ///   - onSkip: told of each corrupt image once, on the caller's thread.
  public init(
    _ dataset: any Dataset, batchSize: Int, seed: UInt64 = 0, shuffles: Bool = true, dropsLast: Bool = true,
    workers: Int = 2, corruptPictures: CorruptPicturePolicy = .skip,
    onSkip: ((SkippedExample) -> Void)? = nil
  ) throws(DatasetError) {
    guard batchSize > 0, workers > 0 else {
      throw .invalid(reason: "batch size \(batchSize) and \(workers) workers must both be at least 1")
    }
    let first = try Pass(0, of: dataset, batchSize: batchSize, seed: seed, shuffles: shuffles)
    guard dataset.count > 0, !dropsLast || first.ends != nil || dataset.count >= batchSize else {
      throw .tooSmall(name: dataset.description.name, count: dataset.count, batchSize: batchSize)
    }
    self.dataset = dataset
    self.batchSize = batchSize
    self.seed = seed
    self.shuffles = shuffles
    self.dropsLast = dropsLast
    self.policy = corruptPictures
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

  /// Batches in a pass; where the data set has an order of its own, in the pass that was planned last.
  public var batchesPerEpoch: Int {
    if let ends = planned?.ends { return ends.count }
    return dropsLast ? dataset.count / batchSize : (dataset.count + batchSize - 1) / batchSize
  }

  /// The next batch. After an error the loader stands where it stood before.
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

  /// Where the loader stands. A loader of the same data, batch size and options that seeks there serves
  /// exactly the batches that this one would.
  public var position: LoaderPosition {
    LoaderPosition(
      epoch: epoch, offset: offset, seed: seed, count: dataset.count,
      fingerprint: dataset.description.fingerprint)
  }

  /// Passes over the data so far, as a fraction.
  public var passes: Double { Double(epoch) + Double(offset) / Double(max(1, size)) }

  /// Goes to a saved position; refuses one of other data or of another seed.
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

  /// The same place, or the last one of a pass that has become shorter.
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
    // A position saved with another batch size may leave too little of its pass.
    if pass.isOver(plannedOffset, batchSize, dropsLast) {
      (plannedEpoch, plannedOffset) = (plannedEpoch + 1, 0)
      pass = try self.pass(plannedEpoch)
    }
    let end = pass.end(plannedOffset, batchSize)
    let chosen = Array(pass.indices[plannedOffset..<end])
    let isOver = pass.isOver(end, batchSize, dropsLast)
    let batch = PendingBatch(
      epoch: plannedEpoch, offset: plannedOffset,
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

/// A pass over the data: its examples in the order of serving, and how they are cut into batches.
private struct Pass {
  let number: Int
  let indices: [Int]
  /// Where each batch ends, for an order of the data set's own; nil: after each full batch.
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
          reason: "the order of \(dataset.description.name) has an empty batch or an example that does not "
            + "exist; its kind of data is wrong")
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

  /// Where the batch ends that begins at `offset`.
  func end(_ offset: Int, _ batchSize: Int) -> Int {
    ends?.first { $0 > offset } ?? min(offset + batchSize, indices.count)
  }

  /// Whether no batch begins at `offset`.
  func isOver(_ offset: Int, _ batchSize: Int, _ dropsLast: Bool) -> Bool {
    offset + (dropsLast && ends == nil ? batchSize : 1) > indices.count
  }
}

/// A batch that a worker is decoding.
private final class PendingBatch: Sendable {
  typealias Outcome = Result<(batch: HostBatch, skipped: [SkippedExample]), DatasetError>

  let epoch: Int
  let offset: Int
  /// Where the loader stands after it.
  let following: (epoch: Int, offset: Int)
  /// Examples of its pass.
  let passSize: Int
  private let outcome = Mutex<Outcome?>(nil)
  private let isReady = DispatchSemaphore(value: 0)

  init(epoch: Int, offset: Int, following: (epoch: Int, offset: Int), passSize: Int) {
    self.epoch = epoch
    self.offset = offset
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

  /// Reads the examples. A corrupt one is replaced by the next good one of the data set, which depends on
  /// nothing but the data, so that resuming replaces it by the same.
  ///
  /// - Parameter seed: what random changes follow from; nil: there are none.
  static func read(
    _ chosen: [Int], of dataset: any Dataset, _ policy: CorruptPicturePolicy, _ seed: UInt64?,
    _ batch: PendingBatch
  ) -> Outcome {
    var used: [Int] = []
    var skipped: [SkippedExample] = []
    do throws(DatasetError) {
      let fields: [String: HostTensor]
      if dataset.isInMemory && seed == nil {
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
                // Another attempt draws anew: what was drawn may be the corrupt one.
                var generator = SeededGenerator(
                  seed: seed, purpose: "example \(batch.offset + row).\(attempt)", epoch: batch.epoch)
                examples.append(try dataset.example(at: candidate, using: &generator))
              } else {
                examples.append(try dataset.example(at: candidate))
              }
              used.append(candidate)
              break
            } catch {
              guard case .corruptPicture = error, policy == .skip else { throw error }
              skipped.append(SkippedExample(index: candidate, reason: error.description))
              candidate = (candidate + 1) % dataset.count
              attempt += 1
              if candidate == index || skipped.count > 1000 {
                throw .unusable(
                  path: dataset.description.name,
                  reason: "\(skipped.count) pictures of one batch cannot be decoded, the first being: "
                    + skipped[0].reason)
              }
            }
          }
        }
        fields = try dataset.collate(examples)
      }
      return .success(
        (HostBatch(fields: fields, indices: used, epoch: batch.epoch, isFirst: batch.offset == 0), skipped))
    } catch { return .failure(error) }
  }
}
