public import Torch

/// An endless, resumable stream of batches: a ``Loader`` of examples, a ``TokenStream``, or the stream of
/// another kind of data.
public protocol BatchStream<Position>: AnyObject {
  /// A saved position; only streams of the same type can read it.
  associatedtype Position: Codable & Hashable & Sendable

  /// The current position, which determines what ``next()`` returns.
  var position: Position { get }
  /// Seeks to a saved position.
  ///
  /// - Throws: ``DatasetError/wrongPosition(reason:)`` for a position of other data.
  func seek(to position: Position) throws(DatasetError)
  /// The position of this stream that is closest to one saved on other data.
  func nearest(to position: Position) -> Position
  /// The next batch. An error leaves the position unchanged.
  func next() throws(DatasetError) -> HostBatch
  /// Passes over the data so far (epochs), as a fraction.
  var passes: Double { get }
  /// The unit that is counted: `examples`, `tokens`.
  var unit: String { get }
  /// The number of units in a batch.
  func units(of batch: HostBatch) -> Int
  /// The axis of the examples in every field of a batch, along which processes divide it; nil: the stream gives each
  /// process its part already.
  var exampleAxis: Int? { get }
}

extension BatchStream {
  /// `examples` by default.
  public var unit: String { "examples" }

  /// The number of examples by default.
  public func units(of batch: HostBatch) -> Int { batch.indices.count }

  /// The first by default.
  public var exampleAxis: Int? { 0 }
}

extension Loader: BatchStream {
  /// A loader reads its part of a batch only.
  public var exampleAxis: Int? { nil }
}

extension TokenStream: BatchStream {
  /// The same position in the same text; in another text the beginning of the pass.
  public func nearest(to position: Position) -> Position {
    let own = self.position
    var place = position
    if (place.count, place.fingerprint) != (own.count, own.fingerprint) { place.offset = 0 }
    (place.count, place.fingerprint) = (own.count, own.fingerprint)
    return place
  }

  /// Passes over the text so far (epochs), as a fraction.
  public var passes: Double {
    let place = position
    return Double(place.epoch) + Double(place.offset * batchSize) / Double(max(1, targetsPerEpoch))
  }

  /// `tokens`
  public var unit: String { "tokens" }

  /// The second: fields are `[time, batch]`.
  public var exampleAxis: Int? { 1 }

  /// The number of predicted tokens.
  public func units(of batch: HostBatch) -> Int { batch["target"]?.count ?? 0 }
}

extension BatchShare {
  /// Refuses batches that cannot be divided into equal parts.
  package func requireEqualParts(of total: Int) throws(DatasetError) {
    guard total % count == 0 else {
      throw .invalid(
        reason:
          "a batch of \(total) cannot be divided equally among \(count) processes; choose a batch size that is "
          + "a multiple of \(count), or another number of processes")
    }
  }
}

extension HostBatch {
  /// The part of a batch that a process has.
  ///
  /// - Parameter axis: that of the examples in every field.
  /// - Throws: ``DatasetError/invalid(reason:)`` for a batch that cannot be divided into equal parts.
  package func taken(_ share: BatchShare, axis: Int) throws(DatasetError) -> HostBatch {
    var taken = self
    for (name, value) in fields {
      guard value.shape.count > axis else { continue }
      let total = value.shape[axis]
      try share.requireEqualParts(of: total)
      let part = share.part(of: total, axis: axis)
      taken.fields[name] = value.narrowed(axis: axis, from: part.lower, length: part.count)
      taken.part = part
    }
    if let part = taken.part, indices.count == part.total {
      taken.indices = Array(indices[part.lower..<part.lower + part.count])
    }
    return taken
  }
}

extension HostTensor {
  /// The entries `start ..< start + length` along an axis.
  fileprivate func narrowed(axis: Int, from start: Int, length: Int) -> HostTensor {
    let row = shape[(axis + 1)...].reduce(dtype.byteCount, *)
    let block = row * shape[axis]
    var taken: [UInt8] = []
    taken.reserveCapacity(bytes.count / max(1, shape[axis]) * length)
    for outer in 0..<shape[..<axis].reduce(1, *) {
      let first = outer * block + start * row
      taken += bytes[first..<first + length * row]
    }
    var shape = shape
    shape[axis] = length
    return HostTensor(shape: shape, dtype: dtype, bytes: taken)
  }
}
