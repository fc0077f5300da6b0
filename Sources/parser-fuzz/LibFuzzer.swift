import Foundation
import ParserFuzzing
import Torch

/// What libFuzzer calls in a build with it (`swift build --sanitize=fuzzer`), whose `main` then takes the place of
/// this program's. Environment variables name the parser and the page for counts.
private struct GuidedParser {
  let parser: FuzzedParser
  let folder: FuzzFolder
  let page: SharedPage?
  let parent = getppid()
  /// The most seconds of processor time of an input.
  let timeout: Double

  init() {
    let environment = ProcessInfo.processInfo.environment
    guard let parser = environment["ATELIER_FUZZED_PARSER"].flatMap(FuzzedParser.named),
      let folder = try? FuzzFolder()
    else { fatalError("ATELIER_FUZZED_PARSER names no parser") }
    Engine.threadCount = 1
    self.parser = parser
    self.folder = folder
    page = environment["ATELIER_FUZZ_PROGRESS"].flatMap { try? SharedPage($0) }
    page?.folder = folder.url.path
    timeout = environment["ATELIER_FUZZ_SECONDS"].flatMap(Double.init) ?? 20
    // libFuzzer keeps the input of a process that aborts.
    signal(SIGPROF) { _ in
      let sentence: StaticString = "WRONG it took too much processor time\n"
      write(STDERR_FILENO, sentence.utf8Start, sentence.utf8CodeUnitCount)
      abort()
    }
  }
}

// libFuzzer calls on one thread only.
private nonisolated(unsafe) let guided = GuidedParser()

/// Reads one input; ends the process where it is refused otherwise than in a sentence.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = [UInt8](UnsafeBufferPointer(start: start, count: count))
  ProcessorTime.limit(seconds: guided.timeout)
  let outcome = guided.parser.outcome(of: bytes, in: guided.folder)
  if let page = guided.page {
    page[.number] += 1
    if page[.number] % 256 == 0 {
      page[.peakMemory] = Feeding.peakMemory
      if getppid() != guided.parent { _exit(0) }
    }
    switch outcome {
    case .accepted: page[.accepted] += 1
    case .refused: page[.refused] += 1
    case .wrong: page[.wrong] += 1
    }
  }
  if case .wrong(let problem) = outcome {
    FileHandle.standardError.write(Data("WRONG \(problem)\n".utf8))
    abort()
  }
  return 0
}
