import AtelierMedia
import Foundation
import Testing

struct AudioTests {
  /// The amplitude of a sine of the given frequency in a sound, away from both ends.
  func amplitude(of frequency: Double, in audio: Audio) -> Double {
    let range = (audio.frames / 4)..<(audio.frames / 4 + audio.frames / 2)
    var (real, imaginary) = (0.0, 0.0)
    for frame in range {
      let angle = 2 * Double.pi * frequency * Double(frame) / Double(audio.sampleRate)
      real += Double(audio.samples[frame]) * cos(angle)
      imaginary += Double(audio.samples[frame]) * sin(angle)
    }
    return 2 * (real * real + imaginary * imaginary).squareRoot() / Double(range.count)
  }

  // MARK: The value

  @Test func aMixSaysWhatItLoses() throws {
    let tone = (0..<1000).map { Float(sin(Double($0) * 0.3) * 0.5) }
    func levels(_ other: [Float]) -> MixLevels {
      var levels = MixLevels()
      // In two parts, as files are read.
      for part in [0..<400, 400..<1000] {
        levels.add(Audio(sampleRate: 8000, channels: 2, samples: Array(tone[part]) + Array(other[part])))
      }
      return levels
    }
    let same = levels(tone)
    #expect(abs(try #require(same.loss)) < 1e-3 && !same.isCancelled)
    #expect(same.sentence("a.wav") == "The 2 channels of a.wav are mixed into one.")
    let opposite = levels(tone.map { -$0 })
    #expect(abs(try #require(opposite.loss) - 120) < 1e-6 && opposite.isCancelled)
    #expect(opposite.sentence("a.wav")?.contains("cancel each other: it lies 120 dB below them") == true)
    // One channel that is silent costs 3 dB, and is no cancellation.
    let half = levels([Float](repeating: 0, count: 1000))
    #expect(abs(try #require(half.loss) - 3.01) < 0.01 && !half.isCancelled)
    var single = MixLevels()
    single.add(Audio(sampleRate: 8000, samples: tone))
    #expect(single.sentence("a.wav") == nil && single.loss == nil)
  }

  @Test func samplesHaveTheShapeOfATensor() throws {
    let audio = Audio(sampleRate: 10, channels: 2, interleaved: [1, 2, 3, 4, 5, 6])
    #expect(audio.samples == [1, 3, 5, 2, 4, 6])
    #expect(audio.interleaved == [1, 2, 3, 4, 5, 6])
    #expect(audio.frames == 3 && audio.duration == 0.3)
    #expect(audio[channel: 1, frame: 2] == 6)
    #expect(audio.channel(1).samples == [2, 4, 6])
    #expect(audio.mono().samples == [1.5, 3.5, 5.5])
    #expect(try audio.cropped(1..<3).samples == [3, 5, 4, 6])
    #expect(try audio.cropped(0..<1).joined(with: audio.cropped(1..<3)) == audio)
    #expect(throws: AudioError.self) { try audio.cropped(2..<4) }
    #expect(throws: AudioError.self) { try audio.joined(with: audio.mono()) }
  }

  // MARK: Resampling

  @Test(arguments: ResamplingQuality.allCases)
  func resamplingKeepsFrequencyAmplitudeAndPhase(quality: ResamplingQuality) throws {
    let source = SoundFiles.sine(1000, rate: 48_000, frames: 24_000, channels: 2)
    let result = try source.resampled(to: 16_000, quality: quality)
    #expect(result.sampleRate == 16_000 && result.frames == 8000 && result.channels == 2)
    let expected = SoundFiles.sine(1000, rate: 16_000, frames: 8000, channels: 2)
    // The filter reaches beyond the ends, where there is silence.
    for frame in 500..<7500 {
      #expect(abs(result[channel: 0, frame: frame] - expected[channel: 0, frame: frame]) < 1e-4)
      #expect(abs(result[channel: 1, frame: frame] - expected[channel: 1, frame: frame]) < 1e-4)
    }
    #expect(abs(amplitude(of: 1000, in: result.channel(0)) - 0.5) < 1e-5)
  }

  @Test func whatTheLowerRateCannotHoldIsRemoved() throws {
    let source = SoundFiles.sine(10_000, rate: 48_000, frames: 24_000)
    let result = try source.resampled(to: 16_000)
    // Sampled without a filter it would come back at 6 kHz.
    #expect(amplitude(of: 6000, in: result) < 1e-5)
    #expect(try result.cropped(500..<7500).peak < 1e-5)
  }

  @Test func lengthsAreRoundedUp() throws {
    let cases = [
      (44_100, 48_000, 1000, 1089), (48_000, 44_100, 1000, 919), (8000, 16_000, 7, 14), (16_000, 8000, 7, 4),
      (8000, 8000, 5, 5), (44_100, 16_000, 1, 1), (22_050, 16_000, 0, 0),
    ]
    for (from, to, frames, expected) in cases {
      let source = Audio(sampleRate: from, samples: [Float](repeating: 0.25, count: frames))
      let result = try source.resampled(to: to)
      #expect(result.frames == expected)
      let isFinite = result.samples.allSatisfy { $0.isFinite }
      #expect(isFinite)
    }
  }

  @Test func absurdRatesAreRefused() {
    let source = SoundFiles.sine(10, rate: 48_000, frames: 100)
    for rate in [0, -1, 100, 48_000 * 300, .max] {
      #expect(throws: AudioError.self) { try source.resampled(to: rate) }
    }
  }

  // MARK: Levels

  @Test func levelsOfASineAreThoseOfItsFormula() {
    let source = SoundFiles.sine(100, rate: 8000, frames: 8000, amplitude: 0.8)
    let shifted = Audio(sampleRate: 8000, samples: source.samples.map { $0 + 0.1 })
    let levels = shifted.levels()
    #expect(abs(levels.peak - 0.9) < 1e-5)
    // The mean square of a sine is half its amplitude squared.
    #expect(abs(levels.rms - Float((0.32 + 0.01).squareRoot())) < 1e-5)
    #expect(abs(levels.dcOffset[0] - 0.1) < 1e-5)
    #expect(levels.clippedSamples == 0 && levels.nonFiniteSamples == 0 && levels.silentFraction == 0)
    #expect(source.peak > 0.799 && abs(source.rms - 0.8 / Float(2).squareRoot()) < 1e-5)
  }

  @Test func clippingIsThreeSamplesOrMore() {
    func clipped(_ samples: [Float]) -> Int {
      Audio(sampleRate: 8000, samples: samples).levels().clippedSamples
    }
    #expect(clipped([0, 1, 1, 0, -1, 0]) == 0)
    #expect(clipped([0, 1, 1, 1, 0]) == 3)
    #expect(clipped([-1, -1, -1, -1, 0, 32767 / 32768, 1.5, 1]) == 7)
    #expect(clipped([1, 1, .nan, 1]) == 0)
  }

  @Test func silenceIsMeasuredInWindows() {
    // 20 ms are 20 frames: 5 silent windows, 3 loud, 2 silent.
    let samples =
      [Float](repeating: 0, count: 100) + [Float](repeating: 0.5, count: 60)
      + [Float](repeating: 0.0005, count: 40)
    let levels = Audio(sampleRate: 1000, samples: samples).levels()
    #expect(abs(levels.silentFraction - 0.7) < 1e-12)
    #expect(abs(levels.leadingSilence - 0.1) < 1e-12 && abs(levels.trailingSilence - 0.04) < 1e-12)
    // -66 dB are sound to a threshold of -70.
    #expect(Audio(sampleRate: 1000, samples: samples).levels(silenceThreshold: -70).trailingSilence == 0)
    let silent = Audio(sampleRate: 1000, samples: [0, 0, 0]).levels()
    #expect(silent.silentFraction == 1 && silent.leadingSilence == 0.003 && silent.trailingSilence == 0.003)
    #expect(Audio(sampleRate: 1000, samples: []).levels().peak == 0)
  }

  @Test func measuringInWindowsGivesTheSame() throws {
    let source = SoundFiles.levels(bits: 16, rate: 1000, count: 2000)
    var meter = AudioMeter(sampleRate: 1000, channels: 2)
    var start = 0
    while start < 1000 {
      let end = min(1000, start + 37)
      meter.add(try source.cropped(start..<end))
      start = end
    }
    let (pieces, whole) = (meter.levels, source.levels())
    #expect(
      pieces.frames == 1000 && pieces.peak == whole.peak && pieces.clippedSamples == whole.clippedSamples)
    #expect(abs(pieces.rms - whole.rms) < 1e-6)
    #expect(pieces.silentFraction == whole.silentFraction && pieces.leadingSilence == whole.leadingSilence)
  }

  // MARK: Spectrograms

  @Test func aSineIsALineAtItsFrequency() throws {
    let source = SoundFiles.sine(2000, rate: 16_000, frames: 8000, amplitude: 1)
    let image = try source.spectrogramImage(width: 20, height: 80)
    #expect(image.width == 20 && image.height == 80 && image.channels == 3)
    let grey = image.grey()
    // 2 of 8 kHz are a quarter of the height from the bottom; a row has 100 Hz.
    for column in 2..<18 {
      let lightest = (0..<80).max { grey[x: column, y: $0, channel: 0] < grey[x: column, y: $1, channel: 0] }
      #expect(lightest == 79 - 20 || lightest == 79 - 19)
      #expect(grey[x: column, y: lightest ?? 0, channel: 0] > 220)
      #expect(grey[x: column, y: 5, channel: 0] < 30)
    }
    let mel = try source.spectrogramImage(width: 20, height: 80, scale: .mel).grey()
    // mel(2000) / mel(8000) = 1521.36 / 2840.02 = 0.5357.
    let lightest = (0..<80).max { mel[x: 10, y: $0, channel: 0] < mel[x: 10, y: $1, channel: 0] } ?? 0
    #expect(abs(lightest - (79 - 42)) <= 1)
  }

  @Test func silenceIsBlackAndAbsurdSizesAreRefused() throws {
    let silence = Audio(sampleRate: 8000, samples: [Float](repeating: 0, count: 100))
    #expect(try silence.spectrogramImage(width: 3, height: 200).bytes.allSatisfy { $0 == 0 })
    #expect(throws: AudioError.self) { try silence.spectrogramImage(width: 0, height: 5) }
    #expect(throws: AudioError.self) { try silence.spectrogramImage(width: 5, height: 1 << 20) }
    #expect(throws: AudioError.self) {
      try Audio(sampleRate: 8000, samples: []).spectrogramImage(width: 5, height: 5)
    }
  }
}
