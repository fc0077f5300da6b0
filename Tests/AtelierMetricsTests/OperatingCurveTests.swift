import AtelierMetrics
import Testing

struct OperatingCurveTests {
  @Test func theEqualErrorRateIsThatOfTheThresholdWhereBothErrorsDifferLeast() throws {
    // Behind two scores one of two positives is refused and one of two negatives is taken.
    #expect(equalErrorRate([0.9, 0.8, 0.7, 0.6], [true, false, true, false]) == 0.5)
    #expect(equalErrorRate([0.9, 0.8, 0.7, 0.6], [true, true, false, false]) == 0)
    #expect(equalErrorRate([0.1, 0.2, 0.7, 0.6], [true, true, false, false]) == 1)
    // One of four positives lies below one of four negatives.
    let rate = equalErrorRate(
      [8, 7, 6, 3, 4, 2, 1, 0], [true, true, true, true, false, false, false, false])
    #expect(rate == 0.25)
    // Equal scores are one threshold.
    #expect(equalErrorRate([1, 1, 1, 1], [true, false, true, false]) == 0.5)
  }

  @Test func oneKindAloneHasNoRate() {
    #expect(equalErrorRate([0.5, 0.2], [true, true]) == nil && equalErrorRate([], []) == nil)
    #expect(areaUnderCurve([0.5, 0.2], [false, false]) == nil)
  }

  @Test func theBestThresholdTellsMostExamplesRightly() {
    #expect(bestThreshold([0.1, 0.2, 0.8, 0.9], [false, false, true, true]) == 0.5)
    #expect(bestThreshold([0.1, 0.2, 0.3, 0.4], [false, false, true, true]) == 0.25)
    #expect(
      bestThreshold([0.6, 0.7, 0.8, 0.9], [false, true, false, true]).map {
        accuracy([0.6, 0.7, 0.8, 0.9], [false, true, false, true], above: $0)
      } == 0.75)
    // Where nothing is worth telling apart, all are taken for the larger class.
    #expect(bestThreshold([0.9, 0.8, 0.3], [false, false, true]).map { $0 >= 0.9 } == true)
    #expect(bestThreshold([0.5, 0.2], [true, true]) == nil)
  }

  @Test func theCalibrationErrorIsTheWeightedDistanceOfTheBins() throws {
    // Two bins: three examples of 0.2 with one positive, one of 0.9 that is positive.
    let error = try CalibrationError([0.2, 0.2, 0.2, 0.9], [true, false, false, true], bins: 2)
    #expect(error.bins.map(\.count) == [3, 1])
    #expect(abs(error.value - (0.75 * (1.0 / 3 - 0.2) + 0.25 * 0.1)) < 1e-12)
    #expect(try CalibrationError([0, 1], [false, true]).value == 0)
    #expect(throws: MetricError.self) { _ = try CalibrationError([], []) }
  }
}
