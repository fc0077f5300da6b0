import AtelierDistributed
import Foundation
import TestSupport
import Testing
import Torch

@Suite struct GlooProcessGroupTests {
  @Test func sumsAndMaximaAreOverAllProcesses() throws {
    let found = try onProcesses(3) { group in
      let rank = Double(group.rank)
      let a = Tensor.full([5], rank + 1)
      let b = Tensor.full([2, 3], 10 * rank)
      try group.allReduce([a, b], .sum)
      let largest = Tensor([Int](repeating: group.rank, count: 3))
      try group.allReduce([largest], .maximum)
      return (a.floats(), b.floats(), largest.integers())
    }
    for (a, b, largest) in found {
      #expect(a == [Float](repeating: 6, count: 5))
      #expect(b == [Float](repeating: 30, count: 6))
      #expect(largest == [2, 2, 2])
    }
  }

  @Test func aSumReachesATensorOfAnotherOrderInMemory() throws {
    let found = try onProcesses { group in
      let stored = Tensor([Float(group.rank), 1, 2, 3, 4, 5], shape: [2, 3])
      let turned = stored.transposed(0, 1)
      try group.allReduce([turned], .sum)
      return turned.floats()
    }
    #expect(found == [[1, 6, 2, 8, 4, 10], [1, 6, 2, 8, 4, 10]])
  }

  @Test func sumsUnderWayNeedNoOrderAmongOtherCollectives() throws {
    let found = try onProcesses { group in
      let tensors = (1...3).map { Tensor.full([$0], Double(group.rank + $0)) }
      let between = Tensor([Float(group.rank)])
      // One process takes the other collective first, the other one last.
      if group.rank == 0 { try group.allReduce([between], .sum) }
      let sums = try tensors.map { try group.beginSum($0) }
      if group.rank == 1 { try group.allReduce([between], .sum) }
      // One that nobody waits for ends before its tensor does.
      _ = try group.beginSum(.ones([1 << 20]))
      for sum in sums.reversed() {
        try sum.wait()
        try sum.wait()
      }
      return tensors.map { $0.floats() } + [between.floats()]
    }
    #expect(found == Array(repeating: [[3], [5, 5], [7, 7, 7], [1]], count: 2))
  }

  @Test func broadcastAndGatheringKeepBytes() throws {
    let found = try onProcesses { group in
      let tensor = Tensor([Float(group.rank) + 0.5, -1])
      try group.broadcast([tensor], from: 1)
      let all = try group.allGather([UInt8(group.rank), 7])
      try group.barrier()
      return (tensor.floats(), all)
    }
    for (tensor, all) in found {
      #expect(tensor == [1.5, -1])
      #expect(all == [[0, 7], [1, 7]])
    }
  }

  @Test func aProcessThatLeavesIsNamedWithItsReason() throws {
    let results = try resultsOnProcesses { group in
      if group.rank == 1 {
        group.leave(because: "The disk is full.")
        return
      }
      try group.allReduce([Tensor([1 as Float])], .sum)
    }
    #expect(throws: ProcessError.ended(rank: 1, count: 2, reason: "The disk is full.")) {
      try results[0].get()
    }
  }

  @Test func aProcessThatDoesNotAnswerIsNamed() throws {
    let results = try resultsOnProcesses(timeout: .seconds(2)) { group in
      guard group.rank == 0 else { return Self.isOver.wait() }
      defer { Self.isOver.signal() }
      try group.allReduce([Tensor([1 as Float])], .sum)
    }
    guard case .failure(let error as ProcessError) = results[0],
      case .missing(let ranks, let count, _, _) = error
    else {
      Issue.record("the other process was not named")
      return
    }
    #expect(ranks == [1] && count == 2)
    #expect(error.description.hasPrefix("Process 1 of 2 is gone or does not answer, found in a sum"))
  }

  /// Whether the process that waits has given up.
  private static let isOver = DispatchSemaphore(value: 0)
}
