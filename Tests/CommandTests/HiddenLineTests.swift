import AtelierCommand
import Foundation
import Testing

/// A line that is typed unseen, on a terminal of the test's own.
@Suite(.serialized) struct HiddenLineTests {
  /// The two ends of a new terminal.
  private struct Ends {
    let (user, program): (Int32, Int32)

    init() throws {
      #if os(Linux)
        // What unlockpt and ptsname do, which Swift does not see there.
        user = open("/dev/ptmx", O_RDWR | O_NOCTTY)
        let (unlocking, asking): (UInt, UInt) = (0x4004_5431, 0x8004_5430)
        var (lock, number): (Int32, UInt32) = (0, 0)
        try #require(user >= 0 && ioctl(user, unlocking, &lock) == 0 && ioctl(user, asking, &number) == 0)
        program = open("/dev/pts/\(number)", O_RDWR | O_NOCTTY)
      #else
        user = posix_openpt(O_RDWR | O_NOCTTY)
        try #require(user >= 0 && grantpt(user) == 0 && unlockpt(user) == 0)
        program = open(try #require(ptsname(user)), O_RDWR | O_NOCTTY)
      #endif
      try #require(program >= 0)
    }

    var echoes: Bool {
      var settings = termios()
      return tcgetattr(program, &settings) == 0 && settings.c_lflag & tcflag_t(ECHO) != 0
    }

    func type(_ text: String) {
      _ = Array(text.utf8).withUnsafeBytes { write(user, $0.baseAddress, $0.count) }
    }

    /// What is shown, up to some words.
    func shown(upTo words: String) -> String {
      // Bytes, because CR LF, which a terminal makes of LF, is one Character.
      var bytes: [UInt8] = []
      var byte: UInt8 = 0
      while !bytes.reversed().starts(with: words.utf8.reversed()) {
        var place = pollfd(fd: user, events: Int16(POLLIN), revents: 0)
        guard poll(&place, 1, 20_000) == 1, read(user, &byte, 1) == 1 else { break }
        bytes.append(byte)
      }
      return String(decoding: bytes, as: UTF8.self)
    }

    func close() {
      _ = Foundation.close(user)
      _ = Foundation.close(program)
    }
  }

  /// What is read on a thread of its own, while the test types.
  private final class Reading: @unchecked Sendable {
    // Written before the semaphore is signalled and read behind it.
    private var result: [UInt8]?
    private let done = DispatchSemaphore(value: 0)

    init(_ terminal: Int32) {
      Thread.detachNewThread {
        // Threads of a test are deaf to signals, and this one has what they begin.
        var heard = sigset_t()
        sigemptyset(&heard)
        sigaddset(&heard, SIGHUP)
        pthread_sigmask(SIG_UNBLOCK, &heard, nil)
        self.result = HiddenLine.read(from: terminal, prompt: "Word: ")
        self.done.signal()
      }
    }

    func wait() -> [UInt8]? {
      done.wait()
      return result
    }
  }

  @Test func whatIsTypedIsNotShownAndTheTerminalIsAsBefore() throws {
    let ends = try Ends()
    defer { ends.close() }
    #expect(ends.echoes)
    let reading = Reading(ends.program)
    #expect(ends.shown(upTo: "Word: ") == "Word: ")
    #expect(!ends.echoes)
    ends.type("sesame\n")
    #expect(reading.wait() == Array("sesame".utf8))
    #expect(ends.echoes)
    #expect(!ends.shown(upTo: "\n").contains("sesame"))
  }

  @Test func aSignalGivesTheTerminalBackBeforeItActs() throws {
    let ends = try Ends()
    defer { ends.close() }
    // The signal acts by noting what it finds, instead of ending the tests.
    echoesAtSignal = nil
    terminalAtSignal = ends.program
    let former = signal(SIGHUP) { _ in
      var settings = termios()
      echoesAtSignal =
        tcgetattr(terminalAtSignal, &settings) == 0 && settings.c_lflag & tcflag_t(ECHO) != 0
    }
    defer { signal(SIGHUP, former) }
    let reading = Reading(ends.program)
    _ = ends.shown(upTo: "Word: ")
    kill(getpid(), SIGHUP)
    // It asks again, as after a signal that only stopped the process.
    _ = ends.shown(upTo: "Word: ")
    #expect(echoesAtSignal == true)
    ends.type("sesame\n")
    #expect(reading.wait() == Array("sesame".utf8))
    #expect(ends.echoes)
  }
}

// Globals, because a handler of signals captures nothing.
private nonisolated(unsafe) var terminalAtSignal: Int32 = -1
private nonisolated(unsafe) var echoesAtSignal: Bool?
