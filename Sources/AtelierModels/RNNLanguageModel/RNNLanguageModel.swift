public import AtelierCore
public import AtelierData
import Foundation
public import Torch
public import TorchNN

/// The recurrent language model: it reads text token by token and says what comes next.
///
/// Papers: Mikolov et al. 2010, "Recurrent neural network based language model"; Zaremba, Sutskever and
/// Vinyals 2014. Reference: pytorch/examples `word_language_model` (`model.py`, `main.py`, `generate.py`),
/// with its transformer form as the model `transformer-encoder`.
///
/// Training is truncated back-propagation through time: the text stands in `batchSize` columns, a step
/// reads the next `sequenceLength` rows, and the hidden state is carried to the next step without history.
///
/// Deviations: the learning rate is divided by `annealing` whenever the held-out loss did not improve, as
/// in the reference, but only if whoever trains reports that loss (`ValidationDrivenSystem`). The
/// transformer's inner dropout follows `dropout`; in the reference it is 0.1 whatever the option says.
/// The reference generates with the transformer unmasked, which `causalGeneration` mends.
public final class RNNLanguageModel: LanguageSystem, ValidationDrivenSystem, ReferenceAnswering {
  /// The name, papers and reference implementation.
  public static let identity = SystemIdentity(
    name: "rnn-language-model", summary: "text, one word, character or byte after the other",
    paper: "Mikolov et al. 2010, Recurrent neural network based language model; Zaremba et al. 2014",
    reference: "pytorch/examples word_language_model",
    suits: [.text])

  /// The artefact that holds the vocabulary, JSON of ``AtelierData/Vocabulary``.
  public static let vocabularyNames = ["vocabulary", "vocabulary.json"]

  // MARK: - The system

  /// The choices this system was built from.
  public let configuration: Configuration
  private let network: LanguageNetwork
  private let optimizer: Optimizer
  private let tokenizer: (any TextTokenizer)?
  /// What the next piece of text starts from; nil: zeros.
  private var state: RecurrentState?
  private var bestValidationLoss = Double.infinity

  private enum LanguageNetwork {
    case recurrent(RecurrentLanguageNetwork)
    case transformer(TransformerLanguageNetwork)

    var module: Module {
      switch self {
      case .recurrent(let network): network
      case .transformer(let network): network
      }
    }
  }

  /// Builds the networks with initial weights drawn from `stream`.
  public init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    try configuration.validate()
    self.configuration = configuration
    tokenizer = try Self.tokenizer(in: artefacts, configuration)
    if let tokenizer, tokenizer.count != configuration.vocabularySize {
      throw ConfigurationError(
        "vocabularySize is \(configuration.vocabularySize), but the vocabulary has \(tokenizer.count) tokens"
      )
    }
    switch configuration.model {
    case .recurrent:
      network = .recurrent(
        RecurrentLanguageNetwork(
          cell: configuration.cell, vocabularySize: configuration.vocabularySize,
          embeddingSize: configuration.embeddingSize, hiddenSize: configuration.hiddenSize,
          layers: configuration.layers, dropout: configuration.dropout, isTied: configuration.tiedEmbedding,
          using: stream))
    case .transformerEncoder:
      network = .transformer(
        TransformerLanguageNetwork(
          vocabularySize: configuration.vocabularySize, features: configuration.embeddingSize,
          heads: configuration.heads, feedForward: configuration.intermediateSize ?? configuration.hiddenSize,
          layers: configuration.layers, maximumLength: configuration.maximumLength,
          dropout: configuration.dropout, activation: configuration.activation,
          normFirst: configuration.normFirst, normEpsilon: configuration.normEpsilon,
          isTied: configuration.tiedEmbedding, using: stream))
    }
    switch configuration.optimizer {
    case .sgd: optimizer = SGD(network.module, learningRate: configuration.learningRate)
    case .adamw:
      optimizer = AdamW(
        network.module, learningRate: configuration.learningRate, beta1: configuration.beta1,
        beta2: configuration.beta2, epsilon: configuration.adamEpsilon, weightDecay: configuration.weightDecay
      )
    }
  }

  /// The tokeniser of a run; nil where none is there and weights of another program have a size of their own.
  private static func tokenizer(
    in artefacts: Artefacts, _ configuration: Configuration
  ) throws -> (any TextTokenizer)? {
    var artefacts = artefacts
    // The first name that vocabularies had.
    if let old = artefacts.contents[vocabularyNames[0]] { artefacts.contents[RunningText.artefactName] = old }
    let isOwn = configuration.tokenUnit == .byte && configuration.vocabularySize != 256
    guard !isOwn || artefacts.contents[RunningText.artefactName] != nil else { return nil }
    return try configuration.tokens.tokenizerIfPresent(in: artefacts)
  }

  /// The vocabulary decides its size.
  public static func adapted(_ configuration: Configuration, to data: DataFacts) throws -> Configuration {
    var adapted = configuration
    if configuration.tokenUnit == .byte { adapted.vocabularySize = 256 }
    guard let tokenizer = try tokenizer(in: data.artefacts, adapted) else {
      throw ConfigurationError(
        "'\(data.description.name)' came without a vocabulary; \(identity.name) learns from plain text")
    }
    adapted.vocabularySize = tokenizer.count
    return adapted
  }

  /// `model` answers `token` `[time, batch]` with `logProbability`: `[time * batch, vocabulary]` and, with
  /// `hidden` (and `cell`) `[layers, batch, hidden]` going in and out, for the recurrent model;
  /// `[time, batch, vocabulary]` for the transformer, causally masked.
  public var networks: [Network] {
    let names: KeyMap
    switch network {
    case .recurrent: names = RecurrentLanguageNetwork.authorsNames
    case .transformer: names = TransformerLanguageNetwork.authorsNames
    }
    return [
      Network("model", network.module, authorsNames: names) { [network] part, inputs in
        if let part { throw ConfigurationError("the language model has no part '\(part)'") }
        let token = try inputs.required("token")
        switch network {
        case .transformer(let network): return ["logProbability": network(token)]
        case .recurrent(let network):
          let isLSTM = network.recurrent.cell == .lstm
          if !isLSTM, inputs["cell"] != nil {
            throw ConfigurationError(
              "the input 'cell' belongs to an LSTM, not to \(network.recurrent.cell.rawValue)")
          }
          let state = try inputs["hidden"].map {
            RecurrentState(hidden: $0, cell: isLSTM ? try inputs.required("cell") : nil)
          }
          let (logProbability, last) = network(token, state)
          var outputs = ["logProbability": logProbability, "hidden": last.hidden]
          if let cell = last.cell { outputs["cell"] = cell }
          return outputs
        }
      }
    ]
  }

  /// The one optimiser, by the name of its network.
  public var optimizers: [(name: String, optimizer: Optimizer)] { [("model", optimizer)] }

  // MARK: - Training

  /// One step: the mean negative log-likelihood of the next tokens, clipped, then SGD (p -= rate · gradient)
  /// or AdamW. Logs `total`, in nats a token.
  public func step(_ step: TrainingStep) throws {
    let batch = try step.batch()
    let (token, target) = (batch["token"], batch["target"].reshaped([-1]))
    let start = batch.isFirst || state?.hidden.shape[1] != token.shape[1] ? nil : state
    let terms = try step.update("model", optimizer, clip: configuration.gradientClip) { loss in
      let (logProbability, last) = logProbabilities(token, start)
      loss.add("total", Torch.negativeLogLikelihood(logProbability, target))
      // Already here: where batches are accumulated, the next one goes on from this one's end before the update.
      state = last?.detached()
    }
    step.observe("perplexity") { terms.total.exp() }
  }

  /// Log-probabilities `[time * batch, vocabulary]` and, for the recurrent model, the state at the end.
  private func logProbabilities(
    _ token: Tensor, _ start: RecurrentState?, isCausal: Bool = true
  ) -> (Tensor, RecurrentState?) {
    switch network {
    case .recurrent(let network):
      let (logProbability, last) = network(token, start)
      return (logProbability, last)
    case .transformer(let network):
      return (network(token, isCausal: isCausal).reshaped([-1, configuration.vocabularySize]), nil)
    }
  }

  /// Log-probabilities `[time, batch, vocabulary]` as an exported script computes them.
  func recordedLogProbabilities(_ token: Tensor) throws -> Tensor {
    switch network {
    case .recurrent(let network): network.logProbabilities(token)
    case .transformer(let network): network(token)
    }
  }

  /// Divides the learning rate by `annealing` unless the loss is the best so far.
  public func validated(loss: Double) {
    if loss < bestValidationLoss {
      bestValidationLoss = loss
    } else {
      optimizer.learningRate /= configuration.annealing
    }
  }

  /// `hidden` and `cell`, where text goes on; `learning_rate` and `best_validation_loss`, float64.
  public func carriedState() -> [(name: String, tensor: HostTensor)] {
    var carried = [
      ("learning_rate", HostTensor([optimizer.learningRate], shape: [])),
      ("best_validation_loss", HostTensor([bestValidationLoss], shape: [])),
    ]
    if let state {
      carried.append(("hidden", state.hidden.host()))
      if let cell = state.cell { carried.append(("cell", cell.host())) }
    }
    return carried.map { (name: $0.0, tensor: $0.1) }
  }

  /// Puts back what ``carriedState()`` gave; refuses what does not fit.
  public func restoreCarriedState(_ carried: [(name: String, tensor: HostTensor)]) throws {
    let known = ["learning_rate", "best_validation_loss", "hidden", "cell"]
    let table = Dictionary(carried.map { ($0.name, $0.tensor) }) { first, _ in first }
    if let unknown = carried.first(where: { !known.contains($0.name) }) {
      throw ConfigurationError(
        "the checkpoint carries '\(unknown.name)', which \(Self.identity.name) does not know")
    }
    guard let rate = table["learning_rate"]?.doubles().first,
      let best = table["best_validation_loss"]?.doubles().first
    else { throw ConfigurationError("the checkpoint carries no learning_rate or no best_validation_loss") }
    let device = network.module.parameters().first?.device ?? .cpu
    var restored: RecurrentState?
    if case .recurrent(let network) = network, let hidden = table["hidden"] {
      let isLSTM = network.recurrent.cell == .lstm
      let shape = [
        configuration.layers, hidden.shape.count == 3 ? hidden.shape[1] : 0, configuration.hiddenSize,
      ]
      guard hidden.shape == shape, !isLSTM || table["cell"]?.shape == shape else {
        throw ConfigurationError(
          "the checkpoint's hidden state \(hidden.shape) does not fit a state of \(shape)")
      }
      restored = RecurrentState(
        hidden: Tensor(hidden, device: device),
        cell: isLSTM ? table["cell"].map { Tensor($0, device: device) } : nil)
    }
    state = restored
    optimizer.learningRate = rate
    bestValidationLoss = best
  }

  /// The stream of a case, `[time, batch]`, as the pieces that training would be given.
  public static func recordedSource(
    _ inputs: [String: Tensor], configuration: Configuration
  ) throws -> (any BatchSource)? {
    let stream = try inputs.required("stream")
    guard stream.rank == 2 else {
      throw ConfigurationError("the stream has the shape \(stream.shape), not [time, batch]")
    }
    // A token stream cuts a text into columns, so the columns are laid end to end.
    let text = stream.transposed(0, 1).contiguous().integers()
    return TokenPieces(
      try TokenStream(text, batchSize: stream.shape[1], sequenceLength: configuration.sequenceLength))
  }

  private final class TokenPieces: BatchSource {
    private let stream: TokenStream
    init(_ stream: TokenStream) { self.stream = stream }
    func next() throws -> Batch {
      let piece = stream.next()
      return Batch(piece.fields.mapValues { Tensor($0) }, isFirst: piece.isFirst)
    }
  }

  // MARK: - Likelihood and generation

  /// The hidden state starts at zero and is carried over; training's own state is left alone.
  public func negativeLogLikelihood(over batches: [Batch]) throws -> (sum: Double, tokens: Int) {
    try negativeLogLikelihoods(over: batches).reduce((0, 0)) { ($0.0 + $1.sum, $0.1 + $1.tokens) }
  }

  /// The same piece by piece.
  public func negativeLogLikelihoods(over batches: [Batch]) throws -> [(sum: Double, tokens: Int)] {
    var pieces: [(sum: Double, tokens: Int)] = []
    var state: RecurrentState?
    network.module.evaluating {
      withoutGradients {
        for batch in batches {
          if batch.isFirst || state?.hidden.shape[1] != batch["token"].shape[1] { state = nil }
          let (logProbability, last) = logProbabilities(batch["token"], state)
          state = last
          let sum: Double = Torch.negativeLogLikelihood(
            logProbability, batch["target"].reshaped([-1]), .sum
          ).item()
          pieces.append((sum, batch["target"].count))
        }
      }
    }
    return pieces
  }

  /// Continues `[time, 1]` by int64 tokens `[length]`; one uniform draw named `draw` `[1]` a token.
  public func continuation(
    of start: Tensor, length: Int, temperature: Double, draws: any Draws
  ) throws -> Tensor {
    var tokens: [Int] = []
    try continueText(start, length: length, temperature: temperature, draws: draws) { tokens.append($0) }
    return Tensor(tokens)
  }

  /// The next token is the smallest index whose cumulative weight exceeds draw · sum, with weights
  /// exp(log p / temperature): `generate.py`, its multinomial draw made explicit. Temperature 0 takes the
  /// likeliest.
  private func continueText(
    _ start: Tensor, length: Int, temperature: Double, draws: any Draws, emit: (Int) throws -> Void
  ) throws {
    guard start.rank == 2, start.shape[0] > 0, start.shape[1] == 1 else {
      throw ConfigurationError("text is continued from tokens of shape [time, 1], not \(start.shape)")
    }
    guard temperature >= 0, length >= 0 else {
      throw ConfigurationError("temperature \(temperature) and length \(length) must not be negative")
    }
    try network.module.evaluating {
      try withoutGradients {
        var input = start
        var state: RecurrentState?
        for _ in 0..<length {
          let isCausal = configuration.causalGeneration
          let (logProbability, last) = logProbabilities(input, state, isCausal: isCausal)
          let scores = logProbability.selected(dim: 0, index: logProbability.shape[0] - 1)
          let token = Self.sampled(scores, temperature, draws)
          try emit(token)
          let next = Tensor([token], shape: [1, 1], device: start.device)
          state = last
          if case .transformer = network {
            let whole = Tensor.concatenated([input, next], dim: 0)
            // Beyond the table of positions the oldest tokens are forgotten.
            input = whole.slice(0, max(0, whole.shape[0] - configuration.maximumLength), whole.shape[0])
          } else {
            input = next
          }
        }
      }
    }
  }

  private static func sampled(_ logProbability: Tensor, _ temperature: Double, _ draws: any Draws) -> Int {
    guard temperature > 0 else { return Int(logProbability.argmax(dim: 0).item()) }
    let weights = (logProbability / temperature).exp()
    let threshold = draws.uniform("draw", [1]) * weights.sum()
    let below = weights.cumulativeSum(dim: 0).lessOrEqual(threshold).asType(.int64).sum()
    return min(Int(below.item()), weights.shape[0] - 1)
  }

  /// Emits, token by token, the text that follows the prompt; several texts are set apart by an empty line.
  ///
  /// Without a prompt, text starts as after the end of a line.
  public func generate(_ request: Request, emit: (Output) throws -> Void) throws {
    guard let tokenizer else {
      throw ConfigurationError("the artefact 'vocabulary' is missing; give the whole run folder")
    }
    let device = network.module.parameters().first?.device ?? .cpu
    let prompt = request.text("prompt") ?? ""
    var tokens = try tokenizer.encodePrompt(prompt)
    if tokens.isEmpty { tokens = [tokenizer.lineEnd] }
    if case .transformer = network { tokens = tokens.suffix(configuration.maximumLength) }
    let sampling = try request.sampling(as: TextSampling.self)
    for index in 0..<request.count {
      if index > 0 { try emit(Output("text", text: "\n\n")) }
      var writer = TokenWriter(tokenizer, after: prompt)
      try continueText(
        Tensor(tokens, shape: [tokens.count, 1], device: device), length: sampling.length,
        temperature: sampling.temperature, draws: request.draws
      ) { token in
        let piece = writer.text(for: token)
        if !piece.isEmpty { try emit(Output("text", text: piece)) }
      }
      let rest = writer.finish()
      if !rest.isEmpty { try emit(Output("text", text: rest)) }
    }
  }
}

extension RNNLanguageModel: PromptedSystem {
  /// By the tokeniser of the training text.
  public func unknownPieces(ofPrompt prompt: String) throws -> UnknownPieces? {
    try tokenizer?.unknownPieces(of: prompt)
  }
}
