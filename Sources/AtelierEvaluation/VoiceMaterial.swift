import AtelierCore
import AtelierData
import AtelierMedia
import AtelierMetrics
import Foundation
import Perception
import Torch

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

  /// The most training utterances of a speaker that a classifier learns from.
  static let mostOfSpeaker = 100

  let ability: VoiceConversion
  let heldOut: any SpokenCollection
  private let system: any VoiceConvertingSystem
  private let training: any SpokenCollection
  private let longest: Double
  private let iterations: Int
  let seed: UInt64
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

  private var frontRate: Int { ability.frontEnd.sampleRate }

  private static let encoderRate = MelSpectrogram.speakerEncoder.filters.sampleRate

  /// The front end's spectrogram of a held-out utterance, `[bands, frames]`.
  func mel(of index: Int) throws -> Tensor {
    if let known = mels[index] { return known }
    let mel = Tensor(try ability.frontEnd(cut(heldOut.samples(of: index, at: frontRate), frontRate)))
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
  func speakerClassifier(steps: Int) throws -> UtteranceClassifier? {
    let speakers = training.description.classNames.indices
    let examples = try speakers.flatMap { speaker in
      try training(of: speaker).prefix(Self.mostOfSpeaker).map { index in
        let mel = Tensor(
          try ability.frontEnd(cut(training.samples(of: index, at: frontRate), frontRate)))
        return UtteranceClassifier.Example(mel: logarithms(mel), label: speaker)
      }
    }
    return UtteranceClassifier(examples, classes: speakers.count, by: .speaker, steps: steps, seed: seed)
  }
}
