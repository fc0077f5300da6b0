public import AtelierCore
public import AtelierMetrics
import Foundation
import Torch
import TorchNN

/// The Fréchet distance between stretches of made and of real videos: FVD by I3D's logits where the user names them, else by a
/// small network that is trained on the real training videos, after which it is named.
public struct VideoFrechetMeasure: Measure {
  /// What options and numbers name it by.
  public static let id = "video-frechet"

  /// The settings.
  public struct Options: Settings {
    /// A TorchScript file that gives features of videos `[n, 3, 16, 224, 224]` in -1 … 1; nil: a network is trained.
    public var network: String?
    /// The most stretches of a set.
    public var stretches = 256
    /// Steps of the network that is trained.
    public var steps = 300

    /// The usual settings.
    public init() {}

    /// Checks the values.
    public func validate() throws(ConfigurationError) {
      try Checks.require(stretches >= 8, "stretches is at least 8, not \(stretches)")
      try Checks.require(steps >= 1, "steps is at least 1, not \(steps)")
    }
  }

  /// The settings.
  public var options = Options()

  /// The measure.
  public init() {}

  /// Systems whose videos follow others, or are played.
  public func applies(to plan: SystemPlan) -> Bool { FrameMeasure().applies(to: plan) }

  /// The number; none where there are fewer than 8 stretches of held-out videos.
  public func measure(_ context: EvaluationContext) throws -> [MeasuredNumber] {
    guard let material = try context.videoMaterial() else { return [] }
    let shortest = material.clips.map { $0.count - material.given }.max() ?? 0
    guard let features = try features(material, shortest, context) else { return [] }
    let length = features.length
    func stretches(_ part: (VideoMaterial.Clip) throws -> Tensor) throws -> Tensor? {
      var found: [Tensor] = []
      for clip in material.clips {
        let frames = try part(clip)
        for start in stride(from: material.given, through: clip.count - length, by: length)
        where found.count < options.stretches { found.append(frames.slice(0, start, start + length)) }
      }
      return found.count < 8 ? nil : .stacked(found)
    }
    guard let real = try stretches({ $0.real }), let made = try stretches({ $0.made }) else {
      context.note(
        "Fréchet distance of videos not measured: the held-out videos have fewer than 8 stretches of \(length) frames"
      )
      return []
    }
    let (target, own) = (try features.features(real), try features.features(made))
    let value = try frechetDistance(real: target, fake: own)
    let halves = HalvesInterval(features: target.shape[1])
    let interval = try halves(
      around: [value], of: [target, own], within: 0 ... .infinity,
      using: RandomStream(seed: UInt64(context.options.seed), purpose: "halves video")
    ) { [try frechetDistance(real: $0[0], fake: $0[1])] }[0]
    func other(_ videos: Tensor?) throws -> Double? {
      try videos.map { try frechetDistance(real: target, fake: try features.features($0)) }
    }
    let count = real.shape[0]
    let bias = count < target.shape[1] ? ", fewer stretches than features: for comparison only" : ""
    return [
      MeasuredNumber(
        id: Self.id, name: features.distanceName, value: value, interval: interval, better: .smaller,
        realAgainstReal: try other(material.trainingStretches(atMost: count, length: length)),
        baselines: try material.baselines { try other(stretches($0.frames)) },
        provenance: material.provenance(context, ["features": features.name, "stretches": "\(count)"]),
        protocolText:
          "\(features.name), \(material.setting), \(count) stretches of \(length) frames\(bias), real against real: training "
          + "videos, \(halves.protocolText)")
    ]
  }

  /// The network of the user's file, or one that is trained; nil, which is noted, where videos are too short.
  private func features(
    _ material: VideoMaterial, _ longest: Int, _ context: EvaluationContext
  ) throws -> (any VideoFeatures)? {
    if let network = options.network { return try ScriptedVideoFeatures(URL(fileURLWithPath: network)) }
    for length in [16, 12, 8, 6, 4] where length <= longest {
      guard let training = try material.trainingStretches(atMost: 256, length: 2 * length),
        training.shape[0] >= 4
      else { continue }
      context.say("the network of videos, trained on real training videos only")
      let twice = material.clips.filter { $0.count >= 2 * length }.map { $0.real.slice(0, 0, 2 * length) }
      return try FaultNetwork.trained(
        on: training, test: twice.isEmpty ? nil : .stacked(twice), length: length, steps: options.steps,
        seed: UInt64(context.options.seed))
    }
    context.note(
      "Fréchet distance of videos not measured: the training videos have no 4 stretches of 8 frames")
    return nil
  }
}
