import Atelier
import Foundation
import TestSupport
import Testing

/// The README's walk, its commands as they stand there, on a few small photographs.
@Suite struct FirstHourTests {
  private let atelier: Program

  init() throws {
    atelier = try #require(Program(named: "atelier"), "the program atelier was not built beside the tests")
  }

  /// What a command is given beside what the README says, so that it takes seconds.
  private static let quicker: [String: [String]] = [
    "train": ["--threads", "1"],
    "evaluate": ["--classifier-seconds", "1", "--samples", "40", "--threads", "1"],
  ]

  @Test func theReadmesCommandsWorkOneAfterTheOther() throws {
    let folder = try TemporaryFolder()
    for (label, name) in ["cat", "dog"].enumerated() {
      let place = folder("photos/\(name)")
      try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
      for number in 0..<44 {
        try TinyData.coloured(number: number + 50 * label, width: 24, height: 20)
          .write(to: place.appendingPathComponent("\(number).png"))
      }
    }
    let commands = try DocumentedCommand.commands(of: "README.md")
    let verbs = commands.map { $0.words[0] }
    #expect(["systems", "data", "train", "generate", "evaluate", "inspect"].allSatisfy(verbs.contains))
    var said: [String: String] = [:]
    for command in commands {
      let verb = command.words[0]
      let result = try atelier.run(
        command.words + Self.quicker[verb, default: []], folder: folder.url)
      #expect(result.status == 0, "\(command): \(result.errors)")
      said[verb, default: ""] += result.output + result.errors
    }
    let training = said["train", default: ""]
    #expect(training.contains("imageChannels is 3, as the images have 3 channels"), "\(training)")
    #expect(training.contains("held out from training"), "\(training)")
    for word in [
      "Samples", "Report", "atelier generate runs/cgan-photos-001", "atelier evaluate runs/cgan-photos-001",
    ] {
      #expect(training.contains(word), "\(word) in \(training)")
    }
    #expect(said["generate", default: ""].contains("Drawn from step "), "\(said)")
    let run = folder("runs/cgan-photos-001")
    let stored = try String(contentsOf: run.appendingPathComponent("configuration.yaml"), encoding: .utf8)
    #expect(stored.contains("imageChannels: 3") && stored.contains("holdOut: 0.1"))
    let report = try String(contentsOf: run.appendingPathComponent("report.md"), encoding: .utf8)
    #expect(report.contains("## Numbers"))
    #expect(try Image(contentsOf: folder("samples.png")).channels == 3)
  }

  @Test func nothingHeldOutIsSaidByCheckAndTrain() throws {
    let folder = try TemporaryFolder()
    try TinyData.writeClassFolders(to: folder("shapes"), perClass: 20, size: 28)
    let checked = try atelier.run(["data", "check", "shapes"], folder: folder.url)
    #expect(checked.output.contains("--hold-out") && checked.output.contains("no test"), "\(checked.output)")
    let command = [
      "train", "cgan", "--preset", "small", "--data", "shapes", "--steps", "1", "--set", "batchSize=8",
    ]
    let without = try atelier.run(command, folder: folder.url)
    #expect(without.status == 0 && without.errors.contains("--hold-out 0.1"), "\(without.errors)")
    let with = try atelier.run(command + ["--hold-out", "0.2"], folder: folder.url)
    #expect(
      !with.errors.contains("--hold-out 0.1") && with.errors.contains("8 of 40 examples"), "\(with.errors)")
    let twice = try atelier.run(command + ["--hold-out", "1"], folder: folder.url)
    #expect(twice.status == 64 && twice.errors.contains("0.1"), "\(twice.errors)")
  }

  @Test func dryRunsAndSystemsShowCountsMeaningsAndRanges() throws {
    let folder = try TemporaryFolder()
    try TinyData.writeClassFolders(to: folder("shapes"), perClass: 20, size: 28)
    let dry = try atelier.run(
      [
        "train", "cgan", "--preset", "small", "--data", "shapes", "--steps", "1", "--set", "batchSize=8",
        "--dry-run",
      ], folder: folder.url)
    #expect(dry.output.contains(" parameters (generator ") && dry.status == 0, "\(dry.output) \(dry.errors)")
    let shown = try atelier.run(["systems", "cgan"])
    #expect(
      shown.output.contains("Height and width of the images · a whole number, at least 1"), "\(shown.output)")
    #expect(shown.output.contains("parameters (generator"))
    #expect(shown.output.contains("projection or input"))
  }
}
