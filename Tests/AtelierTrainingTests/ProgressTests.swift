import AtelierTraining
import Foundation
import TestSupport
import Testing

@Suite struct ProgressTests {
  private func progress(_ step: Int) -> TrainingProgress {
    TrainingProgress(
      step: step, epoch: 1.5, fraction: Double(step) / 100, secondsLeft: 125, rate: 1234.5, unit: "examples",
      values: [.init(name: "total", value: 0.12345)])
  }

  @Test func aLogGetsPlainLinesAndOnlyLoggedSteps() {
    var text = ""
    let reporter = LineReporter { text += $0 }
    reporter.begin("toy")
    reporter.update(progress(49), isLogged: false)
    reporter.update(progress(50), isLogged: true)
    reporter.end("done")
    #expect(
      text == "toy\nstep 50 · 50 % · epoch 1.50 · 1235 examples/s · 2 min 05 s left · total 0.1235\ndone\n")
  }

  @Test func aTerminalGetsABarThatFitsAndSpeaksBetween() {
    var text = ""
    let reporter = TerminalReporter(write: { text += $0 }, width: { 60 })
    reporter.update(progress(50), isLogged: false)
    #expect(text.hasPrefix("\r") && !text.contains("\n"))
    #expect(text.dropFirst(4).count <= 59)
    text = ""
    reporter.update(progress(51), isLogged: false)
    #expect(text.isEmpty)  // Sooner than a tenth of a second.
    reporter.say("a word")
    #expect(text.contains("a word\n"))
    text = ""
    reporter.end("done")
    #expect(text == "\ndone\n")
  }

  @Test func waitingForDataIsShownWhereItIsWorthMending() {
    var lines: [String] = []
    let reporter = LineReporter { lines.append($0) }
    for waiting in [nil, 0.04, 0.43] {
      reporter.update(
        TrainingProgress(step: 1, epoch: 0, rate: 8, unit: "examples", waiting: waiting), isLogged: true)
    }
    #expect(lines.map { $0.contains("waits for data") } == [false, false, true])
    #expect(lines[2].contains("waits for data 43 %"))
  }

  @Test func quietMeansSilence() {
    #expect(automaticReporter(isQuiet: true) is QuietReporter)
  }

  @Test func interruptionsAreSeen() {
    let interruption = Interruption()
    #expect(!interruption.isRequested)
    interruption.request()
    #expect(interruption.isRequested)
  }

  @Test(.timeLimit(.minutes(5))) func theFirstSignalIsAWishAndTheSecondTheSystemsAgain() async throws {
    let interruption = Interruption(followsSignals: true)
    #expect(!interruption.isRequested)
    // Sent to the process: the threads that tests run on keep signals waiting, the main thread does not.
    kill(getpid(), SIGINT)
    while !interruption.isRequested { try await Task.sleep(for: .milliseconds(1)) }
    #expect(interruption.isRequested)
    // What handles the next one is the system's own: it ends the process, which a test can only look up.
    #if canImport(Glibc)
      for number in [SIGINT, SIGTERM] {
        var action = sigaction()
        sigaction(number, nil, &action)
        #expect(action.__sigaction_handler.sa_handler == nil)
      }
    #endif
  }
}
