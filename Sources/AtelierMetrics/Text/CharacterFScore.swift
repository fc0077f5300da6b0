/// chrF (Popović 2015) as sacreBLEU takes it: the F-score of runs of 1 to 6 characters, recall weighing β² times as
/// much as precision; with runs of words chrF++. 0 … 100.
public struct CharacterFScore: Sendable, Hashable {
  /// The longest runs of characters.
  public var characterOrder: Int
  /// The longest runs of words; 2: chrF++.
  public var wordOrder: Int
  /// How much recall weighs.
  public var beta: Double
  /// Whether capitals are small letters.
  public var lowercases: Bool
  /// Whether spaces are characters.
  public var countsSpaces: Bool

  /// sacreBLEU's defaults.
  public init(
    characterOrder: Int = 6, wordOrder: Int = 0, beta: Double = 2, lowercases: Bool = false,
    countsSpaces: Bool = false
  ) {
    self.characterOrder = characterOrder
    self.wordOrder = wordOrder
    self.beta = beta
    self.lowercases = lowercases
    self.countsSpaces = countsSpaces
  }

  /// sacreBLEU's signature, without its version.
  public func signature(references: Int = 1) -> String {
    "nrefs:\(references)|case:\(lowercases ? "lc" : "mixed")|eff:yes|nc:\(characterOrder)|nw:\(wordOrder)|"
      + "space:\(countsSpaces ? "yes" : "no")"
  }

  /// Runs of an order in a text, in its reference, and in both.
  private typealias Counts = (text: Int, reference: Int, both: Int)

  /// The score of a corpus: of several references the one with the best score counts.
  ///
  /// - Throws: `MetricError` for other numbers of references than of texts.
  public func callAsFunction(_ texts: [String], references: [[String]]) throws -> Double {
    try checkTexts(texts, references)
    var sum = [Counts](repeating: (0, 0, 0), count: characterOrder + wordOrder)
    for (text, own) in zip(texts, references) {
      let runs = allRuns(text)
      var best: (score: Double, counts: [Counts]) = (-1, [])
      for reference in own {
        let counts = zip(runs, allRuns(reference)).map { one, other -> Counts in
          (
            other.isEmpty ? 0 : one.values.reduce(0, +), other.values.reduce(0, +),
            one.reduce(0) { $0 + min($1.value, other[$1.key] ?? 0) }
          )
        }
        let score = score(counts)
        if score > best.score { best = (score, counts) }
      }
      for index in best.counts.indices {
        sum[index].text += best.counts[index].text
        sum[index].reference += best.counts[index].reference
        sum[index].both += best.counts[index].both
      }
    }
    return score(sum)
  }

  private func score(_ counts: [Counts]) -> Double {
    var (precision, recall, orders) = (0.0, 0.0, 0.0)
    for (text, reference, both) in counts where text > 0 && reference > 0 {
      precision += Double(both) / Double(text)
      recall += Double(both) / Double(reference)
      orders += 1
    }
    guard orders > 0, precision + recall > 0 else { return 0 }
    let (p, r, factor) = (precision / orders, recall / orders, beta * beta)
    return 100 * (1 + factor) * p * r / (factor * p + r)
  }

  private func allRuns(_ text: String) -> [[ArraySlice<String>: Int]] {
    let text = lowercases ? text.lowercased() : text
    let characters = text.unicodeScalars.filter { countsSpaces || !TextTokenization.isSpace($0) }.map {
      String($0)
    }
    let words = wordOrder > 0 ? Self.words(text) : []
    return (0..<characterOrder).map { runs(of: $0 + 1, in: characters) }
      + (0..<wordOrder).map { runs(of: $0 + 1, in: words) }
  }

  /// Words with one mark of punctuation at their end, or else at their beginning, apart.
  private static func words(_ text: String) -> [String] {
    let marks = Set("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~".unicodeScalars)
    return TextTokenization.none(text).flatMap { word -> [String] in
      let scalars = word.unicodeScalars
      guard scalars.count > 1, let first = scalars.first, let last = scalars.last else { return [word] }
      if marks.contains(last) { return [String(scalars.dropLast()), String(last)] }
      if marks.contains(first) { return [String(first), String(scalars.dropFirst())] }
      return [word]
    }
  }
}
