import Atelier
import Foundation

/// Sentence pairs of two languages in `train.tsv` and `test.tsv`, a line `source<tab>target` each: a kind of
/// data that nothing of the package knows.
///
/// Words become numbers of two vocabularies, which are artefacts; sentences of similar length stand in a
/// batch, padded to its longest.
struct SentencePairs: DataArrangement {
  /// The artefacts.
  static let sourceWords = "source-words.json"
  static let targetWords = "target-words.json"
  /// Numbers that are no words.
  static let (padding, begin, end, unknown, firstWord) = (0, 1, 2, 3, 4)

  let id = "sentence-pairs"
  /// The fields.
  var source: String
  var target: String

  func survey(_ place: URL, _ opening: DataOpening, _ artefacts: inout Artefacts) throws -> DataPart {
    let lines = try read(place, .train)
    func words(_ sentences: [[String]]) -> [String] { Set(sentences.joined()).sorted() }
    _ = try artefacts.value(Self.sourceWords) { words(lines.map(\.source)) }
    _ = try artefacts.value(Self.targetWords) { words(lines.map(\.target)) }
    return try open(place, .train, opening, artefacts)
  }

  func open(
    _ place: URL, _ split: DatasetSplit, _ opening: DataOpening, _ artefacts: Artefacts
  ) throws -> DataPart {
    let lines = try read(place, split)
    let words = try [Self.sourceWords, Self.targetWords].map { try artefacts.decode([String].self, $0) }
    func numbers(_ sentence: [String], _ words: [String]) -> [Int] {
      [Self.begin]
        + sentence.map { word in words.firstIndex(of: word).map { $0 + Self.firstWord } ?? Self.unknown }
        + [Self.end]
    }
    let text = lines.map { ($0.source + ["\t"] + $0.target + ["\n"]).joined(separator: " ") }.joined()
    return .examples(
      SentencePairDataset(
        sources: lines.map { numbers($0.source, words[0]) },
        targets: lines.map { numbers($0.target, words[1]) },
        names: (source, target),
        description: DatasetDescription(
          layout: .text, name: place.lastPathComponent, split: split, count: lines.count,
          fingerprint: contentFingerprint(of: Array(text.utf8)))))
  }

  func names(
    of field: Field, _ description: DatasetDescription, _ artefacts: Artefacts
  ) throws -> FieldNames {
    let words = try artefacts.decode(
      [String].self, field.name == source ? Self.sourceWords : Self.targetWords)
    return FieldNames(
      tokens: TokenNames(
        words: words, first: Self.firstWord, begin: Self.begin, end: Self.end, unknown: Self.unknown))
  }

  /// Vocabularies adapt to the data; the sentences are the same.
  func serves(_ part: DataPart, surveyedFor first: DataOpening, _ opening: DataOpening) -> Bool { true }

  private func read(
    _ place: URL, _ split: DatasetSplit
  ) throws(DatasetError) -> [(source: [String], target: [String])] {
    let file = place.appendingPathComponent(split.rawValue + ".tsv")
    guard let text = try? String(contentsOf: file, encoding: .utf8) else {
      throw .missingSplit(
        path: place.path, split: split, reason: "there is no \(file.lastPathComponent) in it")
    }
    var lines: [(source: [String], target: [String])] = []
    for (number, line) in text.split(separator: "\n").enumerated() {
      let parts = line.split(separator: "\t").map { $0.split(separator: " ").map(String.init) }
      guard parts.count == 2 else {
        throw .badTable(path: file.path, reason: "line \(number + 1) is not two sentences and a tab between")
      }
      lines.append((parts[0], parts[1]))
    }
    return lines
  }
}

/// Sentence pairs in numbers.
struct SentencePairDataset: Dataset {
  let sources: [[Int]]
  let targets: [[Int]]
  let names: (source: String, target: String)
  let description: DatasetDescription

  var count: Int { sources.count }
  // As if sentences were read from a large file: they come from the loader's workers.
  let isInMemory = false

  func example(at index: Int) -> Example {
    Example([names.source: HostTensor(sources[index]), names.target: HostTensor(targets[index])])
  }

  func title(of index: Int) -> String? { "sentence \(index + 1)" }

  func collate(_ examples: [Example]) throws(DatasetError) -> [String: HostTensor] {
    try Example.padded(
      examples, [names.source: SentencePairs.padding, names.target: SentencePairs.padding])
  }

  func order(pass: Int, batchSize: Int, using generator: inout SeededGenerator) -> [[Int]]? {
    batchesOfSimilarLength(sources.map(\.count), batchSize: batchSize, pool: 2, using: &generator)
  }
}
