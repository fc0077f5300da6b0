import Atelier
import Foundation
import TestSupport
import Testing

/// Training in several processes from the command line.
@Suite struct ProcessCommandTests {
  private let atelier: Program

  init() throws {
    atelier = try #require(Program(named: "atelier"), "the program atelier was not built beside the tests")
  }

  @Test(
    arguments: [
      (["RANK": "0"], "WORLD_SIZE is not set"),
      (["RANK": "2", "WORLD_SIZE": "2"], "RANK is '2', and must be a number of 0 to 1"),
      (["RANK": "0", "WORLD_SIZE": "2"], "MASTER_ADDR is not set"),
      (
        ["RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "localhost", "MASTER_PORT": "none"],
        "MASTER_PORT is 'none'"
      ),
    ] as [([String: String], String)])
  func aLaunchersBadVariablesAreOneSentence(environment: [String: String], text: String) throws {
    let result = try atelier.run(["train", "vae", "--steps", "1"], environment: environment)
    #expect(result.status == 64 && result.errors.contains(text), "\(result.errors)")
    #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
  }

  @Test(
    arguments: [
      (["--processes", "0"], "--processes is 0"), (["--restarts", "2"], "--restarts belongs to --processes"),
      (["--process-timeout", "0"], "--process-timeout is 0"),
      (["--process-timeout", "9"], "--process-timeout is for several processes"),
      (["--processes", "1", "--restarts", "2"], "--restarts belongs to --processes of 2"),
      (["--reshard"], "--reshard is for a run that is resumed"),
      // What every process would refuse is one sentence, and nothing of the launcher's.
      (["--processes", "2", "--preset", "none"], "there is no preset 'none'"),
      (["--processes", "2", "--dry-run", "--preset", "none"], "there is no preset 'none'"),
    ] as [([String], String)])
  func badOptionsAreNamed(options: [String], text: String) throws {
    let result = try atelier.run(["train", "vae", "--steps", "1"] + options)
    #expect(result.status == 64 && result.errors.contains(text), "\(result.errors)")
    #expect(!result.errors.contains("torch"), "\(result.errors)")
  }

  /// torchrun, which comes with PyTorch, starts both processes and starts them anew where one is killed; nobody
  /// resumes the run by hand.
  @Test(.enabled(if: (try? Python.withTorch()) != nil, "no Python with PyTorch, and so no torchrun"))
  func aKilledProcessIsStartedAnewAndTheRunIsWhole() throws {
    let folder = try TemporaryFolder()
    let data = folder("digits")
    try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
    try TinyData.writeIDX(to: data, perClass: 6)
    func arguments(_ run: String) -> [String] {
      [
        "train", "vae", "--preset", "small", "--data", data.path, "--set", "imageSize=16", "--set",
        "hidden=[3, 4]", "--set", "latentSize=4", "--set", "batchSize=6", "--steps", "12", "--threads", "1",
        "--checkpoint-every", "1", "--preview-every", "100", "--run", folder(run).path, "--processes", "2",
        "--process-timeout", "60", "--quiet",
      ]
    }
    let whole = try atelier.run(arguments("whole"))
    try #require(whole.status == 0, "\(whole.errors)")
    let run = RunDirectory(url: folder("killed"))
    let place = CheckpointStore(run.checkpoints)
    var isKilled = false
    let result = try atelier.watched(arguments("killed")) { launcher in
      guard !isKilled, (place.steps.last ?? 0) >= 3 else { return }
      isKilled = true
      for child in Program.children(of: launcher).suffix(1) { kill(child, SIGKILL) }
    }
    #expect(result.status == 0, "\(result.errors)")
    #expect(isKilled)
    #expect(try EventLog.read(run.events).contains { $0.type == .resume })
    #expect(
      try SystemHarness.bytes(of: run) == SystemHarness.bytes(of: RunDirectory(url: folder("whole"))))
  }
}
