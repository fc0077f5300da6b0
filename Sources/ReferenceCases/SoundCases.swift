import AtelierCore
import AtelierModels
import Perception
import Torch

/// Computations on sounds that need no network: mel spectrograms, signals of magnitudes, statistics of speakers, pieces of
/// speech.
enum SoundCases {
  /// What a check gives and says.
  struct Question {
    let name: String
    let inputs: [String: Tensor]
    /// The check's parameters without `feature`.
    let parameters: [String: ConfigurationValue]
    /// The case's own settings, which hold where a check has no parameters.
    let configuration: [String: ConfigurationValue]
  }

  /// The outputs of a feature by name; nil for one that is not of sounds.
  static func answer(_ feature: String, _ question: Question) throws -> [String: Tensor]? {
    switch feature {
    case "autovcMel": try autoVC(question)
    case "hifiGanMel": try hifiGAN(question)
    case "starGanMel": try starGAN(question)
    case "melGanMel": try melGAN(question)
    case "resemblyzerMel": try speakerEncoder(question)
    case "griffinLim": try griffinLim(question)
    case "pitchConversion": try pitch(question)
    case "cepstrumStatistics": try cepstra(question)
    case "padding": try padding(question)
    case "normalizeVolume": try volume(question)
    case "trimSilences": try silences(question)
    case "partialSlices": try pieces(question)
    default: nil
    }
  }

  // MARK: Spectrograms

  private static func autoVC(_ question: Question) throws -> [String: Tensor] {
    try question.allow(inputs: ["waveform", "noise"])
    let front = AutoVCFrontEnd()
    let filtered = front.filtered(try question.input("waveform").doubles())
    let mel = try front.mel(filtered: filtered, noise: question.input("noise").doubles())
    return ["filtered": Tensor(HostTensor(filtered, shape: [filtered.count])), "mel": mel.transposed(0, 1)]
  }

  private static let melSettings: Set = [
    "sampleRate", "transform", "hop", "window", "mels", "minimumFrequency", "maximumFrequency",
  ]

  private static func hifiGAN(_ question: Question) throws -> [String: Tensor] {
    try question.allow(inputs: ["waveform"], parameters: melSettings)
    func mel(_ highest: String) throws -> Tensor {
      try spectrogram(
        MelSpectrogram.hifiGAN(
          sampleRate: question.count("sampleRate"), transformSize: question.count("transform"),
          hop: question.count("hop"), window: question.count("window"), bands: question.count("mels"),
          lowest: question.number("minimumFrequency") ?? 0, highest: question.number(highest)), question)
    }
    guard question.parameters.isEmpty else { return ["mel": try mel("maximumFrequency")] }
    return ["mel": try mel("maximumFrequency"), "lossMel": try mel("lossMaximumFrequency")]
  }

  private static func starGAN(_ question: Question) throws -> [String: Tensor] {
    try question.allow(inputs: ["waveform"], parameters: melSettings)
    var mel = try MelSpectrogram.starGAN(
      sampleRate: question.count("sampleRate"), transformSize: question.count("transform"),
      hop: question.count("hop"), bands: question.count("mels"),
      lowest: question.number("minimumFrequency") ?? 0, highest: question.number("maximumFrequency"))
    if question.parameters["window"] != nil { mel.window = try question.count("window") }
    return ["mel": try spectrogram(mel, question)]
  }

  private static func melGAN(_ question: Question) throws -> [String: Tensor] {
    try question.allow(inputs: ["waveform"], parameters: melSettings)
    let mel = try MelSpectrogram.melGAN(
      sampleRate: question.count("sampleRate"), transformSize: question.count("transform"),
      hop: question.count("hop"), window: question.count("window"), bands: question.count("mels"),
      lowest: question.number("minimumFrequency") ?? 0, highest: question.number("maximumFrequency"))
    return ["mel": try spectrogram(mel, question)]
  }

  private static func speakerEncoder(_ question: Question) throws -> [String: Tensor] {
    try question.allow(inputs: ["waveform"])
    return ["mel": try spectrogram(.speakerEncoder, question).transposed(0, 1)]
  }

  /// `[bands, frames]` of one waveform, `[batch, bands, frames]` of several.
  private static func spectrogram(_ mel: MelSpectrogram, _ question: Question) throws -> Tensor {
    let waveform = try question.input("waveform")
    return try waveform.rank == 1 ? mel(waveform.unsqueezed(0)).squeezed(0) : mel(waveform)
  }

  // MARK: Signals and statistics

  private static func griffinLim(_ question: Question) throws -> [String: Tensor] {
    try question.allow(
      inputs: ["magnitude", "phase"],
      parameters: ["transform", "hop", "window", "iterations", "momentum", "initialPhase"])
    let (size, window) = (try question.count("transform"), try question.count("window"))
    let phase = try ReferenceCase.string(question.parameters["initialPhase"], "initialPhase")
    guard ["zero", "random"].contains(phase), (phase == "random") == (question.inputs["phase"] != nil) else {
      throw CaseError("'initialPhase' is '\(phase)'; it is zero, or random beside the input 'phase'")
    }
    let griffinLim = GriffinLim(
      transformSize: size, hop: try question.count("hop"), window: window,
      iterations: try question.count("iterations"), momentum: try question.number("momentum") ?? 0)
    let waveform = griffinLim(
      try question.input("magnitude").unsqueezed(0), phase: question.inputs["phase"]?.unsqueezed(0))
    return ["waveform": waveform.squeezed(0)]
  }

  private static func pitch(_ question: Question) throws -> [String: Tensor] {
    try question.allow(inputs: ["pitch", "source", "target"])
    guard let source = PitchStatistics(try question.input("source").doubles()),
      let target = PitchStatistics(try question.input("target").doubles())
    else { throw CaseError("the check '\(question.name)' has a speaker without voiced frames") }
    let converted = source.converted(try question.input("pitch").doubles(), to: target)
    let statistics = [source.mean, source.deviation, target.mean, target.deviation]
    return [
      "pitch": Tensor(HostTensor(converted, shape: [converted.count])),
      "statistics": Tensor(HostTensor(statistics, shape: [4])),
    ]
  }

  private static func cepstra(_ question: Question) throws -> [String: Tensor] {
    try question.allow(inputs: ["cepstrum", "converted"])
    let cepstrum = try question.input("cepstrum")
    let statistics = FrameStatistics(cepstrum)
    return [
      "mean": statistics.mean, "deviation": statistics.deviation,
      "normalised": statistics.normalized(cepstrum),
      "restored": statistics.restored(try question.input("converted")),
    ]
  }

  private static func padding(_ question: Question) throws -> [String: Tensor] {
    try question.allow(inputs: ["cepstrum"], parameters: ["frames", "multiple"])
    let cepstrum = try question.input("cepstrum")
    let (frames, multiple) = (try question.count("frames"), try question.count("multiple"))
    guard cepstrum.rank == 2, frames <= cepstrum.shape[0] else {
      throw CaseError("the check '\(question.name)' has \(cepstrum.shape), which lacks \(frames) frames")
    }
    let chosen = cepstrum.narrow(0, from: 0, length: frames).transposed(0, 1)
    return ["cepstrum": framesPadded(chosen, toMultipleOf: multiple)]
  }

  // MARK: Speech

  private static func volume(_ question: Question) throws -> [String: Tensor] {
    try question.allow(inputs: ["waveform"], parameters: ["targetDecibels", "increaseOnly"])
    guard let decibels = try question.number("targetDecibels"),
      case .boolean(let onlyRaises)? = question.parameters["increaseOnly"]
    else { throw CaseError("the check '\(question.name)' lacks targetDecibels or increaseOnly") }
    let made = normalizedVolume(
      try question.input("waveform").doubles(), toDecibels: decibels, onlyRaises: onlyRaises)
    return ["waveform": Tensor(HostTensor(made, shape: [made.count]))]
  }

  private static func silences(_ question: Question) throws -> [String: Tensor] {
    try question.allow(inputs: ["waveform", "voiced"])
    let trimming = SilenceTrimming()
    let waveform = try question.input("waveform").floats()
    let voiced = try question.input("voiced").integers().map { $0 != 0 }
    guard voiced.count == waveform.count / trimming.window else {
      throw CaseError(
        "the check '\(question.name)' has \(voiced.count) decisions for \(waveform.count / trimming.window) windows"
      )
    }
    let made = trimming(waveform, voiced: voiced)
    return ["waveform": Tensor(HostTensor(made, shape: [made.count]))]
  }

  private static func pieces(_ question: Question) throws -> [String: Tensor] {
    try question.allow(inputs: [], parameters: ["cases"])
    guard case .list(let cases)? = question.parameters["cases"] else {
      throw CaseError("the check '\(question.name)' lacks the list 'cases'")
    }
    var answer: [String: Tensor] = [:]
    for (index, entry) in cases.enumerated() {
      guard case .list(let values) = entry, values.count == 3 else {
        throw CaseError("a case of '\(question.name)' is not [samples, rate, minimumCoverage]")
      }
      let numbers = try values.map { try ReferenceCase.number($0, "cases") }
      let pieces = SpeechPieces(rate: numbers[1], minimumCoverage: numbers[2])
      let found = pieces(samples: Int(numbers[0]))
      func ends(_ unit: Int) -> Tensor {
        Tensor(
          HostTensor(
            found.flatMap { [$0.lowerBound * unit, $0.upperBound * unit] }, shape: [found.count, 2]))
      }
      answer["frames\(index)"] = ends(1)
      answer["samples\(index)"] = ends(pieces.hop)
    }
    return answer
  }
}

extension SoundCases.Question {
  /// Refuses what a feature does not know, because what is not understood is not checked.
  func allow(inputs known: Set<String>, parameters keys: Set<String> = []) throws {
    try ReferenceCase.refuseUnknown(inputs.keys, known, "the inputs of '\(name)'")
    try ReferenceCase.refuseUnknown(parameters.keys, keys, "the parameters of '\(name)'")
  }

  func input(_ name: String) throws -> Tensor { try inputs.required(name) }

  /// A check without parameters takes those of its case.
  private func value(_ key: String) -> ConfigurationValue? {
    parameters.isEmpty ? configuration[key] : parameters[key]
  }

  /// A number; nil where it is missing or null.
  func number(_ key: String) throws -> Double? {
    guard let value = value(key), value != .null else { return nil }
    return try ReferenceCase.number(value, key)
  }

  /// A whole number above 0.
  func count(_ key: String) throws -> Int {
    guard case .integer(let count)? = value(key), count > 0 else {
      throw CaseError("'\(key)' of '\(name)' is missing or not a whole number above 0")
    }
    return count
  }
}

extension CaseRunner {
  /// A computation without network.
  func features(_ check: ReferenceCase.Check, of reference: ReferenceCase) throws -> [Comparison] {
    try allow(check, settings: ["parameters"])
    try VoiceCases.refuseUnknownKeys(of: reference)
    var parameters = try ReferenceCase.table(check.settings["parameters"], "parameters")
    let feature = try ReferenceCase.string(parameters.removeValue(forKey: "feature"), "parameters.feature")
    let question = SoundCases.Question(
      name: check.name, inputs: try reference.tensors(of: check), parameters: parameters,
      configuration: reference.configuration)
    guard let answer = try SoundCases.answer(feature, question) else {
      throw CaseError("there is no feature '\(feature)'")
    }
    return try compare(check.outputs, answer, check, reference)
  }
}
