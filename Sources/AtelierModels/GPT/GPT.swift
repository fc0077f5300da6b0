public import AtelierCore
public import AtelierData
import Foundation
public import Torch
public import TorchNN

/// GPT: a transformer that learns to say what comes next in a text, and goes on writing.
///
/// Papers: Radford et al. 2018, "Improving Language Understanding by Generative Pre-Training"; Radford et al. 2019,
/// "Language Models are Unsupervised Multitask Learners". Reference: karpathy/nanoGPT (`model.py`, `train.py`).
/// Deviations: Documentation/systems/gpt.md.
public final class GPT: LanguageSystem, ReferenceAnswering {
  /// The name, papers and reference implementation.
  public static let identity = SystemIdentity(
    name: "gpt", summary: "text, token by token, by a transformer that sees what came before",
    paper:
      "Radford et al. 2018, Improving Language Understanding by Generative Pre-Training; Radford et al. 2019",
    reference: "karpathy/nanoGPT", suits: [.text, .documents])

  /// The choices this system was built from.
  public let configuration: Configuration
  private let network: GPTNetwork
  private let optimizer: AdamW
  private let tokenizer: (any TextTokenizer)?
  /// What held-out documents begin with, for requests that name nothing.
  private let examples: [[String]]

  /// Builds the network with initial weights drawn from `stream`.
  public init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    try configuration.validate()
    self.configuration = configuration
    tokenizer = try configuration.tokens.tokenizerIfPresent(in: artefacts)
    if let tokenizer, tokenizer.count > configuration.vocabularySize {
      throw ConfigurationError(
        "vocabularySize is \(configuration.vocabularySize), but the tokeniser has \(tokenizer.count) tokens")
    }
    examples =
      artefacts.contents[Documents.examplesName] == nil
      ? [] : try artefacts.decode([[String]].self, Documents.examplesName)
    network = GPTNetwork(configuration, using: stream)
    let parameters = network.namedParameters()
    optimizer = configuration.optimizer.optimizer(
      parameters, configuration.adam, learningRate: configuration.learningRate,
      weightDecay: configuration.weightDecay,
      undecayed: Set(parameters.filter { $0.tensor.rank < 2 }.map(\.name)))
  }

  /// The tokeniser decides the vocabulary's size.
  public static func adapted(_ configuration: Configuration, to data: DataFacts) throws -> Configuration {
    guard let tokenizer = try configuration.tokens.tokenizerIfPresent(in: data.artefacts) else {
      throw ConfigurationError(
        "'\(data.description.name)' came without a vocabulary; \(identity.name) learns from plain text")
    }
    var adapted = configuration
    adapted.vocabularySize = tokenizer.count
    return adapted
  }

  /// `model` answers `token` `[batch, time]` with `logits` of the last place `[batch, 1, vocabulary]`; with `target`
  /// `[batch, time]` beside it, of which -1 is left out, with those of all places and the mean `loss`.
  public var networks: [Network] {
    [
      Network("model", network, authorsNames: GPTNetwork.authorsNames) { [network] part, inputs in
        if let part { throw ConfigurationError("the language model has no part '\(part)'") }
        let token = try inputs.required("token")
        guard let target = inputs["target"] else { return ["logits": network(token, lastOnly: true)] }
        let logits = network(token)
        return ["logits": logits, "loss": Self.loss(logits, target)]
      }
    ]
  }

  /// Logits `[batch, time, vocabulary]` for tokens `[batch, time]`, as an exported script computes them.
  func recordedLogits(_ token: Tensor) -> Tensor { network(token) }

  /// The one optimiser, by the name of its network.
  public var optimizers: [(name: String, optimizer: Optimizer)] { [("model", optimizer)] }

  // MARK: - Training

  /// One step: the mean negative log-likelihood of the next tokens, over all parts of the batch, clipped, then AdamW.
  /// Logs `total`, in nats a token.
  public func step(_ step: TrainingStep) throws {
    optimizer.learningRate = configuration.learningRate(at: step.index)
    let parts = configuration.gradientAccumulation
    let clip = configuration.gradientClip
    let terms = try step.update("model", optimizer, clip: clip > 0 ? clip : nil) { loss in
      for _ in 0..<parts {
        let (token, target) = columns(try step.batch())
        // A text of the stream is as long as a part may have texts.
        let logits = withExamples(along: 0) { network(token) }
        // The target's padding, of documents, is -1.
        let term =
          configuration.documents == nil
          ? Self.loss(logits, target)
          : tokenCrossEntropy(
            logits.reshaped([-1, logits.shape[2]]), target.reshaped([-1]), padding: -1)
        loss.add(term, weight: 1 / Double(parts))
        loss.backward()
      }
    }
    step.log("total", terms.total)
    step.log("learningRate", Tensor(scalar: optimizer.learningRate))
    if let norm = step.gradientNorms.last?.value { step.log("gradientNorm", norm) }
    step.observe("perplexity") { terms.total.exp() }
  }

  /// Tokens and targets `[batch, time]`; streams have time first.
  private func columns(_ batch: Batch) -> (token: Tensor, target: Tensor) {
    let (token, target) = (batch["token"], batch["target"])
    return configuration.documents == nil
      ? (token.transposed(0, 1), target.transposed(0, 1)) : (token, target)
  }

  /// The mean negative log-likelihood of targets that are not -1, or their sum.
  private static func loss(_ logits: Tensor, _ target: Tensor, _ reduction: Reduction = .mean) -> Tensor {
    crossEntropy(
      logits.reshaped([-1, logits.shape[2]]), target.reshaped([-1]), reduction, ignoredIndex: -1)
  }

  // MARK: - Likelihood

  /// Each piece by itself.
  public func negativeLogLikelihood(over batches: [Batch]) throws -> (sum: Double, tokens: Int) {
    try negativeLogLikelihoods(over: batches).reduce((0, 0)) { ($0.0 + $1.sum, $0.1 + $1.tokens) }
  }

  /// The same piece by piece.
  public func negativeLogLikelihoods(over batches: [Batch]) throws -> [(sum: Double, tokens: Int)] {
    network.evaluating {
      withoutGradients {
        batches.map { batch in
          let (token, target) = columns(batch)
          let sum = Self.loss(network(token), target, .sum).item()
          return (sum, Int(target.greaterOrEqual(0).asType(.int64).sum().item()))
        }
      }
    }
  }

  // MARK: - Generation

  /// Continues `[time, 1]` by int64 tokens `[length]`; one uniform draw named `draw` `[1]` a token.
  public func continuation(
    of start: Tensor, length: Int, temperature: Double, draws: any Draws
  ) throws -> Tensor {
    guard start.rank == 2, start.shape[0] > 0, start.shape[1] == 1, length >= 0 else {
      throw ConfigurationError("text is continued from tokens of shape [time, 1], not \(start.shape)")
    }
    let prompt = start.reshaped([-1]).integers()
    let sampling = TokenSampling(temperature: temperature, length: max(1, length))
    var tokens: [Int] = []
    if length > 0 {
      try continueTexts([prompt], sampling, draws) { next in
        tokens.append(next[0])
        return true
      }
    }
    return Tensor(tokens)
  }

  /// Continues texts of one length, all at once.
  ///
  /// Keys and values of earlier tokens are kept. Once the context is full, every token's place changes with each
  /// step, as in nanoGPT, so that the last `contextLength` tokens are computed anew.
  ///
  /// - Parameter take: given the next token of each text; false ends generation.
  private func continueTexts(
    _ prompts: [[Int]], _ sampling: TokenSampling, _ draws: any Draws, usesCache: Bool = true,
    take: ([Int]) throws -> Bool
  ) throws {
    try sampling.validate()
    let (context, picker) = (configuration.contextLength, TokenPicker(sampling: sampling))
    let cache = KeyValueCache(capacity: context)
    let device = self.device
    var texts = prompts
    try network.evaluating {
      try withoutGradients {
        for _ in 0..<sampling.length {
          let seen = min(texts[0].count, context)
          let isFull = texts[0].count > context
          if isFull || !usesCache { cache.clear() }
          let input = texts.flatMap { $0.suffix(seen - cache.length) }
          let token = Tensor(input, shape: [texts.count, seen - cache.length], device: device)
          let logits = network(token, cache: usesCache && !isFull ? cache : nil, lastOnly: true)
          let table = logits.host().floats()
          let numbers = picker.draws ? draws.uniform("draw", [texts.count]).floats() : []
          let size = table.count / texts.count
          let next = texts.indices.map { row in
            picker.pick(
              Array(table[(row * size)..<((row + 1) * size)]), after: texts[row],
              draw: picker.draws ? numbers[row] : 0)
          }
          for (row, token) in next.enumerated() { texts[row].append(token) }
          guard try take(next) else { return }
        }
      }
    }
  }

  /// The tokens that follow prompts `[texts, time]`, for tests of the cache.
  package func tokens(
    after prompts: [[Int]], _ sampling: TokenSampling, draws: any Draws, usesCache: Bool = true
  ) throws -> [[Int]] {
    var results = prompts
    try continueTexts(prompts, sampling, draws, usesCache: usesCache) { next in
      for (row, token) in next.enumerated() { results[row].append(token) }
      return true
    }
    return results
  }

  /// Emits, token by token, the text that follows the prompt, or the text of a document of which the other fields are
  /// given; several texts are set apart by an empty line.
  ///
  /// Without a prompt, text starts as after the end of a line, or between documents where tokens are GPT-2's. Of
  /// documents, those that were held out are written where no field is given, each behind its fields.
  ///
  /// - Throws: ``ConfigurationError`` for a prompt of more tokens than the context has.
  public func generate(_ request: Request, emit: (Output) throws -> Void) throws {
    guard let tokenizer else {
      throw ConfigurationError(
        "the tokeniser's files are missing; give the whole run folder, or import the weights together with "
          + configuration.tokens.artefactNames.joined(separator: " and "))
    }
    let prompt = request.text("prompt") ?? ""
    let sampling = try request.sampling(as: TokenSampling.self)
    for index in 0..<request.count {
      if index > 0 { try emit(Output("text", text: "\n\n")) }
      let start = try beginning(request, index, tokenizer)
      if !start.shown.isEmpty { try emit(Output("text", text: start.shown)) }
      let tokens = start.tokens + (try tokenizer.encodePrompt(prompt))
      guard tokens.count <= configuration.contextLength else {
        throw ConfigurationError(
          "the prompt has \(tokens.count) tokens, and the model sees \(configuration.contextLength) at a time "
            + "(contextLength); give its last part alone")
      }
      try write(
        tokens.isEmpty ? [tokenizer.lineEnd] : tokens, after: prompt, tokenizer, sampling, request.draws
      ) { try emit(Output("text", text: $0)) }
    }
  }

  /// The tokens that a document begins with, and what is to be shown of them.
  private func beginning(
    _ request: Request, _ index: Int, _ tokenizer: any TextTokenizer
  ) throws -> (tokens: [Int], shown: String) {
    guard let documents = configuration.documents else { return ([], "") }
    let names = configuration.conditionFields
    if names.contains(where: { request.text($0) != nil }) {
      return (try documents.beginning(names.map { request.text($0) ?? "" }, tokenizer), "")
    }
    guard !examples.isEmpty else {
      throw ConfigurationError(
        "the condition '\(names[0])' is missing; name what the \(configuration.textField) is to follow from")
    }
    let fields = examples[index % examples.count]
    return (
      try documents.beginning(fields, tokenizer),
      zip(names, fields).map { "\($0): \($1)\n" }.joined()
    )
  }

  /// One text, piece by piece.
  private func write(
    _ tokens: [Int], after prompt: String, _ tokenizer: any TextTokenizer, _ sampling: TokenSampling,
    _ draws: any Draws, emit: (String) throws -> Void
  ) throws {
    var (writer, watcher) = (TokenWriter(tokenizer, after: prompt), StopWatcher(sampling.stop))
    let end = try configuration.documents?.end(tokenizer) ?? tokenizer.documentEnd
    try continueTexts([tokens], sampling, draws) { next in
      guard next[0] != end else { return false }
      let piece = watcher.pass(writer.text(for: next[0]))
      if !piece.isEmpty { try emit(piece) }
      return !watcher.hasStopped
    }
    let rest = watcher.pass(writer.finish()) + watcher.finish()
    if !rest.isEmpty { try emit(rest) }
  }
}

extension GPT: PromptedSystem {
  /// By the tokeniser of the training text.
  public func unknownPieces(ofPrompt prompt: String) throws -> UnknownPieces? {
    try tokenizer?.unknownPieces(of: prompt)
  }
}
