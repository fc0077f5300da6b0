import Foundation
import ParserFuzzing

/// One parser's inputs, in processes of their own.
struct Trial {
  let parser: FuzzedParser
  let count: Int
  let seed: UInt64
  let folder: URL
  /// Megabytes.
  let memory: Int
  /// Seconds of one input.
  let timeout: Int
  let end: ContinuousClock.Instant?

  /// What came of them.
  struct Result {
    let parser: String
    var inputs = 0
    var accepted = 0
    var refused = 0
    var seconds = 0.0
    /// Bytes.
    var peakMemory = 0
    /// Edges of the code that were reached; nil without libFuzzer.
    var coverage: Int?
    /// Files with inputs, and why.
    var findings: [String] = []

    var line: String {
      let rate = seconds > 0 ? Int(Double(inputs) / seconds) : 0
      let head =
        "\(parser): \(inputs) inputs, \(rate)/s, \(accepted) accepted, \(refused) refused, peak "
        + "\(peakMemory >> 20) MB\(coverage.map { ", \($0) edges" } ?? ""), \(findings.count) findings"
      return ([head] + findings.map { "  " + $0 }).joined(separator: "\n")
    }
  }

  private var isLate: Bool { end.map { ContinuousClock.now >= $0 } ?? false }

  private func ended(_ process: Process, within seconds: Double? = nil, isAlive: () -> Bool) -> Bool {
    while process.isRunning {
      usleep(20_000)
      if !isAlive() {
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        return false
      }
    }
    process.waitUntilExit()
    return true
  }

  // MARK: Structured mutation

  /// Inputs by number, in children that begin again behind an input that ended one.
  func structured() throws -> Result {
    var result = Result(parser: parser.name)
    let begin = ContinuousClock.now
    let mutation = try Mutation(of: parser, seed: seed)
    var next = 0
    while next < count, !isLate, result.findings.count < 20 {
      let file = folder.appendingPathComponent(".progress-\(parser.name)")
      try? FileManager.default.removeItem(at: file)
      let page = try SharedPage(file.path)
      page[.number] = next
      let process = Process()
      process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
      process.arguments = [
        parser.name, "--count", "\(count)", "--seed", "\(seed)", "--start", "\(next)", "--progress",
        file.path,
        "--memory", "\(memory)",
      ]
      let errors = folder.appendingPathComponent("\(parser.name).log")
      if !FileManager.default.fileExists(atPath: errors.path) { try Data().write(to: errors) }
      let log = try FileHandle(forWritingTo: errors)
      let written = try log.seekToEnd()
      process.standardError = log
      try process.run()
      var (last, since) = (next, ContinuousClock.now)
      var isHanging = false
      let isWhole = ended(process) {
        if page[.number] != last { (last, since) = (page[.number], ContinuousClock.now) }
        isHanging = ContinuousClock.now - since > .seconds(timeout)
        return !isHanging && !isLate
      }
      try? FileManager.default.removeItem(atPath: page.folder)
      (result.accepted, result.refused) = (result.accepted + page[.accepted], result.refused + page[.refused])
      result.peakMemory = max(result.peakMemory, page[.peakMemory])
      if page[.wrong] > 0 {
        let said = try FileHandle(forReadingFrom: errors)
        try said.seek(toOffset: written)
        let text = String(decoding: try said.readToEnd() ?? Data(), as: UTF8.self)
        for line in text.split(separator: "\n").prefix(20) {
          guard let number = line.split(separator: ":").first.flatMap({ Int($0) }) else { continue }
          try find(mutation.input(number), number, String(line), &result)
        }
      }
      next = page[.number]
      if !isWhole, !isHanging { break }
      if isHanging || process.terminationReason == .uncaughtSignal || process.terminationStatus != 0 {
        let why = isHanging ? "hangs" : "ends the process (\(process.terminationStatus))"
        try find(mutation.input(next), next, why, &result)
        next += 1
      }
    }
    result.inputs = next
    result.seconds = (ContinuousClock.now - begin) / .seconds(1)
    return result
  }

  private func find(_ input: [UInt8], _ number: Int, _ why: String, _ result: inout Result) throws {
    let file = folder.appendingPathComponent("\(parser.name)-\(seed)-\(number)")
    try Data(input).write(to: file)
    result.findings.append("\(file.lastPathComponent): \(why.prefix(300))")
  }

  // MARK: Coverage

  /// Inputs that libFuzzer finds; a new process goes on behind one that ended it.
  func guided(by program: String) throws -> Result {
    var result = Result(parser: parser.name)
    let begin = ContinuousClock.now
    let place = folder.appendingPathComponent(parser.name, isDirectory: true)
    let (corpus, seeds, found) = (
      place.appendingPathComponent("corpus"), place.appendingPathComponent("seeds"),
      place.appendingPathComponent("findings")
    )
    for folder in [corpus, seeds, found] {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }
    for (index, bytes) in try parser.seeds().enumerated() {
      try Data(bytes).write(to: seeds.appendingPathComponent("\(index)"))
    }
    while result.inputs < count, !isLate, result.findings.count < 20 {
      let file = folder.appendingPathComponent(".progress-\(parser.name)")
      try? FileManager.default.removeItem(at: file)
      let page = try SharedPage(file.path)
      let process = Process()
      process.executableURL = URL(fileURLWithPath: program)
      process.arguments = [
        "-runs=\(count - result.inputs)", "-seed=\(Int(seed) + result.findings.count)",
        "-max_len=\(parser.longest)", "-rss_limit_mb=\(memory)", "-malloc_limit_mb=\(memory)",
        "-timeout=\(timeout)", "-detect_leaks=0", "-artifact_prefix=\(found.path)/", "-print_final_stats=1",
        "-verbosity=1", corpus.path, seeds.path,
      ]
      process.environment = ProcessInfo.processInfo.environment.merging([
        "ATELIER_FUZZED_PARSER": parser.name, "ATELIER_FUZZ_PROGRESS": file.path,
      ]) { $1 }
      let errors = folder.appendingPathComponent("\(parser.name).log")
      try Data().write(to: errors)
      process.standardError = try FileHandle(forWritingTo: errors)
      process.standardOutput = FileHandle.nullDevice
      let before = Set(try FileManager.default.contentsOfDirectory(atPath: found.path))
      try process.run()
      let isWhole = ended(process) { !isLate }
      try? FileManager.default.removeItem(atPath: page.folder)
      let text = try String(contentsOf: errors, encoding: .utf8)
      result.inputs += page[.number]
      (result.accepted, result.refused) = (result.accepted + page[.accepted], result.refused + page[.refused])
      result.peakMemory = max(result.peakMemory, page[.peakMemory])
      result.coverage = max(result.coverage ?? 0, Self.coverage(in: text))
      if !isWhole { break }
      if process.terminationReason == .uncaughtSignal || process.terminationStatus != 0 {
        let new = Set(try FileManager.default.contentsOfDirectory(atPath: found.path)).subtracting(before)
        let why =
          text.split(separator: "\n").first { $0.contains("ERROR") || $0.hasPrefix("WRONG") } ?? "ended"
        result.findings.append("\(new.sorted().first ?? "no input"): \(why.prefix(300))")
      }
    }
    result.seconds = (ContinuousClock.now - begin) / .seconds(1)
    return result
  }

  /// The last number behind `cov:`.
  private static func coverage(in log: String) -> Int {
    guard let line = log.split(separator: "\n").last(where: { $0.contains(" cov: ") }),
      let mark = line.range(of: " cov: ")
    else { return 0 }
    return Int(line[mark.upperBound...].prefix { $0.isNumber }) ?? 0
  }
}
