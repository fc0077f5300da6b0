public import AtelierMetrics
public import Torch

/// A measure of a direction that sees the translated examples one after the other, so that no set of whole
/// images is held in memory.
///
/// All measures of a list see them in one pass, for which every example is translated once.
public protocol ExampleMeasure: Measure {
  /// What collects this measure's values; nil where it cannot be taken, which the material's notes are told.
  ///
  /// It is called once, when the columns and the channels of the first example are known.
  func tally(_ material: TranslationMaterial) throws -> (any ExampleTally)?
}

extension ExampleMeasure {
  /// Each direction.
  public static var scope: MeasureScope { .direction }

  /// What the pass over the examples gave for the context's run.
  public func measure(_ context: EvaluationContext) throws -> [MeasuredNumber] {
    guard let material = context.translations else { return [] }
    return try material.results(of: Self.id).compactMap { $0.number(ofRun: context.run, in: material) }
  }
}

/// Collects a measure's values over the examples of a direction.
public protocol ExampleTally: AnyObject {
  /// Takes in one example.
  func add(_ example: TranslatedExample) throws

  /// What several processes that measure together hand to process 0: values or features of the examples, in their order
  /// along axis 0, as many tensors in every process.
  var collected: [Tensor] { get }

  /// Takes what all of them have collected, in the order of the examples, for its own.
  func adopt(_ collected: [Tensor]) throws

  /// What came of all of them.
  func results() throws -> [MeasuredColumns]
}

/// One held-out example of a direction, as bytes `[1, channels, height, width]` that a file would hold.
///
/// What has to be computed is computed when it is first asked for.
public final class TranslatedExample {
  /// The image that the output should be, or one of the set that it should belong to; nil where a set without
  /// correspondence has ended.
  public let target: Tensor?
  private let makers: [Part: () throws -> [Tensor]]
  private var made: [Part: [Tensor]] = [:]

  enum Part { case columns, source, returned, unchanged }

  init(target: Tensor?, _ makers: [Part: () throws -> [Tensor]]) {
    self.target = target
    self.makers = makers
  }

  /// An image for each column: what each run's system makes of the example, then the baselines. Empty where the
  /// set of sources has ended.
  public func columns() throws -> [Tensor] { try part(.columns) }

  /// The source; nil for pairs, whose source may be no image, and where the set of sources has ended.
  public func source() throws -> Tensor? { try part(.source).first }

  /// The output translated back; nil for pairs, and where the system has no way back.
  public func returned() throws -> Tensor? { try part(.returned).first }

  /// The target translated as if it were a source; nil for pairs, and where their channels differ.
  public func unchanged() throws -> Tensor? { try part(.unchanged).first }

  private func part(_ part: Part) throws -> [Tensor] {
    if let known = made[part] { return known }
    let new = try makers[part]?() ?? []
    made[part] = new
    return new
  }
}

/// What a measure gives for every column of a direction.
public struct MeasuredColumns {
  /// What programs know it by.
  public var id: String
  /// The measure and its unit.
  public var name: String
  /// Which way is better.
  public var better: Better
  /// The values in the order of the columns; nil where there is none.
  public var values: [Double?]
  /// Each value's 95 % interval, where it has one; missing at the end where later columns have none.
  public var intervals: [ConfidenceInterval?]
  /// What they were measured on.
  public var provenance: Provenance
  /// All that somebody needs to measure it again.
  public var protocolText: String

  /// Collects the values.
  public init(
    id: String, name: String, better: Better, values: [Double?], intervals: [ConfidenceInterval?] = [],
    provenance: Provenance, protocolText: String
  ) {
    self.id = id
    self.name = name
    self.better = better
    self.values = values
    self.intervals = intervals
    self.provenance = provenance
    self.protocolText = protocolText
  }

  /// The number of one run with the baselines beside it; nil where the run has none.
  func number(ofRun run: Int, in material: TranslationMaterial) -> MeasuredNumber? {
    func interval(_ place: Int) -> ConfidenceInterval? {
      intervals.indices.contains(place) ? intervals[place] : nil
    }
    guard values.indices.contains(run), let value = values[run] else { return nil }
    let baselines = material.columns.indices.dropFirst(material.runs).compactMap { place in
      (values.indices.contains(place) ? values[place] : nil).map {
        BaselineNumber(name: material.columns[place], value: $0, interval: interval(place))
      }
    }
    return MeasuredNumber(
      id: id, name: name, value: value, interval: interval(run), better: better, baselines: baselines,
      provenance: provenance, protocolText: protocolText)
  }
}
