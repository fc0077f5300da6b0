import AtelierMetrics
import Foundation
import Testing
import Torch

/// Intervals of measures of whole sets, and statistics that are kept.
@Suite struct IntervalTests {
  /// How often intervals of draws hold the truth.
  private func coverage(
    _ trials: Int, truth: Double,
    _ draw: (RandomStream) throws -> (value: Double, interval: ConfidenceInterval?)
  ) throws -> Double {
    var held = 0
    for trial in 0..<trials {
      let interval = try #require(try draw(RandomStream(seed: UInt64(trial), purpose: "coverage")).interval)
      if interval.lower <= truth, truth <= interval.upper { held += 1 }
    }
    return Double(held) / Double(trials)
  }

  @Test func intervalsOfAMeanHoldTheTruthAsOftenAsTheySay() throws {
    // The mean of normal numbers about 3: 95 of 100 intervals hold 3, give or take the simulation's own error.
    let share = try coverage(200, truth: 3) { stream in
      let sample = stream.normal([60, 1]).asType(.float64) + 3
      let value: Double = sample.mean().item()
      return (
        value,
        HalvesInterval()(around: [value], of: [sample], using: stream) { [$0[0].mean().item()] }[0]
      )
    }
    #expect(share > 0.89 && share < 0.99, "\(share)")
  }

  @Test func intervalsOfTheKernelDistanceHoldTheTruth() throws {
    // With a linear kernel the squared discrepancy is the squared distance of the means: 2 · 0.5² here.
    let kernel = DistanceKernel.polynomial(degree: 1, gamma: 1, offset: 0)
    let share = try coverage(100, truth: 0.5) { stream in
      let (real, fake) = (stream.normal([80, 2]), stream.normal([80, 2]) + 0.5)
      func distance(_ real: Tensor, _ fake: Tensor) throws -> Double {
        let rows = Tensor((0..<real.shape[0]).map { $0 }).unsqueezed(0)
        return try kernelDistance(real: real, fake: fake, kernel: kernel, subsetReal: rows, subsetFake: rows)
          .mean
      }
      let value = try distance(real, fake)
      let interval = try HalvesInterval()(around: [value], of: [real, fake], using: stream) {
        [try distance($0[0], $0[1])]
      }
      return (value, interval[0])
    }
    #expect(share > 0.88, "\(share)")
  }

  @Test func intervalsOfTheFrechetDistanceHoldTheTruth() throws {
    // Normal numbers about 0 and 1 with deviations 1 and 2: 1² + 1² + 2² - 2 · 2 = 2.
    let share = try coverage(100, truth: 2) { stream in
      let (real, fake) = (stream.normal([400, 1]), stream.normal([400, 1]) * 2 + 1)
      let value = try frechetDistance(real: real, fake: fake)
      let interval = try HalvesInterval()(around: [value], of: [real, fake], using: stream) {
        [try frechetDistance(real: $0[0], fake: $0[1])]
      }
      return (value, interval[0])
    }
    #expect(share > 0.88, "\(share)")
  }

  @Test func tooFewRowsHaveNoIntervalAndBoundsAreKept() {
    let stream = RandomStream(seed: 1)
    let few = stream.normal([7, 1])
    #expect(HalvesInterval()(around: [0], of: [few], using: stream) { _ in [0] } == [nil])
    let many = stream.uniform([20, 1])
    let found = HalvesInterval()(around: [0.99], of: [many], within: 0...1, using: stream) {
      [$0[0].mean().item()]
    }
    #expect(found[0]?.upper == 1)
  }

  @Test func statisticsComeBackFromTheirFile() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
      "statistics-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let features = RandomStream(seed: 2).normal([50, 3])
    let kept = ReferenceStatistics(
      try FeatureStatistics(features), facts: ["features": "pixels", "size": "1x3x1", "data": "made"])
    let file = folder.appendingPathComponent("a.safetensors")
    try kept.save(to: file)
    let read = try ReferenceStatistics.load(from: file)
    #expect(read.facts == kept.facts && read.statistics.count == 50)
    #expect(try frechetDistance(read.statistics, kept.statistics) < 1e-9)
    #expect(read.differences(from: ["features": "pixels", "size": "1x3x1"]).isEmpty)
    #expect(read.differences(from: ["features": "pixels", "size": "2x3x1"]) == ["size"])
    try Data("no statistics".utf8).write(to: file)
    #expect(throws: FileFormatError.self) { try ReferenceStatistics.load(from: file) }
  }

  @Test func resizesAreWhatTheirProgramsHave() {
    // A row of 0 and 255 at 2 -> 299: TensorFlow samples at i · 2/299, PyTorch at (i + ½) · 2/299 - ½.
    let image = Tensor(
      [Float](repeating: 0, count: 2) + [Float](repeating: 255, count: 2), shape: [1, 1, 2, 2]
    )
    .repeated([1, 3, 1, 1])
    func middle(_ resize: InceptionResize, _ row: Int) -> Double {
      (resize(image).selected(dim: 2, index: row).mean() as Tensor).item()
    }
    #expect(abs(middle(.tensorflow, 75) - (255 * 150.0 / 299 - 128) / 128) < 1e-4)
    #expect(abs(middle(.pytorch, 149) - (2 * 0.5 - 1)) < 1e-4)
    // Pillow's resize of the same column by BICUBIC gives 127.5 in the middle, and less than 0 beside the edge.
    #expect(abs(middle(.cleanFID, 149) + 0.5 / 128) < 1e-4)
    #expect(middle(.cleanFID, 30) < -1)
    #expect(
      InceptionResize.allCases.map {
        InceptionFID(resize: $0, using: RandomStream(seed: 0)).provenance["resize"]
      }
        == ["tf1-bilinear-299", "clean-fid-bicubic-299", "pytorch-bilinear-299"])
  }

  @Test func pathsAreFollowedOnTheSphere() {
    let ends = (Tensor([3, 0] as [Float], shape: [1, 2]), Tensor([0, 1] as [Float], shape: [1, 2]))
    let length = PerceptualPathLength(count: 1, step: 0.5)
    let (first, second) = length.points(ends, at: Tensor([0.5] as [Float]), isSpherical: true)
    // Half-way between the axes, at the length √2 of two normal entries; then at the second axis.
    #expect(abs(first.doubles()[0] - 1) < 1e-5 && abs(first.doubles()[1] - 1) < 1e-5)
    #expect(abs(second.doubles()[0]) < 1e-5 && abs(second.doubles()[1] - 2.0.squareRoot()) < 1e-5)
    let line = length.points(ends, at: Tensor([0] as [Float]), isSpherical: false)
    #expect(line.1.doubles() == [1.5, 0.5])
    #expect(PerceptualPathLength(count: 200, step: 0.5).kept((0..<200).map(Double.init)).count == 196)
  }
}
