import AtelierCore
import AtelierData
import AtelierModels
import Foundation
import TestSupport
import Testing

/// Systems of sentences and of running text in SentencePiece's pieces.
@Suite(.serialized) struct PieceSystemTests {
  private static let sizes: [String: [String: ConfigurationValue]] = [
    "seq2seq": [
      "sourceUnit": "unigram", "targetUnit": "bpe", "batchSize": 4, "embeddingSize": 8, "hiddenSize": 8,
      "decoderHiddenSize": 16,
    ],
    "transformer": [
      "sourceUnit": "bpe", "targetUnit": "bpe", "sharedEmbedding": .boolean(true),
      "sourceVocabularySize": 64, "targetVocabularySize": 64, "batchTokens": 60, "embeddingSize": 16,
      "hiddenSize": 16,
    ],
    "gpt": [
      "tokenUnit": "bpe", "contextLength": 8, "layers": 1, "heads": 2, "embeddingSize": 8, "batchSize": 2,
    ],
    "electra": [
      "tokenUnit": "unigram", "embeddingSize": 8, "sequenceLength": 10, "layers": 1, "hiddenSize": 8,
      "heads": 2, "intermediateSize": 8, "generatorHiddenSize": 8, "generatorHeads": 2,
      "generatorIntermediateSize": 8, "batchSize": 2,
    ],
    "rnn-language-model": [
      "tokenUnit": "unigram", "embeddingSize": 6, "hiddenSize": 8, "layers": 1, "sequenceLength": 5,
      "batchSize": 4,
    ],
  ]

  @Test(
    .enabled(if: SentencePieceModel.isAvailable),
    arguments: ["seq2seq", "transformer", "gpt", "electra", "rnn-language-model"])
  func systemsLearnPiecesAndResumeToTheByte(_ name: String) throws {
    let folder = try TemporaryFolder()
    let isTranslation = name == "seq2seq" || name == "transformer"
    let layout = isTranslation ? TinyLayout.sentencePairs : .text
    let harness = try SystemHarness(
      SystemRegistry.standard.system(named: name), #require(Self.sizes[name]),
      data: layout.write(in: folder.url))
    #expect(try harness.takesTwoSteps())
    #expect(try harness.resumesExactly())
  }

  @Test func keysThatContradictEachOtherAreRefused() {
    var pairs = Seq2Seq.Configuration()
    pairs.text.sourceModel = "own.model"
    #expect(Trial.refusal(pairs).contains("sourceUnit is words; set it to unigram or bpe"))
    pairs.text.sourceUnit = .unigram
    #expect(Trial.refusal(pairs).isEmpty)
    pairs.text.characterCoverage = 0.5
    #expect(Trial.refusal(pairs).contains("characterCoverage"))
    var shared = Transformer.Configuration.base
    shared.text.targetModel = "own.model"
    #expect(Trial.refusal(shared).contains("sourceModel alone"))
    var text = RNNLanguageModel.Configuration()
    text.pieces.tokenModel = "own.model"
    #expect(Trial.refusal(text).contains("tokenUnit is word; set it to unigram or bpe"))
    text.tokenUnit = .bpe
    #expect(Trial.refusal(text).isEmpty)
  }
}
