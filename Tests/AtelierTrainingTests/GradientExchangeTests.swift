import Atelier
import AtelierDistributed
import TestSupport
import Testing

/// How the gradients of an update are averaged over processes.
@Suite struct GradientExchangeTests {
  /// More than half a bucket of 25 MiB.
  private static let large = 4 << 20

  private final class NoBatches: BatchSource {
    func next() throws -> Batch { throw ConfigurationError("there are no batches") }
  }

  /// Two processes of which the other has the same gradients, and a note of what is there when a sum begins.
  private final class Twins: ProcessGroup {
    let (rank, count) = (0, 2)
    let failure: (any Error)? = nil
    /// Called when a sum begins.
    var observe: () -> Void = {}
    /// Elements of the sums that were begun.
    private(set) var begun: [Int] = []

    private final class Done: PendingSum {
      func wait() {}
    }

    func allReduce(_ tensors: [Tensor], _ reduction: ProcessReduction) {
      for tensor in tensors where reduction == .sum { tensor.multiplyInPlace(2) }
    }
    func beginSum(_ tensor: Tensor) -> any PendingSum {
      observe()
      begun.append(tensor.count)
      tensor.multiplyInPlace(2)
      return Done()
    }
    func broadcast(_ bytes: inout [UInt8], from rank: Int) {}
    func allGather(_ bytes: [UInt8]) -> [[UInt8]] { [bytes, bytes] }
    func barrier(patience: Duration?) {}
    func leave(because reason: String) {}
  }

  private func parameter(_ shape: [Int], _ value: Double) -> Tensor {
    let tensor = Tensor.full(shape, value)
    tensor.requiresGradient = true
    return tensor
  }

  private static func step(_ group: any ProcessGroup, part: BatchPart? = nil) -> TrainingStep {
    TrainingStep(
      index: 0, draws: StreamDraws(RandomStream(seed: 1)), source: NoBatches(),
      processes: StepProcesses(group) { part })
  }

  @Test func aBucketIsSentWhileTheBackwardPassGoesOn() throws {
    let (first, last) = (parameter([Self.large], 1), parameter([Self.large], 2))
    let twins = Twins()
    var isFirstThere: [Bool] = []
    twins.observe = { isFirstThere.append(first.gradient != nil) }
    try Self.step(twins).update("network", SGD([("first", first), ("last", last)], learningRate: 1)) { loss in
      // The gradient of the factor that comes last is there first.
      loss.add("product", ((first * 3).relu() * last).mean() * Double(Self.large))
    }
    #expect(twins.begun == [Self.large, Self.large])
    #expect(isFirstThere == [false, true])
    #expect(last.min().item() == -1 && last.max().item() == -1)
    #expect(first.min().item() == -5 && first.max().item() == -5)
  }

  @Test func aGradientOfSeveralPassesIsSentWhole() throws {
    let weight = parameter([2], 1)
    let twins = Twins()
    var values: [[Float]?] = []
    twins.observe = { values.append(weight.gradient?.floats()) }
    try Self.step(twins).update("network", SGD([("weight", weight)], learningRate: 1)) { loss in
      loss.add("first", weight.sum(), weight: 2)
      loss.backward()
      loss.add("second", weight.square().sum())
    }
    #expect(values == [[4, 4]])
    #expect(weight.floats() == [-3, -3])
  }

  @Test func aGradientThatSomeLackCountsAsNothingThere() throws {
    let found = try onProcesses(3) { group in
      let tensors = ["all", "one", "none"].map { name in
        let tensor = Tensor([1, 2] as [Float])
        tensor.requiresGradient = true
        return (name, tensor)
      }
      let optimizer = SGD(tensors, learningRate: 1)
      var isNoneThere = true
      // Parts of one, two and three examples.
      let part = BatchPart(lower: 0, count: group.rank + 1, total: 6)
      try Self.step(group, part: part).update("network", optimizer) { loss in
        loss.add("all", tensors[0].1.sum(), weight: 6)
        if group.rank == 1 { loss.add("one", tensors[1].1.sum(), weight: 12) }
        isNoneThere = tensors[2].1.gradient != nil
      }
      return tensors.map { $0.1.floats() } + [[isNoneThere ? 1 : 0]]
    }
    // Means with the weights 1/6, 2/6 and 3/6: 6, and 12 · 2/6.
    for values in found { #expect(values == [[-5, -4], [-3, -2], [1, 2], [0]]) }
  }
}
