import AtelierMetrics
import Foundation
import Testing
import Torch

struct LikelihoodTests {
  @Test func parzenWindowMatchesScipy() throws {
    let result = try parzenLogLikelihood(
      samples: waves(9, 2, 0.7, 0.3, 0), validation: waves(6, 2, 1.1, 0.9, 0), test: waves(5, 2, 0.4, 0.2, 0))
    #expect(isClose(result.sigma, 0.21544346900318834))
    #expect(isClose(result.candidates[0].validation, -2.69133801741031))
    #expect(isClose(result.candidates[9].validation, -2.5666971222389905))
    #expect(isClose([result.mean, result.standardError], [-1.7840827339888534, 0.33351285511159773]))
    #expect(!result.isAtEdge && result.perExample.count == 5)
  }

  @Test func oneSampleMakesAParzenWindowAGaussian() throws {
    let origin = Tensor.zeros([1, 1, 2, 2])
    let result = try parzenLogLikelihood(
      samples: origin, validation: origin, test: origin + 0.5, widths: [0.5])
    // Four pixels, each half a deviation's unit away: -4 (1/2 + log(0.5 √(2π))).
    let expected: Double = -4 * (0.5 + log(0.5) + 0.5 * log(2 * Double.pi))
    #expect(isClose(result.mean, expected))
    #expect(result.isAtEdge)
    #expect(throws: MetricError.self) {
      try parzenLogLikelihood(samples: origin, validation: origin, test: origin, widths: [0])
    }
  }

  @Test func importanceWeightsGiveTheBoundsOfScipy() throws {
    let weights = waves(4, 3, 0.7, 0.3, -1, scale: 5)
    let tight = try importanceWeightedLogLikelihood(logWeights: weights)
    #expect(isClose(tight.perExample, [4.089946000655065, -1.3892437942020521, -7.617132040949394]))
    let bound = try evidenceLowerBound(logWeights: weights)
    #expect(isClose(bound.perExample, [3.1160959798437813, -4.560955547647497, -9.282128113523472]))
    #expect(bound.samples == 4)
  }

  @Test func chunksOfSamplesGiveTheSameBound() throws {
    let weights = waves(7, 3, 0.7, 0.3, -1, scale: 5)
    var position = 0
    let chunked = try importanceWeightedLogLikelihood(samples: 7, chunk: 3) { count in
      defer { position += count }
      return weights.narrow(0, from: position, length: count)
    }
    #expect(isClose(chunked.perExample, try importanceWeightedLogLikelihood(logWeights: weights).perExample))
    #expect(throws: MetricError.self) {
      try importanceWeightedLogLikelihood(samples: 5, chunk: 2) { _ in weights }
    }
  }

  @Test func anExactPosteriorMakesTheBoundTheLikelihood() throws {
    // z ~ N(0, 1), x = z + N(0, 1): the posterior is N(x/2, 1/2) and log p(x) = log N(x; 0, 2).
    func density(_ x: Tensor, _ mean: Tensor, _ variance: Double) -> Tensor {
      (x - mean).square() * (-0.5 / variance) - 0.5 * log(2 * Double.pi * variance)
    }
    let x = matrix([[0.3, -1.2, 2]])
    let z = x * 0.5 + RandomStream(seed: 1).normal([4, 3], dtype: .float64) * 0.5.squareRoot()
    let weights = logImportanceWeights(
      logLikelihood: density(x, z, 1), logPrior: density(z, Tensor.zeros([1, 1], dtype: .float64), 1),
      logPosterior: density(z, x * 0.5, 0.5))
    let expected = density(x, Tensor.zeros([1, 1], dtype: .float64), 2).doubles()
    #expect(isClose(try evidenceLowerBound(logWeights: weights).perExample, expected))
    #expect(isClose(try importanceWeightedLogLikelihood(logWeights: weights).perExample, expected))
  }

  @Test func reconstructionErrorCountsValuesAndExamples() throws {
    let originals = Tensor([0, 1, 2, 3, 4, 5, 6, 7] as [Float], shape: [2, 1, 2, 2])
    let error = try reconstructionError(
      reconstructions: originals + Tensor([1, -1, 2, 0, 0, 0, 0, 4] as [Float], shape: [2, 1, 2, 2]),
      originals: originals)
    #expect(error.squaredSums == [6, 16])
    #expect(isClose([error.meanSquared, error.meanAbsolute, error.meanSquaredSum], [22 / 8.0, 1, 11]))
    #expect(isClose(error.squaredSumStandardError, 5 / 2.0.squareRoot()))
    #expect(throws: MetricError.self) {
      try reconstructionError(reconstructions: originals, originals: Tensor.zeros([2, 4]))
    }
  }

  @Test func perplexityAndBitsAreTheLogarithmsOtherFaces() {
    #expect(isClose(perplexity(negativeLogLikelihood: 10 * log(50), tokens: 10), 50))
    #expect(isClose(bitsPerCharacter(negativeLogLikelihood: 10 * log(8), characters: 10), 3))
    #expect(perplexity(negativeLogLikelihood: 1, tokens: 0).isNaN)
  }

  @Test func labelAccuracyCountsClassesAndConfusions() throws {
    let result = try labelAccuracy(
      predictions: Tensor([0, 1, 1, 0]), labels: Tensor([0, 0, 1, 0]), classes: 3)
    #expect(result.accuracy == 0.75)
    #expect(result.perClass == [2 / 3.0, 1, nil])
    #expect(result.confusion == [[2, 1, 0], [0, 1, 0], [0, 0, 0]])
    #expect(isClose(result.standardError, (0.75 * 0.25 / 4).squareRoot()))
    let logits = matrix([[1, 0, 0], [0, 2, 1], [0, 1, 0], [3, 0, 0]])
    #expect(try labelAccuracy(logits: logits, labels: Tensor([0, 0, 1, 0])) == result)
    #expect(throws: MetricError.self) {
      try labelAccuracy(predictions: Tensor([0, 3]), labels: Tensor([0, 0]), classes: 3)
    }
    #expect(throws: MetricError.self) {
      try labelAccuracy(predictions: Tensor([0]), labels: Tensor([0, 0]), classes: 3)
    }
  }
}

@Suite struct TagMatchingTests {
  @Test func precisionAndRecallAreSharesOfTheFirstTags() throws {
    let matching = try tagMatching(
      proposed: [[1, 2, 3, 4], [5, 6]], own: [[2, 4, 9], [7]], count: 2)
    #expect(matching.precisions == [0.5, 0])
    #expect(matching.recalls == [1.0 / 3, 0])
    #expect(matching.precision == 0.25)
    #expect(abs(matching.f1 - 2 * 0.25 / 6 / (0.25 + 1.0 / 6)) < 1e-12)
  }

  @Test func picturesWithoutTagsAreRefused() {
    #expect(throws: MetricError.self) { try tagMatching(proposed: [[1]], own: [[]]) }
    #expect(throws: MetricError.self) { try tagMatching(proposed: [[1]], own: []) }
  }

  @Test func theRightClassMayBeAmongTheFirst() throws {
    let logits = Tensor([0.1, 0.5, 0.3, 0.9, 0.2, 0.4]).reshaped([2, 3])
    #expect(try topAccuracy(logits: logits, labels: Tensor([2, 0]), top: 1) == 0.5)
    #expect(try topAccuracy(logits: logits, labels: Tensor([2, 2]), top: 2) == 1)
    #expect(throws: MetricError.self) { try topAccuracy(logits: logits, labels: Tensor([3, 0]), top: 1) }
  }
}
