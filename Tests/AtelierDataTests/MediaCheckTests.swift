import AtelierData
import AtelierMedia
import Foundation
import Testing

struct MediaCheckTests {
  func withFolder<Result>(_ body: (URL) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("atelier-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try body(folder)
  }

  func sine(_ frequency: Double, frames: Int = 4000, rate: Int = 8000, amplitude: Double = 0.5) -> Audio {
    Audio(
      sampleRate: rate,
      samples: (0..<frames).map { Float(amplitude * sin(2 * .pi * frequency * Double($0) / Double(rate))) })
  }

  func kinds(_ report: MediaReport) -> [MediaReport.Kind] { report.findings.map(\.kind) }

  @Test func whatSpoilsSoundsIsFound() throws {
    try withFolder { folder in
      for name in ["train", "test"] {
        try FileManager.default.createDirectory(
          at: folder.appendingPathComponent(name), withIntermediateDirectories: true)
      }
      func write(_ audio: Audio, _ name: String) throws {
        try audio.write(to: folder.appendingPathComponent(name))
      }
      try write(sine(300), "train/good.wav")
      // The same samples in another format, in another part.
      try write(sine(300), "test/copy.flac")
      try write(sine(400, frames: 8000, rate: 16_000), "train/rate.wav")
      try write(sine(100, amplitude: 1.5), "train/clipped.wav")
      try write(Audio(sampleRate: 8000, samples: [Float](repeating: 0, count: 4000)), "train/silent.wav")
      try write(
        Audio(
          sampleRate: 8000, samples: sine(200).samples.map { $0 + 0.1 } + [Float](repeating: 0, count: 9000)),
        "train/offset.wav")
      try Data("RIFF".utf8).write(to: folder.appendingPathComponent("train/broken.wav"))
      try Data("x".utf8).write(to: folder.appendingPathComponent("train/.hidden.wav"))

      let report = try #require(try checkMedia(at: folder))
      #expect(report.medium == .sounds && report.count == 6 && report.isUsable)
      #expect(report.corrupt.map(\.path) == ["train/broken.wav"])
      #expect(report.duplicates == [["test/copy.flac", "train/good.wav"]])
      #expect(report.rates.map(\.name) == ["8000 Hz", "16000 Hz"] && report.rates.map(\.count) == [5, 1])
      #expect(report.shapes.map(\.name) == ["mono"])
      #expect(report.encodings.map(\.count) == [6] && report.encodings.map(\.name) == ["pcm16"])
      // Four of half a second, one of them at 16 kHz, one copy, and one longer by 1.125 seconds.
      #expect(abs(report.duration - (5 * 0.5 + 1.625)) < 1e-9 && report.lengths == [0.5, 0.5, 1.625])
      #expect(
        kinds(report) == [
          .corrupt, .leakage, .mixedRates, .clipping, .silence, .fewExamples, .duplicates, .longSilence,
          .offset, .lowRate,
        ])
      let text = report.description
      for part in ["train/clipped.wav most with", "train/silent.wav", "test/copy.flac = train/good.wav"] {
        #expect(text.contains(part))
      }
      let json = try JSONEncoder().encode(report)
      #expect(try JSONDecoder().decode(MediaReport.self, from: json) == report)
    }
  }

  @Test func silenceAloneIsNoData() throws {
    try withFolder { folder in
      #expect(try checkMedia(at: folder) == nil)
      try Audio(sampleRate: 8000, samples: [0, 0, 0]).write(to: folder.appendingPathComponent("a.wav"))
      #expect(try #require(try checkMedia(at: folder)).isUsable == false)
      // Where images lie beside them, the folder is one of images.
      try Image(width: 2, height: 2, filledWith: [9]).write(to: folder.appendingPathComponent("a.png"))
      #expect(try checkMedia(at: folder) == nil)
    }
  }

  @Test(.enabled(if: FFmpeg.standard.isAvailable)) func frozenAndBrokenVideosAreFound() throws {
    try withFolder { folder in
      func write(_ levels: [UInt8], _ name: String) throws {
        let writer = try VideoWriter(
          to: folder.appendingPathComponent(name), width: 32, height: 32,
          frameRate: try #require(FrameRate(10)))
        for level in levels {
          try writer.append(Image(width: 32, height: 32, filledWith: [level, level, level]))
        }
        try writer.finish()
      }
      try write([20, 60, 100, 140, 180, 220], "moving.mp4")
      try write([20, 60, 60, 60, 60, 220], "frozen.mp4")
      try FileManager.default.copyItem(
        at: folder.appendingPathComponent("moving.mp4"), to: folder.appendingPathComponent("again.mp4"))
      try Data("no video".utf8).write(to: folder.appendingPathComponent("broken.mp4"))
      let report = try #require(try checkMedia(at: folder))
      #expect(report.medium == .videos && report.count == 3 && report.corrupt.map(\.path) == ["broken.mp4"])
      #expect(report.duplicates == [["again.mp4", "moving.mp4"]])
      #expect(report.shapes.map(\.name) == ["32 x 32"] && report.encodings.map(\.name) == ["h264"])
      #expect(kinds(report) == [.corrupt, .fewExamples, .duplicates, .frozen])
      #expect(report.findings.last?.message.contains("frozen.mp4 3 of 6") == true)
    }
  }
}
