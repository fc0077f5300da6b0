public import AtelierData
public import Torch
public import TorchNN

/// Sentences into sentences of another language. The functions are those of ``SentenceTranslatingSystem``.
public struct SentenceTranslation: Ability, Hashable {
  /// The field of the sentence to start from, which is a condition as well.
  public var source: String
  /// The field of the sentence to come to.
  public var target: String
  /// Whether each translated token says where in the source it looked.
  public var aligns: Bool

  /// Describes the translation.
  public init(source: String, target: String, aligns: Bool) {
    (self.source, self.target, self.aligns) = (source, target, aligns)
  }
}

/// How the likeliest translation is looked for.
public struct TranslationSearch: Settings {
  /// Sentences that are followed side by side; 1: the likeliest token each time.
  public var beams = 1
  /// How much longer translations are favoured: the exponent α of ((5 + length) / 6)^α, by which their
  /// log-probabilities are divided; 0: not at all.
  public var lengthPenalty = 0.6
  /// The most tokens of a translation beyond those of its source.
  public var extraLength = 50

  /// The likeliest token each time.
  public init() {}

  /// A search with some beams.
  public init(beams: Int, lengthPenalty: Double = 0.6, extraLength: Int = 50) {
    (self.beams, self.lengthPenalty, self.extraLength) = (beams, lengthPenalty, extraLength)
  }

  /// Refuses what finds no translation.
  public func validate() throws(ConfigurationError) {
    try Checks.require((1...1000).contains(beams), "beams is 1 to 1000, not \(beams)")
    try Checks.notNegative(["lengthPenalty": lengthPenalty])
    try Checks.require(
      (1...1_000_000).contains(extraLength), "extraLength is 1 to 1000000 tokens, not \(extraLength)")
  }
}

/// A sentence that a system came to.
public struct TranslatedSentence: Sendable {
  /// The tokens, without those that begin and end a sentence.
  public var tokens: [Int]
  /// The sum of their log-probabilities, in nats, the end of the sentence included.
  public var logProbability: Double
  /// How much each token looked at each token of the source, float32 `[tokens + 1, source]`, the last row for the end of
  /// the sentence; nil where the system does not say.
  public var alignment: HostTensor?

  /// A sentence with its score.
  public init(tokens: [Int], logProbability: Double, alignment: HostTensor? = nil) {
    (self.tokens, self.logProbability, self.alignment) = (tokens, logProbability, alignment)
  }
}

/// What given translations score token by token.
public struct TargetScore: Sendable, Hashable {
  /// The summed negative log-likelihood, in nats, of a sentence.
  public var negativeLogLikelihood: Double
  /// The tokens that were predicted, the end of the sentence included.
  public var tokens: Int
  /// How many of them were the likeliest.
  public var correct: Int

  /// A score.
  public init(negativeLogLikelihood: Double, tokens: Int, correct: Int) {
    (self.negativeLogLikelihood, self.tokens, self.correct) = (negativeLogLikelihood, tokens, correct)
  }
}

/// A system that turns sentences into sentences; its plan has ``SentenceTranslation``, and its settings of drawing are
/// ``TranslationSearch``.
public protocol SentenceTranslatingSystem: ValidationDrivenSystem {
  /// The translations of int64 tokens `[n, time]`, padded at the end.
  func translations(of source: Tensor, _ search: TranslationSearch) throws -> [TranslatedSentence]

  /// What the given targets of a batch score, each token after the given ones before it, a score a sentence.
  func targetScores(_ batch: Batch) throws -> [TargetScore]

  /// The vocabularies that it was built with; nil where it has none.
  var vocabularies: (source: SentenceVocabulary, target: SentenceVocabulary)? { get }
}

extension SentenceTranslatingSystem {
  /// The negative log-likelihood of held-out translations in nats a token.
  public func heldOutLoss(over batches: [Batch]) throws -> Double? {
    let scores = try batches.flatMap(targetScores)
    let tokens = scores.reduce(0) { $0 + $1.tokens }
    return tokens > 0 ? scores.reduce(0) { $0 + $1.negativeLogLikelihood } / Double(tokens) : nil
  }

  /// Nothing follows from the held-out loss.
  public func validated(loss: Double) {}

  /// A line for each source of the request.
  public func generate(_ request: Request, emit: (Output) throws -> Void) throws {
    guard let translation = plan.ability(SentenceTranslation.self) else {
      throw ConfigurationError("\(Self.identity.name) does not say what it translates")
    }
    let source = try request.required(translation.source)
    let search = try request.sampling(as: TranslationSearch.self)
    let vocabulary = vocabularies?.target
    let name = plan.outputs.first?.name ?? "text"
    // Few at a time, so that the first lines come soon.
    for start in stride(from: 0, to: source.shape[0], by: 16) {
      for found in try translations(of: source.slice(0, start, min(start + 16, source.shape[0])), search) {
        let text = vocabulary?.decode(found.tokens) ?? found.tokens.map(String.init).joined(separator: " ")
        try emit(Output(name, text: text.replacingNewlines + "\n"))
      }
    }
  }
}

extension String {
  /// On one line.
  fileprivate var replacingNewlines: String { String(map { $0.isNewline ? " " : $0 }) }
}
