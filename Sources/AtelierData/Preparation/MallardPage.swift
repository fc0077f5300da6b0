internal import Foundation

/// A page of GNOME's help, which is XML in the vocabulary of Mallard.
enum MallardPage {
  private static let blockNames: Set<String> = ["p", "title", "desc"]
  /// The number of elements within one another beyond which a page is none.
  private static let deepest = 256

  /// The paragraphs, titles and descriptions in their order, without editors' comments; nil where the page is not
  /// well-formed, or declares entities of its own.
  static func blocks(_ page: [UInt8]) -> [(name: String, text: String)]? {
    var found: [(name: String, text: String)] = []
    var open: [String] = []
    var block: (depth: Int, name: String, text: [UInt8])?
    var comment: Int?
    var place = 0
    func end(of mark: String, from start: Int) -> Int? {
      let mark = Array(mark.utf8)
      var place = start
      while place + mark.count <= page.count {
        if page[place] == mark[0], page[place..<(place + mark.count)].elementsEqual(mark) { return place }
        place += 1
      }
      return nil
    }
    while place < page.count {
      guard page[place] == UInt8(ascii: "<") else {
        var next = place
        while next < page.count, page[next] != UInt8(ascii: "<") { next += 1 }
        block?.text += page[place..<next]
        place = next
        continue
      }
      let rest = page[place...]
      if rest.starts(with: "<!--".utf8) {
        guard let end = end(of: "-->", from: place + 4) else { return nil }
        place = end + 3
      } else if rest.starts(with: "<![CDATA[".utf8) {
        guard let end = end(of: "]]>", from: place + 9) else { return nil }
        // Entities are resolved later, and here is none.
        block?.text += page[(place + 9)..<end].flatMap {
          $0 == UInt8(ascii: "&") ? Array("&amp;".utf8) : [$0]
        }
        place = end + 3
      } else if rest.starts(with: "<?".utf8) {
        guard let end = end(of: "?>", from: place + 2) else { return nil }
        place = end + 2
      } else if rest.starts(with: "<!".utf8) {
        guard let end = end(of: ">", from: place), !page[place..<end].contains(UInt8(ascii: "[")) else {
          return nil
        }
        place = end + 1
      } else {
        guard let tag = Tag(page, place) else { return nil }
        place = tag.end
        if tag.isClosing {
          guard open.popLast() == tag.name else { return nil }
          if comment == open.count { comment = nil }
          if let own = block, own.depth == open.count {
            found.append((own.name, HelpPage.tidy(String(decoding: own.text, as: UTF8.self))))
            block = nil
          }
          continue
        }
        let name = tag.name.split(separator: ":").last.map(String.init) ?? tag.name
        if block == nil, comment == nil {
          if blockNames.contains(name) {
            if tag.isEmpty { found.append((name, "")) } else { block = (open.count, name, []) }
          } else if name == "comment", !tag.isEmpty {
            comment = open.count
          }
        }
        if !tag.isEmpty { open.append(tag.name) }
        guard open.count <= deepest else { return nil }
      }
    }
    return open.isEmpty ? found : nil
  }

  /// What stands between `<` and `>`.
  private struct Tag {
    let name: String
    let isClosing: Bool
    let isEmpty: Bool
    /// The place behind it.
    let end: Int

    init?(_ page: [UInt8], _ start: Int) {
      var place = start + 1
      var quote: UInt8?
      while place < page.count, quote != nil || page[place] != UInt8(ascii: ">") {
        let byte = page[place]
        if byte == quote {
          quote = nil
        } else if quote == nil, byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
          quote = byte
        }
        place += 1
      }
      guard place < page.count else { return nil }
      let inner = page[(start + 1)..<place]
      isClosing = inner.first == UInt8(ascii: "/")
      isEmpty = !isClosing && inner.last == UInt8(ascii: "/")
      let name = inner.drop { $0 == UInt8(ascii: "/") }.prefix { $0 > 32 && $0 != UInt8(ascii: "/") }
      guard let text = String(validating: name, as: UTF8.self), !text.isEmpty else { return nil }
      (self.name, end) = (text, place + 1)
    }
  }
}
