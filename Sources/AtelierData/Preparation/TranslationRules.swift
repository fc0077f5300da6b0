/// Sentence pairs of English and another language, of which those are kept that a translator can learn from.
struct TranslationRules {
  /// The other language.
  let language: String
  /// What is kept, by part.
  private(set) var kept: [DatasetSplit: [(english: String, other: String)]] = [:]
  /// The number of pairs that are not kept, by the reason.
  private(set) var leftOut: [String: Int] = [:]
  /// The number of pairs that are kept.
  private(set) var count = 0
  private var seen: Set<String> = []

  init(language: String) { self.language = language }

  /// Takes a pair, unless something speaks against it.
  mutating func add(_ english: String, _ other: String, to part: DatasetSplit) {
    if let reason = objection(english, other) {
      leftOut[reason, default: 0] += 1
    } else if seen.insert(english.lowercased()).inserted {
      kept[part, default: []].append((english, other))
      count += 1
    } else {
      leftOut["have an English sentence that was there before", default: 0] += 1
    }
  }

  private func objection(_ english: String, _ other: String) -> String? {
    let words = english.split(separator: " ").count
    guard (3...40).contains(words) else { return "have fewer than 3 or more than 40 English words" }
    guard english != other else { return "are not translated" }
    guard !other.isEmpty, !isCode(english) else { return "hold program code" }
    let scalars = other.unicodeScalars
    let own: (ClosedRange<UInt32>)? =
      switch language {
      case "zh", "ja": 0x3040...0x9FFF
      case "ko": 0xAC00...0xD7A3
      case "ru": 0x0400...0x04FF
      default: nil
      }
    let isOwn =
      own.map { own in scalars.contains { own.contains($0.value) } } ?? scalars.contains(where: isLatin)
    guard isOwn else { return "are not in their script" }
    let length: Double
    let usual: ClosedRange<Double>
    switch language {
    case "zh", "ja": (length, usual) = (Double(scalars.count) / Double(words), 0.6...8)
    case "ko": (length, usual) = (Double(scalars.count) / Double(words), 0.8...8)
    default: (length, usual) = (Double(other.split(separator: " ").count) / Double(words), 0.4...2.2)
    }
    return usual.contains(length) ? nil : "differ too much in length"
  }

  private func isLatin(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.isAlphabetic && scalar.value < 0x0250
  }

  /// Braces, tags and backslashes, calls such as `SUM(A1)`, and what has no letter.
  private func isCode(_ text: String) -> Bool {
    var isInCall = false
    var hasLetter = false
    var last: Character = " "
    for character in text {
      switch character {
      case "{", "}", "<", ">", "\\": return true
      case "(": isInCall = isWord(last)
      case ")":
        if isInCall { return true }
      default:
        if !isWord(character) { isInCall = false }
        if character.isLetter { hasLetter = true }
      }
      last = character
    }
    return !hasLetter
  }

  private func isWord(_ character: Character) -> Bool {
    character.isLetter || character.isNumber || character == "_"
  }
}
