import AtelierMedia
import Foundation
import Testing

/// The inaudible mark of drawn sounds.
@Suite struct SoundMarkTests {
  private let codec = AudioCodec()

  /// Something like speech: a gliding pitch with harmonics, formants that move, syllables, and noise between them.
  private func voice(
    seconds: Double = 3.2, rate: Int = 16_000, number: Int = 1, channels: Int = 1
  ) -> Audio {
    var state = UInt64(number) &* 77
    var phase = 0.0
    let frames = Int(seconds * Double(rate))
    let samples = (0..<frames).map { frame -> Float in
      let time = Double(frame) / Double(rate)
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let noise = Double(state >> 40) / Double(1 << 24) - 0.5
      let pitch = 130 + 25 * sin(2.1 * time + Double(number)) + 8 * sin(9 * time)
      phase += 2 * .pi * pitch / Double(rate)
      var sum = 0.0
      for (place, formant) in [(500, 240.0), (1500, 500.0), (2600, 350.0)].enumerated() {
        let centre = Double(formant.0) + formant.1 * sin((3 + Double(place)) * time + Double(number))
        for harmonic in stride(from: 1, to: 30, by: 2) {
          let distance = (Double(harmonic) * pitch - centre) / 180
          if abs(distance) < 3 {
            sum += exp(-distance * distance) * sin(Double(harmonic) * phase + Double(place))
          }
        }
      }
      let syllable = max(0.02, sin(4.4 * .pi * time + Double(number)))
      return Float(0.12 * syllable * sum + 0.06 * noise * (1.05 - syllable))
    }
    return Audio(
      sampleRate: rate, channels: channels, samples: (0..<channels).flatMap { _ in samples })
  }

  private func ratio(_ one: Audio, _ other: Audio) -> Double {
    let error = zip(one.samples, other.samples).reduce(0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }
    return 10 * log10(one.samples.reduce(0) { $0 + Double($1 * $1) } / error)
  }

  private func found(_ sound: Audio) -> Bool { InvisibleMark.find(in: sound).isFound }

  @Test func outlivesWhatItIsMadeFor() throws {
    let sound = voice()
    let (marked, outcome) = InvisibleMark.marked(sound)
    #expect(outcome == .marked)
    #expect(marked.frames == sound.frames && ratio(sound, marked) > 20)
    #expect(found(marked) && !found(sound))
    // 16 bits, a lossy coder, ends cut off at no multiple of anything, and another rate.
    #expect(found(try codec.decode(try codec.encode(marked, as: .wav))))
    #expect(
      found(try codec.decode(try codec.encode(marked, as: .ogg, encoding: .vorbis, quality: 0.4))))
    #expect(found(try marked.cropped(3333..<(marked.frames - 1111))))
    #expect(found(try marked.resampled(to: 44_100).resampled(to: 16_000)))
  }

  @Test func highRatesAndChannelsStayWhatTheyAre() throws {
    let sound = voice(rate: 22_050, channels: 2)
    let (marked, outcome) = InvisibleMark.marked(sound)
    #expect(outcome == .marked && marked.sampleRate == 22_050 && marked.channels == 2)
    #expect(marked.channel(0) == marked.channel(1))
    #expect(found(try marked.resampled(to: 16_000).resampled(to: 22_050)))
  }

  @Test func theSameSoundGivesTheSameSamples() {
    #expect(InvisibleMark.marked(voice()).sound == InvisibleMark.marked(voice()).sound)
  }

  @Test func whatCannotCarryItStaysAndSaysWhy() {
    let short = voice(seconds: 0.9)
    #expect(InvisibleMark.marked(short).sound == short)
    #expect(InvisibleMark.marked(short).outcome == .unmarked("it is shorter than 1 s"))
    let silent = Audio(sampleRate: 16_000, samples: [Float](repeating: 0, count: 40_000))
    #expect(InvisibleMark.marked(silent).outcome == .unmarked("it is silent"))
    #expect(InvisibleMark.find(in: silent).score == 0)
    let low = Audio(sampleRate: 4000, samples: [Float](repeating: 0.1, count: 9000))
    #expect(InvisibleMark.marked(low).outcome == .unmarked("its sample rate is below 8000 Hz"))
  }

  @Test func soundsWithoutItAreNotTakenForMarked() {
    for number in 2..<12 { #expect(!found(voice(seconds: 2, number: number))) }
    #expect(!found(Audio(sampleRate: 8000, samples: [0.5])))
    #expect(!found(Audio(sampleRate: 16_000, samples: [Float](repeating: .nan, count: 100))))
  }

  @Test func silenceStaysSilent() {
    let sound = voice(seconds: 1.5)
    let framed = Audio(
      sampleRate: 16_000,
      samples: [Float](repeating: 0, count: 8000) + sound.samples + [Float](repeating: 0, count: 8000))
    let marked = InvisibleMark.marked(framed).sound
    // Half a frame of 32 ms reaches beyond where the sound begins and ends.
    #expect(marked.samples.prefix(8000 - 512).allSatisfy { abs($0) < 1e-6 })
    #expect(marked.samples.suffix(8000 - 512).allSatisfy { abs($0) < 1e-6 })
  }
}
