import AtelierCore
import AtelierModels
import Foundation
import Testing
import Torch
import TorchNN

/// Whether two numbers agree to six digits or so.
private func close(_ a: Double, _ b: Double, _ tolerance: Double = 1e-5) -> Bool {
  abs(a - b) <= tolerance * max(1, abs(b))
}

private func column(_ values: [Float]) -> Tensor { Tensor(values, shape: [values.count, 1]) }

private func matrix(_ rows: [[Float]]) -> Tensor {
  Tensor(rows.flatMap { $0 }, shape: [rows.count, rows[0].count])
}

@Suite struct AdversarialLossTests {
  @Test func undecidedProbabilitiesCostTwoBits() {
    let half = column([0.5, 0.5, 0.5])
    for loss in [AdversarialLoss.minimax, .binaryCrossEntropy] {
      #expect(close((loss.real(half) + loss.fake(half)).item(), 2 * log(2)))
    }
    #expect(close(AdversarialLoss.binaryCrossEntropy.generator(half).item(), log(2)))
    #expect(close(AdversarialLoss.minimax.generator(half).item(), -log(2)))
  }

  @Test func onlyTheMinimaxGeneratorSaturates() {
    // Where the discriminator is sure (f near 0), d/df log(1 - f) is -1, and d/df (-log f) is -1/f.
    func slope(_ loss: AdversarialLoss) -> Double {
      let score = column([0.01])
      score.requiresGradient = true
      loss.generator(score).backward()
      return score.gradient?.item() ?? .nan
    }
    #expect(close(slope(.minimax), -1 / 0.99, 1e-4))
    #expect(close(slope(.binaryCrossEntropy), -100, 1e-4))
  }

  @Test func logisticIsCrossEntropyOfSigmoids() {
    let scores = column([-3, -0.5, 0, 2, 7])
    let (raw, probable) = (AdversarialLoss.logistic, AdversarialLoss.binaryCrossEntropy)
    #expect(close(raw.real(scores).item(), probable.real(scores.sigmoid()).item()))
    #expect(close(raw.fake(scores).item(), probable.fake(scores.sigmoid()).item()))
    #expect(close(raw.generator(scores).item(), probable.generator(scores.sigmoid()).item()))
    #expect(raw.fake(column([1000])).item() == 1000)
  }

  @Test func leastSquaresMeasuresTheDistanceToOneAndZero() {
    let loss = AdversarialLoss.leastSquares
    #expect(loss.real(column([1, 1])).item() == 0)
    #expect(loss.fake(column([0, 0])).item() == 0)
    #expect(close(loss.real(column([3, 0])).item(), 2.5))
    #expect(close(loss.fake(column([3, 1])).item(), 5))
    #expect(close(loss.generator(column([3, 0])).item(), 2.5))
  }

  @Test func hingeIgnoresScoresBeyondTheMargin() {
    let loss = AdversarialLoss.hinge
    #expect(loss.real(column([1, 5])).item() == 0)
    #expect(loss.fake(column([-1, -5])).item() == 0)
    #expect(close(loss.real(column([0, 0.5])).item(), 0.75))
    #expect(close(loss.fake(column([0, -0.5])).item(), 0.75))
    #expect(close(loss.generator(column([2, 4])).item(), -3))
  }

  @Test func wassersteinIsADifferenceOfMeans() {
    let loss = AdversarialLoss.wasserstein
    let (real, fake) = (column([3, 1]), column([-1, 0]))
    #expect(close((loss.real(real) + loss.fake(fake)).item(), -2.5))
    #expect(close(loss.generator(fake).item(), 0.5))
  }

  @Test(arguments: AdversarialLoss.allCases) func everyDiscriminatorPrefersTheRightAnswer(
    _ loss: AdversarialLoss
  ) {
    let low = column(loss.takesProbabilities ? [0.1, 0.2] : [-2, -1])
    let high = column(loss.takesProbabilities ? [0.8, 0.9] : [1, 2])
    #expect((loss.real(high) + loss.fake(low)).item() < (loss.real(low) + loss.fake(high)).item())
    #expect(loss.generator(high).item() < loss.generator(low).item())
    #expect(loss.accuracy(real: high, fake: low).item() == 1)
    #expect(loss.accuracy(real: low, fake: high).item() == 0)
  }
}

@Suite struct GradientPenaltyTests {
  /// A critic x·w, whose derivative is w at every picture.
  private let weight = Tensor([0.6, 0, 0, 0.8, 2, 0, 0, 1.5].map { Float($0) }, shape: [8])
  private var length: Double { (0.36 + 0.64 + 4 + 2.25).squareRoot() }

  private func critic(_ weight: Tensor) -> (Tensor) -> Tensor {
    { ($0.flattened(from: 1) * weight).sum(dims: [1], keepDim: true) }
  }

  private func pictures(_ seed: UInt64) -> Tensor { RandomStream(seed: seed).normal([3, 2, 2, 2]) }

  @Test func linearCriticsHaveClosedForms() {
    let (real, fake) = (pictures(1), pictures(2))
    let mixing = RandomStream(seed: 3).uniform([3])
    let away = (length - 1) * (length - 1)
    let critic = critic(weight)
    #expect(
      close(
        GradientPenalty.interpolated(real: real, fake: fake, mixing: mixing, discriminator: critic).item(),
        away))
    #expect(
      close(
        GradientPenalty.maximum(
          real: real, fake: fake, mixing: mixing.reshaped([3, 1]), discriminator: critic
        )
        .item(), length * length))
    #expect(
      close(
        GradientPenalty.dragan(
          real: real, mixing: mixing, noise: RandomStream(seed: 4).uniform([3, 2, 2, 2]),
          discriminator: critic
        ).item(), away))
    #expect(close(GradientPenalty.r1(real: real, discriminator: critic).item(), length * length / 2))
  }

  @Test func penaltiesReachTheWeightsThroughDerivatives() {
    let weight = weight.cloned()
    weight.requiresGradient = true
    GradientPenalty.interpolated(
      real: pictures(1), fake: pictures(2), mixing: RandomStream(seed: 3).uniform([3]),
      discriminator: critic(weight)
    ).backward()
    // d/dw (|w| - 1)² = 2 (|w| - 1) w / |w|
    let expected = (weight.detached() * (2 * (length - 1) / length)).doubles()
    let given = weight.gradient?.doubles() ?? []
    #expect(given.count == 8 && zip(given, expected).allSatisfy { close($0, $1) })
  }

  @Test func interpolationRunsFromFakeToReal() {
    // The critic |x|² / 2 has the derivative x, so the penalty tells where it was taken.
    let (real, fake) = (Tensor.full([1, 1, 1, 1], 5), Tensor.full([1, 1, 1, 1], 2))
    for (mixing, place) in [(0.0, 2.0), (1.0, 5.0), (0.25, 2.75)] {
      let penalty = GradientPenalty.interpolated(real: real, fake: fake, mixing: .full([1], mixing)) {
        ($0.square() * 0.5).sum(dims: [1, 2, 3])
      }
      #expect(close(penalty.item(), (place - 1) * (place - 1)))
    }
  }

  @Test func draganPerturbsRealPicturesByHalfTheirDeviation() {
    let real = Tensor([1, 3], shape: [2, 1, 1, 1]).asType(.float32)  // deviation √2 (unbiased)
    let penalty = GradientPenalty.dragan(
      real: real, mixing: .full([2], 1), noise: .ones([2, 1, 1, 1])
    ) { ($0.square() * 0.5).sum(dims: [1, 2, 3]) }
    let shift = 2.0.squareRoot() / 2
    #expect(close(penalty.item(), (shift * shift + (2 + shift) * (2 + shift)) / 2))
  }

  @Test func aFlatCriticGivesNoNotANumber() {
    let weight = Tensor.zeros([8])
    weight.requiresGradient = true
    let penalty = GradientPenalty.interpolated(
      real: pictures(1), fake: pictures(2), mixing: .full([3], 0.5), discriminator: critic(weight))
    penalty.backward()
    #expect(penalty.item() == 1)
    #expect(weight.gradient?.isFinite() ?? false)
  }

  @Test func thePicturesGetNoGradient() {
    let fake = pictures(2)
    fake.requiresGradient = true
    let weight = weight.cloned()
    weight.requiresGradient = true
    GradientPenalty.interpolated(
      real: pictures(1), fake: fake, mixing: .full([3], 0.5), discriminator: critic(weight)
    ).backward()
    #expect(fake.gradient == nil)
  }
}

@Suite struct ConditionalLossTests {
  private let label = Tensor([0, 1, 2, 0])

  @Test func crammerSingerComparesTheRightClassWithTheBestWrongOne() {
    let logits = matrix([[2, 0, 1], [0, 0, 3], [-1, 0.5, 4], [0, 0, 0]])
    // 1 + 1 - 2 = 0; 1 + 3 - 0 = 4; 1 + 0.5 - 4 < 0; 1 + 0 - 0 = 1
    #expect(close(ConditionalLoss.crammerSinger(logits: logits, label: label).item(), 5.0 / 4))
  }

  @Test func classificationOfEqualLogitsCostsTheLogarithmOfTheirNumber() {
    #expect(close(ConditionalLoss.classification(logits: .zeros([4, 3]), label: label).item(), log(3)))
  }

  @Test func contrastiveLossOfPerfectEmbeddingsIsClosed() {
    // Pictures sit on their classes' proxies, and these are orthogonal: with one picture a class the
    // fraction is e / (e + 2).
    let perfect = Tensor.eye(3) * 4
    let loss = ConditionalLoss.contrastive(
      embedding: perfect, proxy: perfect, label: Tensor([0, 1, 2]), temperature: 1)
    #expect(close(loss.item(), log(1 + 2 / exp(1))))
    // A second picture of a class joins the numerator.
    let pair = matrix([[1, 0, 0], [0, 1, 0], [1, 0, 0]])
    let paired = ConditionalLoss.contrastive(
      embedding: pair, proxy: pair, label: Tensor([0, 1, 0]), temperature: 0.5)
    let e = exp(2.0)
    #expect(close(paired.item(), (2 * log((2 * e + 1) / (2 * e)) + log((e + 2) / e)) / 3))
  }

  @Test func dataToDataCrossEntropyOfPerfectEmbeddingsIsClosed() {
    let perfect = Tensor.eye(3) * 4
    func loss(_ label: [Int], margin: Double) -> Double {
      ConditionalLoss.dataToDataCrossEntropy(
        embedding: perfect, proxy: perfect, label: Tensor(label), temperature: 1, margin: margin
      ).item()
    }
    #expect(close(loss([0, 1, 2], margin: 1), log(3)))
    // One label: there is nothing to repel.
    #expect(close(loss([1, 1, 1], margin: 1), 0))
    // Below the margin the clamped similarity is 0 and the largest is margin - 1.
    #expect(close(loss([0, 1, 2], margin: 0.5), log(1 + 2 * exp(0.5))))
  }

  @Test func featureMatchingComparesMeans() {
    let real = matrix([[0, 2], [4, 2]])
    let fake = matrix([[1, 1], [1, 1]])
    #expect(close(AdversarialRegularizer.featureMatching(real: real, fake: fake).item(), 1))
  }

  @Test func lecamPullsScoresBackToTheOtherSidesAverage() {
    let loss = AdversarialRegularizer.lecam(
      real: column([1, -2]), fake: column([0, 2]), averageReal: 1, averageFake: -1)
    // real: 2², 0 (below the average); fake: 1², 0 (above it)
    #expect(close(loss.item(), (4 + 1) / 2.0))
  }
}

@Suite struct LossRegistryTests {
  private let inputs = ["real": column([0.2, 0.9]), "fake": column([0.4, -0.3])]

  @Test func everyNameIsKnown() throws {
    let label = Tensor([0, 1])
    let matrix = RandomStream(seed: 1).normal([2, 3])
    let all = [
      "real": RandomStream(seed: 2).uniform([2, 1]), "fake": RandomStream(seed: 3).uniform([2, 1]),
      "logits": matrix, "label": label, "embedding": matrix, "proxy": matrix, "mixing": Tensor.full([2], 0.5),
      "noise": RandomStream(seed: 4).uniform([2, 1]),
    ]
    let parameters: [String: ConfigurationValue] = [
      "temperature": .integer(1), "margin": .number(0.98), "averageReal": .number(0.3),
      "averageFake": .number(-0.4),
    ]
    for name in LossRegistry.names {
      let loss = try LossRegistry.evaluate(
        name, side: "discriminator", inputs: all, parameters: parameters, discriminator: { $0.square() })
      #expect(loss.rank == 0 && loss.isFinite(), "\(name)")
    }
  }

  @Test func leastSquaresKeepsStudioGANsHalf() throws {
    let loss = try LossRegistry.evaluate("leastSquares", side: "generator", inputs: inputs)
    #expect(close(loss.item(), (0.36 + 1.69) / 4))
  }

  @Test func mistakesAreNamed() {
    func sentence(_ body: () throws -> Tensor) -> String {
      do {
        _ = try body()
        return ""
      } catch {
        return "\(error)"
      }
    }
    #expect(
      sentence { try LossRegistry.evaluate("hinged", side: "generator", inputs: inputs) }.contains("'hinge'"))
    #expect(sentence { try LossRegistry.evaluate("hinge", side: nil, inputs: inputs) }.contains("none"))
    #expect(
      sentence { try LossRegistry.evaluate("hinge", side: "critic", inputs: inputs) }.contains("'critic'"))
    #expect(
      sentence { try LossRegistry.evaluate("hinge", side: "generator", inputs: [:]) }.contains(
        "'fake' is missing"))
    #expect(sentence { try LossRegistry.evaluate("r1", side: nil, inputs: inputs) }.contains("discriminator"))
    #expect(
      sentence { try LossRegistry.evaluate("lecam", side: nil, inputs: inputs) }.contains("'averageReal'"))
  }

  @Test func theDiscriminatorOfPenaltiesHasTheCasesWidths() throws {
    let network = try LossRegistry.discriminator(
      for: [
        "model": .string("penalties"), "imageSize": .integer(8),
        "discriminatorHidden": .list([.integer(20), .integer(12)]),
      ], using: RandomStream(seed: 1))
    #expect(network.module.state().map(\.name).first == "model.0.weight")
    #expect(network.module.state().map(\.tensor.shape).first == [20, 64])
  }
}
