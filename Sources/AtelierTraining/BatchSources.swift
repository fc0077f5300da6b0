public import AtelierCore
public import AtelierData
public import AtelierGeneration
import Foundation
public import Torch

/// Where a source of batches stands, as a checkpoint keeps it.
public enum SourcePosition: Sendable, Codable, Hashable {
  /// A loader of examples.
  case examples(LoaderPosition)
  /// A stream of tokens.
  case tokens(TokenStream.Position)
  /// Any other source: its own text, which only it reads.
  case other(String)
  /// No data at all.
  case none

  /// The position of a stream. Those of a ``Loader`` and of a ``TokenStream`` have forms of their own, by
  /// which runs of every version are read; any other is JSON with sorted keys.
  public init(of position: some Codable) throws {
    switch position {
    case let position as LoaderPosition: self = .examples(position)
    case let position as TokenStream.Position: self = .tokens(position)
    default:
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      self = .other(String(decoding: try encoder.encode(position), as: UTF8.self))
    }
  }

  /// The position of a stream that has positions of a type.
  ///
  /// - Throws: ``TrainingError/cannotResume(reason:)`` for a position of another kind of source.
  public func decoded<Position: Codable>(_ type: Position.Type) throws(TrainingError) -> Position {
    let found: Position?
    switch self {
    case .examples(let position): found = position as? Position
    case .tokens(let position): found = position as? Position
    case .other(let text):
      do { found = try JSONDecoder().decode(type, from: Data(text.utf8)) } catch {
        throw .cannotResume(
          reason:
            "the checkpoint's position in the data is none of these data, \(decodingReason(error)); resume "
            + "with the data that were trained on")
      }
    case .none: found = nil
    }
    guard let found else {
      throw .cannotResume(reason: "the checkpoint was made with another kind of data")
    }
    return found
  }
}

/// A source of batches that can be left and found again, so that training can be resumed exactly.
public protocol ResumableBatchSource: BatchSource {
  /// Where the source stands: what `next()` gives follows from it.
  var position: SourcePosition { get throws }
  /// Goes to a saved position.
  ///
  /// - Parameter adoptsOtherData: whether the position may come from other data; the source then goes
  ///   to the nearest place it has.
  func seek(to position: SourcePosition, adoptsOtherData: Bool) throws
  /// Passes over the data so far, as a fraction.
  var epoch: Double { get }
  /// Units served since the source was made, for rates.
  var unitsServed: Int { get }
  /// What is counted: `examples`, `tokens`.
  var unit: String { get }
  /// Seconds that whoever asked for batches has waited for them; 0 by default.
  var secondsWaited: Double { get }
  /// Says to which stage of training the next batches belong; by default they are the same in all.
  func enter(stage: String)
  /// Which part of the batch that was served last this process has; nil: all of it, the default.
  var part: BatchPart? { get }
}

extension ResumableBatchSource {
  /// All of it.
  public var part: BatchPart? { nil }

  /// None.
  public var secondsWaited: Double { 0 }

  /// Nothing changes.
  public func enter(stage: String) {}
}

/// Which value of an example serves each field of a system, and how stored bytes become its tensors.
public struct FieldColumns: Sendable, Hashable {
  /// The fields and the names of the values.
  public let columns: [Column]

  /// A field and the name of the value that serves it.
  public struct Column: Sendable, Hashable {
    /// The field.
    public let field: Field
    /// The value's name in an example.
    public let name: String
  }

  /// Finds the values for the fields, under the names that the arrangement gives.
  ///
  /// - Throws: ``TrainingError/unfitData(path:reason:)`` where a field cannot come from these data.
  public init(
    _ fields: [Field], arrangement: any DataArrangement, description: DatasetDescription
  ) throws(TrainingError) {
    var columns: [Column] = []
    for field in fields {
      if let reason = arrangement.refusal(of: field, description) {
        throw .unfitData(path: description.name, reason: reason)
      }
      columns.append(Column(field: field, name: arrangement.valueName(of: field)))
    }
    self.columns = columns
  }

  /// The tensors of a batch in the types and ranges that the fields declare; values that are not there are
  /// left out.
  func tensors(_ host: HostBatch, device: Device) -> [String: Tensor] {
    var tensors: [String: Tensor] = [:]
    for column in columns {
      if let value = host[column.name] {
        tensors[column.field.name] = Self.tensor(value, column.field.kind, device: device)
      }
    }
    return tensors
  }

  /// A stored value in the type and range that a field declares; bytes are moved before they grow.
  private static func tensor(_ value: HostTensor, _ kind: FieldKind, device: Device) -> Tensor {
    let stored = Tensor(value, device: device)
    switch kind {
    // Floating-point values are in the declared range already.
    case .image where value.dtype.isFloatingPoint, .video where value.dtype.isFloatingPoint: return stored
    // 16 bits a value.
    case .image(_, _, _, let range) where value.dtype == .int32:
      let unit = stored.asType(.float32) * (1.0 / 65535)
      return range == .signed ? unit * 2 - 1 : unit
    case .image(_, _, _, .signed), .video(_, _, _, _, .signed):
      return stored.asType(.float32) * (2.0 / 255) - 1
    case .image(_, _, _, .unit), .video(_, _, _, _, .unit): return stored.asType(.float32) * (1.0 / 255)
    case .features:
      let numbers = stored.asType(.float32)
      return numbers.rank == 1 ? numbers.unsqueezed(1) : numbers
    default: return stored
    }
  }
}

/// Serves the batches of a stream as tensors on a device, in the declared ranges.
public final class StreamBatchSource<Stream: BatchStream>: ResumableBatchSource {
  /// The stream behind it.
  public let stream: Stream
  /// Units served so far.
  public private(set) var unitsServed = 0
  /// Which part of the batch that was served last this process has; nil: all of it.
  public private(set) var part: BatchPart?
  /// Seconds until batches were there.
  public private(set) var secondsWaited = 0.0
  private let name: String
  private let columns: FieldColumns?
  private let device: Device
  private let share: BatchShare?

  /// A source over a stream.
  ///
  /// - Parameters:
  ///   - columns: which value serves which field; nil: values are served as they are, under their own names.
  ///   - name: what errors call the data.
  ///   - share: which part of every batch is served; nil: all of it. A ``AtelierData/Loader`` has it as well.
  ///   - batchSize: the usual size of a whole batch, for what is drawn before the first one.
  public init(
    _ stream: Stream, columns: FieldColumns? = nil, name: String, device: Device = .cpu,
    share: BatchShare? = nil, batchSize: Int? = nil
  ) {
    self.stream = stream
    self.columns = columns
    self.name = name
    self.device = device
    self.share = share
    if let share, let batchSize { part = share.part(of: batchSize, axis: stream.exampleAxis ?? 0) }
  }

  /// What the stream counts.
  public var unit: String { stream.unit }

  /// The next batch, on the device.
  public func next() throws -> Batch {
    let asked = ContinuousClock.now
    var host = try stream.next()
    secondsWaited += (ContinuousClock.now - asked).seconds
    let units = stream.units(of: host)
    if let share, let axis = stream.exampleAxis {
      host = try host.taken(share, axis: axis)
      unitsServed += units
    } else {
      unitsServed += host.part.map { units * $0.total / max(1, $0.count) } ?? units
    }
    part = host.part
    guard let columns else {
      return Batch(host.fields.mapValues { Tensor($0, device: device) }, isFirst: host.isFirst)
    }
    for column in columns.columns where host[column.name] == nil {
      throw TrainingError.unfitData(
        path: name, reason: "it has no column '\(column.name)' for the field '\(column.field.name)'")
    }
    return Batch(columns.tensors(host, device: device), isFirst: host.isFirst)
  }

  /// The stream's position.
  public var position: SourcePosition { get throws { try SourcePosition(of: stream.position) } }

  /// Goes to a saved position; other data are refused unless they are adopted.
  public func seek(to position: SourcePosition, adoptsOtherData: Bool) throws {
    let place = try position.decoded(Stream.Position.self)
    try stream.seek(to: adoptsOtherData ? stream.nearest(to: place) : place)
  }

  /// Passes over the data so far.
  public var epoch: Double { stream.passes }
}

/// For systems that learn from no data set.
public final class EmptyBatchSource: ResumableBatchSource {
  /// `steps`, although none are served.
  public let unit = "steps"
  /// Always 0.
  public var unitsServed: Int { 0 }
  /// Always 0.
  public var epoch: Double { 0 }
  /// There is only one place.
  public var position: SourcePosition { .none }

  /// A source without batches.
  public init() {}

  /// Always fails: there is nothing to serve.
  public func next() throws -> Batch {
    throw TrainingError.invalid(reason: "the system asked for a batch, and the run has no data")
  }

  /// There is nowhere to go.
  public func seek(to position: SourcePosition, adoptsOtherData: Bool) throws {}
}

/// Passes batches on and remembers how many were asked for in the present step.
///
/// Where the very first request of a step fails, nothing has changed since the step before, so the
/// state can still be saved.
final class CountingBatchSource: BatchSource {
  private let source: any ResumableBatchSource
  private weak var step: TrainingStep?
  /// Which part of its last batch this process has, by the part of the step that asked for it.
  private var batchParts: [Int: BatchPart?] = [:]
  /// Batches that were served since the last reset.
  private(set) var served = 0

  init(_ source: any ResumableBatchSource) { self.source = source }

  func begin(_ step: TrainingStep) { (self.step, served, batchParts) = (step, 0, [:]) }

  /// Which part of the batch that was served last to the part of the step that is computed now this process has.
  var part: BatchPart? { batchParts[step?.accumulatedPart ?? 0] ?? source.part }

  func next() throws -> Batch {
    let batch = try source.next()
    served += 1
    batchParts[step?.accumulatedPart ?? 0] = source.part
    return batch
  }
}
