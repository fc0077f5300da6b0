internal import Torch

/// Serves pieces of a text from places drawn at random, as nanoGPT's `get_batch` does.
///
/// Fields: `token` and `target`, which is shifted by one, int64 `[time, batch]`. Batch number n follows from the
/// seed and n alone.
public final class TokenWindows {
  /// A position in the stream.
  public struct Position: Sendable, Codable, Hashable {
    /// Batches served.
    public var served: Int
    /// The number of tokens in the text.
    public var count: Int
    /// The text's fingerprint.
    public var fingerprint: String
  }

  /// Pieces of a batch.
  public let batchSize: Int
  /// Tokens of a piece.
  public let length: Int
  private let tokens: [Int]
  private let seed: UInt64
  private let fingerprint: String
  private var served = 0

  /// A stream at its beginning.
  ///
  /// - Parameter name: the text's name in errors.
  public init(
    _ tokens: [Int], batchSize: Int, length: Int, seed: UInt64, name: String = "the text"
  ) throws(DatasetError) {
    guard batchSize > 0, length > 0 else {
      throw .invalid(reason: "batch size \(batchSize) and length \(length) must be at least 1")
    }
    guard tokens.count > length else {
      throw .invalid(
        reason: "\(name) has \(tokens.count) tokens, and a piece of \(length) with the token behind it needs "
          + "\(length + 1); take a longer text or a shorter context")
    }
    self.tokens = tokens
    self.batchSize = batchSize
    self.length = length
    self.seed = seed
    fingerprint = tokens.withUnsafeBytes { contentFingerprint(of: [UInt8]($0)) }
  }
}

extension TokenWindows: BatchStream {
  /// The next batch.
  public func next() -> HostBatch {
    var generator = SeededGenerator(seed: seed, purpose: "windows", epoch: served)
    let starts = (0..<batchSize).map { _ in generator.integer(below: tokens.count - length) }
    func block(_ shift: Int) -> HostTensor {
      var values: [Int] = []
      values.reserveCapacity(length * batchSize)
      for time in shift..<(shift + length) { for start in starts { values.append(tokens[start + time]) } }
      return HostTensor(values, shape: [length, batchSize])
    }
    let batch = HostBatch(
      fields: ["token": block(0), "target": block(1)], indices: [], epoch: Int(passes), isFirst: true)
    served += 1
    return batch
  }

  /// The current position.
  public var position: Position { Position(served: served, count: tokens.count, fingerprint: fingerprint) }

  /// Seeks to a saved position; throws for one of another text.
  public func seek(to position: Position) throws(DatasetError) {
    guard position.count == tokens.count, position.fingerprint == fingerprint else {
      throw .wrongPosition(reason: "the text or its vocabulary has changed since")
    }
    guard position.served >= 0 else {
      throw .wrongPosition(reason: "\(position.served) batches cannot have been served")
    }
    served = position.served
  }

  /// The same number of batches of this text.
  public func nearest(to position: Position) -> Position {
    Position(served: position.served, count: tokens.count, fingerprint: fingerprint)
  }

  /// Tokens served over tokens of the text.
  public var passes: Double { Double(served) * Double(batchSize * length) / Double(tokens.count - 1) }

  /// `tokens`
  public var unit: String { "tokens" }

  /// The second: fields are `[time, batch]`.
  public var exampleAxis: Int? { 1 }

  /// The number of predicted tokens.
  public func units(of batch: HostBatch) -> Int { batch["target"]?.count ?? 0 }
}
