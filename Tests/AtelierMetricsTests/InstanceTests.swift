import AtelierMetrics
import Foundation
import Testing
import Torch

@Suite struct InstanceNeighbourTests {
  /// Every distance in float64, the row itself left out, ties by number.
  private func bruteForce(_ features: Tensor, _ k: Int) -> [[Int]] {
    let unit = features / features.norm(dims: [1], keepDim: true)
    let rows = unit.asType(.float64)
    return (0..<features.shape[0]).map { row in
      let differences = rows - rows.narrow(0, from: row, length: 1)
      let distances = differences.square().sum(dims: [1]).sqrt().doubles()
      return distances.indices.filter { $0 != row }
        .sorted { (distances[$0], $0) < (distances[$1], $1) }.prefix(k).map { $0 }
    }
  }

  @Test(arguments: [(40, 5, 3), (700, 16, 10), (30, 4, 29), (2, 3, 1), (1100, 8, 5)])
  func theTableEqualsBruteForce(_ count: Int, _ size: Int, _ k: Int) throws {
    let features = RandomStream(seed: 5).normal([count, size]) * 3
    let found = try instanceNeighbours(features, k: k)
    #expect(found.indices.shape == [count, k])
    #expect(found.indices.integers() == bruteForce(features, k).flatMap { $0 })
    let radii = found.distances.selected(dim: 1, index: k - 1).doubles()
    #expect(radii.allSatisfy { (0...2).contains($0) })
  }

  @Test func equalRowsComeInTheOrderOfTheirNumbers() throws {
    // Thirty copies of each of three directions: more equal rows than candidates are kept.
    let directions = RandomStream(seed: 6).normal([3, 8])
    let features = Tensor.concatenated([Tensor](repeating: directions, count: 30), dim: 0)
    let found = try instanceNeighbours(features, k: 4)
    #expect(found.indices.integers() == bruteForce(features, 4).flatMap { $0 })
    #expect(found.distances.doubles().allSatisfy { $0 == 0 })
  }

  @Test func aNeighbourhoodBeyondTheDataIsRefused() {
    #expect(throws: MetricError.self) { try instanceNeighbours(.ones([4, 2]), k: 4) }
    #expect(throws: MetricError.self) { try instanceNeighbours(.ones([4, 2]), k: 0) }
    let broken = Tensor([Float.nan, 1, 1, 1], shape: [2, 2])
    #expect(throws: MetricError.self) { try instanceNeighbours(broken, k: 1) }
  }
}

@Suite struct KMeansTests {
  @Test func clustersThatAreApartAreFound() throws {
    let stream = RandomStream(seed: 3)
    let centres = Tensor([0, 0, 10, 0, 0, 10] as [Float], shape: [3, 2])
    let truth = (0..<60).map { $0 % 3 }
    let points = centres.indexSelected(0, Tensor(truth)) + stream.normal([60, 2]) * 0.1
    let clusters = try kMeans(points, k: 3, using: stream)
    let found = clusters.assignment.integers()
    #expect(Set((0..<60).map { [truth[$0], found[$0]] }).count == 3)
    #expect(clusters.inertia < 0.05)
    let rows = try nearestRows(points, to: clusters).integers()
    #expect(Set(rows.map { truth[$0] }).count == 3)
  }

  @Test func everyRowCanBeACluster() throws {
    let points = Tensor([0, 1, 2, 3] as [Float], shape: [4, 1])
    let clusters = try kMeans(points, k: 4, using: RandomStream(seed: 1))
    #expect(Set(clusters.assignment.integers()).count == 4)
    #expect(throws: MetricError.self) { try kMeans(points, k: 5, using: RandomStream(seed: 1)) }
    let equal = try kMeans(.ones([5, 2]), k: 3, using: RandomStream(seed: 1))
    #expect(equal.inertia == 0)
  }
}

@Suite struct EmbedderTests {
  private func pictures(_ count: Int) -> Tensor {
    // Each image is a stripe at a place of its own, in a colour of its own.
    var bytes = [UInt8](repeating: 20, count: count * 3 * 8 * 8)
    for picture in 0..<count {
      for row in 0..<8 {
        bytes[((picture * 3 + picture % 3) * 8 + row) * 8 + picture % 8] = 250
      }
    }
    return Tensor(HostTensor(shape: [count, 3, 8, 8], dtype: .uint8, bytes: bytes))
  }

  @Test func theContrastiveLossIsThatOfThePaper() {
    // Two images whose views agree and are orthogonal to the other's: −log(e^(1/τ) / (e^(1/τ) + 2)).
    let views = Tensor([1, 0, 0, 2] as [Float], shape: [2, 2])
    let loss = InstanceEmbedder.contrastiveLoss(views, views, temperature: 0.5).item()
    let expected = -log(exp(2.0) / (exp(2.0) + 2))
    #expect(abs(loss - expected) < 1e-6)
  }

  @Test func trainingLowersTheLossAndFilesKeepTheNetwork() throws {
    let training = EmbedderTraining(
      epochs: 12, batchSize: 16, smallestCrop: 0.6, baseChannels: 4, featureSize: 8)
    var losses: [Double] = []
    let embedder = try training.run(images: pictures(32)) { _, _, loss in
      if let loss { losses.append(loss) }
      return true
    }
    let report = try #require(embedder.report)
    #expect(report.steps == 24 && report.loss < log(31))
    let again = try training.run(images: pictures(32))
    let inputs = RandomStream(seed: 2).normal([3, 3, 8, 8])
    #expect(embedder.features(inputs).floats() == again.features(inputs).floats())
    let file = FileManager.default.temporaryDirectory.appendingPathComponent(
      "\(UUID().uuidString).safetensors")
    defer { try? FileManager.default.removeItem(at: file) }
    try embedder.save(to: file)
    let loaded = try InstanceEmbedder.load(from: file)
    #expect(loaded.features(inputs).floats() == embedder.features(inputs).floats())
    #expect(loaded.name == embedder.name)
    #expect(throws: FileFormatError.self) { try ImageClassifier.load(from: file) }
  }

  @Test func picturesOrSettingsThatDoNotFitAreRefused() {
    #expect(throws: MetricError.self) { try EmbedderTraining().run(images: .ones([4, 3, 8, 8])) }
    #expect(throws: MetricError.self) { try EmbedderTraining(temperature: 0).run(images: pictures(4)) }
    #expect(throws: MetricError.self) {
      try InstanceEmbedder.Configuration(channels: 3, height: 4, width: 8).validate()
    }
  }
}
