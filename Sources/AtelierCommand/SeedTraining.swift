import ArgumentParser
import Atelier
import Foundation

/// `atelier train --seeds`: one training several times, each with a seed of its own, one after the other.
struct SeedTraining {
  let train: Train
  let seeds: [Int]
  let reporter: any ProgressReporter
  let interruption: Interruption

  /// The seeds of the options, one after the other from the first.
  ///
  /// - Throws: ``Refusal`` where the last one would be too large.
  init(_ train: Train, count: Int, _ reporter: any ProgressReporter, _ interruption: Interruption) throws {
    let first = train.computing.seed ?? 0
    guard first <= Int.max - count else {
      throw Refusal.usage(
        "--seed is \(first), and there are no \(count) seeds from it on; begin with a smaller one")
    }
    self.train = train
    seeds = (0..<count).map { first + $0 }
    self.reporter = reporter
    self.interruption = interruption
  }

  /// Trains what is not trained yet; the same command with the same folder goes on where it was ended.
  func run(_ type: any GenerativeSystem.Type) throws {
    var folder = try train.placement.run.flatMap { try SeedFolder.open(URL(fileURLWithPath: $0)) }
    if let folder, folder.seeds != seeds {
      throw Refusal.usage(
        "\(folder.url.path) holds the seeds \(folder.seeds.map(String.init).joined(separator: ", ")), and others are asked "
          + "for; name another folder, or the same --seeds and --seed")
    }
    let options = try train.fixedOptions(of: type)
    if let folder, let known = folder.options,
      let other = Set(known.keys).union(options.keys).sorted().first(where: { known[$0] != options[$0] })
    {
      throw Refusal.usage(
        "\(folder.url.path) was begun with \(known[other].map { "\(other) \($0)" } ?? "no \(other)"); go on with the same "
          + "options, or name another folder with --run")
    }
    var reasons: [TrainingOutcome.Reason] = []
    defer { folder?.removeIfEmpty() }
    for seed in seeds {
      var one = train
      (one.computing.seed, one.computing.seeds) = (seed, nil)
      let outcome: TrainingOutcome
      if let folder,
        FileManager.default.fileExists(
          atPath: folder.run(of: seed).appendingPathComponent("configuration.yaml").path)
      {
        if folder.options == nil { try one.requireSame(as: folder.run(of: seed), type) }
        outcome = try one.goOn(with: folder.run(of: seed), nil, reporter, interruption)
      } else {
        let started = try one.start(type, reporter: reporter, interruption: interruption) { name in
          if folder == nil { folder = try make(name, options) }
          guard let folder else {
            return try RunDirectory.create(in: URL(fileURLWithPath: "runs"), name: name)
          }
          return try RunDirectory.create(at: folder.run(of: seed))
        }
        guard let started else { return }
        outcome = started
      }
      if outcome.reason == .interrupted { throw ExitCode(ExitCodes.interrupted) }
      reasons.append(outcome.reason)
    }
    if let folder, !train.quiet {
      standardError("Next  atelier evaluate \(shellWord(folder.url.path))\n")
    }
    for case .stopped in reasons { throw ExitCode(ExitCodes.stoppedByHealth) }
  }

  /// Goes on with the runs of a folder, which all have to be there.
  static func resume(
    _ folder: SeedFolder, _ train: Train, _ reporter: any ProgressReporter, _ interruption: Interruption
  ) throws {
    var isStopped = false
    for run in try folder.runs() {
      let outcome = try train.goOn(with: run.url, nil, reporter, interruption)
      switch outcome.reason {
      case .interrupted: throw ExitCode(ExitCodes.interrupted)
      case .stopped: isStopped = true
      case .finished, .settled: break
      }
    }
    if isStopped { throw ExitCode(ExitCodes.stoppedByHealth) }
  }

  /// The folder of the seeds, after the first training was checked.
  private func make(_ name: String, _ options: [String: String]) throws -> SeedFolder {
    let url =
      try train.placement.run.map { try RunDirectory.emptyFolder(at: URL(fileURLWithPath: $0)) }
      ?? RunDirectory.numberedFolder(
        in: URL(fileURLWithPath: train.placement.runs ?? "runs"), name: name + "-seeds")
    return try SeedFolder.create(at: url, seeds: seeds, options: options)
  }
}

extension Train {
  /// What is given of the options that a run keeps, by name: with others it would be another training.
  func fixedOptions(of type: any GenerativeSystem.Type) throws -> [String: String] {
    func text(_ keys: [String: ConfigurationValue]) -> String? {
      keys.isEmpty ? nil : ConfigurationFile.text(keys.sorted { $0.key < $1.key }.map { $0 })
    }
    var all: [(name: String, value: String?)] = [
      ("system", type.identity.name),
      ("--data", try data.map { try PipedData.place($0).standardizedFileURL.path }),
      ("--preset", choices.preset), ("--configuration", text(try choices.keysOfFile())),
      ("--set", choices.changes.isEmpty ? nil : choices.changes.joined(separator: " ")),
    ]
    all += reading.fixed + transfer.fixed + images.given.map { ("--" + $0.key, $0.value) }
    return Dictionary(all.compactMap { name, value in value.map { (name, $0) } }) { first, _ in first }
  }

  /// Refuses to go on with a run of another system or configuration than the command names.
  func requireSame(as run: URL, _ type: any GenerativeSystem.Type) throws {
    let recorded = try RunConfiguration.read(run.appendingPathComponent("configuration.yaml"))
    var named = recorded.configuration
    var key: String? = recorded.system == type.identity.name ? nil : "system"
    let wanted = try choices.keysOfFile().merging(parsedKeys(choices.changes)) { $1 }
    for (name, value) in wanted.sorted(by: { $0.key < $1.key }) where key == nil {
      if case .table = value { continue }
      if let old = named.updateValue(value, forKey: name), old != value, .list([value]) != old { key = name }
    }
    if key == nil, let data,
      try PipedData.place(data, recorded: recorded.data).standardizedFileURL.path != recorded.data
    {
      key = "data"
    }
    if key == nil, let preset = choices.preset, preset != recorded.preset { key = "preset" }
    if let key {
      throw Refusal.usage(
        "\(run.path) was begun with another '\(key)'; name another folder with --run, or resume this one with --resume"
      )
    }
  }
}
