internal import Foundation

extension DataCheck {
  /// Reads sentence pairs, and reports what spoils a translator: empty, over-long and unlike pairs, sentences that are
  /// not translated, duplicates, and what stands in two parts.
  mutating func readSentencePairs() {
    let files = SentencePairFiles(path, isSwapped: options.swapsDirection)
    var texts: [(split: DatasetSplit, text: SentencePairText)] = []
    for split in DatasetSplit.allCases {
      do throws(DatasetError) { texts.append((split, try files.read(split))) } catch {
        if case .missingSplit = error, split != .train { continue }
        find(.error, .unreadable, error.description)
      }
    }
    guard let training = texts.first, training.split == .train else { return }
    let rules = (
      source: Self.rule(for: training.text.pairs.map(\.source)),
      target: Self.rule(for: training.text.pairs.map(\.target))
    )
    for (split, text) in texts { describe(split, text, rules) }
    judgeLengths(texts, rules)
    judgeRepetitions(texts)
    if training.text.pairs.count < 1000 {
      find(
        .warning, .fewExamples,
        "There are \(training.text.pairs.count) training pairs; a translator needs some ten thousand.")
    }
  }

  private typealias Rules = (source: SentenceVocabulary.Rule, target: SentenceVocabulary.Rule)

  /// Words; characters of a language that puts no spaces between its words.
  private static func rule(for sentences: [String]) -> SentenceVocabulary.Rule {
    let letters = sentences.prefix(1000).joined().unicodeScalars.filter(\.properties.isAlphabetic)
    let unspaced = letters.count { $0.properties.isIdeographic || (0x3040...0x30FF).contains($0.value) }
    return SentenceVocabulary.Rule(5 * unspaced > letters.count ? .characters : .words)
  }

  private mutating func describe(_ split: DatasetSplit, _ text: SentencePairText, _ rules: Rules) {
    func words(
      _ name: String, _ sentences: [String], _ rule: SentenceVocabulary.Rule
    ) -> [DataReport.Tally] {
      let words = sentences.flatMap(rule.pieces)
      return [
        DataReport.Tally(name: "\(rule.unit.rawValue) of \(name)", count: words.count),
        DataReport.Tally(name: "distinct \(rule.unit.rawValue) of \(name)", count: Set(words).count),
      ]
    }
    let content = text.pairs.map { $0.source + "\t" + $0.target + "\n" }.joined()
    report.parts.append(
      DataReport.Part(
        split: split, count: text.pairs.count, classes: [], sizes: [], modes: [],
        text: words(text.names.source, text.pairs.map(\.source), rules.source)
          + words(text.names.target, text.pairs.map(\.target), rules.target),
        fingerprint: contentFingerprint(of: Array(content.utf8))))
    if let first = text.emptyLines.first {
      find(
        .note, .emptyPairs,
        "\(text.emptyLines.count) lines of the \(split.rawValue) part are empty in both languages and are left out, the "
          + "first being line \(first) of \(text.files[0].lastPathComponent).")
    }
  }

  private mutating func judgeLengths(
    _ texts: [(split: DatasetSplit, text: SentencePairText)], _ rules: Rules
  ) {
    let most = 100
    for (split, text) in texts {
      let file = text.files[0].lastPathComponent
      let lengths = text.pairs.map {
        (rules.source.pieces($0.source).count, rules.target.pieces($0.target).count)
      }
      let long = zip(text.pairs, lengths).filter { max($1.0, $1.1) + 2 > most }.map(\.0)
      if let first = long.first {
        find(
          .warning, .longPairs,
          "\(long.count) pairs of the \(split.rawValue) part have a sentence of more than \(most - 2) tokens, the first in "
            + "line \(first.line) of \(file); those beyond a system's maximumLength are left out.")
      }
      let ratios = lengths.map { Double($0.1) / Double(max(1, $0.0)) }.sorted()
      guard ratios.count >= 10 else { continue }
      let median = ratios[ratios.count / 2]
      report.parts[report.parts.firstIndex { $0.split == split } ?? 0].text.append(
        DataReport.Tally(name: "target tokens to 100", count: Int((100 * median).rounded())))
      let unlike = zip(text.pairs, lengths).filter { _, length in
        let ratio = Double(length.1) / Double(max(1, length.0))
        return max(length.0, length.1) > 8 && (ratio > 4 * median || ratio < median / 4)
      }.map(\.0)
      if let first = unlike.first {
        find(
          .warning, .lengthRatio,
          "\(unlike.count) pairs of the \(split.rawValue) part have lengths in four times the usual ratio or more, the first in "
            + "line \(first.line) of \(file); they are probably no translations.")
      }
      let same = text.pairs.filter { $0.source == $0.target && $0.source.contains { $0.isLetter } }
      if let first = same.first {
        find(
          20 * same.count > text.pairs.count ? .warning : .note, .untranslated,
          "\(same.count) pairs of the \(split.rawValue) part are the same in both languages, the first in line \(first.line) of "
            + "\(file).")
      }
    }
  }

  /// Equal pairs within a part and between parts, and sources of a held-out part that training has, too.
  private mutating func judgeRepetitions(_ texts: [(split: DatasetSplit, text: SentencePairText)]) {
    var places: [String: [(split: DatasetSplit, line: Int)]] = [:]
    for (split, text) in texts {
      for pair in text.pairs {
        places[pair.source + "\t" + pair.target, default: []].append((split, pair.line))
      }
    }
    let repeated = places.filter { $0.value.count > 1 }.sorted { $0.key < $1.key }
    report.exactDuplicates = repeated.map { _, members in
      DataReport.Duplicates(
        members: members.map { "\($0.split.rawValue)[\($0.line)]" },
        crossesParts: Set(members.map(\.split)).count > 1, labelsDiffer: false)
    }
    if let first = report.exactDuplicates.first {
      find(
        .note, .exactDuplicates,
        "\(report.exactDuplicates.reduce(0) { $0 + $1.members.count - 1 }) pairs occur before, such as \(first.members[1])."
      )
    }
    let leaks = report.exactDuplicates.filter(\.crossesParts)
    if let first = leaks.first {
      find(
        .warning, .leakage,
        "\(leaks.count) pairs are in more than one part, such as \(first.members.joined(separator: " = ")); measures on "
          + "held-out data will be too good.")
    }
    let known = Set(texts[0].text.pairs.map(\.source))
    let near = texts.dropFirst().flatMap { split, text in
      text.pairs.filter { known.contains($0.source) }.map { "\(split.rawValue)[\($0.line)]" }
    }
    if near.count > leaks.count, let first = near.first {
      find(
        .note, .nearLeakage,
        "\(near.count) held-out pairs have a source that training has as well, such as \(first).")
    }
  }
}
