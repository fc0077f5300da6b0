internal import Foundation
public import Torch

/// The fundamental frequency of speech by YIN (de Cheveigné and Kawahara, YIN, a fundamental frequency estimator for
/// speech and music, Journal of the Acoustical Society of America 111(4), 2002).
///
/// For each frame, the difference function d(τ) = Σ_{j < window} (x_j − x_{j+τ})² is divided by its mean over lags 1 … τ.
/// The first lag whose quotient falls below ``threshold`` leads to the dip that is taken, and a parabola through d around
/// it gives a period between samples. A frame without such a dip is unvoiced, as is one that is much fainter than the
/// loudest; the threshold, which only chooses the dip in the paper, decides on voicing as well.
public struct FundamentalFrequency: Sendable, Hashable {
  /// Samples a second.
  public var sampleRate: Int
  /// Samples from one frame to the next; frames are centred at multiples of it.
  public var hop: Int
  /// The lowest frequency in Hz.
  public var lowest: Double
  /// The highest frequency in Hz.
  public var highest: Double
  /// How much of the power may be aperiodic, 0 … 1.
  public var threshold: Double
  /// The length of the sums, in seconds.
  public var window: Double
  /// How many decibels below the loudest frame one is unvoiced.
  public var silence: Double

  /// Settings; the defaults suit speech.
  public init(
    sampleRate: Int, hop: Int? = nil, lowest: Double = 60, highest: Double = 500, threshold: Double = 0.15,
    window: Double = 0.025, silence: Double = 50
  ) {
    self.sampleRate = sampleRate
    self.hop = hop ?? max(1, sampleRate / 100)
    (self.lowest, self.highest, self.threshold) = (lowest, highest, threshold)
    (self.window, self.silence) = (window, silence)
  }

  /// The frequency of each frame in Hz, 0 where it is unvoiced: `samples / hop + 1` numbers.
  ///
  /// - Parameter signal: `[samples]`, or one of `[1, samples]`.
  /// - Throws: `MetricError` for another shape, no samples, NaN, or settings that do not fit the sample rate.
  public func callAsFunction(_ signal: Tensor) throws -> [Double] {
    guard signal.count > 0, signal.count == signal.shape.last else {
      throw MetricError("a fundamental frequency is that of one signal [samples], not of \(signal.shape)")
    }
    guard sampleRate > 0, hop > 0, lowest > 0, lowest < highest, highest <= Double(sampleRate) / 4,
      (0.0...1.0).contains(threshold), window > 0, window < 1, Double(sampleRate) / lowest < 100_000
    else {
      throw MetricError(
        "the settings of the fundamental frequency do not fit: frequencies are above 0 and at most a quarter of the "
          + "sample rate of \(sampleRate) Hz, the threshold is 0 to 1")
    }
    let width = max(1, Int((window * Double(sampleRate)).rounded()))
    let lags = Int((Double(sampleRate) / lowest).rounded(.up)) + 1
    let length = width + lags
    let count = signal.count / hop + 1
    let samples = signal.flattened(from: 0).asType(.float64).to(.cpu).contiguous()
    guard samples.abs().max().item().isFinite else {
      throw MetricError("the signal has NaN or infinite samples")
    }
    let padded = samples.unsqueezed(0).padded([length / 2, length]).squeezed(0)
    var frequencies: [Double] = []
    var powers: [Double] = []
    for first in stride(from: 0, to: count, by: 256) {
      let numbers = Array(first..<min(count, first + 256))
      let places = Tensor(numbers.flatMap { number in (0..<length).map { number * hop + $0 } })
      let frames = padded.indexSelected(0, places).reshaped([numbers.count, length])
      let begin = frames.narrow(1, from: 0, length: width)
      powers += begin.square().mean(dims: [1]).doubles()
      let differences = Tensor.concatenated(
        (1..<lags).map { lag in
          (begin - frames.narrow(1, from: lag, length: width)).square().sum(dims: [1]).unsqueezed(1)
        }, dim: 1)
      let means =
        differences.cumulativeSum(dim: 1)
        / (Tensor.arange(lags - 1).asType(.float64) + 1).unsqueezed(0)
      let quotients = (differences / (means + 1e-300)).contiguous().doubles()
      let raw = differences.contiguous().doubles()
      for row in numbers.indices {
        let part = (row * (lags - 1))..<((row + 1) * (lags - 1))
        frequencies.append(frequency(Array(raw[part]), Array(quotients[part])))
      }
    }
    let limit = (powers.max() ?? 0) * pow(10, -silence / 10)
    return zip(frequencies, powers).map { $1 > limit && $1 > 0 ? $0 : 0 }
  }

  /// The frequency of a frame; 0 where it is unvoiced. Index 0 is lag 1.
  private func frequency(_ differences: [Double], _ quotients: [Double]) -> Double {
    let shortest = max(2, Int(Double(sampleRate) / highest))
    guard var place = (shortest..<(quotients.count - 1)).first(where: { quotients[$0 - 1] < threshold })
    else {
      return 0
    }
    // `place` is a lag, whose index is one less; down to the bottom of the dip.
    while place < quotients.count - 1, quotients[place] < quotients[place - 1] { place += 1 }
    let (left, middle, right) = (differences[place - 2], differences[place - 1], differences[place])
    let bend = left - 2 * middle + right
    let shift = bend > 0 ? max(-1, min(1, (left - right) / (2 * bend))) : 0
    let frequency = Double(sampleRate) / (Double(place) + shift)
    return frequency >= lowest && frequency <= highest * 1.05 ? frequency : 0
  }
}

/// How far two courses of pitch are apart, frame by frame.
public struct PitchError: Sendable, Hashable {
  /// The root mean square of 1200 log₂ (f / f') over the frames that are voiced in both, in cents; nil where there are none.
  public let cents: Double?
  /// The share of frames that one has voiced and the other not.
  public let voicing: Double
  /// Pearson's correlation of the logarithms over the frames that are voiced in both; nil where there are fewer than
  /// two, or one of the courses is level.
  public let correlation: Double?
  /// The frames that are voiced in both.
  public let voiced: Int

  /// Compares frequencies in Hz, 0 where unvoiced.
  ///
  /// - Throws: `MetricError` for courses of different or no length, and for frequencies below 0 or NaN.
  public init(_ output: [Double], _ target: [Double]) throws {
    guard output.count == target.count, !output.isEmpty else {
      throw MetricError(
        "courses of pitch have \(output.count) and \(target.count) frames; align them, so that they have as many"
      )
    }
    guard (output + target).allSatisfy({ $0.isFinite && $0 >= 0 }) else {
      throw MetricError("a frequency is below 0, NaN or infinite; unvoiced frames are 0")
    }
    let both = zip(output, target).filter { $0 > 0 && $1 > 0 }.map { (log2($0), log2($1)) }
    voiced = both.count
    voicing = Double(zip(output, target).count { ($0 > 0) != ($1 > 0) }) / Double(output.count)
    guard !both.isEmpty else {
      (cents, correlation) = (nil, nil)
      return
    }
    let count = Double(both.count)
    cents = 1200 * (both.reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } / count).squareRoot()
    let (a, b) = (both.reduce(0) { $0 + $1.0 } / count, both.reduce(0) { $0 + $1.1 } / count)
    let covariance = both.reduce(0) { $0 + ($1.0 - a) * ($1.1 - b) }
    let variances =
      both.reduce(0) { $0 + ($1.0 - a) * ($1.0 - a) } * both.reduce(0) { $0 + ($1.1 - b) * ($1.1 - b) }
    correlation = both.count > 1 && variances > 1e-24 ? covariance / variances.squareRoot() : nil
  }
}
