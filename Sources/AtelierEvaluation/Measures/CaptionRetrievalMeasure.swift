public import AtelierCore
public import AtelierMetrics
import Torch
import TorchNN

/// How often the run's own scorer finds the caption that an image was drawn for among others: recall at 1 and at 5,
/// beside chance, beside the captions' own images, and beside training images with the nearest captions.
public struct CaptionRetrievalMeasure: Measure {
  /// What options and numbers name it by.
  public static let id = "caption-retrieval"

  /// The settings.
  public struct Options: Settings {
    /// Captions that each image is held against, its own among them; there may be fewer held out.
    public var captions = 50

    /// Fifty captions.
    public init() {}

    /// Checks the value.
    public func validate() throws(ConfigurationError) {
      try Checks.require(captions >= 2, "captions is at least 2, not \(captions)")
    }
  }

  /// The settings.
  public var options = Options()

  /// The measure.
  public init() {}

  /// Systems that draw images for captions.
  public func applies(to plan: SystemPlan) -> Bool { plan.drawsCaptions }

  /// The numbers; none where the system has no scorer.
  public func measure(_ context: EvaluationContext) throws -> [MeasuredNumber] {
    guard context.plan.ability(CaptionScoring.self) != nil,
      let system = context.system(as: (any CaptionScoringSystem).self)
    else {
      context.note(
        "\(Self.id) is left out, because the model was trained without a scorer; train one with scorerSteps above 0"
      )
      return []
    }
    guard let material = try context.captionMaterial() else { return [] }
    let distinct = Array(Set(material.captions)).sorted()
    guard distinct.count >= 2 else {
      throw MetricError("it takes two different held-out captions, and there is one; hold out more")
    }
    let count = min(options.captions, distinct.count)
    let read = try withoutGradients { try system.embeddings(ofCaptions: distinct).to(.cpu) }
    let own = material.captions.map { caption in distinct.firstIndex(of: caption) ?? 0 }
    let rivals = self.rivals(of: own, among: distinct.count, count - 1, seed: context.options.seed)
    func ranks(_ images: Tensor) throws -> [Int] {
      let scores = try withoutGradients {
        let parts = try stride(from: 0, to: images.shape[0], by: 100).map { start in
          let piece = images.slice(0, start, min(start + 100, images.shape[0])).to(context.system.device)
          return try system.embeddings(ofImages: piece.asType(.float32) / 255).to(.cpu)
        }
        return Tensor.concatenated(parts, dim: 0).matmul(read.transposed(0, 1)).floats()
      }
      return own.indices.map { row in
        let line = scores[(row * distinct.count)..<((row + 1) * distinct.count)]
        func score(_ caption: Int) -> Float { line[line.startIndex + caption] }
        return captionRank(of: score(own[row]), among: rivals[row].map(score))
      }
    }
    let (drawn, real, nearest) = (
      try ranks(material.drawn), try ranks(material.real), try ranks(material.nearest)
    )
    let provenance = context.provenance(
      part: material.part,
      ["captions": "\(material.captions.count)", "among": "\(count)", "scorer": "the run's own"])
    return try [1, 5].filter { $0 == 1 || $0 < count }.map { best in
      func hits(_ ranks: [Int]) -> [Double] { ranks.map { $0 < best ? 1 : 0 } }
      func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
      let beside = try bootstrapInterval(
        ofMean: hits(nearest), using: RandomStream(seed: context.options.seed, purpose: "bootstrap"))
      return try MeasuredNumber(
        id: "\(Self.id)-\(best)", name: "caption retrieval, R@\(best)", meanOf: hits(drawn),
        seed: context.options.seed, better: .larger, realAgainstReal: mean(hits(real)),
        baselines: [
          BaselineNumber(name: "nearest caption", value: beside.value, interval: beside.interval),
          BaselineNumber(name: "chance", value: Double(best) / Double(count)),
        ], provenance: provenance,
        protocolText:
          "\(material.setting), its own among \(count) by the run's own scorer, 95 % interval by bootstrap; real: the "
          + "captions' own images; nearest caption: the training image whose caption shares most words")
    }
  }

  /// Other captions for each image, drawn by the seed.
  private func rivals(of own: [Int], among total: Int, _ count: Int, seed: UInt64) -> [[Int]] {
    let stream = RandomStream(seed: seed, purpose: "rival captions")
    return own.map { caption in
      Array(stream.permutation(total).integers().filter { $0 != caption }.prefix(count))
    }
  }
}

/// How many others score higher than a caption of its own; one of equal score does so, so that a scorer that finds all
/// alike finds nothing.
package func captionRank(of own: Float, among others: [Float]) -> Int { others.count { !($0 < own) } }
