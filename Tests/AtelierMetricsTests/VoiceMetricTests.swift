import AtelierMetrics
import Foundation
import Testing
import Torch

/// Measures of voices against voices.
@Suite struct VoiceMetricTests {
  private func table(_ rows: Int, _ columns: Int, _ value: (Double, Double) -> Double) -> Tensor {
    let values = (0..<rows).flatMap { row in (0..<columns).map { value(Double(row), Double($0)) } }
    return Tensor(HostTensor(values, shape: [rows, columns]))
  }

  @Test func alignmentTakesTheCheapestPath() throws {
    // Worked by hand: down the first column, then along the diagonal.
    let costs = Tensor(HostTensor([0, 9, 9, 1, 8, 9, 2, 1, 9, 9, 9, 3] as [Double], shape: [4, 3]))
    let alignment = try TimeWarping(costs: costs)
    #expect(alignment.path.map(\.first) == [0, 1, 2, 3] && alignment.path.map(\.second) == [0, 0, 1, 2])
    #expect(alignment.cost == 5 && alignment.meanCost == 1.25)
    // Where all costs are equal, the diagonal is taken first.
    let level = try TimeWarping(costs: Tensor(HostTensor([1, 1, 1, 1, 1, 1] as [Double], shape: [2, 3])))
    #expect(level.path.count == 3 && level.cost == 3)
    #expect(throws: MetricError.self) {
      try TimeWarping(costs: Tensor(HostTensor([Double.nan], shape: [1, 1])))
    }
    #expect(throws: MetricError.self) { try TimeWarping(costs: Tensor(HostTensor([1.0]))) }
  }

  @Test func distortionIsNumPys() throws {
    let one = table(12, 7) { sin(0.7 * $0 + 0.9 * $1) + 0.3 * cos(1.3 * $0 * $1) }
    let other = table(12, 9) { sin(0.7 * $0 + 0.7 * $1 + 0.1) + 0.25 * cos(1.1 * $0 * $1) }
    let found = try MelCepstralDistortion(order: 5)(one, other)
    #expect(isClose(found.value, 1.7770167044379526, 1e-12))
    #expect(found.alignment.path.count == 9)
    let run = try MetricRegistry.run(
      "melCepstralDistortion", inputs: ["signal": one, "target": other], parameters: ["order": .number(5)])
    #expect(isClose(run["value"]?.item() ?? 0, found.value))
  }

  @Test func distortionIsTheDifferenceOfEnvelopesInDecibels() throws {
    // A ripple of amplitude a in the logarithms: c_3 differs by a, and the root mean square by a / √2 nepers.
    let (bands, a) = (40, 0.2)
    let plain = table(bands, 6) { 0.1 * $0 + $1 }
    let rippled = table(bands, 6) { 0.1 * $0 + $1 + a * cos(Double.pi * 3 * ($0 + 0.5) / Double(bands)) }
    let value = try MelCepstralDistortion()(rippled, plain).value
    #expect(isClose(value, 20 / log(10) * a / 2.0.squareRoot(), 1e-9))
    // Loudness is no part of it.
    #expect(try MelCepstralDistortion()(plain + 1.5, plain).value < 1e-9)
  }

  @Test func silentFramesAreLeftOutWhereThatIsSaid() throws {
    // The last two frames are 60 dB fainter and of another shape.
    let faint: Double = -60 * log(10.0) / 20
    let sound = table(10, 6) { $1 < 4 ? sin($0 * $1) : faint + 3 * sin(2 * $0) }
    let other = table(10, 6) { $1 < 4 ? sin($0 * $1) : faint - 3 * sin(2 * $0) }
    #expect(try MelCepstralDistortion(order: 6)(sound, other).value > 5)
    #expect(try MelCepstralDistortion(order: 6, silence: 40)(sound, other).value < 1e-9)
    #expect(MelCepstralDistortion(silence: 40).protocolText.contains("within 40.0 dB"))
    #expect(throws: MetricError.self) { try MelCepstralDistortion(order: 10)(sound, other) }
    #expect(throws: MetricError.self) {
      try MelCepstralDistortion(order: 4)(sound, other.narrow(0, from: 0, length: 9))
    }
  }

  /// Harmonics of a fundamental of which the second is the strongest.
  private func tone(_ frequency: Double, rate: Int = 16_000, seconds: Double = 0.3, level: Double = 0.2)
    -> [Double]
  {
    (0..<Int(seconds * Double(rate))).map { sample in
      let phase = 2 * Double.pi * frequency * Double(sample) / Double(rate)
      return level * (0.5 * sin(phase) + sin(2 * phase + 1) + 0.6 * sin(3 * phase + 2))
    }
  }

  @Test(arguments: [70.0, 123.4, 220, 391.7]) func pitchIsThatOfTheFundamental(_ frequency: Double) throws {
    let found = try FundamentalFrequency(sampleRate: 16_000)(Tensor(HostTensor(tone(frequency))))
    #expect(found.count == 31)
    // Away from the ends, within three cents.
    #expect(found[5..<25].allSatisfy { abs(1200 * log2($0 / frequency)) < 3 }, "\(found)")
  }

  @Test func noiseAndSilenceAreUnvoiced() throws {
    let noise = RandomStream(seed: 3).normal([4800]).asType(.float64) * 0.1
    let measure = FundamentalFrequency(sampleRate: 16_000)
    #expect(try measure(noise).allSatisfy { $0 == 0 })
    #expect(try measure(Tensor.zeros([1, 4800])).allSatisfy { $0 == 0 })
    // Half a second of a voice, and then nothing.
    let halves = Tensor(HostTensor(tone(150) + [Double](repeating: 0, count: 4800)))
    let course = try measure(halves)
    #expect(course[5..<25].allSatisfy { $0 > 0 } && course[36...].allSatisfy { $0 == 0 })
    // A tone that is 60 dB fainter than the rest counts as silence.
    let faint = try measure(Tensor(HostTensor(tone(150) + tone(150, level: 0.0002))))
    #expect(faint[5..<25].allSatisfy { $0 > 0 } && faint[36..<55].allSatisfy { $0 == 0 })
    #expect(throws: MetricError.self) { try measure(Tensor.zeros([2, 100])) }
    #expect(throws: MetricError.self) { try measure(Tensor(HostTensor([Double.nan, 0, 0]))) }
    #expect(throws: MetricError.self) { try FundamentalFrequency(sampleRate: 800)(Tensor.zeros([100])) }
  }

  @Test func pitchErrorsAreNumPys() throws {
    let error = try PitchError([100, 0, 120, 150, 0, 200], [110, 0, 120, 140, 90, 0])
    #expect(isClose(error.cents ?? 0, 117.60524346041699, 1e-9))
    #expect(isClose(error.voicing, 1.0 / 3))
    #expect(isClose(error.correlation ?? 0, 0.9948726605459396, 1e-9) && error.voiced == 3)
    // An octave is 1200 cents, whatever the pitch.
    #expect(isClose(try PitchError([200, 300], [100, 150]).cents ?? 0, 1200))
    let none = try PitchError([0, 100], [100, 0])
    #expect(none.cents == nil && none.correlation == nil && none.voicing == 1)
    #expect(throws: MetricError.self) { try PitchError([1], [1, 2]) }
    #expect(throws: MetricError.self) { try PitchError([-1], [1]) }
  }

  @Test func wordErrorsAreCounted() throws {
    // One word of another, one missing, one more.
    let counts = EditCounts(
      of: "oh the cat sad on the mat".split(separator: " "),
      against: "the cat sat on the mat today".split(separator: " "))
    #expect(
      counts.substitutions == 1 && counts.deletions == 1 && counts.insertions == 1 && counts.length == 7)
    #expect(try wordErrorRate(["a b", "c"], references: [["a b"], ["d e"]]).rate == 0.5)
    // More edits than words, and the better of two references.
    #expect(try wordErrorRate(["x y z"], references: [["a"]]).rate == 3)
    #expect(try wordErrorRate(["x y"], references: [["a b", "x z"]]).rate == 0.5)
    #expect(try wordErrorRate(["abc"], references: [["abd"]], characters: true).rate == 1.0 / 3)
    #expect(throws: MetricError.self) { try wordErrorRate(["a"], references: [[" "]]) }
    let run = try MetricRegistry.run("wordErrorRate", texts: ["a b"], references: [["a c"]])
    #expect(run["score"]?.item() == 0.5 && run["substitutions"]?.item() == 1)
  }
}
