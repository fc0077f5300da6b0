import Atelier
import Foundation

/// The recipes of sentences: their sizes, and the time of translations.
extension Benchmark {
  /// pytorch/examples language_translation, with fewer words.
  static let attending: [String: ConfigurationValue] = [
    "sourceVocabularySize": 4000, "targetVocabularySize": 4000, "maximumLength": 64, "labelSmoothing": 0.1,
    "batchSize": 32,
  ]

  /// bentrevett/pytorch-seq2seq with fewer words and a state of 256.
  static let recurrent: [String: ConfigurationValue] = [
    "sourceVocabularySize": 4000, "targetVocabularySize": 4000, "maximumLength": 64, "embeddingSize": 128,
    "hiddenSize": 256, "decoderHiddenSize": 256, "teacherForcing": 1.0, "maskPadding": true, "batchSize": 32,
  ]

  /// How many sentences are translated at a time, how often, and the tokens that they may have beyond their sources.
  private static let (translated, repeats, extraLength) = (32, 3, 10)

  /// The line that `Benchmarks/run` reads of translations.
  struct Translations: Encodable {
    let translations: [Speed]

    /// With so many beams, over how many tokens, and how likely these were.
    struct Speed: Encodable {
      let beams: Int
      let sentencesPerSecond: Double
      let tokens: Int
      let logProbability: Double

      enum CodingKeys: String, CodingKey {
        case beams, tokens
        case sentencesPerSecond = "sentences_per_second"
        case logProbability = "log_probability"
      }
    }
  }

  /// The shape of a translation by random weights; nil for systems that translate no sentences.
  func firstSentence(of system: some GenerativeSystem) throws -> [Int]? {
    guard let translating = system as? any SentenceTranslatingSystem else { return nil }
    let source = Tensor([2, 10, 11, 3], shape: [1, 4])
    let found = try translating.translations(
      of: source, TranslationSearch(beams: 1, extraLength: Self.extraLength))
    return [found.count, found.first?.tokens.count ?? 0]
  }

  /// Times translations of the first sentences, with each number of beams the median of three after one to warm up.
  func translations(_ system: some GenerativeSystem, _ inputs: [String: HostTensor]) throws -> Translations {
    guard let translating = system as? any SentenceTranslatingSystem, let all = inputs["source"] else {
      throw Refusal.usage("--translate is for systems that translate sentences")
    }
    let source = Tensor(all).slice(0, 0, Self.translated)
    let speeds = try translate.map { beams in
      var times: [Double] = []
      var found: [TranslatedSentence] = []
      for _ in 0...Self.repeats {
        let start = ContinuousClock.now
        found = try translating.translations(
          of: source, TranslationSearch(beams: beams, extraLength: Self.extraLength))
        let elapsed = (ContinuousClock.now - start).components
        times.append(Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18)
      }
      return Translations.Speed(
        beams: beams,
        sentencesPerSecond: Double(Self.translated) / times.dropFirst().sorted()[Self.repeats / 2],
        tokens: found.reduce(0) { $0 + $1.tokens.count },
        logProbability: found.reduce(0) { $0 + $1.logProbability })
    }
    return Translations(translations: speeds)
  }
}
