public import AtelierCore
public import AtelierMetrics
import Torch

/// Δ-MSE (Menapace et al. 2021): how much of the motion of a game's object its actions leave unexplained, in percent, in played
/// frames and beside them in real ones.
public struct DisplacementMeasure: Measure {
  /// What options and numbers name it by.
  public static let id = "delta-mse"

  /// The settings.
  public typealias Options = TrackedObjectOptions

  /// The settings.
  public var options = Options()

  /// The measure.
  public init() {}

  /// Systems whose videos are played.
  public func applies(to plan: SystemPlan) -> Bool { plan.ability(VideoPlaying.self) != nil }

  /// The number; none where there are no held-out videos with label maps, or nothing moves.
  public func measure(_ context: EvaluationContext) throws -> [MeasuredNumber] {
    guard let (material, object) = try context.trackedObject(options) else { return [] }
    /// The steps of the object with the actions of a clip.
    func steps(
      _ part: (TrackedObject.Places) -> [ColourDetector.Place?], _ actions: (VideoMaterial.Clip) -> [Int]?
    ) -> [[(motion: (x: Double, y: Double), action: Int)]] {
      zip(material.clips, object.places).map { clip, places in
        let found = part(places)
        return (actions(clip) ?? []).enumerated().compactMap { time, action in
          guard let one = found[time], let next = found[time + 1] else { return nil }
          return ((next.x - one.x, next.y - one.y), action)
        }
      }
    }
    func error(_ clips: [[(motion: (x: Double, y: Double), action: Int)]]) -> Double? {
      let all = clips.joined()
      return displacementError(all.map(\.motion), actions: all.map(\.action))
    }
    let made = steps({ $0.made }, \.taken)
    guard let value = error(made) else {
      context.note("Δ-MSE not measured: '\(object.name)' does not move in the played frames, or is not found")
      return []
    }
    let interval = try bootstrapInterval(
      count: made.count, using: RandomStream(seed: UInt64(context.options.seed), purpose: "bootstrap")
    ) { rows in error(rows.map { made[$0] }) ?? value }.interval
    let real = error(steps({ $0.real }, \.taken))
    let truth = error(steps({ $0.real }, \.truth))
    return [
      MeasuredNumber(
        id: Self.id, name: "Δ-MSE", value: value, interval: interval, better: .smaller, realAgainstReal: real,
        baselines: [BaselineNumber(name: "actions that say nothing", value: 100)]
          + (truth.map { [BaselineNumber(name: "true actions in real frames", value: $0)] } ?? []),
        provenance: material.provenance(context, ["object": object.name]),
        protocolText: object.setting
          + "; percent of the variance of its steps that the mean step of their action leaves, each left out of its mean; real "
          + "against real by the same actions; interval by 1000 resamplings of videos")
    ]
  }
}
