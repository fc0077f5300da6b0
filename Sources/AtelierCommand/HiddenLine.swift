import Foundation

/// A line that is typed on a terminal without being shown. The terminal shows again what is typed however reading ends, also
/// where a signal such as Ctrl-C ends the process.
package enum HiddenLine {
  private static let signals = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP]

  /// The signal that came while reading. A number without initialisation at run time, because a handler writes it.
  ///
  /// Unsafe: a handler can take no lock. It stores one aligned word, which is read after the reading that it interrupts, and a
  /// program asks for one line at a time.
  nonisolated(unsafe) fileprivate static var caught: Int32 = 0

  /// Asks for a line.
  ///
  /// - Parameter terminal: an open descriptor of a terminal, to be read and written.
  /// - Returns: at most 4096 bytes, without the line's end; nil where the terminal cannot be told to hide them.
  package static func read(from terminal: Int32, prompt: String) -> [UInt8]? {
    while true {
      caught = 0
      guard let bytes = attempt(terminal, prompt) else { return nil }
      guard caught != 0 else { return bytes }
      // The terminal is as it was, so that the signal may do what it does; what only stopped the process asks again.
      raise(caught)
    }
  }

  /// One attempt, which ends with the line or with a signal.
  private static func attempt(_ terminal: Int32, _ prompt: String) -> [UInt8]? {
    var settings = termios()
    guard tcgetattr(terminal, &settings) == 0 else { return nil }
    // Without SA_RESTART, so that a signal ends the call that waits.
    var action = sigaction()
    let handler: @convention(c) (Int32) -> Void = { HiddenLine.caught = $0 }
    #if canImport(Darwin)
      action.__sigaction_u.__sa_handler = handler
    #else
      action.__sigaction_handler.sa_handler = handler
    #endif
    sigemptyset(&action.sa_mask)
    var former = signals.map { _ in sigaction() }
    for (index, signal) in signals.enumerated() { sigaction(signal, &action, &former[index]) }
    defer { for (index, signal) in signals.enumerated() { sigaction(signal, &former[index], nil) } }

    var hidden = settings
    hidden.c_lflag &= ~tcflag_t(ECHO | ECHOE | ECHOK | ECHONL)
    guard tcsetattr(terminal, TCSAFLUSH, &hidden) == 0 else { return nil }
    defer { tcsetattr(terminal, TCSAFLUSH, &settings) }
    say(prompt, on: terminal)
    var bytes: [UInt8] = []
    var byte: UInt8 = 0
    while bytes.count < 4096, caught == 0 {
      // The signal may come between the look at it and the wait, or to another thread.
      var place = pollfd(fd: terminal, events: Int16(POLLIN), revents: 0)
      let ready = poll(&place, 1, 200)
      if ready == 0 || (ready < 0 && errno == EINTR) { continue }
      let count = Foundation.read(terminal, &byte, 1)
      if count < 0, errno == EINTR { continue }
      guard count == 1, byte != 10, byte != 13 else { break }
      bytes.append(byte)
    }
    say("\n", on: terminal)
    return bytes
  }

  private static func say(_ text: String, on terminal: Int32) {
    _ = Array(text.utf8).withUnsafeBytes { write(terminal, $0.baseAddress, $0.count) }
  }
}
