/// The paragraphs of a page of LibreOffice's help.
enum HelpPage {
  /// The text of each paragraph and heading with an identifier, in their order; variants for other systems and programs,
  /// which are marked hidden, are left out.
  static func paragraphs(_ page: String) -> [(id: String, text: String)] {
    var found: [(id: String, text: String)] = []
    var open: (tag: String, id: String, text: String)?
    var hidden = 0
    var rest = page.utf8[...]
    while let start = rest.firstIndex(of: UInt8(ascii: "<")) {
      if open != nil, hidden == 0 { open?.text += String(Substring(rest[..<start])) }
      guard let end = rest[start...].firstIndex(of: UInt8(ascii: ">")) else { break }
      let tag = String(Substring(rest[rest.index(after: start)..<end]))
      rest = rest[rest.index(after: end)...]
      let isClosing = tag.hasPrefix("/")
      let name = tag.drop { $0 == "/" }.prefix { $0.isLetter || $0.isNumber }.lowercased()
      if name == "span" {
        if hidden > 0 {
          hidden += isClosing ? -1 : 1
        } else if !isClosing, tag.contains("hidden=\"true\"") {
          hidden = 1
        }
      }
      let isBlock = name == "p" || (name.count == 2 && name.first == "h" && name.last?.isNumber == true)
      guard isBlock else { continue }
      if isClosing {
        if let own = open, own.tag == name {
          found.append((own.id, tidy(own.text)))
          open = nil
          hidden = 0
        }
      } else if let id = identifier(tag) {
        open = (name, id, "")
        hidden = 0
      }
    }
    return found.filter { !$0.text.isEmpty }
  }

  private static func identifier(_ tag: String) -> String? {
    guard let start = tag.firstRange(of: "id=\"") else { return nil }
    let id = String(tag[start.upperBound...].prefix { $0 != "\"" })
    return ["par", "hd", "bm", "tit"].contains { id.hasPrefix($0) } ? id : nil
  }

  /// Entities as characters, and single spaces.
  static func tidy(_ text: String) -> String {
    var plain = ""
    var rest = text[...]
    while let mark = rest.firstIndex(of: "&") {
      plain += rest[..<mark]
      rest = rest[rest.index(after: mark)...]
      if let end = rest.prefix(10).firstIndex(of: ";"), let character = character(named: rest[..<end]) {
        plain.unicodeScalars.append(character)
        rest = rest[rest.index(after: end)...]
      } else {
        plain += "&"
      }
    }
    return (plain + rest).split(whereSeparator: \.isWhitespace).joined(separator: " ")
  }

  private static func character(named name: Substring) -> Unicode.Scalar? {
    switch name {
    case "lt": return "<"
    case "gt": return ">"
    case "quot": return "\""
    case "apos": return "'"
    case "nbsp": return " "
    case "amp": return "&"
    default:
      guard name.first == "#" else { return nil }
      let digits = name.dropFirst()
      let value = digits.first == "x" ? UInt32(digits.dropFirst(), radix: 16) : UInt32(digits)
      return value.flatMap(Unicode.Scalar.init)
    }
  }
}
