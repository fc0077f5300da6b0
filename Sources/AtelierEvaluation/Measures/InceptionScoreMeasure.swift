public import AtelierCore
public import AtelierMetrics
import Torch

/// The inception score of generated images: by the FID paper's Inception network, ten splits of shuffled samples.
public struct InceptionScoreMeasure: Measure {
  /// What options and numbers name it by.
  public static let id = "inception-score"

  /// The drawing of samples.
  public static let sharedWork = SharedWork.samples

  /// The measure.
  public init() {}

  /// Systems that decode images from latent vectors.
  public func applies(to plan: SystemPlan) -> Bool { plan.drawsImages }

  /// The number; none without the network's weights.
  public func measure(_ context: EvaluationContext) throws -> [MeasuredNumber] {
    guard let network = try context.inception() else { return [] }
    let samples = try context.samples().samples
    let (test, seed) = (try context.heldOutImages(), context.options.seed)
    func logits(_ images: Tensor) -> Tensor { network.logits(ofAll: SampleJudge.rounded(images)) }
    func score(_ logits: Tensor, splits: Int) throws -> Double {
      try inceptionScore(
        logits: logits, splits: min(splits, logits.shape[0]),
        shuffledBy: RandomStream(seed: seed, purpose: "inception splits")
      ).mean
    }
    let own = logits(samples)
    let real = logits(test.images.narrow(0, from: 0, length: min(test.images.shape[0], samples.shape[0])))
    let value = try score(own, splits: 10)
    let halves = HalvesInterval()
    // A half in five splits has splits of the same size.
    let interval = try halves(
      around: [value], of: [own], within: 1...Double(InceptionFID.classes),
      using: RandomStream(seed: seed, purpose: "halves \(Self.id)")
    ) { [try score($0[0], splits: 5)] }[0]
    let facts = network.provenance.fields.map { "\($0.name) \($0.value)" }.joined(separator: ", ")
    return [
      MeasuredNumber(
        id: Self.id, name: "inception score", value: value, interval: interval, better: .larger,
        realAgainstReal: try score(real, splits: 10),
        provenance: context.provenance(part: test.name, network.provenance)
          .merging(["samples": "\(samples.shape[0])", "splits": "10"]),
        protocolText: "\(facts), \(samples.shape[0]) samples in 10 splits, shuffled with seed \(seed)"
          + (interval == nil ? "" : ", \(halves.protocolText)"))
    ]
  }
}

/// sFID: the Fréchet distance of spatial features of the FID paper's Inception network.
public struct SpatialFrechetMeasure: Measure {
  /// What options and numbers name it by.
  public static let id = "spatial-frechet-distance"

  /// The drawing of samples.
  public static let sharedWork = SharedWork.samples

  /// The measure.
  public init() {}

  /// Systems that decode images from latent vectors.
  public func applies(to plan: SystemPlan) -> Bool { plan.drawsImages }

  /// The number; none without the network's weights.
  public func measure(_ context: EvaluationContext) throws -> [MeasuredNumber] {
    guard let network = try context.inception() else { return [] }
    let judge = try context.judge(by: InceptionSpatial(network))
    var number = try judge.frechet(judge.generatedFeatures(of: context.samples().samples))
    number.id = Self.id
    return [number]
  }
}
