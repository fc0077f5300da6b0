import Atelier
import Foundation

/// What becomes of speech by systems that convert voices: mono, in the voice that --to names.
struct ConvertedVoices {
  let generator: Generator
  let ability: VoiceConversion
  /// The voices, and whatever else --condition gives.
  let conditions: [String: ConditionValue]
  let sampling: any Settings
  let seed: UInt64
  /// Makes sounds of spectrograms; nil: Griffin and Lim's algorithm does.
  let vocoder: (any SoundResynthesizingSystem)?

  /// - Throws: `Refusal` for a voice that is not known or not named, and for a vocoder of other spectrograms.
  init(
    _ generator: Generator, _ ability: VoiceConversion, _ options: Generate.VoiceOptions,
    conditions: [String: ConditionValue], sampling: any Settings, seed: UInt64
  ) throws {
    (self.generator, self.ability, self.seed) = (generator, ability, seed)
    var conditions = conditions
    func give(_ value: ConditionValue, _ name: String, _ option: String) throws {
      guard conditions[VoiceConversion.target] == nil || name == VoiceConversion.origin,
        conditions[VoiceConversion.reference] == nil || name == VoiceConversion.origin,
        conditions[name] == nil
      else { throw Refusal.usage("\(option) and --condition both say whose voice it is; choose one") }
      conditions[name] = value
    }
    if let to = options.to {
      if let speaker = try Self.speaker(to, generator, takesFiles: ability.takesRecordings) {
        try give(.labels([speaker]), VoiceConversion.target, "--to")
      } else {
        let reference = try generator.condition(VoiceConversion.reference, from: to)
        try give(reference, VoiceConversion.reference, "--to")
        try DrawingChoices.sayMixed(to, for: VoiceConversion.reference, of: generator.plan)
      }
    }
    if let from = options.from {
      try give(
        .labels([try Self.speaker(from, generator, takesFiles: false)].compactMap(\.self)),
        VoiceConversion.origin,
        "--from")
    }
    guard conditions[VoiceConversion.target] != nil || conditions[VoiceConversion.reference] != nil else {
      let names = generator.description.classNames
      throw Refusal.usage(
        "name the voice with --to: " + (names.isEmpty ? "a speaker" : listed(names))
          + (ability.takesRecordings ? ", or a recording of any other" : ""))
    }
    if ability.source == .speaker, conditions[VoiceConversion.origin] == nil {
      throw Refusal.usage(
        "\(generator.description.system) has to know who is heard; name one of the training's speakers with --from"
      )
    }
    self.conditions = conditions
    vocoder = try options.vocoder.map { try Self.vocoder($0, for: ability, on: generator.system.device) }
    var sampling = sampling
    if vocoder != nil, var drawing = sampling as? VoiceDrawing {
      drawing.givesSpectrogram = true
      sampling = drawing
    }
    self.sampling = sampling
  }

  /// A speaker's number; nil for a file, where files are taken.
  private static func speaker(_ text: String, _ generator: Generator, takesFiles: Bool) throws -> Int? {
    let names = generator.description.classNames
    if let known = names.firstIndex(of: text) { return known }
    let isFile = FileManager.default.fileExists(atPath: text)
    if isFile, takesFiles { return nil }
    // A file goes before a name that is written otherwise.
    if let known = NamePlaces(names)(text) { return known }
    if let number = Int(text), names.indices.contains(number) || names.isEmpty { return number }
    if isFile {
      throw Refusal.usage(
        "\(generator.description.system) knows the training's speakers only, and \(text) is a file; the speakers are "
          + listed(names))
    }
    throw Refusal.usage(
      "there is no speaker '\(text)'"
        + (names.isEmpty
          ? "" : "; did you mean '\(nearest(to: text, in: names))'? The speakers are \(listed(names))")
        + (takesFiles ? ", and the file of a recording stands for any other" : ""))
  }

  /// A vocoder of the spectrograms that a system gives.
  private static func vocoder(
    _ place: String, for ability: VoiceConversion, on device: Device
  ) throws -> any SoundResynthesizingSystem {
    let generator = try Generator(
      contentsOf: modelPlace(place, best: false), registry: AtelierTool.systems, on: device,
      say: { standardError("\($0)\n") })
    guard let system = generator.system as? any SoundResynthesizingSystem,
      let form = generator.plan.ability(SoundResynthesis.self)?.spectrogram
    else {
      throw Refusal.usage(
        "\(place) is a \(generator.description.system), which is no vocoder; leave --vocoder out, or name a run of one"
      )
    }
    let wanted = ability.frontEnd.spectrogram
    guard form == wanted else {
      let (theirs, ours) = (form.filters, wanted.filters)
      throw Refusal.usage(
        "the vocoder \(place) was trained on another form of spectrograms (\(theirs.bands) bands at \(theirs.sampleRate) Hz, "
          + "a frame every \(form.hop) samples) than this system gives (\(ours.bands) bands at \(ours.sampleRate) Hz, a frame "
          + "every \(wanted.hop) samples, compressed in its own way); train one on that form, or leave --vocoder out"
      )
    }
    return system
  }

  /// A sound in the other voice.
  func callAsFunction(_ sound: Audio) throws -> Audio {
    let samples = sound.mono().samples
    var conditions = conditions
    conditions[VoiceConversion.signal] = .tensor(Tensor(samples, shape: [1, 1, samples.count]))
    let draws = StreamDraws(RandomStream(seed: seed, purpose: "generate"), device: generator.system.device)
    let request = Request(count: 1, conditions: conditions, sampling: sampling, draws: draws)
    var made =
      try vocoder.map { vocoder in
        var waveform: [Float] = []
        try generator.draw(request) { output in
          if let mel = output.tensor {
            waveform = try vocoder.waveform(ofMel: mel).to(.cpu).contiguous().host().floats()
          }
        }
        return waveform
      } ?? generator.sound(request)
    made += [Float](repeating: 0, count: max(0, samples.count - made.count))
    return Audio(sampleRate: sound.sampleRate, samples: Array(made.prefix(samples.count)))
  }
}
