public import Foundation

/// Running text in columns of tokens: `token`, and `target` shifted by one; see ``TokenStream``.
public struct RunningText: DataArrangement {
  /// The name of the vocabulary's artefact in a run.
  public static let artefactName = "vocabulary.json"

  /// `text`
  public let id = "text"
  /// What a token is.
  public var unit: Vocabulary.Unit
  /// The number of occurrences in the training text below which a word is unknown.
  public var minimumCount: Int

  /// Running text.
  public init(_ unit: Vocabulary.Unit, minimumCount: Int) {
    self.unit = unit
    self.minimumCount = minimumCount
  }

  /// The vocabulary.
  public var numberingArtefacts: [String] { [Self.artefactName] }

  /// Opens the training text, and adds its vocabulary as an artefact.
  public func survey(_ place: URL, _ opening: DataOpening, _ artefacts: inout Artefacts) throws -> DataPart {
    if unit != .bytes { try checkEncoding(ofTextAt: place) }
    let corpus = try openText(at: place)
    let vocabulary = try artefacts.value(Self.artefactName) {
      try Vocabulary(of: corpus.train, unit: unit, minimumCount: minimumCount)
    }
    return .stream(TokenText(corpus, .train, try vocabulary.encode(corpus.train), place))
  }

  /// The part, encoded in the artefact's vocabulary.
  public func open(
    _ place: URL, _ split: DatasetSplit, _ opening: DataOpening, _ artefacts: Artefacts
  ) throws -> DataPart {
    let corpus = try openText(at: place)
    let vocabulary = try artefacts.decode(Vocabulary.self, Self.artefactName)
    let tokens = try vocabulary.encode(corpus.part(split))
    guard split == .train || tokens.count >= 2 else {
      throw DatasetError.missingSplit(path: place.path, split: split, reason: "it has fewer than two tokens")
    }
    return .stream(TokenText(corpus, split, tokens, place))
  }

  /// Always true: nothing depends on the opening.
  public func serves(_ part: DataPart, surveyedFor first: DataOpening, _ opening: DataOpening) -> Bool {
    true
  }

  /// The vocabulary's tokens.
  public func names(
    of field: Field, _ description: DatasetDescription, _ artefacts: Artefacts
  ) throws -> FieldNames {
    FieldNames(tokens: TokenNames(try artefacts.decode(Vocabulary.self, Self.artefactName)))
  }
}

/// A tokenised part of a text.
private struct TokenText: StreamedData {
  let description: DatasetDescription
  let tokens: [Int]
  let place: URL

  init(_ corpus: TextCorpus, _ split: DatasetSplit, _ tokens: [Int], _ place: URL) {
    description = DatasetDescription(
      layout: .text, name: corpus.name, split: split, count: tokens.count, fingerprint: corpus.fingerprint)
    self.tokens = tokens
    self.place = place
  }

  func stream(_ fields: [Field], batchSize: Int, seed: UInt64) throws(DatasetError) -> any BatchStream {
    var length = 1
    for case .tokens(_, let declared) in fields.map(\.kind) { length = declared }
    return try TokenStream(tokens, batchSize: batchSize, sequenceLength: length, name: place.path)
  }

  /// One pass; a text shorter than the batch gets fewer columns.
  func pass(_ fields: [Field], batchSize: Int) throws(DatasetError) -> [HostBatch] {
    let columns = max(1, min(batchSize, tokens.count / 2))
    let stream = try self.stream(fields, batchSize: columns, seed: 0)
    var batches: [HostBatch] = []
    while stream.passes < 1 { batches.append(try stream.next()) }
    return batches
  }
}
