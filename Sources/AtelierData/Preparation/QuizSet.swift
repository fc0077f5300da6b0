public import Foundation

/// Questions with answers, made of the files of the game quiz of BSD: capitals, chemical elements, lines of Shakespeare
/// and their continuations, and the like.
///
/// They are facts: what a model has not read it cannot answer, other than what follows from its form, such as sums.
public enum QuizSet {
  /// Where the package `bsdgames` installs them, below the root.
  public static let usualFolder = "usr/share/games/bsdgames/quiz"

  /// Writes `train.jsonl`, `valid.jsonl` and `test.jsonl` of objects with `question`, `answer`, `accepted` (what counts
  /// as right, with ` | ` between) and `subject`.
  ///
  /// Each line of a file is a fact of several columns, and each column asks for every other; all questions of a fact
  /// are in one part. Of several spellings the question and the answer have the first, in full.
  ///
  /// - Parameters:
  ///   - folder: the folder of the file `index`, which names the others and their columns.
  ///   - seed: the seed of the division into parts.
  /// - Throws: ``DatasetError/exists(path:)`` where the folder exists, ``DatasetError/notFound(path:)`` where there is
  ///   no index, ``DatasetError/badTable(path:reason:)`` with the line that breaks the form of such files.
  public static func prepare(
    to target: URL, folder: URL, seed: UInt64 = 0, progress: PreparationProgress? = nil
  ) throws(DatasetError) -> PreparationReport {
    var report = PreparationReport(written: 0, leftOut: [])
    let index = try QuizFile(folder.appendingPathComponent("index"))
    let subjects = index.lines
    report.leftOut += index.faults
    var rows: [(part: DatasetSplit, cells: [String: String])] = []
    var asked: Set<String> = []
    for (number, subject) in subjects.enumerated() {
      defer { progress?(number + 1, subjects.count) }
      // The index has absolute paths; the files lie beside it.
      let name = (subject.columns[0].heading as NSString).lastPathComponent
      let headings = subject.columns.dropFirst().map(\.heading)
      let file = folder.appendingPathComponent(name)
      guard FileManager.default.fileExists(atPath: file.path), !name.isEmpty, name != ".." else {
        report.leftOut.append("\(name), which the index names and which is not there (\(file.path)).")
        continue
      }
      let facts = try QuizFile(file)
      report.leftOut += facts.faults
      for line in facts.lines {
        guard line.columns.count <= headings.count else {
          report.leftOut.append(
            "line \(line.number) of \(name), which has \(line.columns.count) columns where the index names "
              + "\(headings.count).")
          continue
        }
        let values = line.columns.map(\.text)
        guard let first = values.first(where: { !$0.isEmpty }) else { continue }
        let part = DatasetSplit.drawn(seed: seed, purpose: "questions \(first.lowercased())")
        for (from, value) in values.enumerated() where !value.isEmpty {
          for (to, answer) in values.enumerated() where to != from && !answer.isEmpty {
            let question = "\(headings[from]) \(value): \(headings[to])?"
            guard asked.insert("\(question)\n\(answer)").inserted else { continue }
            rows.append(
              (
                part,
                [
                  "question": question, "answer": answer, "subject": name,
                  "accepted": line.columns[to].spellings.joined(separator: " | "),
                ]
              ))
          }
        }
      }
    }
    guard !rows.isEmpty else { throw .invalid(reason: "the files in \(folder.path) hold no question") }
    report.found = ["\(rows.count) questions of \(subjects.count) subjects."]
    report.written = try ArticleSet.write(rows, to: target, recipe: "questions \(seed)\n\(folder.path)\n")
    return report
  }
}

/// A file of the game quiz: columns with colons between, each a pattern of spellings; a backslash takes a sign's meaning
/// away, and at the end of a line joins the next to it.
struct QuizFile {
  /// A fact and the line where it begins, from 1.
  typealias Line = (number: Int, columns: [QuizPattern])

  private static let mostColumns = 16
  private static let longestLine = 1 << 14

  /// The facts in their order.
  private(set) var lines: [Line] = []
  /// The lines that are no patterns, a sentence each; Debian's files have one such.
  private(set) var faults: [String] = []

  /// Reads a file.
  ///
  /// - Throws: ``DatasetError/badTable(path:reason:)`` with the line that cannot be one of such a file.
  init(_ file: URL) throws(DatasetError) {
    var whole = ""
    var start = 1
    for (index, line) in try TextFile.lines(of: file).enumerated() {
      if whole.isEmpty { start = index + 1 }
      whole += line
      guard whole.utf8.count <= Self.longestLine else {
        throw .badTable(path: file.path, reason: "line \(start) is longer than \(Self.longestLine) bytes")
      }
      // Two backslashes are a sign.
      if line.reversed().prefix(while: { $0 == "\\" }).count % 2 == 1 {
        whole.removeLast()
        continue
      }
      defer { whole = "" }
      if whole.isEmpty { continue }
      let columns = Self.columns(of: whole)
      guard columns.count <= Self.mostColumns else {
        throw .badTable(path: file.path, reason: "line \(start) has more than \(Self.mostColumns) columns")
      }
      let patterns = columns.compactMap { QuizPattern($0) }
      guard patterns.count == columns.count else {
        faults.append(
          "line \(start) of \(file.lastPathComponent), which has a brace or bracket without its partner, or too many "
            + "within one another.")
        continue
      }
      lines.append((start, patterns))
    }
    guard whole.isEmpty else {
      throw .badTable(
        path: file.path, reason: "line \(start) is to be joined with a next line, and is the last")
    }
  }

  private static func columns(of line: String) -> [String] {
    var columns = [""]
    var isQuoted = false
    for character in line {
      if character == ":", !isQuoted {
        columns.append("")
      } else {
        columns[columns.count - 1].append(character)
      }
      isQuoted = character == "\\" && !isQuoted
    }
    return columns
  }
}

/// Spellings of one thing: `a|b` is one of them, `{a}` may be absent, `[a|b]` is one of them within a word.
struct QuizPattern {
  private enum Piece {
    case text(String)
    case group(isOptional: Bool, [[Piece]])
  }

  private static let deepest = 16
  private static let mostSpellings = 32

  private let alternatives: [[Piece]]

  /// A pattern; nil where braces or brackets do not match.
  init?(_ text: String) {
    var rest = Array(text)[...]
    guard let alternatives = Self.parsed(&rest, closedBy: nil, depth: 0), rest.isEmpty else { return nil }
    self.alternatives = alternatives
  }

  private static func parsed(
    _ rest: inout ArraySlice<Character>, closedBy end: Character?, depth: Int
  ) -> [[Piece]]? {
    guard depth <= deepest else { return nil }
    var alternatives: [[Piece]] = [[]]
    func append(_ character: Character) {
      let last = alternatives.count - 1
      if case .text(let text)? = alternatives[last].last {
        alternatives[last][alternatives[last].count - 1] = .text(text + String(character))
      } else {
        alternatives[last].append(.text(String(character)))
      }
    }
    while let character = rest.popFirst() {
      switch character {
      case end: return alternatives
      case "\\": append(rest.popFirst() ?? "\\")
      case "|": alternatives.append([])
      case "{", "[":
        guard
          let inner = parsed(&rest, closedBy: character == "{" ? "}" : "]", depth: depth + 1)
        else { return nil }
        alternatives[alternatives.count - 1].append(.group(isOptional: character == "{", inner))
      case "}", "]": return nil
      default: append(character)
      }
    }
    return end == nil ? alternatives : nil
  }

  /// The first spelling, in full, without remarks in parentheses that may be absent.
  var text: String { Self.tidy(Self.full(alternatives, asHeading: false)) }

  /// The same without a single letter that may be absent, as the plural's.
  var heading: String { Self.tidy(Self.full(alternatives, asHeading: true)) }

  /// All spellings, the first in full before the others, as far as there are not too many.
  var spellings: [String] {
    var found = [text]
    for spelling in Self.all(alternatives).map(Self.tidy) where !spelling.isEmpty && !found.contains(spelling)
    {
      found.append(spelling)
    }
    return Array(found.prefix(Self.mostSpellings))
  }

  private static func full(_ alternatives: [[Piece]], asHeading: Bool) -> String {
    (alternatives.first ?? []).map { piece in
      switch piece {
      case .text(let text): return text
      case .group(isOptional: false, let inner):
        return accented(inner) ?? full(inner, asHeading: asHeading)
      case .group(isOptional: true, let inner):
        let text = full(inner, asHeading: asHeading)
        let isPlural = asHeading && text.count == 1 && text.first?.isLetter == true
        return text.hasPrefix("(") || isPlural ? "" : text
      }
    }.joined()
  }

  /// `^o|o^|o` is how ASCII writes ô.
  private static func accented(_ alternatives: [[Piece]]) -> String? {
    guard alternatives.count > 1, case .text(let marked)? = alternatives[0].first, alternatives[0].count == 1,
      case .text(let plain)? = alternatives[alternatives.count - 1].first, plain.count == 1,
      let letter = plain.first, letter.isLetter, marked.count == 2, marked.last == letter,
      let mark = marked.first.flatMap({ marks[$0] })
    else { return nil }
    return (plain + mark).precomposedStringWithCanonicalMapping
  }

  private static let marks: [Character: String] = [
    "'": "\u{301}", "^": "\u{302}", "`": "\u{300}", "~": "\u{303}", "\"": "\u{308}", ",": "\u{327}",
  ]

  private static func all(_ alternatives: [[Piece]]) -> [String] {
    var found: [String] = []
    for pieces in alternatives {
      var spellings = [""]
      for piece in pieces {
        let choices: [String]
        switch piece {
        case .text(let text): choices = [text]
        case .group(let isOptional, let inner):
          choices = (accented(inner).map { [$0] } ?? []) + all(inner) + (isOptional ? [""] : [])
        }
        spellings = Array(
          spellings.lazy.flatMap { beginning in choices.lazy.map { beginning + $0 } }.prefix(mostSpellings))
      }
      found += spellings
      if found.count >= mostSpellings { break }
    }
    return Array(found.prefix(mostSpellings))
  }

  private static func tidy(_ text: String) -> String {
    text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
  }
}
