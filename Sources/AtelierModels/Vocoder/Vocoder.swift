public import AtelierCore
public import AtelierData
import Foundation
import Perception
public import Torch
public import TorchNN

/// A vocoder: waveforms from mel spectrograms by a generator that discriminators of periods and of scales judge.
///
/// Paper: Kong, Kim and Bae 2020, "HiFi-GAN: Generative Adversarial Networks for Efficient and High Fidelity Speech
/// Synthesis". Reference implementation, by the authors: jik876/hifi-gan `models.py`, `meldataset.py`, `train.py`, MIT.
///
/// All discriminators are updated first, with the least-squares loss, then the generator: least squares, twice the
/// distances of all discriminators' layers, and 45 times the mean absolute difference of mel spectrograms. What the
/// generator makes is computed once for both.
///
/// Deviations are on the system's page.
public final class Vocoder: SoundResynthesizingSystem, ReferenceAnswering {
  /// The name, paper and reference implementation.
  public static let identity = SystemIdentity(
    name: "vocoder", summary: "sounds from their mel spectrograms",
    paper:
      "Kong, Kim and Bae, HiFi-GAN: Generative Adversarial Networks for Efficient and High Fidelity Speech "
      + "Synthesis, 2020",
    reference: "jik876/hifi-gan")

  /// The authors' name of these networks.
  public static let caseModel: String? = "hifi-gan"

  /// The choices this system was built from.
  public let configuration: Configuration
  private let generator: VocoderGenerator
  private let periods: PeriodDiscriminators
  private let scales: ScaleDiscriminators?
  private let generatorOptimizer: Optimizer
  private let discriminatorOptimizer: Optimizer

  /// Builds the networks with initial weights drawn from `stream`.
  public init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    try configuration.validate()
    self.configuration = configuration
    generator = VocoderGenerator(configuration, using: stream)
    let periods = PeriodDiscriminators(configuration, using: stream)
    let scales =
      configuration.scaleChannels.isEmpty ? nil : ScaleDiscriminators(configuration, using: stream)
    (self.periods, self.scales) = (periods, scales)
    func optimizer(_ parameters: [(name: String, tensor: Tensor)]) -> Optimizer {
      configuration.adam.optimizer(
        parameters, learningRate: configuration.learningRate, weightDecay: configuration.weightDecay)
    }
    generatorOptimizer = optimizer(generator.namedParameters())
    discriminatorOptimizer = optimizer(
      scales.map { namedParameters(of: ["scales": $0, "periods": periods]) }
        ?? namedParameters(of: ["periods": periods]))
  }

  /// The generator, and the discriminators of periods and of scales.
  public var networks: [Network] {
    func judging(_ name: String, _ discriminators: VocoderDiscriminators) -> Network {
      Network(
        name, discriminators, authorsNames: VocoderDiscriminators.authorsNames, isForTraining: true
      ) { _, inputs in
        let (real, generated) = discriminators(
          Self.signal(try inputs.required("real")), Self.signal(try inputs.required("generated")))
        var outputs: [String: Tensor] = [
          "featureMatching": (Self.distance(real, generated) * 2).reshaped([1]),
          "featureMeans": .stacked(real.flatMap { $0.map { $0.abs().mean() } }),
        ]
        for (index, layers) in real.enumerated() { outputs["real\(index)"] = layers.last }
        for (index, layers) in generated.enumerated() { outputs["generated\(index)"] = layers.last }
        return outputs
      }
    }
    return [
      Network(
        "generator", generator,
        authorsNames: VocoderGenerator.authorsNames(residualBlock: configuration.residualBlock)
      ) { [generator] _, inputs in ["waveform": generator(try inputs.required("mel"))] },
      judging("periods", periods),
    ] + (scales.map { [judging("scales", $0)] } ?? [])
  }

  /// The generator's optimiser and that of all discriminators.
  public var optimizers: [(name: String, optimizer: Optimizer)] {
    [("generator", generatorOptimizer), ("discriminators", discriminatorOptimizer)]
  }

  // MARK: Training

  /// One step on clips: the discriminators, then the generator.
  public func step(_ step: TrainingStep) throws {
    let rate = configuration.learningRate * pow(configuration.epochDecay, step.epoch.rounded(.down))
    (generatorOptimizer.learningRate, discriminatorOptimizer.learningRate) = (rate, rate)
    let real = Self.signal(try step.batch()["waveform"])
    // Its history waits for the discriminators' update.
    let generated = generator.checkpointed([try features(of: real)], when: step.isAccumulating) {
      [generator] in generator($0[0])
    }.asType(.float32)

    let judged = try step.update("discriminators", discriminatorOptimizer) { loss in
      let copy = generated.detached()
      if let scales { loss.add("discriminatorScales", Self.judgement(scales(real, copy))) }
      loss.add("discriminatorPeriods", Self.judgement(periods(real, copy)))
    }
    step.log("discriminator", judged.total)

    let judges = [periods, scales].compactMap { $0 as VocoderDiscriminators? }
    let made = try step.update("generator", generatorOptimizer, freezing: judges) { loss in
      let matching = configuration.lossWeights.featureMatching
      for (kind, judge) in zip(["Periods", "Scales"], judges) {
        let outputs = judge(real, generated)
        loss.add("adversarial" + kind, Self.deception(outputs.generated))
        loss.add(
          "featureMatching" + kind, Self.distance(outputs.real, outputs.generated), weight: matching)
      }
      loss.add(
        "mel", try melDistance(real.flattened(from: 1), generated.flattened(from: 1)),
        weight: configuration.lossWeights.mel)
    }
    step.log("generator", made.total)
  }

  /// `[batch, 1, samples]` of signals with or without their channel.
  private static func signal(_ waveform: Tensor) -> Tensor {
    waveform.rank == 2 ? waveform.unsqueezed(1) : waveform
  }

  /// The spectrograms that the generator reads of clips `[batch, 1, samples]`, `samples / hop` frames.
  private func features(of clips: Tensor) throws -> Tensor {
    try withoutGradients {
      try withoutAutocast(on: clips.device) {
        try configuration.resynthesis.mel(of: clips.flattened(from: 1).asType(.float32))
      }
    }
  }

  /// The mean absolute difference of the loss's spectrograms.
  private func melDistance(_ real: Tensor, _ generated: Tensor) throws -> Tensor {
    try withoutAutocast(on: real.device) {
      let spectrogram = configuration.lossSpectrogram
      return try meanAbsoluteError(spectrogram(real.asType(.float32)), spectrogram(generated))
    }
  }

  /// Least squares: real scores against 1, generated ones against 0, summed over discriminators.
  private static func judgement(_ outputs: (real: VocoderJudgements, generated: VocoderJudgements)) -> Tensor
  {
    sum(outputs.real) { (1 - $0).square().mean() } + sum(outputs.generated) { $0.square().mean() }
  }

  /// Generated scores against 1, summed over discriminators.
  private static func deception(_ generated: VocoderJudgements) -> Tensor {
    sum(generated) { (1 - $0).square().mean() }
  }

  private static func sum(_ outputs: VocoderJudgements, _ loss: (Tensor) -> Tensor) -> Tensor {
    let terms = outputs.compactMap { $0.last.map { loss($0.asType(.float32)) } }
    return terms.dropFirst().reduce(terms[0], +)
  }

  /// The mean absolute differences of all layers, scores included, summed over layers and discriminators.
  private static func distance(_ real: VocoderJudgements, _ generated: VocoderJudgements) -> Tensor {
    let terms = zip(real, generated).flatMap { real, generated in
      zip(real, generated).map { meanAbsoluteError($0.asType(.float32), $1.asType(.float32)) }
    }
    return terms.dropFirst().reduce(terms[0], +)
  }

  // MARK: Drawing

  /// Waveforms of spectrograms, some hundred frames at a time with those around them that they depend on, so that
  /// memory does not grow with the sound.
  public func waveform(ofMel mel: Tensor) throws -> Tensor {
    guard mel.rank == 3, mel.shape[1] == configuration.mels else {
      throw ConfigurationError(
        "the vocoder reads spectrograms of \(configuration.mels) bands, [sounds, bands, frames], and was given \(mel.shape)"
      )
    }
    let (frames, hop) = (mel.shape[2], configuration.hop)
    guard frames > 0 else { return .zeros([mel.shape[0], 0]) }
    // Pieces of one width, because the first pass of every width prepares its kernels anew.
    let (most, reach) = (768, VocoderGenerator.reach(configuration))
    let count = (frames + most - 1) / most
    let length = (frames + count - 1) / count
    let width = min(frames, length + 2 * reach)
    let pieces = generator.withFoldedWeights {
      stride(from: 0, to: frames, by: length).map { first in
        let last = min(frames, first + length)
        let begin = min(max(0, first - reach), frames - width)
        let made = generator(mel.narrow(2, from: begin, length: width)).asType(.float32)
        return made.squeezed(1).narrow(1, from: (first - begin) * hop, length: (last - first) * hop)
      }
    }
    return .concatenated(pieces, dim: 1)
  }
}
