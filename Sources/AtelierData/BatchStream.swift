internal import Torch

/// Serves batches of plain values for ever, pass after pass, and can be left and found again: a ``Loader`` of
/// examples, a ``TokenStream``, or what a kind of data brings that serves itself in another way.
public protocol BatchStream<Position>: AnyObject {
  /// Where a stream stands; only streams of the same type read it.
  associatedtype Position: Codable & Hashable & Sendable

  /// Where the stream stands: what ``next()`` gives follows from it.
  var position: Position { get }
  /// Goes to a saved position.
  ///
  /// - Throws: ``DatasetError/wrongPosition(reason:)`` for a position of other data.
  func seek(to position: Position) throws(DatasetError)
  /// The nearest place that this stream has to one of a stream of other data.
  func nearest(to position: Position) -> Position
  /// The next batch. After an error the stream stands where it stood before.
  func next() throws(DatasetError) -> HostBatch
  /// Passes over the data so far, as a fraction.
  var passes: Double { get }
  /// What is counted: `examples`, `tokens`.
  var unit: String { get }
  /// How many of them a batch holds.
  func units(of batch: HostBatch) -> Int
}

extension BatchStream {
  /// Examples, unless a stream says otherwise.
  public var unit: String { "examples" }

  /// The number of examples, unless a stream says otherwise.
  public func units(of batch: HostBatch) -> Int { batch.indices.count }
}

extension Loader: BatchStream {}

extension TokenStream: BatchStream {
  /// The same place in the same text; the beginning of the pass in another.
  public func nearest(to position: Position) -> Position {
    let own = self.position
    var place = position
    if (place.count, place.fingerprint) != (own.count, own.fingerprint) { place.offset = 0 }
    (place.count, place.fingerprint) = (own.count, own.fingerprint)
    return place
  }

  /// Passes over the text so far, as a fraction.
  public var passes: Double {
    let place = position
    return Double(place.epoch) + Double(place.offset * batchSize) / Double(max(1, targetsPerEpoch))
  }

  /// `tokens`
  public var unit: String { "tokens" }

  /// The tokens that are predicted.
  public func units(of batch: HostBatch) -> Int { batch["target"]?.count ?? 0 }
}
