public import ArgumentParser
import Atelier
public import AtelierData
import Foundation

/// The recipes of texts, from what Debian and Ubuntu install.
extension Prepare {
  /// Where packages and apt's lists are.
  struct Places: ParsableArguments {
    @Option(help: "Where the packages are installed, or unpacked by dpkg -x.", completion: .directory)
    var root = TranslationSet.usualRoot
    @Option(
      help: "The folder of apt's lists; default: var/lib/apt/lists below the root.", completion: .directory)
    var lists: String?

    var rootFolder: URL { URL(fileURLWithPath: root) }
    var listsFolder: URL {
      lists.map { URL(fileURLWithPath: $0) } ?? rootFolder.appendingPathComponent("var/lib/apt/lists")
    }

    /// A refusal that says how to get apt's lists.
    static func missingLists(_ path: String, _ languages: String) -> Refusal {
      Refusal.input(
        "\(path) is not there; fetch apt's lists with the descriptions (apt-get -o Acquire::Languages=\(languages) "
          + "update), or name a folder that holds them by --lists")
    }
  }

  struct Translations: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Collects some ten thousand sentences of English with their translations.",
      discussion: """
        From what is there, installed or unpacked below --root: LibreOffice's help and menus (packages \
        libreoffice-help-en-us, libreoffice-help-LANGUAGE and libreoffice-l10n-LANGUAGE, MPL 2.0), the descriptions of \
        packages in apt's lists (Translation-en and Translation-LANGUAGE; apt-get -o Acquire::Languages=en,LANGUAGE \
        update), and GNOME's help (gnome-user-docs, CC BY-SA 3.0): the language of software. Files train.en and \
        train.LANGUAGE, and the same of valid and test, line by line, for either direction; pages, and the packages of \
        one source, stay in one part.
        """)
    @Argument(help: "The folder to make.", completion: .directory)
    var output: String
    @Option(help: "The other language: \(TranslationSet.languages.keys.sorted().joined(separator: ", ")).")
    var language: String
    @OptionGroup var places: Places
    @Option(
      name: .customLong("source"),
      help:
        "Read this alone, and refuse where it is not there; repeatable: help, menus, descriptions, guides.")
    var sources: [TranslationSet.Source] = []
    @Option(help: "What the division into parts follows from.")
    var seed: UInt64 = 0

    func run() throws {
      do {
        try report(
          TranslationSet.prepare(
            to: URL(fileURLWithPath: output), language: language, root: places.rootFolder,
            lists: places.listsFolder, sources: sources.isEmpty ? nil : sources, seed: seed,
            progress: showProgress), output)
      } catch DatasetError.notFound(let path) {
        if path.contains("Translation-") { throw Places.missingLists(path, "en,\(language)") }
        let packages = TranslationSet.packages(language).joined(separator: " ")
        throw Refusal.input(
          "\(path) is not there; install the Debian packages (apt-get install \(packages)), or unpack them (apt-get "
            + "download, dpkg -x) and name that folder by --root")
      }
    }
  }

  struct Articles: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Collects some thirty thousand titles with articles.",
      discussion: """
        From the descriptions of packages in apt's lists (Translation-en; with the list Packages their sections, too): \
        train.jsonl, valid.jsonl and test.jsonl of title, section and text. Texts of fewer than 20 words and those that \
        begin as another does are left out, and packages of one source stay in one part.

          atelier train gpt --data articles --set conditionFields=[title]
          atelier train seq2seq --data articles --set sourceLanguage=text --set targetLanguage=title
        """)
    @Argument(help: "The folder to make.", completion: .directory)
    var output: String
    @OptionGroup var places: Places
    @Option(help: "What the division into parts follows from.")
    var seed: UInt64 = 0

    func run() throws {
      do {
        try report(
          ArticleSet.prepare(
            to: URL(fileURLWithPath: output), lists: places.listsFolder, seed: seed, progress: showProgress),
          output)
      } catch DatasetError.notFound(let path) { throw Places.missingLists(path, "en") }
    }
  }

  struct Labelled: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Collects texts with classes: descriptions of packages with their sections.",
      discussion: """
        The texts of articles, each behind its title, with the section of the package as label, from apt's lists \
        Translation-en and Packages: train.jsonl, valid.jsonl and test.jsonl of text and label.

          atelier train electra --preset classifier --data labelled
        """)
    @Argument(help: "The folder to make.", completion: .directory)
    var output: String
    @OptionGroup var places: Places
    @Option(help: "Leave out sections of fewer texts.")
    var least = 100
    @Option(help: "What the division into parts follows from.")
    var seed: UInt64 = 0

    func validate() throws {
      if least < 1 { throw ValidationError("--least must be at least 1.") }
    }

    func run() throws {
      do {
        try report(
          ArticleSet.prepareLabelled(
            to: URL(fileURLWithPath: output), lists: places.listsFolder, least: least, seed: seed,
            progress: showProgress), output)
      } catch DatasetError.notFound(let path) { throw Places.missingLists(path, "en") }
    }
  }

  struct Questions: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Collects some seven thousand questions with answers.",
      discussion: """
        From the game quiz of the Debian package bsdgames (BSD licence), installed or unpacked below --root: \
        train.jsonl, valid.jsonl and test.jsonl of question, answer, all answers that are accepted, and subject. All \
        questions of a fact are in one part.

          atelier train gpt --data questions --set conditionFields=[question] --set textField=answer
        """)
    @Argument(help: "The folder to make.", completion: .directory)
    var output: String
    @Option(help: "Where the package is installed, or unpacked by dpkg -x.", completion: .directory)
    var root = TranslationSet.usualRoot
    @Option(help: "What the division into parts follows from.")
    var seed: UInt64 = 0

    func run() throws {
      do {
        try report(
          QuizSet.prepare(
            to: URL(fileURLWithPath: output),
            folder: URL(fileURLWithPath: root).appendingPathComponent(QuizSet.usualFolder), seed: seed,
            progress: showProgress), output)
      } catch DatasetError.notFound(let path) {
        throw Refusal.input(
          "\(path) is not there; install the Debian package bsdgames (apt-get install bsdgames), or unpack it "
            + "(apt-get download, dpkg -x) and name that folder by --root")
      }
    }
  }
}

extension TranslationSet.Source: ExpressibleByArgument {}
