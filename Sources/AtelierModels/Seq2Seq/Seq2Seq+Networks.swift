import AtelierCore
import Foundation
import Torch
import TorchNN

/// Source tokens to a vector for each and the state that the decoder begins from.
final class Seq2SeqEncoder: Module {
  private let embedding: Embedding
  private let recurrent: SequenceRecurrent
  /// From the states of both directions to the decoder's.
  private let bridge: Linear?
  private let cellBridge: Linear?
  private let dropout: Dropout

  init(_ configuration: Seq2Seq.Configuration, using stream: RandomStream) {
    embedding = Embedding(
      count: configuration.sourceVocabularySize, features: configuration.embeddingSize, using: stream)
    recurrent = SequenceRecurrent(
      cell: configuration.cell, inputSize: configuration.embeddingSize, hiddenSize: configuration.hiddenSize,
      layers: configuration.layers, isBidirectional: configuration.bidirectional,
      dropout: configuration.dropout,
      drawName: "dropout.encoder", using: stream)
    func layer() -> Linear {
      Linear(
        inputFeatures: configuration.memorySize, outputFeatures: configuration.decoderHiddenSize,
        using: stream)
    }
    bridge = configuration.hasBridge ? layer() : nil
    cellBridge = configuration.hasBridge && configuration.cell == .lstm ? layer() : nil
    dropout = Dropout(probability: configuration.dropout, drawName: "dropout.source")
    super.init()
  }

  /// `[time, batch, size]` for tokens `[time, batch]`, the decoder's first state, and the encoder's own last state of
  /// the last layer `[batch, size]`.
  func callAsFunction(
    _ token: Tensor, lengths: [Int]?
  ) -> (memory: Tensor, state: RecurrentState, last: Tensor) {
    let (memory, own) = recurrent(
      withExamples(along: 1) { dropout(embedding(token)) }, lengths: lengths)
    let directions = recurrent.isBidirectional ? 2 : 1
    /// `[layers, batch, directions · hidden]`.
    func joined(_ state: Tensor) -> Tensor {
      guard directions == 2 else { return state }
      return state.reshaped([recurrent.layers, 2, state.shape[1], state.shape[2]]).permuted([0, 2, 1, 3])
        .reshaped([recurrent.layers, state.shape[1], 2 * state.shape[2]])
    }
    let hidden = joined(own.hidden)
    let state = RecurrentState(
      hidden: bridge.map { $0(hidden).tanh() } ?? hidden,
      cell: own.cell.map { cell in cellBridge.map { $0(joined(cell)).tanh() } ?? joined(cell) })
    return (memory, state, hidden.selected(dim: 0, index: recurrent.layers - 1))
  }
}

/// What a decoder step goes on from.
struct Seq2SeqState: DecodingState {
  /// The recurrent state.
  var recurrent: RecurrentState
  /// The encoder's last state `[batch, size]`, for decoders that are fed it.
  var context: Tensor?
  /// The encoder's vectors `[batch, source, size]`, and what attention made of them beforehand.
  var memory: Tensor?
  var keys: Tensor?
  /// Minus infinity at padding, 0 elsewhere, `[batch, source]`.
  var mask: Tensor?
  /// What Luong's decoder read at the last step `[batch, size]`.
  var feed: Tensor?

  func rows(_ indices: Tensor) -> Seq2SeqState {
    Seq2SeqState(
      recurrent: RecurrentState(
        hidden: recurrent.hidden.indexSelected(1, indices), cell: recurrent.cell?.indexSelected(1, indices)),
      context: context?.indexSelected(0, indices), memory: memory?.indexSelected(0, indices),
      keys: keys?.indexSelected(0, indices), mask: mask?.indexSelected(0, indices),
      feed: feed?.indexSelected(0, indices))
  }
}

/// Where a decoder's state looks in the source.
final class Seq2SeqAttention: Module {
  /// Of additive and concat attention the layer over both states, decoder first; of general attention that over the
  /// encoder's.
  private let projection: Linear?
  private let score: Linear?
  private let model: Seq2Seq.Model
  private let decoderSize: Int

  init(_ configuration: Seq2Seq.Configuration, using stream: RandomStream) {
    model = configuration.model
    decoderSize = configuration.decoderHiddenSize
    switch model {
    case .additiveAttention, .concatAttention:
      projection = Linear(
        inputFeatures: decoderSize + configuration.memorySize, outputFeatures: decoderSize,
        hasBias: model == .additiveAttention, using: stream)
      score = Linear(inputFeatures: decoderSize, outputFeatures: 1, hasBias: false, using: stream)
    case .generalAttention:
      projection = Linear(
        inputFeatures: configuration.memorySize, outputFeatures: decoderSize, hasBias: false, using: stream)
      score = nil
    case .dotAttention, .lastState, .fedContext: (projection, score) = (nil, nil)
    }
    super.init()
  }

  /// What can be computed once a sentence, `[batch, source, size]`: the encoder's share of the layer over both states.
  func keys(_ memory: Tensor) -> Tensor {
    guard let projection else { return memory }
    guard model != .generalAttention else { return projection(memory) }
    let weight = projection.weight.slice(1, decoderSize, projection.inputFeatures)
    return linear(memory, weight, projection.bias)
  }

  /// How much a state `[batch, size]` looks at each source token, `[batch, source]`.
  func callAsFunction(_ state: Tensor, keys: Tensor, mask: Tensor?) -> Tensor {
    var scores: Tensor
    if let projection, let score {
      let own = linear(state, projection.weight.slice(1, 0, decoderSize)).unsqueezed(1)
      scores = score((keys + own).tanh()).squeezed(2)
    } else {
      scores = keys.matmul(state.unsqueezed(2)).squeezed(2)
    }
    if let mask { scores = scores + mask }
    return scores.softmax(1)
  }
}

/// Target tokens one after the other.
final class Seq2SeqDecoder: Module {
  private let attention: Seq2SeqAttention?
  private let embedding: Embedding
  private let recurrent: SequenceRecurrent
  /// Luong's layer over context and state.
  private let combination: Linear?
  let output: Linear
  private let dropout: Dropout
  private let model: Seq2Seq.Model
  private let feeds: Bool

  init(_ configuration: Seq2Seq.Configuration, using stream: RandomStream) {
    model = configuration.model
    feeds = configuration.inputFeeding && model.isLuong
    let (embedded, own, memory) = (
      configuration.embeddingSize, configuration.decoderHiddenSize, configuration.memorySize
    )
    attention = model.attends ? Seq2SeqAttention(configuration, using: stream) : nil
    embedding = Embedding(count: configuration.targetVocabularySize, features: embedded, using: stream)
    let input: Int
    let read: Int
    switch model {
    case .lastState: (input, read) = (embedded, own)
    case .fedContext: (input, read) = (embedded + memory, embedded + own + memory)
    case .additiveAttention: (input, read) = (embedded + memory, own + memory + embedded)
    case .dotAttention, .generalAttention, .concatAttention:
      (input, read) = (embedded + (feeds ? own : 0), own)
    }
    recurrent = SequenceRecurrent(
      cell: configuration.cell, inputSize: input, hiddenSize: own, layers: configuration.layers,
      dropout: configuration.dropout, drawName: "dropout.decoder", using: stream)
    combination =
      model.isLuong
      ? Linear(inputFeatures: memory + own, outputFeatures: own, hasBias: false, using: stream) : nil
    output = Linear(
      inputFeatures: read, outputFeatures: configuration.targetVocabularySize, using: stream)
    dropout = Dropout(probability: configuration.dropout, drawName: "dropout.target")
    super.init()
  }

  /// What the first step goes on from.
  ///
  /// - Parameters:
  ///   - encoded: what the encoder gave.
  ///   - mask: `[batch, source]`, added to scores.
  func begin(
    _ encoded: (memory: Tensor, state: RecurrentState, last: Tensor), mask: Tensor?
  ) -> Seq2SeqState {
    var state = Seq2SeqState(recurrent: encoded.state)
    if model == .fedContext { state.context = encoded.last }
    guard let attention else { return state }
    let memory = encoded.memory.transposed(0, 1).contiguous()
    (state.memory, state.keys, state.mask) = (memory, attention.keys(memory), mask)
    if feeds {
      state.feed = .zeros(
        [memory.shape[0], encoded.state.hidden.shape[2]], device: memory.device)
    }
    return state
  }

  /// The attention of a state before its first step.
  func look(_ state: Seq2SeqState) -> Tensor? {
    guard let attention, let keys = state.keys else { return nil }
    return attention(top(state.recurrent), keys: keys, mask: state.mask)
  }

  private func top(_ state: RecurrentState) -> Tensor {
    state.hidden.selected(dim: 0, index: recurrent.layers - 1)
  }

  private func read(_ alignment: Tensor, _ memory: Tensor) -> Tensor {
    alignment.unsqueezed(1).matmul(memory).squeezed(1)
  }

  /// One step: what the output layer takes `[batch, features]` for tokens `[batch]`, the state behind it, and the
  /// attention `[batch, source]`.
  func callAsFunction(
    _ token: Tensor, _ state: Seq2SeqState
  ) -> (features: Tensor, state: Seq2SeqState, alignment: Tensor?) {
    var state = state
    let embedded = dropout(embedding(token))
    func run(_ x: Tensor) -> Tensor {
      let (features, next) = recurrent(x.unsqueezed(0), state.recurrent)
      state.recurrent = next
      return features.selected(dim: 0, index: 0)
    }
    switch model {
    case .lastState: return (run(embedded), state, nil)
    case .fedContext:
      let context = state.context ?? embedded
      let features = run(.concatenated([embedded, context], dim: 1))
      return (.concatenated([embedded, features, context], dim: 1), state, nil)
    case .additiveAttention:
      guard let memory = state.memory, let alignment = look(state) else { return (embedded, state, nil) }
      let context = read(alignment, memory)
      let features = run(.concatenated([embedded, context], dim: 1))
      return (.concatenated([features, context, embedded], dim: 1), state, alignment)
    case .dotAttention, .generalAttention, .concatAttention:
      let features = run(state.feed.map { .concatenated([embedded, $0], dim: 1) } ?? embedded)
      guard let memory = state.memory, let alignment = look(state), let combination else {
        return (features, state, nil)
      }
      let joined = combination(.concatenated([read(alignment, memory), features], dim: 1)).tanh()
      if feeds { state.feed = joined }
      return (dropout(joined), state, alignment)
    }
  }

  /// All steps at once for given tokens `[time, batch]`, `[time, batch, features]`; nil where a step depends on what
  /// the last one read.
  func all(_ tokens: Tensor, _ state: Seq2SeqState) -> Tensor? {
    guard !model.attends else { return nil }
    let embedded = withExamples(along: 1) { dropout(embedding(tokens)) }
    guard model == .fedContext, let context = state.context else {
      return recurrent(embedded, state.recurrent).output
    }
    let fed = context.unsqueezed(0).expanded([tokens.shape[0]] + context.shape)
    let features = recurrent(.concatenated([embedded, fed], dim: 2), state.recurrent).output
    return .concatenated([embedded, features, fed], dim: 2)
  }
}

/// Encoder and decoder.
final class Seq2SeqNetwork: Module {
  let encoder: Seq2SeqEncoder
  let decoder: Seq2SeqDecoder
  private let padding: Int
  private let reverses: Bool

  init(_ configuration: Seq2Seq.Configuration, using stream: RandomStream) {
    encoder = Seq2SeqEncoder(configuration, using: stream)
    decoder = Seq2SeqDecoder(configuration, using: stream)
    padding = configuration.paddingToken
    reverses = configuration.reversedSource
    super.init()
    for (name, tensor) in state() {
      let isBias = name.split(separator: ".").last?.hasPrefix("bias") == true
      if let range = configuration.initialRange {
        stream.fillUniform(tensor.detached(), low: -range, high: range)
      } else if let deviation = configuration.initialDeviation {
        if isBias {
          tensor.detached().fill(0)
        } else {
          tensor.detached().copy(from: stream.normal(tensor.shape) * deviation)
        }
      }
    }
  }

  /// Our names and those of the reference.
  static let authorsNames = KeyMap(components: [
    "recurrent": "rnn", "bridge": "fc", "projection": "attn_fc", "score": "v_fc", "output": "fc_out",
  ])

  /// Tokens up to each sentence's end, of `[time, batch]`.
  func lengths(_ token: Tensor) -> [Int] {
    token.notEqual(Double(padding)).asType(.int64).sum(dims: [0]).integers()
  }

  /// What the decoder begins from, of tokens `[time, batch]`.
  ///
  /// - Parameter isMasked: whether padding is passed over.
  func begin(_ source: Tensor, isMasked: Bool) -> Seq2SeqState {
    let lengths = isMasked || reverses ? self.lengths(source) : nil
    let token = reverses ? SequenceRecurrent.reversed(source, lengths) : source
    let encoded = encoder(token, lengths: isMasked ? lengths : nil)
    var mask: Tensor?
    if isMasked, let lengths, lengths.contains(where: { $0 != source.shape[0] }) {
      let isPadding = token.equal(Double(padding)).transposed(0, 1)
      mask = .select(
        isPadding, .full([1, 1], -.infinity, device: source.device), .zeros([1, 1], device: source.device))
    }
    return decoder.begin(encoded, mask: mask)
  }

  /// Scores `[time - 1, batch, vocabulary]` of the tokens after the first of a target `[time, batch]`.
  ///
  /// - Parameter forced: for each step whether the next one is given the true token; nil: all are.
  func logits(_ source: Tensor, _ target: Tensor, forced: [Bool]? = nil, isMasked: Bool) -> Tensor {
    var state = begin(source, isMasked: isMasked)
    let steps = target.shape[0] - 1
    let isForced = forced?.dropLast().allSatisfy { $0 } ?? true
    if isForced, let features = decoder.all(target.slice(0, 0, steps), state) {
      return decoder.output(features)
    }
    var features: [Tensor] = []
    var token = target.selected(dim: 0, index: 0)
    for step in 0..<steps {
      let result = decoder(token, state)
      state = result.state
      features.append(result.features)
      guard step + 1 < steps else { break }
      if forced?[step] ?? true {
        token = target.selected(dim: 0, index: step + 1)
      } else {
        token = withoutGradients { decoder.output(result.features.detached()).argmax(dim: 1) }
      }
    }
    return decoder.output(.stacked(features))
  }

  /// An alignment `[tokens, source]` with the source in its own order.
  func inOrder(_ alignment: HostTensor?) -> HostTensor? {
    guard reverses, let alignment else { return alignment }
    return Tensor(alignment).flipped([1]).host()
  }
}
