import ArgumentParser
import AtelierCore
import AtelierModels
import Foundation
import ReferenceCases
import Torch

/// Repeats reference cases with the registered systems and compares every tensor.
struct Conformance: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "conformance",
    abstract: "Checks systems against tensors that their authors' own code computed.",
    discussion: """
      A case is a folder that holds case.json, weights and tensors (Tests/ReferenceCases/FORMAT.md). Every \
      check is a line; the last line counts them, and the exit code is 0 only if all passed.
      """)

  @Flag(help: "Print a JSON document instead of lines.")
  var json = false

  @Option(help: "Threads that one operation uses; the cases were computed with one.")
  var threads = 1

  @Argument(help: "Folders of cases, or folders that hold such folders.", completion: .directory)
  var cases: [String]

  func run() throws {
    Engine.threadCount = threads
    let runner = CaseRunner(registry: .standard)
    var all: [CheckResult] = []
    for folder in cases.flatMap(expanded) {
      let partial = results(of: folder, runner)
      all += partial
      if !json { for result in partial { print(result.text) } }
    }
    let report = CaseReport(all)
    print(json ? try report.json() : report.summary)
    if report.failedCount > 0 || report.passedCount == 0 { throw ExitCode(1) }
  }

  /// What a case gave; one that amplifies rounding errors is run by this program in a process of its own.
  private func results(of folder: URL, _ runner: CaseRunner) -> [CheckResult] {
    guard PlainArithmetic.isNeeded(byCaseIn: folder), !PlainArithmetic.isInForce,
      let program = Bundle.main.executableURL
    else { return runner.run(folder: folder) }
    return PlainArithmetic.run(folder: folder, program: program, threads: threads)
  }

  private func expanded(_ path: String) -> [URL] {
    let folder = URL(fileURLWithPath: path)
    let manager = FileManager.default
    if manager.fileExists(atPath: folder.appendingPathComponent("case.json").path) { return [folder] }
    let inside = (try? manager.contentsOfDirectory(atPath: folder.path)) ?? []
    let nested = inside.sorted().map { folder.appendingPathComponent($0) }.filter {
      manager.fileExists(atPath: $0.appendingPathComponent("case.json").path)
    }
    // A folder that is no case and holds none is reported as a failure by the runner.
    return nested.isEmpty ? [folder] : nested
  }
}

Conformance.main()
