public import Torch

extension Example {
  /// Collates examples: each field is stacked along a new first axis.
  ///
  /// - Throws: ``DatasetError/invalid(reason:)`` for a field that is missing from some examples or whose
  ///   shape differs.
  public static func stacked(_ examples: [Example]) throws(DatasetError) -> [String: HostTensor] {
    guard let first = examples.first else { throw .invalid(reason: "a batch needs at least one example") }
    var result: [String: HostTensor] = [:]
    for (name, sample) in first.fields {
      var bytes: [UInt8] = []
      bytes.reserveCapacity(sample.bytes.count * examples.count)
      for example in examples {
        guard let value = example[name] else {
          throw .invalid(reason: "the field \"\(name)\" is missing from some examples")
        }
        guard value.shape == sample.shape, value.dtype == sample.dtype else {
          throw .invalid(
            reason: "the field \"\(name)\" is \(sample.shape) in one example and \(value.shape) in another; "
              + "give an image preparation, so that all images have one size")
        }
        bytes.append(contentsOf: value.bytes)
      }
      result[name] = HostTensor(shape: [examples.count] + sample.shape, dtype: sample.dtype, bytes: bytes)
    }
    return result
  }

  /// Collates examples, padding fields of varying length to the longest of the batch.
  ///
  /// - Parameter padding: the int64 fields whose first axis varies, and the value appended to each; all
  ///   others are stacked.
  /// - Parameter lengths: the least lengths, of the other examples of a batch of which these are a part.
  /// - Throws: ``DatasetError/invalid(reason:)`` as ``stacked(_:)``, or for padded fields of another type.
  public static func padded(
    _ examples: [Example], _ padding: [String: Int], atLeast lengths: [String: Int] = [:]
  ) throws(DatasetError) -> [String: HostTensor] {
    var filled = examples
    for (name, value) in padding {
      let longest = max(lengths[name] ?? 0, examples.lazy.compactMap { $0[name]?.shape.first }.max() ?? 0)
      for index in filled.indices {
        guard let stored = filled[index][name], let length = stored.shape.first else { continue }
        guard stored.dtype == .int64 else {
          throw .invalid(reason: "the field \"\(name)\" is \(stored.dtype); only int64 fields can be padded")
        }
        let row = stored.shape.dropFirst()
        let missing = (longest - length) * row.reduce(1, *)
        filled[index].fields[name] = HostTensor(
          shape: [longest] + row, dtype: .int64,
          bytes: stored.bytes + HostTensor([Int](repeating: value, count: missing)).bytes)
      }
    }
    return try stacked(filled)
  }
}

/// Length bucketing, which keeps padding low: shuffled examples are divided into pools of `batchSize * pool`,
/// each pool is sorted by length and divided into batches, and the batches are shuffled. The last batch of a
/// pass may be smaller.
///
/// - Parameters:
///   - lengths: the length of each example.
///   - pool: batches per pool; larger pools give less padding and less randomness.
public func batchesOfSimilarLength(
  _ lengths: [Int], batchSize: Int, pool: Int = 16, using generator: inout SeededGenerator
) -> [[Int]] {
  let order = generator.permutation(lengths.count)
  var batches: [[Int]] = []
  for start in stride(from: 0, to: order.count, by: batchSize * max(1, pool)) {
    let chosen = order[start..<min(start + batchSize * max(1, pool), order.count)]
    // Ties keep their random order, whatever the sort algorithm.
    let sorted = chosen.enumerated()
      .sorted { (lengths[$0.element], $0.offset) < (lengths[$1.element], $1.offset) }.map(\.element)
    for first in stride(from: 0, to: sorted.count, by: batchSize) {
      batches.append(Array(sorted[first..<min(first + batchSize, sorted.count)]))
    }
  }
  return generator.permutation(batches.count).map { batches[$0] }
}

/// Batches of about as many tokens each, whatever the lengths: shuffled examples are divided into pools, each pool is
/// sorted by length and cut where the examples, padded to their longest, would be more than `tokens`; the batches are
/// shuffled. An example of more tokens is a batch of its own.
///
/// - Parameters:
///   - lengths: the length of each example.
///   - pool: batches per pool, about.
public func batchesOfTokens(
  _ lengths: [Int], tokens: Int, pool: Int = 16, using generator: inout SeededGenerator
) -> [[Int]] {
  let order = generator.permutation(lengths.count)
  let mean = max(1, lengths.reduce(0, +) / max(1, lengths.count))
  let size = max(1, tokens / mean) * max(1, pool)
  var batches: [[Int]] = []
  for start in stride(from: 0, to: order.count, by: size) {
    let sorted = order[start..<min(start + size, order.count)].enumerated()
      .sorted { (lengths[$0.element], $0.offset) < (lengths[$1.element], $1.offset) }.map(\.element)
    var batch: [Int] = []
    for example in sorted {
      if !batch.isEmpty, (batch.count + 1) * lengths[example] > tokens {
        batches.append(batch)
        batch = []
      }
      batch.append(example)
    }
    if !batch.isEmpty { batches.append(batch) }
  }
  return generator.permutation(batches.count).map { batches[$0] }
}
