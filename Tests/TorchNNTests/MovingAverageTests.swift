import Foundation
import Testing
import Torch
import TorchNN

@Suite struct MovingAverageTests {
  private func norm() -> BatchNorm1d { BatchNorm1d(channels: 2) }

  @Test func theAverageEqualsItsClosedForm() {
    let module = norm()
    let average = MovingAverage(of: module, decay: 0.9)
    for step in 0..<5 {
      module.weight?.fill(Double(step + 2))
      average.update(step: step)
    }
    // d^n · x0 + (1 - d) · Σ d^(n-1-i) · x_i
    var expected = pow(0.9, 5.0)
    for step in 0..<5 { expected += 0.1 * pow(0.9, Double(4 - step)) * Double(step + 2) }
    let found = average.state().first { $0.name == "weight" }?.tensor.doubles() ?? []
    #expect(found.count == 2 && found.allSatisfy { abs($0 - expected) < 1e-5 })
  }

  @Test func beforeItsStartTheAverageFollowsTheWeights() {
    let module = norm()
    let average = MovingAverage(of: module, decay: 0.5, start: 2)
    module.weight?.fill(8)
    average.update(step: 1)
    #expect(average.state()[0].tensor.floats() == [8, 8])
    module.weight?.fill(4)
    average.update(step: 2)
    #expect(average.state()[0].tensor.floats() == [6, 6])
  }

  @Test func buffersAreAveragedOnlyOnRequestAndCountsAreCopied() {
    let module = norm()
    let with = MovingAverage(of: module, decay: 0.5)
    let without = MovingAverage(of: module, decay: 0.5, buffers: .leftOut)
    let kept = MovingAverage(of: module, decay: 0.5, buffers: .kept)
    #expect(without.state().map(\.name) == ["weight", "bias"])
    module.runningMean?.fill(2)
    module.numBatchesTracked?.fill(7)
    with.update(step: 0)
    let state = Dictionary(uniqueKeysWithValues: with.state().map { ($0.name, $0.tensor) })
    #expect(state["running_mean"]?.floats() == [1, 1])
    #expect(state["num_batches_tracked"]?.integers() == [7])
    kept.update(step: 0)
    #expect(kept.state().map(\.name) == with.state().map(\.name))
    #expect(kept.state().first { $0.name == "running_mean" }?.tensor.floats() == [0, 0])
  }

  @Test func appliedPutsTheWeightsBackEvenAfterAnError() {
    struct Stop: Error {}
    let module = norm()
    let average = MovingAverage(of: module, decay: 0.5)
    module.weight?.copy(from: Tensor([0.1, 0.7] as [Float]))
    let own = module.hostState().map(\.tensor)
    #expect(throws: Stop.self) {
      try average.applied {
        #expect(module.weight?.floats() == [1, 1])
        module.weight?.fill(9)
        throw Stop()
      }
    }
    #expect(module.hostState().map(\.tensor) == own)
    #expect(average.applied { module.weight?.floats() } == [1, 1])
    #expect(average.state()[0].tensor.floats() == [1, 1])
    #expect(module.weight?.requiresGradient == true)
  }

  @Test func withinAnotherAndAfterBeingAdoptedTheAverageIsThereAlready() {
    let module = norm()
    let average = MovingAverage(of: module, decay: 0.5)
    module.weight?.copy(from: Tensor([0.1, 0.7] as [Float]))
    average.applied {
      module.weight?.fill(9)
      #expect(average.applied { module.weight?.floats() } == [9, 9])
      #expect(module.weight?.floats() == [9, 9])
    }
    #expect(module.weight?.floats() == [0.1, 0.7])
    average.adopt()
    #expect(module.weight?.floats() == [1, 1])
    #expect(average.applied { module.weight?.floats() } == [1, 1])
    #expect(module.weight?.floats() == [1, 1])
  }

  @Test func theStateIsLoadedStrictly() throws {
    let module = norm()
    let average = MovingAverage(of: module, decay: 0.5)
    module.weight?.fill(3)
    average.update(step: 0)
    let other = MovingAverage(of: norm(), decay: 0.5)
    try other.load(average.state())
    #expect(other.state().map(\.tensor) == average.state().map(\.tensor))
    #expect(throws: CheckpointError.self) { try other.load(Array(average.state().dropFirst())) }
  }

  @Test func wholeNumbersCanGoThroughAProductThatIsCutOff() {
    let module = norm()
    let average = MovingAverage(of: module, decay: 0.5, wholeNumbers: .truncated)
    func count() -> Int? {
      average.state().first { $0.name == "num_batches_tracked" }?.tensor.integers().first
    }
    module.numBatchesTracked?.fill(1)
    average.update(step: 0)
    #expect(count() == 0)
    module.numBatchesTracked?.fill(7)
    average.update(step: 1)
    #expect(count() == 3)
  }

  @Test func runningStatisticsOfTheAverageAreCollectedAnew() {
    let module = norm()
    let average = MovingAverage(of: module, decay: 0.5)
    module.weight?.fill(3)
    let own = module.hostState().map(\.tensor)
    average.recollectingBuffers {
      #expect(module.weight?.floats() == [1, 1])
      module.runningMean?.fill(5)
    }
    let state = Dictionary(uniqueKeysWithValues: average.state().map { ($0.name, $0.tensor) })
    #expect(state["running_mean"]?.floats() == [5, 5] && state["weight"]?.floats() == [1, 1])
    #expect(module.hostState().map(\.tensor) == own)
  }
}
