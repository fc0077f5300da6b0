public import Foundation

/// Running text in columns of tokens: `token`, and `target` shifted by one; see ``TokenStream``.
public struct RunningText: DataArrangement {
  /// The name of the vocabulary's artefact in a run.
  public static let artefactName = "vocabulary.json"

  /// `text`
  public let id = "text"
  /// What a token is.
  public var tokens: TextTokens
  /// Whether training pieces begin anywhere in the text (``TokenWindows``), rather than one where the last ended.
  public var windows: Bool

  /// Running text.
  public init(_ tokens: TextTokens, windows: Bool = false) {
    self.tokens = tokens
    self.windows = windows
  }

  /// The tokeniser.
  public var numberingArtefacts: [String] { tokens.artefactNames }

  /// Opens the training text, and adds its tokeniser as an artefact.
  public func survey(_ place: URL, _ opening: DataOpening, _ artefacts: inout Artefacts) throws -> DataPart {
    if tokens.needsUTF8 { try checkEncoding(ofTextAt: place) }
    let corpus = try openText(at: place)
    let tokenizer = try tokens.survey(&artefacts, beside: place) { corpus.train }
    return .stream(TokenText(corpus, .train, try tokenizer.encode(corpus.train), place, windows: windows))
  }

  /// The part in the artefact's tokens.
  public func open(
    _ place: URL, _ split: DatasetSplit, _ opening: DataOpening, _ artefacts: Artefacts
  ) throws -> DataPart {
    let corpus = try openText(at: place)
    let encoded = try tokens.tokenizer(in: artefacts).encode(corpus.part(split))
    guard split == .train || encoded.count >= 2 else {
      throw DatasetError.missingSplit(path: place.path, split: split, reason: "it has fewer than two tokens")
    }
    return .stream(TokenText(corpus, split, encoded, place, windows: windows))
  }

  /// Always true: nothing depends on the opening.
  public func serves(_ part: DataPart, surveyedFor first: DataOpening, _ opening: DataOpening) -> Bool {
    true
  }

  /// The tokens.
  public func names(
    of field: Field, _ description: DatasetDescription, _ artefacts: Artefacts
  ) throws -> FieldNames {
    try tokens.names(in: artefacts)
  }
}

extension Artefacts {
  /// Takes in the two files of a byte-pair encoding that lie in a folder of text or beside a file of it, unless
  /// they are here already.
  ///
  /// - Throws: ``DatasetError/unusable(path:reason:)`` where they are not there.
  mutating func addBytePairs(besideTextAt place: URL) throws(DatasetError) {
    let folder = ImageFolders.isFolder(place) ? place : place.deletingLastPathComponent()
    for name in ByteLevelBPE.artefactNames where contents[name] == nil {
      guard let file = try? Data(contentsOf: folder.appendingPathComponent(name)) else {
        throw .unusable(
          path: folder.path,
          reason:
            "it has no \(name); lay GPT-2's vocab.json and merges.txt beside the text, or choose another "
            + "tokenUnit")
      }
      contents[name] = file
    }
  }
}

/// A tokenised part of a text.
private struct TokenText: StreamedData {
  let description: DatasetDescription
  let tokens: [Int]
  let place: URL
  let windows: Bool

  init(
    _ corpus: TextCorpus, _ split: DatasetSplit, _ tokens: [Int], _ place: URL, windows: Bool
  ) {
    description = DatasetDescription(
      layout: .text, name: corpus.name, split: split, count: tokens.count, fingerprint: corpus.fingerprint)
    self.tokens = tokens
    self.place = place
    self.windows = windows
  }

  func stream(_ fields: [Field], batchSize: Int, seed: UInt64) throws(DatasetError) -> any BatchStream {
    guard windows else { return try columns(fields, batchSize) }
    return try TokenWindows(
      tokens, batchSize: batchSize, length: Self.length(fields), seed: seed, name: place.path)
  }

  private static func length(_ fields: [Field]) -> Int {
    var length = 1
    for case .tokens(_, let declared) in fields.map(\.kind) { length = declared }
    return length
  }

  private func columns(_ fields: [Field], _ batchSize: Int) throws(DatasetError) -> TokenStream {
    try TokenStream(
      tokens, batchSize: batchSize, sequenceLength: Self.length(fields), name: place.path)
  }

  /// One pass; a text shorter than the batch gets fewer columns.
  func pass(_ fields: [Field], batchSize: Int) throws(DatasetError) -> [HostBatch] {
    let stream = try columns(fields, max(1, min(batchSize, tokens.count / 2)))
    var batches: [HostBatch] = []
    while stream.passes < 1 { batches.append(stream.next()) }
    return batches
  }
}
