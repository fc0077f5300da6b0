import Atelier

/// What `generate` does with a system that turns sounds into sounds.
struct SoundJob: GenerateJob {
  private let translated: TranslatedSounds
  private let inputs: [String]
  private let results: ResultOptions

  static func applies(to context: GenerateContext) -> Bool {
    context.plan.ability(SoundTranslation.self) != nil && context.startsFromInputs
  }

  static func scope(_ plan: SystemPlan) -> JobScope {
    JobScope("sounds made of sounds", options: ["--sampling"])
  }

  init(_ context: GenerateContext) throws {
    guard try context.choices.conditions().isEmpty else {
      throw Refusal.usage("name sounds after the run or give them by --condition, not both")
    }
    translated = TranslatedSounds(
      generator: context.generator, ability: context.ability(), sampling: try context.choices.sampling())
    (inputs, results) = (context.command.inputs, context.results)
  }

  func run() throws {
    try SoundFiles(
      inputs: inputs, results: results, sampleRate: try translated.sampleRate(), grid: translated.grid,
      mixes: false
    ) { try translated($0) }.write()
  }
}

/// What becomes of sounds by systems that turn sounds into sounds.
struct TranslatedSounds {
  let generator: Generator
  let ability: SoundTranslation
  let sampling: any Settings

  /// The samples a second that the system takes.
  func sampleRate() throws -> Int {
    guard case .field(.audio(_, _, let sampleRate))? = generator.plan.condition(ability.source)?.kind else {
      throw Refusal.usage("this system says nothing of the sounds that it takes")
    }
    return sampleRate
  }

  /// The frames from one window to the next, at which blocks of a long sound begin, so that windows are those of the whole.
  var grid: Int {
    if let resynthesis = generator.plan.ability(SoundResynthesis.self) { return resynthesis.spectrogram.hop }
    let overlap = (sampling as? SoundDrawing)?.overlap ?? 0
    return max(1, ability.window - Int(Double(ability.window) * overlap))
  }

  /// Those that were asked for; a model of given pairs takes its sources as they are.
  private var settings: any Settings {
    guard generator.description.data.layout == .pairedFolders, var drawing = sampling as? SoundDrawing else {
      return sampling
    }
    drawing.isSource = true
    return drawing
  }

  /// Channels are sounds of their own, so that stereo stays stereo.
  func callAsFunction(_ sound: Audio) throws -> Audio {
    let channels = try (0..<sound.channels).flatMap { channel in
      let samples = sound.channel(channel).samples
      return try generator.sound(
        Request(
          count: 1, conditions: [ability.source: .tensor(Tensor(samples, shape: [1, 1, samples.count]))],
          sampling: settings, draws: StreamDraws(RandomStream(seed: 0))))
    }
    return Audio(sampleRate: sound.sampleRate, channels: sound.channels, samples: channels)
  }
}

extension Generator {
  /// All numbers of the last tensor that a request gives.
  func sound(_ request: Request) throws -> [Float] {
    var made: [Float] = []
    try draw(request) { output in
      if case .tensor(let tensor) = output.value { made = tensor.to(.cpu).contiguous().host().floats() }
    }
    return made
  }
}
