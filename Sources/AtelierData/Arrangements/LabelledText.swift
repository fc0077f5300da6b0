public import Foundation
public import Torch

/// Texts with a class each: `token`, padded with -1, and `label`. See ``TextTable`` for the forms of files.
public struct LabelledText: DataArrangement {
  /// The artefact that holds the names of the classes, by label.
  public static let classesName = "classes.json"

  /// `labelled-text`
  public let id = "labelled-text"
  /// What a token is.
  public var tokens: TextTokens
  /// The column of the text.
  public var text: String
  /// The column of the class.
  public var label: String

  /// Labelled texts of two columns.
  public init(_ tokens: TextTokens, text: String, label: String) {
    self.tokens = tokens
    self.text = text
    self.label = label
  }

  /// The tokeniser.
  public var numberingArtefacts: [String] { tokens.artefactNames }

  /// Opens the training texts, and adds their tokeniser and classes as artefacts.
  public func survey(_ place: URL, _ opening: DataOpening, _ artefacts: inout Artefacts) throws -> DataPart {
    let table = try rows(place, .train)
    _ = try tokens.survey(&artefacts, beside: place) {
      Array(table.rows.compactMap { $0[text] }.joined(separator: "\n").utf8)
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

  /// The part in the artefact's tokens.
  public func open(
    _ place: URL, _ split: DatasetSplit, _ opening: DataOpening, _ artefacts: Artefacts
  ) throws -> DataPart {
    let tokenizer = try tokens.tokenizer(in: artefacts)
    let classes = try artefacts.decode([String].self, Self.classesName)
    var longest = Int.max
    for case .sequence(_, let length, _) in opening.fields.map(\.kind) { longest = length }
    return .examples(
      try LabelledTextDataset(rows(place, split), split, self, tokenizer, classes, longest: longest))
  }

  /// The tokens and the classes.
  public func names(
    of field: Field, _ description: DatasetDescription, _ artefacts: Artefacts
  ) throws -> FieldNames {
    FieldNames(classes: description.classNames, tokens: try tokens.names(in: artefacts).tokens)
  }
}

/// Tokenised texts with their classes, served in batches of similar length.
private struct LabelledTextDataset: Dataset {
  let description: DatasetDescription
  private let texts: [(token: [Int], label: Int)]

  init(
    _ table: TextTable, _ split: DatasetSplit, _ arrangement: LabelledText, _ tokenizer: any TextTokenizer,
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
      let tokens = try tokenizer.encodePrompt(text)
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
    try collate(examples, atLeast: [:])
  }

  func collate(
    _ examples: [Example], atLeast lengths: [String: Int]
  ) throws(DatasetError) -> [String: HostTensor] {
    try Example.padded(examples, ["token": -1], atLeast: lengths)
  }

  func lengths(of index: Int) -> [String: Int] { ["token": texts[index].token.count] }

  func order(pass: Int, batchSize: Int, using generator: inout SeededGenerator) -> [[Int]]? {
    batchesOfSimilarLength(texts.map(\.token.count), batchSize: batchSize, using: &generator)
  }
}
