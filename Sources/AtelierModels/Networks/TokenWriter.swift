import AtelierCore
import AtelierData

/// Turns tokens into pieces of text that can be put one after the other.
///
/// Words need to know whether a space belongs before them; bytes wait until a character is whole.
struct TokenWriter {
  private let tokenizer: any TextTokenizer
  private var isAtStart: Bool
  private var pending: [UInt8] = []

  /// A writer that goes on after `prompt`.
  init(_ tokenizer: any TextTokenizer, after prompt: String) {
    self.tokenizer = tokenizer
    isAtStart = prompt.last.map(\.isWhitespace) ?? true
  }

  /// The text that a token adds; empty while a character's bytes are incomplete.
  mutating func text(for token: Int) -> String {
    switch tokenizer.addition(of: token) {
    case .characters(let text):
      if let last = text.last { isAtStart = last == "\n" }
      return text
    case .word(let word):
      let needsSpace = !isAtStart && word != "\n"
      isAtStart = word == "\n"
      return (needsSpace ? " " : "") + word
    case .bytes(let bytes):
      pending += bytes
      if let last = bytes.last { isAtStart = last == 10 }
      let whole = pending.count - Self.incomplete(pending)
      defer { pending.removeFirst(whole) }
      return String(decoding: pending[..<whole], as: UTF8.self)
    }
  }

  /// How many bytes at the end are the beginning of a character.
  private static func incomplete(_ bytes: [UInt8]) -> Int {
    for count in 1...3 where count <= bytes.count {
      let byte = bytes[bytes.count - count]
      // Bytes 10xxxxxx continue a character.
      if byte & 0xC0 == 0x80 { continue }
      let length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1
      return byte < 0xF8 && length > count ? count : 0
    }
    return 0
  }

  /// What is left of an incomplete character.
  mutating func finish() -> String {
    defer { pending = [] }
    return String(decoding: pending, as: UTF8.self)
  }
}
