/// How a measure of texts divides them into tokens, by the names of sacreBLEU.
public enum TextTokenization: String, Sendable, Hashable, Codable, CaseIterable {
  /// At white space.
  case none
  /// As NIST's `mteval-v13a.pl`, for languages of Western scripts.
  case thirteenA = "13a"
  /// Chinese characters one by one, and 13a in between.
  case chinese = "zh"
  /// Characters one by one.
  case characters = "char"
  /// As `mteval-v14.pl --international`: Unicode's punctuation and symbols apart.
  case international = "intl"

  /// The tokens of a text.
  public func callAsFunction(_ text: String) -> [String] {
    let scalars = Array(text.unicodeScalars)
    switch self {
    case .none: return Self.words(scalars)
    case .characters: return scalars.filter { !Self.isSpace($0) }.map { String($0) }
    case .thirteenA: return Self.words(Self.western(Self.unescaped(text)))
    case .chinese:
      let trimmed = scalars.drop(while: Self.isSpace).reversed().drop(while: Self.isSpace).reversed()
      return Self.words(
        Self.western(Self.apart(Array(trimmed), where: Self.isChinese)))
    case .international: return Self.words(Self.symbolsApart(scalars))
    }
  }

  static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.isWhitespace || (0x1C...0x1F).contains(scalar.value)
  }

  private static func words(_ scalars: [Unicode.Scalar]) -> [String] {
    scalars.split(whereSeparator: isSpace).map { word in
      var view = String.UnicodeScalarView()
      view.append(contentsOf: word)
      return String(view)
    }
  }

  /// The text between two spaces, with the entities of SGML as characters.
  private static func unescaped(_ text: String) -> [Unicode.Scalar] {
    var text = text.replacing("<skipped>", with: "").replacing("-\n", with: "").replacing("\n", with: " ")
    if text.unicodeScalars.contains("&") {
      for (entity, character) in [("&quot;", "\""), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">")] {
        text = text.replacing(entity, with: character)
      }
    }
    return Array(" \(text) ".unicodeScalars)
  }

  /// Marks of punctuation between spaces: full stops and commas except between digits, hyphens after digits.
  private static func western(_ scalars: [Unicode.Scalar]) -> [Unicode.Scalar] {
    func isMark(_ s: Unicode.Scalar) -> Bool {
      switch s.value {
      case 0x7B...0x7E, 0x5B...0x60, 0x20...0x26, 0x28...0x2B, 0x3A...0x40, 0x2F: true
      default: false
      }
    }
    func isDigit(_ s: Unicode.Scalar) -> Bool { (0x30...0x39).contains(s.value) }
    func isStop(_ s: Unicode.Scalar) -> Bool { s == "." || s == "," }
    var text = apart(scalars, where: isMark)
    text = pairs(text, { !isDigit($0) && isStop($1) }) { [$0, " ", $1, " "] }
    text = pairs(text, { isStop($0) && !isDigit($1) }) { [" ", $0, " ", $1] }
    return pairs(text, { isDigit($0) && $1 == "-" }) { [$0, " ", $1, " "] }
  }

  private static func symbolsApart(_ scalars: [Unicode.Scalar]) -> [Unicode.Scalar] {
    func isNumber(_ s: Unicode.Scalar) -> Bool {
      [.decimalNumber, .letterNumber, .otherNumber].contains(s.properties.generalCategory)
    }
    func isPunctuation(_ s: Unicode.Scalar) -> Bool {
      switch s.properties.generalCategory {
      case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
        .finalPunctuation, .otherPunctuation:
        true
      default: false
      }
    }
    func isSymbol(_ s: Unicode.Scalar) -> Bool {
      [.mathSymbol, .currencySymbol, .modifierSymbol, .otherSymbol].contains(s.properties.generalCategory)
    }
    var text = pairs(scalars, { !isNumber($0) && isPunctuation($1) }) { [$0, " ", $1, " "] }
    text = pairs(text, { isPunctuation($0) && !isNumber($1) }) { [" ", $0, " ", $1] }
    return apart(text, where: isSymbol)
  }

  /// Some characters between spaces.
  private static func apart(
    _ scalars: [Unicode.Scalar], where isApart: (Unicode.Scalar) -> Bool
  ) -> [Unicode.Scalar] {
    scalars.flatMap { scalar -> [Unicode.Scalar] in isApart(scalar) ? [" ", scalar, " "] : [scalar] }
  }

  /// Replaces pairs of neighbours, from the left, none of them twice.
  private static func pairs(
    _ scalars: [Unicode.Scalar], _ matches: (Unicode.Scalar, Unicode.Scalar) -> Bool,
    _ replacement: (Unicode.Scalar, Unicode.Scalar) -> [Unicode.Scalar]
  ) -> [Unicode.Scalar] {
    var result: [Unicode.Scalar] = []
    var place = 0
    while place < scalars.count {
      if place + 1 < scalars.count, matches(scalars[place], scalars[place + 1]) {
        result += replacement(scalars[place], scalars[place + 1])
        place += 2
      } else {
        result.append(scalars[place])
        place += 1
      }
    }
    return result
  }

  /// The ranges of sacreBLEU, the two that its notation cuts to four digits included.
  private static func isChinese(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x3400...0x4DB5, 0x4E00...0x9FBB, 0xF900...0xFA2D, 0xFA30...0xFA6A, 0xFA70...0xFAD9, 0x2001...0x2A6D,
      0x2F81...0x2FA1, 0xFF00...0xFFEF, 0x2E80...0x2EFF, 0x3000...0x303F, 0x31C0...0x31EF, 0x2F00...0x2FDF,
      0x2FF0...0x2FFF, 0x3100...0x312F, 0x31A0...0x31BF, 0xFE10...0xFE1F, 0xFE30...0xFE4F, 0x3200...0x33FF:
      true
    default: false
    }
  }
}

/// How often each run of `order` tokens occurs.
func runs<Token: Hashable>(of order: Int, in tokens: [Token]) -> [ArraySlice<Token>: Int] {
  var counts: [ArraySlice<Token>: Int] = [:]
  guard tokens.count >= order else { return counts }
  for start in 0...(tokens.count - order) { counts[tokens[start..<(start + order)], default: 0] += 1 }
  return counts
}
