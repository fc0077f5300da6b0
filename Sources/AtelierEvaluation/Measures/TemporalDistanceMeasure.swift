public import AtelierCore
public import AtelierMetrics
import Perception
import Torch

/// Temporal LPIPS: how far the learned distance between neighbouring frames lies from that between the real ones (the tLP of
/// Chu et al. 2020). It is 0 where a video changes as much as the real one, whatever it shows.
public struct TemporalDistanceMeasure: Measure {
  /// What options and numbers name it by.
  public static let id = "temporal-lpips"

  /// The measure.
  public init() {}

  /// Systems whose videos follow others, or are played.
  public func applies(to plan: SystemPlan) -> Bool { FrameMeasure().applies(to: plan) }

  /// The number; none where there are no held-out videos of at least 32 pixels a side, or no weights of LPIPS.
  public func measure(_ context: EvaluationContext) throws -> [MeasuredNumber] {
    guard let material = try context.videoMaterial(),
      (material.clips[0].real.shape.suffix(2).min() ?? 0) >= 32, let distance = try context.frameDistance()
    else { return [] }
    func changes(_ frames: Tensor) throws -> Tensor {
      try distance.distances(ofAll: frames.slice(0, 1, .max), frames.slice(0, 0, -1))
    }
    let real = try material.clips.map { try changes($0.real) }
    func errors(_ frames: (VideoMaterial.Clip) throws -> Tensor) throws -> [Double] {
      try zip(material.clips, real).map { try (changes(frames($0)) - $1).abs().mean().item() }
    }
    return [
      try MeasuredNumber(
        id: Self.id, name: "temporal LPIPS", meanOf: errors(\.made), seed: UInt64(context.options.seed),
        better: .smaller,
        baselines: material.baselines { baseline in
          let values = try errors(baseline.frames)
          return values.reduce(0, +) / Double(values.count)
        },
        provenance: material.provenance(context).merging(distance.provenance),
        protocolText:
          "\(material.setting); mean absolute difference between the LPIPS of neighbouring frames and that of the real ones"
      )
    ]
  }
}
