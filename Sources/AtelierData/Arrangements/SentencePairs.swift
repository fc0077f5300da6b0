public import Foundation
public import Torch

/// Sentences of two languages, each the translation of the other: the tokens of both, padded in a batch to its longest,
/// in batches of similar length.
public struct SentencePairs: DataArrangement {
  /// How the sentences of both languages are read.
  public struct Reading: Sendable, Hashable {
    /// What the source is called: the ending of its files, or the title of its column; nil: as the data say.
    public var sourceLanguage: String?
    /// The same for the target.
    public var targetLanguage: String?
    /// How sources become tokens.
    public var sourceRule = SentenceVocabulary.Rule(.words)
    /// How targets become tokens.
    public var targetRule = SentenceVocabulary.Rule(.words)
    /// The tokens that are no text.
    public var specials = SentenceVocabulary.Specials()
    /// A token that occurs less often in training is unknown.
    public var minimumCount = 1
    /// The most tokens of a vocabulary; nil: all, and of pieces of words ``SentenceVocabulary/usualPieces``.
    public var vocabularyLimit: Int?
    /// The share of the training sentences' characters that pieces of words cover.
    public var characterCoverage = 0.9995
    /// The user's model of the source's pieces; nil: they are learned.
    public var sourceModel: GivenPieces?
    /// The user's model of the target's pieces.
    public var targetModel: GivenPieces?
    /// Whether both languages have one vocabulary.
    public var isShared = false
    /// Pairs with a sentence of more tokens are left out.
    public var longest = 100
    /// The most tokens of a batch on its longer side, padding included; nil: batches of a number of pairs.
    public var batchTokens: Int?

    /// Words.
    public init() {}
  }

  /// The artefacts.
  public static let sourceArtefact = "source-vocabulary.json"
  /// The artefact of the target's tokens.
  public static let targetArtefact = "target-vocabulary.json"

  /// `sentence-pairs`
  public let id = "sentence-pairs"
  /// The field of the sentence to start from.
  public var source: String
  /// The field of the sentence to come to.
  public var target: String
  /// How sentences are read.
  public var reading: Reading

  /// Sentence pairs of the given fields.
  public init(source: String = "source", target: String = "target", _ reading: Reading) {
    (self.source, self.target, self.reading) = (source, target, reading)
  }

  /// Both vocabularies.
  public var numberingArtefacts: [String] {
    [Self.sourceArtefact, Self.targetArtefact].flatMap { [$0, SentenceVocabulary.modelName($0)] }
  }

  /// Opens the training part, and adds the vocabularies as artefacts.
  public func survey(_ place: URL, _ opening: DataOpening, _ artefacts: inout Artefacts) throws -> DataPart {
    let text = try files(place, opening).read(.train)
    let (sources, targets) = (text.pairs.map(\.source), text.pairs.map(\.target))
    let isShared = reading.isShared
    let source = try vocabulary(
      Self.sourceArtefact, reading.sourceRule, reading.sourceModel, &artefacts,
      of: isShared ? sources + targets : sources)
    if isShared {
      _ = try artefacts.sentenceVocabulary(Self.targetArtefact) { source }
    } else {
      _ = try vocabulary(
        Self.targetArtefact, reading.targetRule, reading.targetModel, &artefacts, of: targets)
    }
    return try part(text, place, .train, artefacts)
  }

  /// The part in the tokens of the artefacts.
  public func open(
    _ place: URL, _ split: DatasetSplit, _ opening: DataOpening, _ artefacts: Artefacts
  ) throws -> DataPart {
    try part(files(place, opening).read(split), place, split, artefacts)
  }

  /// Always true: vocabularies adapt to the data, and the sentences stay the same.
  public func serves(_ part: DataPart, surveyedFor first: DataOpening, _ opening: DataOpening) -> Bool {
    true
  }

  /// The tokens of the field's language.
  public func names(
    of field: Field, _ description: DatasetDescription, _ artefacts: Artefacts
  ) throws -> FieldNames {
    let name =
      field.name == source ? Self.sourceArtefact : field.name == target ? Self.targetArtefact : nil
    guard let name else { return FieldNames() }
    return FieldNames(tokens: TokenNames(try artefacts.sentenceVocabulary(name)))
  }

  private func files(_ place: URL, _ opening: DataOpening) -> SentencePairFiles {
    SentencePairFiles(
      place, source: reading.sourceLanguage, target: reading.targetLanguage,
      isSwapped: opening.reading.swapsDirection)
  }

  /// The vocabulary that is there, of the user's model, or learned.
  private func vocabulary(
    _ name: String, _ rule: SentenceVocabulary.Rule, _ given: GivenPieces?, _ artefacts: inout Artefacts,
    of sentences: [String]
  ) throws -> SentenceVocabulary {
    if artefacts.contents[name] != nil {
      try given?.check(against: artefacts.contents[SentenceVocabulary.modelName(name)])
    }
    return try artefacts.sentenceVocabulary(name) {
      if let given {
        return try SentenceVocabulary(rule, specials: reading.specials, model: given.read())
      }
      return try SentenceVocabulary(
        of: sentences, rule, specials: reading.specials, minimumCount: reading.minimumCount,
        limit: reading.vocabularyLimit, characterCoverage: reading.characterCoverage)
    }
  }

  private func part(
    _ text: SentencePairText, _ place: URL, _ split: DatasetSplit, _ artefacts: Artefacts
  ) throws -> DataPart {
    .examples(
      try SentencePairDataset(
        text, name: place.lastPathComponent, split,
        vocabularies: (
          artefacts.sentenceVocabulary(Self.sourceArtefact),
          artefacts.sentenceVocabulary(Self.targetArtefact)
        ), fields: (source, target), longest: reading.longest, batchTokens: reading.batchTokens))
  }
}

/// Sentence pairs as tokens.
public struct SentencePairDataset: Dataset {
  /// What the data are.
  public let description: DatasetDescription
  /// The sentences, those left out not among them.
  public let pairs: [SentencePair]
  private let sources: [[Int]]
  private let targets: [[Int]]
  private let fields: (source: String, target: String)
  private let padding: (source: Int, target: Int)
  private let batchTokens: Int?

  /// - Throws: ``DatasetError/unusable(path:reason:)`` where no pair is left.
  init(
    _ text: SentencePairText, name: String, _ split: DatasetSplit,
    vocabularies: (source: SentenceVocabulary, target: SentenceVocabulary),
    fields: (source: String, target: String), longest: Int, batchTokens: Int?
  ) throws(DatasetError) {
    var kept: [SentencePair] = []
    var tokens: (sources: [[Int]], targets: [[Int]]) = ([], [])
    for pair in text.pairs {
      let (source, target) = (
        vocabularies.source.encode(pair.source), vocabularies.target.encode(pair.target)
      )
      guard max(source.count, target.count) <= longest else { continue }
      kept.append(pair)
      tokens.sources.append(source)
      tokens.targets.append(target)
    }
    guard !kept.isEmpty else {
      throw .unusable(
        path: text.files[0].path,
        reason: text.pairs.isEmpty
          ? "it holds no pair of sentences"
          : "none of its \(text.pairs.count) pairs has at most \(longest) tokens; raise maximumLength")
    }
    var notes: [String] = []
    let long = text.pairs.count - kept.count
    if long > 0 {
      notes.append(
        "\(long) of \(text.pairs.count) \(split.rawValue) pairs have a sentence of more than \(longest) tokens and are left out."
      )
    }
    if !text.emptyLines.isEmpty {
      notes.append(
        "\(text.emptyLines.count) lines are empty in both languages and are left out, the first being line \(text.emptyLines[0])."
      )
    }
    let content = kept.map { $0.source + "\t" + $0.target + "\n" }.joined()
    description = DatasetDescription(
      layout: .sentencePairs, name: name, split: split, count: kept.count,
      fingerprint: contentFingerprint(of: Array(content.utf8)), notes: notes)
    pairs = kept
    (sources, targets) = tokens
    self.fields = fields
    padding = (vocabularies.source.specials.padding, vocabularies.target.specials.padding)
    self.batchTokens = batchTokens
  }

  /// The number of pairs.
  public var count: Int { pairs.count }

  /// Always true.
  public var isInMemory: Bool { true }

  /// The tokens of both sentences, int64.
  public func example(at index: Int) throws(DatasetError) -> Example {
    guard pairs.indices.contains(index) else {
      throw .invalid(reason: "example \(index) is not in 0..<\(pairs.count)")
    }
    return Example([fields.source: HostTensor(sources[index]), fields.target: HostTensor(targets[index])])
  }

  /// Pads both languages to the longest sentence of the batch.
  public func collate(_ examples: [Example]) throws(DatasetError) -> [String: HostTensor] {
    try collate(examples, atLeast: [:])
  }

  /// Pads both languages to the longest sentence of the batch that the examples are a part of.
  public func collate(
    _ examples: [Example], atLeast lengths: [String: Int]
  ) throws(DatasetError) -> [String: HostTensor] {
    try Example.padded(
      examples, [fields.source: padding.source, fields.target: padding.target], atLeast: lengths)
  }

  /// The tokens of both sentences.
  public func lengths(of index: Int) -> [String: Int] {
    [fields.source: sources[index].count, fields.target: targets[index].count]
  }

  /// Batches of similar length: by the tokens they hold, or by their pairs.
  public func order(pass: Int, batchSize: Int, using generator: inout SeededGenerator) -> [[Int]]? {
    let lengths = zip(sources, targets).map { max($0.count, $1.count) }
    if let batchTokens {
      return batchesOfTokens(lengths, tokens: batchTokens, using: &generator)
    }
    return batchesOfSimilarLength(lengths, batchSize: batchSize, using: &generator)
  }

  /// The sentence and its translation.
  public func title(of index: Int) -> String? { "\(pairs[index].source) (\(pairs[index].target))" }
}

/// The pair of sentences of an example; nil for data of another kind.
public func sentencePair(of dataset: any Dataset, at index: Int) -> SentencePair? {
  switch dataset {
  case let pairs as SentencePairDataset: pairs.pairs.indices.contains(index) ? pairs.pairs[index] : nil
  case let subset as SubsetDataset:
    subset.indices.indices.contains(index) ? sentencePair(of: subset.base, at: subset.indices[index]) : nil
  default: nil
  }
}
