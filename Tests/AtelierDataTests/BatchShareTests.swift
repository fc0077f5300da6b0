import AtelierData
import Testing
import Torch

/// The part of every batch that one of several processes serves.
@Suite struct BatchShareTests {
  private func parts(_ count: Int) -> [BatchShare] { (0..<count).map { BatchShare(rank: $0, count: count) } }

  @Test(arguments: [1, 2, 3]) func partsTogetherAreTheWholeBatch(processes: Int) throws {
    let whole = try Loader(numbered(20), batchSize: 6, seed: 3)
    let divided = try parts(processes).map { try Loader(numbered(20), batchSize: 6, seed: 3, share: $0) }
    for _ in 0..<7 {
      let batch = try whole.next()
      let served = try divided.map { try $0.next() }
      #expect(served.flatMap(\.indices) == batch.indices)
      #expect(served.flatMap { $0["image"]?.bytes ?? [] } == batch["image"]?.bytes)
      #expect(served.allSatisfy { $0.isFirst == batch.isFirst && $0.epoch == batch.epoch })
      #expect(served.map { $0.part?.count } == Array(repeating: 6 / processes, count: processes))
    }
    #expect(divided.allSatisfy { $0.position == whole.position })
  }

  @Test func aBatchThatCannotBeDividedIsRefused() throws {
    let error = try #require(throws: DatasetError.self) {
      try Loader(numbered(20), batchSize: 5, share: BatchShare(rank: 0, count: 2))
    }
    #expect(error.description.contains("a batch of 5 cannot be divided equally among 2 processes"))
  }

  /// Sentences of 1 to `count` tokens, in batches of three and a last one.
  private struct Sentences: Dataset {
    let count: Int
    var description: DatasetDescription {
      DatasetDescription(layout: .text, name: "sentences", split: .train, count: count, fingerprint: "")
    }
    var isInMemory: Bool { true }
    func example(at index: Int) throws(DatasetError) -> Example {
      Example(["token": HostTensor([Int](repeating: index + 1, count: index + 1))])
    }
    func collate(_ examples: [Example]) throws(DatasetError) -> [String: HostTensor] {
      try Example.padded(examples, ["token": 0])
    }
    func collate(
      _ examples: [Example], atLeast lengths: [String: Int]
    ) throws(DatasetError) -> [String: HostTensor] {
      try Example.padded(examples, ["token": 0], atLeast: lengths)
    }
    func lengths(of index: Int) -> [String: Int] { ["token": index + 1] }
    func order(pass: Int, batchSize: Int, using generator: inout SeededGenerator) -> [[Int]]? {
      stride(from: 0, to: count, by: 3).map { Array($0..<min($0 + 3, count)) }
    }
  }

  @Test func partsArePaddedToTheLongestOfTheWholeBatch() throws {
    let whole = try Loader(Sentences(count: 6), batchSize: 3)
    let divided = try parts(2).map { try Loader(Sentences(count: 6), batchSize: 3, share: $0) }
    for _ in 0..<4 {
      let batch = try whole.next()
      let served = try divided.map { try $0.next() }
      #expect(served.map { $0["token"]?.shape[0] } == [1, 2])
      #expect(served.flatMap { $0["token"]?.bytes ?? [] } == batch["token"]?.bytes)
    }
  }

  @Test func aBatchOfFewerExamplesThanProcessesIsReadWholeByEach() throws {
    let divided = try parts(2).map { try Loader(Sentences(count: 4), batchSize: 3, share: $0) }
    let first = try divided.map { try $0.next() }
    let second = try divided.map { try $0.next() }
    #expect(first.map(\.indices) == [[0], [1, 2]])
    #expect(second.map(\.indices) == [[3], [3]])
    #expect(second.map { $0.part } == Array(repeating: BatchPart(lower: 0, count: 1, total: 1), count: 2))
  }

  @Test func columnsOfATextAreDivided() throws {
    let whole = try TokenStream(Array(0..<40), batchSize: 4, sequenceLength: 3)
    let batch = whole.next()
    let taken = try parts(2).map { try batch.taken($0, axis: whole.exampleAxis ?? 0) }
    #expect(taken.map { $0["token"]?.shape } == [[3, 2], [3, 2]])
    #expect(taken[0]["token"]?.integers() == [0, 10, 1, 11, 2, 12])
    #expect(taken[1]["target"]?.integers() == [21, 31, 22, 32, 23, 33])
    #expect(taken[1].part == BatchPart(lower: 2, count: 2, total: 4, axis: 1))
    #expect(throws: DatasetError.self) { try batch.taken(BatchShare(rank: 0, count: 3), axis: 1) }
  }

  @Test func sharesCoverEveryBatchOnce() {
    for total in [1, 5, 8, 13] {
      for count in 1...6 {
        let found = parts(count).map { $0.part(of: total) }
        #expect(found.map(\.count).reduce(0, +) == total)
        #expect(zip(found, found.dropFirst()).allSatisfy { $0.lower + $0.count == $1.lower })
        #expect((found.map(\.count).max() ?? 0) - (found.map(\.count).min() ?? 0) <= 1)
      }
    }
  }
}
