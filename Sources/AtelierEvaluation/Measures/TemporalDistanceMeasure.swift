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
    var (made, still, nearest) = ([Double](), [Double](), [Double]())
    for clip in material.clips {
      let real = try changes(clip.real)
      func error(_ frames: Tensor) throws -> Double { (try changes(frames) - real).abs().mean().item() }
      made.append(try error(clip.made))
      still.append(real.abs().mean().item())
      if let other = try material.nearest(clip) { nearest.append(try error(other)) }
    }
    func mean(_ values: [Double]) -> Double? {
      values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
    }
    return [
      try MeasuredNumber(
        id: Self.id, name: "temporal LPIPS", meanOf: made, seed: UInt64(context.options.seed),
        better: .smaller,
        baselines: material.baselines(mean(still), mean(nearest)),
        provenance: material.provenance(context).merging(distance.provenance),
        protocolText:
          "\(material.setting); mean absolute difference between the LPIPS of neighbouring frames and that of the real ones"
      )
    ]
  }
}
