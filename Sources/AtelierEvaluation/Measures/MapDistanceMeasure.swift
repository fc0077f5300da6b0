public import AtelierCore
public import AtelierMetrics
import Perception
import Torch

/// Distances between images made from maps and the real ones, by every feature source there is.
///
/// The images' maps are those of the real ones, so that both sets show the same scenes. Real against real
/// compares with the training images.
public struct MapDistanceMeasure: Measure {
  /// What options and numbers name it by.
  public static let id = "map-distances"

  /// The measure.
  public init() {}

  /// Systems that make images from label maps.
  public func applies(to plan: SystemPlan) -> Bool { plan.mapDirection != nil }

  /// The numbers; none where the system or its data do not have what they take.
  public func measure(_ context: EvaluationContext) throws -> [MeasuredNumber] {
    guard let material = try context.mapMaterial() else { return [] }
    let (generated, manner) = try material.generated()
    let (held, training) = (material.held.examples.images, material.training.images)
    var sources: [any FeatureSource] = []
    if context.options.weights.contains("efficientnet-lite0") {
      sources.append(try EfficientNetLiteFeatures(from: context.options.weights))
    }
    if sources.isEmpty { sources.append(RawPixels()) }
    if let network = try context.inception() { sources.append(network) }
    let rows = RandomStream(seed: context.options.seed, purpose: "real against real").permutation(
      training.shape[0])
    let others = training.indexSelected(0, rows.slice(0, 0, min(held.shape[0], training.shape[0])))
    return try sources.flatMap { features in
      context.say("comparing with \(material.source) by \(features.name)")
      let judge = SampleJudge(
        features: features, classifier: nil, reference: features.features(ofAll: held),
        comparison: features.features(ofAll: others), source: material.source,
        seed: context.options.seed, provenance: material.provenance(manner: manner))
      let made = judge.generatedFeatures(of: generated)
      return try [judge.frechet(made), judge.kernel(made)] + judge.manifold(made) + [judge.neighbours(made)]
    }
  }
}
