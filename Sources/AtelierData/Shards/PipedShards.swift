internal import AtelierHashing
public import Foundation
internal import Synchronization

/// Shards that commands write, read while they run: nothing is kept of them but what a first reading counts.
///
/// The place of such data is a folder of the user's cache with that count, `survey.json`. The commands themselves are only in
/// memory, from the command line: a folder alone never starts any.
public struct PipedShards: Sendable {
  /// What a command gives, as the first reading found it.
  struct Shard: Sendable, Codable, Hashable {
    /// The class of each image, in order; nil: it has none.
    var labels: [String?] = []
    /// The bytes of all images.
    var bytes = 0
  }

  /// What all commands give.
  struct Survey: Sendable, Codable, Hashable {
    var shards: [Shard]
    /// SHA-256 of all that they give.
    var fingerprint: String
  }

  /// The commands, one for each shard.
  let commands: [String]
  let survey: Survey

  private static let fileName = "survey.json"
  private static let running = Mutex<[String: [String]]>([:])

  /// The folder of commands, counted or not.
  public static func folder(of commands: [String]) -> URL {
    let key = Array(commands.joined(separator: "\0").utf8).sha256Hex.prefix(32)
    return UserCache.folder("streams").appendingPathComponent(String(key), isDirectory: true)
  }

  /// Makes the place of data that commands give; where they were not counted yet, each is run once.
  ///
  /// - Parameter say: told which command is being counted.
  /// - Throws: ``DatasetError`` that names a command which fails, gives no archive or no image.
  public static func place(of commands: [String], say: (String) -> Void) throws(DatasetError) -> URL {
    let folder = folder(of: commands)
    running.withLock { $0[folder.standardizedFileURL.path] = commands }
    let file = folder.appendingPathComponent(fileName)
    if (try? JSONDecoder().decode(Survey.self, from: Data(contentsOf: file)))?.shards.count == commands.count
    {
      return folder
    }
    var shards: [Shard] = []
    var hashes = ""
    for (number, command) in commands.enumerated() {
      say(
        "Counting the images of shard \(number + 1) of \(commands.count), which is read once for that: \(command)"
      )
      let (shard, hash) = try counted(command)
      shards.append(shard)
      hashes += hash
    }
    let survey = Survey(shards: shards, fingerprint: contentFingerprint(of: Array(hashes.utf8)))
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      try JSONEncoder().encode(survey).write(to: file, options: .atomic)
    } catch {
      throw .unwritable(path: file.path, reason: "XDG_CACHE_HOME names another place for it")
    }
    return folder
  }

  private static func counted(_ command: String) throws(DatasetError) -> (Shard, String) {
    let stream = try ShardStream(command)
    var shard = Shard()
    var hash = SHA256Hasher()
    while let sample = try stream.next() {
      shard.labels.append(sample.label)
      shard.bytes += sample.image.count
      hash.update(Array("\(sample.name)\n\(sample.image.count)\n\(sample.label ?? "")\n".utf8))
      hash.update(sample.image)
    }
    guard !shard.labels.isEmpty else {
      throw .unusable(path: stream.name, reason: "its archive holds no image, such as 000.jpg with 000.cls")
    }
    return (shard, hash.hexDigest())
  }

  /// What is streamed at a place; nil where that is no folder of a survey.
  ///
  /// - Throws: ``DatasetError/unusable(path:reason:)`` for one whose commands were not given to this process.
  init?(at path: URL) throws(DatasetError) {
    let file = path.appendingPathComponent(Self.fileName)
    let own = path.standardizedFileURL.path
    guard own.hasPrefix(UserCache.folder("streams").standardizedFileURL.path + "/"),
      FileManager.default.fileExists(atPath: file.path)
    else { return nil }
    guard let commands = Self.running.withLock({ $0[own] }) else {
      throw .unusable(
        path: own,
        reason:
          "its images come from commands, and none is started but from the command line; name the data as pipe:COMMAND again"
      )
    }
    guard let survey = try? JSONDecoder().decode(Survey.self, from: Data(contentsOf: file)),
      survey.shards.count == commands.count, survey.shards.allSatisfy({ !$0.labels.isEmpty && $0.bytes >= 0 })
    else {
      throw .corruptFile(path: file.path, reason: "it is no count of the commands' images; delete it")
    }
    (self.commands, self.survey) = (commands, survey)
  }
}

/// One command's archive while it runs.
///
/// Members of one name up to the first dot that follow one another are one example, as WebDataset groups them.
final class ShardStream {
  /// An image with its class.
  struct Sample {
    let name: String
    let image: [UInt8]
    let label: String?
  }

  /// What errors call it.
  let name: String
  private let process = Process()
  private let output = Pipe()
  private let tar: TarStream
  /// The first member of the next example.
  private var waiting: TarStream.Member?
  private var isOver = false

  init(_ command: String) throws(DatasetError) {
    name = "the command '\(command)'"
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", command]
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    do { try process.run() } catch {
      throw .unusable(
        path: "the command '\(command)'", reason: "it cannot be started: \(error.localizedDescription)")
    }
    tar = TarStream(output.fileHandleForReading.fileDescriptor, named: name)
  }

  deinit {
    // A command that is not read to its end ends with its output.
    try? output.fileHandleForReading.close()
    if process.isRunning { process.terminate() }
    process.waitUntilExit()
  }

  /// The next image; nil after the last, where the command ended well.
  func next() throws(DatasetError) -> Sample? {
    do throws(DatasetError) { return try sample() } catch {
      // What a failed command leaves is no archive; why it failed says more.
      if tar.isAtEnd, !isOver { try end() }
      throw error
    }
  }

  private func sample() throws(DatasetError) -> Sample? {
    while !isOver {
      var members: [String: TarStream.Member] = [:]
      var key: String?
      while let member = try nextMember() {
        guard let (own, ending) = ShardIndex.parts(of: member.name) else { continue }
        if let key, key != own {
          waiting = member
          break
        }
        key = own
        let kind = ShardIndex.textEndings.contains(ending) ? ending : "image"
        guard members.updateValue(member, forKey: kind) == nil else {
          throw .unusable(path: name, reason: "two members \(member.name) of its archive are one example's")
        }
      }
      if waiting == nil { try end() }
      guard let image = members["image"] else { continue }
      return Sample(name: image.name, image: image.bytes, label: try label(members))
    }
    return nil
  }

  private func nextMember() throws(DatasetError) -> TarStream.Member? {
    guard let member = waiting else { return try tar.member(ShardIndex.longest) }
    waiting = nil
    return member
  }

  private func label(_ members: [String: TarStream.Member]) throws(DatasetError) -> String? {
    do throws(LabelledShards.NoLabel) {
      if let member = members["cls"] { return try LabelledShards.label(ofClass: member.bytes, member.name) }
      return try members["json"].flatMap { member throws(LabelledShards.NoLabel) in
        try LabelledShards.label(ofJSON: member.bytes, member.name)
      }
    } catch { throw .unusable(path: name, reason: error.reason) }
  }

  /// Waits for the command, which has to end well.
  private func end() throws(DatasetError) {
    isOver = true
    try tar.finish()
    process.waitUntilExit()
    let status = process.terminationStatus
    guard process.terminationReason == .exit, status == 0 else {
      throw .unusable(
        path: name,
        reason:
          "it ended with \(process.terminationReason == .exit ? "exit code" : "signal") \(status); run it by "
          + "itself to see why")
    }
  }
}

/// Hands out single images of shards that commands write, with as little running anew as the order of requests allows.
///
/// Images that are passed over wait for their turn, within a bound; where one was dropped, its command runs again.
final class ShardStreams: Sendable {
  private struct Place: Hashable {
    let shard: Int
    let number: Int
  }

  private struct Cursor {
    let shard: Int
    let stream: ShardStream
    /// The number of the example that comes next.
    var next = 0
  }

  private struct State {
    var cursors: [Cursor] = []
    var waiting: [Place: [UInt8]] = [:]
    /// Those that wait, the oldest first; some were taken already.
    var order: [Place] = []
    var bytes = 0
  }

  // A stream is not Sendable; the lock gives it to one thread at a time.
  private final class Guarded: @unchecked Sendable {
    private let lock = NSLock()
    private var state = State()

    func withLock<Result>(_ body: (inout State) throws(DatasetError) -> Result) throws(DatasetError) -> Result
    {
      lock.lock()
      defer { lock.unlock() }
      return try body(&state)
    }
  }

  /// The bytes of the images that wait, at most.
  static let most = 256 << 20
  /// The commands that run at a time, at most.
  private static let mostCommands = 4

  private let commands: [String]
  private let counts: [Int]
  private let guarded = Guarded()

  init(_ commands: [String], counts: [Int]) { (self.commands, self.counts) = (commands, counts) }

  /// The bytes of an image.
  ///
  /// - Throws: ``DatasetError`` that names the command where it fails, or gives other images than at first.
  func image(_ number: Int, of shard: Int) throws(DatasetError) -> [UInt8] {
    let place = Place(shard: shard, number: number)
    return try guarded.withLock { state throws(DatasetError) in
      if let bytes = state.waiting.removeValue(forKey: place) {
        state.bytes -= bytes.count
        return bytes
      }
      var cursor: Cursor
      if let open = state.cursors.lastIndex(where: { $0.shard == shard && $0.next <= number }) {
        cursor = state.cursors.remove(at: open)
      } else {
        cursor = Cursor(shard: shard, stream: try ShardStream(commands[shard]))
        if state.cursors.count >= Self.mostCommands { state.cursors.removeFirst() }
      }
      while let sample = try cursor.stream.next() {
        cursor.next += 1
        guard cursor.next <= number else {
          // The last one is read to the end, so that a failure of the command shows.
          if cursor.next < counts[shard] {
            state.cursors.append(cursor)
          } else if try cursor.stream.next() != nil {
            throw changed(cursor)
          }
          return sample.image
        }
        keep(sample.image, Place(shard: shard, number: cursor.next - 1), &state)
      }
      throw changed(cursor)
    }
  }

  private func changed(_ cursor: Cursor) -> DatasetError {
    .unusable(
      path: cursor.stream.name,
      reason: "it gives another number of images than the \(counts[cursor.shard]) that were counted; delete "
        + "\(PipedShards.folder(of: commands).path) to count anew")
  }

  private func keep(_ bytes: [UInt8], _ place: Place, _ state: inout State) {
    state.waiting[place] = bytes
    state.order.append(place)
    state.bytes += bytes.count
    var dropped = 0
    while state.bytes > Self.most, dropped < state.order.count {
      if let old = state.waiting.removeValue(forKey: state.order[dropped]) { state.bytes -= old.count }
      dropped += 1
    }
    state.order.removeFirst(dropped)
    // Places that were taken are forgotten now and then.
    if state.order.count > 2 * state.waiting.count + 1024 {
      let waiting = state.waiting
      state.order.removeAll { waiting[$0] == nil }
    }
  }
}
