import ArgumentParser
import Atelier
import AtelierDistributed
import Foundation

/// Training in several processes: how they are started, and how they treat each other.
struct SeveralProcesses: ParsableArguments {
  @Option(help: "Start so many processes on this machine, each on its part of every batch, by torchrun.")
  var processes: Int?
  @Option(help: "How often processes are started anew when one of them dies (default: 3).")
  var restarts: Int?
  @Option(help: "Seconds that a process waits for another before it gives up (default: 300).")
  var processTimeout: Double?
  @Flag(help: "Resume in another number of processes; every batch is divided anew.")
  var reshard = false

  private static let mostProcesses = 1024
  private static let longestTimeout = 86400.0

  func validate() throws {
    if let processes, !(1...Self.mostProcesses).contains(processes) {
      throw ValidationError("--processes is \(processes), and must be 1 to \(Self.mostProcesses).")
    }
    if let restarts, !(0...1000).contains(restarts) {
      throw ValidationError("--restarts is \(restarts), and must be 0 to 1000.")
    }
    if restarts != nil, !areMany {
      throw ValidationError(
        "--restarts belongs to --processes of 2 or more; tell another launcher by its own option.")
    }
    if let processTimeout, !(processTimeout >= 1 && processTimeout <= Self.longestTimeout) {
      throw ValidationError("--process-timeout is \(processTimeout), and must be 1 to 86400 seconds.")
    }
  }

  /// Whether this process is to start several.
  var areMany: Bool { (processes ?? 1) > 1 }

  /// What the first of the processes to be started will read of a batch; nil: none are to be started.
  var share: BatchShare? { areMany ? BatchShare(rank: 0, count: processes ?? 1) : nil }

  /// The processes that this one was launched with; nil: it trains alone. Where they are to be started first, this
  /// process becomes torchrun and does not return.
  ///
  /// - Parameter check: called before it becomes torchrun; what it throws is this command's end.
  func launched(isDryRun: Bool, before check: () throws -> Void) throws -> LaunchedProcesses? {
    let launch = try ProcessLaunch.current()
    if launch == nil, !areMany, processTimeout != nil {
      throw Refusal.usage(
        "--process-timeout is for several processes, and there is one; leave it out, or give --processes")
    }
    guard !isDryRun else { return nil }
    guard let launch else {
      if let processes, areMany {
        try check()
        try become(torchrunOf: processes)
      }
      return nil
    }
    if processes != nil {
      throw Refusal.usage(
        "--processes starts processes, and \(launch.launcher) has started \(launch.count) already; leave it out"
      )
    }
    let timeout = processTimeout.map { Duration.seconds($0) } ?? .seconds(300)
    return try LaunchedProcesses(GlooProcessGroup(launch, timeout: timeout))
  }

  private func become(torchrunOf processes: Int) throws {
    let python: Python
    do { python = try Python.withTorch() } catch {
      throw Refusal.usage("--processes needs torchrun: \(error); or start the processes with mpirun or srun")
    }
    let program = Bundle.main.executablePath ?? CommandLine.arguments[0]
    var arguments = Array(CommandLine.arguments.dropFirst())
    for name in ["--processes", "--restarts"] { Self.remove(name, from: &arguments) }
    try Torchrun.replaceProcess(
      Torchrun.command(python: python.executable), processes: processes, restarts: restarts ?? 3,
      program: program, arguments: arguments)
  }

  /// Takes an option and its value away, as `--name value` or `--name=value`.
  static func remove(_ name: String, from arguments: inout [String]) {
    while let place = arguments.firstIndex(where: { $0 == name || $0.hasPrefix(name + "=") }) {
      let count = arguments[place] == name ? 2 : 1
      arguments.removeSubrange(place..<min(place + count, arguments.count))
    }
  }
}

/// This process as one of those that a launcher has started.
struct LaunchedProcesses {
  /// All of them, connected.
  let group: GlooProcessGroup
  /// The run that processes began which the launcher has started anew since; nil: none did.
  let begunRun: String?
  private static let runKey = "run"
  private static let endKey = "end"
  /// Exit codes of ends that starting anew would only repeat: refusals, a stop by the health watch, and a wish.
  private static let lasting: Set<Int32> = [
    ExitCodes.usage, ExitCodes.data, ExitCodes.noInput, ExitCodes.stoppedByHealth, ExitCodes.interrupted,
  ]

  init(_ group: GlooProcessGroup) throws {
    self.group = group
    if group.launch.restarts > 0, let code = group.lastingText(Self.endKey).flatMap({ Int32($0) }) {
      throw ExitCode(code)
    }
    begunRun =
      group.launch.restarts > 0
      ? group.lastingText(Self.runKey).flatMap { path in
        let run = RunDirectory(url: URL(fileURLWithPath: path))
        return FileManager.default.fileExists(atPath: run.configuration.path) ? path : nil
      } : nil
  }

  /// Tells the other processes why this one ends, and those that the launcher may start anew that it is of no use.
  func end(because error: any Error) {
    let refusal = Refusal(error)
    if let code = (error as? ExitCode)?.rawValue ?? refusal?.code, Self.lasting.contains(code) {
      group.leave(lastingText: "\(code)", under: Self.endKey)
    }
    if !(error is ExitCode) { group.leave(because: refusal?.description ?? "\(error)") }
  }

  /// This process's part of every batch.
  var share: BatchShare { BatchShare(rank: group.rank, count: group.count) }

  /// The accelerator of this process: that of its number on the machine, where none is named.
  func own(_ device: Device) -> Device {
    device.kind == .cuda && device.index == 0 ? .cuda(group.launch.localRank) : device
  }

  /// The run that process 0 makes, in all processes.
  func run(_ make: () throws -> RunDirectory) throws -> RunDirectory {
    var bytes: [UInt8] = []
    if group.isFirst {
      let path = try make().url.path
      group.leave(lastingText: path, under: Self.runKey)
      bytes = Array(path.utf8)
    }
    bytes = try group.broadcast(varying: bytes)
    return RunDirectory(url: URL(fileURLWithPath: String(decoding: bytes, as: UTF8.self)))
  }
}
