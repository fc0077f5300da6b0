import AtelierDistributed
import TestSupport
import Testing
import Torch

/// Means over the things of all processes, rows of all of them, and what parts of different sizes count for.
@Suite struct WholeBatchTests {
  /// Seven examples of two numbers, of which every process has a part.
  private static func examples() -> Tensor { RandomStream(seed: 6).normal([7, 2]) }

  private static func part(_ group: any ProcessGroup) -> BatchPart {
    BatchShare(rank: group.rank, count: group.count).part(of: 7)
  }

  /// A process's part of the examples, which takes gradients.
  private static func own(_ group: any ProcessGroup) -> Tensor {
    let part = part(group)
    let own = examples().narrow(0, from: part.lower, length: part.count).contiguous()
    own.requiresGradient = true
    return own
  }

  private func expectClose(_ found: [Float], _ expected: [Float]) {
    #expect(found.count == expected.count)
    #expect(zip(found, expected).allSatisfy { abs($0 - $1) <= 1e-6 }, "\(found) is not \(expected)")
  }

  /// The mean square of the numbers above 0, and how many these are.
  private static func meanAboveZero(_ x: Tensor) -> (mean: Tensor, count: Tensor) {
    let counts = x.detached().greater(0).asType(.float32)
    return ((x.square() * counts).sum() / counts.sum(), counts.sum())
  }

  /// A loss that compares every example with every other.
  private static func comparison(_ x: Tensor) -> Tensor {
    x.matmul(x.transposed(0, 1)).logSoftmax(1).square().mean()
  }

  @Test func aMeanOverThingsOfDifferentNumbersIsThatOfAllOfThem() throws {
    let all = Self.examples()
    all.requiresGradient = true
    let whole = Self.meanAboveZero(all).mean
    let expected = gradients(of: whole, withRespectTo: [all])[0]
    let found = try onProcesses { group in
      withProcesses(group) {
        let own = Self.own(group)
        let (part, count) = Self.meanAboveZero(own)
        let loss = part.averagedOverProcesses(counting: count)
        // As an update averages: the sum over the processes of a common loss has twice its gradient.
        let gradient = gradients(of: loss * (1 / Double(group.count)), withRespectTo: [own])[0]
        return (loss.item(), gradient.floats())
      }
    }
    for (loss, _) in found { #expect(abs(loss - whole.item()) <= 1e-6) }
    expectClose(found.flatMap(\.1), expected.floats())
    #expect(whole.averagedOverProcesses(counting: 3).item() == whole.item())
  }

  @Test func partsOfDifferentSizesCountAsTheirExamplesDo() throws {
    let all = Self.examples()
    all.requiresGradient = true
    // A loss of the mean of the whole batch, which reaches all examples.
    let whole = ((all - all.mean()).square().mean() + all.mean()).exp()
    let expected = gradients(of: whole, withRespectTo: [all])[0]
    let found = try onProcesses { group in
      let weight = Self.part(group).weight(among: group.count)
      return withProcesses(group, weight: { weight }) {
        let own = Self.own(group)
        let mean = own.mean().averagedOverProcesses()
        let deviation = (own - mean).square().mean().averagedOverProcesses()
        let loss = (deviation + mean).exp()
        let gradient = gradients(of: loss * (weight / Double(group.count)), withRespectTo: [own])[0]
        return (weight, loss.item(), gradient.floats())
      }
    }
    #expect(found.map(\.0) == [6.0 / 7, 8.0 / 7])
    for (_, loss, _) in found { #expect(abs(loss - whole.item()) <= 1e-5) }
    expectClose(found.flatMap(\.2), expected.floats())
    #expect(BatchPart(lower: 0, count: 1, total: 1).weight(among: 2) == 1)
  }

  @Test func rowsOfAllProcessesStandInTheOrderOfTheBatch() throws {
    let all = Self.examples()
    all.requiresGradient = true
    let expected = gradients(of: Self.comparison(all), withRespectTo: [all])[0]
    let found = try onProcesses { group in
      withProcesses(group) {
        let own = Self.own(group)
        let rows = own.gatheredOverProcesses()
        let gradient = gradients(of: Self.comparison(rows) * (1 / Double(group.count)), withRespectTo: [own])[
          0]
        let numbers = Tensor([Int](repeating: group.rank, count: own.shape[0])).gatheredOverProcesses()
        return (rows.detached().floats(), gradient.floats(), numbers.integers())
      }
    }
    for (rows, _, numbers) in found {
      #expect(rows == all.detached().floats())
      #expect(numbers == [0, 0, 0, 1, 1, 1, 1])
    }
    expectClose(found.flatMap(\.1), expected.floats())
    #expect(all.gatheredOverProcesses() === all)
  }

  @Test func whatEveryProcessHasWholeIsComputedByEachAlone() throws {
    let found = try onProcesses { group in
      var part = BatchPart(lower: 0, count: 1, total: 1)
      let all = Tensor([1, 2] as [Float])
      return withProcesses(group, isDivided: { part.isDivided }) {
        let whole = all.summedOverProcesses().floats() + all.gatheredOverProcesses().floats()
        let isAlone = currentProcesses == nil
        part = BatchPart(lower: group.rank, count: 1, total: 2)
        return (whole, isAlone, all.summedOverProcesses().floats())
      }
    }
    for (whole, isAlone, divided) in found {
      #expect(whole == [1, 2, 1, 2] && isAlone)
      #expect(divided == [2, 4])
    }
  }
}
