import AtelierMetrics
import Foundation
public import Torch

/// The processes that measure together, each its part of the examples; or this process alone.
///
/// Parts follow each other by rank, so that joined values stand in the order in which one process would have them.
public struct MeasuringProcesses {
  /// This process alone.
  public static var alone: MeasuringProcesses { MeasuringProcesses(nil) }

  /// The processes; nil: this one alone.
  let group: (any ProcessGroup)?

  /// How long the others wait for one that is slower: it may train a classifier. One that dies is noticed at once.
  private static let patience = Duration.seconds(24 * 3600)

  /// Those of a group that trains together; without one, or in a group of one, this process alone.
  public init(_ group: (any ProcessGroup)?) { self.group = group.flatMap { $0.count > 1 ? $0 : nil } }

  /// Whether this process has the numbers in the end.
  var isFirst: Bool { group?.isFirst ?? true }

  /// Whether so many examples are divided: of fewer than processes, each measures all.
  func divides(_ count: Int) -> Bool { group.map { count >= $0.count } ?? false }

  /// The examples that this process measures.
  func part(of count: Int) -> Range<Int> {
    guard let group, divides(count) else { return 0..<count }
    let part = BatchShare(rank: group.rank, count: group.count).part(of: count)
    return part.lower..<(part.lower + part.count)
  }

  /// What all processes have together computed for so many examples: each for its part, the rows behind each other.
  ///
  /// - Parameter body: this process's rows, as many tensors of the same types and lengths of row in all processes.
  /// - Throws: in every process alike what a measure of any of them refuses (`MetricError`).
  func joined(_ count: Int, _ body: (Range<Int>) throws -> [Tensor]) throws -> [Tensor] {
    guard divides(count) else { return try body(0..<count) }
    return try agreed { try body(part(of: count)) }.map(rows)
  }

  /// The rows of all processes behind each other, of which each may have another number.
  func rows(_ own: Tensor) throws -> Tensor {
    guard let group else { return own }
    let rows = own.detached().to(.cpu).contiguous()
    let shapes = try gathered(rows.shape)
    // Where a process has no rows it does not know how wide they are.
    let row = (shapes.first { $0[0] > 0 } ?? rows.shape).dropFirst()
    let bytes = try group.allGather(varying: rows.host().bytes).flatMap { $0 }
    let count = shapes.reduce(0) { $0 + $1[0] }
    return Tensor(HostTensor(shape: [count] + row, dtype: rows.dtype, bytes: bytes))
  }

  /// Numbers of examples, which all processes have computed together; see ``joined(_:_:)``.
  func joined(numbers count: Int, _ body: (Range<Int>) throws -> [[Double]]) throws -> [[Double]] {
    guard divides(count) else { return try body(0..<count) }
    return try joined(count) { try body($0).map { Tensor(HostTensor($0, shape: [$0.count])) } }.map {
      $0.doubles()
    }
  }

  /// What all processes have together computed for so many things, dealt out to them in turn.
  ///
  /// - Returns: in every process, what came of each thing, in their order.
  func dealt<Value: Codable>(_ count: Int, _ body: (Int) throws -> Value) throws -> [Value] {
    guard let group else { return try (0..<count).map(body) }
    let own = try agreed { try stride(from: group.rank, to: count, by: group.count).map(body) }
    let all = try gathered(own)
    return (0..<count).map { all[$0 % group.count][$0 / group.count] }
  }

  /// Values of all processes behind each other, one of each, by rank.
  func gathered<Value: Codable>(_ own: Value) throws -> [Value] {
    guard let group else { return [own] }
    try group.barrier(patience: Self.patience)
    return try group.allGather(varying: [UInt8](JSONEncoder().encode([own]))).flatMap {
      try JSONDecoder().decode([Value].self, from: Data($0))
    }
  }

  /// What a body gives in this process, unless a measure refuses in any of them: then all refuse alike, so that none
  /// waits for what another does not compute.
  func agreed<Value>(_ body: () throws -> Value) throws -> Value {
    guard group != nil else { return try body() }
    let own: Result<Value, MetricError>
    do { own = .success(try body()) } catch let error as MetricError { own = .failure(error) }
    var refusal: String?
    if case .failure(let error) = own { refusal = error.description }
    if let first = try gathered(refusal).compactMap({ $0 }).first { throw MetricError(first) }
    return try own.get()
  }

  /// What a body gives in process 0 first and then in the others, which find the file that it has written.
  func inTurn<Value>(_ body: () throws -> Value) throws -> Value {
    guard let group else { return try body() }
    guard group.isFirst else {
      _ = try agreed {}
      return try body()
    }
    return try agreed(body)
  }

  /// Whether any process says so.
  func any(_ own: Bool) throws -> Bool { group == nil ? own : try gathered(own).contains(true) }
}
