public import Foundation
public import Torch

/// The characters that set the parts of a document apart.
public enum DocumentMarks {
  /// Behind each field that is given: ASCII's unit separator.
  public static let field = "\u{1F}"
  /// Behind the text: ASCII's end of text, where the tokeniser has no token of its own for it.
  public static let end = "\u{3}"
}

/// Documents of several fields, of which the last is learned from those before it: title (and section) → article,
/// question → answer, article → title.
///
/// Fields: `token` and `target`, which is shifted by one and -1 where nothing is to be learned. See ``TextTable`` for
/// the forms of files.
public struct Documents: DataArrangement {
  /// The artefact that holds what some held-out documents begin with, for previews.
  public static let examplesName = "examples.json"
  private static let exampleCount = 8

  /// `documents`
  public let id = "documents"
  /// What a token is.
  public var tokens: TextTokens
  /// The columns that are given.
  public var given: [String]
  /// The column that is learned.
  public var text: String
  /// Whether the columns that are given are not learned as well.
  public var learnsTextAlone: Bool

  /// Documents of some columns.
  public init(
    _ tokens: TextTokens, given: [String], text: String, learnsTextAlone: Bool
  ) {
    self.tokens = tokens
    self.given = given
    self.text = text
    self.learnsTextAlone = learnsTextAlone
  }

  /// The tokeniser.
  public var numberingArtefacts: [String] { tokens.artefactNames }

  /// Opens the training documents, and adds their tokeniser and some held-out beginnings as artefacts.
  public func survey(_ place: URL, _ opening: DataOpening, _ artefacts: inout Artefacts) throws -> DataPart {
    _ = try tokens.survey(&artefacts, beside: place) {
      // Marks stand between spaces, so that they are words of their own.
      let whole = try rows(place, .train).rows.map { row in
        (given.map { row[$0] ?? "" } + [row[text] ?? ""]).joined(separator: " \(DocumentMarks.field) ")
          + " \(DocumentMarks.end)\n"
      }
      return Array(whole.joined().utf8)
    }
    _ = try artefacts.value(Self.examplesName) {
      try heldOut(place).rows.prefix(Self.exampleCount).map { row in
        given.map { row[$0] ?? "" }
      }
    }
    return try open(place, .train, opening, artefacts)
  }

  /// The rows of the first part that is not for training, or else of training.
  private func heldOut(_ place: URL) throws(DatasetError) -> TextTable {
    for split in [DatasetSplit.validation, .test] {
      do throws(DatasetError) { return try rows(place, split) } catch {
        // What cannot be read is an error; what is not there is not.
        guard case .missingSplit = error else { throw error }
      }
    }
    return try rows(place, .train)
  }

  private func rows(_ place: URL, _ split: DatasetSplit) throws(DatasetError) -> TextTable {
    let table = try TextTable(place, split)
    for column in given + [text] { try table.require(column) }
    return table
  }

  /// The part in the artefact's tokens.
  public func open(
    _ place: URL, _ split: DatasetSplit, _ opening: DataOpening, _ artefacts: Artefacts
  ) throws -> DataPart {
    let table = try rows(place, split)
    let tokenizer = try tokens.tokenizer(in: artefacts)
    var longest = Int.max
    for case .sequence(_, let length, _) in opening.fields.map(\.kind) { longest = length }
    return .examples(try DocumentDataset(table, split, self, tokenizer, longest: longest))
  }

  /// The tokens of what is given, each behind its mark.
  public func beginning(_ fields: [String], _ tokenizer: any TextTokenizer) throws(DatasetError) -> [Int] {
    let mark = try tokenizer.encodePrompt(DocumentMarks.field)
    var tokens: [Int] = []
    for field in fields {
      tokens += try tokenizer.encodePrompt(field)
      tokens += mark
    }
    return tokens
  }

  /// The token behind a text.
  public func end(_ tokenizer: any TextTokenizer) throws(DatasetError) -> Int {
    if let end = tokenizer.documentEnd { return end }
    return try tokenizer.encodePrompt(DocumentMarks.end).last ?? tokenizer.lineEnd
  }

  /// The tokens.
  public func names(
    of field: Field, _ description: DatasetDescription, _ artefacts: Artefacts
  ) throws -> FieldNames {
    try tokens.names(in: artefacts)
  }
}

/// Tokenised documents, served in batches of similar length.
private struct DocumentDataset: Dataset {
  let description: DatasetDescription
  private let documents: [(token: [Int], target: [Int])]

  init(
    _ table: TextTable, _ split: DatasetSplit, _ arrangement: Documents, _ tokenizer: any TextTokenizer,
    longest: Int
  ) throws(DatasetError) {
    var documents: [(token: [Int], target: [Int])] = []
    var (cut, empty) = (0, 0)
    let end = try arrangement.end(tokenizer)
    for row in table.rows {
      guard let text = row[arrangement.text] else {
        empty += 1
        continue
      }
      // What is given leaves at least one place to the text.
      let given = try arrangement.beginning(arrangement.given.map { row[$0] ?? "" }, tokenizer)
        .suffix(max(1, longest - 1))
      var tokens = given + (try tokenizer.encodePrompt(text)) + [end]
      if tokens.count > longest.addingReportingOverflow(1).partialValue, longest < .max {
        cut += 1
        tokens = Array(tokens.prefix(longest + 1))[...]
      }
      let all = Array(tokens)
      guard all.count >= 2 else {
        empty += 1
        continue
      }
      var target = Array(all.dropFirst())
      if arrangement.learnsTextAlone {
        for place in 0..<min(max(0, given.count - 1), target.count) { target[place] = -1 }
      }
      documents.append((Array(all.dropLast()), target))
    }
    guard !documents.isEmpty else {
      throw .unusable(path: table.path, reason: "none of its \(table.rows.count) rows has a text")
    }
    self.documents = documents
    var description = DatasetDescription(
      layout: .text, name: table.name, split: split, count: documents.count, fingerprint: table.fingerprint)
    if empty > 0 {
      description.notes.append("\(empty) documents without '\(arrangement.text)' are left out.")
    }
    if cut > 0 {
      description.notes.append(
        "\(cut) of \(documents.count) documents have more than \(longest) tokens and are cut behind them.")
    }
    self.description = description
  }

  var count: Int { documents.count }
  var isInMemory: Bool { true }

  func example(at index: Int) throws(DatasetError) -> Example {
    guard documents.indices.contains(index) else {
      throw .invalid(reason: "example \(index) is not in 0..<\(documents.count)")
    }
    let document = documents[index]
    return Example(["token": HostTensor(document.token), "target": HostTensor(document.target)])
  }

  func collate(_ examples: [Example]) throws(DatasetError) -> [String: HostTensor] {
    try collate(examples, atLeast: [:])
  }

  func collate(
    _ examples: [Example], atLeast lengths: [String: Int]
  ) throws(DatasetError) -> [String: HostTensor] {
    try Example.padded(examples, ["token": 0, "target": -1], atLeast: lengths)
  }

  func lengths(of index: Int) -> [String: Int] {
    ["token": documents[index].token.count, "target": documents[index].target.count]
  }

  func order(pass: Int, batchSize: Int, using generator: inout SeededGenerator) -> [[Int]]? {
    batchesOfSimilarLength(documents.map(\.token.count), batchSize: batchSize, using: &generator)
  }
}
