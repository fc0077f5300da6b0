public import Foundation

/// Sentence pairs of English and another language, made of what Debian and Ubuntu hold: the help and the menus of
/// LibreOffice, the descriptions of packages, and GNOME's help.
///
/// It is the language of software, and short: good to see systems of translation learn, and no measure of them beside
/// news or speech. Pages of help and the packages of one source are divided as a whole, so that test sentences are of
/// pages and packages that training has not seen.
public enum TranslationSet {
  /// Where sentences come from.
  public enum Source: String, Sendable, Hashable, CaseIterable {
    /// The paragraphs of LibreOffice's help.
    case help
    /// The texts of LibreOffice's menus and dialogs.
    case menus
    /// The synopses and paragraphs of Debian's package descriptions.
    case descriptions
    /// The pages of GNOME's help.
    case guides
  }

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
    return [
      "libreoffice-help-en-us", "libreoffice-help-\(code)", "libreoffice-l10n-\(code)", "gnome-user-docs",
    ]
  }

  /// Writes `train.en`, `train.de` and so on into a new folder, and the same for `valid` and `test`.
  ///
  /// Kept are pairs of 3 to 40 English words whose other side is in its language's script and neither far longer nor
  /// far shorter, without program code, each English sentence once. A source that is not there is said in the report.
  ///
  /// - Parameters:
  ///   - root: where the packages are installed, or unpacked.
  ///   - lists: the folder of apt's lists; nil: where apt keeps them below the root.
  ///   - sources: what to read; nil: whatever is there.
  ///   - seed: the seed of the division into parts.
  /// - Throws: ``DatasetError/exists(path:)`` where the folder exists, ``DatasetError/notFound(path:)`` where no source
  ///   is there or one that was named is not, and other cases where nothing is to be made of them.
  public static func prepare(
    to target: URL, language: String, root: URL = URL(fileURLWithPath: usualRoot), lists: URL? = nil,
    sources: [Source]? = nil, seed: UInt64 = 0, progress: PreparationProgress? = nil
  ) throws(DatasetError) -> PreparationReport {
    guard let codes = languages[language] else {
      throw .invalid(
        reason:
          "there is no recipe for the language '\(language)'; there are \(languages.keys.sorted().joined(separator: ", "))"
      )
    }
    let lists = lists ?? root.appendingPathComponent(PackageLists.usualFolder)
    var report = PreparationReport(written: 0, leftOut: [])
    var reading = Reading(
      root: root, lists: PackageLists(folder: lists), help: codes.help, messages: codes.messages, seed: seed,
      pairs: TranslationRules(language: language), progress: progress)
    var missing: [String] = []
    // The order decides which of two equal sentences is kept.
    for source in Source.allCases where sources?.contains(source) ?? true {
      let before = reading.pairs.count
      switch try reading.read(source) {
      case .from(let what): report.found.append("\(reading.pairs.count - before) pairs of \(what).")
      case .absent(let place, let what):
        if sources != nil { throw .notFound(path: place) }
        missing.append(place)
        report.leftOut.append("\(what), which \(what.hasSuffix("s") ? "are" : "is") not there (\(place)).")
      }
    }
    let pairs = reading.pairs
    guard pairs.count > 0 else {
      if report.found.isEmpty, let first = missing.first { throw .notFound(path: first) }
      throw .invalid(reason: "the packages below \(root.path) hold no translated sentence")
    }
    let names = (sources ?? []).map(\.rawValue).sorted().joined(separator: " ")
    let folder = try StagedFolder(
      target, recipe: "translations \(language) \(seed) \(names)\n\(root.path)\n\(lists.path)\n")
    for (split, name) in [(DatasetSplit.train, "train"), (.validation, "valid"), (.test, "test")] {
      let own = pairs.kept[split] ?? []
      for (ending, side) in [("en", own.map(\.english)), (language, own.map(\.other))] {
        try folder.write(Array((side.joined(separator: "\n") + "\n").utf8), to: "\(name).\(ending)")
        report.written += 1
      }
    }
    try folder.finish()
    report.leftOut += pairs.leftOut.sorted { $0.key < $1.key }.map { "\($0.value) pairs \($0.key)." }
    return report
  }

  /// The sources being read, and what they gave so far.
  private struct Reading {
    let root: URL
    let lists: PackageLists
    let help: String
    let messages: String
    let seed: UInt64
    var pairs: TranslationRules
    let progress: PreparationProgress?

    /// What came of a source.
    enum Outcome {
      case from(String)
      case absent(place: String, what: String)
    }

    private func part(_ name: String) -> DatasetSplit {
      .drawn(seed: seed, purpose: "translations \(name)")
    }

    mutating func read(_ source: Source) throws(DatasetError) -> Outcome {
      switch source {
      case .help: try readHelp()
      case .menus: try readMenus()
      case .descriptions: try readDescriptions()
      case .guides: try readGuides()
      }
    }

    private mutating func readHelp() throws(DatasetError) -> Outcome {
      let folder = root.appendingPathComponent("usr/share/libreoffice/help")
      let english = folder.appendingPathComponent("en-US/text")
      let other = folder.appendingPathComponent("\(help)/text")
      for place in [english, other] where !ImageFolders.isFolder(place) {
        return .absent(place: place.path, what: "LibreOffice's help")
      }
      let pages = files(below: english, ending: "html")
      for (number, page) in pages.enumerated() {
        defer { progress?(number + 1, pages.count) }
        let (one, two) = (english.appendingPathComponent(page), other.appendingPathComponent(page))
        // A page that is not translated has no file.
        guard FileManager.default.fileExists(atPath: two.path) else { continue }
        let (ours, theirs) = (try text(one), try text(two))
        let translated = Dictionary(HelpPage.paragraphs(theirs), uniquingKeysWith: { first, _ in first })
        let part = part(page)
        for (id, sentence) in HelpPage.paragraphs(ours) {
          if let translation = translated[id] { pairs.add(sentence, translation, to: part) }
        }
      }
      return .from("LibreOffice's help (\(pages.count) pages)")
    }

    private mutating func readMenus() throws(DatasetError) -> Outcome {
      let folder = root.appendingPathComponent(
        "usr/lib/libreoffice/program/resource/\(messages)/LC_MESSAGES")
      let names = files(below: folder, ending: "mo")
      guard !names.isEmpty else { return .absent(place: folder.path, what: "LibreOffice's menus") }
      for name in names {
        for (sentence, translation) in MessageCatalogue.messages(
          try bytes(folder.appendingPathComponent(name)))
        {
          pairs.add(
            MessageCatalogue.plain(sentence), MessageCatalogue.plain(translation), to: part(sentence))
        }
      }
      return .from("LibreOffice's menus (\(names.count) catalogues)")
    }

    private mutating func readDescriptions() throws(DatasetError) -> Outcome {
      for code in ["en", messages] where !lists.hasDescriptions(in: code) {
        return .absent(
          place: lists.folder.appendingPathComponent("…Translation-\(code)").path,
          what: "the package descriptions")
      }
      let english = Dictionary(
        try lists.descriptions(in: "en").map { ($0.digest, $0) }, uniquingKeysWith: { first, _ in first })
      let sources = try lists.packages()
      let translated = try lists.descriptions(in: messages)
      // All synopses before the first paragraph, which are the longer and the rarer.
      for isSynopsis in [true, false] {
        for (number, other) in translated.enumerated() {
          if !isSynopsis { progress?(number + 1, translated.count) }
          guard let own = english[other.digest] else { continue }
          let part = part("package \(PackageLists.family(sources[own.package]?.source ?? own.package))")
          if isSynopsis {
            pairs.add(own.synopsis, other.synopsis, to: part)
          } else if own.paragraphs.count == other.paragraphs.count {
            // What is set line by line is mostly lists and commands.
            for (one, two) in zip(own.paragraphs, other.paragraphs) where !one.isVerbatim && !two.isVerbatim {
              pairs.add(one.text, two.text, to: part)
            }
          }
        }
      }
      return .from("the package descriptions (\(translated.count) translated)")
    }

    private mutating func readGuides() throws(DatasetError) -> Outcome {
      let folder = root.appendingPathComponent("usr/share/help")
      var (count, unlike) = (0, 0)
      for guide in ["gnome-help", "system-admin-guide"] {
        let english = folder.appendingPathComponent("C/\(guide)")
        let other = folder.appendingPathComponent("\(messages)/\(guide)")
        guard ImageFolders.isFolder(english), ImageFolders.isFolder(other) else { continue }
        for page in files(below: english, ending: "page") {
          let two = other.appendingPathComponent(page)
          guard FileManager.default.fileExists(atPath: two.path) else { continue }
          count += 1
          guard let ours = MallardPage.blocks(try bytes(english.appendingPathComponent(page))),
            let theirs = MallardPage.blocks(try bytes(two)), ours.map(\.name) == theirs.map(\.name)
          else {
            unlike += 1
            continue
          }
          let part = part("\(guide)/\(page)")
          for (one, two) in zip(ours, theirs) { pairs.add(one.text, two.text, to: part) }
        }
      }
      guard count > 0 else {
        return .absent(
          place: folder.appendingPathComponent("\(messages)/gnome-help").path, what: "GNOME's help")
      }
      let skipped = unlike > 0 ? ", of which \(unlike) have another structure than the English one" : ""
      return .from("GNOME's help (\(count) pages\(skipped))")
    }

    private func files(below folder: URL, ending: String) -> [String] {
      guard let walk = FileManager.default.enumerator(atPath: folder.path) else { return [] }
      return walk.compactMap { $0 as? String }.filter { $0.hasSuffix("." + ending) }.sorted()
    }

    private func bytes(_ file: URL) throws(DatasetError) -> [UInt8] {
      do { return [UInt8](try Data(contentsOf: file)) } catch {
        throw .unusable(
          path: file.path, reason: "it is there and cannot be read; it has to be a file that you may read")
      }
    }

    private func text(_ file: URL) throws(DatasetError) -> String {
      String(decoding: try bytes(file), as: UTF8.self)
    }
  }
}
