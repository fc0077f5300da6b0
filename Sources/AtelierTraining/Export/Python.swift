public import Foundation

/// A Python that has PyTorch, for checks in a process of its own.
public struct Python: Sendable {
  /// The program.
  public let executable: URL
  /// The version of its PyTorch.
  public let torchVersion: String

  /// The first Python with PyTorch: the given one; that of `PYTHON`; that of a virtual environment `.venv`
  /// in the present folder or one above the running program; `python3`.
  ///
  /// - Parameter path: a program that somebody named; then no other is tried.
  /// - Throws: ``ExportError`` that says what was tried, what came of it, and how to name one.
  public static func withTorch(_ path: String? = nil) throws -> Python {
    var failures: [String] = []
    for candidate in path.map({ [$0] }) ?? usual {
      guard let executable = located(candidate) else {
        // Of the usual places most are empty.
        if path != nil { failures.append("there is no such program") }
        continue
      }
      do {
        let run = try run(executable, ["-c", "import torch; print(torch.__version__)"], in: nil)
        if run.status == 0, let version = run.output.split(whereSeparator: \.isNewline).last {
          return Python(executable: executable, torchVersion: String(version))
        }
        failures.append("\(executable.path) \(run.ending)")
      } catch {
        failures.append("\(executable.path) cannot be started: \(error.localizedDescription)")
      }
    }
    let tried = failures.joined(separator: "; ")
    throw ExportError(
      path.map { "\($0) is no Python with PyTorch (\(tried)); name another" }
        ?? "no Python with PyTorch was found (\(failures.isEmpty ? "there is no Python" : tried)); run Scripts/setup, or "
        + "name such a Python in the environment variable PYTHON")
  }

  private static var usual: [String] {
    let environment = ProcessInfo.processInfo.environment["PYTHON"].map { [$0] } ?? []
    var folders = [URL(fileURLWithPath: FileManager.default.currentDirectoryPath)]
    if var above = Bundle.main.executableURL?.resolvingSymlinksInPath().deletingLastPathComponent() {
      while above.path != "/", folders.count < 8 {
        folders.append(above)
        above = above.deletingLastPathComponent()
      }
    }
    return environment + folders.map { $0.appendingPathComponent(".venv/bin/python").path } + ["python3"]
  }

  /// A path as it is, or a program's name among the folders of `PATH`.
  private static func located(_ name: String) -> URL? {
    let places =
      name.contains("/")
      ? [name]
      : (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map { "\($0)/\(name)" }
    return places.first(where: FileManager.default.isExecutableFile(atPath:)).map(URL.init(fileURLWithPath:))
  }

  /// What a process said and how it ended.
  struct Run {
    let status: Int32
    /// The signal that ended it; nil: it ended by itself.
    let signal: Int32?
    let output: String
    let errors: String

    /// How it ended, as the end of a sentence about it.
    var ending: String {
      if let signal { return "was ended by signal \(signal)" }
      let last = errors.split(whereSeparator: \.isNewline).last.map { ": \($0.prefix(200))" } ?? ""
      return "ended with \(status)\(last)"
    }
  }

  /// Runs this Python in a folder.
  func run(_ arguments: [String], in folder: URL?) throws -> Run {
    try Self.run(executable, arguments, in: folder)
  }

  private static func run(_ executable: URL, _ arguments: [String], in folder: URL?) throws -> Run {
    let process = Process()
    process.executableURL = executable
    process.arguments = arguments
    process.currentDirectoryURL = folder
    // Modules lying about must not be taken for PyTorch's.
    process.environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("PYTHONPATH") }
    process.standardInput = FileHandle.nullDevice
    // Errors go to a file: a second pipe would have to be emptied beside the first.
    let log = FileManager.default.temporaryDirectory.appendingPathComponent("python-\(UUID().uuidString).log")
    _ = FileManager.default.createFile(atPath: log.path, contents: nil)
    defer { try? FileManager.default.removeItem(at: log) }
    let output = Pipe()
    process.standardOutput = output
    process.standardError = try FileHandle(forWritingTo: log)
    try process.run()
    let text = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return Run(
      status: process.terminationStatus,
      signal: process.terminationReason == .uncaughtSignal ? process.terminationStatus : nil,
      output: String(decoding: text, as: UTF8.self),
      errors: String(decoding: (try? Data(contentsOf: log)) ?? Data(), as: UTF8.self))
  }
}
