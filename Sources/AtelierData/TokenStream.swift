internal import Torch

/// Serves a long text as pieces for truncated back-propagation, as pytorch/examples `word_language_model`
/// does.
///
/// The tokens are cut into `batchSize` columns of equal length that stand side by side (what remains at the
/// end is dropped). A piece is the next `sequenceLength` rows of all columns, and the rows shifted by one as
/// the target; the last piece of a pass is shorter. State carried from piece to piece therefore continues the
/// same text, and is to be cleared where ``HostBatch/isFirst`` says that a new pass begins.
///
/// Fields: `token` and `target`, int64 `[time, batch]`.
public final class TokenStream {
  /// Where a stream stands.
  public struct Position: Sendable, Codable, Hashable {
    /// The pass over the text, from 0.
    public var epoch: Int
    /// The next row.
    public var offset: Int
    /// Tokens of the text.
    public var count: Int
    /// The text's fingerprint.
    public var fingerprint: String
  }

  /// Columns.
  public let batchSize: Int
  /// Rows of a piece.
  public let sequenceLength: Int
  private let tokens: [Int]
  private let rows: Int
  private let fingerprint: String
  private var epoch = 0
  private var offset = 0

  /// A stream at the beginning of its first pass.
  ///
  /// - Parameter name: what errors call the text.
  public init(
    _ tokens: [Int], batchSize: Int, sequenceLength: Int, name: String = "the text"
  ) throws(DatasetError) {
    guard batchSize > 0, sequenceLength > 0 else {
      throw .invalid(
        reason: "batch size \(batchSize) and sequence length \(sequenceLength) must be at least 1")
    }
    // Two rows are the least from which one token can be predicted.
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

  /// Pieces in a pass.
  public var piecesPerEpoch: Int { (rows - 1 + sequenceLength - 1) / sequenceLength }

  /// Tokens that are predicted in a pass.
  public var targetsPerEpoch: Int { (rows - 1) * batchSize }

  /// The next piece; after the last one, the first of the next pass.
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

  /// Where the stream stands.
  public var position: Position {
    Position(epoch: epoch, offset: offset, count: tokens.count, fingerprint: fingerprint)
  }

  /// Goes to a saved position; refuses one of another text.
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
