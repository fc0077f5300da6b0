public import AtelierCore
public import AtelierData
import Foundation
public import Torch
public import TorchNN

/// ELECTRA: a small generator replaces tokens of a text, and a discriminator, which is what is wanted, says of every
/// token whether it was replaced; then the discriminator learns the classes of labelled text.
///
/// Paper: Clark et al. 2020, "ELECTRA: Pre-training Text Encoders as Discriminators Rather Than Generators".
/// Reference: google-research/electra (`run_pretraining.py`, `pretrain/pretrain_helpers.py`, `model/optimization.py`).
/// Deviations: Documentation/systems/electra.md.
public final class ELECTRA: ReplacedTokenSystem, TextClassifyingSystem, ReferenceAnswering {
  /// The name, paper and reference implementation.
  public static let identity = SystemIdentity(
    name: "electra", summary: "a discriminator of replaced words, and classes of texts",
    paper:
      "Clark et al. 2020, ELECTRA: Pre-training Text Encoders as Discriminators Rather Than Generators",
    reference: "google-research/electra", suits: [.labelledText])

  /// The choices this system was built from.
  public let configuration: Configuration
  private let generator: ElectraGenerator
  private let discriminator: ElectraDiscriminator
  private let classifier: TextClassifierHead?
  private let optimizer: AdamW
  private let tokenizer: (any TextTokenizer)?
  private let classNames: [String]

  /// Builds the networks with initial weights drawn from `stream`.
  public init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    try configuration.validate()
    self.configuration = configuration
    tokenizer = try Self.tokenizer(in: artefacts, configuration)
    if let tokenizer, tokenizer.count + SpecialToken.count != configuration.vocabularySize {
      throw ConfigurationError(
        "vocabularySize is \(configuration.vocabularySize), but the vocabulary has \(tokenizer.count) tokens and "
          + "\(SpecialToken.count) special ones")
    }
    classNames =
      artefacts.contents[LabelledText.classesName] == nil
      ? [] : try artefacts.decode([String].self, LabelledText.classesName)
    let embeddings = ElectraEmbeddings(configuration, using: stream)
    generator = ElectraGenerator(configuration, sharing: embeddings, using: stream)
    discriminator = ElectraDiscriminator(
      configuration,
      sharing: configuration.tiedEmbedding ? embeddings : ElectraEmbeddings(configuration, using: stream),
      using: stream)
    let modules: KeyValuePairs<String, Module>
    if configuration.task == .classification {
      let head = TextClassifierHead(configuration, using: stream)
      classifier = head
      modules = ["discriminator": discriminator, "classifier": head]
    } else {
      classifier = nil
      modules = ["generator": generator, "discriminator": discriminator]
    }
    // What both networks have is one parameter.
    var seen: Set<ObjectIdentifier> = []
    let parameters = namedParameters(of: modules).filter { seen.insert(ObjectIdentifier($0.tensor)).inserted }
    optimizer = configuration.optimizer.optimizer(
      parameters, configuration.adam, learningRate: configuration.learningRate,
      weightDecay: configuration.weightDecay,
      undecayed: Set(
        parameters.filter { $0.tensor.rank < 2 || $0.name.hasSuffix("bias") }.map(\.name)))
  }

  /// The tokeniser of a run; nil where none is there and weights of another program have a size of their own.
  private static func tokenizer(
    in artefacts: Artefacts, _ configuration: Configuration
  ) throws -> (any TextTokenizer)? {
    let isOwn = configuration.tokenUnit == .byte && configuration.vocabularySize != 256 + SpecialToken.count
    guard !isOwn || artefacts.contents[RunningText.artefactName] != nil else { return nil }
    return try configuration.tokens.tokenizerIfPresent(in: artefacts)
  }

  /// The vocabulary decides its size, and labelled text the number of classes.
  public static func adapted(_ configuration: Configuration, to data: DataFacts) throws -> Configuration {
    guard let tokenizer = try tokenizer(in: data.artefacts, configuration) else {
      throw ConfigurationError(
        "'\(data.description.name)' came without a vocabulary; \(identity.name) learns from text")
    }
    var adapted = configuration
    adapted.vocabularySize = tokenizer.count + SpecialToken.count
    if configuration.task == .classification { adapted.classes = data.description.classNames.count }
    return adapted
  }

  /// `generator` and `discriminator` answer `token` `[batch, time]`, with `mask` and `segment` of the same shape where
  /// there are any, with `logits` (`[batch, time, vocabulary]`, `[batch, time]`) and the encoder's `hidden` states;
  /// `classifier` answers `hidden` with `logits` `[batch, classes]`.
  public var networks: [Network] {
    func encoding(
      _ name: String, _ module: ElectraEncoder, _ names: KeyMap, logits: @escaping (Tensor) -> Tensor
    ) -> Network {
      Network(name, module, authorsNames: names) { part, inputs in
        if let part { throw ConfigurationError("the \(name) has no part '\(part)'") }
        let hidden = module.hidden(
          try inputs.required("token"), mask: inputs["mask"], segment: inputs["segment"])
        return ["hidden": hidden, "logits": logits(hidden)]
      }
    }
    let judge = encoding(
      "discriminator", discriminator, ElectraDiscriminator.authorsNames, logits: discriminator.logits)
    guard let classifier else {
      return [
        encoding("generator", generator, ElectraGenerator.authorsNames, logits: generator.logits), judge,
      ]
    }
    return [
      judge,
      Network("classifier", classifier) { part, inputs in
        if let part { throw ConfigurationError("the classifier has no part '\(part)'") }
        return ["logits": classifier(try inputs.required("hidden"))]
      },
    ]
  }

  /// The one optimiser of everything.
  public var optimizers: [(name: String, optimizer: Optimizer)] { [("model", optimizer)] }

  // MARK: - Training

  /// One step of both networks, or of the discriminator with its head for classes. Logs `generator`, `discriminator`
  /// and `total`; or `total` and `classAccuracy`.
  public func step(_ step: TrainingStep) throws {
    optimizer.learningRate = configuration.learningRate(at: step.index)
    let batch = try step.batch()
    let clip = configuration.gradientClip > 0 ? configuration.gradientClip : nil
    // Examples come first in all shapes, though not in the stream.
    let draws = step.draws.along(0)
    if configuration.task == .classification {
      let label = batch["label"]
      let (terms, logits) = try step.update("model", optimizer, clip: clip) { loss in
        let logits = withDraws(draws) { classLogits(batch) }
        loss.add("total", crossEntropy(logits, label))
        return logits
      }
      step.observe("classAccuracy") { logits.argmax(dim: 1).equal(label).asType(.float32).mean() }
      step.log("learningRate", Tensor(scalar: optimizer.learningRate))
      _ = terms
      return
    }
    let example = masked(batch, draws)
    let (terms, result) = try step.update("model", optimizer, clip: clip) { loss in
      let result = withDraws(draws) { objective(example, draws) }
      loss.add("generator", result.generatorLoss)
      loss.add(
        "discriminator", result.discriminatorLoss, weight: configuration.discriminatorWeight,
        logsWeighted: false)
      return result
    }
    step.log("total", terms.total)
    step.log("learningRate", Tensor(scalar: optimizer.learningRate))
    step.observe("replacedTokenAccuracy") {
      result.score.greater(0).equal(result.replaced.notEqual(0)).asType(.float32).mean()
    }
  }

  // MARK: - Replaced-token detection

  /// Texts of which some tokens are masked.
  private struct Example {
    /// `[batch, time]`.
    var token: Tensor
    /// 0 where there is padding.
    var mask: Tensor
    var segment: Tensor?
    /// The places of the masked tokens, `[batch, places]`, each once.
    var positions: Tensor
    /// The tokens as the generator sees them.
    var masked: Tensor
  }

  private struct Result {
    var sampled: Tensor
    var corrupted: Tensor
    /// int64, 1 where a token is another than before.
    var replaced: Tensor
    /// The discriminator's logits.
    var score: Tensor
    var generatorLoss: Tensor
    var discriminatorLoss: Tensor
  }

  /// Text between its beginning and its end, with a share of the tokens masked; recorded batches are masked already.
  private func masked(_ batch: Batch, _ draws: any Draws) -> Example {
    if let positions = batch.tensors["positions"] {
      return Example(
        token: batch["token"], mask: batch["mask"], segment: batch.tensors["segment"], positions: positions,
        masked: batch["masked"])
    }
    let text = batch["token"].transposed(0, 1) + Double(SpecialToken.count)
    let token = Self.framed(text)
    return masked(token, places: text.shape[1], draws)
  }

  /// `[batch, time]` with the tokens of beginning and end around it.
  private static func framed(_ text: Tensor) -> Tensor {
    func column(_ token: SpecialToken) -> Tensor {
      .full([text.shape[0], 1], Double(token.rawValue), dtype: .int64, device: text.device)
    }
    return .concatenated([column(.beginning), text, column(.end)], dim: 1)
  }

  /// The reference's rule: of all tokens but the special ones a share is chosen, and most of these are masked.
  private func masked(_ token: Tensor, places: Int, _ draws: any Draws) -> Example {
    let (batch, time) = (token.shape[0], token.shape[1])
    let count = min(places, max(1, Int((configuration.maskShare * Double(time)).rounded())))
    let chosen = draws.uniform("positions", [batch, places]).topK(count, dim: 1).indices + 1
    let positions = chosen.sorted(dim: 1).values
    let isHidden = draws.uniform("kept", [batch, count]).greaterOrEqual(configuration.keptShare)
    let hidden = Tensor.zeros(like: token).scatterAdded(1, positions, isHidden.asType(.int64))
    let mask = Tensor.full(
      [1, 1], Double(SpecialToken.mask.rawValue), dtype: .int64, device: token.device)
    return Example(
      token: token, mask: .ones(like: token), positions: positions,
      masked: .select(hidden.notEqual(0), mask, token))
  }

  /// The joint objective: the generator's likelihood of the masked tokens, tokens drawn from it in their place, and
  /// the discriminator's cross-entropy over all tokens.
  private func objective(_ example: Example, _ draws: any Draws) -> Result {
    let hidden = generator.hidden(example.masked, mask: example.mask, segment: example.segment)
    let (batch, places) = (example.positions.shape[0], example.positions.shape[1])
    let width = hidden.shape[2]
    let read = hidden.gathered(1, example.positions.unsqueezed(2).expanded([batch, places, width]))
    let logProbability = generator.logits(read).logSoftmax(-1)
    let wanted = example.token.gathered(1, example.positions)
    let likelihood = logProbability.gathered(2, wanted.unsqueezed(2))
    let sampled = withoutGradients {
      (logProbability.detached() + Self.gumbel(draws, logProbability.shape)).argmax(dim: 2)
    }
    let isMasked = Tensor.zeros(like: example.token)
      .scatterAdded(1, example.positions, .ones(like: example.positions))
    let drawn = Tensor.zeros(like: example.token).scatterAdded(1, example.positions, sampled)
    let corrupted = Tensor.select(isMasked.notEqual(0), drawn, example.token)
    let replaced = corrupted.notEqual(example.token)
    let score = discriminator.logits(
      discriminator.hidden(corrupted, mask: example.mask, segment: example.segment))
    let weight = example.mask.asType(.float32)
    let errors = binaryCrossEntropyWithLogits(score, replaced.asType(.float32), .none)
    let count = Double(batch * places) + 1e-6
    var generatorLoss = -likelihood.sum() / count
    if configuration.generatorTraining == .adversarial {
      // REINFORCE: what the discriminator gets wrong is the reward, its mean the baseline.
      let reward = errors.detached().gathered(1, example.positions)
      let taken = logProbability.gathered(2, sampled.unsqueezed(2)).squeezed(2)
      generatorLoss = -(taken * (reward - reward.mean().averagedOverProcesses())).sum() / count
    }
    return Result(
      sampled: sampled, corrupted: corrupted, replaced: replaced.asType(.int64), score: score,
      generatorLoss: generatorLoss, discriminatorLoss: (errors * weight).sum() / (weight.sum() + 1e-6))
  }

  /// Noise whose addition to logits makes their largest a sample (Gumbel 1954; the reference's form).
  private static func gumbel(_ draws: any Draws, _ shape: [Int]) -> Tensor {
    -((-((draws.uniform("noise", shape) + 1e-9).log()) + 1e-9).log())
  }

  /// Scores of the discriminator, and what was replaced, of all tokens but padding.
  public func replacedTokens(
    in batch: Batch, draws: any Draws
  ) throws -> (score: Tensor, isReplaced: Tensor) {
    withoutGradients {
      let example = masked(batch, draws)
      let result = objective(example, draws)
      let places = Tensor(
        example.mask.reshaped([-1]).integers().enumerated().filter { $1 != 0 }.map(\.offset),
        device: result.score.device)
      return (
        result.score.reshaped([-1]).indexSelected(0, places),
        result.replaced.reshaped([-1]).indexSelected(0, places)
      )
    }
  }

  /// `objective`: the networks' joint objective with recorded masks and noise.
  public func answer(
    _ check: ReferenceCheck, _ inputs: [String: CaseValue]
  ) throws -> [String: CaseValue]? {
    guard check.kind == "forward", check.part == "objective" else { return nil }
    try check.refuseSettings()
    let tensors = try inputs.tensors()
    for name in ["token", "mask", "positions", "masked", "noise"] { _ = try tensors.required(name) }
    let result = withoutGradients {
      objective(
        masked(Batch(tensors), RecordedDraws([String: Tensor]())),
        RecordedDraws(tensors.filter { $0.key == "noise" }))
    }
    let total = result.generatorLoss + result.discriminatorLoss * configuration.discriminatorWeight
    return [
      "sampled": .tensor(result.sampled), "corrupted": .tensor(result.corrupted),
      "replaced": .tensor(result.replaced), "score": .tensor(result.score),
      "generatorLoss": .tensor(result.generatorLoss), "discriminatorLoss": .tensor(result.discriminatorLoss),
      "total": .tensor(total),
    ]
  }

  // MARK: - Classes

  /// Logits `[batch, classes]` of texts padded with -1.
  private func classLogits(_ batch: Batch) -> Tensor {
    guard let classifier else { return .zeros([1, 1]) }
    let text = batch["token"]
    let isText = text.greaterOrEqual(0)
    let padding = Tensor.zeros([1, 1], dtype: .int64, device: text.device)
    let framed = Self.framed(.select(isText, text + Double(SpecialToken.count), padding))
    // The end stands behind the last token, and padding behind it.
    let length = isText.asType(.int64).sum(dims: [1], keepDim: true)
    let place = Tensor(Array(0..<framed.shape[1]), device: text.device).unsqueezed(0)
    let end = Tensor.full(
      [1, 1], Double(SpecialToken.end.rawValue), dtype: .int64, device: text.device)
    let isSeen = place.lessOrEqual(length + 1)
    let token = Tensor.select(
      place.equal(length + 1), end, .select(isSeen, framed, padding))
    return classifier(discriminator.hidden(token, mask: isSeen.asType(.int64)))
  }

  /// Logits of classes `[batch, classes]`, or of having been replaced `[batch, time]`, for framed tokens `[batch, time]` and
  /// 0 at their padding, as an exported script computes them.
  func recordedLogits(_ token: Tensor, mask: Tensor, ofClasses: Bool) -> Tensor {
    let hidden = discriminator.hidden(token, mask: mask)
    guard ofClasses, let classifier else { return discriminator.logits(hidden) }
    return classifier(hidden)
  }

  /// The likeliest class of each text.
  public func classes(of batch: Batch) throws -> Tensor {
    withoutGradients { classLogits(batch).argmax(dim: 1) }
  }

  // MARK: - Drawing

  /// A text in which tokens were replaced, those in brackets of which the discriminator says so; without a prompt a
  /// text of the generator's own, filled in place by place. With a head for classes, the prompt's class.
  public func generate(_ request: Request, emit: (Output) throws -> Void) throws {
    guard let tokenizer else {
      throw ConfigurationError(
        "the artefact '\(configuration.tokens.artefactNames[0])' is missing; give the whole run folder")
    }
    let longest = configuration.pieceLength - 2
    let prompt = try request.text("prompt").map { try tokenizer.encodePrompt($0) } ?? []
    guard prompt.count <= longest else {
      throw ConfigurationError(
        "the prompt has \(prompt.count) tokens, and the model sees \(longest) at a time (sequenceLength less its "
          + "frame); give a part of it")
    }
    for index in 0..<request.count {
      if index > 0 { try emit(Output("text", text: "\n")) }
      let text: String = try withoutGradients {
        if configuration.task == .classification { return classText(prompt) }
        return try judged(prompt, min(longest, 32), tokenizer, request.draws)
      }
      try emit(Output("text", text: text))
    }
  }

  private func classText(_ text: [Int]) -> String {
    let batch = Batch(["token": Tensor(text, shape: [1, text.count], device: device)])
    let probabilities = classLogits(batch).softmax(1).doubles()
    let best = probabilities.indices.max { probabilities[$0] < probabilities[$1] } ?? 0
    let name = classNames.indices.contains(best) ? classNames[best] : "class \(best)"
    return "\(name) (\(String(format: "%.3f", probabilities[best])))"
  }

  private func judged(
    _ prompt: [Int], _ length: Int, _ tokenizer: any TextTokenizer, _ draws: any Draws
  ) throws -> String {
    let example: Example
    var corrupted: Tensor
    if prompt.isEmpty {
      corrupted = filled(length, draws)
    } else {
      let text = Tensor(prompt.map { $0 + SpecialToken.count }, shape: [1, prompt.count], device: device)
      example = masked(Self.framed(text), places: prompt.count, draws)
      corrupted = objective(example, draws).corrupted
    }
    let scores = discriminator.logits(discriminator.hidden(corrupted)).reshaped([-1]).floats()
    var writer = TokenWriter(tokenizer, after: "")
    var result = ""
    for (place, token) in corrupted.reshaped([-1]).integers().enumerated().dropFirst().dropLast() {
      let piece = token < SpecialToken.count ? "" : writer.text(for: token - SpecialToken.count)
      let word = piece.trimmingCharacters(in: .whitespaces)
      let isNamed = scores[place] > 0 && !word.isEmpty
      result += isNamed ? piece.replacing(word, with: "[\(word)]", maxReplacements: 1) : piece
    }
    return result + writer.finish()
  }

  /// A text of masks filled in a random order from the generator (Wang and Cho 2019), between its frame.
  private func filled(_ length: Int, _ draws: any Draws) -> Tensor {
    var tokens = [Int](repeating: SpecialToken.mask.rawValue, count: length)
    let order = draws.uniform("order", [length]).sorted(dim: 0).indices.integers()
    func framed() -> Tensor { Self.framed(Tensor(tokens, shape: [1, length], device: device)) }
    for place in order {
      let logits = generator.logits(
        generator.hidden(framed()).narrow(1, from: place + 1, length: 1)
      ).reshaped([-1])
      // Special tokens are no text.
      let own = logits.narrow(0, from: SpecialToken.count, length: logits.shape[0] - SpecialToken.count)
      let noise = Self.gumbel(draws, own.shape)
      tokens[place] = Int((own + noise).argmax(dim: 0).item()) + SpecialToken.count
    }
    return framed()
  }
}

extension ELECTRA: PromptedSystem {
  /// By the tokeniser of the training text.
  public func unknownPieces(ofPrompt prompt: String) throws -> UnknownPieces? {
    try tokenizer?.unknownPieces(of: prompt)
  }
}
