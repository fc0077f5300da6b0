import Atelier
import Foundation
import TestSupport
import Testing

/// Shards as a person makes and names them.
@Suite(.serialized) struct ShardCommandTests {
  private let atelier: Program
  private let folder: TemporaryFolder

  init() throws {
    atelier = try #require(Program(named: "atelier"), "the program atelier was not built beside the tests")
    folder = try TemporaryFolder()
    try TinyData.writeClassFolders(to: folder("data/train"), perClass: 24, size: 8)
    let made = try run([
      "data", "prepare", "shards", folder("data").path, folder("shards").path, "--count", "20",
    ])
    try #require(made.status == 0, "\(made.errors)")
  }

  /// Runs the program with a cache of its own.
  private func run(_ arguments: [String]) throws -> Program.Result {
    try atelier.run(arguments, environment: ["XDG_CACHE_HOME": folder("cache").path])
  }

  private func train(_ data: String, _ name: String, steps: Int = 4, _ more: [String] = []) throws
    -> Program.Result
  {
    try run(
      [
        "train", "autoencoder", "--data", data, "--steps", "\(steps)", "--threads", "1", "--set",
        "imageSize=8",
        "--set", "hidden=8", "--set", "batchSize=8", "--run", folder(name).path,
      ] + more)
  }

  private var pattern: String { folder("shards/train").path + "/train-{000000..000001}.tar" }

  private func weights(_ name: String) throws -> Data {
    try Data(contentsOf: folder("\(name)/checkpoints/step-000004/model.safetensors"))
  }

  @Test func aTrainingOnShardsIsResumedInTheMiddleOfOne() throws {
    let whole = try train(pattern, "whole")
    #expect(whole.status == 0, "\(whole.errors)")
    let first = try train(pattern, "part", steps: 1)
    #expect(first.status == 0, "\(first.errors)")
    let rest = try run(["train", "--resume", folder("part").path, "--steps", "4", "--quiet"])
    #expect(rest.status == 0, "\(rest.errors)")
    #expect(try weights("whole") == weights("part"))
    let held = try train(folder("shards").path, "held", ["--hold-out", "0.2"])
    #expect(held.status == 0, "\(held.errors)")
    let evaluated = try run([
      "evaluate", folder("held").path, "--measure", "reconstruction-error", "--samples", "20",
    ])
    #expect(evaluated.status == 0 && evaluated.output.contains("test part"), "\(evaluated.errors)")
    let checked = try run(["data", "check", folder("shards").path])
    #expect(checked.status == 0 && checked.output.contains("shards of WebDataset"), "\(checked.output)")
  }

  @Test func whatACommandWritesIsReadAsTheShardsItWrites() throws {
    let piped = try train("pipe:cat \(pattern)", "piped")
    #expect(
      piped.status == 0 && piped.errors.contains("Counting the images of shard 2 of 2"), "\(piped.errors)")
    // Nothing but the count is kept.
    let kept = try FileManager.default.subpathsOfDirectory(atPath: folder("cache/atelier").path)
    #expect(
      kept.contains { $0.hasSuffix("survey.json") } && !kept.contains { $0.hasSuffix(".tar") }, "\(kept)")
    let files = try train(pattern, "files")
    #expect(files.status == 0, "\(files.errors)")
    // A model names its data; moments are of the weights alone.
    let moments = "checkpoints/step-000004/training.safetensors"
    #expect(differingFiles([moments], folder("piped"), folder("files")).isEmpty)
    // It is counted once, goes on inside a shard, and a run knows no command.
    let part = try train("pipe:cat \(pattern)", "part", steps: 1)
    #expect(part.status == 0 && !part.errors.contains("Counting"), "\(part.errors)")
    let alone = try run(["train", "--resume", folder("part").path, "--steps", "4"])
    #expect(alone.status == 65 && alone.errors.contains("name the data as pipe:"), "\(alone.errors)")
    let resumed = try run([
      "train", "--resume", folder("part").path, "--steps", "4", "--data", "pipe:cat \(pattern)",
    ])
    #expect(resumed.status == 0, "\(resumed.errors)")
    #expect(differingFiles([moments], folder("piped"), folder("part")).isEmpty)
    // A check asks for images in any order.
    let fetched = try run(["data", "check", "pipe:cat \(pattern)"])
    #expect(fetched.errors.contains("Fetching shard 2 of 2") && fetched.errors.contains("in any order"))
    let again = try run(["data", "check", "pipe:cat \(pattern)"])
    #expect(again.errors.contains("2 of 2 shards were fetched before"), "\(again.errors)")
    // What a kill left half fetched is gone with the next use, and what another process is fetching is not.
    let shards = try #require(
      FileManager.default.subpathsOfDirectory(atPath: folder("cache").path).first {
        $0.hasSuffix("000000.tar")
      })
    let place = folder("cache/\(shards)").deletingLastPathComponent()
    let abandoned = place.appendingPathComponent(".\(UUID().uuidString)")
    try Data(count: 700).write(to: abandoned)
    let fetching = try UnfinishedEntry(in: folder("cache"), isFolder: false)
    let held = place.appendingPathComponent(fetching.place.lastPathComponent)
    #expect(fetching.move(to: held))
    _ = try run(["data", "check", "pipe:cat \(pattern)"])
    #expect(!FileManager.default.fileExists(atPath: abandoned.path))
    #expect(FileManager.default.fileExists(atPath: held.path))
    withExtendedLifetime(fetching) {}
    // What is cut short is not kept.
    let half = "pipe:head -c 700 \(folder("shards/train/train-000000.tar").path)"
    for _ in 0..<2 {
      let cut = try run(["data", "check", half])
      #expect(
        cut.status != 0 && cut.errors.contains("cut short") && cut.errors.contains("Fetching"),
        "\(cut.errors)")
    }
    let stored = try String(contentsOf: folder("piped/configuration.yaml"), encoding: .utf8)
    #expect(!stored.contains("pipe:"))
    for (command, words) in [
      ("exit 3", "exit code 3"),
      ("cat \(pattern.replacing("{000000..000001}", with: "000000")); exit 3", "exit code 3"),
      ("echo no archive", "no tar archive"),
      ("head -c 700 \(folder("shards/train/train-000000.tar").path)", "cut short"),
      ("", "followed by a command"),
    ] {
      let failed = try train("pipe:\(command)", "failed")
      #expect(failed.status != 0 && failed.errors.contains(words), "\(failed.errors)")
      #expect(!FileManager.default.fileExists(atPath: folder("failed").path))
    }
  }

  @Test func noCommandOfAFileIsRun() throws {
    #expect(try train(pattern, "run", steps: 1).status == 0)
    let (file, trace) = (folder("run/configuration.yaml"), folder("trace"))
    let text = try String(contentsOf: file, encoding: .utf8)
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map {
      $0.hasPrefix("data:") ? "data: \"pipe:touch \(trace.path)\"" : String($0)
    }
    try Data(lines.joined(separator: "\n").utf8).write(to: file)
    let resumed = try run(["train", "--resume", folder("run").path, "--steps", "2", "--quiet"])
    #expect(resumed.status != 0)
    #expect(!FileManager.default.fileExists(atPath: trace.path))
  }
}
