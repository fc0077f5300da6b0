internal import Torch

/// Serves a text in chunks for truncated back-propagation through time, as pytorch/examples
/// `word_language_model` does.
///
/// The tokens are divided into `batchSize` columns of equal length (a remainder at the end is dropped). A
/// chunk is the next `sequenceLength` rows of all columns, with the rows shifted by one as the target; the
/// last chunk of a pass is shorter. State carried from chunk to chunk therefore continues the same text, and
/// must be reset where ``HostBatch/isFirst`` marks a new pass.
///
/// Fields: `token` and `target`, int64 `[time, batch]`.
public final class TokenStream {
  /// A position in the stream.
  public struct Position: Sendable, Codable, Hashable {
    /// The pass over the text, from 0.
    public var epoch: Int
    /// The next row.
    public var offset: Int
    /// The number of tokens in the text.
    public var count: Int
    /// The text's fingerprint.
    public var fingerprint: String
  }

  /// The number of columns.
  public let batchSize: Int
  /// The number of rows in a chunk.
  public let sequenceLength: Int
  private let tokens: [Int]
  private let rows: Int
  private let fingerprint: String
  private var epoch = 0
  private var offset = 0

  /// A stream at the start of its first pass.
  ///
  /// - Parameter name: the text's name in errors.
  public init(
    _ tokens: [Int], batchSize: Int, sequenceLength: Int, name: String = "the text"
  ) throws(DatasetError) {
    guard batchSize > 0, sequenceLength > 0 else {
      throw .invalid(
        reason: "batch size \(batchSize) and sequence length \(sequenceLength) must be at least 1")
    }
    // Predicting one token needs at least two rows.
    guard tokens.count >= 2 * batchSize else {
      throw .invalid(
        reason: "\(name) has \(tokens.count) tokens, fewer than two for each of \(batchSize) columns")
    }
    self.tokens = tokens
    self.batchSize = batchSize
    self.sequenceLength = sequenceLength
    rows = tokens.count / batchSize
    fingerprint = tokens.withUnsafeBytes { contentFingerprint(of: [UInt8]($0)) }
  }

  /// The number of chunks in a pass.
  public var piecesPerEpoch: Int { (rows - 1 + sequenceLength - 1) / sequenceLength }

  /// The number of tokens predicted in a pass.
  public var targetsPerEpoch: Int { (rows - 1) * batchSize }

  /// The next chunk; after the last one, the first of the next pass.
  public func next() -> HostBatch {
    let length = min(sequenceLength, rows - 1 - offset)
    func block(_ from: Int) -> HostTensor {
      var values: [Int] = []
      values.reserveCapacity(length * batchSize)
      for time in from..<(from + length) {
        for column in 0..<batchSize { values.append(tokens[column * rows + time]) }
      }
      return HostTensor(values, shape: [length, batchSize])
    }
    let piece = HostBatch(
      fields: ["token": block(offset), "target": block(offset + 1)], indices: [], epoch: epoch,
      isFirst: offset == 0)
    offset += length
    if offset >= rows - 1 { (epoch, offset) = (epoch + 1, 0) }
    return piece
  }

  /// The current position.
  public var position: Position {
    Position(epoch: epoch, offset: offset, count: tokens.count, fingerprint: fingerprint)
  }

  /// Seeks to a saved position; throws for one of another text.
  public func seek(to position: Position) throws(DatasetError) {
    guard position.count == tokens.count, position.fingerprint == fingerprint else {
      throw .wrongPosition(reason: "the text or its vocabulary has changed since")
    }
    guard position.epoch >= 0, (0..<(rows - 1)).contains(position.offset) else {
      throw .wrongPosition(reason: "row \(position.offset) of pass \(position.epoch) does not exist")
    }
    (epoch, offset) = (position.epoch, position.offset)
  }
}
