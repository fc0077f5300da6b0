/// What the library trusts in a model's bytes, and must not.
///
/// A `.model` file is a `ModelProto` (google/sentencepiece `sentencepiece_model.proto`) in the wire format of Protocol
/// Buffers. The library checks the pieces, but follows the offsets of the double-array trie of its normalisation rules
/// (`precompiled_charsmap`) without looking at their bounds.
extension SentencePieceModel {
  /// Checks the bytes.
  ///
  /// - Returns: how the model cuts texts; nil for words and characters.
  /// - Throws: ``DatasetError/invalid(reason:)`` for a file that is cut off, and for offsets out of bounds.
  static func checked(_ bytes: [UInt8]) throws(DatasetError) -> Kind? {
    var type: UInt64 = 1
    for field in try fields(bytes[...]) {
      switch (field.number, field.content) {
      case (1, .bytes(let piece)):
        for part in try fields(piece) {
          if part.number == 1, case .bytes(let text) = part.content, text.contains(0) {
            throw damaged("a piece contains the byte 0")
          }
        }
      case (2, .bytes(let trainer)):
        for part in try fields(trainer) {
          if part.number == 3, case .number(let value) = part.content, (1...4).contains(value) {
            type = value
          }
        }
      case (3, .bytes(let rules)), (5, .bytes(let rules)):
        for part in try fields(rules) {
          if part.number == 2, case .bytes(let map) = part.content { try checkRules(map) }
        }
      default: break
      }
    }
    return type == 1 ? .unigram : type == 2 ? .bpe : nil
  }

  private static func damaged(_ reason: String) -> DatasetError {
    .invalid(reason: "it is no SentencePiece model, or a damaged one: \(reason)")
  }

  private struct WireField {
    enum Content {
      case number(UInt64)
      case bytes(ArraySlice<UInt8>)
    }
    let number: UInt64
    let content: Content
  }

  private static func fields(_ bytes: ArraySlice<UInt8>) throws(DatasetError) -> [WireField] {
    var fields: [WireField] = []
    var place = bytes.startIndex
    func number() throws(DatasetError) -> UInt64 {
      var value: UInt64 = 0
      for shift in stride(from: UInt64(0), to: 70, by: 7) {
        guard place < bytes.endIndex else { throw damaged("it is cut off") }
        let byte = bytes[place]
        place += 1
        if shift < 64 { value |= UInt64(byte & 0x7F) << shift }
        if byte & 0x80 == 0 { return value }
      }
      throw damaged("a number has more than ten bytes")
    }
    while place < bytes.endIndex {
      let key = try number()
      switch key & 7 {
      case 0: fields.append(WireField(number: key >> 3, content: .number(try number())))
      case 1, 2, 5:
        let length = key & 7 == 1 ? 8 : key & 7 == 5 ? 4 : try number()
        guard length <= UInt64(bytes.endIndex - place) else { throw damaged("it is cut off") }
        let end = place + Int(length)
        fields.append(WireField(number: key >> 3, content: .bytes(bytes[place..<end])))
        place = end
      default: throw damaged("it has a field of an unknown type")
      }
    }
    return fields
  }

  /// Checks a trie of normalisation rules with the texts that they lead to: four bytes that say how long the trie is,
  /// its units of 32 bits, and texts that each end in a zero byte.
  ///
  /// A unit has its label in the lowest byte, in bit 8 whether a value follows, and in the bits above how far its
  /// children are away (s-yata/darts-clone `darts.h`); one with bit 31 is a value, and none is looked for below it, but
  /// for the first, whose label nobody reads.
  private static func checkRules(_ map: ArraySlice<UInt8>) throws(DatasetError) {
    guard !map.isEmpty else { return }
    func word(_ index: Int) -> Int {
      let start = map.startIndex + 4 * index
      return (0..<4).reduce(0) { $0 | Int(map[start + $1]) << (8 * $1) }
    }
    guard map.count > 8 else { throw damaged("its normalisation rules are cut off") }
    let size = word(0)
    guard size >= 4, size.isMultiple(of: 4), size < map.count - 4 else {
      throw damaged("its normalisation rules have a trie of \(size) bytes")
    }
    let (count, texts) = (size / 4, map.count - 4 - size)
    guard map.last == 0 else { throw damaged("its normalisation rules do not end in a zero byte") }
    for index in 0..<count {
      let unit = word(1 + index)
      guard index == 0 || unit >> 31 == 0 else { continue }
      let children = index ^ ((unit >> 10) << ((unit & 0x200) >> 6))
      guard children | 0xFF < count else { throw damaged("its normalisation rules lead beyond their trie") }
      guard unit & 0x100 == 0 || word(1 + children) & 0x7FFF_FFFF < texts else {
        throw damaged("its normalisation rules lead beyond their texts")
      }
    }
  }
}
