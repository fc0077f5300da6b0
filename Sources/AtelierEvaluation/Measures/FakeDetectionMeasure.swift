public import AtelierCore
import AtelierData
public import AtelierMetrics
import AtelierTraining
import Foundation
import Torch

/// How well a detector tells real from fake, a video and a frame: area under the curve, accuracy above one half and above
/// the threshold that is best on the validation part, equal error rate and calibration error; manipulation by
/// manipulation; and, where it is asked for, after compression, reduction and noise.
public struct FakeDetectionMeasure: Measure {
  /// What options and numbers name it by.
  public static let id = "fake-detection"

  /// The settings.
  public struct Options: Settings {
    /// How the scores of a video's frames become one: mean, meanLogit, median, share or top.
    public var videoScore = VideoScore.mean
    /// The most frames of a video, evenly spaced; 0: all of them. The paper takes 100.
    public var frames = 100
    /// Whether the numbers are taken again of images after JPEG of qualities 75 and 50, at half the size and back, and
    /// with noise.
    public var robustness = false
    /// Bins of the calibration error.
    public var bins = 15

    /// A hundred frames a video, and images as they are.
    public init() {}

    /// Checks the values.
    public func validate() throws(ConfigurationError) {
      try Checks.notNegative(["frames": frames])
      try Checks.positive(["bins": bins])
    }
  }

  /// The settings.
  public var options = Options()

  /// The measure.
  public init() {}

  /// Systems that tell real images from fake ones.
  public func applies(to plan: SystemPlan) -> Bool { plan.ability(FakeDetection.self) != nil }

  /// The numbers of the first part that there is; of other data without parts, those of all of them.
  public func measure(_ context: EvaluationContext) throws -> [MeasuredNumber] {
    guard let ability = context.plan.ability(FakeDetection.self),
      let system = context.system(as: (any FakeDetectingSystem).self),
      let (dataset, part) = try Self.heldOut(context)
    else { return [] }
    func detected(_ dataset: any FrameCollection, _ damage: ImageDamage = .none) throws -> DetectedVideos {
      try DetectedVideos(
        dataset, system, context, field: ability.image, limit: options.frames, damage: damage)
    }
    context.say("scoring frames of the \(part) part (\(dataset.count))")
    let found = try detected(dataset)
    guard !found.videos.isEmpty else { return [] }
    if found.unread > 0 {
      context.note("\(found.unread) frames could not be read; they are left out and count as nothing")
    }
    var chosenOn: DetectedVideos?
    if part == DatasetSplit.test.rawValue, context.options.parts.contains(.validation),
      let validation = try context.data.dataset(of: .validation) as? any FrameCollection
    {
      chosenOn = try detected(validation)
    }
    let reporter = Reporter(context: context, options: options, part: part)
    var numbers = try reporter.numbers(found, thresholdOn: chosenOn)
    if found.manipulations.count > 1 {
      for manipulation in found.manipulations {
        numbers += try reporter.numbers(found.only(manipulation), manipulation: manipulation)
      }
    }
    if options.robustness {
      for damage in ImageDamage.allCases where damage != .none {
        context.say("scoring them again: \(damage.name)")
        numbers += try reporter.numbers(try detected(dataset, damage), damage: damage)
      }
    }
    return numbers
  }

  private static func heldOut(_ context: EvaluationContext) throws -> ((any FrameCollection), String)? {
    var splits = context.options.parts
    if context.options.hasOtherData { splits.append(.train) }
    for split in splits {
      if let dataset = try context.data.dataset(of: split) as? any FrameCollection {
        // Data that the model has not learned from are held out as a whole.
        return (dataset, split == .train ? "whole" : split.rawValue)
      }
    }
    return nil
  }
}

/// Makes numbers of scores.
private struct Reporter {
  let context: EvaluationContext
  let options: FakeDetectionMeasure.Options
  let part: String

  /// Videos, where they have several frames, or frames.
  private enum Unit: String {
    case video, frame
  }

  private func score(_ unit: Unit) -> VideoScore? { unit == .video ? options.videoScore : nil }

  // MARK: Of all

  /// Everything of videos, then of frames.
  func numbers(_ found: DetectedVideos, thresholdOn chosenOn: DetectedVideos?) throws -> [MeasuredNumber] {
    try (found.hasVideos ? [Unit.video, .frame] : [.frame]).flatMap { unit in
      let (scores, isFake) = found.scores(score(unit))
      let share = Double(isFake.count { $0 }) / Double(isFake.count)
      let majority = BaselineNumber(name: "the larger class", value: max(share, 1 - share))
      var numbers = [
        try number("auc", "AUC", unit, found, .larger, chance: 0.5) { areaUnderCurve($0, $1) },
        try number("accuracy", "accuracy above 0.5", unit, found, .larger, majority) {
          accuracy($0, $1, above: 0.5)
        },
      ]
      if let chosenOn {
        let (known, isKnownFake) = chosenOn.scores(score(unit))
        if !known.isEmpty, let threshold = bestThreshold(known, isKnownFake) {
          let text =
            ", threshold \(fixed(threshold, 4)) chosen on \(known.count) validation \(unit.rawValue)s"
          numbers.append(
            try number(
              "accuracy-chosen", "accuracy above the validation's threshold", unit, found, .larger, majority,
              more: text
            ) { accuracy($0, $1, above: threshold) })
        }
      }
      numbers.append(
        try number("eer", "equal error rate", unit, found, .smaller, chance: 0.5) { equalErrorRate($0, $1) })
      let calibration = try CalibrationError(scores, isFake, bins: options.bins)
      let bins = calibration.bins.map { "\(fixed($0.probability, 2)) of \($0.count): \(fixed($0.share, 2))" }
      numbers.append(
        try number(
          "ece", "calibration error", unit, found, .smaller,
          more: ", \(options.bins) bins (mean probability of how many: share of fakes): "
            + bins.joined(separator: ", ")
        ) { try CalibrationError($0, $1, bins: options.bins).value })
      return numbers.compactMap(\.self)
    }
  }

  // MARK: Of some

  /// Real videos against those of one manipulation.
  func numbers(_ found: DetectedVideos, manipulation: String) throws -> [MeasuredNumber] {
    let unit = found.hasVideos ? Unit.video : .frame
    let name = Self.word(manipulation)
    return try [
      number(
        "auc-\(name)", "AUC of \(manipulation)", unit, found, .larger, chance: 0.5,
        more: ", \(manipulation) against all real ones"
      ) { areaUnderCurve($0, $1) },
      number(
        "recall-\(name)", "share of \(manipulation) above 0.5", unit,
        DetectedVideos(found.videos.filter(\.isFake)), .larger, more: ", \(manipulation) alone"
      ) { accuracy($0, $1, above: 0.5) },
    ].compactMap(\.self)
  }

  /// All videos after damage.
  func numbers(_ found: DetectedVideos, damage: ImageDamage) throws -> [MeasuredNumber] {
    let unit = found.hasVideos ? Unit.video : .frame
    let text = ", images at the network's size after: \(damage.name)"
    return try [
      number("auc-\(damage.id)", "AUC, \(damage.name)", unit, found, .larger, chance: 0.5, more: text) {
        areaUnderCurve($0, $1)
      },
      number("accuracy-\(damage.id)", "accuracy above 0.5, \(damage.name)", unit, found, .larger, more: text)
      { accuracy($0, $1, above: 0.5) },
    ].compactMap(\.self)
  }

  private static func word(_ text: String) -> String {
    text.lowercased().map { $0.isLetter || $0.isNumber ? String($0) : "-" }.joined()
  }

  // MARK: One number

  private func number(
    _ id: String, _ name: String, _ unit: Unit, _ found: DetectedVideos, _ better: Better,
    _ baseline: BaselineNumber? = nil, chance: Double? = nil, more: String = "",
    _ statistic: ([Double], [Bool]) throws -> Double?
  ) throws -> MeasuredNumber? {
    let (scores, isFake) = found.scores(score(unit))
    guard !scores.isEmpty, let whole = try statistic(scores, isFake) else { return nil }
    // Frames of a video are alike, so that videos are drawn, and with them all of their frames.
    let interval = try bootstrapInterval(
      count: found.videos.count, resamples: unit == .video ? 1000 : 200,
      using: RandomStream(seed: context.options.seed, purpose: "bootstrap")
    ) { chosen in
      let (scores, isFake) = found.scores(score(unit), of: chosen)
      // A draw of one class alone has no curve.
      return try statistic(scores, isFake) ?? whole
    }.interval
    let fakes = found.videos.count { $0.isFake }
    let aggregate = unit == .video ? ", \(options.videoScore.rawValue) of a video's frames" : ""
    let frames = options.frames > 0 ? " (at most \(options.frames) a video)" : ""
    return MeasuredNumber(
      id: "\(unit.rawValue)-\(id)", name: "\(unit.rawValue) \(name) (\(part))", value: whole,
      interval: interval, better: better,
      baselines: baseline.map { [$0] } ?? chance.map { [BaselineNumber(name: "chance", value: $0)] },
      provenance: context.provenance(
        part: part,
        [
          "videos": "\(found.videos.count)", "frames": "\(found.frameCount)",
          "videoScore": unit == .video ? options.videoScore.rawValue : "none",
        ]),
      protocolText:
        "\(part) part, \(found.videos.count) videos, \(fakes) of them fake, \(found.frameCount) frames"
        + frames + aggregate + more + "; interval over videos")
  }
}
