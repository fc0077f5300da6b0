public import AtelierGeneration
public import Foundation

/// One line of `events.jsonl`.
public struct RunEvent: Sendable, Hashable, Codable {
  /// What happened.
  public enum Kind: String, Sendable, Hashable, Codable {
    /// Training started from the beginning.
    case start
    /// Training goes on from a checkpoint; lines of later steps before this one are void.
    case resume
    /// The numbers of a step.
    case step
    /// The loss on held-out data after a pass.
    case validation
    /// A checkpoint was written.
    case checkpoint
    /// Samples were drawn.
    case preview
    /// The health watch saw something.
    case health
    /// The state of an earlier checkpoint was put back; lines of later steps before this one are void.
    case rollback
    /// Something went wrong that does not stop training.
    case warning
    /// Numbers were measured on the finished model.
    case evaluation
    /// Training ended; `message` says why.
    case end
  }

  /// What happened.
  public var type: Kind
  /// Steps done.
  public var step: Int
  /// Passes over the data so far.
  public var epoch: Double
  /// Seconds since 1970.
  public var time: Double
  /// What the system logged, by name.
  public var values: [String: Double]?
  /// The global gradient norm of each update, by name.
  public var gradientNorms: [String: Double]?
  /// Units a second since the last line.
  public var rate: Double?
  /// What `rate` counts: `examples`, `tokens`.
  public var unit: String?
  /// The share of the time since the last line in which training waited for data, 0 … 1.
  public var waiting: Double?
  /// Bytes of memory that the process (or the device) held at most.
  public var memory: Int?
  /// A sentence for people.
  public var message: String?
  /// The file or folder that was written, relative to the run's folder.
  public var path: String?

  /// An event of now.
  public init(
    _ type: Kind, step: Int, epoch: Double, values: [String: Double]? = nil,
    gradientNorms: [String: Double]? = nil, rate: Double? = nil, unit: String? = nil, memory: Int? = nil,
    message: String? = nil, path: String? = nil, time: Date = Date()
  ) {
    self.type = type
    self.step = step
    self.epoch = epoch
    self.time = time.timeIntervalSince1970
    self.values = values
    self.gradientNorms = gradientNorms
    self.rate = rate
    self.unit = unit
    self.memory = memory
    self.message = message
    self.path = path
  }
}

/// The file `events.jsonl`: one JSON object a line, only ever appended to.
///
/// Not-a-number and infinities, which JSON does not know, are the strings `nan`, `inf` and `-inf`.
public final class EventLog {
  private let file: AppendingFile
  private let encoder: JSONEncoder

  /// Opens or creates the log; half a line that a kill left at its end is removed.
  ///
  /// - Throws: ``TrainingError/unwritable(path:reason:)``, also where another process has the log open.
  public init(_ url: URL) throws(TrainingError) {
    file = try AppendingFile(url, isText: true)
    encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
  }

  /// Appends an event.
  public func append(_ event: RunEvent) throws(TrainingError) {
    let data: Data
    do { data = try encoder.encode(event) } catch {
      throw .unwritable(path: file.url.path, reason: "an event could not be encoded: \(error)")
    }
    try file.append([UInt8](data) + [UInt8(ascii: "\n")])
  }

  /// Reads a log back.
  ///
  /// - Throws: ``TrainingError`` where the file is missing, or names the line that is no event.
  public static func read(_ url: URL) throws(TrainingError) -> [RunEvent] {
    let data: Data
    do { data = try Data(contentsOf: url) } catch {
      guard FileManager.default.fileExists(atPath: url.path) else {
        throw .notFound(path: url.path, reason: "there is no event log; is this a run's folder?")
      }
      throw .notFound(path: url.path, reason: "it cannot be read, \(readFailureReason(error, url))")
    }
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    var events: [RunEvent] = []
    for (number, line) in data.split(separator: UInt8(ascii: "\n")).enumerated() {
      do { events.append(try decoder.decode(RunEvent.self, from: Data(line))) } catch {
        throw .damaged(path: url.path, reason: "line \(number + 1) is no event; remove that line")
      }
    }
    return events
  }
}
