public import AtelierCore
import AtelierData
public import AtelierMetrics
import Torch

/// Mean intersection over union and pixel accuracy of generated images by a segmenter that is trained on the
/// real training images only, or by the user's own; beside them those of the real held-out images.
public struct MapSegmentationMeasure: Measure {
  /// What options and numbers name it by.
  public static let id = "map-segmentation"

  /// The settings; nil: as the evaluation has it.
  public struct Options: Settings {
    /// A TorchScript file that judges in place of a segmenter that is trained for it.
    public var segmenter: String?
    /// What that file takes images in.
    public var range: ScriptedSegmenter.InputRange?
    /// The most seconds a segmenter may train.
    public var seconds: Double?
    /// A label of the maps that counts nowhere.
    public var ignoreLabel: Int?

    /// What the evaluation has.
    public init() {}

    /// Checks the values.
    public func validate() throws(ConfigurationError) {
      guard (seconds ?? 1) > 0 else { throw ConfigurationError("seconds is above 0, not \(seconds ?? 0)") }
    }
  }

  /// The settings.
  public var options = Options()

  /// The measure.
  public init() {}

  /// Systems that make images from label maps.
  public func applies(to plan: SystemPlan) -> Bool { plan.mapDirection != nil }

  /// The numbers; none where the system or its data do not have what they take.
  public func measure(_ context: EvaluationContext) throws -> [MeasuredNumber] {
    guard let material = try context.mapMaterial() else { return [] }
    let ignored = context.ignoredLabel(options)
    let held = material.held.examples
    let segmenter = try context.segmenter(
      options, classes: material.classes, train: material.training, test: held, ignoring: ignored)
    let real = try segmenter.scores(
      of: held.images, against: held, classes: material.classes, ignoring: ignored)
    let (generated, manner) = try material.generated()
    var images: [SegmentationScores] = []
    let scores = try segmenter.scores(
      of: generated, against: held, classes: material.classes, ignoring: ignored, each: { images.append($0) })
    let intervals = SegmentationIntervals(images)
    func stream(_ name: String) -> RandomStream {
      RandomStream(seed: context.options.seed, purpose: "bootstrap \(name)")
    }
    let overlap = try intervals.meanIntersectionOverUnion(using: stream("mean-intersection-over-union"))
    let accuracy = try intervals.pixelAccuracy(using: stream("pixel-accuracy"))
    let shape = held.images.shape
    let left = ignored.map { "label \($0) left out" } ?? "no label left out"
    let told = overlap == nil ? "" : ", \(SegmentationIntervals.protocolText)"
    let sizes =
      "\(segmenter.facts), \(shape[0]) pictures of \(material.source), \(manner), \(shape[3])×\(shape[2]) pixels "
      + "for pictures, maps and predictions, maps resized by nearest neighbour"
    let setting =
      "\(sizes), \(material.classes) classes, \(left), one scale, counts gathered before they are divided\(told)"
    var provenance = material.provenance(manner: manner)
    provenance["judge"] = segmenter.facts
    provenance["classes"] = "\(material.classes)"
    provenance["ignoredLabel"] = ignored.map { "\($0)" } ?? "none"
    return [
      MeasuredNumber(
        id: "mean-intersection-over-union", name: "mean intersection over union",
        value: scores.meanIntersectionOverUnion, interval: overlap, better: .larger,
        realAgainstReal: real.meanIntersectionOverUnion, provenance: provenance, protocolText: setting),
      MeasuredNumber(
        id: "pixel-accuracy", name: "pixel accuracy", value: scores.pixelAccuracy, interval: accuracy,
        better: .larger,
        realAgainstReal: real.pixelAccuracy, provenance: provenance, protocolText: setting),
    ]
  }
}
