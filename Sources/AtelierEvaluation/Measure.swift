public import AtelierCore
import AtelierData
public import AtelierMetrics
public import AtelierTraining
import Torch

/// Something that can be measured of a trained system.
///
/// A measure decides by the plan alone whether it applies, and takes from the context what it measures on;
/// what two measures need is made there once.
public protocol Measure: Sendable {
  /// What programs and options name it by: `label-accuracy`.
  static var id: String { get }

  /// Whether it says anything about systems of this plan.
  func applies(to plan: SystemPlan) -> Bool

  /// The numbers, each with which way it is better and what it was measured on; none where the data do not
  /// allow it, of which the context's `say` is told.
  ///
  /// Networks are in evaluation mode, and no gradients are recorded.
  ///
  /// - Throws: ``TrainingError`` where the data have no part to measure on; `MetricError` where there is too
  ///   little of it.
  func measure(_ context: EvaluationContext) throws -> [MeasuredNumber]
}

/// Measures in the order in which they are taken.
public struct MeasureList: Sendable {
  /// The measures.
  public private(set) var measures: [any Measure] = []

  /// A list of some measures; of several with one id the last one counts, in the first one's place.
  public init(_ measures: [any Measure]) {
    for measure in measures { add(measure) }
  }

  /// Adds a measure at the end, or in the place of the one that has its id.
  public mutating func add(_ measure: any Measure) {
    let id = type(of: measure).id
    if let place = measures.firstIndex(where: { type(of: $0).id == id }) {
      measures[place] = measure
    } else {
      measures.append(measure)
    }
  }

  /// This list with one measure more.
  public func adding(_ measure: any Measure) -> MeasureList {
    var list = self
    list.add(measure)
    return list
  }

  /// What the measures are named by.
  public var ids: [String] { measures.map { type(of: $0).id } }

  /// The measures of some ids, in this list's order.
  ///
  /// - Throws: ``TrainingError/invalid(reason:)`` for an id that none has.
  public func only(_ wanted: [String]) throws(TrainingError) -> MeasureList {
    let known = ids
    if let unknown = wanted.first(where: { !known.contains($0) }) {
      throw .invalid(
        reason: "there is no measure '\(unknown)'; the measures are \(known.joined(separator: ", "))")
    }
    return MeasureList(measures.filter { wanted.contains(type(of: $0).id) })
  }

  /// Every measure that Atelier has of single systems.
  public static let standard = MeasureList([
    PerplexityMeasure(), TagMeasure(), FewShotMeasure(), LabelAccuracyMeasure(), ClassifierScoreMeasure(),
    FrechetMeasure(), KernelMeasure(), ManifoldMeasure(), NearestNeighbourMeasure(), ClassFrechetMeasure(),
    ParzenMeasure(), ReconstructionMeasure(), LikelihoodMeasure(), RebuildingMeasure(),
    MapSegmentationMeasure(),
    MapDistanceMeasure(), MapDiversityMeasure(),
  ])
}

extension SystemPlan {
  /// Whether the system decodes images from latent vectors.
  var drawsImages: Bool {
    guard ability(LatentDecoding.self) != nil, case .image? = outputs.first?.kind else { return false }
    return true
  }

  /// Whether the system gives images that are not made from other images.
  var holdsImages: Bool { ability(ImageTranslation.self) == nil && field("image") != nil }

  /// The direction from a label map to an image with the map's classes; nil where there is none.
  var mapDirection: (direction: TranslationDirection, classes: Int)? {
    guard let translation = ability(ImageTranslation.self) else { return nil }
    for direction in translation.directions {
      if case .labelMap(let classes, _, _)? = fields.first(where: { $0.name == direction.source })?.kind {
        return (direction, classes)
      }
    }
    return nil
  }
}

extension MeasuredNumber {
  /// The mean of values with the 95 % percentile interval of a bootstrap.
  ///
  /// - Throws: `MetricError` where there are no values.
  init(
    id: String, name: String, meanOf values: [Double], seed: UInt64, better: Better,
    realAgainstReal: Double? = nil, baselines: [BaselineNumber]? = nil, provenance: Provenance,
    protocolText: String
  ) throws {
    let interval = try bootstrapInterval(
      ofMean: values, using: RandomStream(seed: seed, purpose: "bootstrap"))
    self.init(
      id: id, name: name, value: interval.value, interval: interval.interval, better: better,
      realAgainstReal: realAgainstReal, baselines: baselines, provenance: provenance,
      protocolText: protocolText)
  }
}
