public import AtelierCore
public import AtelierMetrics
import Perception
import Torch
import TorchNN

/// The perceptual path length of systems that decode images from latent vectors, by LPIPS.
public struct PathLengthMeasure: Measure {
  /// What options and numbers name it by.
  public static let id = "perceptual-path-length"

  /// The settings.
  public struct Options: Settings {
    /// Points of paths; the paper takes 100,000.
    public var points = 1000
    /// The step along a path.
    public var step = 1e-4

    /// A thousand points, a step of 1e-4.
    public init() {}

    /// Checks the values.
    public func validate() throws(ConfigurationError) {
      guard points >= 2 else { throw ConfigurationError("points is at least 2, not \(points)") }
      guard step > 0, step < 1 else { throw ConfigurationError("step lies between 0 and 1, and is \(step)") }
    }
  }

  /// The settings.
  public var options = Options()

  /// The measure.
  public init() {}

  /// Systems that decode images from latent vectors.
  public func applies(to plan: SystemPlan) -> Bool { plan.drawsImages }

  /// The number by the network of the paper, VGG16; none where its weights are not installed.
  public func measure(_ context: EvaluationContext) throws -> [MeasuredNumber] {
    guard let latent = context.system(as: (any LatentSystem).self) else { return [] }
    let distance: LPIPS
    do {
      distance = try LPIPS(.vgg16, from: context.options.weights, for: "the perceptual path length")
    } catch {
      context.note("perceptual path length not measured: \(error)")
      return []
    }
    let (count, seed) = (options.points, context.options.seed)
    context.say("measuring the perceptual path length at \(count) points")
    let draws = StreamDraws(RandomStream(seed: seed, purpose: "path length"))
    let space = latent.latentSpace
    let ends = (
      space.distribution.draw("first", [count, space.size], from: draws),
      space.distribution.draw("second", [count, space.size], from: draws)
    )
    let length = PerceptualPathLength(count: count, step: options.step)
    let places = draws.uniform("place", [count])
    let distances = try withoutGradients { () throws -> [Double] in
      let points = length.points(ends, at: places, isSpherical: space.distribution == .normal)
      return try stride(from: 0, to: count, by: 50).flatMap { start in
        let end = min(count, start + 50)
        let labels = space.classes.map { classes in Tensor((start..<end).map { $0 % classes }) }
        let images = try (
          latent.decode(points.0.slice(0, start, end), labels: labels),
          latent.decode(points.1.slice(0, start, end), labels: labels)
        )
        return try distance.distances(ofAll: images.0, images.1).doubles()
      }
    }
    let facts = distance.provenance.fields.map { "\($0.name) \($0.value)" }.joined(separator: ", ")
    return [
      try MeasuredNumber(
        id: Self.id, name: "perceptual path length", meanOf: length.kept(distances), seed: seed,
        better: .smaller,
        provenance: context.provenance(
          part: "none",
          distance.provenance.merging(["points": "\(count)", "step": "\(options.step)"])),
        protocolText: "\(facts), \(count) points, step \(options.step), "
          + (space.distribution == .normal ? "on the sphere" : "along lines")
          + ", whole images, without the lowest and highest hundredth, 95 % bootstrap interval")
    ]
  }
}
