import Foundation
import Perception
import Testing
import Torch

@Suite struct SpectrogramInversionTests {
  private func filters(_ bands: Int = 20) -> MelFilterBank {
    MelFilterBank(sampleRate: 8000, transformSize: 256, bands: bands)
  }

  @Test func aSpectrumOfGivenSumsIsFound() {
    let filters = filters()
    let spectrum = RandomStream(seed: 1).uniform([2, 129, 7]) + 0.1
    let weights = filters.weights.asType(.float32)
    let sums = weights.matmul(spectrum)
    let found = filters.spectrum(ofSums: sums)
    #expect(found.shape == [2, 129, 7] && found.min().item() >= 0)
    #expect(((weights.matmul(found) - sums).abs() / sums).max().item() < 1e-3)
  }

  @Test func aPeakOfOneBinKeepsItsPlace() {
    // Least squares without bounds would need negative magnitudes beside it.
    let filters = filters()
    let weights = filters.weights.asType(.float32)
    let spectrum = Tensor([40]).oneHot(129).asType(.float32).reshaped([1, 129, 1])
    let found = filters.spectrum(ofSums: weights.matmul(spectrum), iterations: 400)
    #expect(found.min().item() >= 0)
    #expect((weights.matmul(found) - weights.matmul(spectrum)).abs().max().item() < 1e-5)
    let around = found.narrow(1, from: 34, length: 13).sum().item()
    #expect(around > 0.9 * found.sum().item())
  }

  @Test func filtersWithoutABinAreNoTrouble() {
    // 200 bands of 129 bins leave some without any.
    let filters = filters(200)
    let weights = filters.weights.asType(.float32)
    #expect(weights.sum(dims: [1]).min().item() == 0)
    let found = filters.spectrum(ofSums: weights.matmul(Tensor.ones([1, 129, 2])))
    #expect(found.isFinite())
  }

  @Test(arguments: [
    MelSpectrogram.hifiGAN(sampleRate: 8000, transformSize: 256, hop: 64, bands: 40, highest: nil),
    MelSpectrogram.starGAN(sampleRate: 8000, transformSize: 256, hop: 64, bands: 40, lowest: 0, highest: nil),
    MelSpectrogram.speakerEncoder,
  ])
  func magnitudesHaveTheSpectrogramTheyCameFrom(_ mel: MelSpectrogram) throws {
    let size = mel.filters.transformSize
    let signal = RandomStream(seed: 3).normal([1, 4 * size]) * 0.1
    let wanted = try mel(signal)
    let magnitudes = mel.magnitudes(of: wanted)
    #expect(magnitudes.shape == [1, size / 2 + 1, wanted.shape[2]])
    let strengths = mel.strength == .power ? magnitudes.square() : magnitudes
    let sums = mel.filters.weights.asType(.float32).matmul(strengths)
    let expected = mel.expanded(wanted)
    #expect(((sums - expected).abs().mean() / expected.mean()).item() < 1e-2)
  }

  @Test func aToneComesBackFromItsSpectrogram() throws {
    let samples = (0..<2048).map { Float(0.5 * sin(2 * Double.pi * 500 / 8000 * Double($0))) }
    let tone = Tensor(samples, shape: [1, 2048])
    for mel in [
      MelSpectrogram.hifiGAN(sampleRate: 8000, transformSize: 256, hop: 64, bands: 60, highest: nil),
      MelSpectrogram.starGAN(
        sampleRate: 8000, transformSize: 256, hop: 64, bands: 60, lowest: 0, highest: nil),
    ] {
      let wanted = try mel(tone)
      let phase = RandomStream(seed: 5).uniform([1, 129, wanted.shape[2]])
      let signal = mel.signal(of: wanted, phase: phase)
      #expect(signal.shape == [1, 2048])
      // Away from the ends, where the mirror image is not what Griffin-Lim supposes.
      let (one, other) = try (mel.expanded(mel(signal)), mel.expanded(wanted))
      let middle = wanted.shape[2] - 8
      let error = (one - other).narrow(2, from: 4, length: middle).abs().mean().item()
      #expect(error < 0.1 * other.narrow(2, from: 4, length: middle).mean().item())
    }
  }
}

@Suite struct SpectrogramTests {
  @Test func framesOfALongSoundAreThoseOfItsExcerpts() throws {
    let mel = MelSpectrogram(
      MelFilterBank(sampleRate: 8000, transformSize: 16, bands: 3), hop: 4, padding: .centredZeros,
      strength: .power, compression: .none)
    let signal = RandomStream(seed: 6).normal([1, 20_000])
    let whole = try mel(signal)
    #expect(whole.shape == [1, 3, 5001])
    // Frames on both sides of the place where the computation begins anew.
    let excerpt = try mel(signal.narrow(1, from: 4 * 4080, length: 4 * 32))
    let difference = whole.narrow(2, from: 4085, length: 20) - excerpt.narrow(2, from: 5, length: 20)
    #expect(difference.abs().max().item() < 1e-5)
  }

  @Test func aSoundThatIsTooShortIsRefused() throws {
    let mel = MelSpectrogram.hifiGAN()
    #expect(mel.shortestSound == 385)
    #expect(throws: PerceptionError.shortSound(samples: 384, needed: 385)) { try mel(.zeros([1, 384])) }
    #expect(try mel(.zeros([1, 512])).shape == [1, 80, 2])
  }
}

@Suite struct SpeakerStatisticsTests {
  @Test func unvoicedFramesStaySilent() throws {
    let source = try #require(PitchStatistics([0, 100, 100 * exp(0.2), 0]))
    #expect(abs(source.mean - (log(100) + 0.1)) < 1e-12 && abs(source.deviation - 0.1) < 1e-12)
    let target = PitchStatistics(mean: log(200), deviation: 0.2)
    let converted = source.converted([0, 100, 0, 100 * exp(0.1)], to: target)
    #expect(converted[0] == 0 && converted[2] == 0)
    #expect(abs(converted[1] - 200 * exp(-0.2)) < 1e-9 && abs(converted[3] - 200) < 1e-9)
    #expect(PitchStatistics([0, 0]) == nil)
    // A speaker of one pitch has nothing to spread.
    let monotone = try #require(PitchStatistics([120, 120]))
    #expect(monotone.converted([120], to: target).allSatisfy { abs($0 - 200) < 1e-9 })
  }

  @Test func framesOfMeanZeroComeBack() {
    let frames = Tensor(HostTensor([1, 10, 3, 10, 5, 40] as [Double], shape: [3, 2]))
    let statistics = FrameStatistics(frames)
    #expect(statistics.mean.doubles() == [3, 20])
    #expect(abs(statistics.deviation.doubles()[0] - (8.0 / 3).squareRoot()) < 1e-12)
    let back = statistics.restored(statistics.normalized(frames))
    #expect((back - frames).abs().max().item() < 1e-12)
  }

  @Test func framesArePaddedOnBothSides() {
    let x = Tensor([1, 2, 3, 4, 5] as [Float], shape: [1, 5])
    #expect(framesPadded(x, toMultipleOf: 4).floats() == [0, 1, 2, 3, 4, 5, 0, 0])
    #expect(framesPadded(x, toMultipleOf: 5).floats() == [1, 2, 3, 4, 5])
  }
}

@Suite struct SpeechPieceTests {
  @Test func quietSpeechIsRaisedAndLoudSpeechIsNot() {
    let quiet = normalizedVolume([0.001, -0.001])
    #expect(abs(quiet[0] - pow(10, -1.5)) < 1e-12)
    #expect(normalizedVolume([0.5, -0.5]) == [0.5, -0.5])
    #expect(abs(normalizedVolume([0.5, -0.5], onlyRaises: false)[0] - pow(10, -1.5)) < 1e-12)
    #expect(normalizedVolume([0, 0]) == [0, 0])
  }

  @Test func silenceBesideSpeechIsKept() {
    let trimming = SilenceTrimming(window: 2, smoothing: 1, keptSilence: 2)
    #expect(trimming.kept([false, false, true, false, false]) == [false, true, true, true, false])
    let waveform = (0..<11).map(Float.init)
    #expect(trimming(waveform, voiced: [false, false, true, false, false]) == [2, 3, 4, 5, 6, 7])
    #expect(trimming([], voiced: []).isEmpty)
  }

  @Test func halfOfTheWindowsIsNotEnough() {
    var voiced = [Bool](repeating: false, count: 20)
    for index in 8..<12 { voiced[index] = true }
    #expect(!SilenceTrimming().kept(voiced).contains(true))
    voiced[12] = true
    #expect(SilenceTrimming().kept(voiced).contains(true))
  }

  @Test func windowsFarBelowTheLoudestPartHoldNoVoice() {
    let detector = EnergyVoiceDetector(window: 2, range: 20, loudest: 2)
    // The mean power of the loudest pair of windows is 1, a hundredth of which is 20 dB below.
    let waveform: [Float] = [1, 1, 1, -1, 0.11, 0.11, 0.09, 0.09, 0, 0, 1]
    #expect(detector(waveform) == [true, true, true, false, false])
    #expect(detector([0.5]).isEmpty && detector([0, 0, 0, 0]) == [false, false])
    // A click is no louder part than its share of the windows around.
    let click: [Float] = [0.1, 0.1, 0.1, 0.1, 1, 0, 0.1, 0.1]
    #expect(detector(click) == [true, true, true, true])
  }

  @Test func longSilencesAreCutAndPausesStay() {
    let trimming = SilenceTrimming()
    func tone(_ windows: Int, _ strength: Float) -> [Float] {
      (0..<(windows * 480)).map { strength * Float(sin(Double($0) * 0.3)) }
    }
    // Windows of the averages reach 3 before and 4 behind, and 5 voiced ones are the least: the speech, less one window on one side.
    // Three more windows stay on each side.
    let long = tone(40, 0.001) + tone(20, 0.5) + tone(40, 0.001)
    let made = trimming(long, by: EnergyVoiceDetector())
    let kept = trimming.kept(EnergyVoiceDetector()(long))
    #expect(kept.count { $0 } == made.count / 480 && (24...28).contains(made.count / 480))
    #expect(kept[40..<60].allSatisfy(\.self) && !kept[0..<35].contains(true) && !kept[65...].contains(true))
    // A pause of four windows is no long silence, and even sound has none.
    let pause = tone(20, 0.5) + tone(4, 0.001) + tone(20, 0.5)
    #expect(trimming(pause, by: EnergyVoiceDetector()) == pause)
    #expect(trimming(tone(30, 0.1), by: EnergyVoiceDetector()).count == 30 * 480)
    // Nothing but a click would be nothing at all.
    let click = tone(30, 0.0001) + tone(1, 0.5) + tone(30, 0.0001)
    #expect(trimming(click, by: EnergyVoiceDetector()) == click)
    #expect(trimming(long, by: EnergyVoiceDetector(), shortest: 100_000) == long)
  }

  @Test func aShortSoundIsOnePiece() {
    let pieces = SpeechPieces()
    #expect(pieces.step == 77)
    #expect(pieces(samples: 0) == [0..<160] && pieces(samples: 25_600) == [0..<160])
    #expect(pieces(samples: 36_500) == [0..<160, 77..<237])
  }
}
