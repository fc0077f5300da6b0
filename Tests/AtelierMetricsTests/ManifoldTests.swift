import AtelierMetrics
import Testing
import Torch

struct ManifoldTests {
  private let real = waves(12, 3, 0.7, 0.3, 0)
  private let fake = waves(10, 3, 1.1, 0.9, 0.2)

  @Test func manifoldMeasuresMatchNumpy() throws {
    let pair = try precisionRecall(real: real, fake: fake, neighbours: 3)
    #expect(isClose([pair.precision, pair.recall], [1, 1]))
    let four = try precisionRecallDensityCoverage(real: real, fake: fake, neighbours: 2)
    #expect(isClose([four.precision, four.recall, four.density, four.coverage], [0.9, 1, 1.2, 1]))
  }

  @Test func ballsOnALineAreCountedByHand() throws {
    // Radii to the nearest neighbour: real 1, 1, 2, fake 0.25, 0.25, 7.25.
    let real = matrix([[0], [1], [3]])
    let fake = matrix([[0.5], [0.75], [8]])
    let four = try precisionRecallDensityCoverage(real: real, fake: fake, neighbours: 1)
    // The balls of 0 and 1 hold 0.5 and 0.75 each; the ball of 8 holds 1 and 3.
    let thirds: [Double] = [four.precision * 3, four.recall * 3, four.density * 3, four.coverage * 3]
    #expect(isClose(thirds, [2, 2, 4, 2]))
    // Without 8 the real sample 1 lies on the surface of the ball of 0.75.
    let pair = matrix([[0.5], [0.75]])
    let closed = try precisionRecall(real: real, fake: pair, neighbours: 1)
    let open = try precisionRecallDensityCoverage(real: real, fake: pair, neighbours: 1)
    #expect(isClose([closed.precision, closed.recall * 3], [1, 1]))
    #expect(isClose([open.precision, open.recall], [1, 0]))
  }

  @Test func copiesOfNeighboursDecideByTheNameOfTheMeasure() throws {
    // Far from the origin, where a plain matrix product would lose the tie in rounding.
    let real = waves(20, 4, 0.7, 0.3, 0) + 1000
    let one = try precisionRecall(real: real, fake: real, neighbours: 1)
    #expect(one.precision == 1 && one.recall == 1)
    let doubled = Tensor.concatenated([real, real], dim: 0)
    let closed = try precisionRecall(real: doubled, fake: doubled, neighbours: 1)
    #expect(closed.precision == 1 && closed.recall == 1)
    let open = try precisionRecallDensityCoverage(real: doubled, fake: doubled, neighbours: 1)
    #expect(open.precision == 0 && open.recall == 0 && open.density == 0 && open.coverage == 0)
  }

  @Test func setsFarApartShareNothingAndAModeIsMissed() throws {
    let stream = RandomStream(seed: 7)
    let modes = Tensor.concatenated([stream.normal([200, 4]), stream.normal([200, 4]) + 30], dim: 0)
    let apart = try precisionRecallDensityCoverage(real: modes, fake: modes + 500)
    #expect(apart.precision == 0 && apart.recall == 0 && apart.density == 0 && apart.coverage == 0)
    let half = try precisionRecallDensityCoverage(real: modes, fake: stream.normal([400, 4]))
    #expect(half.precision > 0.8 && half.recall > 0.4 && half.recall < 0.55 && half.coverage < 0.55)
  }

  @Test func tooManyNeighboursAreAnError() {
    let message = sentence { _ = try precisionRecall(real: real, fake: fake, neighbours: 10) }
    #expect(message?.contains("10 rows of “fake”") == true)
  }

  @Test func resultsDoNotDependOnTheBlocks() throws {
    // 3,000 rows need several blocks of distances.
    let stream = RandomStream(seed: 8)
    let (a, b) = (stream.normal([3000, 3]), stream.normal([3000, 3]))
    let four = try precisionRecallDensityCoverage(real: a, fake: b)
    #expect(abs(four.density - 1) < 0.05)
    // Equal distributions cover 1 - 2^-5.
    #expect(abs(four.coverage - 0.97) < 0.02)
  }

  @Test func nearestNeighboursMatchNumpy() throws {
    let found = try nearestNeighbours(query: fake, database: real, k: 3)
    #expect(found.indices.integers().prefix(9) == [9, 0, 1, 2, 11, 10, 3, 4, 9])
    let expected = [
      1.0103078670155896, 1.0620221502127452, 1.1449398028498488, 0.5197217309826916, 0.5290534241430032,
      1.197053328484621,
    ]
    #expect(isClose(Array(found.distances.doubles().prefix(6)), expected))
  }

  @Test func cosineNeighboursMatchNumpy() throws {
    let found = try cosineNeighbours(query: fake, database: real, k: 3)
    #expect(found.indices.integers().prefix(9) == [9, 0, 1, 2, 11, 10, 4, 3, 9])
    let expected = [0.008156294255038499, 0.009650960905190575, 0.26459191951876704, 0.05203170031095561]
    #expect(isClose(Array(found.distances.doubles().prefix(4)), expected))
    let zero = try cosineNeighbours(query: Tensor.zeros([1, 3]), database: real, k: 1)
    #expect(zero.distances.item() == 1)
  }

  @Test func equalRowsComeInTheOrderOfTheirNumbersAtDistanceZero() throws {
    let database = Tensor.concatenated([real, real], dim: 0)
    let found = try nearestNeighbours(query: real, database: database, k: 2)
    #expect(found.indices.integers() == (0..<12).flatMap { [$0, $0 + 12] })
    #expect(found.distances.doubles().allSatisfy { $0 == 0 })
  }

  @Test func neighboursInBytesAndOverManyBlocksAreFound() throws {
    let stream = RandomStream(seed: 9)
    let pictures = stream.integers(below: 256, [9000, 64]).asType(.uint8)
    let rows = Tensor([8999, 17, 4100])
    let found = try nearestNeighbours(query: pictures.indexSelected(0, rows), database: pictures, k: 1)
    #expect(found.indices.integers() == [8999, 17, 4100])
    let all = try nearestNeighbours(query: pictures.narrow(0, from: 0, length: 700), database: pictures, k: 2)
    #expect(all.indices.selected(dim: 1, index: 0).integers() == Array(0..<700))
    #expect(throws: MetricError.self) { try nearestNeighbours(query: pictures, database: pictures, k: 9001) }
  }

  @Test func nearestNeighbourAccuracyMatchesNumpy() throws {
    let result = try nearestNeighbourAccuracy(real: real, fake: fake)
    #expect(isClose([result.accuracy, result.real, result.fake], [0.36363636363636365, 0.5, 0.2]))
  }

  @Test func nearestNeighbourAccuracyIsOneForSetsApartAndZeroForCopies() throws {
    #expect(try nearestNeighbourAccuracy(real: real, fake: real + 100).accuracy == 1)
    #expect(try nearestNeighbourAccuracy(real: real, fake: real).accuracy == 0)
  }
}
