public import AtelierCore
public import AtelierData

/// The keys of sentence pairs and their vocabularies.
public struct SentencePairSettings: ConfigurationFragment {
  /// The language to translate from, as files or columns call it; null: the first by alphabet.
  public var sourceLanguage: String?
  /// The language to translate into.
  public var targetLanguage: String?
  /// What a token of the source is; unigram and bpe are SentencePiece's pieces of words.
  public var sourceUnit = SentenceVocabulary.Unit.words
  /// What a token of the target is.
  public var targetUnit = SentenceVocabulary.Unit.words
  /// A SentencePiece model of your own for the source, the path of a `.model` file; null: learned from the training
  /// sentences. The run keeps its content.
  public var sourceModel: String?
  /// A SentencePiece model of your own for the target.
  public var targetModel: String?
  /// The share of the sentences' characters that pieces cover, where SentencePiece learns them; 0.98 to 1.
  public var characterCoverage = 0.9995
  /// Whether capitals become small letters in both languages.
  public var lowercase = false
  /// The form of Unicode text.
  public var normalization = TextNormalization.nfc
  /// Tokens that are rarer in the training sentences become `<unk>`.
  public var minimumCount = 2
  /// The most tokens of a vocabulary, the most frequent ones; null: all, and 8000 of unigram and bpe.
  public var vocabularyLimit: Int?
  /// Tokens of the source; taken from the data in training.
  public var sourceVocabularySize: Int
  /// Tokens of the target; taken from the data in training.
  public var targetVocabularySize: Int
  /// The token that fills up the shorter sentences of a batch.
  public var paddingToken = 1
  /// The token that begins a sentence.
  public var startToken = 2
  /// The token that ends a sentence.
  public var endToken = 3
  /// The most tokens of a batch on its longer side, padding included, in place of `batchSize` pairs; null: `batchSize`.
  public var batchTokens: Int?

  /// Vocabularies of some sizes.
  public init(sourceVocabularySize: Int, targetVocabularySize: Int) {
    self.sourceVocabularySize = sourceVocabularySize
    self.targetVocabularySize = targetVocabularySize
  }

  /// The tokens that are no text.
  var specials: SentenceVocabulary.Specials {
    SentenceVocabulary.Specials(padding: paddingToken, start: startToken, end: endToken)
  }

  /// Checks the values.
  func validate() throws(ConfigurationError) {
    try Checks.positive([
      "minimumCount": minimumCount, "sourceVocabularySize": sourceVocabularySize,
      "targetVocabularySize": targetVocabularySize, "batchTokens": batchTokens ?? 1,
      "vocabularyLimit": vocabularyLimit ?? 1,
    ])
    try Checks.notNegative([
      "paddingToken": paddingToken, "startToken": startToken, "endToken": endToken,
    ])
    try Checks.require(
      (0.98...1).contains(characterCoverage),
      "characterCoverage lies in 0.98 … 1, not at \(characterCoverage)")
    for (key, unitKey, unit, file) in [
      ("sourceModel", "sourceUnit", sourceUnit, sourceModel),
      ("targetModel", "targetUnit", targetUnit, targetModel),
    ] {
      try Checks.require(
        file == nil || unit.pieces != nil,
        "\(key) names a SentencePiece model, and \(unitKey) is \(unit.rawValue); set it to unigram or bpe")
    }
    let highest = max(paddingToken, startToken, endToken)
    try Checks.require(
      Set([paddingToken, startToken, endToken]).count == 3,
      "paddingToken, startToken and endToken differ from each other; choose three numbers")
    try Checks.require(
      highest < min(sourceVocabularySize, targetVocabularySize),
      "the token \(highest) is beyond a vocabulary of \(min(sourceVocabularySize, targetVocabularySize)) tokens"
    )
  }

  /// A system of sentence pairs.
  ///
  /// - Parameter longest: the most tokens of a sentence, those that begin and end it included.
  func plan(isShared: Bool = false, longest: Int, batchSize: Int, aligns: Bool, sampling: TranslationSearch)
    -> SystemPlan
  {
    var reading = SentencePairs.Reading()
    reading.sourceLanguage = sourceLanguage
    reading.targetLanguage = targetLanguage
    reading.sourceRule = SentenceVocabulary.Rule(
      sourceUnit, lowercases: lowercase, normalization: normalization)
    reading.targetRule = SentenceVocabulary.Rule(
      targetUnit, lowercases: lowercase, normalization: normalization)
    reading.specials = specials
    reading.minimumCount = minimumCount
    reading.vocabularyLimit = vocabularyLimit
    reading.characterCoverage = characterCoverage
    reading.sourceModel = GivenPieces(sourceModel, key: "sourceModel")
    reading.targetModel = GivenPieces(targetModel, key: "targetModel")
    reading.isShared = isShared
    reading.longest = longest
    reading.batchTokens = batchTokens
    let source = FieldKind.sequence(
      vocabulary: sourceVocabularySize, longest: longest, padding: paddingToken)
    let target = FieldKind.sequence(
      vocabulary: targetVocabularySize, longest: longest, padding: paddingToken)
    return SystemPlan(
      stages: [
        Stage(
          data: DataPlan([Field("source", source), Field("target", target)], SentencePairs(reading)),
          batchSize: batchSize)
      ],
      conditions: [
        Condition("source", .field(source), isRequired: true, help: "the sentence to translate")
      ],
      outputs: [Field("text", .text)], sampling: sampling,
      abilities: [SentenceTranslation(source: "source", target: "target", aligns: aligns)])
  }

  /// The vocabularies of a run; nil where there are none.
  ///
  /// - Throws: ``ConfigurationError`` where they are not those that the configuration is of.
  func vocabularies(
    in artefacts: Artefacts
  ) throws -> (source: SentenceVocabulary, target: SentenceVocabulary)? {
    guard artefacts.contents[SentencePairs.sourceArtefact] != nil else { return nil }
    let source = try artefacts.sentenceVocabulary(SentencePairs.sourceArtefact)
    let target = try artefacts.sentenceVocabulary(SentencePairs.targetArtefact)
    for (vocabulary, key, size) in [
      (source, "sourceVocabularySize", sourceVocabularySize),
      (target, "targetVocabularySize", targetVocabularySize),
    ] {
      guard vocabulary.count == size else {
        throw ConfigurationError(
          "\(key) is \(size), and the vocabulary of the run has \(vocabulary.count) tokens; leave the key out"
        )
      }
      guard vocabulary.specials == specials else {
        throw ConfigurationError(
          "the vocabulary of the run has other tokens for padding, start and end than paddingToken, startToken and "
            + "endToken say; leave the keys as they were")
      }
    }
    return (source, target)
  }

  /// The sizes that the data decide.
  func adapted(to data: DataFacts, _ system: String) throws -> SentencePairSettings {
    var adapted = self
    guard data.artefacts.contents[SentencePairs.sourceArtefact] != nil else {
      throw ConfigurationError(
        "'\(data.description.name)' came without vocabularies; \(system) learns from sentence pairs")
    }
    adapted.sourceVocabularySize =
      try data.artefacts.sentenceVocabulary(SentencePairs.sourceArtefact).count
    adapted.targetVocabularySize =
      try data.artefacts.sentenceVocabulary(SentencePairs.targetArtefact).count
    return adapted
  }
}

/// A configuration with ``SentencePairSettings``, whose keys can be read and set like its own properties.
@dynamicMemberLookup
public protocol SentencePairConfiguration: SystemConfiguration {
  /// How sentences are read.
  var text: SentencePairSettings { get set }
}

extension SentencePairConfiguration {
  /// A key of ``text``.
  public subscript<Value>(dynamicMember key: WritableKeyPath<SentencePairSettings, Value>) -> Value {
    get { text[keyPath: key] }
    set { text[keyPath: key] = newValue }
  }
}
