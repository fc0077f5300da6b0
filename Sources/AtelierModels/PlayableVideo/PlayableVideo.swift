public import AtelierCore
public import AtelierData
public import Torch
public import TorchNN

/// CADDY: videos that are played with actions which the system found by itself.
///
/// Paper: Menapace, Lathuilière, Tulyakov, Siarohin and Ricci 2021, "Playable Video Generation". Reference:
/// willi-menapace/PlayableVideoGeneration `model/main_model`, `training/trainer.py`, `training/losses.py`,
/// `training/smooth_mi_trainer.py` (MIT).
///
/// An encoder gives each frame a state and attention; from two states follow a direction in the space of actions and the
/// discrete action that was taken, sampled with Gumbel noise. How far the direction lies from the action's centroid is the
/// variation. A convolutional LSTM predicts the next hidden state from state, action and variation, and a decoder its
/// frame, at three sizes.
///
/// The first steps train frames from their own states and the dynamics beside them. Then the sequence is generated from
/// its first frames on. The losses are those of frames, of states, of the actions' directions, and of the mutual
/// information of the actions that are recognised in given and in generated frames.
///
/// With `actionSource: given` the dynamics take the actions that the data say, in the form of Gafni, Wolf and Taigman 2019,
/// "Vid2Game", and the recognition learns them by cross entropy instead.
///
/// Deviations are on the system's page.
public final class PlayableVideo: PlayableSystem, ReferenceAnswering {
  /// The name, the paper and the reference implementation.
  public static let identity = SystemIdentity(
    name: "playable-video", summary: "videos played by actions that are found without labels",
    paper: "Menapace et al., Playable Video Generation, 2021",
    reference: "willi-menapace/PlayableVideoGeneration", suits: [.playedVideos])

  /// The choices this system was built from.
  public let configuration: Configuration
  /// The model.
  public let networks: [Network]
  let model: PlayableModel
  private let optimizer: Optimizer
  /// The joint probabilities of actions in given and in generated frames, `[actions, actions]`.
  private var jointActions: Tensor

  /// Builds the networks with PyTorch's initial weights drawn from `stream`.
  ///
  /// - Throws: ``ConfigurationError`` for a configuration that cannot work.
  public init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    try configuration.validate()
    self.configuration = configuration
    let model = PlayableModel(configuration, using: stream)
    self.model = model
    optimizer = configuration.adam.optimizer(
      model, learningRate: configuration.learningRate, weightDecay: configuration.weightDecay)
    let count = configuration.actions
    jointActions = .full([count, count], 1 / Double(count * count))
    networks = [Self.describe(model, configuration)]
  }

  /// With the number of actions of data that say them.
  public static func adapted(_ configuration: Configuration, to data: DataFacts) throws -> Configuration {
    guard configuration.actionSource == .given else { return configuration }
    var configuration = configuration
    configuration.actions = data.description.classNames.count
    guard configuration.actions >= 2 else {
      throw ConfigurationError(
        "the data have \(configuration.actions) action, and a video is played by 2 or more; set actionSource to learned"
      )
    }
    return configuration
  }

  /// The optimiser.
  public var optimizers: [(name: String, optimizer: Optimizer)] { [("model", optimizer)] }

  /// The joint probabilities of actions.
  public func carriedState() -> [(name: String, tensor: HostTensor)] {
    [("jointActions", jointActions.to(.cpu).host())]
  }

  /// Puts back the joint probabilities of actions.
  public func restoreCarriedState(_ state: [(name: String, tensor: HostTensor)]) throws {
    // Imported weights carry none.
    guard !state.isEmpty else { return }
    guard state.count == 1, let found = state.first, found.name == "jointActions",
      found.tensor.shape == jointActions.shape
    else { throw ConfigurationError("the checkpoint does not carry the joint probabilities of actions") }
    jointActions = Tensor(found.tensor, device: device)
  }

  // MARK: Training

  /// Frames joined in the channels, the newest first; before the beginning the first frame stands.
  ///
  /// - Parameter frames: `[batch, time, 3, height, width]`.
  package static func stacked(_ frames: Tensor, _ count: Int) -> Tensor {
    guard count > 1 else { return frames }
    let time = frames.shape[1]
    let parts = (0..<count).map { past -> Tensor in
      guard past > 0 else { return frames }
      let first = frames.slice(1, 0, 1)
      let before = [Tensor](repeating: first, count: min(past, time))
      return .concatenated(before + (past < time ? [frames.slice(1, 0, time - past)] : []), dim: 1)
    }
    return .concatenated(parts, dim: 2)
  }

  /// One step of the pretraining objective, or of the whole.
  public func step(_ step: TrainingStep) throws {
    let examples = try step.batch()
    let given = examples["image"]
    let images = given.shape[2] == 3 ? Self.stacked(given, configuration.stackedFrames) : given
    let (batch, time) = (images.shape[0], images.shape[1])
    let size = configuration.actionSize
    let draws = step.draws.along(0)
    func noise(_ states: String, _ directions: String) -> ActionNoise {
      ActionNoise(
        states: draws.normal(states, [batch * time, size]),
        directions: draws.normal(directions, [batch, time - 1, size]))
    }
    let drawn = PlayableModel.Noise(
      given: noise("stateNoise", "directionNoise"),
      reconstructed: noise("reconstructedStateNoise", "reconstructedDirectionNoise"),
      gumbel: draws.gumbel("gumbel", [batch * (time - 1), configuration.actions]))
    // What is done in a frame shows in the next.
    let actions = configuration.actionSource == .given ? examples["actions"].slice(1, 0, time - 1) : nil
    let told = actions?.oneHot(configuration.actions)
    let temperature = configuration.temperature(at: step.index)
    let weights = configuration.lossWeights
    let isPretraining = step.index < configuration.pretrainingSteps
    let terms = try step.update("model", optimizer) { loss in
      let sequence =
        isPretraining
        ? model.pretrained(images, temperature: temperature, noise: drawn, told: told)
        : model.repeated(
          images, given: min(configuration.groundTruthFrames, time - 1), temperature: temperature,
          noise: drawn, told: told)
      loss.add(
        "observations", Self.difference(sequence.images, images), weight: weights.observations,
        logsWeighted: false)
      loss.add(
        "states", meanSquaredError(sequence.states, sequence.groundStates.detached()),
        weight: weights.states, logsWeighted: false)
      if let hidden = sequence.reconstructedHidden {
        loss.add(
          "hiddenStates", meanSquaredError(sequence.hidden, hidden.detached().slice(1, 1, time)),
          weight: weights.hiddenStates, logsWeighted: false)
      } else {
        step.log("hiddenStates", .zeros([], device: images.device))
      }
      loss.add(
        "directions", Self.divergence(sequence.actions.directions), weight: weights.directions,
        logsWeighted: false)
      if let actions {
        loss.add(
          "recognition", recognition(of: actions, sequence), weight: weights.recognition, logsWeighted: false)
      } else {
        loss.add(
          "mutualInformation",
          information(sequence.actions.logits, sequence.reconstructed.logits),
          weight: weights.mutualInformation, logsWeighted: false)
      }
      if weights.entropy > 0 {
        let logits = sequence.actions.logits
        let entropy = -(logits.softmax(2) * logits.logSoftmax(2)).sum() / Double(batch * (time - 1))
        loss.add("entropy", entropy, weight: weights.entropy, logsWeighted: false)
      }
      if weights.actionStates > 0 {
        loss.add(
          "actionStates",
          Self.divergence(sequence.reconstructed.states, from: sequence.actions.states.detached()),
          weight: weights.actionStates, logsWeighted: false)
      }
    }
    step.log("total", terms.total)
  }

  /// The mean absolute difference of generated and given frames over all sizes; where there is one frame fewer, the
  /// first is not generated.
  private static func difference(_ generated: [Tensor], _ images: Tensor) -> Tensor {
    let (time, count) = (images.shape[1], generated[0].shape[1])
    let frames = images.slice(2, 0, 3).slice(1, time - count, time)
    let flat = frames.reshaped([-1] + frames.shape.dropFirst(2))
    let terms = generated.map { image -> Tensor in
      let size = (image.shape[3], image.shape[4])
      let target = size == (flat.shape[2], flat.shape[3]) ? flat : upsampleBilinear(flat, size: size)
      return meanAbsoluteError(image.reshaped(target.shape), target)
    }
    return Tensor.stacked(terms).mean()
  }

  /// The divergence of normal distributions from the standard one.
  ///
  /// - Parameter distributions: means and variances `[…, 2, size]`.
  private static func divergence(_ distributions: Tensor) -> Tensor {
    let size = distributions.shape[distributions.rank - 1]
    let flat = distributions.reshaped([-1, 2, size])
    let (mean, variance) = (flat.selected(dim: 1, index: 0), flat.selected(dim: 1, index: 1))
    return (1 + variance.log() - mean.square() - variance).sum(dims: [1]).mean() * -0.5
  }

  /// The divergence of normal distributions from others; variances are constants and at least 0.05, but for their
  /// logarithms, as the authors have it.
  private static func divergence(_ distributions: Tensor, from reference: Tensor) -> Tensor {
    let size = distributions.shape[distributions.rank - 1]
    func parts(_ x: Tensor) -> (mean: Tensor, variance: Tensor) {
      let flat = x.reshaped([-1, 2, size])
      return (flat.selected(dim: 1, index: 0), flat.selected(dim: 1, index: 1).detached())
    }
    let (own, other) = (parts(distributions), parts(reference))
    let (variance, otherVariance) = (own.variance.clamped(min: 0.05), other.variance.clamped(min: 0.05))
    let terms =
      other.variance.log() - own.variance.log() - 1 + variance / otherVariance
      + (other.mean - own.mean).square() / otherVariance
    return terms.sum(dims: [1]).mean() * 0.5
  }

  /// The cross entropy of the actions that are recognised in given and in generated frames.
  ///
  /// - Parameter actions: those of the data, int64 `[batch, time - 1]`.
  private func recognition(of actions: Tensor, _ sequence: PlayableModel.Sequence) -> Tensor {
    let labels = actions.contiguous().reshaped([-1])
    func loss(_ logits: Tensor) -> Tensor {
      crossEntropy(logits.reshaped([-1, configuration.actions]), labels)
    }
    return (loss(sequence.actions.logits) + loss(sequence.reconstructed.logits)) / 2
  }

  /// The negative mutual information of two recognitions of the same actions, by joint probabilities that are smoothed over
  /// the steps.
  private func information(_ first: Tensor, _ second: Tensor) -> Tensor {
    let count = configuration.actions
    func flat(_ logits: Tensor) -> Tensor { logits.softmax(2).reshaped([-1, count]) }
    var joint = flat(first).transposed(0, 1).matmul(flat(second)).summedOverProcesses()
    joint = (joint + joint.transposed(0, 1)) / 2
    joint = joint / joint.sum()
    let decay = configuration.mutualInformationDecay
    joint = jointActions.to(joint.device) * (1 - decay) + joint * decay
    jointActions = joint.detached()
    let least = Double.ulpOfOne
    func clipped(_ x: Tensor) -> Tensor {
      .select(x.less(least), .full(x.shape, least, device: x.device), x)
    }
    let (rows, columns) = (joint.sum(dims: [1]).unsqueezed(1), joint.sum(dims: [0]).unsqueezed(0))
    let clippedJoint = clipped(joint)
    return -(clippedJoint * (clippedJoint.log() - clipped(rows).log() - clipped(columns).log())).sum()
  }
}
