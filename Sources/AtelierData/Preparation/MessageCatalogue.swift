/// A catalogue of translated messages as GNU gettext compiles it (`.mo`).
package enum MessageCatalogue {
  /// The messages and their translations, without contexts and plurals; none where the file is no catalogue.
  package static func messages(_ bytes: [UInt8]) -> [(original: String, translation: String)] {
    func number(_ place: Int) -> Int? {
      guard place >= 0, place + 4 <= bytes.count else { return nil }
      return (0..<4).reduce(0) { $0 | Int(bytes[place + $1]) << (8 * $1) }
    }
    func text(_ table: Int, _ index: Int) -> String? {
      guard let length = number(table + 8 * index), let start = number(table + 8 * index + 4), length >= 0,
        start >= 0, start + length <= bytes.count
      else { return nil }
      // A plural stands behind a zero.
      return String(validating: bytes[start..<(start + length)].prefix { $0 != 0 }, as: UTF8.self)
    }
    guard number(0) == 0x9504_12DE, let count = number(8), let originals = number(12),
      let translations = number(16),
      count * 8 <= bytes.count
    else { return [] }
    return (0..<count).compactMap { index in
      guard let original = text(originals, index), let translation = text(translations, index) else {
        return nil
      }
      // A context stands in front of the byte 4.
      let sentence = original.split(separator: "\u{04}", omittingEmptySubsequences: false).last.map(
        String.init)
      guard let sentence, !sentence.isEmpty, !translation.isEmpty else { return nil }
      return (sentence, translation)
    }
  }

  /// A message without the marks of its keyboard shortcut, and without tags.
  static func plain(_ message: String) -> String {
    var text = ""
    var isTag = false
    for character in message {
      switch character {
      case "<": isTag = true
      case ">" where isTag: isTag = false
      case "_", "~": break
      default: if !isTag { text.append(character) }
      }
    }
    return text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
  }
}
