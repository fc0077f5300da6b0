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
}
