public import AtelierCore
public import AtelierData
import Foundation
public import Torch
public import TorchNN

/// Recurrent translation: an encoder reads a sentence, a decoder writes another, token by token.
///
/// Papers: Sutskever, Vinyals and Le 2014, "Sequence to Sequence Learning with Neural Networks" (`last-state`); Cho et
/// al. 2014, "Learning Phrase Representations using RNN Encoder–Decoder" (`fed-context`); Bahdanau, Cho and Bengio
/// 2015, "Neural Machine Translation by Jointly Learning to Align and Translate" (`additive-attention`); Luong, Pham
/// and Manning 2015, "Effective Approaches to Attention-based Neural Machine Translation" (`dot`, `general`, `concat`).
/// Reference: bentrevett/pytorch-seq2seq, notebooks 1 to 3.
///
/// The step is the mean negative log-likelihood of the target's tokens after the first, padding left out. After each
/// token the decoder is given the true one with probability `teacherForcing`, else its own likeliest, a draw `forcing`
/// for each position of the batch.
///
/// Deviations: like the reference's, the decoder of `additive-attention` has one linear layer in place of the paper's
/// maxout, and the optimiser is Adam in place of Adadelta. Luong's local attention is not there. `maskPadding`, off in
/// the reference, makes a sentence's loss independent of what else is in its batch.
public final class Seq2Seq: SentenceTranslatingSystem, ReferenceAnswering {
  /// The name, papers and reference implementation.
  public static let identity = SystemIdentity(
    name: "seq2seq", summary: "sentences into sentences by recurrent networks, with attention or without",
    paper:
      "Sutskever et al. 2014; Bahdanau et al. 2015, Neural Machine Translation by Jointly Learning to Align and "
      + "Translate; Luong et al. 2015",
    reference: "bentrevett/pytorch-seq2seq", suits: [.sentencePairs])

  /// The choices this system was built from.
  public let configuration: Configuration
  /// The vocabularies of the run; nil where there are none.
  public let vocabularies: (source: SentenceVocabulary, target: SentenceVocabulary)?
  private let network: Seq2SeqNetwork
  private let optimizer: Optimizer

  /// Builds encoder and decoder with initial weights drawn from `stream`.
  public init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    try configuration.validate()
    self.configuration = configuration
    vocabularies = try configuration.text.vocabularies(in: artefacts)
    network = Seq2SeqNetwork(configuration, using: stream)
    optimizer = configuration.adam.optimizer(network, learningRate: configuration.learningRate)
  }

  /// The vocabularies decide their sizes.
  public static func adapted(_ configuration: Configuration, to data: DataFacts) throws -> Configuration {
    var adapted = configuration
    adapted.text = try configuration.text.adapted(to: data, identity.name)
    return adapted
  }

  /// `model` answers `source` and `target` `[time, batch]` with `logits` `[time, batch, vocabulary]`, those of the first
  /// position zero; the part `encoder` answers `source` with `outputs`, the decoder's first `hidden` state and the first
  /// `attention`.
  public var networks: [Network] {
    [
      Network("model", network, authorsNames: Seq2SeqNetwork.authorsNames) {
        [network, configuration] part, inputs in
        let source = try inputs.required("source")
        switch part {
        case nil:
          return [
            "logits": Self.withFirst(
              network.logits(source, try inputs.required("target"), isMasked: configuration.maskPadding))
          ]
        case "encoder"?:
          let state = network.begin(source, isMasked: configuration.maskPadding)
          var outputs = ["hidden": state.recurrent.hidden.selected(dim: 0, index: configuration.layers - 1)]
          if let memory = state.memory { outputs["outputs"] = memory.transposed(0, 1) }
          if let attention = network.decoder.look(state) { outputs["attention"] = attention }
          return outputs
        case let part?: throw ConfigurationError("seq2seq has no part '\(part)'; it has the part encoder")
        }
      }
    ]
  }

  /// Scores with a row of zeros for the position that is given.
  private static func withFirst(_ logits: Tensor) -> Tensor {
    .concatenated([.zeros([1] + logits.shape.dropFirst(), device: logits.device), logits], dim: 0)
  }

  /// The one optimiser.
  public var optimizers: [(name: String, optimizer: Optimizer)] { [("model", optimizer)] }

  // MARK: - Training

  /// One step; logs `total`, in nats a token.
  public func step(_ step: TrainingStep) throws {
    let batch = try step.batch()
    let (source, target) = (batch["source"].transposed(0, 1), batch["target"].transposed(0, 1))
    schedule(step)
    let share = forcing(at: step.index)
    let recorded = batch.tensors["forcing"]
    let draws = recorded ?? step.draws.common.uniform("forcing", [target.shape[0] - 1])
    let forced = share >= 1 ? nil : draws.doubles().map { $0 < share }
    let terms = try step.update("model", optimizer, clip: configuration.gradientClip) { loss in
      let logits = network.logits(source, target, forced: forced, isMasked: configuration.maskPadding)
      loss.add(
        "total",
        tokenCrossEntropy(
          logits.reshaped([-1, logits.shape[2]]), target.slice(0, 1, target.shape[0]).reshaped([-1]),
          padding: configuration.paddingToken))
    }
    step.observe("perplexity") { terms.total.exp() }
  }

  /// The share of true tokens at a step.
  private func forcing(at step: Int) -> Double {
    guard let last = configuration.finalTeacherForcing else { return configuration.teacherForcing }
    return LinearRamp(from: configuration.teacherForcing, to: last, length: configuration.teacherForcingSteps)
      .value(at: step)
  }

  private func schedule(_ step: TrainingStep) {
    guard let start = configuration.halvingStart else { return }
    let halvings = step.epoch < start ? 0 : 1 + Int((step.epoch - start) / configuration.halvingInterval)
    optimizer.learningRate = configuration.learningRate / pow(2, Double(halvings))
  }

  /// The batches of a case, whose sentences stand in columns.
  public static func recordedSource(
    _ inputs: [String: Tensor], configuration: Configuration
  ) throws -> (any BatchSource)? {
    let (source, target) = (try inputs.required("source"), try inputs.required("target"))
    let forcing = try inputs.required("forcing")
    guard [source, target].allSatisfy({ $0.rank == 3 && $0.shape[0] == source.shape[0] }),
      forcing.shape == [source.shape[0], target.shape[1] - 1]
    else {
      throw ConfigurationError(
        "sentences are [steps, time, batch] and forcing [steps, time - 1], not \(source.shape), \(target.shape) and "
          + "\(forcing.shape)")
    }
    return RecordedSentences(
      (0..<source.shape[0]).map { index in
        [
          "source": source.selected(dim: 0, index: index).transposed(0, 1),
          "target": target.selected(dim: 0, index: index).transposed(0, 1),
          "forcing": forcing.selected(dim: 0, index: index),
        ]
      })
  }

  // MARK: - Translation

  /// The likeliest translations, as far as the search finds them.
  public func translations(of source: Tensor, _ search: TranslationSearch) throws -> [TranslatedSentence] {
    try checkTokens(source, configuration.sourceVocabularySize, configuration.maximumLength)
    let token = source.transposed(0, 1).contiguous()
    return network.evaluating {
      withoutGradients {
        let lengths = network.lengths(token)
        let longest = lengths.max() ?? 0
        let state = network.begin(token.slice(0, 0, longest), isMasked: true)
        let limits = lengths.map { $0 + search.extraLength }
        let found = searching { finder, step in
          search.beams == 1
            ? finder.greedy(state, lengths: limits, device: source.device, step: step)
            : finder.beam(
              state, lengths: limits, beams: search.beams, lengthPenalty: search.lengthPenalty,
              device: source.device, step: step)
        }
        return zip(found, lengths).map { sentence, length in
          var sentence = sentence
          sentence.alignment = network.inOrder(
            sentence.alignment.map { Tensor($0).slice(1, 0, length).contiguous().host() })
          return sentence
        }
      }
    }
  }

  /// A beam search, also of one beam.
  package func beamTranslations(of source: Tensor, _ search: TranslationSearch) throws -> [TranslatedSentence]
  {
    let token = source.transposed(0, 1).contiguous()
    return network.evaluating {
      withoutGradients {
        let state = network.begin(token, isMasked: true)
        let limits = network.lengths(token).map { $0 + search.extraLength }
        return searching { finder, step in
          finder.beam(
            state, lengths: limits, beams: search.beams, lengthPenalty: search.lengthPenalty,
            device: source.device, step: step)
        }
      }
    }
  }

  private func searching(
    _ body: (SentenceSearch, DecodingStep<Seq2SeqState>) -> [TranslatedSentence]
  ) -> [TranslatedSentence] {
    let finder = SentenceSearch(
      start: configuration.startToken, end: configuration.endToken,
      forbidden: vocabularies == nil ? [] : [configuration.paddingToken, configuration.startToken])
    return body(finder) { [network] token, _, state in
      let result = network.decoder(token, state)
      return (network.decoder.output(result.features), result.state, result.alignment)
    }
  }

  /// Each target after its source, the true tokens given.
  public func targetScores(_ batch: Batch) throws -> [TargetScore] {
    let (source, target) = (batch["source"].transposed(0, 1), batch["target"].transposed(0, 1).contiguous())
    return network.evaluating {
      withoutGradients {
        let logits = network.logits(source.contiguous(), target, isMasked: true)
        return TargetScore.scores(
          logits, target.slice(0, 1, target.shape[0]), padding: configuration.paddingToken)
      }
    }
  }

  // MARK: - Reference

  /// Forward passes with or without true tokens, and greedy translations.
  public func answer(_ check: ReferenceCheck, _ inputs: [String: CaseValue]) throws -> [String: CaseValue]? {
    let tensors = try inputs.tensors()
    switch check.kind {
    case "forward":
      guard check.part == nil, let value = check.settings["teacherForcing"] else { return nil }
      try check.refuseSettings(knowing: ["teacherForcing"])
      guard case .boolean(let isForced) = value else {
        throw ConfigurationError("teacherForcing of '\(check.name)' is true or false, not \(value)")
      }
      let target = try tensors.required("target")
      let logits = withoutGradients {
        network.logits(
          tensors["source"] ?? target, target,
          forced: [Bool](repeating: isForced, count: target.shape[0] - 1),
          isMasked: configuration.maskPadding)
      }
      return ["logits": .tensor(Self.withFirst(logits))]
    case "generate":
      try check.refuseSettings(knowing: ["length"])
      let length = try check.length()
      let source = try tensors.required("source").reshaped([-1, 1])
      let found = withoutGradients {
        searching { finder, step in
          finder.greedy(
            network.begin(source, isMasked: configuration.maskPadding), lengths: [length], device: .cpu,
            step: step)
        }
      }[0]
      let isEnded = found.tokens.count < length
      let tokens = [configuration.startToken] + found.tokens + (isEnded ? [configuration.endToken] : [])
      var answer = ["token": CaseValue.tensor(Tensor(tokens))]
      if let alignment = network.inOrder(found.alignment) { answer["attention"] = .tensor(Tensor(alignment)) }
      return answer
    default: return nil
    }
  }
}
