import AtelierData
import AtelierMedia
import Foundation
import Testing
import Torch

/// Sequences of different lengths: example `i` has `lengths[i]` tokens, all of them `i + 1`.
private struct Sequences: Dataset {
  let lengths: [Int]
  var isInMemory = false
  /// Examples that cannot be decoded.
  var corrupt: Set<Int> = []

  var count: Int { lengths.count }
  var description: DatasetDescription {
    DatasetDescription(layout: .text, name: "sequences", split: .train, count: count, fingerprint: "f")
  }

  func example(at index: Int) throws(DatasetError) -> Example {
    if corrupt.contains(index) { throw .corruptImage(path: "\(index)", reason: "it is bad") }
    return Example([
      "token": HostTensor([Int](repeating: index + 1, count: lengths[index])),
      "number": HostTensor([index], shape: []),
    ])
  }

  func collate(_ examples: [Example]) throws(DatasetError) -> [String: HostTensor] {
    try Example.padded(examples, ["token": 0])
  }

  func order(pass: Int, batchSize: Int, using generator: inout SeededGenerator) -> [[Int]]? {
    batchesOfSimilarLength(lengths, batchSize: batchSize, pool: 2, using: &generator)
  }
}

/// Clips of one sequence after the other, in an order that changes with the pass, and passes of different
/// lengths.
private struct Clips: Dataset {
  let count = 7
  let isInMemory = true
  var description: DatasetDescription {
    DatasetDescription(layout: .memory, name: "clips", split: .train, count: count, fingerprint: "c")
  }
  func example(at index: Int) -> Example { Example(["number": HostTensor([index], shape: [])]) }
  func order(pass: Int, batchSize: Int, using generator: inout SeededGenerator) -> [[Int]]? {
    pass.isMultiple(of: 2) ? [[0, 1], [2], [3, 4, 5]] : [[6, 6, 6, 6], [5], [4], [3], [2, 1]]
  }
}

struct BatchingTests {
  @Test func paddingFillsUpToTheLongestOfTheBatch() throws {
    let batch = try Sequences(lengths: [2, 3, 1]).batch(at: [0, 1, 2])
    #expect(batch["token"] == HostTensor([1, 1, 0, 2, 2, 2, 3, 0, 0], shape: [3, 3]))
    #expect(batch["number"] == HostTensor([0, 1, 2], shape: [3]))
    let rows = [
      Example(["a": HostTensor([1, 2, 3, 4], shape: [2, 2])]),
      Example(["a": HostTensor([5, 6], shape: [1, 2])]),
    ]
    #expect(
      try Example.padded(rows, ["a": 9])["a"] == HostTensor([1, 2, 3, 4, 5, 6, 9, 9], shape: [2, 2, 2]))
    let floats = [Example(["a": HostTensor([1 as Float])]), Example(["a": HostTensor([1 as Float, 2])])]
    #expect(throws: DatasetError.self) { try Example.padded(floats, ["a": 0]) }
    #expect(throws: DatasetError.self) { try Example.stacked(rows) }
  }

  @Test func bucketsHoldEveryExampleOnceAndSimilarLengths() {
    let lengths = (0..<23).map { ($0 * 7) % 11 }
    var generator = SeededGenerator(seed: 4)
    let batches = batchesOfSimilarLength(lengths, batchSize: 4, pool: 100, using: &generator)
    #expect(batches.joined().sorted() == Array(0..<23))
    #expect(batches.map(\.count).sorted() == [3, 4, 4, 4, 4, 4])
    // One pool: sorted by their shortest, no batch reaches into the next.
    let ordered = batches.map { $0.map { lengths[$0] } }.sorted {
      ($0.max() ?? 0, $0.min() ?? 0) < ($1.max() ?? 0, $1.min() ?? 0)
    }
    for (one, next) in zip(ordered, ordered.dropFirst()) { #expect((one.max() ?? 0) <= (next.min() ?? 0)) }
    var again = SeededGenerator(seed: 4)
    #expect(batchesOfSimilarLength(lengths, batchSize: 4, pool: 100, using: &again) == batches)
  }

  @Test(arguments: [false, true]) func anOwnOrderResumesAnywhere(inMemory: Bool) throws {
    let data = Sequences(lengths: [3, 1, 4, 1, 5, 9, 2, 6, 5, 3], isInMemory: inMemory)
    let whole = try Loader(data, batchSize: 3, seed: 8, workers: 2)
    #expect(whole.batchesPerEpoch == 4)
    var positions: [LoaderPosition] = []
    var batches: [HostBatch] = []
    var passes: [Double] = []
    for _ in 0..<10 {
      positions.append(whole.position)
      passes.append(whole.passes)
      batches.append(try whole.next())
    }
    #expect(batches[..<4].flatMap(\.indices).sorted() == Array(0..<10))
    #expect(batches[..<4].flatMap(\.indices) != batches[4..<8].flatMap(\.indices))
    #expect(batches.map(\.isFirst) == (0..<10).map { $0 % 4 == 0 })
    #expect(passes == passes.sorted() && passes[4] == 1 && passes[8] == 2)
    for start in 0..<10 {
      let saved = try JSONEncoder().encode(positions[start])
      let resumed = try Loader(data, batchSize: 3, seed: 8, workers: 1)
      try resumed.seek(to: JSONDecoder().decode(LoaderPosition.self, from: saved))
      #expect(resumed.passes == passes[start])
      for index in start..<10 { #expect(try resumed.next() == batches[index]) }
    }
    // Without shuffling the order is that of the data.
    let plain = try Loader(data, batchSize: 4, shuffles: false, dropsLast: false)
    #expect(try (0..<3).map { _ in try plain.next().indices } == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]])
  }

  @Test func passesOfAnOrderMayDiffer() throws {
    let loader = try Loader(Clips(), batchSize: 2, seed: 1)
    let expected = [[0, 1], [2], [3, 4, 5], [6, 6, 6, 6], [5], [4], [3], [2, 1], [0, 1]]
    var positions: [LoaderPosition] = []
    for indices in expected {
      positions.append(loader.position)
      #expect(try loader.next().indices == indices)
    }
    // Further into a pass than there are examples.
    #expect(positions[7].epoch == 1 && positions[7].offset == 7)
    let resumed = try Loader(Clips(), batchSize: 2, seed: 1)
    try resumed.seek(to: positions[7])
    #expect(try resumed.next().indices == [2, 1])
    var beyond = positions[1]
    beyond.offset = 6
    #expect(throws: DatasetError.self) { try resumed.seek(to: beyond) }
    try resumed.seek(to: resumed.nearest(to: beyond))
    #expect(try resumed.next().indices == [5])
  }

  @Test func corruptExamplesOfAnOwnOrderAreReplaced() throws {
    let data = Sequences(lengths: [2, 2, 2, 2, 2, 2], corrupt: [4])
    let loader = try Loader(data, batchSize: 3, seed: 2)
    let served = try (0..<2).flatMap { _ in try loader.next().indices }
    #expect(served.sorted() == [0, 1, 2, 3, 5, 5] && loader.skipped.map(\.index) == [4])
  }

  @Test func anOrderOfWhatIsNotThereIsAnError() {
    struct Wrong: Dataset {
      let count = 2
      let description = DatasetDescription(
        layout: .memory, name: "wrong", split: .train, count: 2, fingerprint: "w")
      func example(at index: Int) -> Example { Example([:]) }
      func order(pass: Int, batchSize: Int, using generator: inout SeededGenerator) -> [[Int]]? { [[0, 2]] }
    }
    #expect(throws: DatasetError.self) { try Loader(Wrong(), batchSize: 1) }
  }
}
