public import AtelierCore
public import AtelierData
public import Torch
public import TorchNN

/// Wav2Lip: lips that move by what is said.
///
/// Paper: Prajwal, Mukhopadhyay, Namboodiri and Jawahar 2020, "A Lip Sync Expert Is All You Need for Speech to Lip
/// Generation In the Wild". Reference implementation, by the authors: Rudrabha/Wav2Lip `models`, `color_syncnet_train.py`,
/// `hq_wav2lip_train.py`, `wav2lip_train.py`, for personal, research and non-commercial use.
///
/// First an expert learns whether five frames of lips and a fifth of a second of speech belong together. Then a generator
/// draws the lower halves of faces by what is said; the frozen expert, a quality discriminator and the mean absolute
/// difference judge it, in this order of weights: `lossWeights.sync`, `lossWeights.quality`, and the rest.
///
/// Deviations are on the system's page.
public final class Wav2Lip: ReferenceAnswering, LipSyncJudgingSystem {
  /// The name, paper and reference implementation.
  public static let identity = SystemIdentity(
    name: "wav2lip", summary: "lips that move by what is said",
    paper: "Prajwal et al., A Lip Sync Expert Is All You Need for Speech to Lip Generation In the Wild, 2020",
    reference: "Rudrabha/Wav2Lip")

  /// The family of cases of the sync expert alone; those of the whole bear the system's name.
  public static let caseModel: String? = "wav2lip-expert"

  /// The choices this system was built from.
  public let configuration: Configuration
  let generator: LipGenerator
  let expert: SyncExpert
  private let quality: LipQuality
  private let generatorOptimizer: Optimizer
  private let expertOptimizer: Optimizer
  private let qualityOptimizer: Optimizer?
  /// Whether the expert's judgement counts already.
  private var listens: Bool
  /// The mean of the expert's loss on generated lips, over about a hundred steps.
  private var syncMean: Double?

  /// Builds the networks with initial weights drawn from `stream`.
  public init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    try configuration.validate()
    self.configuration = configuration
    generator = LipGenerator(configuration.channels, using: stream)
    expert = SyncExpert(configuration.syncChannels, using: stream)
    quality = LipQuality(configuration.qualityChannels, using: stream)
    generatorOptimizer = configuration.adam.optimizer(generator, learningRate: configuration.learningRate)
    expertOptimizer = configuration.adam.optimizer(expert, learningRate: configuration.learningRate)
    var judging = configuration.adam
    judging.beta1 = 0.5
    qualityOptimizer =
      configuration.lossWeights.quality > 0
      ? judging.optimizer(quality, learningRate: configuration.learningRate) : nil
    listens = configuration.syncThreshold == nil
  }

  /// The generator, and for training the sync expert and the quality discriminator, which only learns where it counts.
  public var networks: [Network] { describe(quality) }

  /// The optimisers by their networks' names.
  public var optimizers: [(name: String, optimizer: Optimizer)] {
    [("generator", generatorOptimizer), ("sync", expertOptimizer)]
      + (qualityOptimizer.map { [("quality", $0)] } ?? [])
  }

  /// Whether the expert's judgement counts, and its mean.
  public func carriedState() -> [(name: String, tensor: HostTensor)] {
    [("sync_listens", HostTensor([listens ? 1 : 0])), ("sync_mean", HostTensor([Float(syncMean ?? -1)]))]
  }

  /// Puts back what ``carriedState()`` gave.
  public func restoreCarriedState(_ state: [(name: String, tensor: HostTensor)]) throws {
    for (name, tensor) in state {
      switch name {
      case "sync_listens": listens = tensor.integers().first == 1
      case "sync_mean": syncMean = tensor.floats().first.flatMap { $0 < 0 ? nil : Double($0) }
      default: throw ConfigurationError("the checkpoint carries '\(name)', which wav2lip does not know")
      }
    }
  }

  // MARK: Training

  /// One step on windows: the expert's, or the generator's and then the quality discriminator's.
  public func step(_ step: TrainingStep) throws {
    let batch = try step.batch()
    if step.stage == "expert" || batch.tensors["lips"] != nil {
      try learnSync(batch, step)
    } else {
      try draw(batch, step)
    }
  }

  /// The expert: windows of lips with what is said there, or at half of them with other lips of the same video.
  private func learnSync(_ batch: Batch, _ step: TrainingStep) throws {
    let pair: (lips: Tensor, mel: Tensor, label: Tensor)
    if let lips = batch.tensors["lips"] {
      pair = (lips, batch["mel"], batch["label"])
    } else {
      let count = batch["frames"].shape[0]
      let label = step.draws.bernoulli("inSync", probability: 0.5, [count, 1])
      let isOwn = label.reshaped([count, 1, 1, 1, 1]).greater(0.5)
      let shown = Tensor.select(isOwn, batch["frames"], batch[Videos.reference])
      pair = (Self.lips(of: shown), Self.windowMel(Self.pieces(of: batch["mels"])), label)
    }
    try step.update("sync", expertOptimizer) { loss in
      let judged = expert(pair.mel, pair.lips)
      let cosine = SyncExpert.cosine(judged.audio, judged.face)
      loss.add("sync", Self.crossEntropy(cosine.unsqueezed(1), pair.label))
    }
  }

  /// The generator, and the quality discriminator.
  private func draw(_ batch: Batch, _ step: TrainingStep) throws {
    let weights = configuration.lossWeights
    let real = batch["frames"]
    let recorded = batch.tensors["pieces"]
    let mels = recorded ?? Self.pieces(of: batch["mels"])
    let window = real.shape[1]
    let input = Self.input(masking: real, reference: batch[Videos.reference])
    let target = Self.timeMajor(real)
    let judges: [Module] = [expert, quality]
    // Recordings are of a time at which the expert counts.
    let listens = self.listens || recorded != nil
    let syncWeight = listens ? weights.sync : 0

    let (terms, drawn) = try step.update("generator", generatorOptimizer, freezing: judges) { loss in
      let generated = generator(Self.timeMajor(mels.unsqueezed(2)), input)
      if syncWeight > 0 {
        let lips = Self.lips(of: Self.batchMajor(generated, frames: window))
        loss.add(
          "sync", syncLoss(mels, lips), weight: syncWeight, logsWeighted: false)
      }
      if weights.quality > 0 {
        let scores = quality(generated)
        loss.add(
          "quality", Self.crossEntropy(scores, .ones(like: scores)), weight: weights.quality,
          logsWeighted: false)
      }
      loss.add(
        "reconstruction", meanAbsoluteError(generated, target), weight: 1 - syncWeight - weights.quality,
        logsWeighted: false)
      return generated.detached()
    }
    step.log("generator", terms.total)
    if !listens, weights.sync > 0 { watch(drawn, mels, window, step) }

    guard let qualityOptimizer else { return }
    try step.update("quality", qualityOptimizer) { loss in
      let real = quality(target)
      loss.add("discriminatorReal", Self.crossEntropy(real, .ones(like: real)))
      loss.backward()
      let generated = quality(drawn)
      loss.add("discriminatorFake", Self.crossEntropy(generated, .zeros(like: generated)))
    }
  }

  /// The frozen expert's loss on lips that are to be in sync. It stays in training mode, as the authors leave it.
  private func syncLoss(_ mels: Tensor, _ lips: Tensor) -> Tensor {
    let judged = expert(Self.windowMel(mels), lips)
    let cosine = SyncExpert.cosine(judged.audio, judged.face).unsqueezed(1)
    return Self.crossEntropy(cosine, .ones(like: cosine))
  }

  /// Follows the expert's loss, in evaluation mode, until it is low enough to be listened to.
  private func watch(_ drawn: Tensor, _ mels: Tensor, _ window: Int, _ step: TrainingStep) {
    guard let threshold = configuration.syncThreshold else { return }
    let loss = withoutGradients {
      expert.evaluating { syncLoss(mels, Self.lips(of: Self.batchMajor(drawn, frames: window))) }
        .averagedOverProcesses().item()
    }
    step.log("syncWatched", Tensor(scalar: loss))
    syncMean = Double(Float(syncMean.map { $0 * 0.99 + loss * 0.01 } ?? loss))
    if let syncMean, syncMean < threshold { self.listens = true }
  }

  /// Float32 binary cross-entropy of probabilities.
  private static func crossEntropy(_ probability: Tensor, _ target: Tensor) -> Tensor {
    withoutAutocast(on: probability.device) {
      binaryCrossEntropy(probability.asType(.float32), target.asType(.float32))
    }
  }

  // MARK: Drawing

  /// Frames `[n, time, 3, 96, 96]` whose lower halves are drawn by what is said at each, `[n, bands, time · columns]`; each frame
  /// is its own reference.
  public func generate(_ request: Request, emit: (Output) throws -> Void) throws {
    let (frames, mels) = (try request.required("frames"), try request.required("mels"))
    let (count, length) = (frames.shape[0], frames.shape[1])
    guard mels.shape[0] == count, mels.shape[2] == length * LipSpeech.columns else {
      throw ConfigurationError(
        "there are \(count) videos of \(length) frames, and what is said is given for \(mels.shape[0]) of "
          + "\(mels.shape[2] / LipSpeech.columns); give \(LipSpeech.columns) columns for each frame")
    }
    let side = Configuration.side
    guard frames.shape[3] == side, frames.shape[4] == side else {
      throw ConfigurationError(
        "wav2lip draws faces of \(side)×\(side) pixels, not \(frames.shape[4])×\(frames.shape[3]); resize them"
      )
    }
    let pieces = Self.pieces(of: mels)
    for index in 0..<count {
      let video = frames.slice(0, index, index + 1)
      let drawn = stride(from: 0, to: length, by: 16).map { start -> Tensor in
        let part = video.slice(1, start, min(start + 16, length))
        let said = pieces.slice(0, index, index + 1).slice(1, start, min(start + 16, length))
        return generator(Self.timeMajor(said.unsqueezed(2)), Self.input(masking: part, reference: part))
      }
      try emit(Output("frames", .concatenated(drawn, dim: 0).unsqueezed(0)))
    }
  }

  // MARK: Judging

  /// Five frames.
  public var lipWindow: Int { Configuration.window }

  /// The expert's embeddings of lips, without history.
  public func lipEmbeddings(of frames: Tensor) -> Tensor {
    let (window, count) = (Configuration.window, frames.shape[0] - Configuration.window + 1)
    return judged(count) { first, last in
      let windows = (0..<window).map { frames.slice(0, first + $0, last + $0).unsqueezed(1) }
      return expert.face(Self.lips(of: .concatenated(windows, dim: 1)))
    }
  }

  /// The expert's embeddings of speech, without history.
  public func speechEmbeddings(of pieces: Tensor) -> Tensor {
    judged(pieces.shape[0]) { expert.audio(pieces.slice(0, $0, $1).unsqueezed(1)) }
  }

  /// A few windows at a time, with the expert's running statistics.
  private func judged(_ count: Int, _ embedded: (_ first: Int, _ last: Int) -> Tensor) -> Tensor {
    withoutGradients {
      expert.evaluating {
        .concatenated(stride(from: 0, to: count, by: 32).map { embedded($0, min(count, $0 + 32)) }, dim: 0)
      }
    }
  }

  // MARK: Windows

  /// `[batch, time, …]` as `[time · batch, …]`, all items of the first frame first.
  static func timeMajor(_ x: Tensor) -> Tensor {
    let turned = x.transposed(0, 1)
    return turned.reshaped([x.shape[0] * x.shape[1]] + x.shape.dropFirst(2))
  }

  /// The inverse of ``timeMajor(_:)``.
  static func batchMajor(_ x: Tensor, frames: Int) -> Tensor {
    x.reshaped([frames, x.shape[0] / frames] + x.shape.dropFirst()).transposed(0, 1)
  }

  /// The lower halves of windows `[batch, time, 3, height, width]` as `[batch, 3 · time, height / 2, width]`.
  static func lips(of windows: Tensor) -> Tensor {
    let height = windows.shape[3]
    return windows.narrow(3, from: height / 2, length: height - height / 2).flattenedFrames
  }

  /// What is said at each frame, `[batch, time, bands, columns]`, of spectrograms `[batch, bands, time · columns]`.
  static func pieces(of mels: Tensor) -> Tensor {
    mels.reshaped([mels.shape[0], mels.shape[1], -1, LipSpeech.columns]).transposed(1, 2)
  }

  /// What is said at a window: at its second frame's piece, as pieces begin a frame before theirs.
  static func windowMel(_ mels: Tensor) -> Tensor { mels.narrow(1, from: 1, length: 1) }

  /// Frames without their lower halves beside a reference, `[time · batch, 6, height, width]`.
  static func input(masking frames: Tensor, reference: Tensor) -> Tensor {
    let height = frames.shape[3]
    let upper = frames.narrow(3, from: 0, length: height / 2)
    let masked = Tensor.concatenated(
      [upper, .zeros(like: frames.narrow(3, from: height / 2, length: height - height / 2))], dim: 3)
    return .concatenated([timeMajor(masked), timeMajor(reference)], dim: 1)
  }
}

extension Tensor {
  /// `[batch, time, channels, …]` as `[batch, time · channels, …]`.
  fileprivate var flattenedFrames: Tensor {
    reshaped([shape[0], shape[1] * shape[2]] + shape.dropFirst(3))
  }
}
