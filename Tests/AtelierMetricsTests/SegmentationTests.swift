import AtelierMetrics
import Foundation
import Testing
import Torch

@Suite struct SegmentationTests {
  @Test func scoresEqualTheirClosedForms() throws {
    var scores = try SegmentationScores(classes: 4)
    // Class 3 is in neither; the last pixel is ignored.
    try scores.add(
      prediction: Tensor([0, 0, 1, 1, 2, 0]), target: Tensor([0, 0, 0, 1, 1, 255]), ignoring: 255)
    #expect(scores.confusion == [[2, 1, 0, 0], [0, 1, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]])
    let ratios: [Double?] = [2.0 / 3, 1.0 / 3, 0, nil]
    #expect(scores.intersectionOverUnion == ratios)
    #expect(abs(scores.meanIntersectionOverUnion - 1.0 / 3) < 1e-12)
    #expect(abs(scores.pixelAccuracy - 0.6) < 1e-12)
    #expect(abs(scores.meanAccuracy - (2.0 / 3 + 0.5) / 2) < 1e-12)
    let weighted: Double = 0.6 * 2 / 3 + 0.4 / 3
    #expect(abs(scores.weightedIntersectionOverUnion - weighted) < 1e-12)
  }

  @Test func countsAreGatheredBeforeTheyAreDivided() throws {
    let (first, second) = (Tensor([0, 0, 0, 1]), Tensor([1, 1, 1, 1]))
    var together = try SegmentationScores(classes: 2)
    try together.add(
      prediction: .concatenated([first, second], dim: 0), target: Tensor([0, 0, 0, 0, 1, 1, 1, 1]))
    var apart = try SegmentationScores(classes: 2)
    try apart.add(prediction: first, target: Tensor([0, 0, 0, 0]))
    var other = try SegmentationScores(classes: 2)
    try other.add(prediction: second, target: Tensor([1, 1, 1, 1]))
    try apart.add(other)
    #expect(apart == together)
  }

  @Test func classesOutsideTheTableAreRefused() throws {
    var scores = try SegmentationScores(classes: 2)
    #expect(throws: MetricError.self) { try scores.add(prediction: Tensor([2]), target: Tensor([0])) }
    #expect(throws: MetricError.self) { try scores.add(prediction: Tensor([0]), target: Tensor([-1])) }
    #expect(throws: MetricError.self) { try scores.add(prediction: Tensor([0, 1]), target: Tensor([0])) }
    #expect(throws: MetricError.self) { try SegmentationScores(classes: 0) }
    // Ignored pixels may be predicted as anything.
    try scores.add(prediction: Tensor([9]), target: Tensor([255]), ignoring: 255)
    #expect(scores.pixels == 0 && scores.pixelAccuracy == 0 && scores.meanIntersectionOverUnion == 0)
  }

  /// Images whose bright pixels are class 1.
  private func examples(_ count: Int, seed: UInt64) throws -> SegmenterTraining.Examples {
    let small = RandomStream(seed: seed).integers(below: 2, [count, 1, 4, 4]).asType(.float32)
    let large = upsampleNearest(small, size: (16, 16))
    let images = (large * 180 + 30).expanded([count, 3, 16, 16]).asType(.uint8)
    return try SegmenterTraining.Examples(images: images, labels: large.squeezed(1).asType(.int64))
  }

  @Test func aSegmenterLearnsItsClassesAndComesBackFromItsFile() throws {
    let (train, test) = (try examples(12, seed: 1), try examples(4, seed: 2))
    let plan = SegmenterTraining(epochs: 100, batchSize: 4, baseChannels: 4)
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appendingPathComponent("segmenter.safetensors")
    let segmenter = try plan.cached(at: file, train: train, test: test, classes: 2, ignoring: nil)
    #expect((segmenter.report?.meanIntersectionOverUnion ?? 0) > 0.9)
    let again = try plan.cached(at: file, train: train, test: test, classes: 2, ignoring: nil)
    #expect(again.report == segmenter.report)
    #expect(again.segment(test.images).integers() == segmenter.segment(test.images).integers())
    #expect(again.segment(test.images).shape == [4, 16, 16])
  }

  @Test func examplesThatDoNotFitAreRefused() throws {
    let bytes = Tensor.zeros([2, 3, 16, 16], dtype: .uint8)
    #expect(throws: MetricError.self) {
      try SegmenterTraining.Examples(images: bytes, labels: .zeros([2, 8, 16], dtype: .int64))
    }
    let good = try SegmenterTraining.Examples(images: bytes, labels: .full([2, 16, 16], 5).asType(.int64))
    #expect(throws: MetricError.self) {
      try SegmenterTraining().run(train: good, test: good, classes: 3, ignoring: nil)
    }
  }

  @Test func intervalsAreThoseOfImagesDrawnWithReplacement() throws {
    // Eight images of two pixels, of which the first n predict one of them wrongly.
    func images(wrong: Int) throws -> [SegmentationScores] {
      try (0..<8).map { index in
        var scores = try SegmentationScores(classes: 2)
        try scores.add(
          prediction: Tensor([0, index < wrong ? 0 : 1]), target: Tensor([0, 1]))
        return scores
      }
    }
    let stream = { RandomStream(seed: 3) }
    // Images that are all alike leave nothing to chance: 1/4 = the mean of 1/2 and 0.
    for (wrong, overlap, accuracy) in [(0, 1.0, 1.0), (8, 0.25, 0.5)] {
      let intervals = SegmentationIntervals(try images(wrong: wrong))
      let found = try #require(try intervals.meanIntersectionOverUnion(using: stream()))
      #expect(found.lower == overlap && found.upper == overlap)
      let share = try #require(try intervals.pixelAccuracy(using: stream()))
      #expect(share.lower == accuracy && share.upper == accuracy)
    }
    // Four of eight: the accuracy is 1/2 + b/16 with b binomial (8, 1/2), whose 2.5 % and 97.5 % quantiles are 1 and 7.
    let half = try #require(
      try SegmentationIntervals(try images(wrong: 4)).pixelAccuracy(using: stream(), resamples: 4000))
    #expect(half.lower == 0.5 + 1.0 / 16 && half.upper == 0.5 + 7.0 / 16)
    #expect(
      try SegmentationIntervals(Array(try images(wrong: 1).prefix(7))).pixelAccuracy(using: stream()) == nil)
  }
}
