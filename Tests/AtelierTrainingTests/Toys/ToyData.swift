import Atelier
import Foundation
import TestSupport
import Testing

/// Folders of the toys' data.
enum ToyData {
  private static func makeFolder(_ folder: URL) throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  static func sentencePairs(in folder: TemporaryFolder) throws -> URL {
    let place = folder("pairs")
    try makeFolder(place)
    let (from, to) = (["un", "deux", "trois", "quatre"], ["one", "two", "three", "four", "and"])
    func line(_ number: Int) -> String {
      let numbers = (0...(number % 5)).map { (number / 2 + $0) % 4 }
      return numbers.map { from[$0] }.joined(separator: " ") + "\t"
        + numbers.map { to[$0] }.joined(separator: number.isMultiple(of: 3) ? " and " : " ") + "\n"
    }
    try Data((0..<14).map(line).joined().utf8).write(to: place.appendingPathComponent("train.tsv"))
    try Data("un cinq\tone five\ndeux\ttwo\n".utf8).write(to: place.appendingPathComponent("test.tsv"))
    return place
  }

  static func captionedImages(in folder: TemporaryFolder) throws -> URL {
    let place = folder("captioned")
    try makeFolder(place)
    var lines: [String] = []
    for number in 0..<11 {
      let bytes = (0..<64).map { UInt8(($0 * (number % 4 + 1) * 11 + number * 7) % 256) }
      let png = try ImageCodec().encode(Image(width: 8, height: 8, channels: 1, bytes: bytes), as: .png)
      let name = "image-\(String(format: "%02d", number)).png"
      try Data(png).write(to: place.appendingPathComponent(name))
      lines.append(name + "\t" + ["striped", "dark striped", "light and dark", "plain"][number % 4])
    }
    try Data((lines.joined(separator: "\n") + "\n").utf8).write(
      to: place.appendingPathComponent("captions.tsv"))
    return place
  }

  /// Tones whose targets are half as loud.
  static func soundPairs(in folder: TemporaryFolder) throws -> URL {
    let place = folder("sounds")
    for (part, count) in [("train", 3), ("test", 2)] {
      for number in 0..<count {
        let tone: [Float] = (0..<100).map { time in Float(0.8 * sin(Double(time * (number + 2)) / 7)) }
        for (name, factor) in [("source", Float(1)), ("target", Float(0.5))] {
          let folder = place.appendingPathComponent("\(part)/\(name)")
          try makeFolder(folder)
          try Audio(sampleRate: 8000, samples: tone.map { $0 * factor })
            .write(to: folder.appendingPathComponent("\(number).wav"))
        }
      }
    }
    return place
  }

  /// A bright row that an action moves up or down.
  static func recordedClips(in folder: TemporaryFolder) throws -> URL {
    let place = folder("clips")
    try makeFolder(place)
    try Data("up\ndown\n".utf8).write(to: place.appendingPathComponent("actions.txt"))
    for (part, count) in [("train", 5), ("test", 3)] {
      for clip in 0..<count {
        let folder = place.appendingPathComponent("\(part)/clip-\(clip)")
        try makeFolder(folder)
        var row = clip % 4
        var actions: [String] = []
        for frame in 0..<5 {
          let bytes = (0..<16).map { UInt8($0 / 4 == row ? 255 : 0) }
          let png = try ImageCodec().encode(Image(width: 4, height: 4, channels: 1, bytes: bytes), as: .png)
          try Data(png).write(to: folder.appendingPathComponent("\(frame + 1).png"))
          let isDown = (clip + frame * frame) % 3 > 0
          actions.append(isDown ? "down" : "up")
          row = (row + (isDown ? 1 : 3)) % 4
        }
        try Data(actions.joined(separator: " ").utf8).write(to: folder.appendingPathComponent("actions.txt"))
      }
    }
    return place
  }
}

extension SystemHarness {
  private func state(of run: RunDirectory) throws -> TrainingState {
    let store = CheckpointStore(run.checkpoints)
    return try store.open(step: store.steps.last ?? 0).state
  }

  /// A run that was stopped after each of `stops` and resumed is a run of `steps` to the byte.
  func resumesExactly(in folder: TemporaryFolder, steps: Int, stops: [Int]) throws -> RunDirectory {
    let whole = try train(in: folder.url, options: Self.options(steps: steps))
    let run = try train(in: folder.url, options: Self.options(steps: stops[0]))
    for stop in stops.dropFirst() + [steps] {
      try Training.resume(run.url, registry: SystemRegistry([system])) { $0.steps = stop }
    }
    #expect(try Self.bytes(of: whole) == Self.bytes(of: run))
    let (one, other) = (try state(of: whole), try state(of: run))
    #expect(one.step == steps && one.position == other.position && one.epoch == other.epoch)
    #expect(one.stage == other.stage && one.hashes == other.hashes)
    return run
  }
}
