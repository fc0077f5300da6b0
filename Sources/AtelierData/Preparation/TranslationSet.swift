public import Foundation

/// Sentence pairs of English and another language, made of what Debian and Ubuntu install with LibreOffice: the
/// paragraphs of its help and the texts of its menus.
///
/// It is the language of software, and short: good to see systems of translation learn, and no measure of them beside
/// news or speech. Pages of the help are divided as a whole, so that test sentences are of pages that training has not
/// seen.
public enum TranslationSet {
  /// The languages that are known, and how the packages call them.
  public static let languages: [String: (help: String, messages: String)] = [
    "zh": ("zh-CN", "zh_CN"), "ko": ("ko", "ko"), "de": ("de", "de"), "es": ("es", "es"), "fr": ("fr", "fr"),
    "it": ("it", "it"), "ja": ("ja", "ja"), "ru": ("ru", "ru"), "pt": ("pt-BR", "pt_BR"), "nl": ("nl", "nl"),
  ]

  /// Where packages are installed.
  public static let usualRoot = "/"

  /// The packages that a language is made from.
  public static func packages(_ language: String) -> [String] {
    let code = (languages[language]?.help ?? language).lowercased()
    return ["libreoffice-help-en-us", "libreoffice-help-\(code)", "libreoffice-l10n-\(code)"]
  }

  /// Writes `train.en`, `train.de` and so on into a new folder, and the same for `valid` and `test`.
  ///
  /// Kept are pairs of 3 to 40 English words whose other side is in its language's script and neither far longer nor
  /// far shorter, without program code, each English sentence once.
  ///
  /// - Parameters:
  ///   - root: where the packages are installed, or unpacked.
  ///   - seed: the seed of the division into parts.
  /// - Throws: ``DatasetError/exists(path:)`` where the folder exists, ``DatasetError/notFound(path:)`` and
  ///   ``DatasetError/invalid(reason:)`` where nothing is to be made of the packages.
  public static func prepare(
    to target: URL, language: String, root: URL = URL(fileURLWithPath: usualRoot), seed: UInt64 = 0,
    progress: PreparationProgress? = nil
  ) throws(DatasetError) -> PreparationReport {
    guard let codes = languages[language] else {
      throw .invalid(
        reason:
          "there is no recipe for the language '\(language)'; there are \(languages.keys.sorted().joined(separator: ", "))"
      )
    }
    let help = root.appendingPathComponent("usr/share/libreoffice/help")
    let english = help.appendingPathComponent("en-US/text")
    let other = help.appendingPathComponent("\(codes.help)/text")
    for folder in [english, other] where !ImageFolders.isFolder(folder) { throw .notFound(path: folder.path) }
    var pairs = Pairs(language: language)
    let pages = files(below: english, ending: "html")
    for (number, page) in pages.enumerated() {
      defer { progress?(number + 1, pages.count) }
      let (one, two) = (english.appendingPathComponent(page), other.appendingPathComponent(page))
      // A page that is not translated has no file.
      guard FileManager.default.fileExists(atPath: two.path) else { continue }
      let (ours, theirs) = (try text(one), try text(two))
      let translated = Dictionary(HelpPage.paragraphs(theirs), uniquingKeysWith: { first, _ in first })
      let part = DatasetSplit.drawn(seed: seed, purpose: "translations \(page)")
      for (id, sentence) in HelpPage.paragraphs(ours) {
        if let translation = translated[id] { pairs.add(sentence, translation, to: part) }
      }
    }
    let messages = root.appendingPathComponent(
      "usr/lib/libreoffice/program/resource/\(codes.messages)/LC_MESSAGES")
    for name in files(below: messages, ending: "mo") {
      for (sentence, translation) in MessageCatalogue.messages(
        try bytes(messages.appendingPathComponent(name)))
      {
        pairs.add(
          MessageCatalogue.plain(sentence), MessageCatalogue.plain(translation),
          to: .drawn(seed: seed, purpose: "translations \(sentence)"))
      }
    }
    guard pairs.kept.values.contains(where: { !$0.isEmpty }) else {
      throw .invalid(reason: "the packages below \(root.path) hold no translated sentence")
    }
    let folder = try StagedFolder(target, recipe: "translations \(language) \(seed)\n\(root.path)\n")
    var written = 0
    for (split, name) in [(DatasetSplit.train, "train"), (.validation, "valid"), (.test, "test")] {
      let own = pairs.kept[split] ?? []
      for (ending, side) in [("en", own.map(\.english)), (language, own.map(\.other))] {
        try folder.write(Array((side.joined(separator: "\n") + "\n").utf8), to: "\(name).\(ending)")
        written += 1
      }
    }
    try folder.finish()
    return PreparationReport(
      written: written,
      leftOut: pairs.leftOut.sorted { $0.key < $1.key }.map { "\($0.value) pairs \($0.key)." })
  }

  private static func files(below folder: URL, ending: String) -> [String] {
    guard let walk = FileManager.default.enumerator(atPath: folder.path) else { return [] }
    return walk.compactMap { $0 as? String }.filter { $0.hasSuffix("." + ending) }.sorted()
  }

  private static func bytes(_ file: URL) throws(DatasetError) -> [UInt8] {
    do { return [UInt8](try Data(contentsOf: file)) } catch {
      throw .unusable(
        path: file.path, reason: "it is there and cannot be read; it has to be a file that you may read")
    }
  }

  private static func text(_ file: URL) throws(DatasetError) -> String {
    String(decoding: try bytes(file), as: UTF8.self)
  }

  /// What is kept, and what is not.
  private struct Pairs {
    let language: String
    var kept: [DatasetSplit: [(english: String, other: String)]] = [:]
    var leftOut: [String: Int] = [:]
    private var seen: Set<String> = []

    init(language: String) { self.language = language }

    mutating func add(_ english: String, _ other: String, to part: DatasetSplit) {
      if let reason = objection(english, other) {
        leftOut[reason, default: 0] += 1
      } else if seen.insert(english.lowercased()).inserted {
        kept[part, default: []].append((english, other))
      } else {
        leftOut["have an English sentence that was there before", default: 0] += 1
      }
    }

    private func objection(_ english: String, _ other: String) -> String? {
      let words = english.split(separator: " ").count
      guard (3...40).contains(words) else { return "have fewer than 3 or more than 40 English words" }
      guard english != other else { return "are not translated" }
      guard !english.contains(where: { "{}<>\\".contains($0) }), !other.isEmpty else {
        return "hold program code"
      }
      let scalars = other.unicodeScalars
      let own: (ClosedRange<UInt32>)? =
        switch language {
        case "zh", "ja": 0x3040...0x9FFF
        case "ko": 0xAC00...0xD7A3
        case "ru": 0x0400...0x04FF
        default: nil
        }
      if let own, !scalars.contains(where: { own.contains($0.value) }) { return "are not in their script" }
      let length: Double
      let usual: ClosedRange<Double>
      switch language {
      case "zh", "ja": (length, usual) = (Double(scalars.count) / Double(words), 0.6...8)
      case "ko": (length, usual) = (Double(scalars.count) / Double(words), 0.8...8)
      default:
        (length, usual) = (Double(other.split(separator: " ").count) / Double(words), 0.4...2.2)
      }
      return usual.contains(length) ? nil : "differ too much in length"
    }
  }
}

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
    var text = text
    if text.contains("&") {
      for (entity, character) in [
        ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&nbsp;", " "), ("&#39;", "'"),
        ("&amp;", "&"),
      ] { text = text.replacing(entity, with: character) }
    }
    return text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
  }
}

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
