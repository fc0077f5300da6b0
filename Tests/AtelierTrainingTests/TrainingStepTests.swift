import Atelier
import Testing

/// Steps here ask for no batch.
private final class NoBatches: BatchSource {
  func next() throws -> Batch { throw ConfigurationError("there are no batches") }
}

private struct Mishap: Error {}

@Suite struct TrainingStepTests {
  private let step = TrainingStep(
    index: 0, draws: StreamDraws(RandomStream(seed: 1)), source: NoBatches())

  /// A parameter of one value.
  private func parameter(_ value: Float) -> Tensor {
    let tensor = Tensor([value])
    tensor.requiresGradient = true
    return tensor
  }

  @Test func weightedTermsAddUp() throws {
    let w = parameter(2)
    let optimizer = SGD([("w", w)], learningRate: 0.1)
    let terms = try step.update("w", optimizer) { loss in
      loss.add("square", w.square().sum(), weight: 3)
      loss.add(w.sum(), weight: 0.5)
    }
    // 3·2² + 0.5·2, whose derivative is 6·2 + 0.5.
    #expect(terms.total.item() == 13 && terms["square"]?.item() == 12)
    #expect(terms["other"] == nil)
    #expect(abs(w.item() - (2 - 0.1 * 12.5)) < 1e-6)
    #expect(step.logged.map(\.name) == ["square"] && step.logged.map { $0.value.item() } == [12])
    #expect(!terms.total.requiresGradient && !step.logged[0].value.requiresGradient)
    #expect(step.gradientNorms.map(\.name) == ["w"] && step.gradientNorms[0].value.item() == 12.5)
    #expect(w.gradient == nil)
  }

  @Test func behindAnUpdateIn16BitsTheNewWeightsCount() throws {
    let w = Tensor.ones([2, 2])
    w.requiresGradient = true
    let step = TrainingStep(
      index: 0, draws: StreamDraws(RandomStream(seed: 1)), source: NoBatches(), precision: .bfloat16)
    var sums: [Double] = []
    try step.run { step in
      for _ in 0..<2 {
        try step.update("w", SGD([("w", w)], learningRate: -1)) { loss in
          let sum = Tensor.ones([1, 2]).matmul(w).asType(.float32).sum()
          sums.append(sum.item())
          loss.add(sum)
        }
      }
    }
    // Each of four weights grows by 1.
    #expect(sums == [4, 8])
  }

  @Test func aTermIsLoggedAsGivenWhereItSaysSo() throws {
    let w = parameter(2)
    let terms = try step.update("w", SGD([("w", w)], learningRate: 1)) { loss in
      loss.add("value", w.sum(), weight: 0.25, logsWeighted: false)
    }
    #expect(terms["value"]?.item() == 2 && terms.total.item() == 0.5)
    #expect(step.logged.map { $0.value.item() } == [2] && w.item() == 1.75)
  }

  @Test func partsAreDifferentiatedInTurn() throws {
    let w = parameter(2)
    var gradients: [Double?] = []
    let terms = try step.update("w", SGD([("w", w)], learningRate: 0.5)) { loss in
      gradients.append(w.gradient?.item())
      loss.add("first", w.square().sum())
      loss.backward()
      gradients.append(w.gradient?.item())
      // Nothing is left to differentiate.
      loss.backward()
      gradients.append(w.gradient?.item())
      loss.add("second", w.sum(), weight: 3)
    }
    #expect(gradients == [nil, 4, 4])
    #expect(terms.total.item() == 10 && w.item() == 2 - 0.5 * 7)
  }

  @Test func aLossWithoutTermsChangesNothing() throws {
    let w = parameter(2)
    let terms = try step.update("w", SGD([("w", w)], learningRate: 1)) { _ in }
    #expect(terms.total.item() == 0 && w.item() == 2)
  }

  @Test func frozenModulesTakeNoGradients() throws {
    let stream = RandomStream(seed: 2)
    let generator = Linear(inputFeatures: 1, outputFeatures: 1, using: stream)
    let discriminator = Linear(inputFeatures: 1, outputFeatures: 1, using: stream)
    discriminator.bias?.requiresGradient = false
    let before = discriminator.weight.item()
    try step.update("generator", SGD(generator, learningRate: 0.1), freezing: [discriminator]) { loss in
      #expect(!discriminator.requiresGradients)
      loss.add(discriminator(generator(.ones([1, 1]))).sum())
      loss.backward()
      #expect(discriminator.weight.gradient == nil && generator.weight.gradient != nil)
    }
    #expect(discriminator.weight.item() == before)
    // As they were: what was frozen before stays so.
    #expect(discriminator.weight.requiresGradient && discriminator.bias?.requiresGradient == false)

    #expect(throws: Mishap.self) {
      try step.update("generator", SGD(generator, learningRate: 0.1), freezing: [discriminator]) { _ in
        throw Mishap()
      }
    }
    #expect(discriminator.weight.requiresGradient && discriminator.bias?.requiresGradient == false)
  }

  @Test func gradientsAreClipped() throws {
    let w = parameter(2)
    try step.update("w", SGD([("w", w)], learningRate: 1), clip: 0.5) { loss in loss.add(w.square().sum()) }
    #expect(abs(w.item() - 1.5) < 1e-5 && step.gradientNorms[0].value.item() == 4)
  }

  @Test func aBodyHandsOutWhatItComputed() throws {
    let w = parameter(2)
    let (terms, doubled) = try step.update("w", SGD([("w", w)], learningRate: 1)) { loss in
      let doubled = w * 2
      loss.add("doubled", doubled.sum())
      return doubled.detached()
    }
    #expect(terms["doubled"]?.item() == 4 && doubled.item() == 4 && w.item() == 0)
  }

  @Test func anOptimiserMayEvaluateALossSeveralTimes() throws {
    let w = parameter(4)
    var evaluations = 0
    let optimizer = LBFGS([("w", w)], learningRate: 0.5, iterations: 3)
    let (terms, first) = try step.update("w", optimizer) { loss in
      evaluations += 1
      loss.add("square", w.square().sum())
      return evaluations
    }
    #expect(evaluations > 1 && first == 1 && step.logged.count == evaluations)
    #expect(terms.total.item() == 16 && terms["square"]?.item() == 16)
    #expect(abs(w.item()) < 4)
  }
}
