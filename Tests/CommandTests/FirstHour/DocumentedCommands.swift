import Foundation
import TestSupport

/// A program under test, for files that import the command line's own `Program`.
typealias TestedProgram = Program

/// The commands of `atelier` that stand in blocks of code, fenced or indented, of the README and of every page, as a person would copy them.
struct DocumentedCommand: CustomStringConvertible, Sendable {
  /// The page, relative to the package.
  let page: String
  /// The words behind `atelier`, as a shell gives them.
  let words: [String]

  var description: String { "\(page): atelier \(words.joined(separator: " "))" }

  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  /// Every page of the package.
  static var pages: [String] {
    let documentation = root.appendingPathComponent("Documentation")
    let pages = (try? FileManager.default.subpathsOfDirectory(atPath: documentation.path)) ?? []
    return ["README.md", "CONTRIBUTING.md"]
      + pages.filter { $0.hasSuffix(".md") }.sorted().map { "Documentation/\($0)" }
  }

  static func all() throws -> [DocumentedCommand] { try pages.flatMap { try commands(of: $0) } }

  /// The commands of a page, in their order.
  static func commands(of page: String) throws -> [DocumentedCommand] {
    let text = try String(contentsOf: root.appendingPathComponent(page), encoding: .utf8)
    var isCode = false
    var found: [DocumentedCommand] = []
    var continued = ""
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix("```") {
        isCode.toggle()
        continue
      }
      guard isCode || line.hasPrefix("    ") || !continued.isEmpty else { continue }
      if line.hasSuffix("\\") {
        continued += line.dropLast() + " "
        continue
      }
      let words = shellWords(continued + line.drop { $0 == " " })
      continued = ""
      for command in words.split(separator: "&&") where command.first == "atelier" {
        found.append(DocumentedCommand(page: page, words: Array(command.dropFirst())))
      }
    }
    return found
  }

  /// Words as a shell divides them: quotes hold together, a comment ends the line.
  static func shellWords(_ line: String) -> [String] {
    var words: [String] = []
    var word: String?
    var quote: Character?
    for character in line {
      if let open = quote {
        if character == open { quote = nil } else { word = (word ?? "") + String(character) }
      } else if character == "\"" || character == "'" {
        quote = character
        word = word ?? ""
      } else if character == "#", word == nil {
        break
      } else if character == " " {
        if let whole = word { words.append(whole) }
        word = nil
      } else {
        word = (word ?? "") + String(character)
      }
    }
    if let whole = word { words.append(whole) }
    return words
  }
}
