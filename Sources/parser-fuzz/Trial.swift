import AtelierHashing
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
  /// Seconds of processor time of one input.
  let timeout: Int
  let end: ContinuousClock.Instant?

  /// What came of them, kept in a file so that a proof that was stopped goes on.
  struct Result: Codable {
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

  // MARK: Stopping and going on

  /// A result, and what it holds for: another program, seed or limit begins anew.
  private struct Stand: Codable {
    let key: String
    let result: Result
  }

  private var standFile: URL { folder.appendingPathComponent("\(parser.name).json") }
  private var pageFile: URL { folder.appendingPathComponent(".progress-\(parser.name)") }
  private var log: URL { folder.appendingPathComponent("\(parser.name).log") }

  private func key(_ program: URL, isGuided: Bool) throws -> String {
    "\(try SHA256Hasher.hexDigest(of: program)) \(isGuided) \(seed) \(memory) \(timeout)"
  }

  /// The result so far of this program, with what a process that was stopped with it had tried.
  private func taken(_ key: String, isGuided: Bool) throws -> Result {
    let data = try? Data(contentsOf: standFile)
    guard let stand = data.flatMap({ try? JSONDecoder().decode(Stand.self, from: $0) }), stand.key == key
    else {
      try? FileManager.default.removeItem(at: pageFile)
      try Data().write(to: log)
      let result = Result(parser: parser.name)
      try keep(result, key)
      return result
    }
    var result = stand.result
    if FileManager.default.fileExists(atPath: pageFile.path) {
      try take(try SharedPage(pageFile.path), into: &result, key, isGuided: isGuided)
    }
    return result
  }

  private func keep(_ result: Result, _ key: String) throws {
    try JSONEncoder().encode(Stand(key: key, result: result)).write(to: standFile, options: .atomic)
  }

  /// A page for a new process.
  private func page(from number: Int) throws -> SharedPage {
    try? FileManager.default.removeItem(at: pageFile)
    let page = try SharedPage(pageFile.path)
    page[.number] = number
    return page
  }

  /// Counts what a process that is over has tried.
  private func take(_ page: SharedPage, into result: inout Result, _ key: String, isGuided: Bool) throws {
    result.inputs = isGuided ? result.inputs + page[.number] : page[.number]
    (result.accepted, result.refused) = (result.accepted + page[.accepted], result.refused + page[.refused])
    result.peakMemory = max(result.peakMemory, page[.peakMemory])
    result.seconds += Double(page[.milliseconds]) / 1000
    let inputs = page.folder
    if inputs.contains("atelier-fuzz-") { try? FileManager.default.removeItem(atPath: inputs) }
    // Before the result is kept: nothing may count twice.
    try? FileManager.default.removeItem(at: pageFile)
    try keep(result, key)
  }

  private static let looksPerSecond = 50
  /// How often an input may wait for as long as it may compute.
  private static let waiting = 10

  /// Waits for a process.
  private func ended(_ process: Process, _ page: SharedPage, isAlive: () -> Bool) -> Bool {
    let begin = ContinuousClock.now
    while process.isRunning {
      usleep(1_000_000 / UInt32(Self.looksPerSecond))
      page[.milliseconds] = Int((ContinuousClock.now - begin) / .milliseconds(1))
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
    let program = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
    let key = try key(program, isGuided: false)
    let mutation = try Mutation(of: parser, seed: seed)
    var result = try taken(key, isGuided: false)
    try findWrong(mutation, &result)
    while result.inputs < count, !isLate, result.findings.count < 20 {
      let page = try page(from: result.inputs)
      let process = Process()
      process.executableURL = program
      process.arguments = [
        parser.name, "--count", "\(count)", "--seed", "\(seed)", "--start", "\(result.inputs)", "--progress",
        pageFile.path, "--memory", "\(memory)", "--timeout", "\(timeout)",
      ]
      let errors = try FileHandle(forWritingTo: log)
      try errors.seekToEnd()
      process.standardError = errors
      try process.run()
      // What waits for something uses no processor time. Looks are counted, and no clock is asked, because both
      // processes may be halted.
      var (last, looks) = (result.inputs, 0)
      var isHanging = false
      let isWhole = ended(process, page) {
        if page[.number] != last { (last, looks) = (page[.number], 0) }
        looks += 1
        isHanging = looks > Self.looksPerSecond * Self.waiting * timeout
        return !isHanging && !isLate
      }
      isHanging =
        isHanging || (process.terminationReason == .uncaughtSignal && process.terminationStatus == SIGPROF)
      try take(page, into: &result, key, isGuided: false)
      try findWrong(mutation, &result)
      if !isWhole, !isHanging { break }
      if isHanging || process.terminationReason == .uncaughtSignal || process.terminationStatus != 0 {
        let why = isHanging ? "hangs" : "ends the process (\(process.terminationStatus))"
        try find(mutation.input(result.inputs), result.inputs, why, &result)
        result.inputs += 1
      }
      try keep(result, key)
    }
    return result
  }

  /// Makes findings of the inputs that the log names and that are none yet.
  private func findWrong(_ mutation: Mutation, _ result: inout Result) throws {
    let text = String(decoding: try Data(contentsOf: log), as: UTF8.self)
    for line in text.split(separator: "\n") where result.findings.count < 20 {
      guard let number = line.split(separator: ":").first.flatMap({ Int($0) }),
        !result.findings.contains(where: { $0.hasPrefix(name(number) + ":") })
      else { continue }
      try find(mutation.input(number), number, String(line), &result)
    }
  }

  /// What the file of an input is called.
  private func name(_ number: Int) -> String { "\(parser.name)-\(seed)-\(number)" }

  private func find(_ input: [UInt8], _ number: Int, _ why: String, _ result: inout Result) throws {
    let file = folder.appendingPathComponent(name(number))
    try Data(input).write(to: file)
    result.findings.append("\(file.lastPathComponent): \(why.prefix(300))")
  }

  // MARK: Coverage

  /// Inputs that libFuzzer finds; a new process goes on behind one that ended it.
  func guided(by program: String) throws -> Result {
    let key = try key(URL(fileURLWithPath: program).resolvingSymlinksInPath(), isGuided: true)
    var result = try taken(key, isGuided: true)
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
      let page = try page(from: 0)
      let process = Process()
      process.executableURL = URL(fileURLWithPath: program)
      process.arguments = [
        "-runs=\(count - result.inputs)", "-seed=\(Int(seed) + result.findings.count)",
        "-max_len=\(parser.longest)", "-rss_limit_mb=\(memory)", "-malloc_limit_mb=\(memory)",
        "-timeout=\(Self.waiting * timeout)", "-detect_leaks=0", "-artifact_prefix=\(found.path)/",
        "-print_final_stats=1",
        "-verbosity=1", corpus.path, seeds.path,
      ]
      process.environment = ProcessInfo.processInfo.environment.merging([
        "ATELIER_FUZZED_PARSER": parser.name, "ATELIER_FUZZ_PROGRESS": pageFile.path,
        "ATELIER_FUZZ_SECONDS": "\(timeout)",
      ]) { $1 }
      try Data().write(to: log)
      process.standardError = try FileHandle(forWritingTo: log)
      process.standardOutput = FileHandle.nullDevice
      let before = Set(try FileManager.default.contentsOfDirectory(atPath: found.path))
      try process.run()
      let isWhole = ended(process, page) { !isLate }
      try take(page, into: &result, key, isGuided: true)
      // Inputs that are no UTF-8 may stand in it.
      let text = String(decoding: try Data(contentsOf: log), as: UTF8.self)
      result.coverage = max(result.coverage ?? 0, Self.coverage(in: text))
      if !isWhole {
        try keep(result, key)
        break
      }
      if process.terminationReason == .uncaughtSignal || process.terminationStatus != 0 {
        let new = Set(try FileManager.default.contentsOfDirectory(atPath: found.path)).subtracting(before)
        let why =
          text.split(separator: "\n").first { $0.contains("ERROR") || $0.hasPrefix("WRONG") } ?? "ended"
        result.findings.append("\(new.sorted().first ?? "no input"): \(why.prefix(300))")
      }
      try keep(result, key)
    }
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
