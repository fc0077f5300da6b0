import AtelierCore
import AtelierData
import AtelierMedia
import AtelierMetrics
import Foundation
import Perception
import Torch
import TorchNN

/// Utterances, their conversions, and what measures take of both.
final class VoiceMaterial {
  /// An utterance in another voice.
  struct Conversion {
    /// The held-out utterance.
    let index: Int
    /// The speaker who is to be heard.
    let target: Int
    /// The front end's spectrogram of the utterance, `[bands, frames]`.
    let given: Tensor
    /// Of what became of it.
    let mel: Tensor
  }

  let ability: VoiceConversion
  let heldOut: any SpokenCollection
  private let system: any VoiceConvertingSystem
  private let training: any SpokenCollection
  private let longest: Double
  private let iterations: Int
  private let seed: UInt64
  private var mels: [Int: Tensor] = [:]

  init(
    _ system: any VoiceConvertingSystem, _ ability: VoiceConversion, _ training: any SpokenCollection,
    _ heldOut: any SpokenCollection, longest: Double, iterations: Int, seed: UInt64
  ) {
    (self.system, self.ability) = (system, ability)
    (self.training, self.heldOut) = (training, heldOut)
    (self.longest, self.iterations, self.seed) = (longest, iterations, seed)
  }

  /// Held-out utterances that are converted, those with a parallel one first, speakers in turn.
  func chosen(_ count: Int) -> [Int] {
    let names = Dictionary(grouping: 0..<heldOut.count) { heldOut.prompt(of: $0) }
    var own = [[Int]](repeating: [], count: heldOut.description.classNames.count)
    for index in 0..<heldOut.count { own[heldOut.speaker(of: index)].append(index) }
    for speaker in own.indices {
      let shared = Set(own[speaker].filter { (names[heldOut.prompt(of: $0)]?.count ?? 0) > 1 })
      own[speaker] = own[speaker].filter(shared.contains) + own[speaker].filter { !shared.contains($0) }
    }
    let longest = own.map(\.count).max() ?? 0
    return Array(
      (0..<longest).flatMap { round in own.compactMap { $0.dropFirst(round).first } }.prefix(count))
  }

  /// The training utterances of a speaker.
  func training(of speaker: Int) -> [Int] {
    (0..<training.count).filter { training.speaker(of: $0) == speaker }
  }

  private func cut(_ samples: [Float], _ rate: Int) -> [Float] {
    Array(samples.prefix(Int(longest * Double(rate))))
  }

  /// The samples of a training utterance for the speaker encoder.
  func trainingSamples(of index: Int) throws -> [Float] {
    cut(try training.samples(of: index, at: Self.encoderRate), Self.encoderRate)
  }

  private static let encoderRate = MelSpectrogram.speakerEncoder.filters.sampleRate

  /// The front end's spectrogram of a held-out utterance, `[bands, frames]`.
  func mel(of index: Int) throws -> Tensor {
    if let known = mels[index] { return known }
    let rate = ability.frontEnd.sampleRate
    let mel = Tensor(try ability.frontEnd(cut(heldOut.samples(of: index, at: rate), rate)))
    mels[index] = mel
    return mel
  }

  /// A held-out utterance in another voice.
  func conversion(of index: Int, to target: Int) throws -> Conversion {
    let given = try mel(of: index)
    let source: Voice? = ability.source == .any ? nil : .speaker(heldOut.speaker(of: index))
    let made = try withoutGradients {
      system.unscaled(
        try system.converted(
          system.scaled(given.unsqueezed(0).to(system.device)), from: source, to: .speaker(target)))
    }
    return Conversion(
      index: index, target: target, given: given, mel: made.squeezed(0).asType(.float32).to(.cpu))
  }

  /// The held-out utterance of the target that has the same name; nil where there is none.
  func twin(of conversion: Conversion) -> Int? {
    let name = heldOut.prompt(of: conversion.index)
    return (0..<heldOut.count).first {
      heldOut.speaker(of: $0) == conversion.target && heldOut.prompt(of: $0) == name
    }
  }

  /// Natural logarithms of the amplitudes of a front end's spectrogram.
  func logarithms(_ mel: Tensor) -> Tensor {
    let spectrogram = ability.frontEnd.spectrogram
    let values = mel.asType(.float64)
    let logarithms: Tensor
    switch spectrogram.compression {
    case .none: logarithms = values.clamped(min: 1e-10).log()
    case .naturalLogarithm: logarithms = values
    case .decadicLogarithm: logarithms = values * log(10)
    case .unitDecibels(_, let reference): logarithms = (values * 100 - 100 + reference) * (log(10) / 20)
    }
    return spectrogram.strength == .power ? logarithms / 2 : logarithms
  }

  /// Samples at the speaker encoder's rate of a spectrogram.
  func sound(_ mel: Tensor) throws -> [Float] {
    let samples = signal(mel)
    let rate = ability.frontEnd.sampleRate
    guard rate != Self.encoderRate else { return samples }
    return try Audio(sampleRate: rate, samples: samples).resampled(to: Self.encoderRate).samples
  }

  private func signal(_ mel: Tensor) -> [Float] {
    let spectrogram = ability.frontEnd.spectrogram
    let bins = spectrogram.filters.transformSize / 2 + 1
    let stream = RandomStream(seed: seed, purpose: "phases of measured voices")
    return withoutGradients {
      spectrogram.signal(
        of: mel.unsqueezed(0), iterations: iterations, phase: stream.uniform([1, bins, mel.shape[1]])
      ).squeezed(0).host().floats()
    }
  }

  /// The pitch of a spectrogram's sound, a number for each of its frames.
  func pitch(_ mel: Tensor) throws -> [Double] {
    let rate = ability.frontEnd.sampleRate
    return try FundamentalFrequency(sampleRate: rate, hop: ability.frontEnd.spectrogram.hop)(
      Tensor(signal(mel)))
  }

  /// A classifier of the training's speakers; nil where there is too little to train on.
  func classifier(seconds: Double) throws -> VoiceClassifier? {
    func examples(_ collection: any SpokenCollection) throws -> [(mel: Tensor, speaker: Int)] {
      try (0..<collection.count).compactMap { index in
        guard let mel = try collection.example(at: index)[ability.mel] else { return nil }
        return (
          system.unscaled(Tensor(mel).unsqueezed(0)).squeezed(0).to(.cpu), collection.speaker(of: index)
        )
      }
    }
    return try VoiceClassifier(
      training: examples(training), heldOut: examples(heldOut),
      speakers: training.description.classNames.count, seed: seed, seconds: seconds)
  }
}

/// Tells speakers apart by pieces of their spectrograms: the network that classifies images, trained on real speech.
struct VoiceClassifier {
  /// Frames of a piece.
  static let frames = 64
  /// The most pieces of an utterance that are learned from.
  private static let mostPieces = 8

  private let network: ImageClassifier
  private let range: ClosedRange<Double>

  /// Trains on utterances.
  init?(
    training: [(mel: Tensor, speaker: Int)], heldOut: [(mel: Tensor, speaker: Int)], speakers: Int,
    seed: UInt64,
    seconds: Double
  ) throws {
    guard training.count >= 2, !heldOut.isEmpty else { return nil }
    let values = training.map(\.mel)
    let low = values.map { $0.min().item() }.min() ?? 0
    let high = values.map { $0.max().item() }.max() ?? 1
    guard high > low else { return nil }
    let range = low...high
    func examples(_ utterances: [(mel: Tensor, speaker: Int)]) throws -> ClassifierTraining.Examples {
      let pieces = utterances.map { utterance in
        let pieces = Self.pieces(of: utterance.mel, range)
        return pieces.narrow(0, from: 0, length: min(pieces.shape[0], Self.mostPieces))
      }
      return try ClassifierTraining.Examples(
        images: .concatenated(pieces, dim: 0),
        labels: Tensor(
          zip(pieces, utterances).flatMap { [Int](repeating: $1.speaker, count: $0.shape[0]) }))
    }
    let plan = ClassifierTraining(
      epochs: 8, batchSize: 64, mirrors: false, seed: seed, seconds: seconds, baseChannels: 16,
      featureSize: 64)
    network = try withGradients {
      try plan.run(train: examples(training), test: examples(heldOut), classes: speakers)
    }
    self.range = range
  }

  /// The speaker who is heard in a spectrogram `[bands, frames]`: the likeliest in the mean over its pieces.
  func speaker(of mel: Tensor) -> Int {
    let logits = withoutGradients { network.logits(Self.pieces(of: mel, range)) }
    return Int(logits.mean(dims: [0], keepDim: true).argmax(dim: 1).doubles().first ?? 0)
  }

  /// Pieces as bytes, `[n, 1, bands, frames]`; a spectrogram that is shorter than one is repeated.
  private static func pieces(of mel: Tensor, _ range: ClosedRange<Double>) -> Tensor {
    let bytes = ((mel.asType(.float32) - range.lowerBound) * (255 / (range.upperBound - range.lowerBound)))
      .round().clamped(min: 0, max: 255).asType(.uint8)
    let length = bytes.shape[1]
    let repeats = max(1, (frames + length - 1) / length)
    let whole = repeats > 1 ? Tensor.concatenated([Tensor](repeating: bytes, count: repeats), dim: 1) : bytes
    let count = whole.shape[1] / frames
    return .stacked((0..<count).map { whole.narrow(1, from: $0 * frames, length: frames).unsqueezed(0) })
  }
}
