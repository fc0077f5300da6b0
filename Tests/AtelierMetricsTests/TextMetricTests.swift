import AtelierMetrics
import Testing
import Torch

/// Expected numbers come from sacreBLEU 2.6.0 and rouge-score 0.1.2.
struct TextMetricTests {
  private let texts = [
    "The cat sat on the mat.", "Hello, world (v1.2)!", "它 定义了控件的高度。", "50% of 3,000 files—done",
  ]
  private let references = [
    ["The cat is sitting on a mat."], ["Hello world: (v1.3)!"], ["定义控件的高度。"],
    ["50% of the 3,000 files are done"],
  ]

  @Test(arguments: [
    (TextTokenization.thirteenA, [14.36554312237737, 9.606817688810587, 20.092414152339465, 0]),
    (.none, [11.42194650759065, 6.0745291246444495, 19.02667076172681, 0]),
    (.chinese, [32.96622458467945, 32.96622458467945, 36.61434069331925, 32.96622458467945]),
    (.characters, [54.51616909130476, 54.51616909130476, 55.170801482056156, 54.51616909130476]),
    (.international, [14.711647963971968, 9.83827194613237, 20.62257697546574, 0]),
  ])
  func theScoresAreThoseOfSacreBLEU(_ tokenization: TextTokenization, _ expected: [Double]) throws {
    for (smoothing, value) in zip([BLEU.Smoothing.exponential, .floor, .addK, .none], expected) {
      let score = try BLEU(tokenization, smoothing: smoothing)(texts, references: references)
      #expect(abs(score.value - value) < 1e-9, "\(smoothing)")
    }
  }

  @Test func textsAreDividedAsBySacreBLEU() {
    let text = "He said: \"1,000.5 is-not 2-3,\" &amp; left... (ok) don't."
    #expect(
      TextTokenization.thirteenA(text).joined(separator: " ")
        == "He said : \" 1,000.5 is-not 2 - 3 , \" & left . . . ( ok ) don't .")
    #expect(
      TextTokenization.international(text).joined(separator: " ")
        == "He said : \" 1,000.5 is - not 2-3 , \" & amp ; left . . . ( ok ) don ' t .")
    #expect(
      TextTokenization.chinese("从“表”中选择,第 3.5 章…OK").joined(separator: " ")
        == "从 “ 表 ” 中 选 择 , 第 3.5 章 … OK")
  }

  @Test func sentencesHaveScoresOfTheirOwn() throws {
    let bleu = BLEU(usesEffectiveOrder: true)
    let scores = zip(texts, references).map { bleu.score(bleu.counts($0, references: $1)).value }
    for (score, value) in zip(scores, [17.026116978186884, 16.515821590069034, 0, 23.4500081062036]) {
      #expect(abs(score - value) < 1e-9)
    }
  }

  @Test func signaturesAreThoseOfSacreBLEU() {
    #expect(BLEU().signature() == "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp")
    #expect(
      BLEU(.chinese, smoothing: .addK).signature() == "nrefs:1|case:mixed|eff:no|tok:zh|smooth:add-k[1.00]")
    #expect(CharacterFScore().signature() == "nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no")
  }

  @Test func theCharacterScoresAreThoseOfSacreBLEU() throws {
    #expect(abs(try CharacterFScore()(texts, references: references) - 44.76986149356439) < 1e-9)
    #expect(abs(try CharacterFScore(wordOrder: 2)(texts, references: references) - 43.50184308191004) < 1e-9)
    let other = CharacterFScore(beta: 3, lowercases: true, countsSpaces: true)
    #expect(abs(try other(texts, references: references) - 49.50654865455294) < 1e-9)
  }

  @Test func theLongestCommonSubsequenceIsThatOfTheReferenceProgram() throws {
    let expected = (0.6153846153846153 + 0.75 + 0 + 0.8571428571428571) / 4
    #expect(abs(try rougeL(texts, references: references) - expected) < 1e-9)
  }

  @Test func diversityIsMeasuredAgainstTheOtherTexts() throws {
    let texts = ["the cat sat on the mat", "the cat sat on a mat", "a dog ran away"]
    #expect(abs(try BLEU(.none).ofTextsAgainstEachOther(texts) - 39.883697891215085) < 1e-9)
    // 16 words, of which the, cat, sat, on, mat, a, dog, ran, away differ.
    #expect(abs(try distinctRuns(texts, order: 1) - 9.0 / 16) < 1e-12)
    #expect(throws: MetricError.self) { try BLEU().ofTextsAgainstEachOther(["one"]) }
    #expect(try exactMatch(["a", "b"], references: [["a"], ["c"]]) == 0.5)
  }

  @Test func unknownParametersAreRefused() {
    #expect(throws: MetricError.self) {
      try MetricRegistry.run(
        "bleu", texts: ["a"], references: [["a"]], parameters: ["tokenizer": .string("moses")])
    }
    #expect(throws: MetricError.self) { try MetricRegistry.run("bleu", texts: ["a"], references: []) }
    #expect(throws: MetricError.self) { try MetricRegistry.run("meteor", texts: ["a"], references: [["a"]]) }
  }
}
