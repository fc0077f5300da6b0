internal import AtelierHashing
public import Foundation

extension SentenceVocabulary: Codable {
  /// What is written of a vocabulary: its tokens, or the hash of the SentencePiece model that stands beside it.
  private struct Record: Codable {
    var rule: Rule
    var specials: Specials
    var tokens: [String]?
    var pieces: String?
  }

  /// Reads a vocabulary without a SentencePiece model, and checks it.
  public init(from decoder: any Decoder) throws {
    try self.init(Record(from: decoder), model: nil, "its SentencePiece model")
  }

  private init(_ record: Record, model: Data?, _ name: String) throws(DatasetError) {
    guard let hash = record.pieces else {
      try self.init(record.rule, specials: record.specials, tokens: record.tokens ?? [])
      return
    }
    guard let model else { throw .invalid(reason: "\(name) is missing") }
    guard model.sha256Hex == hash else {
      throw .invalid(reason: "\(name) is another model than the one that its tokens are numbered by")
    }
    do {
      try self.init(record.rule, specials: record.specials, model: SentencePieceModel(model))
    } catch { throw .invalid(reason: "\(name): \(error.description)") }
  }

  /// Writes what ``init(from:)`` and ``Artefacts/sentenceVocabulary(_:)`` read.
  public func encode(to encoder: any Encoder) throws {
    try Record(
      rule: rule, specials: specials, tokens: model == nil ? tokens : nil, pieces: model?.data.sha256Hex
    ).encode(to: encoder)
  }

  /// The artefact of the SentencePiece model beside that of a vocabulary: `source-vocabulary.model` beside
  /// `source-vocabulary.json`.
  public static func modelName(_ name: String) -> String {
    (name.hasSuffix(".json") ? String(name.dropLast(5)) : name) + ".model"
  }
}

extension Artefacts {
  /// The vocabulary of an artefact, with the SentencePiece model beside it where it has one.
  ///
  /// - Throws: ``DatasetError/invalid(reason:)`` where one of them is missing, damaged, or not the other's.
  public func sentenceVocabulary(_ name: String) throws -> SentenceVocabulary {
    struct Unit: Decodable {
      struct Rule: Decodable { var unit: String }
      var rule: Rule
    }
    if (try? decode(Unit.self, name))?.rule.unit == "subwords" {
      throw DatasetError.invalid(
        reason:
          "the artefact '\(name)' holds subwords of an encoding that Atelier no longer has; train again with the "
          + "unit unigram or bpe")
    }
    return try SentenceVocabulary(self, name)
  }

  /// The vocabulary of an artefact; where it is missing, it is made and stored.
  mutating func sentenceVocabulary(
    _ name: String, orElse make: () throws -> SentenceVocabulary
  ) throws -> SentenceVocabulary {
    if contents[name] != nil { return try sentenceVocabulary(name) }
    let made = try value(name, orElse: make)
    if let model = made.model { contents[SentenceVocabulary.modelName(name)] = model.data }
    return made
  }
}

extension SentenceVocabulary {
  fileprivate init(_ artefacts: Artefacts, _ name: String) throws {
    let record = try artefacts.decode(Record.self, name)
    let model = Self.modelName(name)
    do throws(DatasetError) {
      try self.init(record, model: artefacts.contents[model], "the SentencePiece model '\(model)'")
    } catch {
      throw DatasetError.invalid(
        reason:
          "the artefact '\(name)' is damaged (\(error.description)); use the whole run folder as it was saved"
      )
    }
  }
}
