internal import Foundation

/// Which windows of a recording hold a voice, by their power alone: those that are near enough to the loudest part.
///
/// It stands where resemblyzer asks WebRTC's voice detector, and is for recordings whose background is much quieter than who speaks.
/// In even noise all windows are voiced and nothing is cut.
public struct EnergyVoiceDetector: Sendable, Hashable {
  /// Samples of a window.
  public var window: Int
  /// How many decibels below the loudest part a voiced window lies at most.
  public var range: Double
  /// Windows whose mean power says what the loudest part is, so that a click does not.
  public var loudest: Int

  /// Windows of 30 ms at 16 kHz, within 30 dB of the loudest 90 ms.
  public init(window: Int = 480, range: Double = 30, loudest: Int = 3) {
    (self.window, self.range, self.loudest) = (window, range, loudest)
  }

  /// A decision for each whole window; none is voiced where all samples are 0.
  public func callAsFunction(_ waveform: [Float]) -> [Bool] {
    let powers = (0..<(waveform.count / window)).map { place in
      waveform[(place * window)..<((place + 1) * window)].reduce(0) { $0 + Double($1) * Double($1) }
    }
    let count = min(loudest, powers.count)
    guard count > 0 else { return [] }
    let level =
      (0...(powers.count - count)).map { powers[$0..<($0 + count)].reduce(0, +) / Double(count) }.max() ?? 0
    let least = level * pow(10, -range / 10)
    return powers.map { $0 > 0 && $0 >= least }
  }
}

extension SilenceTrimming {
  /// A waveform of 16 kHz without the windows in which the detector hears no voice; the waveform itself where less than
  /// `shortest` samples would be left.
  public func callAsFunction(
    _ waveform: [Float], by detector: EnergyVoiceDetector, shortest: Int = 1
  ) -> [Float] {
    var detector = detector
    detector.window = window
    let made = self(waveform, voiced: detector(waveform))
    return made.count >= max(1, shortest) ? made : waveform
  }
}
