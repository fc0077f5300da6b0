/// What it takes to turn words into those of a reference: the least number of substitutions, deletions and insertions
/// (Levenshtein 1966). Of equally many, substitutions are preferred, then deletions.
public struct EditCounts: Sendable, Hashable {
  /// Words in the place of others.
  public var substitutions = 0
  /// Words of the reference that are missing.
  public var deletions = 0
  /// Words that the reference does not have.
  public var insertions = 0
  /// Words of the reference.
  public var length = 0

  /// None.
  public init() {}

  /// Compares a sequence with its reference.
  public init<Symbol: Equatable>(of found: [Symbol], against reference: [Symbol]) {
    var row = (0...found.count).map { count in
      var counts = EditCounts()
      counts.insertions = count
      return counts
    }
    for wanted in reference {
      var diagonal = row[0]
      row[0].deletions += 1
      for (index, symbol) in found.enumerated() {
        let above = row[index + 1]
        var best = diagonal
        if symbol != wanted { best.substitutions += 1 }
        var deleted = above
        deleted.deletions += 1
        var inserted = row[index]
        inserted.insertions += 1
        if deleted.edits < best.edits { best = deleted }
        if inserted.edits < best.edits { best = inserted }
        (diagonal, row[index + 1]) = (above, best)
      }
    }
    self = row[found.count]
    length = reference.count
  }

  /// All of them.
  public var edits: Int { substitutions + deletions + insertions }

  /// Edits for each word of the reference; above 1 where there are more edits than words.
  public var rate: Double { Double(edits) / Double(length) }

  /// The sums of two.
  public static func + (one: EditCounts, other: EditCounts) -> EditCounts {
    var sum = one
    sum.substitutions += other.substitutions
    sum.deletions += other.deletions
    sum.insertions += other.insertions
    sum.length += other.length
    return sum
  }
}

/// The word error rate of texts: all edits of all texts, divided by all words of the references. Words are what white
/// space divides; of several references the one with the lowest rate counts.
///
/// - Parameter characters: whether characters are counted in place of words, white space included as single blanks.
/// - Throws: `MetricError` for other numbers of references than of texts, and where the references have no words.
public func wordErrorRate(
  _ texts: [String], references: [[String]], characters: Bool = false
) throws -> EditCounts {
  try checkTexts(texts, references)
  func words(_ text: String) -> [String] {
    let words = text.split(whereSeparator: \.isWhitespace).map(String.init)
    return characters ? words.joined(separator: " ").map(String.init) : words
  }
  var sum = EditCounts()
  for (text, own) in zip(texts, references) {
    let found = words(text)
    let counts = own.map { EditCounts(of: found, against: words($0)) }
    guard let best = counts.min(by: { $0.edits * max(1, $1.length) < $1.edits * max(1, $0.length) }) else {
      continue
    }
    sum = sum + best
  }
  guard sum.length > 0 else {
    throw MetricError("the references have no words, so that there is nothing to miss")
  }
  return sum
}
