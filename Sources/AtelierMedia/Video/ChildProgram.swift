internal import Foundation

/// A failed child process.
struct ProgramFailure: Error {
  let reason: String
  /// All that the program said at its end.
  var words = ""
}

/// A child process reached through pipes. Not thread-safe.
///
/// No shell is involved. Standard error is drained while waiting for another pipe, which prevents a deadlock,
/// and only its end is kept. A process that is still running at deinit is killed and reaped.
final class ChildProgram {
  /// The timeout for any sign of activity, in seconds.
  private static let patience: Int32 = 120

  private static let starting = NSLock()

  private let name: String
  private let process: pid_t
  private var input: Int32 = -1
  private var output: Int32 = -1
  private var errors: Int32 = -1
  private var errorText: [UInt8] = []
  private var status: Int32?

  /// Starts a program.
  ///
  /// - Parameters:
  ///   - path: an absolute path.
  ///   - writes: whether ``write(_:)`` is used; otherwise its standard input is empty.
  ///   - reads: whether ``read(into:)`` is used; otherwise its standard output goes nowhere.
  init(_ path: String, _ arguments: [String], writes: Bool, reads: Bool) throws(ProgramFailure) {
    name = (path as NSString).lastPathComponent
    var opened: [Int32] = []
    defer { for descriptor in opened { close(descriptor) } }

    func pair(_ make: (UnsafeMutablePointer<Int32>) -> Int32) throws(ProgramFailure) -> (Int32, Int32) {
      var ends: [Int32] = [-1, -1]
      let isMade = make(&ends) == 0
      // Move descriptors above 2, as the standard streams may be closed in this process.
      let moved = isMade ? ends.map { fcntl($0, F_DUPFD_CLOEXEC, 3) } : []
      if isMade { for end in ends { close(end) } }
      opened += moved.filter { $0 >= 0 }
      guard moved.count == 2, !moved.contains(-1) else {
        throw ProgramFailure(reason: "no pipe to \(path) could be opened")
      }
      return (moved[0], moved[1])
    }
    // A process started by another thread meanwhile would inherit the pipes and keep them open.
    Self.starting.lock()
    defer { Self.starting.unlock() }
    let toChild = try writes ? pair { socketpair(AF_UNIX, Self.stream, 0, $0) } : nil
    let fromChild = try reads ? pair { pipe($0) } : nil
    let complaints = try pair { pipe($0) }
    #if canImport(Darwin)
      if let toChild {
        var isOn: Int32 = 1
        setsockopt(toChild.0, SOL_SOCKET, SO_NOSIGPIPE, &isOn, socklen_t(MemoryLayout<Int32>.size))
      }
      var actions: posix_spawn_file_actions_t?
      var attributes: posix_spawnattr_t?
    #else
      var actions = posix_spawn_file_actions_t()
      var attributes = posix_spawnattr_t()
    #endif
    posix_spawn_file_actions_init(&actions)
    posix_spawnattr_init(&attributes)
    defer {
      posix_spawn_file_actions_destroy(&actions)
      posix_spawnattr_destroy(&attributes)
    }
    if let toChild {
      posix_spawn_file_actions_adddup2(&actions, toChild.1, 0)
    } else {
      posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    }
    if let fromChild {
      posix_spawn_file_actions_adddup2(&actions, fromChild.1, 1)
    } else {
      posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
    }
    posix_spawn_file_actions_adddup2(&actions, complaints.1, 2)
    // Its own process group, so that Ctrl-C reaches only this process; signals have their default actions.
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    sigaddset(&signals, SIGPIPE)
    sigaddset(&signals, SIGINT)
    sigaddset(&signals, SIGTERM)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    posix_spawnattr_setpgroup(&attributes, 0)
    var flags = Int32(POSIX_SPAWN_SETSIGMASK) | Int32(POSIX_SPAWN_SETSIGDEF) | Int32(POSIX_SPAWN_SETPGROUP)
    #if canImport(Darwin)
      flags |= Int32(POSIX_SPAWN_CLOEXEC_DEFAULT)
    #endif
    posix_spawnattr_setflags(&attributes, Int16(flags))

    var environment = ProcessInfo.processInfo.environment
    environment["AV_LOG_FORCE_NOCOLOR"] = "1"
    var words = ([path] + arguments).map { strdup($0) } + [nil]
    var settings = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for word in words + settings { free(word) } }
    var process: pid_t = 0
    var code: Int32 = 0
    var pause = timespec(tv_sec: 0, tv_nsec: 5_000_000)
    // ETXTBSY: an executable just written may still be open in a process that another thread is forking.
    for _ in 0..<40 {
      code = posix_spawn(&process, path, &actions, &attributes, &words, &settings)
      if code != ETXTBSY { break }
      nanosleep(&pause, nil)
    }
    guard code == 0 else {
      throw ProgramFailure(reason: "\(path) could not be started (\(String(cString: strerror(code))))")
    }
    self.process = process
    input = toChild?.0 ?? -1
    output = fromChild?.0 ?? -1
    errors = complaints.0
    let kept = [input, output, errors]
    for descriptor in opened where !kept.contains(descriptor) { close(descriptor) }
    opened = []
  }

  deinit { end() }

  #if canImport(Darwin)
    private static let stream = SOCK_STREAM
  #else
    private static let stream = Int32(SOCK_STREAM.rawValue)
  #endif

  // MARK: Reading and writing

  /// Fills a buffer from standard output; fewer bytes only at its end.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws(ProgramFailure) -> Int {
    var done = 0
    while done < buffer.count, output >= 0 {
      guard try wait(for: output, Int16(POLLIN)) else { continue }
      let taken = Self.repeating {
        Foundation.read(output, buffer.baseAddress.map { $0 + done }, buffer.count - done)
      }
      if taken <= 0 { closeOutput() } else { done += taken }
    }
    return done
  }

  /// All of standard output, at most `limit` bytes.
  func readAll(limit: Int) throws(ProgramFailure) -> [UInt8] {
    var result: [UInt8] = []
    let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 16)
    defer { piece.deallocate() }
    while true {
      let taken = try read(into: piece)
      result.append(contentsOf: piece[0..<taken])
      guard result.count <= limit else {
        throw ProgramFailure(reason: "\(name) wrote more than \(limit) bytes")
      }
      if taken < piece.count { return result }
    }
  }

  /// Writes to standard input.
  func write(_ bytes: UnsafeRawBufferPointer) throws(ProgramFailure) {
    #if canImport(Darwin)
      let flags = MSG_DONTWAIT
    #else
      let flags = Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)
    #endif
    var done = 0
    while done < bytes.count {
      guard input >= 0 else { throw ProgramFailure(reason: "\(name) takes no more input") }
      guard try wait(for: input, Int16(POLLOUT)) else { continue }
      let sent = send(input, bytes.baseAddress.map { $0 + done }, bytes.count - done, flags)
      if sent > 0 {
        done += sent
      } else if errno != EAGAIN && errno != EINTR {
        closeInput()
      }
    }
  }

  /// Closes standard input.
  func closeInput() {
    if input >= 0 { close(input) }
    input = -1
  }

  private func closeOutput() {
    if output >= 0 { close(output) }
    output = -1
  }

  /// Waits until a descriptor is ready and drains standard error meanwhile; false where only the latter was.
  private func wait(for descriptor: Int32, _ events: Int16) throws(ProgramFailure) -> Bool {
    var places = [
      pollfd(fd: descriptor, events: events, revents: 0),
      pollfd(fd: errors, events: Int16(POLLIN), revents: 0),
    ]
    let count = poll(&places, 2, Self.patience * 1000)
    if count < 0 && errno == EINTR { return false }
    guard count > 0 else {
      end()
      throw ProgramFailure(reason: "\(name) has given no sign of life for \(Self.patience) seconds")
    }
    if places[1].revents != 0 { drainErrors() }
    return places[0].revents != 0
  }

  private func drainErrors() {
    var piece = [UInt8](repeating: 0, count: 4096)
    let taken = Self.repeating { Foundation.read(errors, &piece, piece.count) }
    guard taken > 0 else {
      close(errors)
      errors = -1
      return
    }
    errorText += piece[0..<taken]
    if errorText.count > 16_384 { errorText.removeFirst(errorText.count - 8192) }
  }

  private static func repeating(_ call: () -> Int) -> Int {
    while true {
      let result = call()
      if result >= 0 || errno != EINTR { return result }
    }
  }

  // MARK: Ending

  /// Closes the pipes, drains standard error, and waits for the exit.
  ///
  /// - Throws: where the exit status is not 0; the reason is the last line of standard error.
  func finish() throws(ProgramFailure) {
    closeInput()
    closeOutput()
    while errors >= 0 { _ = try wait(for: -1, 0) }
    // All its pipes are closed, so it should exit soon.
    var pause = timespec(tv_sec: 0, tv_nsec: 500_000)
    for _ in 0..<(Int(Self.patience) * 2000) where !reap(WNOHANG) { nanosleep(&pause, nil) }
    guard status != nil else {
      end()
      throw ProgramFailure(reason: "\(name) does not end")
    }
    guard status == 0 else {
      throw ProgramFailure(
        reason: complaint ?? "\(name) failed and gives no reason",
        words: String(decoding: errorText, as: UTF8.self))
    }
  }

  /// How lines of ffmpeg begin that tell what follows from an error, and not what it is.
  private static let consequences = [
    "Error marking filters as finished", "Error while filtering", "Error initializing output stream",
    "Error writing trailer", "Error closing file", "Error muxing", "Conversion failed", "Error submitting",
    "Task finished with error code", "Terminating thread with return code", "Error while processing",
    "Nothing was written into output file", "Error sending frames to consumers", "Exiting with exit code",
    "Cannot determine format of input stream",
  ]

  /// The last line of standard error that names a cause, else the last, worded to end a sentence; nil where there is none.
  var complaint: String? {
    let lines = String(decoding: errorText, as: UTF8.self).split(whereSeparator: \.isNewline)
      .map { Self.withoutPrefixes($0.trimmingCharacters(in: .whitespaces)) }.filter { !$0.isEmpty }
    let cause = lines.last { line in !Self.consequences.contains { line.hasPrefix($0) } }
    guard var line = cause ?? lines.last else { return nil }
    while line.hasSuffix(".") { line.removeLast() }
    return String(line.prefix(300))
  }

  /// A line without prefixes such as `[mov,mp4 @ 0x55d0]`, which hold an address.
  private static func withoutPrefixes(_ line: String) -> String {
    var line = line
    while line.hasPrefix("["), let end = line.range(of: "] ") { line.removeSubrange(..<end.upperBound) }
    return line
  }

  /// Kills the program where it still runs, and reaps it.
  func end() {
    closeInput()
    closeOutput()
    if errors >= 0 { close(errors) }
    errors = -1
    if status == nil {
      kill(-process, SIGKILL)
      kill(process, SIGKILL)
      _ = reap(0)
    }
  }

  private func reap(_ options: Int32) -> Bool {
    if status != nil { return true }
    var code: Int32 = 0
    while true {
      let result = waitpid(process, &code, options)
      if result == 0 { return false }
      if result < 0 && errno == EINTR { continue }
      // Already reaped elsewhere: the exit status is unknown.
      status = result == process ? code : -1
      return true
    }
  }
}
