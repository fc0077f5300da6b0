public import Torch

extension MetricRegistry {
  /// The names of the measures of texts, in alphabetical order.
  public static var textNames: [String] { textMetrics.keys.sorted() }

  /// Computes a measure of texts.
  ///
  /// - Parameters:
  ///   - references: for each text one or more.
  /// - Throws: `MetricError` that names an unknown measure or parameter.
  public static func run(
    _ metric: String, texts: [String], references: [[String]], parameters: [String: MetricParameter] = [:]
  ) throws -> [String: Tensor] {
    guard let body = textMetrics[metric] else {
      throw MetricError(
        "there is no measure of texts “\(metric)”; the measures are \(textNames.joined(separator: ", "))")
    }
    return try body(MetricArguments(metric: metric, inputs: [:], parameters: parameters), texts, references)
  }

  private typealias TextMetric =
    @Sendable (MetricArguments, _ texts: [String], _ references: [[String]]) throws -> [String: Tensor]

  private static let textMetrics: [String: TextMetric] = [
    "bleu": { arguments, texts, references in
      let bleu = try arguments.bleu()
      let score = try bleu(texts, references: references)
      // What add-k adds is among what sacreBLEU counts.
      let added = bleu.smoothing == .addK && score.value > 0 ? Int(bleu.smoothingValue ?? 1) : 0
      func counts(_ values: [Int]) -> Tensor {
        Tensor(values.enumerated().map { $0 == 0 ? $1 : $1 + added })
      }
      return [
        "score": number(score.value), "precisions": numbers(score.precisions),
        "brevityPenalty": number(score.brevityPenalty), "hypothesisLength": count(score.counts.length),
        "referenceLength": count(score.counts.referenceLength), "matches": counts(score.counts.matches),
        "totals": counts(score.counts.totals),
      ]
    },
    "sentenceBleu": { arguments, texts, references in
      try checkTexts(texts, references)
      var bleu = try arguments.bleu()
      if arguments.parameters["effectiveOrder"] == nil { bleu.usesEffectiveOrder = true }
      return [
        "score": numbers(
          zip(texts, references).map { bleu.score(bleu.counts($0, references: $1)).value })
      ]
    },
    "selfBleu": { arguments, texts, _ in
      ["score": number(try arguments.bleu().ofTextsAgainstEachOther(texts))]
    },
    "chrf": { arguments, texts, references in
      try arguments.allow(
        inputs: [], parameters: ["characterOrder", "wordOrder", "beta", "lowercase", "whitespace"])
      let score = CharacterFScore(
        characterOrder: try arguments.count("characterOrder", otherwise: 6),
        wordOrder: Int(try arguments.number("wordOrder") ?? 0), beta: try arguments.number("beta") ?? 2,
        lowercases: try arguments.flag("lowercase") ?? false,
        countsSpaces: try arguments.flag("whitespace") ?? false)
      return ["score": number(try score(texts, references: references))]
    },
    "rougeL": { arguments, texts, references in
      try arguments.allow(inputs: [], parameters: [])
      return ["score": number(try rougeL(texts, references: references))]
    },
    "wordErrorRate": { arguments, texts, references in
      try arguments.allow(inputs: [], parameters: ["characters"])
      let counts = try wordErrorRate(
        texts, references: references, characters: try arguments.flag("characters") ?? false)
      return [
        "score": number(counts.rate), "substitutions": count(counts.substitutions),
        "deletions": count(counts.deletions), "insertions": count(counts.insertions),
        "length": count(counts.length),
      ]
    },
    "exactMatch": { arguments, texts, references in
      try arguments.allow(inputs: [], parameters: [])
      return ["score": number(try exactMatch(texts, references: references))]
    },
    "distinct": { arguments, texts, _ in
      try arguments.allow(inputs: [], parameters: ["order"])
      return ["score": number(try distinctRuns(texts, order: arguments.count("order", otherwise: 1)))]
    },
  ]

  private static func count(_ value: Int) -> Tensor { Tensor([value], shape: []) }
  private static func number(_ value: Double) -> Tensor { Tensor(scalar: value, dtype: .float64) }
  private static func numbers(_ values: [Double]) -> Tensor { Tensor(HostTensor(values)) }
}

extension MetricArguments {
  /// The BLEU of the parameters.
  fileprivate func bleu() throws -> BLEU {
    try allow(
      inputs: [],
      parameters: ["tokenizer", "smoothing", "smoothingValue", "lowercase", "order", "effectiveOrder"])
    func choice<Choice: RawRepresentable<String> & CaseIterable>(_ name: String, _ usual: Choice) throws
      -> Choice
    {
      guard let text = try text(name) else { return usual }
      guard let choice = Choice(rawValue: text) else {
        throw MetricError(
          "the parameter “\(name)” of “\(metric)” is \(text); it knows "
            + Choice.allCases.map(\.rawValue).joined(separator: ", "))
      }
      return choice
    }
    return BLEU(
      try choice("tokenizer", TextTokenization.thirteenA),
      smoothing: try choice("smoothing", BLEU.Smoothing.exponential),
      smoothingValue: try number("smoothingValue"), lowercases: try flag("lowercase") ?? false,
      order: try count("order", otherwise: 4), usesEffectiveOrder: try flag("effectiveOrder") ?? false)
  }
}
