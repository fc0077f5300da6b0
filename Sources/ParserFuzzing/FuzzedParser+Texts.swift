import AtelierCore
import AtelierData
import AtelierGeneration
import AtelierMedia
import AtelierTraining
import Foundation

/// Tables, configurations, lists, logs and vocabularies.
extension FuzzedParser {
  private static let runs = "Tests/Fixtures/Runs"

  private static func utf8(_ texts: String...) -> @Sendable () -> [[UInt8]] {
    let bytes = texts.map { Array($0.utf8) }
    return { bytes }
  }

  static let texts: [FuzzedParser] = tables + configurations + logs + languages + pieces

  /// Of a library that may not be installed.
  private static let pieces: [FuzzedParser] =
    SentencePieceModel.isAvailable
    ? [
      FuzzedParser(
        "sentence-piece", longest: 8192,
        seeds: { RepositoryFiles.contents(of: "Tests/Fixtures/SentencePiece", ending: ".model") }
      ) { _, bytes in
        let model = try SentencePieceModel(Data(bytes))
        _ = model.decode(model.encode("The älteste ﬁne cat, ☃") + Array(0..<min(300, model.count)))
      }
    ] : []

  private static let tables: [FuzzedParser] = [
    FuzzedParser(
      "csv", longest: 1024,
      seeds: utf8(
        "file_name,label,split\n1.png,cat,train\n\"a, b.png\",\"the \"\"dog\"\"\",test\n",
        "file;class;weight\r\n1.png;x;1.5\r\n2.png;y;\r\n", "\u{FEFF}path,label\na,b\n")
    ) { folder, bytes in
      _ = try LabelTable(try folder.file("labels.csv", bytes))
    },
    FuzzedParser(
      "tsv", longest: 1024,
      seeds: utf8("file\tlabel\tscore\n1.png\tcat\t2\n2.png\t\"a\tb\"\t\n", "image\tcategory\nx\ty\n")
    ) { folder, bytes in
      _ = try LabelTable(try folder.file("labels.csv", bytes))
    },
    FuzzedParser(
      "jsonl", longest: 1024,
      seeds: utf8(
        "{\"file_name\": \"1.png\", \"label\": \"cat\", \"weight\": 1.5, \"x\": null}\n\n{\"file_name\": \"2.png\"}\n",
        "{\"image\": \"a\\u00e4\\n\", \"class\": 3, \"b\": true}\n")
    ) { folder, bytes in
      _ = try LabelTable(try folder.file("metadata.jsonl", bytes))
    },
    FuzzedParser(
      "captions", longest: 1024,
      seeds: utf8(
        "image,caption\n1.jpg,A dog .\n1.jpg,\"The dog, black\"\n",
        "1.jpg#0\tA child climbs .\n1.jpg#1\tA girl goes .\n",
        "image|comment_number|comment\n1.jpg| 0| Two men\n", "file,split,tags\na.png,train,\"red, dog\"\n")
    ) { folder, bytes in
      _ = try CaptionTable(try folder.file("captions.txt", bytes))
    },
    FuzzedParser(
      "lists", longest: 512, seeds: utf8("0.png\nimages/1\n\n  2 \r\n", "\u{FEFF}a/0.jpg\n1")
    ) { folder, bytes in
      let place = try folder.folder("pairs") { folder in
        for side in ["A", "B"] {
          let inner = folder.appendingPathComponent(side)
          try FileManager.default.createDirectory(at: inner, withIntermediateDirectories: true)
          for name in ["0.png", "1.png"] { try Data().write(to: inner.appendingPathComponent(name)) }
        }
      }
      _ = try folder.file("pairs/train.txt", bytes)
      guard let pairs = PairFolders.find(at: place) else { return }
      _ = pairs.files(.source, of: .train)
      _ = pairs.missing(from: .train)
    },
    FuzzedParser(
      "class-table", longest: 512,
      seeds: utf8(
        "name,r,g,b\nsky,0,0,255\nroad,128,64,128\n", "sky,1,2,3\n", "[\"sky\", \"road\"]",
        "{\"0\": \"sky\", \"7\": \"road\"}",
        "[{\"name\": \"sky\", \"color\": [1, 2, 3]}, {\"name\": \"x\", \"colour\": [0, 0, 0]}]",
        "0 0 255 sky\n1 2 3 two words\n")
    ) { folder, bytes in
      // By how it begins, as the form of a file is known by its name.
      let first = bytes.first ?? 0
      let name =
        first == 0x5B || first == 0x7B ? "classes.json" : first & 1 == 0 ? "classes.txt" : "classes.csv"
      let place = try folder.folder("classes") { _ in }
      for other in ["classes.json", "classes.txt", "classes.csv"] {
        unlink(place.appendingPathComponent(other).path)
      }
      _ = try folder.file("classes/" + name, bytes)
      _ = try ClassTable(in: place)
    },
  ]

  private static let configurations: [FuzzedParser] = [
    FuzzedParser("yaml", longest: 2048) {
      RepositoryFiles.contents(of: runs, ending: "configuration.yaml")
        + [
          "a: [1, 2.5, {b: c}]\nd: |\n  text\n  more\ne: \"\\u0041\"\n# note\nf: null\n", "- a\n- b\n",
          "a: &x {b: 1}\nc: *x\n",
          "a: &a [x,x,x,x]\nb: &b [*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c]\n",
        ].map { Array($0.utf8) }
    } read: { _, bytes in
      // What is not UTF-8 is refused before it is parsed.
      let text = String(decoding: bytes, as: UTF8.self)
      _ = try ConfigurationFile.parse(text, named: "configuration.yaml")
    },
    FuzzedParser(
      "consent", longest: 1024,
      seeds: utf8(
        "persons:\n- {name: alice, purpose: a guide, until: 2027-12-31, given: 2026-01-01, contact: a@b}\n",
        "persons: [{name: 7, purpose: \"x\", until: 2028-02-29}]")
    ) { _, bytes in
      let consent = try Consent(Data(bytes), named: "consent.yaml")
      if let day = CalendarDay(parsing: "2026-12-01") { _ = try consent.record(of: .voice, for: [], on: day) }
    },
    FuzzedParser("run-configuration", longest: 2048) {
      RepositoryFiles.contents(of: runs, ending: "configuration.yaml")
    } read: { folder, bytes in
      _ = try RunConfiguration.read(try folder.file("configuration.yaml", bytes))
    },
    FuzzedParser(
      "option-value", longest: 256,
      seeds: utf8("[color, translation]", "{conv1_2: 1, b: [1, [2]]}", "32,64", "1e-3", "\"a, b\"", "null")
    ) { _, bytes in
      let text = String(decoding: bytes, as: UTF8.self)
      _ = ConfigurationValue(parsing: text).description
      _ = SampleScale(parsing: text)
      _ = ImageDerivation(parsing: text)
    },
  ]

  private static let logs: [FuzzedParser] = [
    FuzzedParser("events", longest: 2048) {
      RepositoryFiles.contents(of: runs, ending: "events.jsonl").map { Array($0.prefix(1600)) }
        + [Array("{\"type\":\"step\",\"step\":1,\"epoch\":0.5,\"time\":1,\"values\":{\"a\":\"nan\"}}\n".utf8)]
    } read: { folder, bytes in
      _ = try EventLog.read(try folder.file("events.jsonl", bytes))
    },
    FuzzedParser("training-state", longest: 2048) {
      RepositoryFiles.contents(of: runs, ending: "training.json")
    } read: { folder, bytes in
      _ = try CheckpointFolder.decoded(TrainingState.self, Data(bytes), in: folder.url)
    },
    FuzzedParser(
      "vocabulary", longest: 1024,
      seeds: utf8(
        "{\"tokens\":[\"<unk>\",\"<eos>\",\"the\",\"cat\"],\"unit\":\"words\"}",
        "{\"tokens\":[\"a\",\"b\",\"\\n\"],\"unit\":\"characters\"}", "{\"tokens\":[],\"unit\":\"bytes\"}")
    ) { _, bytes in
      let vocabulary = try Artefacts(["vocabulary.json": Data(bytes)]).decode(
        Vocabulary.self, "vocabulary.json")
      // A text of tokens that it may not have: refused, or encoded and decoded.
      _ = vocabulary.decode(try vocabulary.encode(Array("the cat\n".utf8)))
    },
    FuzzedParser(
      "text", longest: 1024,
      seeds: utf8("the cat sat on the mat\nand saw a red dog, a boat, and a tree of many leaves\n")
    ) { folder, bytes in
      let corpus = try openText(at: try folder.file("words.txt", bytes))
      _ = try Vocabulary(of: corpus.train, unit: .words)
    },
    FuzzedParser(
      "emoji-list", longest: 1024,
      seeds: utf8("# group: Smileys\n# subgroup: face\n1F600 ; fully-qualified # 😀 E1.0 grinning face\n")
    ) { _, bytes in
      _ = EmojiSet.entries(in: String(decoding: bytes, as: UTF8.self))
    },
  ]

  /// GPT-2's two files with one merge: a character for every byte, those that are no print shifted behind 255.
  private static let bytePairs: [String] = {
    var next: UInt32 = 0x100
    let characters = (0...255).map { byte -> String in
      let isPrint =
        (0x21...0x7E).contains(byte) || (0xA1...0xAC).contains(byte) || (0xAE...0xFF).contains(byte)
      defer { if !isPrint { next += 1 } }
      return String(Character(Unicode.Scalar(isPrint ? UInt32(byte) : next) ?? "?"))
    }
    let entries = (characters + ["ab", "<|endoftext|>"]).enumerated().map { number, token in
      let text = token == "\"" || token == "\\" ? "\\" + token : token
      return "\"\(text)\":\(number)"
    }
    return ["{" + entries.joined(separator: ",") + "}", "#version: 0.2\na b\n"]
  }()

  private static let languages: [FuzzedParser] = [
    FuzzedParser(
      "sentence-table", longest: 1024,
      seeds: utf8(
        "source\ttarget\nA house.\tEin Haus.\nno\tnein\n", "a\tb\r\nc\td\r\n",
        "\u{FEFF}en\tzh\nred\t\u{7EA2}\n")
    ) { folder, bytes in
      _ = try SentencePairFiles(try folder.file("pairs.tsv", bytes)).read(.train)
    },
    FuzzedParser(
      "sentence-lines", longest: 1024,
      seeds: utf8(
        "{\"translation\": {\"en\": \"a\", \"de\": \"b\"}}\n{\"translation\": {\"en\": \"c\", \"de\": \"d\"}}\n",
        "{\"source\": \"x\", \"target\": \"y\", \"split\": \"train\"}\n")
    ) { folder, bytes in
      _ = try SentencePairFiles(try folder.file("pairs.jsonl", bytes)).read(.train)
    },
    FuzzedParser(
      "aligned-files", longest: 512, seeds: utf8("one\ntwo\n\nthree\n", "\u{FEFF}one\r\ntwo\r\n\r\nthree\r\n")
    ) { folder, bytes in
      let place = try folder.folder("aligned") { folder in
        try Data("eins\nzwei\n\ndrei\n".utf8).write(to: folder.appendingPathComponent("train.de"))
      }
      _ = try folder.file("aligned/train.en", bytes)
      _ = try SentencePairFiles(place).read(.train)
    },
    FuzzedParser(
      "documents", longest: 1024,
      seeds: utf8(
        "{\"title\": \"Moon\", \"text\": \"A ball.\"}\n{\"title\": \"Sun\", \"text\": \"A star.\", \"split\": \"train\"}\n"
      )
    ) { folder, bytes in
      _ = try TextTable(try folder.file("documents.jsonl", bytes), .train)
    },
    FuzzedParser(
      "caption-table", longest: 1024,
      seeds: utf8("{\"file_name\": \"1.png\", \"caption\": \"a dog\", \"split\": \"train\"}\n")
    ) { folder, bytes in
      _ = try CaptionTable(try folder.file("metadata.jsonl", bytes))
    },
    FuzzedParser(
      "sentence-vocabulary", longest: 1024,
      seeds: {
        let sentences = ["the cat sat", "the dog, red"]
        return try [SentenceVocabulary.Unit.words, .characters, .bytes].map { unit in
          let vocabulary = try SentenceVocabulary(of: sentences, SentenceVocabulary.Rule(unit))
          return [UInt8](try JSONEncoder().encode(vocabulary))
        }
      }
    ) { _, bytes in
      let vocabulary = try Artefacts(["vocabulary.json": Data(bytes)]).sentenceVocabulary("vocabulary.json")
      _ = vocabulary.decode(vocabulary.encode("the cat, a dog"))
    },
    FuzzedParser("byte-pairs", longest: 4096, seeds: { bytePairs.map { Array($0.utf8) } }) { _, bytes in
      // By how it begins, one of the two files, beside the other one as it should be.
      let isTable = bytes.first == 0x7B
      let other = Data(bytePairs[isTable ? 1 : 0].utf8)
      _ = try ByteLevelBPE(
        vocabulary: isTable ? Data(bytes) : other, merges: isTable ? other : Data(bytes))
    },
    FuzzedParser(
      "message-catalogue", longest: 256,
      seeds: {
        let words = ["_File", "Datei"].map { Array($0.utf8) }
        var bytes: [UInt8] = [0xDE, 0x12, 0x04, 0x95]
        for number in [0, 1, 28, 36, 0, 0, 5, 44, 5, 50] {
          bytes += (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
        }
        return [bytes + words[0] + [0] + words[1] + [0]]
      }
    ) { _, bytes in
      _ = MessageCatalogue.messages(bytes)
    },
  ]
}
