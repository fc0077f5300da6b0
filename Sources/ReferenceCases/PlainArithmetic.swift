public import Foundation

/// Arithmetic that is the same on every x86 processor, for cases that amplify rounding errors.
///
/// Twenty iterations of L-BFGS make another picture out of one rounding error where two values of a pool are
/// nearly equal, and both libtorch and its matrix products choose their kernels, which round differently, by
/// the processor and by the number of threads. Neither can choose anew once it has run, so that such a case
/// needs a process of its own: the program `conformance`, started with ``environment``.
public enum PlainArithmetic {
  /// What the process is started with: libtorch's kernels without vector instructions, and MKL's products in
  /// the order that all its processors share. Other engines ignore what they do not know.
  public static let environment = ["ATEN_CPU_CAPABILITY": "default", "MKL_CBWR": "COMPATIBLE"]

  /// Whether this process was started with ``environment``.
  public static var isInForce: Bool {
    let current = ProcessInfo.processInfo.environment
    return environment.allSatisfy { current[$0.key] == $0.value }
  }

  /// Whether a case lists losses for each evaluation of an optimiser's closure, as L-BFGS has them.
  ///
  /// - Returns: false as well for a case that cannot be read; the runner says why.
  public static func isNeeded(byCaseIn folder: URL) -> Bool {
    struct Outline: Decodable {
      struct Check: Decodable { let lossesPer: String? }
      let checks: [Check]
    }
    guard let data = FileManager.default.contents(atPath: folder.appendingPathComponent("case.json").path),
      let outline = try? JSONDecoder().decode(Outline.self, from: data)
    else { return false }
    return outline.checks.contains { $0.lossesPer == "evaluation" }
  }

  /// Runs a case in a process with this arithmetic; whatever goes wrong becomes a failed result.
  ///
  /// - Parameters:
  ///   - program: the program `conformance`.
  ///   - threads: how many threads one operation uses.
  public static func run(folder: URL, program: URL, threads: Int = 1) -> [CheckResult] {
    do {
      return try report(folder: folder, program: program, threads: threads).results
    } catch {
      return [
        CheckResult(
          caseName: folder.lastPathComponent, check: "running the case in a process of its own",
          comparisons: [], problem: "\(error)")
      ]
    }
  }

  private static func report(folder: URL, program: URL, threads: Int) throws -> CaseReport {
    let manager = FileManager.default
    // The report goes to a file, because a pipe would have to be read while the program runs.
    let output = manager.temporaryDirectory.appendingPathComponent("conformance-\(UUID().uuidString).json")
    try Data().write(to: output)
    defer { try? manager.removeItem(at: output) }
    let process = Process()
    process.executableURL = program
    process.arguments = ["--json", "--threads", String(threads), folder.path]
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.standardInput = FileHandle.nullDevice
    let handle = try FileHandle(forWritingTo: output)
    defer { try? handle.close() }
    process.standardOutput = handle
    try process.run()
    process.waitUntilExit()
    let status = process.terminationStatus
    // 1 means that a check failed, which the report tells in detail.
    guard process.terminationReason == .exit, status == 0 || status == 1 else {
      throw CaseError("\(program.lastPathComponent) ended with the status \(status)")
    }
    let report: CaseReport
    do {
      report = try CaseReport(json: Data(contentsOf: output))
    } catch {
      throw CaseError("the report of \(program.lastPathComponent) cannot be read: \(error)")
    }
    guard !report.results.isEmpty, (status == 0) == (report.failedCount == 0) else {
      throw CaseError(
        "\(program.lastPathComponent) ended with the status \(status), but reports \(report.summary)")
    }
    return report
  }
}
