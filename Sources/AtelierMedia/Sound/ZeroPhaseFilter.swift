internal import Foundation

/// A recursive filter that runs forwards and then backwards, so that nothing is delayed: `scipy.signal.filtfilt`.
///
/// The signal is continued at both ends by its point reflection, three times as long as the filter, and each run begins
/// in the state that a constant signal of its first value leaves. All in float64.
public struct ZeroPhaseFilter: Sendable, Hashable {
  /// The coefficients of the present and past inputs.
  public let numerator: [Double]
  /// The coefficients of the present and past outputs, the first of them 1.
  public let denominator: [Double]

  /// A filter of the given transfer function.
  ///
  /// - Precondition: as many coefficients above as below, at least two, the first below 1.
  public init(numerator: [Double], denominator: [Double]) {
    precondition(numerator.count == denominator.count && numerator.count > 1 && denominator[0] == 1)
    self.numerator = numerator
    self.denominator = denominator
  }

  /// AutoVC's: a Butterworth high-pass of order 5 at 30 Hz of 16 kHz, which takes what wanders below hearing.
  public static let withoutDrift = butterworthHighPass(order: 5, cutoff: 30, sampleRate: 16_000)

  /// A Butterworth high-pass, by the bilinear transform with its cut-off frequency kept.
  public static func butterworthHighPass(order: Int, cutoff: Double, sampleRate: Double) -> ZeroPhaseFilter {
    let warped = 4 * tan(Double.pi * cutoff / sampleRate)
    var poles: [Complex] = []
    for index in 0..<order {
      // The poles of the low-pass of cut-off 1 lie on a half circle; a high-pass takes their reciprocals.
      let angle = Double.pi * Double(2 * index + 1 + order) / Double(2 * order)
      let pole = Complex(cos(angle), sin(angle)).reciprocal.scaled(warped)
      poles.append((Complex(4, 0) + pole).divided(by: Complex(4, 0) - pole))
    }
    // All zeros lie at 1, where frequency 0 is; the gain at half the sample rate is 1.
    let zeros = [Complex](repeating: Complex(1, 0), count: order)
    let (above, below) = (polynomial(zeros), polynomial(poles))
    func atNyquist(_ values: [Double]) -> Double {
      values.enumerated().reduce(0) { $0 + ($1.offset % 2 == 0 ? $1.element : -$1.element) }
    }
    let gain = atNyquist(below) / atNyquist(above)
    return ZeroPhaseFilter(numerator: above.map { $0 * gain }, denominator: below)
  }

  /// A Chebyshev low-pass of the first kind, whose gain ripples below its cut-off.
  ///
  /// - Parameters:
  ///   - ripple: decibels between the most and the least gain below the cut-off.
  ///   - cutoff: as a share of half the sample rate, 0 … 1.
  public static func chebyshevLowPass(order: Int, ripple: Double, cutoff: Double) -> ZeroPhaseFilter {
    let epsilon = (pow(10, ripple / 10) - 1).squareRoot()
    let width = asinh(1 / epsilon) / Double(order)
    let warped = 4 * tan(Double.pi * cutoff / 2)
    let poles = (0..<order).map { index -> Complex in
      let angle = Double.pi * Double(2 * index + 1 - order) / Double(2 * order)
      let pole = Complex(-sinh(width) * cos(angle), -cosh(width) * sin(angle)).scaled(warped)
      return (Complex(4, 0) + pole).divided(by: Complex(4, 0) - pole)
    }
    let (above, below) = (polynomial([Complex](repeating: Complex(-1, 0), count: order)), polynomial(poles))
    // An even order has its least gain at frequency 0.
    let lowest = order % 2 == 0 ? 1 / (1 + epsilon * epsilon).squareRoot() : 1
    let gain = lowest * below.reduce(0, +) / above.reduce(0, +)
    return ZeroPhaseFilter(numerator: above.map { $0 * gain }, denominator: below)
  }

  /// The filtered signal, as long as it was; a signal that is not longer than its continuation is returned as it is.
  public func callAsFunction(_ signal: [Double]) -> [Double] {
    let margin = 3 * numerator.count
    guard signal.count > margin, let first = signal.first, let last = signal.last else { return signal }
    let before = (1...margin).reversed().map { 2 * first - signal[$0] }
    let after = (1...margin).map { 2 * last - signal[signal.count - 1 - $0] }
    let extended = before + signal + after
    let forwards = run(extended, from: extended[0])
    let backwards = run(forwards.reversed(), from: forwards[forwards.count - 1])
    return Array(backwards.reversed()[margin..<(margin + signal.count)])
  }

  /// The state that a constant input of 1 leaves, of the transposed direct form II.
  private var steadyState: [Double] {
    let gain = numerator.reduce(0, +) / denominator.reduce(0, +)
    var state = [Double](repeating: 0, count: numerator.count - 1)
    for index in state.indices.reversed() {
      state[index] =
        numerator[index + 1] - denominator[index + 1] * gain
        + (index + 1 < state.count ? state[index + 1] : 0)
    }
    return state
  }

  private func run(_ signal: [Double], from first: Double) -> [Double] {
    var state = steadyState.map { $0 * first }
    return signal.map { input in
      let output = numerator[0] * input + state[0]
      for index in state.indices {
        state[index] =
          numerator[index + 1] * input - denominator[index + 1] * output
          + (index + 1 < state.count ? state[index + 1] : 0)
      }
      return output
    }
  }

  /// The real coefficients of the monic polynomial of the given roots, the highest power first.
  private static func polynomial(_ roots: [Complex]) -> [Double] {
    var coefficients = [Complex(1, 0)]
    for root in roots {
      var next = coefficients + [Complex(0, 0)]
      for index in coefficients.indices { next[index + 1] = next[index + 1] - coefficients[index] * root }
      coefficients = next
    }
    return coefficients.map(\.real)
  }
}

private struct Complex {
  let real: Double
  let imaginary: Double

  init(_ real: Double, _ imaginary: Double) { (self.real, self.imaginary) = (real, imaginary) }

  static func + (one: Complex, other: Complex) -> Complex {
    Complex(one.real + other.real, one.imaginary + other.imaginary)
  }
  static func - (one: Complex, other: Complex) -> Complex {
    Complex(one.real - other.real, one.imaginary - other.imaginary)
  }
  static func * (one: Complex, other: Complex) -> Complex {
    Complex(
      one.real * other.real - one.imaginary * other.imaginary,
      one.real * other.imaginary + one.imaginary * other.real)
  }
  func scaled(_ factor: Double) -> Complex { Complex(real * factor, imaginary * factor) }
  var reciprocal: Complex {
    let square = real * real + imaginary * imaginary
    return Complex(real / square, -imaginary / square)
  }
  func divided(by other: Complex) -> Complex { self * other.reciprocal }
}
