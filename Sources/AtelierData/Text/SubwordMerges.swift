/// Byte-pair encoding of words (Sennrich, Haddow and Birch 2016, "Neural Machine Translation of Rare Words with Subword
/// Units"): characters of a word are joined, the most frequent pair of neighbours first, as often as was learned.
///
/// A piece that does not begin its word carries a joiner in front, so that pieces give their words back.
public struct SubwordMerges: Sendable, Hashable, Codable {
  /// The pairs in the order in which they are joined, each as two pieces.
  public let pairs: [[String]]
  private let ranks: [Pair: Int]

  private struct Pair: Hashable, Sendable {
    let first: String
    let second: String
  }

  /// Pairs that are known.
  public init(_ pairs: [[String]]) {
    self.pairs = pairs
    ranks = Dictionary(
      pairs.enumerated().filter { $1.count == 2 }.map { (Pair(first: $1[0], second: $1[1]), $0) },
      uniquingKeysWith: { first, _ in first })
  }

  /// Reads the pairs.
  public init(from decoder: any Decoder) throws {
    self.init(try decoder.singleValueContainer().decode([[String]].self))
  }

  /// Writes the pairs.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(pairs)
  }

  /// Learns pairs of words and how often they occur.
  ///
  /// - Parameters:
  ///   - pieces: as many pieces as there may be in the end, single characters included.
  ///   - minimumCount: a pair that occurs less often is not joined.
  public init(of words: [String: Int], pieces limit: Int, minimumCount: Int = 2) {
    let ordered = words.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
    var symbols = ordered.map { Self.characters(of: $0.key) }
    var known = Set(symbols.joined())
    var counts: [Pair: Int] = [:]
    var places: [Pair: Set<Int>] = [:]
    var queue = PairQueue()
    func neighbours(_ word: [String]) -> [Pair] {
      word.indices.dropLast().map { Pair(first: word[$0], second: word[$0 + 1]) }
    }
    for (index, word) in symbols.enumerated() {
      for pair in neighbours(word) {
        counts[pair, default: 0] += ordered[index].value
        places[pair, default: []].insert(index)
      }
    }
    for (pair, count) in counts { queue.add(count, pair) }
    var learned: [[String]] = []
    while known.count < limit, let (count, best) = queue.popLast() {
      // What was counted anew stands in the queue a second time.
      guard counts[best] == count else { continue }
      guard count >= max(2, minimumCount) else { break }
      let joined = Self.joined(best.first, best.second)
      learned.append([best.first, best.second])
      known.insert(joined)
      var changed: Set<Pair> = []
      for index in (places[best] ?? []).sorted() {
        let old = symbols[index]
        let new = Self.joining(old, best.first, best.second)
        guard new.count < old.count else { continue }
        for pair in neighbours(old) {
          counts[pair, default: 0] -= ordered[index].value
          changed.insert(pair)
        }
        for pair in neighbours(new) {
          counts[pair, default: 0] += ordered[index].value
          places[pair, default: []].insert(index)
          changed.insert(pair)
        }
        symbols[index] = new
      }
      counts[best] = nil
      for pair in changed where pair != best {
        if let count = counts[pair], count > 0 { queue.add(count, pair) }
      }
    }
    self.init(learned)
  }

  /// The pieces of a word.
  public func pieces(of word: String) -> [String] {
    var symbols = Self.characters(of: word)
    while symbols.count > 1 {
      let best = symbols.indices.dropLast().compactMap { place in
        ranks[Pair(first: symbols[place], second: symbols[place + 1])].map { (rank: $0, place: place) }
      }.min { $0.rank < $1.rank }
      guard let best else { break }
      symbols = Self.joining(symbols, symbols[best.place], symbols[best.place + 1])
    }
    return symbols
  }

  /// The characters of a word; marks of punctuation with joiners of their own stay whole.
  private static func characters(of word: String) -> [String] {
    guard !word.unicodeScalars.contains(SentenceVocabulary.joiner) else { return [word] }
    return word.unicodeScalars.enumerated().map { $0 == 0 ? String($1) : "\(SentenceVocabulary.joiner)\($1)" }
  }

  private static func joined(_ first: String, _ second: String) -> String {
    first + String(second.unicodeScalars.dropFirst())
  }

  private static func joining(_ symbols: [String], _ first: String, _ second: String) -> [String] {
    var result: [String] = []
    var place = 0
    while place < symbols.count {
      if place + 1 < symbols.count, symbols[place] == first, symbols[place + 1] == second {
        result.append(joined(first, second))
        place += 2
      } else {
        result.append(symbols[place])
        place += 1
      }
    }
    return result
  }

  /// A heap of pairs, the most frequent first; of equally frequent ones the first by alphabet.
  private struct PairQueue {
    private var heap: [(count: Int, pair: Pair)] = []

    private func comesBefore(_ one: Int, _ other: Int) -> Bool {
      let (a, b) = (heap[one], heap[other])
      return (b.count, a.pair.first, a.pair.second) < (a.count, b.pair.first, b.pair.second)
    }

    mutating func add(_ count: Int, _ pair: Pair) {
      heap.append((count, pair))
      var place = heap.count - 1
      while place > 0, comesBefore(place, (place - 1) / 2) {
        heap.swapAt(place, (place - 1) / 2)
        place = (place - 1) / 2
      }
    }

    mutating func popLast() -> (Int, Pair)? {
      guard let best = heap.first else { return nil }
      heap[0] = heap[heap.count - 1]
      heap.removeLast()
      var place = 0
      while true {
        let children = [2 * place + 1, 2 * place + 2].filter { $0 < heap.count }
        guard let child = children.min(by: { comesBefore($0, $1) }), comesBefore(child, place) else { break }
        heap.swapAt(place, child)
        place = child
      }
      return best
    }
  }
}
