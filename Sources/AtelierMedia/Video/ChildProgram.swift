internal import Foundation

/// Why a program that was run gave no result.
struct ProgramFailure: Error {
  let reason: String
}

/// A program that runs beside this one and is reached through pipes; for one thread.
///
/// Nothing goes through a shell. What the program writes to its standard error is drained whenever one of its
/// other pipes is waited for, so that neither side waits for the other for ever, and only its end is kept. A
/// program that is dropped while it runs is killed and reaped.
final class ChildProgram {
  /// How long a program may give no sign of life, in seconds.
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
      // Out of the way of the three standard streams, which may be closed here.
      let moved = isMade ? ends.map { fcntl($0, F_DUPFD_CLOEXEC, 3) } : []
      if isMade { for end in ends { close(end) } }
      opened += moved.filter { $0 >= 0 }
      guard moved.count == 2, !moved.contains(-1) else {
        throw ProgramFailure(reason: "no pipe to \(path) could be opened")
      }
      return (moved[0], moved[1])
    }
    // A program that another thread starts between these lines would inherit pipes and keep them open.
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
    // A group of its own: an interrupt from the keyboard is for this process to act on. Signals as they come.
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
    // A program that was just written may still be open in one that another thread is starting.
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

  // MARK: Talking

  /// Fills a buffer from the program's standard output; fewer bytes only where the output ends.
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

  /// Everything that the program writes, if it is no more than `limit` bytes.
  func readAll(limit: Int) throws(ProgramFailure) -> [UInt8] {
    var result: [UInt8] = []
    let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 16)
    defer { piece.deallocate() }
    while true {
      let taken = try read(into: piece)
      result.append(contentsOf: piece[0..<taken])
      guard result.count <= limit else {
        throw ProgramFailure(reason: "\(name) says more than \(limit) bytes")
      }
      if taken < piece.count { return result }
    }
  }

  /// Gives the program bytes on its standard input.
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

  /// Tells the program that there is no more input.
  func closeInput() {
    if input >= 0 { close(input) }
    input = -1
  }

  private func closeOutput() {
    if output >= 0 { close(output) }
    output = -1
  }

  /// Waits until a descriptor is ready, and drains the standard error meanwhile; false where only the latter
  /// came.
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

  /// Closes the pipes, hears the program out and reaps it.
  ///
  /// - Throws: where it ended with anything but success; the reason is the last line that it said.
  func finish() throws(ProgramFailure) {
    closeInput()
    closeOutput()
    while errors >= 0 { _ = try wait(for: -1, 0) }
    // It has closed all its pipes, so its end is near.
    var pause = timespec(tv_sec: 0, tv_nsec: 500_000)
    for _ in 0..<(Int(Self.patience) * 2000) where !reap(WNOHANG) { nanosleep(&pause, nil) }
    guard status != nil else {
      end()
      throw ProgramFailure(reason: "\(name) does not end")
    }
    guard status == 0 else { throw ProgramFailure(reason: complaint ?? "\(name) failed and gives no reason") }
  }

  /// The last line that the program wrote to its standard error, as the end of a sentence; nil where it said
  /// nothing.
  var complaint: String? {
    let lines = String(decoding: errorText, as: UTF8.self).split(whereSeparator: \.isNewline)
      .map { $0.trimmingCharacters(in: .whitespaces) }
    guard var line = lines.last(where: { !$0.isEmpty }) else { return nil }
    // `[mov,mp4 @ 0x55d0]` names a part of the program at some address.
    while line.hasPrefix("["), let end = line.range(of: "] ") { line.removeSubrange(..<end.upperBound) }
    while line.hasSuffix(".") { line.removeLast() }
    return String(line.prefix(300))
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
      // Somebody else has reaped it: how it ended is unknown.
      status = result == process ? code : -1
      return true
    }
  }
}
