internal import Torch

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
}

extension BatchStream {
  /// `examples` by default.
  public var unit: String { "examples" }

  /// The number of examples by default.
  public func units(of batch: HostBatch) -> Int { batch.indices.count }
}

extension Loader: BatchStream {}

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

  /// The number of predicted tokens.
  public func units(of batch: HostBatch) -> Int { batch["target"]?.count ?? 0 }
}
