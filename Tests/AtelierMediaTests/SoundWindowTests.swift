import AtelierMedia
import Foundation
import Testing

struct SoundWindowTests {
  private let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
    "sound-windows-\(UUID().uuidString)")

  private func sound(frames: Int, rate: Int, channels: Int) -> Audio {
    var samples: [Float] = []
    for channel in 1...channels {
      for frame in 0..<frames {
        let time = Double(frame)
        samples.append(Float(0.4 * sin(time * Double(channel) * 0.05) + 0.2 * sin(time * 0.71)))
      }
    }
    return Audio(sampleRate: rate, channels: channels, samples: samples)
  }

  @Test(arguments: [(44_100, 16_000), (16_000, 44_100), (8000, 16_000), (22_050, 22_050), (48_000, 16_000)])
  func windowsAreThoseOfTheWholeResampledSound(from: Int, to: Int) throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let file = folder.appendingPathComponent("long.wav")
    let whole = sound(frames: 300_001, rate: from, channels: 2)
    try whole.write(to: file, encoding: .float32)
    let expected = try whole.resampled(to: to)
    let reader = try ResampledReader(file, sampleRate: to)
    var made = [[Float](), [Float]()]
    while let window = try reader.read(frames: 12_345) {
      for channel in 0..<2 { made[channel] += window.channel(channel).samples }
    }
    #expect(made[0].count == expected.frames)
    for channel in 0..<2 {
      let largest = zip(made[channel], expected.channel(channel).samples).map { abs($0 - $1) }.max() ?? 1
      #expect(largest < 2e-6)
    }
  }

  @Test(arguments: ["wav", "flac", "ogg", "aiff"])
  func aFileWrittenInWindowsEqualsOneWrittenAtOnce(format: String) throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let whole = sound(frames: 30_000, rate: 16_000, channels: 2)
    let (one, other) = (
      folder.appendingPathComponent("one.\(format)"), folder.appendingPathComponent("other.\(format)")
    )
    let tags: [AudioTag: String] = [.comment: "AI-generated"]
    try whole.write(to: one, tags: tags)
    let writer = try AudioWriter(other, sampleRate: 16_000, channels: 2, tags: tags)
    for start in stride(from: 0, to: 30_000, by: 7000) {
      try writer.write(whole.cropped(start..<min(30_000, start + 7000)))
    }
    #expect(!FileManager.default.fileExists(atPath: other.path))
    try writer.finish()
    let (first, second) = (try Audio(contentsOf: one), try Audio(contentsOf: other))
    #expect(first == second)
    #expect(try AudioCodec().information(of: other).tags[.comment] == "AI-generated")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).count == 2)
  }

  @Test func anUnfinishedFileLeavesNothing() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    func begin() throws {
      let writer = try AudioWriter(
        folder.appendingPathComponent("a.wav"), sampleRate: 8000, channels: 1)
      try writer.write(sound(frames: 100, rate: 8000, channels: 1))
      #expect(throws: AudioError.self) { try writer.write(sound(frames: 100, rate: 16_000, channels: 1)) }
      #expect(throws: AudioError.self) {
        try writer.write(Audio(sampleRate: 8000, samples: [Float.nan]))
      }
    }
    try begin()
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    #expect(throws: AudioError.self) {
      _ = try AudioWriter(
        folder.appendingPathComponent("missing/a.wav"), sampleRate: 8000, channels: 1)
    }
  }
}
