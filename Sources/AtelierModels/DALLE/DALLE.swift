public import AtelierCore
public import AtelierData
import Foundation
public import Torch
public import TorchNN

/// Images from captions in two stages: a discrete autoencoder makes a square of codes of an image, and a transformer
/// learns captions and codes as one sequence. Between them a scorer may be trained that chooses among candidates.
///
/// Paper: Ramesh et al. 2021, "Zero-Shot Text-to-Image Generation". References: lucidrains/DALLE-pytorch (both stages,
/// the models `discrete-vae` and `dall-e`) and openai/DALL-E (`openai-discrete-vae`; its authors released no training).
///
/// Deviations: an image's text ends where the caption's tokens end, without a token of its own, as in DALLE-pytorch;
/// the logit-Laplace autoencoder is trained as the paper's appendix A says, its divergence divided by the values of an
/// image, which the paper leaves open.
public final class DALLE: ReconstructingSystem, ImageCodingSystem, ReferenceAnswering {
  /// The name, papers and reference implementations.
  public static let identity = SystemIdentity(
    name: "dall-e",
    summary: "images from captions, by a transformer over the codes of a discrete autoencoder",
    paper: "Ramesh et al. 2021, Zero-Shot Text-to-Image Generation",
    reference: "lucidrains/DALLE-pytorch; openai/DALL-E", suits: [.captionedImages])

  /// The choices this system was built from.
  public let configuration: Configuration
  let parts: Parts
  private let autoencoderOptimizer: Optimizer?
  private let transformerOptimizer: Optimizer?
  private let scorerOptimizer: Optimizer?
  let scorer: TextImageScorer?
  private let vocabulary: SentenceVocabulary?

  /// The networks of each model.
  enum Parts {
    case discrete(DiscreteVAE)
    case openAI(OpenAIDiscreteVAE)
    case whole(TextToImageNetwork)

    var codes: any ImageCodes {
      switch self {
      case .discrete(let network): network
      case .openAI(let network): network
      case .whole(let network): network.codes
      }
    }

    var transformer: TextImageTransformer? {
      if case .whole(let network) = self { network.decoder } else { nil }
    }
  }

  /// Builds the networks with initial weights drawn from `stream`.
  ///
  /// - Throws: ``ConfigurationError`` for a configuration that cannot work.
  public init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    try configuration.validate()
    self.configuration = configuration
    vocabulary =
      artefacts.contents[CaptionedImages.artefact] == nil
      ? nil : try artefacts.sentenceVocabulary(CaptionedImages.artefact)
    if let vocabulary, vocabulary.count != configuration.textVocabularySize {
      throw ConfigurationError(
        "textVocabularySize is \(configuration.textVocabularySize), but the captions' vocabulary has "
          + "\(vocabulary.count) tokens")
    }
    func discrete() -> DiscreteVAE {
      DiscreteVAE(
        channels: configuration.images.imageChannels, vocabulary: configuration.imageVocabularySize,
        codeSize: configuration.codebookSize, downsamplings: configuration.downsamplings,
        residualBlocks: configuration.residualBlocks, hidden: configuration.hiddenChannels, using: stream)
    }
    func openAI() -> OpenAIDiscreteVAE {
      let (channels, blocks) = (configuration.images.imageChannels, configuration.blocksPerGroup)
      let encoder = OpenAIEncoder(
        channels: channels, hidden: configuration.hiddenChannels, blocks: blocks,
        vocabulary: configuration.imageVocabularySize, using: stream)
      let decoder = OpenAIDecoder(
        channels: channels, initial: configuration.initialChannels, hidden: configuration.hiddenChannels,
        blocks: blocks, vocabulary: configuration.imageVocabularySize, using: stream)
      return OpenAIDiscreteVAE(
        encoder: encoder, decoder: decoder, vocabulary: configuration.imageVocabularySize)
    }
    switch configuration.model {
    case .discreteVAE: parts = .discrete(discrete())
    case .openAIDiscreteVAE: parts = .openAI(openAI())
    case .dallE:
      let codes: any ImageCodes = configuration.isOpenAI ? openAI() : discrete()
      parts = .whole(
        TextToImageNetwork(codes, TextImageTransformer(configuration.transformerShape, using: stream)))
    }
    let isWhole = configuration.model == .dallE
    autoencoderOptimizer =
      isWhole && configuration.autoencoderSteps == 0
      ? nil
      : configuration.adam.optimizer(
        parts.codes,
        learningRate: isWhole ? configuration.autoencoderLearningRate : configuration.learningRate)
    transformerOptimizer = parts.transformer.map {
      configuration.adam.optimizer($0, learningRate: configuration.learningRate)
    }
    let settings = configuration.scorer
    scorer =
      isWhole && settings.scorerSteps > 0
      ? TextImageScorer(configuration.scorerShape, using: stream) : nil
    scorerOptimizer = scorer.map {
      // The paper's decays, for networks that are no vision transformers.
      AdamW(
        $0.namedParameters(), learningRate: settings.scorerLearningRate, beta1: 0.9, beta2: 0.999,
        epsilon: 1e-8, weightDecay: settings.scorerWeightDecay, undecayed: $0.undecayed)
    }
  }

  /// The data decide channels and vocabulary.
  public static func adapted(_ configuration: Configuration, to data: DataFacts) throws -> Configuration {
    var adapted = configuration
    if let channels = data.description.imageShape?.first { adapted.images.imageChannels = channels }
    if data.artefacts.contents[CaptionedImages.artefact] != nil {
      adapted.textVocabularySize = try data.artefacts.sentenceVocabulary(CaptionedImages.artefact).count
    }
    return adapted
  }

  /// `autoencoder`; `encoder` and `decoder` of openai-discrete-vae; `model` of both stages, and `scorer` beside it.
  public var networks: [Network] { described }

  /// `autoencoder` where it is trained, `scorer` where there is one, and `model` for the transformer.
  public var optimizers: [(name: String, optimizer: Optimizer)] {
    [
      ("autoencoder", autoencoderOptimizer), ("scorer", scorerOptimizer), ("model", transformerOptimizer),
    ].compactMap { name, optimizer in optimizer.map { (name: name, optimizer: $0) } }
  }

  // MARK: Training

  /// One step of the stage: the autoencoder's, the scorer's, or the transformer's on the codes of a frozen autoencoder.
  public func step(_ step: TrainingStep) throws {
    if step.stage == "scorer", let scorer, let scorerOptimizer {
      return try learnScores(step, scorer, scorerOptimizer)
    }
    if let transformer = parts.transformer, step.stage != "autoencoder" {
      return try learnCaptions(step, transformer)
    }
    guard let optimizer = autoencoderOptimizer else {
      throw ConfigurationError("autoencoderSteps is 0, and the stage 'autoencoder' was asked for")
    }
    let image = try step.batch()["image"]
    optimizer.learningRate = autoencoderLearningRate(at: step.index)
    var relaxation = self.relaxation
    relaxation.temperature = temperature(at: step.index)
    let codes = parts.codes
    let (_, scores) = try step.update("autoencoder", optimizer) { loss in
      let scores = codes.scores(of: image)
      let relaxed = relaxation(scores, noise: step.draws.gumbel("noise", scores.shape))
      let terms = self.terms(image, scores, relaxed, step.index)
      loss.add("total", terms.divergence.map { terms.reconstruction + $0 } ?? terms.reconstruction)
      if let divergence = terms.divergence { step.observe("divergence") { divergence } }
      return scores.detached()
    }
    observeCodes(scores, step)
  }

  private func learnCaptions(_ step: TrainingStep, _ transformer: TextImageTransformer) throws {
    let batch = try step.batch()
    let codes = withoutGradients { parts.codes.evaluating { parts.codes.codes(of: batch["image"]) } }
    var text = fitted(batch["text"])
    if configuration.captionDropout > 0 {
      let kept = step.draws.bernoulli(
        "caption dropout", probability: 1 - configuration.captionDropout, [text.shape[0], 1])
      text = .select(kept.greater(0.5), text, .zeros([1, 1], dtype: .int64, device: text.device))
    }
    let weight = configuration.imageLossWeight
    let (_, losses) = try step.update(
      "model", transformerOptimizer ?? SGD([], learningRate: 0), clip: configuration.gradientClip
    ) { loss in
      let losses = transformer.losses(text, codes)
      loss.add("total", (losses.text + losses.image * weight) / (weight + 1))
      return (text: losses.text.detached(), image: losses.image.detached())
    }
    if let norm = step.gradientNorms.last?.value { step.log("gradientNorm", norm) }
    step.observe("text") { losses.text }
    step.observe("image") { losses.image }
  }

  /// Captions of `textLength` tokens: longer ones cut off, shorter ones filled with 0.
  func fitted(_ text: Tensor) -> Tensor {
    let (length, wanted) = (text.shape[1], configuration.textLength)
    guard length < wanted else { return length == wanted ? text : text.slice(1, 0, wanted) }
    return .concatenated(
      [text, .zeros([text.shape[0], wanted - length], dtype: .int64, device: text.device)], dim: 1)
  }

  /// The terms of the autoencoder's loss, weighted.
  func terms(
    _ image: Tensor, _ scores: Tensor, _ relaxed: Tensor, _ step: Int
  ) -> (reconstruction: Tensor, divergence: Tensor?) {
    let weight = configuration.divergenceWeight
    switch parts.codes {
    case let network as OpenAIDiscreteVAE:
      let statistics = network.decoder(relaxed)
      let rising = divergenceWeight(at: step)
      return (
        LogitLaplace.loss(statistics, LogitLaplace.mapped(image)),
        weight > 0 ? codeDivergence(scores) * (rising / Double(image.count)) : nil
      )
    case let network as DiscreteVAE:
      let output = network.decoded(relaxed: relaxed)
      return (
        configuration.loss(output, network.normalized(image)),
        // A sum over the whole batch, as in the authors' code.
        weight > 0 ? codeDivergence(scores).summedOverProcesses() * weight : nil
      )
    default: return (Tensor(scalar: 0), nil)
    }
  }

  /// The share of the vocabulary that a batch's likeliest codes use, and exp of their entropy.
  private func observeCodes(_ scores: Tensor, _ step: TrainingStep) {
    func shares() -> Tensor {
      let used = scores.argmax(dim: 1).oneHot(scores.shape[1]).asType(.float32).reshaped([
        -1, scores.shape[1],
      ])
      return used.mean(dims: [0]).averagedOverProcesses()
    }
    step.observe("codebookUsage") { shares().greater(0).asType(.float32).mean() }
    step.observe("codebookPerplexity") {
      let shares = shares()
      return (-(shares * shares.clamped(min: 1e-20).log()).sum()).exp()
    }
  }

  // MARK: Drawing

  /// Images of their likeliest codes, in 0 … 1.
  public func reconstruct(_ batch: Batch, draws: any Draws) throws -> Tensor {
    parts.codes.image(of: parts.codes.codes(of: batch["image"]))
  }

  /// An image of the prompt, at most 16 a piece; images given back by an autoencoder alone.
  public func generate(_ request: Request, emit: (Output) throws -> Void) throws {
    guard let transformer = parts.transformer else {
      let image = try request.required("image")
      return try emit(Output("image", parts.codes.image(of: parts.codes.codes(of: image)) * 2 - 1))
    }
    let sampling = try request.sampling(as: CodeSampling.self)
    let text = try caption(request.text("prompt") ?? "", on: device)
    let given = request.tensor("image").map { parts.codes.codes(of: $0) }
    let count = given?.shape[0] ?? request.count
    func images(_ count: Int, after first: Tensor?) -> Tensor {
      let codes = transformer.drawn(
        text.expanded([count, text.shape[1]]),
        after: first.map { $0.slice(1, 0, Int(sampling.kept * Double($0.shape[1]))) }, sampling, request.draws
      )
      return parts.codes.image(of: codes)
    }
    if let candidates = sampling.candidates {
      guard given == nil || count == 1 else {
        throw ConfigurationError(
          "candidates are drawn for one image, and \(count) are given; give them one by one")
      }
      return try best(
        count, of: candidates, for: request.text("prompt"), emit: { try emit(Output("image", $0 * 2 - 1)) }
      ) { drawn in images(drawn, after: given?.expanded([drawn, given?.shape[1] ?? 0])) }
    }
    for start in stride(from: 0, to: count, by: 16) {
      let end = min(start + 16, count)
      try emit(Output("image", images(end - start, after: given?.slice(0, start, end)) * 2 - 1))
    }
  }

  /// The code numbers of a batch's images, row by row.
  public func codes(of batch: Batch) throws -> Tensor { parts.codes.codes(of: batch["image"]) }

  /// The tokens of a caption `[1, textLength]`.
  func caption(_ text: String, on device: Device) throws -> Tensor {
    guard let vocabulary else {
      throw ConfigurationError(
        "the artefact '\(CaptionedImages.artefact)' is missing; give the whole run folder")
    }
    let tokens = CaptionedImages.tokens(of: text, vocabulary)
    return fitted(Tensor(tokens, shape: [1, tokens.count], device: device))
  }
}

extension DALLE: PromptedSystem {
  /// By the vocabulary of the training captions.
  public func unknownPieces(ofPrompt prompt: String) -> UnknownPieces? {
    vocabulary?.unknownPieces(of: [prompt])
  }
}

/// Both stages as one network.
final class TextToImageNetwork: Module {
  let autoencoder: Module
  let decoder: TextImageTransformer
  let codes: any ImageCodes

  init(_ codes: any ImageCodes, _ decoder: TextImageTransformer) {
    self.codes = codes
    autoencoder = codes
    self.decoder = decoder
    super.init()
  }

  override func members() -> [Member] {
    [.child(name: "autoencoder", module: autoencoder), .child(name: "decoder", module: decoder)]
  }
}

extension TextImageTransformer {
  /// Codes of images `[batch, codes]` for captions, one after the other.
  ///
  /// Of each step's logits the highest are kept, divided by the temperature, and the largest after the addition of
  /// Gumbel noise taken.
  func drawn(
    _ text: Tensor, after first: Tensor?, _ sampling: CodeSampling, _ draws: any Draws
  ) -> Tensor {
    let (batch, total) = (text.shape[0], shape.layout.codes)
    let isGuided = sampling.guidance != 1
    // With guidance the second half of the batch has no captions.
    let captions = isGuided ? Tensor.concatenated([text, .zeros(like: text)], dim: 0) : text
    func doubled(_ codes: Tensor) -> Tensor { isGuided ? .concatenated([codes, codes], dim: 0) : codes }
    let caches = self.caches()
    var codes = first.flatMap { $0.shape[1] > 0 ? $0 : nil }
    let kept = max(Int((1 - sampling.filterThreshold) * Double(shape.tokens)), 1)
    for place in (codes?.shape[1] ?? 0)..<total {
      let features = self.features(captions, codes.map(doubled), caches: caches)
      let last = features.slice(1, features.shape[1] - 1, features.shape[1])
      var scores = logits(last, from: shape.layout.textLength + place).selected(dim: 1, index: 0)
      if isGuided {
        let (with, without) = (scores.slice(0, 0, batch), scores.slice(0, batch, 2 * batch))
        scores = .select(
          with.greater(-1e30), without + (with - without) * sampling.guidance, with)
      }
      let top = scores.topK(kept, dim: 1)
      let noise = draws.gumbel("noise", [batch, shape.tokens]).to(scores.device)
      let choice = (top.values / sampling.temperature + noise.gathered(1, top.indices)).argmax(
        dim: 1, keepDim: true)
      let code = top.indices.gathered(1, choice) - Double(shape.textTokens)
      let next = code.clamped(min: 0).asType(.int64)
      codes = codes.map { .concatenated([$0, next], dim: 1) } ?? next
    }
    return codes ?? .zeros([batch, 0], dtype: .int64, device: text.device)
  }
}
