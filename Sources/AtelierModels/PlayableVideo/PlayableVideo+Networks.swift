import AtelierCore
import Torch
import TorchNN

private func plainConvolution(
  _ inputs: Int, _ outputs: Int, kernel: Int = 3, hasBias: Bool = false, using stream: RandomStream
) -> Conv2d {
  Conv2d(
    inputChannels: inputs, outputChannels: outputs, kernelSize: kernel, padding: kernel / 2,
    hasBias: hasBias, using: stream)
}

private func pooled(_ x: Tensor, _ factor: Int) -> Tensor {
  factor == 1 ? x : averagePool2d(x, kernelSize: (factor, factor))
}

private func twice(_ x: Tensor) -> Tensor {
  upsampleBilinear(x, size: (2 * x.shape[2], 2 * x.shape[3]))
}

/// Two convolutions with batch norms, and a 1×1 convolution beside them where size or channels change.
private final class PooledResidualBlock: Module, Layer {
  private let first: Conv2d
  private let firstNorm: BatchNorm2d
  private let second: Conv2d
  private let secondNorm: BatchNorm2d
  private let shortcut: Sequential?
  private let factor: Int

  init(_ inputs: Int, _ outputs: Int, factor: Int = 1, using stream: RandomStream) {
    first = plainConvolution(inputs, outputs, using: stream)
    firstNorm = BatchNorm2d(channels: outputs)
    second = plainConvolution(outputs, outputs, using: stream)
    secondNorm = BatchNorm2d(channels: outputs)
    shortcut =
      factor == 1 && inputs == outputs
      ? nil
      : Sequential([
        plainConvolution(inputs, outputs, kernel: 1, using: stream), AveragePool2d(kernelSize: factor),
        BatchNorm2d(channels: outputs),
      ])
    self.factor = factor
    super.init()
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    let features = secondNorm(second(firstNorm(pooled(first(x), factor)).leakyRelu(0.2)))
    return (features + (shortcut?(x) ?? x)).leakyRelu(0.2)
  }
}

/// A frame's state and where in it actions are seen.
private final class Representation: Module {
  private let first: Conv2d
  private let firstNorm: BatchNorm2d
  private let residuals: Sequential

  init(_ configuration: PlayableVideo.Configuration, using stream: RandomStream) {
    let (narrow, wide) = (configuration.representationChannels[0], configuration.representationChannels[1])
    let features = configuration.stateFeatures
    first = plainConvolution(3 * configuration.stackedFrames, narrow, using: stream)
    firstNorm = BatchNorm2d(channels: narrow)
    residuals = Sequential([
      PooledResidualBlock(narrow, narrow, using: stream),
      PooledResidualBlock(narrow, wide, factor: 2, using: stream),
      PooledResidualBlock(wide, wide, using: stream),
      PooledResidualBlock(wide, features, factor: 2, using: stream),
      PooledResidualBlock(features, features, using: stream),
      PooledResidualBlock(features, features + 1, using: stream),
    ])
    super.init()
  }

  /// States `[n, features, height / 8, width / 8]` and attention `[n, 1, …]` in 0 … 1.
  func callAsFunction(_ images: Tensor) -> (state: Tensor, attention: Tensor) {
    let x = residuals(firstNorm(pooled(first(images), 2)).leakyRelu(0.2))
    let features = x.shape[1] - 1
    return (x.slice(1, 0, features), x.slice(1, features, features + 1).sigmoid())
  }
}

/// What happens between two states: a direction in the space of actions, and which action it is.
private final class ActionRecognition: Module {
  private let residuals: Sequential
  private let mean: Linear
  private let variance: Linear
  private let output: Linear

  init(_ configuration: PlayableVideo.Configuration, using stream: RandomStream) {
    let (features, size) = (configuration.stateFeatures, configuration.actionSize)
    residuals = Sequential([
      PooledResidualBlock(features, 2 * features, factor: 2, using: stream),
      PooledResidualBlock(2 * features, 2 * features, using: stream),
    ])
    mean = Linear(inputFeatures: 2 * features, outputFeatures: size, using: stream)
    variance = Linear(inputFeatures: 2 * features, outputFeatures: size, using: stream)
    output = Linear(inputFeatures: size, outputFeatures: configuration.actions, using: stream)
    super.init()
  }

  /// - Parameters:
  ///   - states: `[batch, time, features, height, width]`, and attention likewise.
  ///   - noise: of states `[batch * time, size]` and of directions `[batch, time - 1, size]`.
  func callAsFunction(_ states: Tensor, _ attention: Tensor, _ noise: ActionNoise) -> RecognisedActions {
    let (batch, time) = (states.shape[0], states.shape[1])
    let features = residuals((states * attention).reshaped([batch * time] + states.shape.dropFirst(2)))
      .mean(dims: [2, 3])
    let (means, variances) = (mean(features), variance(features).abs())
    let sampledStates = noise.states * variances.sqrt() + means
    func folded(_ x: Tensor) -> Tensor { x.reshaped([batch, time, -1]) }
    let (m, v) = (folded(means), folded(variances))
    let directionMean = m.slice(1, 1, time) - m.slice(1, 0, time - 1)
    let directionVariance = v.slice(1, 1, time) + v.slice(1, 0, time - 1)
    let sampled = noise.directions * directionVariance.sqrt() + directionMean
    return RecognisedActions(
      logits: output(sampled), directions: .stacked([directionMean, directionVariance], dim: 2),
      sampledDirections: sampled, states: .stacked([m, v], dim: 2), sampledStates: folded(sampledStates))
  }
}

/// Normal draws of the action network.
struct ActionNoise {
  let states: Tensor
  let directions: Tensor
}

/// What the action network says of a sequence; means and variances lie in one axis of two.
struct RecognisedActions {
  /// `[batch, time - 1, actions]`.
  let logits: Tensor
  /// `[batch, time - 1, 2, size]`.
  let directions: Tensor
  /// `[batch, time - 1, size]`.
  let sampledDirections: Tensor
  /// `[batch, time, 2, size]`.
  let states: Tensor
  /// `[batch, time, size]`.
  let sampledStates: Tensor
}

/// An LSTM over feature maps whose initial state is learned.
private final class ConvolutionalLSTM: Module {
  private final class Cell: Module {
    let inputGate: Conv2d
    let forgetGate: Conv2d
    let outputGate: Conv2d
    let cellGate: Conv2d

    init(_ inputs: Int, _ outputs: Int, using stream: RandomStream) {
      func gate() -> Conv2d { plainConvolution(inputs + outputs, outputs, hasBias: true, using: stream) }
      inputGate = gate()
      forgetGate = gate()
      outputGate = gate()
      cellGate = gate()
      super.init()
    }
  }

  @Parameter private var initialHiddenState: Tensor
  @Parameter private var initialHiddenCellState: Tensor
  private let cell: Cell

  init(_ inputs: Int, _ outputs: Int, side: Int, using stream: RandomStream) {
    initialHiddenState = .zeros([outputs, side, side])
    initialHiddenCellState = .zeros([outputs, side, side])
    cell = Cell(inputs, outputs, using: stream)
    super.init()
  }

  func callAsFunction(_ x: Tensor, _ state: inout DynamicsMemory.State?) -> Tensor {
    func repeated(_ initial: Tensor) -> Tensor {
      initial.unsqueezed(0).expanded([x.shape[0]] + initial.shape)
    }
    let (hidden, memory) = state ?? (repeated(initialHiddenState), repeated(initialHiddenCellState))
    let joined = Tensor.concatenated([x, hidden], dim: 1)
    let next =
      cell.forgetGate(joined).sigmoid() * memory
      + cell.inputGate(joined).sigmoid() * cell.cellGate(joined).tanh()
    let output = cell.outputGate(joined).sigmoid() * next.tanh()
    state = (output, next)
    return output
  }
}

/// What the recurrent layers of the dynamics remember; nil: their learned beginning.
struct DynamicsMemory {
  typealias State = (hidden: Tensor, cell: Tensor)
  fileprivate var states: [State?] = [nil, nil, nil]

  init() {}
}

/// A convolution, a batch norm and leaky ReLU, with the size halved between, doubled behind, or kept.
private final class ActionBlock: Module {
  private let first: Conv2d
  private let firstNorm: BatchNorm2d
  private let factor: Int

  init(_ inputs: Int, _ outputs: Int, factor: Int, using stream: RandomStream) {
    first = plainConvolution(inputs, outputs, using: stream)
    firstNorm = BatchNorm2d(channels: outputs)
    self.factor = factor
    super.init()
  }

  func callAsFunction(_ x: Tensor) -> Tensor { firstNorm(pooled(first(x), factor)).leakyRelu(0.2) }
}

/// The same with names of their own: the size is doubled before or behind it.
private final class DoubledBlock: Module {
  private let convolution: Conv2d
  private let norm: BatchNorm2d
  private let isLate: Bool

  init(_ inputs: Int, _ outputs: Int, isLate: Bool = false, using stream: RandomStream) {
    convolution = plainConvolution(inputs, outputs, using: stream)
    norm = BatchNorm2d(channels: outputs)
    self.isLate = isLate
    super.init()
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    let y = norm(convolution(isLate ? x : twice(x))).leakyRelu(0.2)
    return isLate ? twice(y) : y
  }
}

/// The next hidden state by the action that is taken.
private final class Dynamics: Module {
  private final class Recurrent: Module {
    let lstm: ConvolutionalLSTM
    let norm: BatchNorm2d

    init(_ inputs: Int, _ outputs: Int, side: Int, using stream: RandomStream) {
      lstm = ConvolutionalLSTM(inputs, outputs, side: side, using: stream)
      norm = BatchNorm2d(channels: outputs)
      super.init()
    }
  }

  private let recurrent: [Recurrent]
  private let halving: ActionBlock
  private let doubling: DoubledBlock
  private let last: ActionBlock

  init(_ configuration: PlayableVideo.Configuration, using stream: RandomStream) {
    let (hidden, side) = (configuration.hiddenSize, configuration.imageSize / 8)
    let action = configuration.actions + configuration.actionSize
    recurrent = [
      Recurrent(configuration.stateFeatures + action, hidden, side: side, using: stream),
      Recurrent(2 * hidden + action, 2 * hidden, side: side / 2, using: stream),
      Recurrent(hidden + action, hidden, side: side, using: stream),
    ]
    halving = ActionBlock(hidden + action, 2 * hidden, factor: 2, using: stream)
    doubling = DoubledBlock(2 * hidden + action, hidden, isLate: true, using: stream)
    last = ActionBlock(hidden + action, hidden, factor: 1, using: stream)
    super.init()
  }

  /// - Parameters:
  ///   - action: probabilities `[batch, actions]`; `variation`: `[batch, size]`.
  func callAsFunction(
    _ state: Tensor, _ action: Tensor, _ variation: Tensor, _ memory: inout DynamicsMemory
  ) -> Tensor {
    let told = Tensor.concatenated([action, variation], dim: 1)
    func joined(_ x: Tensor) -> Tensor {
      let planes = told.unsqueezed(2).unsqueezed(3).expanded(told.shape + [x.shape[2], x.shape[3]])
      return .concatenated([x, planes], dim: 1)
    }
    func remembered(_ x: Tensor, _ layer: Int) -> Tensor {
      recurrent[layer].norm(recurrent[layer].lstm(joined(x), &memory.states[layer]))
    }
    var x = halving(joined(remembered(state, 0)))
    x = doubling(joined(remembered(x, 1)))
    return last(joined(remembered(x, 2)))
  }
}

/// Frames of hidden states at three sizes.
private final class Rendering: Module {
  private let up: [DoubledBlock]
  private let residuals: [PooledResidualBlock]
  private let colours: [Conv2d]

  init(_ configuration: PlayableVideo.Configuration, using stream: RandomStream) {
    let hidden = configuration.hiddenSize
    let widths = [hidden, hidden, hidden / 2, hidden / 4]
    up = (0..<3).map { DoubledBlock(widths[$0], widths[$0 + 1], using: stream) }
    residuals = (0..<2).map { PooledResidualBlock(widths[$0 + 1], widths[$0 + 1], using: stream) }
    colours = (0..<3).map {
      plainConvolution(widths[$0 + 1], 3, kernel: $0 == 2 ? 7 : 3, hasBias: true, using: stream)
    }
    super.init()
  }

  /// Images in -1 … 1, the largest first.
  func callAsFunction(_ hidden: Tensor) -> [Tensor] {
    var (x, images) = (hidden, [Tensor]())
    for level in 0..<3 {
      x = up[level](x)
      if level < 2 { x = residuals[level](x) }
      images.insert(colours[level](x).tanh(), at: 0)
    }
    return images
  }
}

/// All of CADDY's networks.
///
/// Source: willi-menapace/PlayableVideoGeneration `model/main_model`, `model/layers`.
final class PlayableModel: Module {
  private let stateToHidden: Conv2d
  private let action: ActionRecognition
  private let dynamics: Dynamics
  private let representation: Representation
  private let rendering: Rendering
  /// Where directions of each action lie, `[actions, size]`; it follows the batches in training.
  @Buffer private var centroids: Tensor
  private let configuration: PlayableVideo.Configuration

  init(_ configuration: PlayableVideo.Configuration, using stream: RandomStream) {
    self.configuration = configuration
    stateToHidden = plainConvolution(
      configuration.stateFeatures, configuration.hiddenSize, hasBias: true, using: stream)
    action = ActionRecognition(configuration, using: stream)
    dynamics = Dynamics(configuration, using: stream)
    representation = Representation(configuration, using: stream)
    rendering = Rendering(configuration, using: stream)
    centroids = stream.normal([configuration.actions, configuration.actionSize])
    super.init()
  }

  /// A sequence as the model sees and repeats it.
  struct Sequence {
    /// Generated images at three sizes `[batch, n, 3, …]`, the largest first.
    var images: [Tensor]
    /// States of the generated sequence, and of the given one.
    var states: Tensor
    var groundStates: Tensor
    var attention: Tensor
    /// Of the generated frames; nil in pretraining.
    var reconstructedAttention: Tensor?
    /// The dynamics' hidden states `[batch, time - 1, …]`, and in pretraining those of the given states.
    var hidden: Tensor
    var reconstructedHidden: Tensor?
    var actions: RecognisedActions
    var reconstructed: RecognisedActions
    /// Which actions were taken, as shares `[batch, time - 1, actions]`.
    var samples: Tensor
    var variations: Tensor
  }

  /// Random numbers of a sequence.
  struct Noise {
    let given: ActionNoise
    let reconstructed: ActionNoise
    /// Gumbel draws `[batch * (time - 1), actions]`.
    let gumbel: Tensor
  }

  /// States and attention of images `[n, channels, height, width]`.
  func seen(_ images: Tensor) -> (state: Tensor, attention: Tensor) { representation(images) }

  private func foldedStates(_ images: Tensor) -> (state: Tensor, attention: Tensor) {
    let (batch, time) = (images.shape[0], images.shape[1])
    let found = representation(images.reshaped([batch * time] + images.shape.dropFirst(2)))
    return (
      found.state.reshaped([batch, time] + found.state.shape.dropFirst()),
      found.attention.reshaped([batch, time] + found.attention.shape.dropFirst())
    )
  }

  /// Samples of actions, and how far their directions lie from the actions' centroids.
  private func sampled(
    _ actions: RecognisedActions, _ gumbel: Tensor, temperature: Double
  ) -> (samples: Tensor, variations: Tensor) {
    let shape = actions.logits.shape
    let (count, size) = (shape[2], configuration.actionSize)
    let logits = actions.logits.reshaped([-1, count])
    let probabilities = logits.softmax(1)
    if isTraining {
      withoutGradients {
        let means = actions.directions.selected(dim: 2, index: 0).reshaped([-1, size])
        // Over the whole batch, of which each process has a part.
        let sums = probabilities.transposed(0, 1).matmul(means).summedOverProcesses()
        let found = sums / probabilities.sum(dims: [0]).summedOverProcesses().unsqueezed(1)
        let decay = configuration.centroidDecay
        centroids.copy(from: centroids * (1 - decay) + found * decay)
      }
    }
    var samples = ((logits.logSoftmax(1) + gumbel) / temperature).softmax(1)
    if configuration.hardActions {
      let hard = samples.argmax(dim: 1).oneHot(count)
      samples = (hard - samples).detached() + samples
    }
    let points = actions.sampledDirections.reshaped([-1, size])
    let distances = points.unsqueezed(1) - centroids.cloned().unsqueezed(0)
    let variations = (samples.unsqueezed(2) * distances).sum(dims: [1])
    return (samples.reshaped(shape), variations.reshaped([shape[0], shape[1], size]))
  }

  /// Actions that the data say, without variation; else samples of those that are recognised.
  private func taken(
    _ actions: RecognisedActions, _ gumbel: Tensor, temperature: Double, told: Tensor?
  ) -> (samples: Tensor, variations: Tensor) {
    guard let told else { return sampled(actions, gumbel, temperature: temperature) }
    return (told, .zeros(actions.sampledDirections.shape, device: told.device))
  }

  /// The sequence from its first frames on, in which later states are those of generated frames.
  ///
  /// - Parameters:
  ///   - images: `[batch, time, 3 * stackedFrames, height, width]` in -1 … 1, the newest frame first.
  ///   - given: how many frames at the beginning are seen.
  ///   - told: the actions that were taken, one-hot `[batch, time - 1, actions]`; nil: those that are recognised.
  func repeated(
    _ images: Tensor, given: Int, temperature: Double, noise: Noise, told: Tensor? = nil
  ) -> Sequence {
    let time = images.shape[1]
    let ground = foldedStates(images)
    let actions = action(ground.state, ground.attention, noise.given)
    let (samples, variations) = taken(actions, noise.gumbel, temperature: temperature, told: told)
    var memory = DynamicsMemory()
    func at(_ x: Tensor, _ index: Int) -> Tensor { x.selected(dim: 1, index: index) }
    var states = [at(ground.state, 0)]
    var attention = [at(ground.attention, 0)]
    var (hidden, frames) = ([Tensor](), [[Tensor]]())
    for index in 0..<(time - 1) {
      let next = dynamics(states[index], at(samples, index), at(variations, index), &memory)
      hidden.append(next)
      frames.append(rendering(next))
      if index + 1 < given {
        states.append(at(ground.state, index + 1))
        attention.append(at(ground.attention, index + 1))
      } else {
        let found = representation(
          observation(index + 1, images, given: given, frames.map { $0[0] }))
        states.append(found.state)
        attention.append(found.attention)
      }
    }
    let all = (Tensor.stacked(states, dim: 1), Tensor.stacked(attention, dim: 1))
    return Sequence(
      images: (0..<3).map { size in .stacked(frames.map { $0[size] }, dim: 1) }, states: all.0,
      groundStates: ground.state, attention: ground.attention,
      reconstructedAttention: .stacked(Array(attention.dropFirst()), dim: 1),
      hidden: .stacked(hidden, dim: 1), actions: actions,
      reconstructed: action(all.0, all.1, noise.reconstructed), samples: samples, variations: variations)
  }

  /// The frames that the state of a place is seen in: generated ones, the newest first, and where they do not reach
  /// back far enough given ones.
  private func observation(_ index: Int, _ images: Tensor, given: Int, _ frames: [Tensor]) -> Tensor {
    let start = index - configuration.stackedFrames + 1
    var parts: [Tensor] = []
    if start < given {
      parts.append(images.selected(dim: 1, index: given - 1).slice(1, 0, 3 * (given - start)))
    }
    for place in max(start, given)...index { parts.insert(frames[place - 1], at: 0) }
    return .concatenated(parts, dim: 1)
  }

  /// The sequence frame by frame, without the dynamics between states and images, and the dynamics beside it.
  ///
  /// - Parameter told: as ``repeated(_:given:temperature:noise:told:)`` takes them.
  func pretrained(
    _ images: Tensor, temperature: Double, noise: Noise, told: Tensor? = nil
  ) -> Sequence {
    let (batch, time) = (images.shape[0], images.shape[1])
    let ground = foldedStates(images)
    let actions = action(ground.state, ground.attention, noise.given)
    let (samples, variations) = taken(actions, noise.gumbel, temperature: temperature, told: told)
    func folded(_ x: Tensor) -> Tensor { x.reshaped([batch, time] + x.shape.dropFirst()) }
    let flat = stateToHidden(ground.state.reshaped([batch * time] + ground.state.shape.dropFirst(2)))
    let frames = rendering(flat).map(folded)
    var memory = DynamicsMemory()
    func at(_ x: Tensor, _ index: Int) -> Tensor { x.selected(dim: 1, index: index) }
    let hidden = (0..<(time - 1)).map {
      dynamics(at(ground.state, $0), at(samples, $0), at(variations, $0), &memory)
    }
    let again = foldedStates(PlayableVideo.stacked(frames[0], configuration.stackedFrames))
    return Sequence(
      images: frames, states: again.state, groundStates: ground.state, attention: ground.attention,
      hidden: .stacked(hidden, dim: 1), reconstructedHidden: folded(flat), actions: actions,
      reconstructed: action(again.state, again.attention, noise.reconstructed), samples: samples,
      variations: variations)
  }

  /// The next frame of a played video by an action, without variation.
  ///
  /// - Parameter observation: `[1, 3 * stackedFrames, height, width]`; it becomes the next one.
  func next(_ observation: inout Tensor, action: Tensor, memory: inout DynamicsMemory) -> Tensor {
    let variation = Tensor.zeros([1, configuration.actionSize], device: observation.device)
    let hidden = dynamics(representation(observation).state, action, variation, &memory)
    let frame = rendering(hidden)[0]
    let channels = observation.shape[1]
    observation =
      channels > 3 ? .concatenated([frame, observation.slice(1, 0, channels - 3)], dim: 1) : frame
    return frame
  }

  /// The likeliest action between the frames of a sequence `[batch, time, …]`, without noise: int64
  /// `[batch, time - 1]`.
  func likeliestActions(_ images: Tensor) -> Tensor {
    let ground = foldedStates(images)
    let (batch, time, size) = (images.shape[0], images.shape[1], configuration.actionSize)
    let silence = ActionNoise(
      states: .zeros([batch * time, size], device: images.device),
      directions: .zeros([batch, time - 1, size], device: images.device))
    return action(ground.state, ground.attention, silence).logits.argmax(dim: 2)
  }

  /// Our names and the authors'.
  static let authorsNames: KeyMap = {
    var names = [
      "state_to_hidden": "state_to_hidden_state_layer.0", "action": "action_network.0",
      "action.mean": "action_network.0.mean_fc", "action.variance": "action_network.0.variance_fc",
      "action.output": "action_network.0.final_fc", "representation": "representation_network",
      "dynamics.halving": "dynamics_network.non_recurrent_blocks.0",
      "dynamics.doubling": "dynamics_network.non_recurrent_blocks.1",
      "dynamics.last": "dynamics_network.non_recurrent_blocks.2",
      "rendering.up.0": "rendering_network.upsample_blocks.0.0",
      "rendering.residuals.0": "rendering_network.upsample_blocks.0.1",
      "rendering.up.1": "rendering_network.upsample_blocks.1.0",
      "rendering.residuals.1": "rendering_network.upsample_blocks.1.1",
      "rendering.up.2": "rendering_network.upsample_blocks.2",
      "centroids": "centroid_estimator.estimated_centroids",
    ]
    for layer in 0..<3 {
      names["dynamics.recurrent.\(layer).lstm"] = "dynamics_network.recurrent_layers_blocks.\(layer).0"
      names["dynamics.recurrent.\(layer).norm"] = "dynamics_network.recurrent_layers_blocks.\(layer).1"
      names["rendering.colours.\(layer)"] = "rendering_network.final_blocks.\(layer).conv"
    }
    return KeyMap(
      names,
      components: [
        "first": "conv1", "first_norm": "bn1", "second": "conv2", "second_norm": "bn2",
        "shortcut": "downsample", "convolution": "conv",
      ])
  }()
}
