import AtelierDistributed
import TestSupport
import Testing
import Torch

/// Batch normalisation and sums over processes, and their derivatives.
@Suite struct SynchronizedNormTests {
  /// `[6, 3, 2, 2]`, far from mean 0.
  private static func examples() -> Tensor {
    RandomStream(seed: 3).normal([6, 3, 2, 2]) * 2 + 5
  }

  /// What a process computes of the examples `from ..< to`: outputs, gradients, a second derivative, and statistics.
  private static func normalised(_ from: Int, _ to: Int) -> [[Float]] {
    let x = examples().narrow(0, from: from, length: to - from).contiguous()
    let factors = RandomStream(seed: 4).normal([6, 3, 2, 2]).narrow(0, from: from, length: to - from)
    x.requiresGradient = true
    let weight = Tensor([1.5, 0.5, -1] as [Float])
    weight.requiresGradient = true
    let (mean, variance) = (Tensor.zeros([3]), Tensor.ones([3]))
    let y = batchNorm(
      x, weight: weight, bias: Tensor([0, 1, 2] as [Float]), runningMean: mean, runningVariance: variance,
      training: true, momentum: 0.1)
    let first = gradients(of: (y * factors).square().sum(), withRespectTo: [x, weight], createGraph: true)
    let second = gradients(of: first[0].square().sum(), withRespectTo: [x])
    return [y, first[0], second[0], mean, variance].map { $0.detached().contiguous().floats() }
      + [first[1].detached().floats()]
  }

  @Test(arguments: [3, 2]) func partsAreNormalisedAsTheWhole(border: Int) throws {
    let whole = Self.normalised(0, 6)
    let parts = try onProcesses { group in
      withProcesses(group) {
        group.rank == 0 ? Self.normalised(0, border) : Self.normalised(border, 6)
      }
    }
    func expectClose(_ found: [Float], _ expected: [Float], _ name: String) {
      let scale = expected.map(abs).max() ?? 1
      #expect(found.count == expected.count)
      #expect(zip(found, expected).allSatisfy { abs($0 - $1) <= 2e-5 * scale }, "\(name)")
    }
    for (place, name) in ["outputs", "gradients", "second derivatives"].enumerated() {
      expectClose(parts[0][place] + parts[1][place], whole[place], name)
    }
    for (place, name) in [(3, "running mean"), (4, "running variance")] {
      for part in parts { expectClose(part[place], whole[place], name) }
    }
    // Each process has the part of the scale's gradient that its examples give.
    expectClose(zip(parts[0][5], parts[1][5]).map { $0 + $1 }, whole[5], "scale")
  }

  /// Outputs and gradients of one backward pass that keeps no history, and the statistics; of rank 2 or 4, with or without a scale.
  private static func learned(
    _ from: Int, _ to: Int, _ form: (rank: Int, channelsLast: Bool, scaled: Bool)
  ) -> [[Float]] {
    func part(_ seed: UInt64) -> Tensor {
      let all = RandomStream(seed: seed).normal([6, 3, 2, 2])
      let rows = (form.rank == 2 ? all.reshaped([24, 3]) : all).narrow(
        0, from: from * (form.rank == 2 ? 4 : 1), length: (to - from) * (form.rank == 2 ? 4 : 1))
      return form.channelsLast ? rows.channelsLast() : rows.contiguous()
    }
    // The mean is far from 0.
    let x = part(5) * 0.1 + 3
    let factors = part(6)
    x.requiresGradient = true
    let (weight, bias) = (Tensor([1.5, 0.5, -1] as [Float]), Tensor([0, 1, 2] as [Float]))
    weight.requiresGradient = true
    bias.requiresGradient = true
    let (mean, variance) = (Tensor.zeros([3]), Tensor.ones([3]))
    let y = batchNorm(
      x, weight: form.scaled ? weight : nil, bias: form.scaled ? bias : nil, runningMean: mean,
      runningVariance: variance, training: true, momentum: 0.1)
    (y * factors).square().sum().backward()
    return ([y, x.gradient, mean, variance] + (form.scaled ? [weight.gradient, bias.gradient] : []))
      .map { $0.map { $0.detached().contiguous().floats() } ?? [] }
  }

  @Test(
    arguments: [(4, false, true), (4, true, true), (4, false, false), (2, false, true)] as [(Int, Bool, Bool)]
  )
  func backwardPassesAreThoseOfTheWhole(rank: Int, channelsLast: Bool, scaled: Bool) throws {
    let whole = Self.learned(0, 6, (rank, channelsLast, scaled))
    let parts = try onProcesses { group in
      withProcesses(group) {
        group.rank == 0
          ? Self.learned(0, 2, (rank, channelsLast, scaled))
          : Self.learned(2, 6, (rank, channelsLast, scaled))
      }
    }
    for (place, expected) in whole.enumerated() {
      let (one, other) = (parts[0][place], parts[1][place])
      // Of examples each process has its own, statistics are the same in both, and gradients of scales are added up.
      let found =
        place < 2 ? [one + other] : place < 4 ? [one, other] : [zip(one, other).map { $0 + $1 }]
      let scale = expected.map(abs).max() ?? 1
      for values in found {
        #expect(values.count == expected.count && !values.isEmpty)
        #expect(zip(values, expected).allSatisfy { abs($0 - $1) <= 2e-5 * scale }, "\(place)")
      }
    }
  }

  @Test func instancesStatisticsFollowTheExamplesOfAllProcesses() throws {
    @Sendable func statistics(_ from: Int, _ to: Int) -> [[Float]] {
      let x = Self.examples().narrow(0, from: from, length: to - from).contiguous()
      let (mean, variance) = (Tensor.zeros([3]), Tensor.ones([3]))
      _ = instanceNorm(x, runningMean: mean, runningVariance: variance)
      return [mean, variance].map { $0.floats() }
    }
    let whole = statistics(0, 6)
    let parts = try onProcesses { group in
      withProcesses(group) { group.rank == 0 ? statistics(0, 3) : statistics(3, 6) }
    }
    for part in parts {
      for (found, expected) in zip(part.flatMap { $0 }, whole.flatMap { $0 }) {
        #expect(abs(found - expected) <= 1e-5 * max(1, abs(expected)))
      }
    }
  }

  @Test func aProcesssRowsOfAWholeBatchAreItsOwn() throws {
    let found = try onProcesses { group in
      withProcesses(group) {
        let own = Self.examples().narrow(0, from: 3 * group.rank, length: 3).contiguous()
        return (own.floats(), own.gatheredOverProcesses().ownRows().contiguous().floats())
      }
    }
    for (own, back) in found { #expect(back == own) }
    let x = Self.examples()
    #expect(x.ownRows() === x)
  }

  @Test func withoutProcessesNothingIsSummed() {
    let x = Tensor([1, 2] as [Float])
    #expect(x.summedOverProcesses() === x)
    #expect(x.averagedOverProcesses() === x)
  }

  @Test func aFailedSumIsAnErrorOfTheEngineAndKeepsItsReason() throws {
    let found = try onProcesses { group in
      if group.rank == 1 {
        group.leave(because: "Nothing to do.")
        return ""
      }
      #expect(throws: TensorError.self) {
        try withTensorErrors { withProcesses(group) { _ = Tensor([1 as Float]).summedOverProcesses() } }
      }
      return group.failure.map { "\($0)" } ?? "no failure"
    }
    #expect(found[0] == "Process 1 of 2 has ended: Nothing to do.")
  }
}
