public import AtelierCore
import AtelierData
public import AtelierMetrics
import AtelierTraining
import Torch

/// The Fréchet distance between images drawn for held-out captions and other held-out images, by plain pixels and by the
/// Inception of the FID paper where its weights are named; beside it that of training images with the nearest captions.
public struct CaptionFrechetMeasure: Measure {
  /// What options and numbers name it by.
  public static let id = "caption-frechet-distance"

  /// The measure.
  public init() {}

  /// Systems that draw images for captions.
  public func applies(to plan: SystemPlan) -> Bool { plan.drawsCaptions }

  /// The numbers; none where the system or its data do not have what they take.
  public func measure(_ context: EvaluationContext) throws -> [MeasuredNumber] {
    guard let material = try context.captionMaterial() else { return [] }
    var sources: [any FeatureSource] = [RawPixels()]
    if let network = try context.inception() {
      sources.append(network)
    } else {
      context.note("the FID of captions is left out, because no weights of the Inception network are named")
    }
    return try sources.map { source in
      let judge = SampleJudge(
        features: source, classifier: nil, reference: source.features(ofAll: material.reference),
        comparison: source.features(ofAll: material.real),
        source: "\(context.data.facts.description.name) \(material.part)", seed: context.options.seed,
        provenance: context.provenance(part: material.part, ["captions": "\(material.captions.count)"]))
      var number = try judge.frechet(judge.generatedFeatures(of: material.drawn))
      let nearest = try judge.frechet(judge.generatedFeatures(of: material.nearest))
      number.id = Self.id
      number.baselines = [
        BaselineNumber(name: "nearest caption", value: nearest.value, interval: nearest.interval)
      ]
      number.protocolText +=
        "; \(material.setting); nearest caption: the training image whose caption shares most words"
      return number
    }
  }
}

extension SystemPlan {
  /// Whether the system draws images for captions.
  var drawsCaptions: Bool {
    guard ability(CaptionedDrawing.self) != nil, case .image? = outputs.first?.kind else { return false }
    return true
  }
}
