import Foundation

/// BLEU (Papineni et al. 2002) as sacreBLEU takes it: the geometric mean of the shares of runs of 1 to 4 tokens that a
/// reference has as well, times a penalty for brevity; 0 … 100.
public struct BLEU: Sendable, Hashable {
  /// What happens to orders without a match (Chen and Cherry 2014).
  public enum Smoothing: String, Sendable, Hashable, Codable, CaseIterable {
    /// Nothing: the score is 0.
    case none
    /// A small number of matches, 0.1 by default.
    case floor
    /// A number is added to matches and runs of all orders above 1, 1 by default.
    case addK = "add-k"
    /// Half a match, then a quarter, and so on.
    case exponential = "exp"
  }

  /// How texts become tokens.
  public var tokenization: TextTokenization
  /// What happens to orders without a match.
  public var smoothing: Smoothing
  /// The number of `floor` and `add-k`; nil: the usual one.
  public var smoothingValue: Double?
  /// Whether capitals are small letters.
  public var lowercases: Bool
  /// The longest runs.
  public var order: Int
  /// Whether orders longer than the text do not count, for single sentences.
  public var usesEffectiveOrder: Bool

  /// sacreBLEU's defaults.
  public init(
    _ tokenization: TextTokenization = .thirteenA, smoothing: Smoothing = .exponential,
    smoothingValue: Double? = nil, lowercases: Bool = false, order: Int = 4, usesEffectiveOrder: Bool = false
  ) {
    self.tokenization = tokenization
    self.smoothing = smoothing
    self.smoothingValue = smoothingValue
    self.lowercases = lowercases
    self.order = order
    self.usesEffectiveOrder = usesEffectiveOrder
  }

  /// sacreBLEU's signature, without its version: two scores may be compared only where it is the same.
  public func signature(references: Int = 1) -> String {
    let usual: Double? =
      switch smoothing {
      case .floor: 0.1
      case .addK: 1
      case .none, .exponential: nil
      }
    let value = (smoothingValue ?? usual).map { String(format: "[%.2f]", $0) } ?? ""
    return "nrefs:\(references)|case:\(lowercases ? "lc" : "mixed")|eff:\(usesEffectiveOrder ? "yes" : "no")|"
      + "tok:\(tokenization.rawValue)|smooth:\(smoothing.rawValue)\(smoothing == .none || smoothing == .exponential ? "" : value)"
  }

  /// What is counted of a text, or of several together.
  public struct Counts: Sendable, Hashable {
    /// Tokens of the text.
    public var length = 0
    /// Tokens of the reference whose length is nearest.
    public var referenceLength = 0
    /// Runs of each order that a reference has as well.
    public var matches: [Int]
    /// Runs of each order.
    public var totals: [Int]

    init(order: Int) {
      (matches, totals) = ([Int](repeating: 0, count: order), [Int](repeating: 0, count: order))
    }

    /// Adds those of another text.
    public static func += (one: inout Counts, other: Counts) {
      one.length += other.length
      one.referenceLength += other.referenceLength
      for index in one.matches.indices {
        one.matches[index] += other.matches[index]
        one.totals[index] += other.totals[index]
      }
    }
  }

  /// A score with what it was made of.
  public struct Score: Sendable, Hashable {
    /// 0 … 100.
    public let value: Double
    /// The share of matches of each order, 0 … 100, smoothed.
    public let precisions: [Double]
    /// The penalty for brevity, 0 … 1.
    public let brevityPenalty: Double
    /// What was counted.
    public let counts: Counts
  }

  /// The counts of a text against its references.
  public func counts(_ text: String, references: [String]) -> Counts {
    counts(tokens(text), references: references.map(tokens))
  }

  private func tokens(_ text: String) -> [String] {
    let text = lowercases ? text.lowercased() : text
    var scalars = text.unicodeScalars[...]
    while let last = scalars.last, TextTokenization.isSpace(last) { scalars.removeLast() }
    return tokenization(String(scalars))
  }

  private func counts(_ tokens: [String], references: [[String]]) -> Counts {
    var counts = Counts(order: order)
    counts.length = tokens.count
    counts.referenceLength =
      references.map(\.count).min { (abs($0 - tokens.count), $0) < (abs($1 - tokens.count), $1) } ?? 0
    for size in 1...max(1, order) where order >= 1 {
      var most: [ArraySlice<String>: Int] = [:]
      for reference in references {
        most.merge(runs(of: size, in: reference), uniquingKeysWith: max)
      }
      for (run, count) in runs(of: size, in: tokens) {
        counts.totals[size - 1] += count
        counts.matches[size - 1] += min(count, most[run] ?? 0)
      }
    }
    return counts
  }

  /// The score of counts.
  public func score(_ counts: Counts) -> Score {
    var penalty = 1.0
    if counts.length < counts.referenceLength {
      penalty =
        counts.length > 0 ? exp(1 - Double(counts.referenceLength) / Double(counts.length)) : 0
    }
    var precisions = [Double](repeating: 0, count: order)
    guard counts.matches.contains(where: { $0 > 0 }) else {
      return Score(value: 0, precisions: precisions, brevityPenalty: penalty, counts: counts)
    }
    var halving = 1.0
    var effective = order
    for index in 0..<order {
      var (matches, total) = (Double(counts.matches[index]), Double(counts.totals[index]))
      if smoothing == .addK, index > 0 {
        matches += smoothingValue ?? 1
        total += smoothingValue ?? 1
      }
      if total == 0 { break }
      if usesEffectiveOrder { effective = index + 1 }
      if matches > 0 {
        precisions[index] = 100 * matches / total
      } else if smoothing == .exponential {
        halving *= 2
        precisions[index] = 100 / (halving * total)
      } else if smoothing == .floor {
        precisions[index] = 100 * (smoothingValue ?? 0.1) / total
      }
    }
    let logs = precisions.prefix(effective).map { $0 > 0 ? log($0) : -9_999_999_999 }
    return Score(
      value: penalty * exp(logs.reduce(0, +) / Double(effective)), precisions: precisions,
      brevityPenalty: penalty, counts: counts)
  }

  /// The score of a corpus.
  ///
  /// - Parameter references: for each text one or more, all texts together.
  /// - Throws: `MetricError` for other numbers of references than of texts.
  public func callAsFunction(_ texts: [String], references: [[String]]) throws -> Score {
    try checkTexts(texts, references)
    var sum = Counts(order: order)
    for (text, own) in zip(texts, references) { sum += counts(text, references: own) }
    return score(sum)
  }

  /// The mean BLEU of each text against all the others: near 100 where texts are alike (Zhu et al. 2018, "Texygen").
  ///
  /// - Throws: `MetricError` for fewer than two texts.
  public func ofTextsAgainstEachOther(_ texts: [String]) throws -> Double {
    guard texts.count >= 2 else {
      throw MetricError("self-BLEU compares at least 2 texts, not \(texts.count)")
    }
    let tokens = texts.map(self.tokens)
    var own = self
    own.usesEffectiveOrder = true
    let scores = tokens.indices.map { index in
      own.score(
        own.counts(tokens[index], references: tokens.indices.filter { $0 != index }.map { tokens[$0] })
      ).value
    }
    return scores.reduce(0, +) / Double(scores.count)
  }
}

/// Refuses texts without references.
func checkTexts(_ texts: [String], _ references: [[String]]) throws {
  guard !texts.isEmpty, texts.count == references.count, references.allSatisfy({ !$0.isEmpty }) else {
    throw MetricError(
      "\(texts.count) texts need references, at least one each, and there are those of \(references.count)")
  }
}
