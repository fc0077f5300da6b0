import Atelier
import AtelierService
import Foundation
import TestSupport
import Testing

/// Videos that are played: the page and what it asks for, recorded sessions, and actions that are written out.
@Suite struct PlayTests {
  private let atelier: Program
  private let folder: TemporaryFolder
  private let run: URL

  init() throws {
    atelier = try #require(Program(named: "atelier"), "the program atelier was not built beside the tests")
    folder = try TemporaryFolder()
    run = folder("run")
    let data = try TinyLayout.videos.write(in: folder.url)
    let keys = [
      "imageSize=32", "frames=4", "groundTruthFrames=2", "actions=3", "representationChannels=[2,3]",
      "stateFeatures=4", "hiddenSize=4", "batchSize=1",
    ]
    let result = try atelier.run(
      [
        "train", "playable-video", "--preset", "small", "--data", data.path, "--run", run.path, "--steps",
        "2",
        "--threads", "1",
      ] + keys.flatMap { ["--set", $0] })
    try #require(result.status == 0, "\(result.errors)")
  }

  /// An answer to a request.
  private struct Answer {
    var status: Int
    var head: String
    var body: [UInt8]
    var text: String { String(decoding: body, as: UTF8.self) }

    func value(_ header: String) -> String? {
      head.split(separator: "\r\n").first { $0.lowercased().hasPrefix(header.lowercased() + ": ") }
        .map { String($0.dropFirst(header.count + 2)) }
    }
  }

  /// A connection to a port of this machine.
  private func connected(to port: Int) throws -> Int32 {
    #if os(Linux)
      let kind = Int32(SOCK_STREAM.rawValue)
    #else
      let kind = SOCK_STREAM
    #endif
    let socket = Foundation.socket(AF_INET, kind, 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    let connected = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    try #require(connected == 0)
    return socket
  }

  /// Sends a request as it is, and reads until the other side closes.
  private func ask(_ port: Int, _ request: String) throws -> Answer {
    let socket = try connected(to: port)
    defer { close(socket) }
    let bytes = Array(request.utf8)
    try #require(send(socket, bytes, bytes.count, 0) == bytes.count)
    var (found, part) = ([UInt8](), [UInt8](repeating: 0, count: 65_536))
    while true {
      let count = recv(socket, &part, part.count, 0)
      guard count > 0 else { break }
      found += part[..<count]
    }
    let end = try #require(
      found.indices.dropLast(3).first { Array(found[$0..<($0 + 4)]) == Array("\r\n\r\n".utf8) })
    let head = String(decoding: found[..<end], as: UTF8.self)
    let status = try #require(head.split(separator: " ").dropFirst().first.flatMap { Int($0) })
    return Answer(status: status, head: head, body: Array(found[(end + 4)...]))
  }

  private func ask(
    _ port: Int, _ method: String, _ path: String, host: String = "127.0.0.1", _ more: [String] = []
  ) throws -> Answer {
    let lines = ["\(method) \(path) HTTP/1.1", "Host: \(host)", "Connection: close"] + more
    return try ask(port, lines.joined(separator: "\r\n") + "\r\n\r\n")
  }

  /// Serves a game while `body` asks.
  private func serving(record: URL? = nil, _ body: @escaping (Int) throws -> Void) async throws {
    let engine = EngineThread<PlayGame>(limit: 4)
    let server = try PlayServer(host: "127.0.0.1", port: 0, engine: engine)
    let (run, data) = (run, folder("data"))
    let thread = Thread {
      do {
        let player = try VideoPlayer(try Generator(contentsOf: run, registry: .standard))
        let origin = PlayRecording.Origin(
          system: player.generator.description.system, checkpoint: try player.generator.origin().checkpoint,
          seed: 0, threads: 1, actions: player.actionNames)
        let game = try PlayGame(
          player, origin, starts: try Videos.startFrames(in: data, limit: 4), start: 1,
          recorder: try record.map { (try PlayRecorder($0, origin), $0.path) })
        engine.run(game)
      } catch {
        Issue.record(error)
        engine.stop()
      }
    }
    thread.stackSize = 1 << 24
    thread.start()
    let (ports, told) = AsyncStream.makeStream(of: Int.self)
    let task = Task { try await server.run { told.yield($0.port ?? 0) } }
    var first: Int?
    for await port in ports {
      first = port
      break
    }
    let port = try #require(first)
    // Waiting for answers is no work for the threads that give them.
    let result: Result<Void, any Error> = await withCheckedContinuation { continuation in
      let box = UncheckedBox(body)
      Thread.detachNewThread { continuation.resume(returning: Result { try box.value(port) }) }
    }
    engine.stop()
    await server.stop()
    try? await task.value
    try result.get()
  }

  private struct UncheckedBox<Value>: @unchecked Sendable {
    // Used by one thread while the other waits for it.
    let value: Value
    init(_ value: Value) { self.value = value }
  }

  @Test func keysGiveFrames() async throws {
    try await serving { port in
      let page = try ask(port, "GET", "/")
      #expect(page.status == 200 && page.text.contains("AI-generated") && page.text.contains("keydown"))
      #expect(page.value("Content-Security-Policy")?.contains("default-src 'none'") == true)
      let facts = try JSONDecoder().decode(
        PlayGame.Facts.self, from: Data(try ask(port, "GET", "/facts").body))
      #expect(facts.actions.map(\.name) == ["0", "1", "2"] && facts.actions.map(\.key) == ["0", "1", "2"])
      #expect(facts.width == 32 && facts.start == 1 && facts.starts.count == 4 && facts.frame == 0)
      let first = try ask(port, "GET", "/frame")
      #expect(first.value("X-Frame") == "0" && first.value("Content-Type") == "image/png")
      var frames: [[UInt8]] = []
      for (number, action) in [2, 0].enumerated() {
        let answer = try ask(port, "POST", "/step?action=\(action)", ["Content-Length: 0"])
        #expect(answer.status == 200 && answer.value("X-Frame") == "\(number + 1)")
        #expect((answer.value("X-Milliseconds").flatMap { Double($0) } ?? 0) > 0)
        let image = try ImageCodec().decode(answer.body)
        #expect(image.width == 32 && image.height == 32)
        frames.append(answer.body)
      }
      #expect(try ask(port, "GET", "/frame").body == frames[1])
      // Begun anew, the same actions give the same frames.
      let again = try ask(port, "POST", "/start?number=1")
      #expect(again.body == first.body && again.value("X-Frame") == "0")
      #expect(try ask(port, "POST", "/step?action=2").body == frames[0])
      #expect(try ask(port, "POST", "/start?number=0").body != first.body)
    }
  }

  /// An answer's head and body are written one after the other, and neither waits for the other side to acknowledge the first.
  @Test func partsOfAnswersAreSentAtOnce() async throws {
    try await serving { port in
      let own = try connected(to: port)
      defer { close(own) }
      // Once it has answered another connection, it has taken this one.
      _ = try ask(port, "GET", "/facts")
      var (listening, taken) = (0, 0)
      for file in (0..<1024 as Range<Int32>) where file != own {
        var (address, length) = (sockaddr_in(), socklen_t(MemoryLayout<sockaddr_in>.size))
        let status = withUnsafeMutablePointer(to: &address) {
          $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(file, $0, &length) }
        }
        guard status == 0, address.sin_family == sa_family_t(AF_INET),
          UInt16(bigEndian: address.sin_port) == UInt16(port)
        else { continue }
        func option(_ level: Int32, _ name: Int32) -> Int32 {
          var (value, length) = (Int32(0), socklen_t(MemoryLayout<Int32>.size))
          return getsockopt(file, level, name, &value, &length) == 0 ? value : -1
        }
        #expect(option(Int32(IPPROTO_TCP), TCP_NODELAY) > 0)
        if option(SOL_SOCKET, SO_ACCEPTCONN) > 0 { listening += 1 } else { taken += 1 }
      }
      #expect(listening == 1 && taken >= 1)
    }
  }

  @Test func otherRequestsAreRefused() async throws {
    try await serving { port in
      let before = try ask(port, "GET", "/frame").body
      for (answer, status, words) in [
        (try ask(port, "POST", "/step?action=3"), 400, "there is no action 3; the actions are 0, 1, 2"),
        (try ask(port, "POST", "/step?action=left"), 400, "/step?action=NUMBER"),
        (try ask(port, "POST", "/step"), 400, "/step?action=NUMBER"),
        (try ask(port, "POST", "/start?number=9"), 400, "no first frame 9"),
        (try ask(port, "GET", "/step?action=0"), 405, "takes POST"),
        (try ask(port, "GET", "/etc/passwd"), 404, "no such page"),
        (try ask(port, "POST", "/step?action=0", ["Content-Length: 4097"]), 413, "4096 bytes"),
        (try ask(port, "POST", "/step?action=0", ["Transfer-Encoding: chunked"]), 413, "known length"),
        (try ask(port, "POST", "/step?action=0&" + String(repeating: "a", count: 2000)), 414, "1024 bytes"),
        (try ask(port, "POST", "/step?action=0", host: "evil.example"), 421, "no page of that name"),
        (try ask(port, "POST", "/step?action=0", ["Origin: http://evil.example"]), 403, "may not play"),
      ] {
        #expect(answer.status == status && answer.text.contains(words), "\(answer.head) \(answer.text)")
      }
      // Nothing of it was done.
      #expect(try ask(port, "GET", "/frame").body == before)
      #expect(
        try ask(
          port, "POST", "/step?action=0", host: "localhost:\(port)", ["Origin: http://localhost:\(port)"]
        )
        .status == 200)
    }
  }

  @Test func sessionsReplayToTheSameBytes() async throws {
    let session = folder("session.jsonl")
    let shown = UncheckedBox(Shown())
    try await serving(record: session) { port in
      shown.value.frames.append(try ask(port, "GET", "/frame").body)
      for action in [2, 2, 2, 0] {
        shown.value.frames.append(try ask(port, "POST", "/step?action=\(action)").body)
      }
      shown.value.frames.append(try ask(port, "POST", "/start?number=0").body)
      shown.value.frames.append(try ask(port, "POST", "/step?action=1").body)
    }
    func replayed(_ name: String, _ more: [String] = ["--no-mark", "--no-label"]) throws -> [[UInt8]] {
      let place = folder(name)
      let result = try atelier.run(
        ["play", run.path, "--replay", session.path, "--output", place.path] + more)
      try #require(result.status == 0, "\(result.errors)")
      let names = try FileManager.default.contentsOfDirectory(atPath: place.path).sorted()
      return try names.map { try ImageCodec().decode(place.appendingPathComponent($0)).bytes }
    }
    let pixels = try shown.value.frames.map { try ImageCodec().decode($0).bytes }
    #expect(try replayed("a") == pixels && pixels.count == 7)
    #expect(try replayed("b", []) == replayed("c", []))
    // Written out, the actions of the first video give its frames.
    let first = folder("first.png")
    try ImageCodec().write(try ImageCodec().decode(shown.value.frames[0]), to: first)
    let written = folder("written")
    let drawn = try atelier.run([
      "generate", run.path, first.path, "--actions", "2*3 0", "--output", written.path, "--no-mark",
      "--no-label", "--threads", "1",
    ])
    try #require(drawn.status == 0 && drawn.output.contains("5 frames"), "\(drawn.errors)")
    for number in 1...5 {
      let file = written.appendingPathComponent(String(format: "%06d.png", number))
      #expect(try ImageCodec().decode(file).bytes == pixels[number - 1])
    }
  }

  private final class Shown { var frames: [[UInt8]] = [] }

  @Test(
    arguments: [
      (["--measure", "played-video", "--beside", "other=x"], "--beside belongs to the measures frames"),
      (["--beside", "other=x", "--beside", "other=y"], "names 'other' twice"),
      (["--beside", "other"], "takes a name and a folder"), (["--beside", "other=nowhere"], "nowhere"),
    ] as [([String], String)])
  func videosBesideThatCannotBeComparedAreOneSentence(_ options: [String], _ words: String) throws {
    let result = try atelier.run(["evaluate", run.path] + options)
    #expect(result.status != 0 && result.errors.contains(words), "\(result.errors)")
  }

  @Test func whatCannotBePlayedIsOneSentence() throws {
    let image = folder("data").appendingPathComponent("test/frames/0/000.png").path
    let header =
      #"{"actions":["0","1","2"],"checkpoint":"c","format":"atelier-play","seed":0,"system":"s","threads":1}"#
    func session(_ lines: [String]) throws -> String {
      let file = folder("\(lines.count).jsonl")
      try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: file)
      return file.path
    }
    let out = folder("out.mp4").path
    for (arguments, status, words) in [
      (["generate", run.path, image, "--actions", "0 7"], 64, "no action '7'; the actions are 0 … 2"),
      (["generate", run.path, image, "--actions", "0*0"], 64, "a count is 1 to"),
      (["generate", run.path, image], 64, "needs --actions"),
      (["generate", run.path, "--actions", "0"], 64, "name an image after the run"),
      (["generate", run.path, folder("no.png").path, "--actions", "0"], 66, "does not exist"),
      (["play", run.path, "--replay", folder("none.jsonl").path, "--output", out], 66, "none.jsonl"),
      (["play", run.path, "--replay", image, "--output", out], 65, "no recorded session"),
      (["play", run.path, "--replay", try session([header]), "--output", out], 65, "nothing was played"),
      (
        ["play", run.path, "--replay", try session([header, #"{"action":1}"#]), "--output", out], 65,
        "line 2: an action is taken before a first frame"
      ),
      (
        ["play", run.path, "--replay", try session([header, #"{"start":"bm8="}"#, "{}"]), "--output", out],
        65,
        "the first frame is no image"
      ),
      (["play", run.path, image, "--host", "nowhere.example"], 64, "no IP address"),
      (["play", run.path, "--start", "99", "--port", "0"], 64, "--start is 0 to"),
      (["play", run.path, "--output", out], 64, "--replay"),
      (["play", run.path, folder("no.png").path], 66, "does not exist"),
    ] {
      let result = try atelier.run(arguments)
      #expect(result.status == status && result.errors.contains(words), "\(arguments): \(result.errors)")
      #expect(!FileManager.default.fileExists(atPath: out))
    }
  }
}

/// Which keys take which actions.
@Suite struct PlayKeyTests {
  @Test func actionsHaveKeysOfTheirOwn() {
    #expect(
      PlayGame.keys(of: ["left", "right", "jump", "fire", "NOOP", "1", "dance"])
        == ["ArrowLeft", "ArrowRight", " ", "2", ".", "1", "3"])
    let many = PlayGame.keys(of: (0..<60).map { "move \($0)" })
    let used = many.filter { !$0.isEmpty }
    #expect(many.count == 60 && Set(used).count == used.count && used.count >= 30)
  }
}
