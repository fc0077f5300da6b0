public import Foundation

/// Runs the package's programs as users do, and kills them as machines do.
public struct Program: Sendable {
  /// Where the program lies.
  public let url: URL

  /// A program of this package, found beside the test bundle in the build folder.
  ///
  /// - Returns: nil where it was not built.
  public init?(named name: String) {
    // The test runner lies in the build folder itself (Linux), or some folders below it (macOS).
    var folder = URL(fileURLWithPath: CommandLine.arguments.first ?? "").resolvingSymlinksInPath()
    for _ in 0..<6 {
      folder.deleteLastPathComponent()
      let candidate = folder.appendingPathComponent(name)
      if FileManager.default.isExecutableFile(atPath: candidate.path) {
        url = candidate
        return
      }
    }
    return nil
  }

  /// A program at a known place.
  public init(_ url: URL) { self.url = url }

  /// What a program that ended left behind.
  public struct Result: Sendable {
    /// The exit status, or the signal's number where a signal ended it.
    public let status: Int32
    /// Whether a signal ended it.
    public let wasKilled: Bool
    /// Standard output.
    public let output: String
    /// Standard error.
    public let errors: String
  }

  /// Runs the program to its end.
  ///
  /// - Parameter folder: where it is run; nil: where the tests are.
  public func run(
    _ arguments: [String], environment: [String: String] = [:], folder: URL? = nil
  ) throws -> Result {
    try start(arguments, environment, folder).finish()
  }

  /// Runs the program and kills it once something can be seen, unless it ended by then.
  ///
  /// - Parameters:
  ///   - isDue: looked at every millisecond: a file that has appeared, for example.
  ///   - signal: SIGKILL leaves it no chance, SIGINT is Ctrl-C.
  public func run(
    _ arguments: [String], killedWhen isDue: () throws -> Bool, signal: Int32 = SIGKILL,
    environment: [String: String] = [:]
  ) throws -> Result {
    let running = try start(arguments, environment)
    while running.process.isRunning, !(try isDue()) { usleep(1000) }
    if running.process.isRunning { kill(running.process.processIdentifier, signal) }
    return running.finish()
  }

  /// Runs the program to its end, and looks every few milliseconds at what it does.
  ///
  /// - Parameter look: given the number of the process.
  public func watched(
    _ arguments: [String], environment: [String: String] = [:], look: (Int32) throws -> Void
  ) throws -> Result {
    let running = try start(arguments, environment)
    while running.process.isRunning {
      try look(running.process.processIdentifier)
      usleep(5000)
    }
    return running.finish()
  }

  /// The processes that a process has started, by `/proc`, and so none where there is none.
  public static func children(of parent: Int32) -> [Int32] {
    let entries = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return entries.compactMap { Int32($0) }.sorted().filter { process in
      guard let line = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
        let fields = line.split(separator: ")").last?.split(separator: " "), fields.count > 1
      else { return false }
      return Int32(fields[1]) == parent
    }
  }

  private func start(
    _ arguments: [String], _ environment: [String: String], _ folder: URL? = nil
  ) throws -> RunningProgram {
    let process = Process()
    if let folder { process.currentDirectoryURL = folder }
    process.executableURL = url
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    return try RunningProgram(process)
  }
}

/// A program under way. Its output goes to files, because a pipe that nobody reads would stop it.
private final class RunningProgram {
  let process: Process
  private let folder: TemporaryFolder

  init(_ process: Process) throws {
    self.process = process
    folder = try TemporaryFolder()
    for name in ["output", "errors"] { try Data().write(to: folder(name)) }
    process.standardOutput = try FileHandle(forWritingTo: folder("output"))
    process.standardError = try FileHandle(forWritingTo: folder("errors"))
    process.standardInput = FileHandle.nullDevice
    try process.run()
  }

  func finish() -> Program.Result {
    process.waitUntilExit()
    func text(_ name: String) -> String {
      (try? Data(contentsOf: folder(name))).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
    return Program.Result(
      status: process.terminationStatus, wasKilled: process.terminationReason == .uncaughtSignal,
      output: text("output"), errors: text("errors"))
  }
}

/// Kills a resumable command again and again until it finishes.
///
/// - Parameters:
///   - first: the arguments of the first start; the following ones use `then`.
///   - events: what each start is killed at; looked at every millisecond.
/// - Returns: how often it was killed, and its last words.
public func runThroughKills(
  _ program: Program, first: [String], then: [String], events: [() throws -> Bool]
) throws -> (kills: Int, last: Program.Result) {
  var kills = 0
  var arguments = first
  for event in events {
    let result = try program.run(arguments, killedWhen: event)
    guard result.wasKilled else { return (kills, result) }
    kills += 1
    arguments = then
  }
  return (kills, try program.run(arguments))
}

/// The files of two folders that differ, by name; nil stands for "one of them is missing".
public func differingFiles(_ names: [String], _ a: URL, _ b: URL) -> [String] {
  names.filter { name in
    let left = try? Data(contentsOf: a.appendingPathComponent(name))
    let right = try? Data(contentsOf: b.appendingPathComponent(name))
    return left == nil || left != right
  }
}
