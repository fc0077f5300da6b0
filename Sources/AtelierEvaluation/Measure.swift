public import AtelierCore
import AtelierData
public import AtelierGeneration
public import AtelierMetrics
public import AtelierTraining
import Torch

/// What a measure is taken of.
public enum MeasureScope: Sendable, Hashable {
  /// The system as a whole.
  case system
  /// Each direction of a translation, beside baselines.
  case direction
}

/// What several processes that measure together have a part of each.
public enum SharedWork: Sendable, Hashable {
  /// Nothing: process 0 measures alone.
  case nothing
  /// The drawing of samples (``EvaluationContext/samples()``); the number is process 0's.
  case samples
  /// The drawing of samples, and the features of all images that they are judged by; the number is process 0's.
  case features
  /// The examples: every process calls the measure, which takes its part of them from the context.
  case examples
}

/// Something that can be measured of a trained system.
///
/// A measure decides by the plan alone whether it applies, and takes from the context what it measures on;
/// what two measures need is made there once.
public protocol Measure: Sendable {
  /// The settings of this measure, `--measure ID:KEY=VALUE`. An optional one that is not set takes the
  /// evaluation's value.
  associatedtype Options: Settings = NoSettings

  /// What programs and options name it by: `label-accuracy`.
  static var id: String { get }

  /// Whether it is taken of the system or of each direction of a translation.
  static var scope: MeasureScope { get }

  /// What several processes that measure together share of the work.
  static var sharedWork: SharedWork { get }

  /// The settings.
  var options: Options { get set }

  /// Whether it says anything about systems of this plan.
  func applies(to plan: SystemPlan) -> Bool

  /// The numbers, each with which way is better and what it was measured on; none where the data do not
  /// allow it, which ``EvaluationContext/note(_:)`` is told.
  ///
  /// The system is in drawing mode (`GenerativeSystem.drawing(_:)`).
  ///
  /// - Throws: ``TrainingError`` where the data have no part to measure on; `MetricError` where there is too
  ///   little of it.
  func measure(_ context: EvaluationContext) throws -> [MeasuredNumber]
}

extension Measure {
  /// The system.
  public static var scope: MeasureScope { .system }

  /// Nothing.
  public static var sharedWork: SharedWork { .nothing }
}

extension Measure where Options == NoSettings {
  /// None.
  public var options: NoSettings {
    get { NoSettings() }
    set {}
  }
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

  /// The measures that are taken of something and say anything about systems of a plan.
  func applying(to plan: SystemPlan, _ scope: MeasureScope) -> [any Measure] {
    measures.filter { type(of: $0).scope == scope && $0.applies(to: plan) }
  }

  /// Every measure that Atelier has.
  public static let standard = MeasureList([
    PerplexityMeasure(), TagMeasure(), FewShotMeasure(), LabelAccuracyMeasure(), ClassifierScoreMeasure(),
    InceptionScoreMeasure(), FrechetMeasure(), SpatialFrechetMeasure(), KernelMeasure(), ManifoldMeasure(),
    NearestNeighbourMeasure(), ClassFrechetMeasure(), ReferenceStatisticsMeasure(), PathLengthMeasure(),
    ParzenMeasure(), ReconstructionMeasure(), LikelihoodMeasure(), RebuildingMeasure(),
    MapSegmentationMeasure(),
    MapDistanceMeasure(), MapDiversityMeasure(),
    PixelErrorMeasure(), SignalToNoiseMeasure(), SimilarityMeasure(), LuminanceSignalToNoiseMeasure(),
    LuminanceSimilarityMeasure(), MultiscaleSimilarityMeasure(), LearnedDistanceMeasure(),
    TranslationDistanceMeasure(), CycleErrorMeasure(), IdentityErrorMeasure(), StyleDiversityMeasure(),
    StyleScoreMeasure(), SentenceQualityMeasure(), TargetLikelihoodMeasure(), ReplacedTokenMeasure(),
    SpeakerVerificationMeasure(), FakeDetectionMeasure(), PlayedVideoMeasure(),
    TextClassMeasure(), ReconstructionPerceptualMeasure(), CodebookMeasure(), CaptionFrechetMeasure(),
    CaptionRetrievalMeasure(), SoundQualityMeasure(), VoiceConversionMeasure(), ResynthesisMeasure(),
    AnimationMeasure(), PasscodePrivacyMeasure(), FacePrivacyMeasure(), FaceSwapMeasure(), FrameMeasure(),
    TemporalDistanceMeasure(), VideoFrechetMeasure(), VideoSegmentationMeasure(), DetectionDistanceMeasure(),
    DisplacementMeasure(), PoseDistanceMeasure(), LipSyncMeasure(),
  ])
}

extension SystemPlan {
  /// Whether the system decodes images from latent vectors.
  var drawsImages: Bool {
    guard ability(LatentDecoding.self) != nil, case .image? = outputs.first?.kind else { return false }
    return true
  }

  /// Whether the system gives images that are not made from other images.
  var holdsImages: Bool {
    guard ability(ImageTranslation.self) == nil, case .image? = field("image")?.kind else { return false }
    return true
  }

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

  /// The two sets without correspondence between whose images the system translates; nil where it learns from
  /// anything else.
  var unpairedSets: UnpairedImages? {
    ability(ImageTranslation.self) == nil ? nil : data?.arrangement as? UnpairedImages
  }

  /// Whether the system's outputs stand beside the images of the data that they should be.
  var translatesPairs: Bool {
    guard let direction = ability(ImageTranslation.self)?.directions.first, let data, unpairedSets == nil,
      !(data.arrangement is ClassPairs)
    else { return false }
    return data.fields.contains { $0.name == direction.target }
  }

  /// Whether the system translates between unpaired sets, in styles that it draws itself.
  var drawsStyles: Bool { unpairedSets != nil && ability(ImageTranslation.self)?.styles == .oneByOne }
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
