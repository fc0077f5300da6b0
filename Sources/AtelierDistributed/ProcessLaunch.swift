public import Foundation

/// How this process was launched as one of several: by torchrun, Slurm's srun or Open MPI's mpirun, as their variables
/// say.
public struct ProcessLaunch: Sendable, Hashable {
  /// Who launched it: `torchrun`, `srun`, `mpirun`.
  public var launcher: String
  /// The number of this process, from 0.
  public var rank: Int
  /// How many processes there are.
  public var count: Int
  /// The number of this process on its machine, from 0.
  public var localRank: Int
  /// Where the store of keys is served.
  public var host: String
  /// The store's port.
  public var port: Int
  /// Whether the launcher serves the store, which then outlives the processes.
  public var launcherServesStore: Bool
  /// How often the launcher has started the processes anew.
  public var restarts: Int

  /// A launch with the given values.
  public init(
    launcher: String = "torchrun", rank: Int, count: Int, localRank: Int? = nil, host: String = "127.0.0.1",
    port: Int, launcherServesStore: Bool = false, restarts: Int = 0
  ) {
    self.launcher = launcher
    self.rank = rank
    self.count = count
    self.localRank = localRank ?? rank
    self.host = host
    self.port = port
    self.launcherServesStore = launcherServesStore
    self.restarts = restarts
  }

  /// What the variables of a launcher say; nil where there are none, or only one process was launched.
  ///
  /// - Throws: ``ProcessError/badLaunch(reason:)`` for variables that contradict each other.
  public static func current(
    _ environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws(ProcessError) -> ProcessLaunch? {
    let read = Variables(environment)
    let launch: ProcessLaunch?
    if environment["RANK"] != nil || environment["WORLD_SIZE"] != nil {
      launch = try read.torchrun()
    } else if environment["OMPI_COMM_WORLD_RANK"] != nil {
      launch = try read.openMPI()
    } else if let tasks = environment["SLURM_STEP_NUM_TASKS"], tasks != "1",
      environment["SLURM_PROCID"] != nil
    {
      // Only a step of srun has as many processes as tasks; a batch script runs once.
      launch = try read.slurm()
    } else {
      launch = nil
    }
    guard let launch, launch.count > 1 else { return nil }
    return launch
  }
}

/// Reads the variables of launchers.
private struct Variables {
  let environment: [String: String]

  init(_ environment: [String: String]) { self.environment = environment }

  private func number(_ name: String, _ range: ClosedRange<Int>, _ launcher: String) throws(ProcessError)
    -> Int
  {
    guard let text = environment[name] else {
      throw .badLaunch(
        reason: "\(name) is not set; start every process with \(launcher), which sets it, or unset the other "
          + "variables of a launcher to train in one process")
    }
    guard let value = Int(text), range.contains(value) else {
      throw .badLaunch(
        reason: "\(name) is '\(text)', and must be a number of \(range.lowerBound) to \(range.upperBound); "
          + "start every process with \(launcher), which sets it")
    }
    return value
  }

  private static let mostProcesses = 1 << 20
  private static let ports = 1...65535

  private func rankAndCount(
    _ rank: String, _ count: String, _ launcher: String
  ) throws(ProcessError) -> (Int, Int) {
    let all = try number(count, 1...Self.mostProcesses, launcher)
    return (try number(rank, 0...(all - 1), launcher), all)
  }

  private func local(_ name: String, _ launcher: String) throws(ProcessError) -> Int? {
    environment[name] == nil ? nil : try number(name, 0...Self.mostProcesses, launcher)
  }

  func torchrun() throws(ProcessError) -> ProcessLaunch {
    let launcher = "torchrun"
    let (rank, count) = try rankAndCount("RANK", "WORLD_SIZE", launcher)
    guard count > 1 else { return ProcessLaunch(rank: 0, count: 1, port: 1) }
    guard let host = environment["MASTER_ADDR"], !host.isEmpty else {
      throw .badLaunch(
        reason:
          "MASTER_ADDR is not set; start every process with torchrun, which sets it, or give the address "
          + "of the machine of process 0")
    }
    return ProcessLaunch(
      launcher: launcher, rank: rank, count: count, localRank: try local("LOCAL_RANK", launcher), host: host,
      port: try number("MASTER_PORT", Self.ports, launcher),
      launcherServesStore: environment["TORCHELASTIC_USE_AGENT_STORE"] == "True",
      restarts: try local("TORCHELASTIC_RESTART_COUNT", launcher) ?? 0)
  }

  private func givenPort(_ otherwise: Int, _ launcher: String) throws(ProcessError) -> Int {
    environment["MASTER_PORT"] == nil ? otherwise : try number("MASTER_PORT", Self.ports, launcher)
  }

  func openMPI() throws(ProcessError) -> ProcessLaunch {
    let launcher = "mpirun"
    let (rank, count) = try rankAndCount("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", launcher)
    let isOneMachine = environment["OMPI_COMM_WORLD_LOCAL_SIZE"] == "\(count)"
    guard let host = environment["MASTER_ADDR"] ?? (isOneMachine ? "127.0.0.1" : nil), !host.isEmpty else {
      throw .badLaunch(
        reason: "the processes run on several machines and MASTER_ADDR is not set; give the address of the "
          + "machine of process 0 with mpirun -x MASTER_ADDR=…")
    }
    return ProcessLaunch(
      launcher: launcher, rank: rank, count: count,
      localRank: try local("OMPI_COMM_WORLD_LOCAL_RANK", launcher), host: host,
      port: try givenPort(29500, launcher))
  }

  func slurm() throws(ProcessError) -> ProcessLaunch {
    let launcher = "srun"
    let (rank, count) = try rankAndCount("SLURM_PROCID", "SLURM_STEP_NUM_TASKS", launcher)
    let nodes = environment["SLURM_STEP_NODELIST"] ?? environment["SLURM_JOB_NODELIST"]
    guard let host = environment["MASTER_ADDR"] ?? nodes.map(Self.firstNode), !host.isEmpty else {
      throw .badLaunch(
        reason:
          "neither MASTER_ADDR nor SLURM_STEP_NODELIST is set; set MASTER_ADDR to the machine of process 0")
    }
    // Jobs that share a machine should not meet at one port.
    let job = environment["SLURM_JOB_ID"].flatMap { Int($0) } ?? 0
    return ProcessLaunch(
      launcher: launcher, rank: rank, count: count, localRank: try local("SLURM_LOCALID", launcher),
      host: host,
      port: try givenPort(20000 + abs(job % 10000), launcher))
  }

  /// The first machine of a list such as `gpu[03-05,09],login`.
  private static func firstNode(of list: String) -> String {
    guard let open = list.firstIndex(of: "["),
      !list[..<open].contains(","), let close = list[open...].firstIndex(of: "]")
    else { return String(list.prefix { $0 != "," }) }
    let first = list[list.index(after: open)..<close].prefix { $0 != "," && $0 != "-" }
    return String(list[..<open]) + first + list[list.index(after: close)...].prefix { $0 != "," }
  }
}
