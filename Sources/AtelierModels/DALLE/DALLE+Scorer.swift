public import AtelierCore
import AtelierData
public import Torch
import TorchNN

extension DALLE: CaptionScoringSystem {
  /// One step of the scorer, on images and on what their codes give back.
  func learnScores(_ step: TrainingStep, _ scorer: TextImageScorer, _ optimizer: Optimizer) throws {
    let batch = try step.batch()
    let settings = configuration.scorer
    var images = batch["image"]
    let count = images.shape[0]
    if settings.scorerReconstructions > 0 {
      let isRebuilt = step.draws.bernoulli(
        "reconstructions", probability: settings.scorerReconstructions, [count, 1, 1, 1])
      let codes = parts.codes
      let rebuilt = withoutGradients { codes.evaluating { codes.image(of: codes.codes(of: images)) } }
      images = .select(isRebuilt.greater(0.5), rebuilt, images)
    }
    images = shifted(images, by: settings.scorerShift, step.draws)
    let captions = fitted(batch["text"])
    let (_, embedded) = try step.update("scorer", optimizer) { loss in
      let (seen, read) = (scorer.embedded(images: images), scorer.embedded(captions: captions))
      loss.add("contrastive", contrastiveLoss(images: seen, captions: read, logitScale: scorer.logitScale))
      return (images: seen.detached(), captions: read.detached())
    }
    scorer.boundLogitScale()
    step.observe("captionAccuracy") {
      let captions = embedded.captions.gatheredOverProcesses()
      let cosines = embedded.images.gatheredOverProcesses().matmul(captions.transposed(0, 1))
      let own = Tensor.arange(cosines.shape[0], device: cosines.device).asType(.int64)
      return cosines.argmax(dim: 1).equal(own).asType(.float32).mean()
    }
    step.observe("logitScale") { scorer.logitScale.exp().mean() }
  }

  /// Each image moved by whole pixels, its border repeated behind it.
  private func shifted(_ images: Tensor, by share: Double, _ draws: any Draws) -> Tensor {
    let (count, side) = (images.shape[0], images.shape[2])
    let most = Int(share * Double(side))
    guard most > 0 else { return images }
    let offsets = draws.integers("shifts", below: 2 * most + 1, [count, 2]).integers()
    func places(_ offset: Int) -> Tensor {
      Tensor((0..<side).map { min(max($0 + offset - most, 0), side - 1) }, device: images.device)
    }
    return .concatenated(
      (0..<count).map { index in
        images.slice(0, index, index + 1).indexSelected(2, places(offsets[2 * index])).indexSelected(
          3, places(offsets[2 * index + 1]))
      }, dim: 0)
  }

  /// Unit vectors `[n, features]` of images in 0 … 1, by the scorer.
  public func embeddings(ofImages images: Tensor) throws -> Tensor {
    let scorer = try requiredScorer("comparing images with captions takes a scorer")
    return scorer.embedded(images: images)
  }

  /// Unit vectors `[n, features]` of captions, by the scorer.
  public func embeddings(ofCaptions captions: [String]) throws -> Tensor {
    let scorer = try requiredScorer("comparing images with captions takes a scorer")
    return scorer.embedded(captions: .concatenated(try captions.map { try caption($0, on: device) }, dim: 0))
  }

  private func requiredScorer(_ need: String) throws(ConfigurationError) -> TextImageScorer {
    guard let scorer else {
      throw ConfigurationError(
        "\(need), and this model was trained without one; train one with scorerSteps above 0, for example "
          + "scorerSteps=1000")
    }
    return scorer
  }

  /// The images of a prompt that fit it best, the best first.
  ///
  /// - Parameters:
  ///   - total: how many are drawn.
  ///   - kept: how many of them are given.
  ///   - draw: draws some images in 0 … 1.
  func best(
    _ kept: Int, of total: Int, for prompt: String?, emit: (Tensor) throws -> Void,
    draw: (Int) throws -> Tensor
  ) throws {
    let scorer = try requiredScorer("choosing among candidates takes a scorer")
    guard let prompt, !prompt.isEmpty else {
      throw ConfigurationError("candidates are chosen by the prompt; give one, or leave candidates out")
    }
    guard total >= kept else {
      throw ConfigurationError(
        "\(kept) images cannot be chosen among \(total) candidates; ask for fewer images, or for \(kept) candidates "
          + "or more")
    }
    let read = scorer.embedded(captions: try caption(prompt, on: device))
    var best: [(score: Float, image: Tensor)] = []
    for start in stride(from: 0, to: total, by: 16) {
      let images = try draw(min(16, total - start))
      let scores = scorer.embedded(images: images).matmul(read.transposed(0, 1)).floats()
      for (index, score) in scores.enumerated() {
        // Of equal ones the first drawn stands first.
        let place = best.firstIndex { $0.score < score } ?? best.count
        if place < kept { best.insert((score, images.slice(0, index, index + 1)), at: place) }
      }
      if best.count > kept { best.removeLast(best.count - kept) }
    }
    for start in stride(from: 0, to: kept, by: 16) {
      try emit(.concatenated(best[start..<min(start + 16, kept)].map(\.image), dim: 0))
    }
  }
}
