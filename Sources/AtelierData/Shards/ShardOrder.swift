/// The order of examples that lie in shards: shards in random order, and a buffer from which examples are drawn while
/// the next ones of the shard take their places.
///
/// Reading stays near one place of one or two files at a time, as it does where shards are streams. The order follows
/// from the generator alone, so that a position in a pass says which example of which shard is next.
struct ShardOrder: Sendable, Hashable {
  /// Examples among which the next one is drawn.
  static let buffer = 4096

  /// The number of examples of each shard; the examples are numbered shard by shard.
  let counts: [Int]
  /// Examples among which the next one is drawn, here.
  let size: Int

  /// The order of shards with so many examples each.
  init(counts: [Int], buffer: Int = buffer) { (self.counts, size) = (counts, buffer) }

  /// Batches of a pass; an incomplete one is left out, unless it is the only one.
  func batches(of batchSize: Int, using generator: inout SeededGenerator) -> [[Int]] {
    let order = order(using: &generator)
    let whole = order.count / batchSize
    guard whole > 0 else { return order.isEmpty ? [] : [order] }
    return (0..<whole).map { Array(order[($0 * batchSize)..<(($0 + 1) * batchSize)]) }
  }

  /// All examples of a pass.
  func order(using generator: inout SeededGenerator) -> [Int] {
    var starts: [Int] = []
    var total = 0
    for count in counts {
      starts.append(total)
      total += count
    }
    var order: [Int] = []
    order.reserveCapacity(total)
    var waiting: [Int] = []
    for shard in generator.permutation(counts.count) {
      for example in starts[shard]..<(starts[shard] + counts[shard]) {
        guard waiting.count == size else {
          waiting.append(example)
          continue
        }
        let place = generator.integer(below: waiting.count)
        order.append(waiting[place])
        waiting[place] = example
      }
    }
    for place in generator.permutation(waiting.count) { order.append(waiting[place]) }
    return order
  }

  /// The order of examples by what they lie in; nil where they do not lie in several shards one after the other.
  init?(places: some Sequence<String>) {
    var counts: [Int] = []
    var last: String?
    for place in places {
      if place == last { counts[counts.count - 1] += 1 } else { counts.append(1) }
      last = place
    }
    guard !counts.isEmpty else { return nil }
    self.init(counts: counts)
  }
}
