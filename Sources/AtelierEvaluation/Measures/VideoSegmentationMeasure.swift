public import AtelierCore
import AtelierData
public import AtelierMetrics
import Torch

/// Mean intersection over union and pixel accuracy of videos that follow label maps, by a segmenter that is trained on the real
/// training frames only, or by the user's own; beside them those of the real held-out frames.
public struct VideoSegmentationMeasure: Measure {
  /// What options and numbers name it by.
  public static let id = "video-segmentation"

  /// The settings; nil: as the evaluation has it.
  public var options = MapSegmentationMeasure.Options()

  /// The measure.
  public init() {}

  /// Systems whose videos follow label maps.
  public func applies(to plan: SystemPlan) -> Bool { Self.classes(plan) != nil }

  private static func classes(_ plan: SystemPlan) -> Int? {
    guard let ability = plan.ability(FrameTranslation.self), let kind = plan.field(ability.source)?.kind,
      case .labelMaps(let classes, _, _, _) = kind
    else { return nil }
    return classes
  }

  /// The most training frames that a segmenter learns from.
  private static let most = 600

  /// The numbers; none where there are no held-out videos.
  public func measure(_ context: EvaluationContext) throws -> [MeasuredNumber] {
    guard let classes = Self.classes(context.plan), let material = try context.videoMaterial(),
      let training = try material.trainingFrames(atMost: Self.most), let maps = training.source
    else { return [] }
    let clips = material.clips
    func joined(_ part: (VideoMaterial.Clip) throws -> Tensor) rethrows -> Tensor {
      .concatenated(try clips.map { try part($0).slice(0, material.given, .max) }, dim: 0)
    }
    let sources = clips.compactMap(\.source)
    let held = try SegmenterTraining.Examples(
      images: joined(\.real),
      labels: .concatenated(sources.map { $0.slice(0, material.given, .max) }, dim: 0).asType(.int64))
    let ignored = context.ignoredLabel(options)
    let segmenter = try context.segmenter(
      options, classes: classes,
      train: try SegmenterTraining.Examples(images: training.frames, labels: maps.asType(.int64)), test: held,
      ignoring: ignored)
    var frames: [SegmentationScores] = []
    let scores = try segmenter.scores(
      of: joined(\.made), against: held, classes: classes, ignoring: ignored, each: { frames.append($0) })
    func other(_ images: Tensor) throws -> SegmentationScores {
      try segmenter.scores(of: images, against: held, classes: classes, ignoring: ignored)
    }
    let real = try other(held.images)
    let beside = try material.baselines.map { try other(joined($0.frames)) }
    let videos = try Self.videos(frames, lengths: clips.map { $0.count - material.given }, classes: classes)
    func stream(_ name: String) -> RandomStream {
      RandomStream(seed: UInt64(context.options.seed), purpose: "bootstrap \(name)")
    }
    let intervals = SegmentationIntervals(videos)
    let shape = held.images.shape
    let setting =
      "\(material.setting), \(segmenter.facts), \(shape[3])×\(shape[2]) pixels, \(classes) classes, "
      + (ignored.map { "label \($0) left out" } ?? "no label left out")
      + ", counts of all frames gathered before they are divided, interval over videos"
    let provenance = material.provenance(
      context,
      ["judge": segmenter.facts, "classes": "\(classes)", "ignoredLabel": ignored.map { "\($0)" } ?? "none"])
    return [
      MeasuredNumber(
        id: "video-intersection-over-union", name: "mean intersection over union of frames",
        value: scores.meanIntersectionOverUnion,
        interval: try intervals.meanIntersectionOverUnion(using: stream("video-intersection-over-union")),
        better: .larger, realAgainstReal: real.meanIntersectionOverUnion,
        baselines: material.baselines(at: { beside[$0].meanIntersectionOverUnion }),
        provenance: provenance, protocolText: setting),
      MeasuredNumber(
        id: "video-pixel-accuracy", name: "pixel accuracy of frames", value: scores.pixelAccuracy,
        interval: try intervals.pixelAccuracy(using: stream("video-pixel-accuracy")), better: .larger,
        realAgainstReal: real.pixelAccuracy,
        baselines: material.baselines(at: { beside[$0].pixelAccuracy }), provenance: provenance,
        protocolText: setting),
    ]
  }

  /// The scores of each video's frames together.
  private static func videos(
    _ frames: [SegmentationScores], lengths: [Int], classes: Int
  ) throws -> [SegmentationScores] {
    var start = 0
    return try lengths.map { length in
      var scores = try SegmentationScores(classes: classes)
      for frame in frames[start..<(start + length)] { try scores.add(frame) }
      start += length
      return scores
    }
  }
}
