internal import CSentencePiece
public import Foundation

/// A SentencePiece model: pieces of words, learned from sentences or read from a user's `.model` file.
///
/// Trained and applied by the SentencePiece library (Kudo and Richardson 2018, "SentencePiece: A simple and language
/// independent subword tokenizer and detokenizer for Neural Text Processing"). Where the library is not installed,
/// ``isAvailable`` is false and every initialiser throws.
public struct SentencePieceModel: Sendable, Hashable {
  /// How pieces are learned, and how a text is cut into them.
  public enum Kind: String, Sendable, Hashable, Codable, CaseIterable {
    /// The likeliest pieces of a unigram language model (Kudo 2018).
    case unigram
    /// Byte-pair encoding over characters (Sennrich et al. 2016).
    case bpe
  }

  /// How a model is trained.
  public struct Training: Sendable, Hashable {
    /// How pieces are learned.
    public var kind: Kind
    /// The most pieces, special ones and the characters included.
    public var size: Int
    /// The share of the text's characters that have pieces; the rarest beyond it are unknown, or bytes.
    public var characterCoverage: Double
    /// The ids of the pieces that are no text; nil: unknown 0, start 1, end 2 and no padding.
    public var specials: SentenceVocabulary.Specials?
    /// Whether characters without a piece become their bytes, and spaces stay as they are, so that decoding gives the
    /// text back.
    public var isLossless: Bool

    /// A training.
    public init(
      _ kind: Kind, size: Int = 8000, characterCoverage: Double = 0.9995,
      specials: SentenceVocabulary.Specials? = nil, isLossless: Bool = false
    ) {
      (self.kind, self.size, self.characterCoverage) = (kind, size, characterCoverage)
      (self.specials, self.isLossless) = (specials, isLossless)
    }
  }

  /// Whether this was built with the library.
  public static var isAvailable: Bool { CSentencePieceIsAvailable() }

  /// The serialised model, as in a `.model` file.
  public let data: Data
  /// How it cuts texts; nil for models of words or characters.
  public let kind: Kind?
  /// The texts of the pieces by their ids, `▁` in place of a space.
  public let pieces: [String]
  /// The piece of what has none.
  public let unknown: Int
  /// The piece that begins a sentence; nil where the model has none.
  public let start: Int?
  /// The piece that ends a sentence; nil where the model has none.
  public let end: Int?
  /// The piece that fills up; nil where the model has none.
  public let padding: Int?
  private let processor: Processor

  /// Learns a model from sentences, on one thread, so that the same sentences give the same bytes.
  ///
  /// - Throws: ``DatasetError/invalid(reason:)`` where the library is absent, no sentence has text, or the size is too
  ///   small for the characters.
  public init(of sentences: some Sequence<String>, _ training: Training) throws(DatasetError) {
    try Self.requireLibrary()
    var text: [CChar] = []
    var ends: [Int64] = []
    var longest = 0
    for sentence in sentences where !sentence.isEmpty {
      text += sentence.utf8.map { CChar(bitPattern: $0) }
      longest = max(longest, text.count - Int(ends.last ?? 0))
      ends.append(Int64(text.count))
    }
    guard !ends.isEmpty else { throw .invalid(reason: "there is no text to learn pieces from") }
    let options = Self.options(training, longest: longest).sorted { $0.key < $1.key }
    let names = options.map { strdup($0.key) }
    let values = options.map { strdup($0.value) }
    defer { for text in names + values { free(text) } }
    var length: Int64 = 0
    let made = Self.pointers(names) { names in
      Self.pointers(values) { values in
        CSentencePieceTrain(text, ends, Int64(ends.count), names, values, Int64(options.count), &length)
      }
    }
    guard let made else { throw .invalid(reason: Self.trainingProblem(Self.lastError)) }
    defer { CSentencePieceFree(made) }
    try self.init(Data(bytes: made, count: Int(length)))
  }

  /// Reads the bytes of a `.model` file, which are not trusted.
  ///
  /// - Throws: ``DatasetError/invalid(reason:)`` where the library is absent, and for bytes that are no such model.
  public init(_ data: Data) throws(DatasetError) {
    try Self.requireLibrary()
    kind = try Self.checked([UInt8](data))
    let loaded = data.withUnsafeBytes { bytes in
      bytes.bindMemory(to: UInt8.self).baseAddress.flatMap { CSentencePieceLoad($0, Int64(bytes.count)) }
    }
    guard let loaded else {
      throw .invalid(
        reason: "it is no SentencePiece model" + (data.isEmpty ? "" : Self.inBrackets(Self.lastError)))
    }
    let processor = Processor(loaded)
    let count = Int(CSentencePieceCount(loaded))
    pieces = (0..<count).map { id in
      var length: Int64 = 0
      let text = CSentencePieceText(loaded, Int32(id), &length)
      return String(decoding: UnsafeRawBufferPointer(start: text, count: Int(length)), as: UTF8.self)
    }
    func id(_ number: Int32) -> Int? { (0..<count).contains(Int(number)) ? Int(number) : nil }
    guard let unknown = id(CSentencePieceUnknownId(loaded)) else {
      throw .invalid(
        reason: "it is no SentencePiece model that can be used: it has no piece for what is unknown")
    }
    self.unknown = unknown
    start = id(CSentencePieceStartId(loaded))
    end = id(CSentencePieceEndId(loaded))
    padding = id(CSentencePiecePaddingId(loaded))
    self.data = data
    self.processor = processor
  }

  /// The number of pieces.
  public var count: Int { pieces.count }

  /// The ids of a text's pieces, without those that begin and end a sentence.
  public func encode(_ text: String) -> [Int] {
    var text = text
    return text.withUTF8 { utf8 in
      // An empty text may have no address.
      guard let start = UnsafeRawPointer(utf8.baseAddress), !utf8.isEmpty else { return [] }
      var count: Int64 = 0
      let ids = CSentencePieceEncode(
        processor.model, start.assumingMemoryBound(to: CChar.self), Int64(utf8.count), &count)
      // The library fails where its own tables contradict each other, which only a damaged model's can.
      guard let ids else { return [unknown] }
      defer { CSentencePieceFree(ids) }
      return UnsafeBufferPointer(start: ids, count: Int(count)).map { Int($0) }
    }
  }

  /// The text of ids; those beyond the model count as unknown.
  public func decode(_ ids: [Int]) -> String {
    let known = ids.map { Int32(pieces.indices.contains($0) ? $0 : unknown) }
    guard !known.isEmpty else { return "" }
    var length: Int64 = 0
    guard let text = CSentencePieceDecode(processor.model, known, Int64(known.count), &length) else {
      return ""
    }
    defer { CSentencePieceFree(text) }
    return String(decoding: UnsafeRawBufferPointer(start: text, count: Int(length)), as: UTF8.self)
  }

  /// The byte that a piece such as `<0x0A>` stands for; nil for other pieces.
  public func byte(of id: Int) -> UInt8? {
    guard pieces.indices.contains(id), CSentencePieceIsByte(processor.model, Int32(id)) else { return nil }
    return UInt8(pieces[id].dropFirst(3).dropLast(), radix: 16)
  }

  /// Whether a piece stands for no text: unknown, control and unused ones.
  public func isSpecial(_ id: Int) -> Bool {
    !pieces.indices.contains(id) || CSentencePieceIsSpecial(processor.model, Int32(id))
  }

  /// Whether two models have the same bytes.
  public static func == (one: SentencePieceModel, other: SentencePieceModel) -> Bool {
    one.data == other.data
  }

  /// Hashes what `==` compares.
  public func hash(into hasher: inout Hasher) { hasher.combine(data) }

  /// The library's model.
  ///
  /// Unchecked: it is not changed after loading, and the library's constant functions may run on several threads.
  private final class Processor: @unchecked Sendable {
    let model: OpaquePointer

    init(_ model: OpaquePointer) { self.model = model }

    deinit { CSentencePieceModelFree(model) }
  }

  // MARK: Training

  private static func options(_ training: Training, longest: Int) -> [String: String] {
    var options = [
      "model_type": training.kind.rawValue, "vocab_size": String(training.size),
      "character_coverage": String(training.characterCoverage), "num_threads": "1",
      // A text that has fewer pieces than asked for gives those it has.
      "hard_vocab_limit": "false",
      // Longer sentences would be passed over.
      "max_sentence_length": String(max(4192, longest + 1)),
      // Texts are normalised before.
      "normalization_rule_name": "identity",
      // Progress and warnings stay out of the terminal.
      "minloglevel": "2",
    ]
    if let specials = training.specials {
      options["pad_id"] = String(specials.padding)
      options["bos_id"] = String(specials.start)
      options["eos_id"] = String(specials.end)
      options["unk_id"] = String(specials.unknown)
    }
    if training.isLossless {
      options["byte_fallback"] = "true"
      options["remove_extra_whitespaces"] = "false"
    }
    return options
  }

  private static func pointers<Result>(
    _ texts: [UnsafeMutablePointer<CChar>?], _ body: (UnsafePointer<UnsafePointer<CChar>>) -> Result?
  ) -> Result? {
    let known = texts.compactMap { $0.map { UnsafePointer($0) } }
    guard known.count == texts.count else { return nil }
    return known.withUnsafeBufferPointer { $0.baseAddress.flatMap(body) }
  }

  private static func trainingProblem(_ reason: String) -> String {
    let numbers = reason.firstMatch(of: /required_chars\. (\d+) vs (\d+)/)
    if let numbers {
      return
        "\(numbers.1) pieces are fewer than the \(numbers.2) of the text's characters and special tokens alone; "
        + "raise vocabularyLimit, or lower characterCoverage"
    }
    return "SentencePiece learned no pieces\(inBrackets(reason)); is there enough text?"
  }

  // MARK: Errors

  private static var lastError: String { String(cString: CSentencePieceLastError()) }

  /// The library's reason without its place in the source.
  private static func inBrackets(_ reason: String) -> String {
    let parts = reason.split(separator: "] ", maxSplits: 1)
    let plain = (parts.count == 2 ? String(parts[1]) : reason).trimmingCharacters(in: .whitespacesAndNewlines)
    return plain.isEmpty || plain.hasSuffix("]")
      ? "" : " (\(plain.hasSuffix(".") ? String(plain.dropLast()) : plain))"
  }

  /// - Throws: ``DatasetError/invalid(reason:)`` that says what is to be installed.
  static func requireLibrary() throws(DatasetError) {
    guard isAvailable else {
      throw .invalid(
        reason:
          "this build has no SentencePiece, which unigram and bpe need; install libsentencepiece-dev (apt) or "
          + "sentencepiece (Homebrew) and build again, or choose another unit")
    }
  }
}
