public import AtelierCore
public import AtelierMetrics
import AtelierTraining
import Torch

/// The Parzen-window log-likelihood of the first GAN papers, where the options ask for it.
public struct ParzenMeasure: Measure {
  /// What options and numbers name it by.
  public static let id = "parzen-log-likelihood"

  /// The drawing of samples.
  public static let sharedWork = SharedWork.samples

  /// The measure.
  public init() {}

  /// Systems that decode images from latent vectors.
  public func applies(to plan: SystemPlan) -> Bool { plan.drawsImages }

  /// The numbers; none where the system or its data do not have what they take.
  public func measure(_ context: EvaluationContext) throws -> [MeasuredNumber] {
    guard context.options.withParzen else { return [] }
    let (training, test) = try context.realImages()
    let samples = try context.samples().samples
    func unit(_ images: Tensor) -> Tensor { images.asType(.float32).flattened() / 255 }
    let count = min(1000, training.images.shape[0])
    let last = training.images.shape[0]
    let tested = min(1000, test.images.shape[0])
    let result = try parzenLogLikelihood(
      samples: unit(SampleJudge.rounded(samples)),
      validation: unit(training.images.slice(0, last - count, last)),
      test: unit(test.images.slice(0, 0, tested)))
    let margin = 1.96 * result.standardError
    let number = samples.shape[0]
    return [
      MeasuredNumber(
        id: Self.id, name: "Parzen-window log-likelihood", value: result.mean,
        interval: ConfidenceInterval(lower: result.mean - margin, upper: result.mean + margin),
        better: .larger,
        provenance: context.provenance(part: test.name, ["samples": "\(number)", "reference": "\(tested)"]),
        protocolText:
          "nats, \(number) samples, width \(fixed(result.sigma, 3)) chosen on \(count) training pictures, "
          + "pixels in 0 … 1; kept for comparison with the papers, known to mislead")
    ]
  }
}
