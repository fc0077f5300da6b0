internal import Foundation

/// A table of texts, as ``Documents`` and ``LabelledText`` read it, found by the titles of its columns.
struct DocumentColumns {
  private static let textTitles = ["text", "answer"]
  private static let labelTitle = "label"

  /// The titles in their order.
  let titles: [String]
  /// The column of the classes; nil for documents.
  let label: String?
  /// The column that is learned.
  let text: String

  /// What a training is told of them: what is given (a question or title, or else all other columns) and learned.
  var settings: String {
    if let label {
      return (text == Self.textTitles[0] ? "" : " --set textField=\(text)")
        + (label == Self.labelTitle ? "" : " --set labelField=\(label)")
    }
    let others = titles.filter { $0 != text && $0 != PartColumn.name }
    let given = ["question", "title"].first(where: others.contains).map { [$0] } ?? others
    return
      (given.isEmpty ? "" : " --set " + shellWord("conditionFields=[\(given.joined(separator: ","))]"))
      + (text == Self.textTitles[0] ? "" : " --set textField=\(text)")
  }

  /// The columns of documents or labelled texts at a place; nil where it holds anything else.
  ///
  /// Plain text with one document a line looks like any other text, and counts as that.
  static func find(at path: URL, label: String?) -> DocumentColumns? {
    var file = path
    let isFolder = ImageFolders.isFolder(path)
    if isFolder {
      let present = listing(of: path, withImages: false)
      guard LabelTable.find(in: path) == nil, CaptionTable.find(in: path) == nil,
        let name = ["train.jsonl", "train.csv", "train.tsv"].first(where: present.contains)
      else { return nil }
      file = path.appendingPathComponent(name)
    }
    let ending = file.pathExtension.lowercased()
    // What damages the first row is said where the table is opened.
    guard ["jsonl", "csv", "tsv"].contains(ending),
      let titles = titles(of: file, ending) ?? (isFolder ? [] : nil)
    else { return nil }
    guard !titles.contains(where: { LabelTable.fileColumns.contains($0) }) else { return nil }
    let text = textTitles.first(where: titles.contains)
    // Of other columns any table may be, and a table with tabs is sentence pairs.
    guard text != nil || (isFolder && ending != "tsv") else { return nil }
    if text == nil || ending != "tsv", SentencePairFiles.isPresent(at: path) { return nil }
    let own = label ?? (titles.contains(labelTitle) ? labelTitle : nil)
    return DocumentColumns(
      titles: titles, label: own,
      text: text ?? titles.last { $0 != own && $0 != PartColumn.name } ?? textTitles[0])
  }

  /// The titles, by the first row alone; nil where it has none.
  private static func titles(of file: URL, _ ending: String) -> [String]? {
    guard let handle = try? FileHandle(forReadingFrom: file), let head = try? handle.read(upToCount: 1 << 16)
    else { return nil }
    let line = head.split(separator: 10, maxSplits: 1).first.map { String(decoding: $0, as: UTF8.self) } ?? ""
    let plain = line.hasPrefix("\u{FEFF}") ? String(line.dropFirst()) : line
    if ending == "jsonl" {
      return (try? JSONSerialization.jsonObject(with: Data(plain.utf8)) as? [String: Any])?.keys.sorted()
    }
    return try? LabelTable.cells(of: plain, path: file.path).first?.cells.map {
      $0.trimmingCharacters(in: .whitespaces)
    }
  }
}

extension DataCheck {
  /// Reads documents or labelled texts, and reports what spoils a model of them: empty fields, repeated and over-long
  /// texts, what stands in two parts, and classes that are rare or told apart by nothing.
  mutating func readDocuments(_ columns: DocumentColumns) {
    var parts: [(split: DatasetSplit, table: TextTable)] = []
    var artefacts = Artefacts()
    for split in DatasetSplit.allCases {
      do {
        let table = try TextTable(path, split)
        // Of validation and test, the file of one stands in for that of the other.
        if let other = Self.part(ofFile: table.path), ImageFolders.isFolder(path), other != split { continue }
        let data = try open(split, columns, &artefacts)
        describe(split, table, columns, data)
        parts.append((split, table))
      } catch DatasetError.missingSplit where split != .train {
        continue
      } catch {
        // In the words in which training refuses it.
        find(.error, .unreadable, "\(error)")
        if split == .train { return }
      }
    }
    for (split, table) in parts {
      judgeCells(split, table, columns)
      judgeLengths(split, table, columns)
    }
    judgeRepetitions(parts, columns)
    judgeClasses(columns)
    let count = report.parts.first?.count ?? 0
    if count < 1000 {
      find(
        .warning, .fewExamples,
        "There are \(count) training texts; a model needs some thousand to learn more than them by heart.")
    }
  }

  /// The held-out part that a file is called after.
  private static func part(ofFile path: String) -> DatasetSplit? {
    switch ((path as NSString).lastPathComponent as NSString).deletingPathExtension {
    case "valid", "val", "validation": .validation
    case "test": .test
    default: nil
    }
  }

  /// The part as training opens it, by words.
  private func open(
    _ split: DatasetSplit, _ columns: DocumentColumns, _ artefacts: inout Artefacts
  ) throws -> DatasetDescription {
    let words = TextTokens.vocabulary(.words, minimumCount: 1)
    let arrangement: any DataArrangement =
      columns.label.map { LabelledText(words, text: columns.text, label: $0) }
      ?? Documents(words, given: [], text: columns.text, learnsTextAlone: true)
    let part =
      split == .train
      ? try arrangement.survey(path, DataOpening([]), &artefacts)
      : try arrangement.open(path, split, DataOpening([]), artefacts)
    guard case .examples(let data) = part else {
      throw DatasetError.invalid(reason: "\(path.path) holds no documents")
    }
    return data.description
  }

  private mutating func describe(
    _ split: DatasetSplit, _ table: TextTable, _ columns: DocumentColumns, _ data: DatasetDescription
  ) {
    var tallies: [DataReport.Tally] = []
    for column in table.columns where column != columns.label && column != PartColumn.name {
      let lengths = table.rows.compactMap { $0[column].map(Self.length) }.sorted()
      guard let longest = lengths.last else { continue }
      tallies.append(DataReport.Tally(name: "words of \(column)", count: lengths.reduce(0, +)))
      tallies.append(DataReport.Tally(name: "  in the median", count: lengths[lengths.count / 2]))
      tallies.append(DataReport.Tally(name: "  of the longest", count: longest))
    }
    let words = Set(table.rows.flatMap { ($0[columns.text] ?? "").lowercased().split(separator: " ") })
    tallies.append(DataReport.Tally(name: "distinct words", count: words.count))
    report.parts.append(
      DataReport.Part(
        split: split, count: data.count,
        classes: columns.label == nil
          ? []
          : zip(data.classNames, data.labelHistogram).map { DataReport.Tally(name: $0, count: $1) },
        sizes: [], modes: [], text: tallies, fingerprint: table.fingerprint))
  }

  private static func length(_ text: String) -> Int { text.split(whereSeparator: \.isWhitespace).count }

  private mutating func judgeCells(_ split: DatasetSplit, _ table: TextTable, _ columns: DocumentColumns) {
    for column in table.columns where column != PartColumn.name {
      let empty = table.rows.indices.filter {
        table.rows[$0][column]?.contains { !$0.isWhitespace } != true
      }
      guard let first = empty.first else { continue }
      let isNeeded = column == columns.text || column == columns.label
      find(
        isNeeded ? .warning : .note, .emptyFields,
        "\(empty.count) rows of the \(split.rawValue) part have no '\(column)', the first being row \(first + 1)\(isNeeded ? "; training leaves out those without any" : "")."
      )
    }
  }

  /// What does not fit into a context, by two units.
  private mutating func judgeLengths(_ split: DatasetSplit, _ table: TextTable, _ columns: DocumentColumns) {
    let context = options.context
    let texts = table.rows.enumerated().compactMap { row, cells in cells[columns.text].map { (row, $0) } }
    let long = texts.filter { Self.length($0.1) > context }
    let characters = texts.count { $0.1.unicodeScalars.count > context }
    guard characters > 0 else { return }
    find(
      2 * long.count > texts.count ? .warning : .note, .longTexts,
      "\(long.count) texts of the \(split.rawValue) part have more than \(context) words\(long.first.map { ", the first in row \($0.0 + 1)" } ?? ""), and \(characters) more than \(context) characters; what is beyond a system's context is cut off."
    )
  }

  /// Equal texts within a part and between parts, and under different labels.
  private mutating func judgeRepetitions(
    _ parts: [(split: DatasetSplit, table: TextTable)], _ columns: DocumentColumns
  ) {
    var places: [String: [(split: DatasetSplit, row: Int, other: [String: String])]] = [:]
    for (split, table) in parts {
      for (number, row) in table.rows.enumerated() {
        guard let text = row[columns.text] else { continue }
        var other = row
        other[columns.text] = nil
        other[PartColumn.name] = nil
        places[text, default: []].append((split, number + 1, other))
      }
    }
    let repeated = places.filter { $0.value.count > 1 }.sorted { $0.key < $1.key }.map(\.value)
    // Short answers recur by right: a document is repeated where all of it is.
    let whole = repeated.flatMap { members in
      columns.label != nil
        ? [members]
        : Dictionary(grouping: members, by: \.other).values.filter { $0.count > 1 }
          .sorted { ($0[0].split.rawValue, $0[0].row) < ($1[0].split.rawValue, $1[0].row) }
    }
    report.exactDuplicates = whole.map { members in
      DataReport.Duplicates(
        members: members.map { "\($0.split.rawValue)[\($0.row)]" },
        crossesParts: Set(members.map(\.split)).count > 1,
        labelsDiffer: columns.label.map { label in Set(members.map { $0.other[label] }).count > 1 } ?? false)
    }
    let copies = report.exactDuplicates
    if let first = copies.first {
      find(
        .note, .exactDuplicates,
        "\(copies.reduce(0) { $0 + $1.members.count - 1 }) texts occur before, such as \(first.members[1]).")
    }
    if let first = copies.first(where: \.labelsDiffer) {
      find(
        .warning, .conflictingLabels,
        "Of the same texts, \(copies.count(where: \.labelsDiffer)) carry two labels, such as \(first.members.joined(separator: " = "))."
      )
    }
    if let first = copies.first(where: \.crossesParts) {
      find(
        .warning, .leakage,
        "\(copies.count(where: \.crossesParts)) texts are in more than one part, such as "
          + "\(first.members.joined(separator: " = ")); measures on held-out data will be too good.")
    }
    guard columns.label == nil else { return }
    // Another title with the same long text; short ones recur by right.
    let near = repeated.filter { members in
      Set(members.map(\.split)).count > 1 && Set(members.map(\.other)).count > 1
    }.filter { members in
      let table = parts.first { $0.split == members[0].split }?.table
      return Self.length(table?.rows[members[0].row - 1][columns.text] ?? "") >= 10
    }
    if let first = near.first {
      find(
        .note, .nearLeakage,
        "\(near.count) texts are in more than one part with other fields beside them, such as "
          + "\(first.map { "\($0.split.rawValue)[\($0.row)]" }.joined(separator: " = ")).")
    }
  }

  private mutating func judgeClasses(_ columns: DocumentColumns) {
    guard let label = columns.label, let training = report.parts.first else { return }
    let used = training.classes.filter { $0.count > 0 }
    if used.count == 1 {
      find(
        .warning, .oneClass,
        "Every '\(label)' is \"\(used[0].name)\", so there is nothing to tell apart.")
    } else if let most = used.max(by: { $0.count < $1.count }),
      let least = used.min(by: { $0.count < $1.count }),
      most.count >= 10 * least.count
    {
      find(
        .warning, .imbalance,
        "\"\(most.name)\" has \(most.count) texts and \"\(least.name)\" \(least.count); rare classes are learned poorly."
      )
    }
    for part in report.parts.dropFirst() {
      let absent = zip(training.classes, part.classes).filter { $0.0.count > 0 && $0.1.count == 0 }.map(
        \.0.name)
      if !absent.isEmpty {
        find(
          .note, .emptyClass,
          "The \(part.split.rawValue) part has no text of \(absent.map { "\"\($0)\"" }.joined(separator: ", "))."
        )
      }
    }
  }
}
