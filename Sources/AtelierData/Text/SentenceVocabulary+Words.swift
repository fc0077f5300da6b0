extension SentenceVocabulary {
  private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .decimalNumber,
      .letterNumber, .otherNumber, .nonspacingMark, .spacingMark, .enclosingMark:
      true
    default: scalar == "_"
    }
  }

  /// Words and marks of punctuation, which carry joiners where no space is beside them.
  static func words(_ text: String) -> [String] {
    let scalars = Array(text.unicodeScalars).map { $0 == joiner ? "■" : $0 }
    func isSpace(_ place: Int) -> Bool {
      !scalars.indices.contains(place) || scalars[place].properties.isWhitespace
    }
    var words: [String] = []
    var place = 0
    while place < scalars.count {
      if isSpace(place) {
        place += 1
        continue
      }
      var end = place
      while end < scalars.count {
        let isApostrophe =
          (scalars[end] == "'" || scalars[end] == "\u{2019}") && end > place && end + 1 < scalars.count
          && isWord(scalars[end + 1])
        guard isWord(scalars[end]) || isApostrophe else { break }
        end += 1
      }
      var word = String.UnicodeScalarView()
      if end > place {
        word.append(contentsOf: scalars[place..<end])
      } else {
        end = place + 1
        if !isSpace(place - 1) { word.append(joiner) }
        word.append(scalars[place])
        if !isSpace(end) { word.append(joiner) }
      }
      words.append(String(word))
      place = end
    }
    return words
  }

  /// Words with spaces between them, except beside joiners.
  static func sentence(of words: [String]) -> String {
    var text = String.UnicodeScalarView()
    var isJoined = true
    for word in words {
      let scalars = word.unicodeScalars
      let begins = scalars.first == joiner && scalars.count > 1
      let ends = scalars.last == joiner && scalars.count > 1
      if !isJoined, !begins { text.append(" ") }
      text.append(contentsOf: scalars.dropFirst(begins ? 1 : 0).dropLast(ends ? 1 : 0))
      isJoined = ends
    }
    return String(text)
  }

  // MARK: Bytes

  static func name(ofByte byte: UInt8) -> String {
    let digits = String(byte, radix: 16, uppercase: true)
    return "<0x" + (digits.count < 2 ? "0" : "") + digits + ">"
  }

  static func byte(named name: String) -> UInt8? {
    name.hasPrefix("<0x") ? UInt8(name.dropFirst(3).dropLast(), radix: 16) : nil
  }
}
