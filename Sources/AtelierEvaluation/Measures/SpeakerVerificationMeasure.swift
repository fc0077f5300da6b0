public import AtelierCore
import AtelierData
public import AtelierMetrics
import AtelierTraining
import Torch

/// How well embeddings tell the speakers of held-out speech apart: the equal error rate over all pairs of pieces, and the
/// share of pieces that are nearest to the mean of their own speaker's other pieces.
public struct SpeakerVerificationMeasure: Measure {
  /// What options and numbers name it by.
  public static let id = "speaker-verification"

  /// The measure.
  public init() {}

  /// Systems that give embeddings of voices.
  public func applies(to plan: SystemPlan) -> Bool { plan.ability(SpeakerRecognition.self) != nil }

  /// The numbers of each part; none where the data do not have it.
  public func measure(_ context: EvaluationContext) throws -> [MeasuredNumber] {
    guard let ability = context.plan.ability(SpeakerRecognition.self),
      let system = context.system(as: (any SpeakerRecognizingSystem).self)
    else { return [] }
    let parts = [DatasetSplit.validation, .test].filter(context.options.parts.contains)
    return try parts.flatMap { split -> [MeasuredNumber] in
      guard let host = try context.data.batches(of: split) else { return [] }
      var (rows, labels) = ([Tensor](), [Int]())
      for host in host where labels.count < context.options.samples {
        let batch = context.data.batch(host)
        rows.append(try withoutGradients { try system.embeddings(of: batch[ability.utterance]).to(.cpu) })
        labels += batch[ability.speaker].integers()
      }
      guard Set(labels).count > 1 else { return [] }
      let embeddings = Tensor.concatenated(rows, dim: 0)
      let setting =
        "\(split.rawValue) part, \(labels.count) pieces of speech of \(Set(labels).count) speakers, cosines of embeddings"
      let provenance = context.provenance(part: split.rawValue, ["pieces": "\(labels.count)"])
      let (scores, isSame) = Self.pairs(embeddings, labels)
      var numbers: [MeasuredNumber] = []
      if let rate = equalErrorRate(scores, isSame) {
        numbers.append(
          MeasuredNumber(
            id: "equal-error-rate", name: "equal error rate (\(split.rawValue))", value: rate,
            better: .smaller,
            baselines: [BaselineNumber(name: "chance", value: 0.5)], provenance: provenance,
            protocolText: setting + ", all pairs"))
      }
      numbers.append(
        try MeasuredNumber(
          id: "speaker-accuracy", name: "speaker accuracy (\(split.rawValue))",
          meanOf: Self.recognised(embeddings, labels), seed: context.options.seed, better: .larger,
          provenance: provenance, protocolText: setting + ", nearest mean of each speaker's other pieces"))
      return numbers
    }
  }

  /// The cosines of all pairs, and whether both are of one speaker.
  private static func pairs(_ embeddings: Tensor, _ labels: [Int]) -> ([Double], [Bool]) {
    let count = labels.count
    let similarity = embeddings.matmul(embeddings.transposed(0, 1)).doubles()
    var (scores, isSame) = ([Double](), [Bool]())
    for first in 0..<count {
      for second in (first + 1)..<max(first + 1, count) {
        scores.append(similarity[first * count + second])
        isSame.append(labels[first] == labels[second])
      }
    }
    return (scores, isSame)
  }

  /// 1 for each piece that is nearest to its own speaker; pieces whose speaker has no other are left out.
  private static func recognised(_ embeddings: Tensor, _ labels: [Int]) -> [Double] {
    let speakers = Array(Set(labels)).sorted()
    let numbers = Dictionary(uniqueKeysWithValues: speakers.enumerated().map { ($1, $0) })
    let membership = Tensor(
      labels.flatMap { label in speakers.map { $0 == label ? Float(1) : 0 } },
      shape: [labels.count, speakers.count])
    func normalized(_ x: Tensor) -> Tensor { x / (x.square().sum(dims: [1], keepDim: true) + 1e-12).sqrt() }
    let sums = membership.transposed(0, 1).matmul(embeddings)
    let own = (embeddings * normalized(membership.matmul(sums) - embeddings)).sum(dims: [1], keepDim: true)
    let others = embeddings.matmul(normalized(sums).transposed(0, 1))
    let nearest = (others * (1 - membership) + own * membership).argmax(dim: 1).integers()
    let counts = speakers.map { speaker in labels.count { $0 == speaker } }
    return labels.indices.compactMap { index in
      guard let number = numbers[labels[index]], counts[number] > 1 else { return nil }
      return nearest[index] == number ? 1 : 0
    }
  }
}
