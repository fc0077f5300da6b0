public import AtelierMedia

/// What the numbers of a field stand for, as people read and write them.
public struct FieldNames: Sendable {
  /// The classes' names, by number; where one is missing, the number is its name.
  public var classes: [String]
  /// Red, green and blue of each class; PASCAL VOC's colour map serves what is missing.
  public var colours: [[UInt8]]
  /// How tokens become text; nil: as numbers.
  public var tokens: TokenNames?
  /// Whether files of an image field are maps of labels, which become colours, or a channel a class above four
  /// channels, as in training.
  public var standForLabels: Bool
  /// Which numbers of image files are black and white; nil: what each file's format says.
  public var scale: SampleScale?
  /// What errors call a class: an action, for example.
  public var noun = "class"

  /// Names; none unless given.
  public init(
    classes: [String] = [], colours: [[UInt8]] = [], tokens: TokenNames? = nil, standForLabels: Bool = false,
    scale: SampleScale? = nil
  ) {
    self.classes = classes
    self.colours = colours
    self.tokens = tokens
    self.standForLabels = standForLabels
    self.scale = scale
  }

  /// The name of a class.
  public func name(ofClass index: Int) -> String {
    classes.indices.contains(index) ? classes[index] : String(index)
  }

  /// The number of a class by its name, whatever the case of its letters, or by its number.
  ///
  /// - Throws: ``DatasetError/invalid(reason:)`` that lists the classes.
  public func number(ofClass text: String, below count: Int) throws(DatasetError) -> Int {
    if let index = classes.firstIndex(of: text) ?? NamePlaces(classes)(text) { return index }
    if let index = Int(text), (0..<count).contains(index) { return index }
    throw .invalid(
      reason: "there is no \(noun) '\(text)'; the \(noun)\(noun.hasSuffix("s") ? "es" : "s") are "
        + (classes.isEmpty ? "0 … \(count - 1)" : classes.joined(separator: ", ")))
  }

  /// The most classes that a word with a count stands for.
  static let mostRepetitions = 100_000

  /// The numbers of the classes that a word stands for: one, or as many as its count says, as in `left*12`.
  ///
  /// - Throws: ``DatasetError/invalid(reason:)`` that lists the classes, or names the count.
  func numbers(of word: String, below count: Int) throws(DatasetError) -> [Int] {
    guard !classes.contains(word), let star = word.lastIndex(of: "*") else {
      return [try number(ofClass: word, below: count)]
    }
    let times = word[word.index(after: star)...]
    guard let repetitions = Int(times), (1...Self.mostRepetitions).contains(repetitions) else {
      throw .invalid(
        reason:
          "'\(word)' repeats '\(word[..<star])' '\(times)' times; a count is 1 to \(Self.mostRepetitions)")
    }
    let number = try number(ofClass: String(word[..<star]), below: count)
    return [Int](repeating: number, count: repetitions)
  }
}

/// How tokens become text and back: words of a vocabulary, characters, the pieces of a tokeniser.
public struct TokenNames: Sendable {
  /// The text of tokens, without those that stand for no text.
  public let decode: @Sendable (_ tokens: [Int]) -> String
  /// The tokens of a text, with those that begin and end it where the data have such.
  ///
  /// - Throws: ``DatasetError/invalid(reason:)`` for what no token stands for.
  public let encode: @Sendable (_ text: String) throws -> [Int]

  /// Any two functions.
  public init(
    decode: @escaping @Sendable ([Int]) -> String, encode: @escaping @Sendable (String) throws -> [Int]
  ) {
    self.decode = decode
    self.encode = encode
  }

  /// Words between white space.
  ///
  /// - Parameters:
  ///   - first: the token of the first word; smaller ones stand for no word.
  ///   - begin: the token in front of a text's words.
  ///   - end: the token behind them; what follows it is not text.
  ///   - unknown: the token of words that are not in the list; nil: they are an error.
  public init(
    words: [String], first: Int = 0, begin: Int? = nil, end: Int? = nil, unknown: Int? = nil
  ) {
    let numbers = Dictionary(zip(words, words.indices), uniquingKeysWith: { first, _ in first })
    self.init(
      decode: { tokens in
        tokens.prefix { $0 != end }.compactMap { token in
          if token == unknown { return Vocabulary.unknown }
          return words.indices.contains(token - first) ? words[token - first] : nil
        }.joined(separator: " ")
      },
      encode: { text in
        let tokens = try text.split(whereSeparator: \.isWhitespace).map { word in
          if let number = numbers[String(word)] { return number + first }
          if let unknown { return unknown }
          throw DatasetError.invalid(reason: "the word '\(word)' is not in the vocabulary")
        }
        return (begin.map { [$0] } ?? []) + tokens + (end.map { [$0] } ?? [])
      })
  }

  /// The tokens of running text.
  public init(_ vocabulary: Vocabulary) {
    self.init(decode: { vocabulary.decode($0) }, encode: { try vocabulary.encodePrompt($0) })
  }
}
