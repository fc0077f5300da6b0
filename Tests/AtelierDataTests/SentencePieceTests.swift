import AtelierData
import Foundation
import Testing
import Torch

/// The models of `Tests/Fixtures/SentencePiece` and all expected numbers are those of SentencePiece's own programs:
///
///     spm_train --input=sentences.txt --num_threads=1 --character_coverage=1 --model_prefix=unigram
///       --normalization_rule_name=identity --vocab_size=90 --hard_vocab_limit=false --pad_id=1 --bos_id=2 --eos_id=3
///     … --model_prefix=bpe --model_type=bpe --normalization_rule_name=identity --vocab_size=110
///     … --model_prefix=bytes --normalization_rule_tsv=rules.tsv --byte_fallback --vocab_size=370
///       --hard_vocab_limit=false
///     spm_encode --model=unigram.model --output_format=id
struct SentencePieceTests {
  static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent()
    .appendingPathComponent("Fixtures/SentencePiece")

  private func bytes(_ name: String) throws -> Data {
    try Data(contentsOf: Self.fixtures.appendingPathComponent(name))
  }

  private func model(_ name: String) throws -> SentencePieceModel {
    try SentencePieceModel(bytes(name + ".model"))
  }

  private func sentences() throws -> [String] {
    String(decoding: try bytes("sentences.txt"), as: UTF8.self).split(separator: "\n").map(String.init)
  }

  private func refusal(_ body: () throws -> Void) -> String {
    do {
      try body()
      return ""
    } catch { return "\(error)" }
  }

  @Test(.enabled(if: !SentencePieceModel.isAvailable)) func withoutTheLibraryOneSentenceSaysWhatToInstall() {
    let sentence = refusal { _ = try SentencePieceModel(bytes("bpe.model")) }
    #expect(sentence.contains("libsentencepiece-dev"))
  }
}

extension SentencePieceTests {
  private static let texts = [
    "The oldest cat sat on the boat.", "Die älteste Katze, 7 ☃!", "", "  two   spaces ", "ﬁne Ärger",
  ]

  @Test(
    .enabled(if: SentencePieceModel.isAvailable),
    arguments: [
      (
        "unigram",
        [
          [16, 12, 4, 57, 27, 43, 49, 9, 4, 20, 8, 5, 42, 18, 6],
          [25, 11, 5, 4, 22, 14, 9, 27, 5, 4, 66, 13, 37, 5, 0, 4, 0, 4, 0], [],
          [4, 9, 62, 60, 30, 0, 13, 63, 5, 7], [4, 0, 15, 5, 4, 0, 10, 64, 19],
        ],
        [
          "The oldest cat sat on the boat.", "Die älteste Katze ⁇   ⁇   ⁇ ", "", "two s ⁇ aces",
          " ⁇ ne  ⁇ rger",
        ]
      ),
      (
        "bpe",
        [
          [25, 73, 77, 28, 12, 53, 58, 31, 8, 61, 85],
          [29, 26, 73, 97, 81, 75, 12, 74, 73, 105, 5, 102, 74, 0, 73, 0, 73, 0], [],
          [7, 87, 77, 9, 0, 78, 93, 6], [73, 0, 18, 73, 0, 79, 94, 4],
        ],
        [
          "The oldest cat sat on the boat.", "Die älteste Katze ⁇   ⁇   ⁇ ", "", "two s ⁇ aces",
          " ⁇ ne  ⁇ rger",
        ]
      ),
      (
        "bytes",
        [
          [270, 268, 260, 312, 283, 297, 303, 264, 260, 275, 263, 259, 296, 273, 261],
          [
            279, 266, 259, 276, 259, 271, 264, 283, 259, 260, 321, 267, 291, 259, 47, 260, 58, 260, 229, 155,
            134, 36,
          ], [], [260, 264, 317, 315, 284, 115, 267, 318, 259, 262],
          [260, 285, 311, 259, 260, 322, 274, 319, 274],
        ],
        [
          "The oldest cat sat on the boat.", "Die aelteste Katze, 7 ☃!", "", "two spaces", "fine Aerger",
        ]
      ),
    ])
  func idsAndTextsAreThoseOfTheLibrarysPrograms(_ name: String, _ ids: [[Int]], _ decoded: [String]) throws {
    let model = try model(name)
    for (text, (ids, decoded)) in zip(Self.texts, zip(ids, decoded)) {
      #expect(model.encode(text) == ids)
      #expect(model.decode(ids) == decoded)
    }
    #expect(model.decode([model.count, -1]) == model.decode([model.unknown, model.unknown]))
  }

  @Test(.enabled(if: SentencePieceModel.isAvailable)) func specialPiecesAreFound() throws {
    let (unigram, bpe, bytes) = (try model("unigram"), try model("bpe"), try model("bytes"))
    #expect(unigram.kind == .unigram && bpe.kind == .bpe && bytes.kind == .unigram)
    #expect([unigram.unknown, unigram.padding, unigram.start, unigram.end] == [0, 1, 2, 3])
    #expect([bpe.unknown, bpe.padding, bpe.start, bpe.end] == [0, nil, 1, 2])
    #expect(bytes.byte(of: 13) == 10 && bytes.byte(of: 300) == nil && bytes.byte(of: -1) == nil)
    #expect(unigram.isSpecial(1) && !unigram.isSpecial(4) && unigram.isSpecial(unigram.count))
    #expect(unigram.pieces[16] == "▁T")
  }

  /// The same options on the same sentences; the files differ in the names that spm_train writes into them.
  @Test(.enabled(if: SentencePieceModel.isAvailable)) func trainingGivesThePiecesOfTheLibrarysProgram() throws
  {
    let sentences = try sentences()
    let unigram = SentencePieceModel.Training(
      .unigram, size: 90, characterCoverage: 1, specials: .init(padding: 1, start: 2, end: 3))
    let bpe = SentencePieceModel.Training(.bpe, size: 110, characterCoverage: 1)
    for (training, name) in [(unigram, "unigram"), (bpe, "bpe")] {
      let learned = try SentencePieceModel(of: sentences, training)
      #expect(learned.pieces == (try model(name).pieces))
      for sentence in sentences { #expect(learned.decode(learned.encode(sentence)) == sentence) }
      let again = try SentencePieceModel(of: sentences, training)
      #expect(again == learned && again.data == learned.data)
    }
    let lossless = try SentencePieceModel(of: sentences, .init(.bpe, size: 400, isLossless: true))
    #expect(lossless.decode(lossless.encode(" two  spaces, ☃ ")) == " two  spaces, ☃ ")
  }

  @Test(.enabled(if: SentencePieceModel.isAvailable)) func whatCannotBeLearnedFromIsRefused() throws {
    let few = refusal { _ = try SentencePieceModel(of: sentences(), .init(.unigram, size: 10)) }
    #expect(few.contains("10 pieces are fewer than") && few.contains("vocabularyLimit"))
    #expect(refusal { _ = try SentencePieceModel(of: ["", ""], .init(.bpe)) }.contains("no text"))
  }

  @Test(.enabled(if: SentencePieceModel.isAvailable)) func damagedModelsAreRefusedInOneSentence() throws {
    let whole = try bytes("bytes.model")
    #expect(refusal { _ = try SentencePieceModel(Data()) }.contains("no SentencePiece model"))
    #expect(refusal { _ = try SentencePieceModel(Data("garbage".utf8)) }.contains("no SentencePiece model"))
    for share in [0.1, 0.5, 0.9] {
      let cut = whole.prefix(Int(Double(whole.count) * share))
      let sentence = refusal { _ = try SentencePieceModel(cut) }
      #expect(sentence.contains("cut off") && !sentence.contains("\n"))
    }
    // The first unit of the trie of normalisation rules leads to children far behind its end.
    let name = try #require(whole.range(of: Data("user_defined".utf8)))
    let map = try #require(whole.firstRange(of: [0x12], in: name.upperBound))
    var hostile = whole
    let unit = map + 3 + 4
    hostile.replaceSubrange(unit..<(unit + 4), with: [0, 0xFC, 0xFF, 0x7F])
    let sentence = refusal { _ = try SentencePieceModel(hostile) }
    #expect(sentence.contains("lead beyond their trie"))
    // By its highest bit alone, which makes a value of any other unit.
    hostile = whole
    hostile[unit + 3] |= 0x80
    #expect(refusal { _ = try SentencePieceModel(hostile) }.contains("lead beyond their trie"))
  }

  /// Both libraries have Protocol Buffers in them.
  @Test(.enabled(if: SentencePieceModel.isAvailable)) func theEngineWorksBesideTheLibrary() throws {
    let learned = try SentencePieceModel(of: sentences(), .init(.unigram, size: 90, characterCoverage: 1))
    let ids = learned.encode("The cat sat.")
    try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("ids.safetensors")
      try Safetensors.write([("ids", HostTensor(ids))], to: file)
      let read = try #require(try Safetensors.read(file)["ids"])
      #expect(learned.decode((Tensor(read) * 1).integers()) == "The cat sat.")
    }
  }
}

extension Data {
  /// The first place of bytes from `start` on.
  fileprivate func firstRange(of bytes: [UInt8], in start: Index) -> Index? {
    range(of: Data(bytes), in: start..<endIndex)?.lowerBound
  }
}
