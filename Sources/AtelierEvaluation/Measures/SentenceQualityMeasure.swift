public import AtelierCore
import AtelierData
public import AtelierMetrics
import AtelierTraining
import Torch
import TorchNN

/// BLEU, chrF and exact matches of held-out translations, beside what copies of the sources and the most frequent target
/// of the training data give.
public struct SentenceQualityMeasure: Measure {
  /// What options and numbers name it by.
  public static let id = "bleu"

  /// The examples.
  public static let sharedWork = SharedWork.examples

  /// The settings.
  public struct Options: Settings {
    /// sacreBLEU's tokenizer: 13a, none, zh, char or intl; null: zh for Chinese, else 13a.
    public var tokenizer: String?
    /// Whether capitals are small letters; null: where the system writes small letters only.
    public var lowercase: Bool?
    /// Sentences that are followed side by side; null: the system's own number.
    public var beams: Int?
    /// How much longer translations are favoured; null: as the system does.
    public var lengthPenalty: Double?

    /// The usual settings.
    public init() {}

    /// Refuses tokenizers that are not there.
    public func validate() throws(ConfigurationError) {
      if let tokenizer {
        try Checks.require(
          TextTokenization(rawValue: tokenizer) != nil,
          "tokenizer is \(TextTokenization.allCases.map(\.rawValue).joined(separator: ", ")), not \(tokenizer)"
        )
      }
      try Checks.positive(["beams": beams ?? 1])
      try Checks.notNegative(["lengthPenalty": lengthPenalty ?? 0])
    }
  }

  /// The settings.
  public var options = Options()

  /// The measure.
  public init() {}

  /// Systems that turn sentences into sentences.
  public func applies(to plan: SystemPlan) -> Bool { plan.ability(SentenceTranslation.self) != nil }

  /// The numbers; none where the system or its data do not have what they take.
  public func measure(_ context: EvaluationContext) throws -> [MeasuredNumber] {
    guard let system = context.system(as: (any SentenceTranslatingSystem).self),
      let (part, dataset) = try context.heldOutSentences()
    else { return [] }
    let chosen = Array(0..<min(context.options.samples, dataset.count))
    let pairs = chosen.compactMap { sentencePair(of: dataset, at: $0) }
    guard pairs.count == chosen.count, !pairs.isEmpty else { return [] }
    let search = self.search(context.plan)
    context.say("translating \(pairs.count) held-out sentences")
    let found = try translated(chosen, of: dataset, system, search, context)
    let references = pairs.map { [$0.target] }
    let lowercases = options.lowercase ?? system.vocabularies?.target.rule.lowercases ?? false
    let bleu = BLEU(tokenization(pairs.map(\.target)), lowercases: lowercases)
    let characters = CharacterFScore(lowercases: lowercases)
    let frequent = try mostFrequentTarget(context)
    let setting =
      "\(pairs.count) held-out sentences of the \(part.rawValue) part, "
      + (search.beams == 1
        ? "greedy search" : "beam of \(search.beams), length penalty \(search.lengthPenalty)")
    let provenance = context.provenance(
      part: part.rawValue,
      ["pairs": "\(pairs.count)", "beams": "\(search.beams)", "lengthPenalty": "\(search.lengthPenalty)"])

    func number(
      _ id: String, _ name: String, _ signature: String, _ score: ([String]) throws -> Double,
      interval: ConfidenceInterval?
    ) throws -> MeasuredNumber {
      var baselines = [BaselineNumber(name: "copy of the source", value: try score(pairs.map(\.source)))]
      if let frequent {
        baselines.append(
          BaselineNumber(
            name: "most frequent target", value: try score([String](repeating: frequent, count: pairs.count)))
        )
      }
      return MeasuredNumber(
        id: id, name: name, value: try score(found), interval: interval, better: .larger,
        baselines: baselines,
        provenance: provenance.merging(["signature": signature]), protocolText: "\(setting), \(signature)")
    }

    let counts = zip(found, references).map { bleu.counts($0, references: $1) }
    let interval =
      counts.count < 10
      ? nil
      : try bootstrapInterval(
        count: counts.count, using: RandomStream(seed: context.options.seed, purpose: "bootstrap")
      ) { chosen in
        var sum = counts[chosen[0]]
        for index in chosen.dropFirst() { sum += counts[index] }
        return bleu.score(sum).value
      }.interval
    /// The share of pairs of words that differ; 0 where no text has two words.
    func distinct(_ texts: [String]) throws -> Double {
      texts.contains { bleu.tokenization($0).count > 1 }
        ? try distinctRuns(texts, order: 2, bleu.tokenization) : 0
    }
    return [
      try number(
        Self.id, "BLEU", bleu.signature(), { try bleu($0, references: references).value }, interval: interval),
      try number(
        "chrf", "chrF", characters.signature(), { try characters($0, references: references) }, interval: nil),
      try number(
        "exact-match", "exact matches", "of the whole sentence",
        { try exactMatch($0, references: references) }, interval: nil),
      MeasuredNumber(
        id: "distinct-2", name: "different pairs of words",
        value: try distinct(found), better: .neither,
        baselines: [BaselineNumber(name: "references", value: try distinct(pairs.map(\.target)))],
        provenance: provenance, protocolText: "\(setting), tok:\(bleu.tokenization.rawValue)"),
    ]
  }

  private func search(_ plan: SystemPlan) -> TranslationSearch {
    var search = plan.sampling as? TranslationSearch ?? TranslationSearch()
    if let beams = options.beams { search.beams = beams }
    if let penalty = options.lengthPenalty { search.lengthPenalty = penalty }
    return search
  }

  /// The tokenizer that was asked for; characters for texts of Chinese ones.
  private func tokenization(_ targets: [String]) -> TextTokenization {
    if let tokenization = options.tokenizer.flatMap(TextTokenization.init(rawValue:)) { return tokenization }
    let letters = targets.joined().unicodeScalars.filter(\.properties.isAlphabetic)
    let chinese = letters.filter(\.properties.isIdeographic)
    return 5 * chinese.count > letters.count ? .chinese : .thirteenA
  }

  /// The translations of some examples in their order, sentences of like length together.
  private func translated(
    _ chosen: [Int], of dataset: any Dataset, _ system: any SentenceTranslatingSystem,
    _ search: TranslationSearch,
    _ context: EvaluationContext
  ) throws -> [String] {
    guard let ability = context.plan.ability(SentenceTranslation.self) else { return [] }
    let sorted = chosen.sorted {
      (sentencePair(of: dataset, at: $0)?.source.count ?? 0, $0)
        < (sentencePair(of: dataset, at: $1)?.source.count ?? 0, $1)
    }
    let starts = Array(stride(from: 0, to: sorted.count, by: 32))
    // Long sentences take longer: batches are dealt out one by one.
    let texts = try context.processes.dealt(starts.count) { place in
      let indices = Array(sorted[starts[place]..<min(starts[place] + 32, sorted.count)])
      let batch = context.data.batch(
        HostBatch(fields: try dataset.batch(at: indices), indices: indices, epoch: 0, isFirst: true))
      return try zip(indices, system.translations(of: batch[ability.source], search)).map {
        Numbered(index: $0, text: system.vocabularies?.target.decode($1.tokens) ?? "")
      }
    }.reduce(into: [Int: String]()) { texts, found in for one in found { texts[one.index] = one.text } }
    return chosen.map { texts[$0] ?? "" }
  }

  /// A translation with its example.
  private struct Numbered: Codable {
    let index: Int
    let text: String
  }

  private func mostFrequentTarget(_ context: EvaluationContext) throws -> String? {
    guard let training = try context.data.dataset(of: .train) else { return nil }
    var counts: [String: Int] = [:]
    for index in 0..<training.count {
      if let pair = sentencePair(of: training, at: index) { counts[pair.target, default: 0] += 1 }
    }
    return counts.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key
  }
}

extension EvaluationContext {
  /// The sentences that are measured on; nil where the data hold none.
  func heldOutSentences() throws -> (part: DatasetSplit, dataset: any Dataset)? {
    for split in options.parts {
      if let dataset = try data.dataset(of: split), dataset.count > 0 { return (split, dataset) }
    }
    return nil
  }
}
