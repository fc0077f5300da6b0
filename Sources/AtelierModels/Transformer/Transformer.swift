public import AtelierCore
public import AtelierData
import Foundation
public import Torch
public import TorchNN

/// The encoder and decoder of attention alone that translate.
///
/// Paper: Vaswani et al. 2017, "Attention Is All You Need". Reference: pytorch/examples `language_translation`, which
/// is `torch.nn.Transformer`.
///
/// The step is the cross-entropy of the target's tokens after the first, all true ones given, smoothed by
/// `labelSmoothing` over all tokens, padding left out. With `warmupSteps` the step size rises and falls as in the paper;
/// with `averagedWeights` translations are made by the mean of the last so many weights, `averageInterval` steps apart.
///
/// Deviations: norms before sublayers (`normFirst`, off in the paper) are followed by a norm at the end. The paper's
/// checkpoints are ten minutes apart, these weights a number of steps; the big model's last 20 are 5 here, because each
/// of them takes memory. In the reference token vectors are not scaled and both stacks end in a norm (`scaledEmbedding`,
/// `finalNorm`); the presets `base` and `big` are the paper's.
public final class Transformer: SentenceTranslatingSystem, ReferenceAnswering {
  /// The name, paper and reference implementation.
  public static let identity = SystemIdentity(
    name: "transformer", summary: "sentences into sentences by attention alone",
    paper: "Vaswani et al., Attention Is All You Need, 2017",
    reference: "pytorch/examples language_translation")

  /// The choices this system was built from.
  public let configuration: Configuration
  /// The vocabularies of the run; nil where there are none.
  public let vocabularies: (source: SentenceVocabulary, target: SentenceVocabulary)?
  /// The mean of the last weights; none where the newest ones translate.
  public let averages: [(network: String, average: MovingAverage)]
  private let network: TransformerNetwork
  private let optimizer: Optimizer
  /// The last weights, the oldest first.
  private var snapshots: [[(name: String, tensor: HostTensor)]] = []

  /// Builds encoder and decoder with initial weights drawn from `stream`.
  public init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    try configuration.validate()
    self.configuration = configuration
    vocabularies = try configuration.text.vocabularies(in: artefacts)
    network = TransformerNetwork(configuration, using: stream)
    optimizer = configuration.adam.optimizer(network, learningRate: configuration.learningRate)
    averages =
      configuration.averagedWeights > 0
      ? [("model", MovingAverage(of: network, decay: 1, buffers: .leftOut))] : []
  }

  /// The vocabularies decide their sizes.
  public static func adapted(_ configuration: Configuration, to data: DataFacts) throws -> Configuration {
    var adapted = configuration
    adapted.text = try configuration.text.adapted(to: data, identity.name)
    return adapted
  }

  /// `model` answers `source` and `target` `[time, batch]` with `logits` `[time - 1, batch, vocabulary]` and the `loss`; the
  /// part `encoder` answers `source` with `memory` `[time, batch, features]`, padding not masked.
  public var networks: [Network] {
    [
      Network("model", network, authorsNames: TransformerNetwork.authorsNames) { [self] part, inputs in
        let source = try inputs.required("source").transposed(0, 1)
        switch part {
        case nil:
          let target = try inputs.required("target").transposed(0, 1)
          let logits = network.logits(source, target)
          return ["logits": logits.transposed(0, 1), "loss": loss(logits, target)]
        case "encoder"?: return ["memory": network.encode(source, mask: nil).transposed(0, 1)]
        case let part?:
          throw ConfigurationError("transformer has no part '\(part)'; it has the part encoder")
        }
      }
    ]
  }

  /// Logits `[batch, target, vocabulary]` for tokens `[batch, source]` and `[batch, target]`, as an exported script
  /// computes them.
  func recordedLogits(_ source: Tensor, _ target: Tensor) -> Tensor {
    network.logits(source, written: target)
  }

  /// The one optimiser.
  public var optimizers: [(name: String, optimizer: Optimizer)] { [("model", optimizer)] }

  // MARK: - Training

  /// One step; logs `total`, in nats a token.
  public func step(_ step: TrainingStep) throws {
    let batch = try step.batch()
    if let warmup = configuration.warmupSteps {
      optimizer.learningRate = Schedule.noam(modelSize: configuration.embeddingSize, warmup: warmup)
        .learningRate(base: configuration.learningRate, at: step.index)
    }
    let target = batch["target"]
    try step.update("model", optimizer, clip: configuration.gradientClip) { loss in
      let logits = withExamples(along: 0) { network.logits(batch["source"], target) }
      loss.add("total", self.loss(logits, target))
    }
    try keepWeights(after: step.index)
  }

  /// The smoothed cross-entropy of scores `[batch, time - 1, vocabulary]`, a mean over all tokens that are no padding.
  private func loss(_ logits: Tensor, _ target: Tensor) -> Tensor {
    let wanted = target.slice(1, 1, target.shape[1]).reshaped([-1])
    let logProbability = logits.reshaped([-1, logits.shape[2]]).logSoftmax(1)
    let likelihood = negativeLogLikelihood(
      logProbability, wanted, ignoredIndex: configuration.paddingToken)
    let smoothing = configuration.labelSmoothing
    let counts = wanted.notEqual(Double(configuration.paddingToken)).asType(logProbability.dtype)
    // Of the tokens of the whole batch.
    guard smoothing > 0 else { return likelihood.averagedOverProcesses(counting: counts.sum()) }
    let spread = -((logProbability.mean(dims: [1]) * counts).sum() / counts.sum())
    return (likelihood * (1 - smoothing) + spread * smoothing)
      .averagedOverProcesses(counting: counts.sum())
  }

  private func keepWeights(after step: Int) throws {
    guard let average = averages.first?.average else { return }
    if (step + 1) % configuration.averageInterval == 0 {
      snapshots.append(weights())
      if snapshots.count > configuration.averagedWeights { snapshots.removeFirst() }
      try takeMean()
    } else if snapshots.isEmpty {
      // A step before its beginning makes the average a copy.
      average.update(step: -1)
    }
  }

  /// Every parameter once.
  private func weights() -> [(name: String, tensor: HostTensor)] {
    network.namedParameters().map { ($0.name, $0.tensor.host()) }
  }

  private func takeMean() throws {
    guard let average = averages.first?.average, !snapshots.isEmpty else { return }
    let mean = snapshots[0].indices.map { index in
      let sum = snapshots.dropFirst().reduce(Tensor(snapshots[0][index].tensor)) {
        $0 + Tensor($1[index].tensor)
      }
      return (name: snapshots[0][index].name, tensor: (sum / Double(snapshots.count)).host())
    }
    try average.load(mean)
  }

  /// The last weights, as `weights.0.…` and so on.
  public func carriedState() -> [(name: String, tensor: HostTensor)] {
    snapshots.enumerated().flatMap { index, own in own.map { ("weights.\(index).\($0.name)", $0.tensor) } }
  }

  /// Puts back what ``carriedState()`` gave.
  public func restoreCarriedState(_ state: [(name: String, tensor: HostTensor)]) throws {
    let names = network.namedParameters().map(\.name)
    guard state.count % max(1, names.count) == 0,
      state.count / max(1, names.count) <= configuration.averagedWeights
    else {
      throw ConfigurationError(
        "the checkpoint carries \(state.count) tensors, which are not weights of \(Self.identity.name)")
    }
    snapshots = try stride(from: 0, to: state.count, by: max(1, names.count)).map { start in
      try zip(names, state[start..<(start + names.count)]).map { name, entry in
        guard entry.name == "weights.\(start / names.count).\(name)" else {
          throw ConfigurationError(
            "the checkpoint carries '\(entry.name)' where the weights '\(name)' should be")
        }
        return (name, entry.tensor)
      }
    }
  }

  /// The batches of a case, whose sentences stand in columns.
  public static func recordedSource(
    _ inputs: [String: Tensor], configuration: Configuration
  ) throws -> (any BatchSource)? {
    let (source, target) = (try inputs.required("source"), try inputs.required("target"))
    guard source.rank == 3, target.rank == 3, source.shape[0] == target.shape[0] else {
      throw ConfigurationError(
        "sentences are [steps, time, batch], not \(source.shape) and \(target.shape)")
    }
    return RecordedSentences(
      (0..<source.shape[0]).map { index in
        [
          "source": source.selected(dim: 0, index: index).transposed(0, 1).contiguous(),
          "target": target.selected(dim: 0, index: index).transposed(0, 1).contiguous(),
        ]
      })
  }

  // MARK: - Translation

  /// The likeliest translations, as far as the search finds them; keys and values of what was written are kept.
  public func translations(of source: Tensor, _ search: TranslationSearch) throws -> [TranslatedSentence] {
    try checkTokens(source, configuration.sourceVocabularySize, configuration.maximumLength)
    return translated(source, search, searchesBeams: search.beams > 1)
  }

  /// A beam search, also of one beam.
  package func beamTranslations(of source: Tensor, _ search: TranslationSearch) throws -> [TranslatedSentence]
  {
    translated(source, search, searchesBeams: true)
  }

  private func translated(
    _ source: Tensor, _ search: TranslationSearch, searchesBeams: Bool
  ) -> [TranslatedSentence] {
    network.evaluating {
      withoutGradients {
        let lengths = source.notEqual(Double(configuration.paddingToken)).asType(.int64).sum(dims: [1])
          .integers()
        let longest = configuration.maximumLength - 1
        let limits = lengths.map { min(longest, $0 + search.extraLength) }
        let state = network.begin(source.slice(1, 0, lengths.max() ?? 1))
        let finder = SentenceSearch(
          start: configuration.startToken, end: configuration.endToken,
          forbidden: vocabularies == nil ? [] : [configuration.paddingToken, configuration.startToken])
        let found =
          searchesBeams
          ? finder.beam(
            state, lengths: limits, beams: search.beams, lengthPenalty: search.lengthPenalty,
            device: source.device, step: network.step)
          : finder.greedy(state, lengths: limits, device: source.device, step: network.step)
        return zip(found, lengths).map { sentence, length in
          var sentence = sentence
          sentence.alignment = sentence.alignment.map { Tensor($0).slice(1, 0, length).contiguous().host() }
          return sentence
        }
      }
    }
  }

  /// The likeliest token each time, every sentence so far computed anew: what the search with kept keys and values is
  /// compared with.
  package func uncachedTranslation(of source: Tensor, length: Int) -> [Int] {
    network.evaluating {
      withoutGradients {
        var tokens = [configuration.startToken]
        while tokens.count <= length, tokens.last != configuration.endToken {
          // One token more, which the last position does not see.
          let target = Tensor(
            tokens + [configuration.endToken], shape: [1, tokens.count + 1], device: source.device)
          let logits = network.logits(source, target)
          tokens.append(Int(logits.selected(dim: 1, index: tokens.count - 1).argmax(dim: 1).item()))
        }
        return tokens
      }
    }
  }

  /// Each target after its source, the true tokens given.
  public func targetScores(_ batch: Batch) throws -> [TargetScore] {
    let target = batch["target"]
    return network.evaluating {
      withoutGradients {
        TargetScore.scores(
          network.logits(batch["source"], target).transposed(0, 1).contiguous(),
          target.slice(1, 1, target.shape[1]).transposed(0, 1).contiguous(),
          padding: configuration.paddingToken)
      }
    }
  }

  // MARK: - Reference

  /// Greedy translations, of at most so many tokens with the first.
  public func answer(_ check: ReferenceCheck, _ inputs: [String: CaseValue]) throws -> [String: CaseValue]? {
    guard check.kind == "generate" else { return nil }
    try check.refuseSettings(knowing: ["length"])
    let length = try check.length()
    let source = try inputs.tensors().required("source").reshaped([1, -1])
    let found = withoutGradients {
      SentenceSearch(start: configuration.startToken, end: configuration.endToken, forbidden: []).greedy(
        network.begin(source, isMasked: false), lengths: [length - 1], device: .cpu, step: network.step)
    }[0]
    let isEnded = found.tokens.count < length - 1
    return [
      "token": .tensor(
        Tensor([configuration.startToken] + found.tokens + (isEnded ? [configuration.endToken] : [])))
    ]
  }
}
