import AtelierMetrics
import Foundation
import Testing
import Torch

struct DistanceTests {
  private let real = waves(12, 3, 0.7, 0.3, 0)
  private let fake = waves(10, 3, 1.1, 0.9, 0.2)

  @Test func frechetDistanceMatchesScipysMatrixRoot() throws {
    #expect(isClose(try frechetDistance(real: real, fake: fake), 0.2901216849340913))
    #expect(isClose(try frechetDistance(real: fake, fake: real), 0.2901216849340913))
  }

  @Test func frechetDistanceHoldsWithFewerSamplesThanFeatures() throws {
    let distance = try frechetDistance(real: waves(4, 6, 0.7, 0.3, 0), fake: waves(5, 6, 1.1, 0.9, 0.2))
    #expect(isClose(distance, 4.458835452087147))
  }

  @Test func frechetDistanceOfASetToItselfIsZeroAndOfAShiftedOneTheSquaredShift() throws {
    #expect(try frechetDistance(real: real, fake: real) < 1e-12)
    #expect(isClose(try frechetDistance(real: real, fake: real + 2), 12))
  }

  @Test func frechetDistanceOfGaussiansHasItsClosedForm() throws {
    // Diagonal covariances 4, 9 and 1, 16 with means (0, 0) and (3, 4): 25 + (2 - 1)² + (3 - 4)².
    func gaussian(_ mean: [Double], _ covariance: [Double]) throws -> FeatureStatistics {
      try FeatureStatistics(
        count: 10, mean: HostTensor(mean),
        covariance: HostTensor([covariance[0], 0, 0, covariance[1]], shape: [2, 2]))
    }
    #expect(isClose(try frechetDistance(gaussian([0, 0], [4, 9]), gaussian([3, 4], [1, 16])), 27))
    #expect(isClose(try frechetDistance(gaussian([0, 0], [0, 0]), gaussian([3, 4], [1, 16])), 42))
  }

  @Test func statisticsGrownInPartsAreThoseOfTheWhole() throws {
    let features = waves(31, 5, 0.7, 0.3, 10)
    let whole = try FeatureStatistics(features)
    let accumulator = FeatureStatistics.Accumulator()
    for (start, length) in [(0, 1), (1, 13), (14, 17)] {
      try accumulator.add(features.narrow(0, from: start, length: length))
    }
    let parts = try accumulator.statistics()
    #expect(parts.count == 31)
    #expect(isClose(parts.mean.doubles(), whole.mean.doubles()))
    #expect(isClose(parts.covariance.doubles(), whole.covariance.doubles()))
    #expect(throws: MetricError.self) { try accumulator.add(waves(3, 4, 1, 1, 1)) }
  }

  @Test func statisticsSurviveFilesAndJSON() throws {
    let statistics = try FeatureStatistics(real)
    let data = try JSONEncoder().encode(statistics)
    #expect(try JSONDecoder().decode(FeatureStatistics.self, from: data) == statistics)
    try withFolder { folder in
      let url = folder.appending(path: "statistics.safetensors")
      try statistics.save(to: url)
      #expect(try FeatureStatistics.load(from: url) == statistics)
      try Safetensors.write([("mean", statistics.mean)], to: url)
      #expect(throws: FileFormatError.self) { try FeatureStatistics.load(from: url) }
    }
  }

  @Test func badFeaturesAreErrorsThatNameThem() {
    let narrow = waves(5, 2, 1, 1, 1)
    #expect(
      sentence { _ = try frechetDistance(real: real, fake: narrow) }?.contains("“real” has 3 features")
        == true)
    #expect(
      sentence { _ = try frechetDistance(real: real, fake: waves(1, 3, 1, 1, 1)) }?.contains("two samples")
        == true)
    let infinite = matrix([[1, .infinity], [0, 0], [1, 1]])
    #expect(sentence { _ = try FeatureStatistics(infinite) }?.contains("not finite") == true)
    #expect(throws: MetricError.self) { try FeatureStatistics(Tensor.zeros([2, 3, 4])) }
  }

  private let subsetReal = Tensor([0, 2, 4, 6, 1, 3, 5, 11], shape: [2, 4])
  private let subsetFake = Tensor([9, 8, 7, 0, 4, 2], shape: [2, 3])

  @Test func kernelDistanceMatchesNumpyForEveryKernel() throws {
    func distance(_ kernel: DistanceKernel) throws -> KernelDistance {
      try kernelDistance(
        real: real, fake: fake, kernel: kernel, subsetReal: subsetReal, subsetFake: subsetFake)
    }
    let cubic = try distance(.polynomial())
    #expect(isClose([cubic.mean, cubic.deviation], [0.2401288201953502, 0.9491186059711141]))
    let gaussian = try distance(.gaussian(sigma: 1.5))
    #expect(isClose([gaussian.mean, gaussian.deviation], [0.020897332420212966, 0.18250162062648168]))
    let square = try distance(.polynomial(degree: 2, gamma: 0.5, offset: 2))
    #expect(isClose([square.mean, square.deviation], [0.7324965862027253, 2.0370556690121426]))
  }

  @Test func kernelDistanceBetweenHalvesOfOneSetIsNearZeroAndGrowsWithAShift() throws {
    let stream = RandomStream(seed: 3)
    let (a, b) = (stream.normal([600, 8]), stream.normal([600, 8]))
    let same = try kernelDistance(real: a, fake: b, subsets: 10, size: 300, using: RandomStream(seed: 4))
    let apart = try kernelDistance(real: a, fake: b + 1, subsets: 10, size: 300, using: RandomStream(seed: 4))
    #expect(abs(same.mean) < 0.05)
    #expect(apart.mean > 1)
    #expect(same.subsets.count == 10)
  }

  @Test func drawnSubsetsDependOnlyOnTheStream() throws {
    let first = try kernelDistance(real: real, fake: fake, subsets: 3, size: 5, using: RandomStream(seed: 5))
    #expect(
      try kernelDistance(real: real, fake: fake, subsets: 3, size: 5, using: RandomStream(seed: 5)) == first)
    #expect(
      try kernelDistance(real: real, fake: fake, subsets: 3, size: 5, using: RandomStream(seed: 6)) != first)
  }

  @Test func subsetsThatNameMissingRowsAreErrors() {
    let outside = Tensor([0, 12], shape: [1, 2])
    let inside = Tensor([0, 1], shape: [1, 2])
    #expect(throws: MetricError.self) {
      try kernelDistance(real: real, fake: fake, subsetReal: outside, subsetFake: inside)
    }
    #expect(throws: MetricError.self) {
      try kernelDistance(real: real, fake: fake, subsetReal: subsetReal, subsetFake: inside)
    }
  }

  @Test func inceptionScoreMatchesNumpyWithUnevenSplits() throws {
    let logits = waves(7, 4, 0.7, 0.3, 0, scale: 3)
    let score = try inceptionScore(logits: logits, splits: 3)
    #expect(isClose(score.splits, [1.3704099190496004, 1.1175706915408057, 1.5862638411152585]))
    #expect(isClose([score.mean, score.deviation], [1.3580814839018884, 0.1915416575219755]))
  }

  @Test func inceptionScoreLiesBetweenOneAndTheNumberOfClasses() throws {
    let certain = Tensor.eye(5).asType(.float64) * 1000
    #expect(isClose(try inceptionScore(logits: certain, splits: 1).mean, 5))
    #expect(isClose(try inceptionScore(logits: Tensor.zeros([8, 5]), splits: 2).mean, 1))
    let shuffled = try inceptionScore(logits: certain, splits: 1, shuffledBy: RandomStream(seed: 0))
    #expect(isClose(shuffled.mean, 5))
    #expect(throws: MetricError.self) { try inceptionScore(logits: certain, splits: 6) }
  }
}
