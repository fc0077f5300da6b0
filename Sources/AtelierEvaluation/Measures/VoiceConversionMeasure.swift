public import AtelierCore
import AtelierData
public import AtelierMetrics
import AtelierTraining
import Foundation
import Perception
import Torch
import TorchNN

/// How well held-out utterances are converted into each other's voices, beside the utterances as they are: whether a
/// classifier of real speech hears the target speaker, how near a speaker encoder finds the two, whether the words can still
/// be told, and where the target speaker has an utterance of the same file name, how far spectrum and pitch are from it.
///
/// The classifier of speakers learns from the training part only, those of words from held-out utterances of other voices
/// than the one that is judged. Spectra are the system's own, pitch and embeddings are those of
/// sounds made of them by Griffin and Lim's algorithm, for the given utterances and the targets too, so that the algorithm
/// costs all of them alike.
public struct VoiceConversionMeasure: Measure {
  /// What options and numbers name it by.
  public static let id = "voice-conversion"

  /// The settings.
  public struct Options: Settings {
    /// The most utterances that are converted, each into every other voice.
    public var utterances = 40
    /// The most seconds of an utterance.
    public var longest = 10.0
    /// Rounds of Griffin and Lim's algorithm.
    public var iterations = 32
    /// How many decibels below an utterance's loudest frame one is left out of the mel-cepstral distortion.
    public var silence = 40.0
    /// Steps in the training of each classifier that judges.
    public var steps = 400

    /// The usual settings.
    public init() {}

    /// Refuses what measures nothing.
    public func validate() throws(ConfigurationError) {
      try Checks.positive(["utterances": utterances, "iterations": iterations, "steps": steps])
      try Checks.require(longest > 0, "longest is above 0 seconds, not \(longest)")
      try Checks.require(silence > 0, "silence is above 0 dB, not \(silence)")
    }
  }

  /// The settings.
  public var options = Options()

  /// The measure.
  public init() {}

  /// Systems that convert voices.
  public func applies(to plan: SystemPlan) -> Bool { plan.ability(VoiceConversion.self) != nil }

  /// The numbers; none where there are no held-out utterances of two speakers.
  public func measure(_ context: EvaluationContext) throws -> [MeasuredNumber] {
    guard let ability = context.plan.ability(VoiceConversion.self),
      let system = context.system(as: (any VoiceConvertingSystem).self),
      let training = try context.data.dataset(of: .train) as? any SpokenCollection,
      let heldOut = try context.heldOutDataset() as? any SpokenCollection
    else { return [] }
    let speakers = training.description.classNames
    guard speakers.count > 1, heldOut.count > 0 else {
      context.note("voices are converted between two speakers or more, and the data have \(speakers.count)")
      return []
    }
    let material = VoiceMaterial(
      system, ability, training, heldOut, longest: options.longest, iterations: options.iterations,
      seed: context.options.seed)
    let chosen = material.chosen(options.utterances)
    context.say("converting \(chosen.count) held-out utterances into \(speakers.count - 1) other voices each")
    let conversions = try chosen.flatMap { index in
      try speakers.indices.filter { $0 != heldOut.speaker(of: index) }.map { target in
        try material.conversion(of: index, to: target)
      }
    }
    let part = "\(chosen.count) held-out utterances, each into \(speakers.count - 1) other voices"
    let provenance = context.provenance(
      part: "held-out", ["utterances": "\(chosen.count)", "speakers": "\(speakers.count)"])
    return try recognised(conversions, material, chosen, part, provenance, context)
      + alike(conversions, material, chosen, part, provenance, context)
      + keywords(conversions, material, chosen, provenance, context)
      + words(conversions, material, chosen, provenance, context)
      + parallel(conversions, material, provenance, context)
  }

  /// Whether the classifier hears the target speaker.
  private func recognised(
    _ conversions: [VoiceMaterial.Conversion], _ material: VoiceMaterial, _ chosen: [Int], _ part: String,
    _ provenance: Provenance, _ context: EvaluationContext
  ) throws -> [MeasuredNumber] {
    context.say("the classifier of speakers (trained on the real training part only)")
    guard let judge = try material.speakerClassifier(steps: options.steps) else {
      context.note("there are too few utterances to train a classifier of speakers on")
      return []
    }
    func isHeard(_ mel: Tensor, _ speaker: Int) -> Double {
      judge.label(of: material.logarithms(mel)) == speaker ? 1 : 0
    }
    let right = conversions.map { isHeard($0.mel, $0.target) }
    let given = conversions.map { isHeard($0.given, $0.target) }
    let real = try chosen.map { isHeard(try material.mel(of: $0), material.heldOut.speaker(of: $0)) }
    return [
      try MeasuredNumber(
        id: "speaker-accuracy", name: "speaker accuracy", meanOf: right, seed: context.options.seed,
        better: .larger, realAgainstReal: mean(real),
        baselines: [BaselineNumber(name: "the given utterance", value: mean(given))], provenance: provenance,
        protocolText:
          "\(part); classifier of whole utterances trained on up to \(VoiceMaterial.mostOfSpeaker) utterances of each speaker "
          + "of the real training part")
    ]
  }

  /// How near a speaker encoder finds conversions and target speakers.
  private func alike(
    _ conversions: [VoiceMaterial.Conversion], _ material: VoiceMaterial, _ chosen: [Int], _ part: String,
    _ provenance: Provenance, _ context: EvaluationContext
  ) throws -> [MeasuredNumber] {
    let network = SpeakerEncoderNetwork()
    do {
      try context.options.weights.fill(network, with: "resemblyzer", for: Self.id)
    } catch {
      context.note("no speaker similarity: \(error)")
      return []
    }
    func embedding(_ samples: [Float]) throws -> Tensor {
      try network.embedding(of: Tensor(samples))
    }
    let voices = try material.heldOut.description.classNames.indices.map { speaker -> Tensor? in
      let own = material.training(of: speaker).prefix(10)
      guard !own.isEmpty else { return nil }
      return SpokenUtterance.mean(
        of: .stacked(try own.map { try embedding(material.trainingSamples(of: $0)) }))
    }
    func likeness(_ samples: [Float], _ speaker: Int) throws -> Double? {
      guard let voice = voices[speaker] else { return nil }
      return (try embedding(samples) * voice).sum().item()
    }
    let made = try conversions.compactMap { try likeness(material.sound($0.mel), $0.target) }
    guard !made.isEmpty else { return [] }
    let given = try conversions.compactMap { try likeness(material.sound($0.given), $0.target) }
    let real = try chosen.compactMap { index in
      try likeness(material.sound(material.mel(of: index)), material.heldOut.speaker(of: index))
    }
    return [
      try MeasuredNumber(
        id: "speaker-similarity", name: "speaker similarity", meanOf: made, seed: context.options.seed,
        better: .larger, realAgainstReal: mean(real),
        baselines: [BaselineNumber(name: "the given utterance", value: mean(given))], provenance: provenance,
        protocolText:
          "\(part); cosine of resemblyzer's embedding with the mean of up to 10 training utterances of the target; sounds by "
          + "\(options.iterations) rounds of Griffin-Lim")
    ]
  }

  /// Whether a classifier of prompts hears what was said, which never heard the voice that was converted.
  private func keywords(
    _ conversions: [VoiceMaterial.Conversion], _ material: VoiceMaterial, _ chosen: [Int],
    _ provenance: Provenance, _ context: EvaluationContext
  ) throws -> [MeasuredNumber] {
    let shared = PromptJudges.shared(material.heldOut, first: chosen)
    guard shared.count > 1 else {
      context.note(
        "no word error by a classifier: it needs two held-out utterances that two speakers or more say under the same file name"
      )
      return []
    }
    context.say("the classifiers of \(shared.count) prompts (trained on real utterances of the other voices)")
    let judges = try PromptJudges(shared, material, steps: options.steps)
    let real = try judges.errorsOfReal(material)
    guard mean(real) < judges.chance / 2 else {
      context.note(
        "no word error by a classifier: of real utterances of voices that it did not hear it gets "
          + "\(String(format: "%.0f", 100 * mean(real))) % wrong, so that it cannot judge conversions; files of one name may not say the same, or are too few"
      )
      return []
    }
    var (errors, given) = ([Double](), [Double]())
    for conversion in conversions {
      guard let made = judges.error(conversion.mel, of: conversion.index, material),
        let before = judges.error(conversion.given, of: conversion.index, material)
      else { continue }
      errors.append(made)
      given.append(before)
    }
    guard !errors.isEmpty else { return [] }
    return [
      try MeasuredNumber(
        id: "keyword-error", name: "word error by a keyword classifier", meanOf: errors,
        seed: context.options.seed, better: .smaller, realAgainstReal: mean(real),
        baselines: [
          BaselineNumber(name: "the given utterance", value: mean(given)),
          BaselineNumber(name: "chance", value: judges.chance),
        ], provenance: provenance,
        protocolText:
          "\(errors.count) conversions of \(shared.count) prompts; classifiers trained on real held-out utterances of the voices "
          + "that are not judged, \(judges.folds) in turn; real: \(real.count) utterances of voices left out")
    ]
  }

  /// Whether what was said can still be told: a conversion is taken for that of the speaker's own held-out utterances whose
  /// mel-cepstra are nearest after alignment, which is how isolated words were recognised by templates (Sakoe and Chiba 1978).
  private func words(
    _ conversions: [VoiceMaterial.Conversion], _ material: VoiceMaterial, _ chosen: [Int],
    _ provenance: Provenance, _ context: EvaluationContext
  ) throws -> [MeasuredNumber] {
    let distortion = MelCepstralDistortion(order: min(24, material.ability.frontEnd.bands - 1))
    let heldOut = material.heldOut
    let templates = try Dictionary(grouping: chosen) { heldOut.speaker(of: $0) }.mapValues { indices in
      try indices.map { (heldOut.prompt(of: $0), material.logarithms(try material.mel(of: $0))) }
    }
    var (errors, chances) = ([Double](), [Double]())
    for conversion in conversions {
      let known = templates[heldOut.speaker(of: conversion.index)] ?? []
      let prompts = Set(known.map(\.0))
      guard prompts.count > 1 else { continue }
      let made = material.logarithms(conversion.mel)
      let distances = try known.map { try distortion(made, $0.1).value }
      let nearest = distances.indices.min { distances[$0] < distances[$1] }
      errors.append(nearest.map { known[$0].0 } == heldOut.prompt(of: conversion.index) ? 0 : 1)
      chances.append(1 - 1 / Double(prompts.count))
      SignsOfLife.heard()
    }
    guard !errors.isEmpty else {
      context.note("no word error: of no speaker two different utterances are held out")
      return []
    }
    return [
      try MeasuredNumber(
        id: "word-error", name: "word error of whole utterances", meanOf: errors, seed: context.options.seed,
        better: .smaller, baselines: [BaselineNumber(name: "chance", value: mean(chances))],
        provenance: provenance,
        protocolText:
          "\(errors.count) conversions; each taken for the nearest of the speaker's own held-out utterances by mel-cepstral "
          + "distortion, \(distortion.protocolText)")
    ]
  }

  /// How far spectrum and pitch are from what the target speaker said under the same name.
  private func parallel(
    _ conversions: [VoiceMaterial.Conversion], _ material: VoiceMaterial, _ provenance: Provenance,
    _ context: EvaluationContext
  ) throws -> [MeasuredNumber] {
    let order = min(24, material.ability.frontEnd.bands - 1)
    let distortion = MelCepstralDistortion(order: order)
    let cut = MelCepstralDistortion(order: order, silence: options.silence)
    /// What one utterance differs from the target's.
    struct Difference {
      let distortion: Double
      let withoutSilence: Double
      let pitch: PitchError
    }
    func difference(_ mel: Tensor, _ wanted: Tensor) throws -> Difference {
      let (one, other) = (material.logarithms(mel), material.logarithms(wanted))
      let (value, alignment) = try distortion(one, other)
      let (a, b) = try (material.pitch(mel), material.pitch(wanted))
      // Sounds have a frame more or less than their spectrograms, according to the padding.
      func at(_ course: [Double], _ place: Int) -> Double { course[min(place, course.count - 1)] }
      return Difference(
        distortion: value, withoutSilence: try cut(one, other).value,
        pitch: try PitchError(
          alignment.path.map { at(a, $0.first) }, alignment.path.map { at(b, $0.second) }))
    }
    var pairs: [(made: Difference, given: Difference)] = []
    for conversion in conversions {
      guard let twin = material.twin(of: conversion) else { continue }
      let wanted = try material.mel(of: twin)
      pairs.append((try difference(conversion.mel, wanted), try difference(conversion.given, wanted)))
    }
    guard !pairs.isEmpty else {
      context.note(
        "no mel-cepstral distortion: no held-out utterance of one speaker has the file name of another's; parallel "
          + "utterances have the same name in each speaker's folder")
      return []
    }
    let part = "\(pairs.count) conversions of held-out utterances with a parallel one of the target"
    let aligned = "frames aligned by the path of the mel-cepstral distortion"
    let pitch = "YIN at threshold 0.15, sounds by \(options.iterations) rounds of Griffin-Lim, \(aligned)"
    func number(
      _ id: String, _ name: String, _ better: Better, _ text: String, _ value: (Difference) -> Double?
    ) throws -> MeasuredNumber? {
      let both = pairs.compactMap { pair in
        value(pair.made).flatMap { made in value(pair.given).map { (made, $0) } }
      }
      guard !both.isEmpty else { return nil }
      return try MeasuredNumber(
        id: id, name: name, meanOf: both.map(\.0), seed: context.options.seed, better: better,
        baselines: [BaselineNumber(name: "the given utterance", value: mean(both.map(\.1)))],
        provenance: provenance,
        protocolText: both.count == pairs.count ? "\(part); \(text)" : "\(both.count) of \(part); \(text)")
    }
    return try [
      number("mel-cepstral-distortion", "MCD, dB", .smaller, distortion.protocolText) { $0.distortion },
      number("mel-cepstral-distortion-speech", "MCD without silence, dB", .smaller, cut.protocolText) {
        $0.withoutSilence
      },
      number(
        "pitch-error", "F0 error, cents", .smaller, "root mean square over frames voiced in both; \(pitch)"
      ) {
        $0.pitch.cents
      },
      number("voicing-error", "voicing error", .smaller, "share of frames; \(pitch)") { $0.pitch.voicing },
      number(
        "pitch-correlation", "F0 correlation", .larger, "of logarithms over frames voiced in both; \(pitch)"
      ) {
        $0.pitch.correlation
      },
    ].compactMap { $0 }
  }

  private func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(max(1, values.count)) }
}
