import AtelierCore
import AtelierData

/// Turns tokens into pieces of text that can be put one after the other.
///
/// Words need to know whether a space belongs before them; bytes wait until a character is whole.
struct TokenWriter {
  private let vocabulary: Vocabulary
  private var isAtStart: Bool
  private var pending: [UInt8] = []

  /// A writer that goes on after `prompt`.
  init(_ vocabulary: Vocabulary, after prompt: String) {
    self.vocabulary = vocabulary
    isAtStart = prompt.last.map(\.isWhitespace) ?? true
  }

  /// The text that a token adds; empty while a character's bytes are incomplete.
  mutating func text(for token: Int) -> String {
    switch vocabulary.unit {
    case .characters: return vocabulary.decode([token])
    case .words:
      let word = vocabulary.decode([token])
      let needsSpace = !isAtStart && word != "\n"
      isAtStart = word == "\n"
      return (needsSpace ? " " : "") + word
    case .bytes:
      pending.append(UInt8(truncatingIfNeeded: token))
      // No character of UTF-8 is longer than four bytes; what is none by then never will be.
      guard String(validating: pending, as: UTF8.self) != nil || pending.count >= 4 else { return "" }
      return finish()
    }
  }

  /// What is left of an incomplete character.
  mutating func finish() -> String {
    defer { pending = [] }
    return String(decoding: pending, as: UTF8.self)
  }
}
