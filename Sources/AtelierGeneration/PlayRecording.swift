public import AtelierMedia
public import Foundation

/// What was played: the model, the first frames themselves and the actions, so that playing it again gives the same bytes.
///
/// The file has a line of JSON for each event: first what was played by what, then a first frame as PNG, and an action for
/// each further one. Another first frame begins anew.
public struct PlayRecording: Sendable, Hashable {
  /// What was played by what.
  public struct Origin: Codable, Sendable, Hashable {
    /// `atelier-play`
    public var format = PlayRecording.format
    /// The system's name.
    public var system: String
    /// The run, step and fingerprint of the weights.
    public var checkpoint: String
    /// What the choice of the first frame followed from.
    public var seed: UInt64
    /// Threads of one operation: with another number the last bits may differ.
    public var threads: Int
    /// The actions' names by number.
    public var actions: [String]

    /// Describes a recording.
    public init(system: String, checkpoint: String, seed: UInt64, threads: Int, actions: [String]) {
      (self.system, self.checkpoint, self.seed) = (system, checkpoint, seed)
      (self.threads, self.actions) = (threads, actions)
    }
  }

  /// Something that happened.
  public enum Event: Sendable, Hashable {
    /// A video began.
    case start(Image, name: String)
    /// An action was taken.
    case action(Int)
  }

  static let format = "atelier-play"
  /// The most bytes of a file, and of one of its lines.
  static let limits = (file: 1 << 28, line: 1 << 25)

  /// What was played by what.
  public var origin: Origin
  /// What happened, in order; the first event is a start.
  public var events: [Event]

  /// A line as it is in the file.
  fileprivate struct Line: Codable {
    var start: String?
    var name: String?
    var action: Int?
  }

  /// A recording in memory.
  public init(_ origin: Origin, _ events: [Event] = []) { (self.origin, self.events) = (origin, events) }

  /// Reads a file; a last line that is broken off is left out, as an end in the middle of writing leaves it.
  ///
  /// - Throws: ``TrainingError`` that names the file and the line.
  public init(contentsOf file: URL) throws {
    func wrong(_ line: Int, _ reason: String) -> TrainingError {
      .damaged(path: file.path, reason: "line \(line): \(reason)")
    }
    guard let size = (try? file.resourceValues(forKeys: [.fileSizeKey]))?.fileSize else {
      throw TrainingError.notFound(path: file.path, reason: "there is no such file of a recorded session")
    }
    guard size <= Self.limits.file, let data = try? Data(contentsOf: file) else {
      throw TrainingError.damaged(
        path: file.path,
        reason: "it cannot be read, or is larger than the \(Self.limits.file >> 20) MiB of a recorded session"
      )
    }
    guard !data.isEmpty else {
      throw TrainingError.damaged(path: file.path, reason: "it is empty, and no recorded session")
    }
    let isWhole = data.last == 0x0A
    var lines = data.split(separator: 0x0A)
    if !isWhole, lines.count > 1 { lines.removeLast() }
    let decoder = JSONDecoder()
    guard lines[0].count <= Self.limits.line, let origin = try? decoder.decode(Origin.self, from: lines[0]),
      origin.format == Self.format, !origin.actions.isEmpty, origin.threads >= 1
    else { throw wrong(1, "it is no recorded session of played videos") }
    self.origin = origin
    events = []
    for (place, text) in lines.enumerated().dropFirst() {
      guard text.count <= Self.limits.line, let line = try? decoder.decode(Line.self, from: text) else {
        throw wrong(place + 1, "it is neither a first frame nor an action")
      }
      switch (line.start, line.action) {
      case (let start?, nil):
        guard let bytes = Data(base64Encoded: start),
          let image = try? ImageCodec().decode([UInt8](bytes), named: "the first frame")
        else { throw wrong(place + 1, "the first frame is no image") }
        events.append(.start(image, name: line.name ?? ""))
      case (nil, let action?):
        guard !events.isEmpty else { throw wrong(place + 1, "an action is taken before a first frame") }
        guard origin.actions.indices.contains(action) else {
          throw wrong(
            place + 1,
            "there is no action \(action); the actions are \(origin.actions.joined(separator: ", "))")
        }
        events.append(.action(action))
      default: throw wrong(place + 1, "it is neither a first frame nor an action")
      }
    }
    guard !events.isEmpty else { throw wrong(1, "nothing was played after it") }
  }
}

/// Writes a session to a file while it is played, a line an event, so that nothing is lost whenever it ends.
public final class PlayRecorder {
  private let file: FileHandle
  private let path: String
  private let encoder = JSONEncoder()

  /// Begins a file.
  ///
  /// - Throws: ``TrainingError/unwritable(path:reason:)``.
  public init(_ place: URL, _ origin: PlayRecording.Origin) throws {
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    path = place.path
    guard FileManager.default.createFile(atPath: place.path, contents: nil),
      let file = try? FileHandle(forWritingTo: place)
    else { throw TrainingError.unwritable(path: place.path, reason: "the file cannot be made") }
    self.file = file
    try write(origin)
  }

  deinit { try? file.close() }

  /// Adds what happened.
  ///
  /// - Throws: `ImageError` for an image that cannot be encoded, ``TrainingError/unwritable(path:reason:)``.
  public func add(_ event: PlayRecording.Event) throws {
    switch event {
    case .start(let image, let name):
      let bytes = try ImageCodec().encode(image, as: .png)
      try write(PlayRecording.Line(start: Data(bytes).base64EncodedString(), name: name))
    case .action(let action): try write(PlayRecording.Line(action: action))
    }
  }

  private func write(_ line: some Encodable) throws {
    let bytes = try encoder.encode(line) + [0x0A]
    do { try file.write(contentsOf: bytes) } catch {
      throw TrainingError.unwritable(path: path, reason: "the disk may be full")
    }
  }
}
