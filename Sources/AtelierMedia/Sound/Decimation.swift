/// Every `factor`-th sample of a signal that a Chebyshev low-pass of order 8 was let over forwards and backwards, with its
/// cut-off at 0.8 of the new half sample rate: `scipy.signal.decimate`.
///
/// - Returns: `ceil(count / factor)` samples; the signal itself for a factor of 1.
/// - Precondition: a factor above 0.
public func decimated(_ signal: [Double], by factor: Int) -> [Double] {
  precondition(factor > 0, "decimated: a factor of \(factor)")
  guard factor > 1 else { return signal }
  let filtered = ZeroPhaseFilter.chebyshevLowPass(order: 8, ripple: 0.05, cutoff: 0.8 / Double(factor))(
    signal)
  return stride(from: 0, to: filtered.count, by: factor).map { filtered[$0] }
}

/// `factor` times as many samples, on the cubic spline through the given ones: `scipy.interpolate.splrep` and `splev`.
///
/// The third derivative does not jump at the second and the last but one sample, and the last piece goes on behind the
/// last sample. Fewer than four samples are repeated.
///
/// - Precondition: a factor above 0.
public func splineUpsampled(_ signal: [Double], by factor: Int) -> [Double] {
  precondition(factor > 0, "splineUpsampled: a factor of \(factor)")
  let count = signal.count
  guard factor > 1 else { return signal }
  guard count >= 4 else { return signal.flatMap { [Double](repeating: $0, count: factor) } }
  let curvature = splineCurvature(signal)
  return [Double](unsafeUninitializedCapacity: count * factor) { output, initialized in
    for index in 0..<(count * factor) {
      let piece = min(index / factor, count - 2)
      let right = Double(index) / Double(factor) - Double(piece)
      let left = 1 - right
      output[index] =
        left * signal[piece] + right * signal[piece + 1]
        + ((left * left * left - left) * curvature[piece]
          + (right * right * right - right) * curvature[piece + 1]) / 6
    }
    initialized = count * factor
  }
}

/// The second derivatives of the cubic spline through samples one apart.
///
/// Between neighbours c₋ + 4c + c₊ = 6 (y₋ − 2y + y₊); at the ends c₀ = 2c₁ − c₂, so that the third derivative does not
/// jump at sample 1, which leaves 6c₁ = 6 (y₀ − 2y₁ + y₂) there.
private func splineCurvature(_ signal: [Double]) -> [Double] {
  let count = signal.count
  func second(_ index: Int) -> Double { signal[index - 1] - 2 * signal[index] + signal[index + 1] }
  var curvature = [Double](repeating: 0, count: count)
  curvature[1] = second(1)
  curvature[count - 2] = second(count - 2)
  // The tridiagonal system of what lies between, eliminated from the left.
  if count > 4 {
    var weights = [Double](repeating: 0, count: count)
    for index in 2..<(count - 2) {
      let pivot = 4 - (index > 2 ? weights[index - 1] : 0)
      weights[index] = 1 / pivot
      let right = 6 * second(index) - (index == count - 3 ? curvature[count - 2] : 0)
      curvature[index] = (right - curvature[index - 1]) / pivot
    }
    for index in (2..<(count - 3)).reversed() { curvature[index] -= weights[index] * curvature[index + 1] }
  }
  curvature[0] = 2 * curvature[1] - curvature[2]
  curvature[count - 1] = 2 * curvature[count - 2] - curvature[count - 3]
  return curvature
}
