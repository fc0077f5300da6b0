import AtelierData
import Foundation
import Testing
import Torch

struct ByteLevelBPETests {
  /// GPT-2's characters for bytes.
  private static let characters: [Character] = {
    var next: UInt32 = 0x100
    return (0...255).map { byte in
      if (0x21...0x7E).contains(byte) || (0xA1...0xAC).contains(byte) || (0xAE...0xFF).contains(byte) {
        return Character(Unicode.Scalar(UInt8(byte)))
      }
      defer { next += 1 }
      return Unicode.Scalar(next).map(Character.init) ?? "?"
    }
  }()

  private static func files(_ merges: [String], end: Bool = true) throws -> (Data, Data) {
    var vocabulary: [String: Int] = [:]
    for (byte, character) in characters.enumerated() { vocabulary[String(character)] = byte }
    for merge in merges { vocabulary[merge.replacing(" ", with: "")] = vocabulary.count }
    if end { vocabulary[ByteLevelBPE.endOfText] = vocabulary.count }
    return (
      try JSONEncoder().encode(vocabulary),
      Data((["#version: 0.2"] + merges + [""]).joined(separator: "\n").utf8)
    )
  }

  private static func make(_ merges: [String]) throws -> ByteLevelBPE {
    let (vocabulary, merges) = try files(merges)
    return try ByteLevelBPE(vocabulary: vocabulary, merges: merges)
  }

  @Test func aLineThatIsAWholeFileIsNotQuotedWhole() throws {
    let (vocabulary, _) = try Self.files([])
    let merges = Data(("#version: 0.2\na " + String(repeating: "b", count: 5000)).utf8)
    let error = #expect(throws: DatasetError.self) {
      try ByteLevelBPE(vocabulary: vocabulary, merges: merges)
    }
    #expect(error.map { $0.description.contains("line 2") && $0.description.count < 300 } == true)
  }

  /// The words that Python's `regex` finds with GPT-2's expression.
  @Test(arguments: [
    ("Hello world", ["Hello", " world"]),
    ("it's they're WE'LL", ["it", "'s", " they", "'re", " WE", "'", "LL"]),
    ("a  b", ["a", " ", " b"]),
    ("a   \n\n b\n", ["a", "   \n\n", " b", "\n"]),
    ("tab\tx  ", ["tab", "\t", "x", "  "]),
    ("x=12.5%, 3rd", ["x", "=", "12", ".", "5", "%,", " 3", "rd"]),
    ("naïve 日本語 ½ Ⅷ٣", ["naïve", " 日本語", " ½", " Ⅷ٣"]),
    ("e\u{301}a\u{A0}b\u{2003}c", ["e", "\u{301}", "a", "\u{A0}", "b", "\u{2003}", "c"]),
    ("\u{1F}a\u{85}b 😀😀!", ["\u{1F}", "a", "\u{85}", "b", " 😀😀!"]),
    (" 's '", [" '", "s", " '"]),
    ("", []),
  ])
  func wordsAreCutAsTheExpressionSays(_ text: String, _ words: [String]) {
    #expect(ByteLevelBPE.words(text) == words.map { Array($0.utf8) })
  }

  @Test func mergesAreMadeInTheirOrder() throws {
    let tokenizer = try Self.make(["l o", "lo w", "Ġ low", "e r", "w er"])
    // "lower": lo w er; "w er" comes after "lo w".
    #expect(try tokenizer.encode(Array("lower low".utf8)) == [257, 259, 258])
    #expect(try tokenizer.encode(Array("were".utf8)) == [260, 101])
    #expect(tokenizer.decode([257, 259, 258]) == "lower low")
    #expect(tokenizer.count == 262 && tokenizer.documentEnd == 261)
  }

  @Test func anyTextComesBackAsItWas() throws {
    let tokenizer = try Self.make(["l o", "Ġ t", "Ã ©"])
    let text = "né\u{0} \u{7F}\r\n\t日本 😀e\u{301} <|endoftext|>"
    #expect(tokenizer.decode(try tokenizer.encode(Array(text.utf8))) == text)
    #expect(try tokenizer.encode(Array("é".utf8)) == [258])
    #expect(throws: DatasetError.self) { try tokenizer.encode([0x61, 0xFF]) }
  }

  @Test func damagedFilesAreNamed() throws {
    let (vocabulary, merges) = try Self.files(["l o"])
    func refusal(_ vocabulary: Data, _ merges: Data) -> String {
      do throws(DatasetError) {
        _ = try ByteLevelBPE(vocabulary: vocabulary, merges: merges)
        return ""
      } catch { return error.description }
    }
    #expect(refusal(Data("[]".utf8), merges).contains("vocab.json"))
    #expect(refusal(Data(#"{"a": 0, "b": 7}"#.utf8), merges).contains("number 7"))
    #expect(refusal(Data(#"{"a": 0, "b": -1}"#.utf8), merges).contains("number -1"))
    #expect(refusal(Data(#"{"a": 0, "漢": 1}"#.utf8), merges).contains("漢"))
    #expect(refusal(Data(#"{"a": 0}"#.utf8), merges).contains("byte 0"))
    #expect(refusal(vocabulary, Data("l o\nl o w\n".utf8)).contains("line 2"))
    #expect(refusal(vocabulary, Data("l o\n\nx y\n".utf8)).contains("line 3"))
    #expect(refusal(vocabulary, Data([0xFF])).contains("UTF-8"))
  }
}

struct TokenWindowsTests {
  @Test func piecesFollowFromTheSeedAndTheNumberAlone() throws {
    let text = Array(100..<140)
    func stream(_ seed: UInt64) throws -> TokenWindows {
      try TokenWindows(text, batchSize: 3, length: 4, seed: seed)
    }
    let first = try stream(1)
    let batches = (0..<3).map { _ in first.next() }
    let other = try stream(1)
    var place = other.position
    place.served = 2
    try other.seek(to: place)
    #expect(other.next().fields == batches[2].fields)
    #expect(try stream(2).next().fields != batches[0].fields)
    for batch in batches {
      let (token, target) = try (#require(batch["token"]), #require(batch["target"]))
      #expect(token.shape == [4, 3] && target.integers() == token.integers().map { $0 + 1 })
      #expect(token.integers().allSatisfy { (100..<139).contains($0) })
    }
    #expect(abs(first.passes - 36.0 / 39) < 1e-12)
  }

  @Test func aTextShorterThanThePieceIsRefused() throws {
    #expect(throws: DatasetError.self) { try TokenWindows([1, 2, 3], batchSize: 1, length: 3, seed: 0) }
    let short = try TokenWindows([1, 2, 3, 4], batchSize: 1, length: 3, seed: 0)
    #expect(short.next()["target"]?.integers() == [2, 3, 4])
    var place = short.position
    place.fingerprint = "another"
    #expect(throws: DatasetError.self) { try short.seek(to: place) }
  }
}
