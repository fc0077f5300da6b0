import Atelier

/// What `generate` does with a system that converts voices: what is said in each file, in the voice that --to names.
struct VoiceJob: GenerateJob {
  private let converted: ConvertedVoices
  private let inputs: [String]
  private let results: ResultOptions

  static func applies(to context: GenerateContext) -> Bool {
    context.plan.ability(VoiceConversion.self) != nil
      && (!context.command.inputs.isEmpty || !context.choices.namesCondition(VoiceConversion.signal))
  }

  static func scope(_ plan: SystemPlan) -> JobScope {
    JobScope("converted voices", options: ["--sampling", "--class", "--to", "--from", "--vocoder"])
  }

  init(_ context: GenerateContext) throws {
    let conditions = try context.choices.conditions()
    guard conditions[VoiceConversion.signal] == nil else {
      throw Refusal.usage("name sounds after the run or give them by --condition, not both")
    }
    converted = try ConvertedVoices(
      context.generator, context.ability(), context.command.voices, conditions: conditions,
      sampling: try context.choices.sampling(), seed: context.command.seed)
    (inputs, results) = (context.command.inputs, context.results)
  }

  func run() throws {
    let frontEnd = converted.ability.frontEnd
    try SoundFiles(
      inputs: inputs, results: results, sampleRate: frontEnd.sampleRate, grid: frontEnd.spectrogram.hop,
      mixes: true
    ) { try converted($0) }.write()
  }
}
