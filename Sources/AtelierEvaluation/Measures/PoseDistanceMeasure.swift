public import AtelierCore
import AtelierData
public import AtelierMetrics
import Foundation
import Torch

/// How far the joints of a person in made frames lie from those in the real ones (Chan et al. 2019), by a pose network that the
/// user gives, and the share of joints that are missed.
public struct PoseDistanceMeasure: Measure {
  /// What options and numbers name it by.
  public static let id = "pose-distance"

  /// The settings.
  public struct Options: Settings {
    /// A TorchScript file that takes images `[n, 3, height, width]` in -1 … 1 and gives a heat map a joint in 0 … 1; nil: poses are
    /// not measured.
    public var network: String?

    /// The usual settings.
    public init() {}

    /// Accepts any file; opening it tells whether it fits.
    public func validate() throws(ConfigurationError) {}
  }

  /// The settings.
  public var options = Options()

  /// The measure.
  public init() {}

  /// Systems whose videos follow poses.
  public func applies(to plan: SystemPlan) -> Bool {
    plan.ability(FrameTranslation.self)?.source == Videos.pose
  }

  /// The numbers; none without a network or without held-out videos.
  public func measure(_ context: EvaluationContext) throws -> [MeasuredNumber] {
    guard let file = options.network else {
      context.note(
        "pose distance not measured: it needs a pose network; name a TorchScript file as its setting network")
      return []
    }
    guard let material = try context.videoMaterial() else { return [] }
    let network = try PoseNetwork(URL(fileURLWithPath: file))
    let real = try material.clips.map { try network.joints(in: $0.real) }
    /// The mean distance and the share of missed joints of each clip.
    func values(
      _ frames: (VideoMaterial.Clip) throws -> [[ColourDetector.Place?]]
    ) throws -> (distances: [Double], missed: [Double]) {
      var (distances, missed) = ([Double](), [Double]())
      for (clip, truth) in zip(material.clips, real) {
        let found = try frames(clip)
        var (shown, lost, known) = (0, 0, [Double]())
        for time in material.given..<max(material.given, min(truth.count, found.count)) {
          for (joint, other) in zip(truth[time], found[time]) {
            guard let joint else { continue }
            shown += 1
            if let other { known.append(joint.distance(to: other)) } else { lost += 1 }
          }
        }
        guard shown > 0 else { continue }
        missed.append(Double(lost) / Double(shown))
        if !known.isEmpty { distances.append(known.reduce(0, +) / Double(known.count)) }
      }
      return (distances, missed)
    }
    let made = try values { try network.joints(in: $0.made) }
    let beside = try material.baselines.map { baseline in
      try values { try network.joints(in: baseline.frames($0)) }
    }
    func mean(_ values: [Double]) -> Double? {
      values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
    }
    guard !made.missed.isEmpty else {
      context.note("pose distance not measured: \(network.name) finds no joints in the real frames")
      return []
    }
    let provenance = material.provenance(context, ["judge": network.name])
    let setting =
      "\(material.setting); joints by \(network.name), found above \(PoseNetwork.threshold) of its heat maps, of those found in "
      + "real frames"
    let seed = UInt64(context.options.seed)
    var numbers = [
      try MeasuredNumber(
        id: "missed-joints", name: "missed joints", meanOf: made.missed, seed: seed, better: .smaller,
        baselines: material.baselines(at: { mean(beside[$0].missed) }), provenance: provenance,
        protocolText: setting + "; share")
    ]
    if !made.distances.isEmpty {
      numbers.insert(
        try MeasuredNumber(
          id: Self.id, name: "pose distance", meanOf: made.distances, seed: seed, better: .smaller,
          baselines: material.baselines(at: { mean(beside[$0].distances) }),
          provenance: provenance, protocolText: setting + "; pixels, of joints found in both"), at: 0)
    }
    return numbers
  }
}
