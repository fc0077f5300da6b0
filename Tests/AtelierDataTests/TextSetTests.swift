import AtelierData
import Foundation
import Testing

/// Recipes of texts, on files of the forms that Debian's packages and lists have.
struct TextSetTests {
  private func refusal(_ body: () throws -> some Any) -> String {
    do {
      _ = try body()
      return ""
    } catch { return "\(error)" }
  }

  private func rows(_ folder: URL, _ part: String) throws -> [[String: String]] {
    let file = folder.appendingPathComponent("\(part).jsonl")
    guard FileManager.default.fileExists(atPath: file.path) else { return [] }
    return try TextFile.lines(of: file).map {
      try JSONDecoder().decode([String: String].self, from: Data($0.utf8))
    }
  }

  private func all(_ folder: URL) throws -> [[String: String]] {
    try ["train", "valid", "test"].flatMap { try rows(folder, $0) }
  }

  /// Descriptions of forty packages, each with one for development that begins as it does.
  private func writeLists(to folder: URL) throws {
    var (english, german, packages) = ("", "", "")
    for number in 0..<40 {
      let long = (0..<20).map { "word\($0)" }.joined(separator: " ")
      for tail in ["", "-dev"] {
        let digest = "md5\(number)\(tail)"
        english += """
          Package: libfoo\(number)x\(tail)
          Description-md5: \(digest)
          Description-en: useful library number \(number)\(tail)
           Library \(number) does what
           you want it to do.
           .
            * set line
            * by line \(long)
           .
           The end of text number \(number)\(tail) is here.


          """
        german += """
          Package: libfoo\(number)x\(tail)
          Description-md5: \(digest)
          Description-de: nützliche Bibliothek Nummer \(number)\(tail)
           Bibliothek \(number) tut, was
           Sie wollen.
           .
            * Zeile für
            * Zeile
           .
           Das Ende des Textes Nummer \(number)\(tail) ist hier.


          """
        packages += """
          Package: libfoo\(number)x\(tail)
          Source: foo\(number)x (1.\(number))
          Section: \(number % 2 == 0 ? "non-free/games" : "libs")
          Description-md5: \(digest)


          """
      }
    }
    try folder.write("x_main_i18n_Translation-en", english + english)
    try folder.write("x_main_i18n_Translation-de", german)
    try folder.write("x_main_binary-amd64_Packages", packages)
  }

  @Test func descriptionsAndGuidesBecomeSentencePairs() throws {
    try withTemporaryFolder { folder in
      try writeLists(to: folder.appendingPathComponent("var/lib/apt/lists"))
      func page(_ blocks: String) -> String {
        """
        <?xml version="1.0"?>
        <!-- A page. -->
        <page xmlns:m="x" a="1 > 0"><info><m:credit><m:name>N</m:name></m:credit><desc>\(blocks)</page>
        """
      }
      let help = "usr/share/help"
      try folder.write(
        "\(help)/C/gnome-help/a.page",
        page(
          "Open the <em>big</em> window</desc></info><comment><p>A note for editors</p></comment><title/><p>Save &amp; close &#8220;it&#x201D;</p>"
        ))
      try folder.write(
        "\(help)/de/gnome-help/a.page",
        page(
          "Das <em>große</em> Fenster öffnen</desc></info><title/><p>Speichern &amp; <![CDATA[schließen]]> Sie</p>"
        ))
      for (name, wrong) in [("b", "Another one of them</desc></info>"), ("c", "Not closed at all</page>")] {
        try folder.write("\(help)/C/gnome-help/\(name).page", page("Another one of them</desc></info>"))
        try folder.write(
          "\(help)/de/gnome-help/\(name).page",
          page(name == "b" ? "Eins davon</desc></info><p>mehr</p>" : wrong))
      }
      let target = folder.appendingPathComponent("pairs")
      let report = try TranslationSet.prepare(to: target, language: "de", root: folder)
      let files = SentencePairFiles(target, source: "en", target: "de")
      let parts = try DatasetSplit.allCases.map { try files.read($0).pairs }
      let pairs = Dictionary(uniqueKeysWithValues: parts.joined().map { ($0.source, $0.target) })
      #expect(pairs["useful library number 3-dev"] == "nützliche Bibliothek Nummer 3-dev")
      #expect(pairs["Library 3 does what you want it to do."] == "Bibliothek 3 tut, was Sie wollen.")
      #expect(pairs["Open the big window"] == "Das große Fenster öffnen")
      #expect(pairs["Save & close “it”"] == "Speichern & schließen Sie")
      // Per library: two synopses, one beginning that both share, two ends.
      #expect(pairs.count == 5 * 40 + 2)
      #expect(report.found.contains { $0.hasPrefix("200 pairs of the package descriptions") })
      #expect(report.found.contains { $0.contains("(3 pages, of which 2 have another structure") })
      #expect(report.leftOut.contains { $0.hasPrefix("LibreOffice's help, which is not there") })
      #expect(report.leftOut.contains { $0.hasPrefix("LibreOffice's menus, which are not there") })
      // What belongs to one source is in one part.
      for part in parts {
        let own = Set(part.compactMap { $0.source.split(separator: " ").first { Int($0) != nil } })
        let synopses = part.filter { $0.source.hasPrefix("useful") }
        #expect(synopses.count == 2 * own.count)
      }
      #expect(parts.allSatisfy { !$0.isEmpty })
      let alone = folder.appendingPathComponent("alone")
      _ = try TranslationSet.prepare(to: alone, language: "de", root: folder, sources: [.guides])
      #expect(try DatasetSplit.allCases.contains { try files.read($0).pairs.count > 0 })
      #expect(
        refusal {
          try TranslationSet.prepare(
            to: folder.appendingPathComponent("no"), language: "de", root: folder, sources: [.help])
        }.contains("libreoffice/help"))
    }
  }

  @Test func chineseLinesAreJoinedWithoutSpaces() throws {
    try withTemporaryFolder { folder in
      func list(_ language: String, _ text: String) -> String {
        "Package: a\nDescription-md5: 1\nDescription-\(language): x\n \(text)\n"
      }
      try folder.write("Translation-en", list("en", "A window that\n shows mail"))
      try folder.write("Translation-zh%5fCN", list("zh_CN", "显示\n 邮件的 X\n 窗口"))
      let target = folder.appendingPathComponent("pairs")
      _ = try TranslationSet.prepare(
        to: target, language: "zh", root: folder, lists: folder, sources: [.descriptions])
      let files = SentencePairFiles(target, source: "en", target: "zh")
      let pairs = try DatasetSplit.allCases.flatMap { try files.read($0).pairs }
      #expect(pairs.map(\.target) == ["显示邮件的 X 窗口"])
    }
  }

  @Test func descriptionsBecomeArticlesAndLabelledTexts() throws {
    try withTemporaryFolder { folder in
      let lists = folder.appendingPathComponent("lists")
      try writeLists(to: lists)
      let articles = folder.appendingPathComponent("articles")
      let report = try ArticleSet.prepare(to: articles, lists: lists)
      #expect(report.written == 3 && report.found == ["40 articles of 80 descriptions."])
      #expect(report.leftOut.contains("40 descriptions that begin with the paragraph of another."))
      let found = try all(articles)
      let third = try #require(found.first { $0["title"] == "useful library number 3" })
      #expect(third["section"] == "libs")
      #expect(
        third["text"]?.hasPrefix("Library 3 does what you want it to do. * set line * by line word0 word1")
          == true)
      #expect(Set(found.compactMap { $0["section"] }) == ["games", "libs"])
      // Without a copy, the same files are pairs of text and title.
      let pairs = try SentencePairFiles(articles, source: "text", target: "title").read(.train).pairs
      #expect(
        pairs.count == (try rows(articles, "train").count)
          && pairs.allSatisfy { $0.target.hasPrefix("useful") })

      let labelled = folder.appendingPathComponent("labelled")
      _ = try ArticleSet.prepareLabelled(to: labelled, lists: lists, least: 20)
      let texts = try all(labelled)
      #expect(texts.count == 40 && Set(texts.compactMap { $0["label"] }) == ["games", "libs"])
      #expect(texts.allSatisfy { $0["text"]?.hasPrefix("useful library number") == true })
      #expect(
        refusal {
          try ArticleSet.prepareLabelled(to: folder.appendingPathComponent("no"), lists: lists, least: 21)
        }
        .contains("at least 21 texts"))
    }
  }

  @Test func damagedListsAreRefusedWithTheirLine() throws {
    try withTemporaryFolder { folder in
      let target = folder.appendingPathComponent("articles")
      #expect(refusal { try ArticleSet.prepare(to: target, lists: folder) }.contains("Translation-en"))
      try folder.write("a_Translation-en", "Package: a\nno field here\n")
      #expect(
        refusal { try ArticleSet.prepare(to: target, lists: folder) }.contains(
          "a_Translation-en is damaged: line 2"))
      try folder.write("a_Translation-en", Array("Package: a\nDescription-en: ".utf8) + [0xC3, 0x28, 10])
      #expect(refusal { try ArticleSet.prepare(to: target, lists: folder) }.contains("line 2 is not UTF-8"))
      try folder.write(
        "a_Translation-en", "Package: a\nDescription-md5: 1\nDescription-en: too short\n one word\n")
      #expect(refusal { try ArticleSet.prepare(to: target, lists: folder) }.contains("no text of 20 words"))
      try folder.write("b_Translation-en.lz4", "this is no such file")
      #expect(refusal { try ArticleSet.prepare(to: target, lists: folder) }.contains("b_Translation-en.lz4"))
      #expect(!FileManager.default.fileExists(atPath: target.path))
    }
  }

  @Test func quizFilesBecomeQuestions() throws {
    try withTemporaryFolder { folder in
      try folder.write(
        "index",
        "/no/such/place/capitals:Europe{an}:cap{ital}\n/x/pres:pres{ident}{s}|p:term:flower{s}\n/x/gone:a:b\n"
      )
      let capitals =
        (0..<40).map { "Land \($0):Town \($0)" } + [
          "C[^o|o^|o]te:Yaound['e|e'|e]|Y", "Ratio 1\\:2\\|3:{the }Den",
        ]
      try folder.write("capitals", capitals.joined(separator: "\n") + "\n")
      try folder.write("pres", "{J{ohn} }Adams:17[89|90]-{17}97:\\\n7{(seven)}\nNobody::\n")
      let target = folder.appendingPathComponent("questions")
      let report = try QuizSet.prepare(to: target, folder: folder)
      #expect(report.leftOut.count == 1 && report.leftOut[0].hasPrefix("gone, which the index names"))
      let found = try all(target)
      let answers = Dictionary(uniqueKeysWithValues: found.map { ($0["question"] ?? "", $0["answer"] ?? "") })
      #expect(found.count == 2 * 42 + 6)
      #expect(
        answers["European Land 7: capital?"] == "Town 7" && answers["capital Town 7: European?"] == "Land 7")
      #expect(answers["European Côte: capital?"] == "Yaoundé")
      #expect(answers["European Ratio 1:2|3: capital?"] == "the Den")
      #expect(answers["president John Adams: term?"] == "1789-1797")
      #expect(answers["term 1789-1797: flower?"] == "7")
      let adams = found.first { $0["answer"] == "John Adams" }
      #expect(adams?["accepted"] == "John Adams | J Adams | Adams" && adams?["subject"] == "pres")
      let yaounde = found.first { $0["answer"] == "Yaoundé" }
      #expect(yaounde?["accepted"] == "Yaoundé | Yaound'e | Yaounde' | Yaounde | Y")
      // A question and its reverse are in one part.
      for part in ["train", "valid", "test"] {
        let own = try rows(target, part).filter {
          $0["question"]?.contains("and ") == true || $0["question"]?.contains("Town") == true
        }
        let facts = own.map {
          Set(
            [$0["answer"] ?? "", String(($0["question"] ?? "").split(separator: ":")[0])].map {
              $0.filter(\.isNumber)
            })
        }
        #expect(!own.isEmpty && own.count.isMultiple(of: 2) && facts.allSatisfy { $0.count == 1 })
      }
    }
  }

  @Test func quizFilesOfAnotherFormAreRefused() throws {
    try withTemporaryFolder { folder in
      let target = folder.appendingPathComponent("questions")
      func refusal(_ text: String) throws -> String {
        try folder.write("one", text)
        return self.refusal { try QuizSet.prepare(to: target, folder: folder) }
      }
      #expect(self.refusal { try QuizSet.prepare(to: target, folder: folder) }.contains("index"))
      try folder.write("index", "/x/one:a:b\n")
      // Such lines are left out, and named.
      try folder.write("one", "x:y\n{a:b\na]:b\nx:y:z\n" + String(repeating: "{", count: 20) + ":b\n")
      let mended = folder.appendingPathComponent("mended")
      let report = try QuizSet.prepare(to: mended, folder: folder)
      #expect(try all(mended).count == 2)
      #expect(report.leftOut.count == 4)
      #expect(report.leftOut.last == "line 4 of one, which has 3 columns where the index names 2.")
      #expect(report.leftOut[0].hasPrefix("line 2 of one, which has a brace or bracket"))
      #expect(try refusal("a:\\\n").contains("line 1 is to be joined"))
      #expect(try refusal(String(repeating: "a", count: 20000) + ":b\n").contains("line 1 is longer"))
      #expect(try refusal("a:\n").contains("no question"))
      // Many choices are bounded.
      #expect(try refusal("a:" + String(repeating: "[0|1|2]", count: 60) + "\n").isEmpty)
      #expect(
        try all(target).first { $0["question"] == "a a: b?" }?["accepted"]?.split(separator: "|").count == 32)
    }
  }
}
