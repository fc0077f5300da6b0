import ArgumentParser
import Foundation
import ParserFuzzing

/// Reads damaged files with every parser of untrusted files, and records what traps, hangs, takes memory without
/// bound, or is refused otherwise than by a sentence.
@main
struct ParserFuzz: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "parser-fuzz",
    abstract: "Reads many damaged files with every parser of untrusted files.",
    discussion: """
      Each parser is fed in processes of its own, so that a trap is recorded with its input and the rest goes on. \
      Inputs are valid files changed by a generator: numbers and seed alone decide them. With --fuzzer, a build of \
      this program with libFuzzer (`make proof` makes it), inputs are guided by coverage instead.

      A finding is a file in --work named after the parser; the exit code is 0 only where there is none. What was \
      tried is kept in --work as well: the same command goes on where it was stopped, and says of what is done what \
      came of it. Another build of the program begins anew.
      """)

  @Argument(help: "Parsers; default: all.")
  var parsers: [String] = []

  @Flag(help: "List the parsers and stop.")
  var list = false

  @Option(help: "Inputs for each parser.")
  var count = 1_000_000

  @Option(help: "What the inputs follow from.")
  var seed: UInt64 = 1

  @Option(help: "This program built with libFuzzer.", completion: .file())
  var fuzzer: String?

  @Option(help: "The folder for findings and libFuzzer's corpora; default: .build/parser-fuzz.")
  var work = ".build/parser-fuzz"

  @Option(help: "The most megabytes of memory that a process may take.")
  var memory = 1024

  @Option(help: "Seconds of processor time after which an input hangs.")
  var timeout = 20

  @Option(help: "Stop after so many minutes, and say how many inputs there were.")
  var minutes: Double?

  @Option(help: ArgumentHelp("The number of a child's first input.", visibility: .hidden))
  var start: Int?

  @Option(help: ArgumentHelp("Where a child says how far it is.", visibility: .hidden))
  var progress: String?

  func validate() throws {
    for name in parsers where FuzzedParser.named(name) == nil {
      let known = FuzzedParser.all.map(\.name).joined(separator: ", ")
      throw ValidationError("'\(name)' is no parser; there are \(known).")
    }
    guard count > 0, memory > 0, timeout > 0, minutes ?? 1 > 0 else {
      throw ValidationError("--count, --memory, --timeout and --minutes must be above 0.")
    }
  }

  func run() throws {
    if list {
      for parser in FuzzedParser.all { print(parser.name) }
      return
    }
    if let start, let progress, let name = parsers.first, let parser = FuzzedParser.named(name) {
      try Feeding(parser, seed: seed, memory: memory << 20, timeout: timeout).feed(
        start..<count, progress: progress)
      return
    }
    let folder = URL(fileURLWithPath: work, isDirectory: true)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let begin = ContinuousClock.now
    let end = minutes.map { begin + .seconds(60 * $0) }
    var (total, findings) = (0, 0)
    for parser in parsers.isEmpty ? FuzzedParser.all : parsers.compactMap(FuzzedParser.named) {
      if let end, ContinuousClock.now >= end { break }
      let trial = Trial(
        parser: parser, count: count, seed: seed, folder: folder, memory: memory, timeout: timeout, end: end)
      let result = try fuzzer.map { try trial.guided(by: $0) } ?? trial.structured()
      print(result.line)
      fflush(nil)
      total += result.inputs
      findings += result.findings.count
    }
    let seconds = Int((ContinuousClock.now - begin) / .seconds(1))
    print("\(total) inputs in \(seconds) s, \(findings) findings")
    if findings > 0 { throw ExitCode(1) }
  }
}
