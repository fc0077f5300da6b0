public import Foundation
public import Torch

/// Texts with a class each: `token`, padded with -1, and `label`. See ``TextTable`` for the forms of files.
public struct LabelledText: DataArrangement {
  /// The artefact that holds the names of the classes, by label.
  public static let classesName = "classes.json"

  /// `labelled-text`
  public let id = "labelled-text"
  /// What a token is.
  public var unit: Vocabulary.Unit
  /// The number of occurrences in the training text below which a word is unknown.
  public var minimumCount: Int
  /// The column of the text.
  public var text: String
  /// The column of the class.
  public var label: String

  /// Labelled texts of two columns.
  public init(_ unit: Vocabulary.Unit, minimumCount: Int, text: String, label: String) {
    self.unit = unit
    self.minimumCount = minimumCount
    self.text = text
    self.label = label
  }

  /// The vocabulary.
  public var numberingArtefacts: [String] { [RunningText.artefactName] }

  /// Opens the training texts, and adds their vocabulary and classes as artefacts.
  public func survey(_ place: URL, _ opening: DataOpening, _ artefacts: inout Artefacts) throws -> DataPart {
    let table = try rows(place, .train)
    _ = try artefacts.value(RunningText.artefactName) {
      let whole = table.rows.compactMap { $0[text] }.joined(separator: "\n")
      return try Vocabulary(of: Array(whole.utf8), unit: unit, minimumCount: minimumCount)
    }
    _ = try artefacts.value(Self.classesName) {
      Set(table.rows.compactMap { $0[label] }).sorted { $0.localizedStandardCompare($1) == .orderedAscending }
    }
    return try open(place, .train, opening, artefacts)
  }

  private func rows(_ place: URL, _ split: DatasetSplit) throws(DatasetError) -> TextTable {
    let table = try TextTable(place, split)
    for column in [text, label] { try table.require(column) }
    return table
  }

  /// The part, encoded in the artefact's vocabulary.
  public func open(
    _ place: URL, _ split: DatasetSplit, _ opening: DataOpening, _ artefacts: Artefacts
  ) throws -> DataPart {
    let vocabulary = try artefacts.decode(Vocabulary.self, RunningText.artefactName)
    let classes = try artefacts.decode([String].self, Self.classesName)
    var longest = Int.max
    for case .sequence(_, let length, _) in opening.fields.map(\.kind) { longest = length }
    return .examples(
      try LabelledTextDataset(rows(place, split), split, self, vocabulary, classes, longest: longest))
  }

  /// The vocabulary's tokens and the classes.
  public func names(
    of field: Field, _ description: DatasetDescription, _ artefacts: Artefacts
  ) throws -> FieldNames {
    FieldNames(
      classes: description.classNames,
      tokens: TokenNames(try artefacts.decode(Vocabulary.self, RunningText.artefactName)))
  }
}

/// Tokenised texts with their classes, served in batches of similar length.
private struct LabelledTextDataset: Dataset {
  let description: DatasetDescription
  private let texts: [(token: [Int], label: Int)]

  init(
    _ table: TextTable, _ split: DatasetSplit, _ arrangement: LabelledText, _ vocabulary: Vocabulary,
    _ classes: [String], longest: Int
  ) throws(DatasetError) {
    let numbers = Dictionary(zip(classes, classes.indices)) { first, _ in first }
    var texts: [(token: [Int], label: Int)] = []
    var histogram = [Int](repeating: 0, count: classes.count)
    var (cut, empty) = (0, 0)
    for row in table.rows {
      guard let text = row[arrangement.text], let name = row[arrangement.label] else {
        empty += 1
        continue
      }
      guard let label = numbers[name] else {
        throw .badTable(
          path: table.path,
          reason: "it has the class '\(name)', which the training part lacks; its classes are "
            + classes.prefix(10).joined(separator: ", "))
      }
      let tokens = try vocabulary.encodePrompt(text)
      if tokens.count > longest { cut += 1 }
      texts.append((Array(tokens.prefix(longest)), label))
      histogram[label] += 1
    }
    guard !texts.isEmpty else {
      throw .unusable(path: table.path, reason: "none of its \(table.rows.count) rows has a text and a class")
    }
    self.texts = texts
    var description = DatasetDescription(
      layout: .text, name: table.name, split: split, count: texts.count, classNames: classes,
      labelHistogram: histogram, fingerprint: table.fingerprint)
    if empty > 0 { description.notes.append("\(empty) rows without a text or a class are left out.") }
    if cut > 0 {
      description.notes.append("\(cut) of \(texts.count) texts have more than \(longest) tokens and are cut.")
    }
    self.description = description
  }

  var count: Int { texts.count }
  var isInMemory: Bool { true }

  func example(at index: Int) throws(DatasetError) -> Example {
    guard texts.indices.contains(index) else {
      throw .invalid(reason: "example \(index) is not in 0..<\(texts.count)")
    }
    return Example([
      "token": HostTensor(texts[index].token), "label": HostTensor([texts[index].label], shape: []),
    ])
  }

  func collate(_ examples: [Example]) throws(DatasetError) -> [String: HostTensor] {
    try Example.padded(examples, ["token": -1])
  }

  func order(pass: Int, batchSize: Int, using generator: inout SeededGenerator) -> [[Int]]? {
    batchesOfSimilarLength(texts.map(\.token.count), batchSize: batchSize, using: &generator)
  }
}
