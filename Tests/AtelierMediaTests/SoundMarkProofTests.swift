import AtelierMedia
import Foundation
import Testing

/// How often the inaudible mark is found, and how often where there is none, on real sounds; the numbers of
/// `Documentation/invisible-mark.md`.
///
///     ATELIER_PROOF=1 ATELIER_SOUNDS=/a/folder/of/sounds swift test -c release --filter SoundMarkProof
@Suite(
  .enabled(
    if: ProcessInfo.processInfo.environment["ATELIER_PROOF"] != nil
      && ProcessInfo.processInfo.environment["ATELIER_SOUNDS"] != nil,
    "ATELIER_PROOF and ATELIER_SOUNDS, a folder of sounds, are not set")) struct SoundMarkProofTests
{
  private static let codec = AudioCodec()

  /// What may happen to a sound.
  private static var changes: [(name: String, change: (Audio) throws -> Audio)] {
    [
      ("as it is, 16 bits", { try codec.decode(try codec.encode($0, as: .wav)) }),
      ("Vorbis", { try codec.decode(try codec.encode($0, as: .ogg, encoding: .vorbis, quality: 0.4)) }),
      ("16 kHz and back", { try $0.resampled(to: 16_000).resampled(to: $0.sampleRate) }),
      ("a tenth cut off", { try $0.cropped(($0.frames / 20 + 77)..<($0.frames - $0.frames / 20)) }),
    ]
  }

  @Test func theMarkIsFoundAndNothingElse() throws {
    let environment = ProcessInfo.processInfo.environment
    let folder = URL(fileURLWithPath: environment["ATELIER_SOUNDS"] ?? "")
    let names = try FileManager.default.subpathsOfDirectory(atPath: folder.path).sorted()
    var (count, weak, falseAlarms, highest) = (0, 0, 0, 0.0)
    var found = Self.changes.map { _ in 0 }
    var ratios: [Double] = []
    for name in names where AudioFormat(fileExtension: (name as NSString).pathExtension) != nil {
      guard let sound = try? Self.codec.decode(folder.appendingPathComponent(name)) else { continue }
      let plain = InvisibleMark.find(in: sound)
      falseAlarms += plain.isFound ? 1 : 0
      highest = max(highest, plain.score)
      let (marked, outcome) = InvisibleMark.marked(sound)
      if case .unmarked = outcome { continue }
      count += 1
      weak += outcome == .weak ? 1 : 0
      let error = zip(sound.samples, marked.samples).reduce(0) {
        $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1))
      }
      ratios.append(10 * log10(sound.samples.reduce(0) { $0 + Double($1 * $1) } / max(error, 1e-20)))
      for (place, change) in Self.changes.enumerated() {
        if InvisibleMark.find(in: try change.change(marked)).isFound { found[place] += 1 }
      }
    }
    try #require(count > 0, "no sound of a second or more")
    ratios.sort()
    print("\(count) sounds, \(weak) of them too short or quiet to last")
    print("false alarms: \(falseAlarms), highest score \(highest)")
    print("SNR: median \(ratios[count / 2]), lowest twentieth \(ratios[count / 20]), lowest \(ratios[0])")
    for (change, count) in zip(Self.changes, found) { print("found \(change.name): \(count)") }
    #expect(falseAlarms == 0)
    for (place, change) in Self.changes.enumerated() {
      #expect(Double(found[place]) >= 0.99 * Double(count - weak), "\(change.name)")
    }
  }
}
