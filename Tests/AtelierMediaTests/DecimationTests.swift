import AtelierMedia
import Foundation
import Testing

/// Numbers of SciPy 1.17.
@Suite struct DecimationTests {
  private let signal = (0..<200).map { sin(Double($0) * 0.3) + 0.3 * cos(Double($0) * 1.7) }

  @Test func filtersHaveSciPysCoefficients() {
    let low = ZeroPhaseFilter.chebyshevLowPass(order: 8, ripple: 0.05, cutoff: 0.2)
    for (found, wanted) in zip(low.numerator, [4.03592929e-06, 3.22874343e-05, 1.13006020e-04]) {
      #expect(abs(found - wanted) < 1e-8 * 1e-3)
    }
    for (found, wanted) in zip(low.denominator, [1, -6.09711296, 16.93460048]) {
      #expect(abs(found - wanted) < 1e-7)
    }
    let high = ZeroPhaseFilter.butterworthHighPass(order: 5, cutoff: 30, sampleRate: 16_000)
    for (found, wanted) in zip(high.numerator, [0.98111838, -4.90559192, 9.81118384]) {
      #expect(abs(found - wanted) < 1e-7)
    }
    for (found, wanted) in zip(high.denominator, [1, -4.96187604, 9.84822985, -9.77342482]) {
      #expect(abs(found - wanted) < 1e-7)
    }
  }

  @Test func everyFourthSampleIsSciPys() {
    let found = decimated(signal, by: 4)
    #expect(found.count == 50)
    let first = [0.29809701, 0.86475369, 0.68898078, -0.44237247, -1.00021374]
    let last = [-0.12715815, 0.84780849, 0.75822279]
    for (found, wanted) in zip(found.prefix(5), first) { #expect(abs(found - wanted) < 1e-6) }
    for (found, wanted) in zip(found.suffix(3), last) { #expect(abs(found - wanted) < 1e-6) }
    #expect(decimated(signal, by: 1) == signal)
  }

  @Test(arguments: [2, 3, 6]) func theSplineOfACubicIsTheCubic(_ factor: Int) {
    func cubic(_ x: Double) -> Double { 0.02 * x * x * x - 0.3 * x * x + x - 4 }
    for count in [4, 5, 6, 17] {
      let found = splineUpsampled((0..<count).map { cubic(Double($0)) }, by: factor)
      #expect(found.count == count * factor)
      for (index, value) in found.enumerated() {
        #expect(abs(value - cubic(Double(index) / Double(factor))) < 1e-9)
      }
    }
  }

  @Test func aConstantStaysAConstantAndAShortSignalIsRepeated() {
    for value in ZeroPhaseFilter.chebyshevLowPass(order: 8, ripple: 0.05, cutoff: 0.2)(
      [Double](repeating: 1, count: 90))
    {
      // Twice the least gain of an even order: 0.05 dB each way.
      #expect(abs(value - pow(10, -0.1 / 20)) < 1e-6)
    }
    #expect(splineUpsampled([1, 2], by: 2) == [1, 1, 2, 2])
    #expect(decimated([], by: 3).isEmpty && splineUpsampled([], by: 3).isEmpty)
  }
}
