package import Foundation

/// The classes of label maps: their names and, for colour-coded maps, their colours.
///
/// Read from the first of these files beside the maps:
///
/// | file | contents |
/// |---|---|
/// | `classes.json` | a list of names, an object from index to name, or a list of `{"name", "color"}` |
/// | `classes.csv`, `class_dict.csv` | one `name,r,g,b` per line, with or without a header |
/// | `classes.txt`, `label_colors.txt` | one name, or `r g b name`, per line |
package struct ClassTable: Sendable, Hashable {
  /// The names of the classes; empty where there is no table.
  private(set) var names: [String] = []
  /// The RGB colour of each class; empty where maps hold indices.
  private(set) var colours: [[UInt8]] = []

  /// - Throws: ``DatasetError/badTable(path:reason:)`` for a file of another form, or one with colours for
  ///   only some classes.
  package init(in folder: URL) throws(DatasetError) {
    for name in ["classes.json", "classes.csv", "class_dict.csv", "classes.txt", "label_colors.txt"] {
      let file = folder.appendingPathComponent(name)
      guard FileManager.default.fileExists(atPath: file.path) else { continue }
      let data: Data
      do { data = try Data(contentsOf: file) } catch {
        throw .badTable(
          path: file.path, reason: "it is there and cannot be read; change its permissions or remove it")
      }
      if name.hasSuffix("json") {
        try read(json: data, file)
      } else {
        guard let text = String(data: data, encoding: .utf8) else {
          throw .badTable(path: file.path, reason: "it is not text in UTF-8")
        }
        let lines = text.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }
          .filter { !$0.isEmpty }
        try read(name.hasSuffix("csv") ? Self.separated(lines) : lines.map(Self.line), file)
      }
      return
    }
  }

  private struct Entry: Decodable {
    let name: String
    let color: [Int]?
    let colour: [Int]?
  }

  private mutating func read(json data: Data, _ file: URL) throws(DatasetError) {
    let decoder = JSONDecoder()
    if let list = try? decoder.decode([String].self, from: data) {
      names = list
    } else if let list = try? decoder.decode([Entry].self, from: data) {
      try read(list.map { (name: $0.name, colour: $0.color ?? $0.colour) }, file)
    } else if let table = try? decoder.decode([String: String].self, from: data),
      let last = table.keys.map({ Int($0) ?? -1 }).max(), last < 65536,
      table.keys.allSatisfy({ (Int($0) ?? -1) >= 0 })
    {
      names = (0...max(0, last)).map { table[String($0)] ?? String($0) }
    } else {
      throw .badTable(
        path: file.path,
        reason: "it is not a list of names, an object from index to name, or a list of names with colours")
    }
  }

  private mutating func read(_ entries: [(name: String, colour: [Int]?)], _ file: URL) throws(DatasetError) {
    names = entries.map(\.name)
    let coloured = entries.compactMap(\.colour)
    guard !coloured.isEmpty else { return }
    guard coloured.count == entries.count, coloured.allSatisfy({ $0.count == 3 }),
      coloured.joined().allSatisfy({ (0...255).contains($0) })
    else {
      throw .badTable(
        path: file.path, reason: "colours must be three numbers from 0 to 255, for every class or for none")
    }
    colours = coloured.map { $0.map { UInt8($0) } }
    guard Set(colours).count == colours.count else {
      throw .badTable(path: file.path, reason: "two classes have the same colour")
    }
  }

  /// `r g b name`, or a name.
  private static func line(_ text: String) -> (name: String, colour: [Int]?) {
    let words = text.split(whereSeparator: { $0 == " " || $0 == "\t" })
    let numbers = words.prefix(3).compactMap { Int($0) }
    guard words.count >= 4, numbers.count == 3 else { return (text, nil) }
    return (words.dropFirst(3).joined(separator: " "), numbers)
  }

  /// `name,r,g,b`; a first line whose last three fields are not numbers is a header.
  private static func separated(_ lines: [String]) -> [(name: String, colour: [Int]?)] {
    let entries = lines.map { line -> (name: String, colour: [Int]?) in
      let fields = line.split(separator: ",", omittingEmptySubsequences: false)
        .map { $0.trimmingCharacters(in: .whitespaces) }
      let numbers = fields.dropFirst().prefix(3).compactMap { Int($0) }
      return (fields[0], numbers.count == 3 ? numbers : nil)
    }
    let hasTitle = entries.first?.colour == nil && entries.dropFirst().contains { $0.colour != nil }
    return hasTitle ? Array(entries.dropFirst()) : entries
  }
}
