internal import Foundation

/// The parts of an utterance that a speaker encoder reads one by one, as resemblyzer 0.1.4 cuts them.
public struct SpeechPieces: Sendable, Hashable {
  /// Samples from one frame of the encoder's spectrogram to the next.
  public var hop: Int
  /// Frames of a piece.
  public var frames: Int
  /// Samples a second.
  public var sampleRate: Int
  /// Pieces a second.
  public var rate: Double
  /// The least share of the last piece that the utterance covers; a shorter rest is left out where there are other pieces.
  public var minimumCoverage: Double

  /// Pieces of 1.6 s, 1.3 a second, of which the last is covered by three quarters.
  public init(
    hop: Int = 160, frames: Int = 160, sampleRate: Int = 16_000, rate: Double = 1.3,
    minimumCoverage: Double = 0.75
  ) {
    (self.hop, self.frames, self.sampleRate) = (hop, frames, sampleRate)
    (self.rate, self.minimumCoverage) = (rate, minimumCoverage)
  }

  /// Frames from one piece to the next, at least 1.
  public var step: Int {
    max(1, Int((Double(sampleRate) / rate / Double(hop)).rounded(.toNearestOrEven)))
  }

  /// The frames of each piece of so many samples; the last may end behind them.
  public func callAsFunction(samples: Int) -> [Range<Int>] {
    let available = samples / hop + 1
    let last = max(1, available - frames + step + 1)
    var pieces = stride(from: 0, to: last, by: step).map { $0..<($0 + frames) }
    let covered = Double(samples - (pieces.last?.lowerBound ?? 0) * hop) / Double(frames * hop)
    if covered < minimumCoverage, pieces.count > 1 { pieces.removeLast() }
    return pieces
  }
}

/// A waveform at another volume, by its root mean square in decibels of full scale.
///
/// - Parameters:
///   - onlyRaises: whether a waveform that is louder than `decibels` stays as it is.
/// - Returns: the waveform itself where it is silent.
public func normalizedVolume(
  _ waveform: [Double], toDecibels decibels: Double = -30, onlyRaises: Bool = true
) -> [Double] {
  let power = waveform.reduce(0) { $0 + $1 * $1 } / Double(max(1, waveform.count))
  guard power > 0 else { return waveform }
  let change = decibels - 10 * log10(power)
  guard change > 0 || !onlyRaises else { return waveform }
  let factor = pow(10, change / 20)
  return waveform.map { $0 * factor }
}

/// How windows that a voice detector called silent are cut out of speech, as resemblyzer 0.1.4 does it.
public struct SilenceTrimming: Sendable, Hashable {
  /// Samples of a window.
  public var window: Int
  /// Windows of the moving average over the detector's decisions.
  public var smoothing: Int
  /// Windows of silence that are kept beside speech: half of them on each side.
  public var keptSilence: Int

  /// Windows of 30 ms at 16 kHz, an average over 8 of them, 6 kept.
  public init(window: Int = 480, smoothing: Int = 8, keptSilence: Int = 6) {
    (self.window, self.smoothing, self.keptSilence) = (window, smoothing, keptSilence)
  }

  /// Which windows stay, of which are voiced.
  public func kept(_ voiced: [Bool]) -> [Bool] {
    let before = (smoothing - 1) / 2
    let smooth = voiced.indices.map { index in
      let range = max(0, index - before)..<min(voiced.count, index - before + smoothing)
      let share = Double(voiced[range].count { $0 }) / Double(smoothing)
      // Half of the windows is not enough: numpy rounds halves to the even number, which is 0.
      return share.rounded(.toNearestOrEven) > 0
    }
    let reach = keptSilence / 2
    return smooth.indices.map { index in
      smooth[max(0, index - reach)...min(smooth.count - 1, index + reach)].contains(true)
    }
  }

  /// A waveform without its silent windows; what is left at the end of the last whole window is cut off.
  ///
  /// - Parameter voiced: the detector's decision for each whole window; missing ones count as silence.
  public func callAsFunction(_ waveform: [Float], voiced: [Bool]) -> [Float] {
    let windows = waveform.count / window
    let decisions =
      Array(voiced.prefix(windows)) + [Bool](repeating: false, count: max(0, windows - voiced.count))
    let kept = kept(decisions)
    return kept.indices.filter { kept[$0] }.flatMap { waveform[($0 * window)..<(($0 + 1) * window)] }
  }
}
