import Atelier
import AtelierCore
import AtelierModels
import Foundation
import Testing

/// Every key says what it means, in the sentence above its declaration, and `atelier systems` shows that sentence.
struct KeyMeaningTests {
  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
  private static let file = root.appendingPathComponent("Sources/AtelierModels/KeyMeanings.swift")

  /// The keys of everything that a user can set, and of their tables.
  private static func settings() -> [(owner: String, settings: any Settings)] {
    func all<System: GenerativeSystem>(_ type: System.Type) -> [(String, any Settings)] {
      let presets = System.Configuration.presets.map(\.configuration)
      return presets.map { ("\(type)", $0) } + presets.map { ("\(type)", $0.plan.sampling) }
    }
    return SystemRegistry.standard.systems.flatMap { all($0) }
  }

  private static func keys(of settings: some Settings) -> [String] {
    settings.keys.flatMap { key in
      let inner = settings.keysOfTable(key)
      return inner.isEmpty ? [key] : inner.map { "\(key).\($0)" }
    }
  }

  @Test func everyKeyHasAMeaning() {
    for (owner, settings) in Self.settings() {
      for key in Self.keys(of: settings) {
        #expect(
          KeyMeanings.meaning(of: key, in: settings)?.isEmpty == false,
          "\(owner): the key '\(key)' has no sentence above its declaration, or KeyMeanings.swift is out of date (ATELIER_RECORD_MEANINGS=1)"
        )
      }
    }
  }

  @Test func everyNumberAndChoiceSaysWhatItTakes() {
    for (owner, settings) in Self.settings() {
      for key in Self.keys(of: settings) {
        let value = (try? settings.values())?[key]
        switch value {
        case .integer?, .number?, .boolean?, .list?:
          #expect(settings.allowedValues(of: key) != nil, "\(owner): '\(key)'")
        default: break
        }
      }
    }
  }

  @Test func theCollectedMeaningsAreThoseOfTheDeclarations() throws {
    let text = try String(contentsOf: Self.file, encoding: .utf8)
    let start = "private static let lines = #\"\"\"\n"
    let head = try #require(text.range(of: start))
    let end = try #require(text.range(of: "\n    \"\"\"#", range: head.upperBound..<text.endIndex))
    let collected = try Self.collected().map { "    " + $0 }.joined(separator: "\n")
    if ProcessInfo.processInfo.environment["ATELIER_RECORD_MEANINGS"] == "1" {
      try Data((text[..<head.upperBound] + collected + text[end.lowerBound...]).utf8).write(to: Self.file)
      return
    }
    let recorded = Set(text[head.upperBound..<end.lowerBound].split(separator: "\n"))
    let found = Set(collected.split(separator: "\n"))
    #expect(
      recorded == found,
      "KeyMeanings.swift is out of date, first in \(recorded.symmetricDifference(found).min() ?? ""); ATELIER_RECORD_MEANINGS=1 writes it anew"
    )
  }

  // MARK: Reading declarations

  private static func collected() throws -> [String] {
    var lines: Set<String> = []
    for target in ["AtelierCore", "AtelierModels"] {
      let folder = root.appendingPathComponent("Sources/\(target)")
      for name in try FileManager.default.subpathsOfDirectory(atPath: folder.path).sorted()
      where name.hasSuffix(".swift") && name != "KeyMeanings.swift" {
        let text = try String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)
        for (key, meaning) in try declarations(in: text) { lines.insert("\(key)\t\(meaning)") }
      }
    }
    return lines.sorted()
  }

  /// The stored properties of a file's types, `LSGAN.Configuration.imageSize`, with the first paragraph above each.
  private static func declarations(in text: String) throws -> [(key: String, meaning: String)] {
    let type = try Regex(
      #"^\s*(?:(?:public|package|internal|private|fileprivate|final|indirect)\s+)*(?:struct|extension|enum|class)\s+([A-Za-z0-9_.]+)"#,
      as: (Substring, Substring).self)
    let property = try Regex(
      #"^\s*public (?:private\(set\) )?var ([A-Za-z0-9_]+)\s*[:=]"#, as: (Substring, Substring).self)
    let quoted = try Regex(#""(?:[^"\\]|\\.)*""#)
    var depth = 0
    var owners: [(name: String, depth: Int)] = []
    var pending: String?
    var comment: [String] = []
    var found: [(String, String)] = []
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      let trimmed = line.drop { $0 == " " }
      if trimmed.hasPrefix("///") {
        comment.append(trimmed.dropFirst(3).trimmingCharacters(in: .whitespaces))
        continue
      }
      if trimmed.hasPrefix("//") || trimmed.hasPrefix("@") { continue }
      if let match = line.firstMatch(of: type) { pending = String(match.output.1) }
      if let match = line.firstMatch(of: property), pending == nil, let owner = owners.last,
        owner.depth == depth,
        !line.hasSuffix("{"), !comment.isEmpty
      {
        let paragraph = comment.prefix { !$0.isEmpty }.joined(separator: " ")
        let place = owners.map(\.name).joined(separator: ".")
        found.append(("\(place).\(match.output.1)", paragraph))
      }
      comment = []
      let code = line.replacing(quoted, with: "")
      let end = code.range(of: "//")?.lowerBound ?? code.endIndex
      for character in code[..<end] {
        if character == "{" {
          depth += 1
          if let name = pending { owners.append((name, depth)) }
          pending = nil
        } else if character == "}" {
          if owners.last?.depth == depth { owners.removeLast() }
          depth -= 1
        }
      }
    }
    return found
  }
}
