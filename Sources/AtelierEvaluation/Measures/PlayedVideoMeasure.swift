public import AtelierCore
import AtelierData
public import AtelierMetrics
import AtelierTraining
import Foundation
import Torch

/// How near held-out videos come that are played by the actions that the system sees in them, or where it learns from given
/// actions by those; whether it sees the same actions in what it played; and where the data say which actions were taken
/// how well those that it sees correspond.
public struct PlayedVideoMeasure: Measure {
  /// What options and numbers name it by.
  public static let id = "played-video"

  /// The measure.
  public init() {}

  /// Systems whose videos are played.
  public func applies(to plan: SystemPlan) -> Bool { plan.ability(VideoPlaying.self) != nil }

  /// The numbers of each part; none where the data do not have it.
  public func measure(_ context: EvaluationContext) throws -> [MeasuredNumber] {
    guard let system = context.system(as: (any PlayableSystem).self),
      let field = context.plan.fields.first(where: { if case .video = $0.kind { true } else { false } })
    else { return [] }
    let given = context.plan.ability(VideoPlaying.self)?.given
    let parts = [DatasetSplit.validation, .test].filter(context.options.parts.contains)
    return try parts.flatMap { split -> [MeasuredNumber] in
      guard let host = try context.data.batches(of: split) else { return [] }
      var (played, kept, same, seen, found) = ([Double](), [Double](), [Double](), [Double](), [[Int]]())
      for host in host where found.count < context.options.samples {
        let batch = context.data.batch(host)
        let videos = batch[field.name]
        try withoutGradients {
          let count = videos.shape[1] - 1
          func rows(_ actions: Tensor) -> [[Int]] {
            let numbers = actions.slice(1, 0, count).to(.cpu).contiguous().integers()
            return (0..<actions.shape[0]).map { Array(numbers[($0 * count)..<(($0 + 1) * count)]) }
          }
          let own = rows(system.actions(in: videos))
          let taken = given.map { rows(batch[$0]) } ?? own
          for row in 0..<videos.shape[0] {
            let video = videos.slice(0, row, row + 1)
            let first = video.selected(dim: 1, index: 0)
            var frames: [Tensor] = []
            try system.play(first, actions: taken[row]) { frames.append($0) }
            let rest = video.slice(1, 1, count + 1)
            played.append(Self.ratio(.stacked(frames, dim: 1), rest))
            kept.append(Self.ratio(first.unsqueezed(1).expanded(rest.shape), rest))
            let again = rows(system.actions(in: .stacked([first] + frames, dim: 1)))[0]
            same.append(Self.share(again, taken[row]))
            seen.append(Self.share(own[row], taken[row]))
            found.append(own[row])
          }
        }
      }
      guard !found.isEmpty else { return [] }
      let setting = "\(split.rawValue) part, \(found.count) clips of \(found[0].count + 1) frames"
      let provenance = context.provenance(part: split.rawValue, ["clips": "\(found.count)"])
      var numbers = [
        try MeasuredNumber(
          id: "played-psnr", name: "PSNR of played videos (\(split.rawValue))", meanOf: played,
          seed: context.options.seed, better: .larger,
          baselines: [
            BaselineNumber(name: "first frame kept", value: kept.reduce(0, +) / Double(kept.count))
          ], provenance: provenance,
          protocolText: setting
            + ", played from the first frame by the actions \(given == nil ? "seen in them" : "of the data"), dB of each "
            + "clip's mean squared error"),
        try MeasuredNumber(
          id: "played-action-accuracy", name: "actions seen in played videos (\(split.rawValue))",
          meanOf: same,
          seed: context.options.seed, better: .larger,
          realAgainstReal: seen.reduce(0, +) / Double(seen.count),
          provenance: provenance,
          protocolText: setting
            + ", share of the actions that videos were played by which the system sees in them; beside it in real ones"
        ),
      ]
      if given != nil {
        numbers.append(
          try MeasuredNumber(
            id: "action-accuracy", name: "action accuracy (\(split.rawValue))", meanOf: seen,
            seed: context.options.seed, better: .larger, provenance: provenance,
            protocolText: setting + ", actions seen in real videos beside those of the data"))
        return numbers
      }
      if let agreement = try agreement(found, context, split) {
        if let accuracy = agreement.matchedAccuracy {
          numbers.append(
            MeasuredNumber(
              id: "action-accuracy", name: "action accuracy (\(split.rawValue))", value: accuracy,
              better: .larger, provenance: provenance,
              protocolText: setting + ", found actions matched to true ones one to one"))
        }
        if let information = agreement.adjustedMutualInformation {
          numbers.append(
            MeasuredNumber(
              id: "action-information", name: "adjusted mutual information of actions (\(split.rawValue))",
              value: information, better: .larger,
              baselines: [BaselineNumber(name: "chance", value: 0)], provenance: provenance,
              protocolText: setting + ", found and true actions"))
        }
      }
      return numbers
    }
  }

  /// The share of equal actions.
  private static func share(_ one: [Int], _ other: [Int]) -> Double {
    Double(zip(one, other).count { $0 == $1 }) / Double(max(1, other.count))
  }

  /// The peak signal-to-noise ratio of images in -1 … 1.
  private static func ratio(_ generated: Tensor, _ real: Tensor) -> Double {
    let error = meanSquaredError(generated.asType(.float32), real).item()
    return 10 * log10(4 / max(error, 1e-10))
  }

  /// The actions that were found beside those of the data, of the same clips; nil where the data have none.
  private func agreement(
    _ found: [[Int]], _ context: EvaluationContext, _ split: DatasetSplit
  ) throws -> LabelAgreement? {
    guard let place = context.data.path, let data = context.plan.data else { return nil }
    let length = found[0].count + 1
    let named = Field("trueActions", .labels(classes: Int(UInt16.max), length: length))
    let opening = DataOpening(data.fields + [named], reading: context.data.options.reading)
    guard let part = try? data.arrangement.open(place, split, opening, context.data.facts.artefacts).dataset,
      part.count >= found.count
    else { return nil }
    var truth: [Int] = []
    for index in found.indices {
      guard let actions = try part.example(at: index)[named.name]?.integers(), actions.count == length else {
        return nil
      }
      // What is done in a frame shows in the next.
      truth += actions.dropLast()
    }
    return LabelAgreement(found.flatMap { $0 }, truth)
  }
}
