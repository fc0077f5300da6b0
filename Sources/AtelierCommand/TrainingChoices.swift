public import ArgumentParser
import Atelier
import Foundation

/// The path of a model, or of the checkpoint of a run that was best on the validation part.
func modelPlace(_ path: String, best: Bool) throws -> URL {
  let url = URL(fileURLWithPath: path)
  guard best else { return url }
  return try RunDirectory.open(url).bestCheckpoint(say: { standardError("\($0)\n") })
}

/// The preset of a name, or the first one.
func presetNamed<Configuration: SystemConfiguration>(
  _ name: String?, of type: Configuration.Type
) throws -> Preset<Configuration> {
  guard let name else {
    return Configuration.presets.first ?? Preset("reference", "the authors' own sizes", Configuration())
  }
  if let found = Configuration.presets.first(where: { $0.name == name }) { return found }
  let names = Configuration.presets.map(\.name)
  throw Refusal.usage("there is no preset '\(name)'; there are \(names.joined(separator: ", "))")
}

extension Train {
  /// Weights to begin with that are not initial ones.
  struct Transfer: ParsableArguments {
    @Option(
      name: .customLong("from"), parsing: .singleValue,
      help: ArgumentHelp(
        """
        Begin with the weights of a run, a checkpoint or a model file, or of another program's files that the system \
        imports (give --from for each); its configuration is taken too, unless --preset is given.
        """, valueName: "run"), completion: .file())
    var sources: [String] = []

    @Option(
      help: ArgumentHelp(
        "Keep so many of the discriminator's lowest layers as they are (FreezeD).", valueName: "layers"))
    var freezeDiscriminator: Int?

    func validate() throws {
      if freezeDiscriminator != nil, sources.isEmpty {
        throw ValidationError("--freeze-discriminator keeps layers of other weights; name them with --from.")
      }
    }

    /// The options that a run records when it starts, with what is given.
    var fixed: [(name: String, value: String?)] {
      [
        ("--from", sources.isEmpty ? nil : sources.joined(separator: " ")),
        ("--freeze-discriminator", freezeDiscriminator.map { "\($0)" }),
      ]
    }

    /// What is given of them.
    var fixedInARun: [String] { fixed.filter { $0.value != nil }.map(\.name) }

    /// The weights; nil: initial ones.
    func source(
      of type: any GenerativeSystem.Type, changes: [String: ConfigurationValue]
    ) throws -> TransferSource? {
      guard !sources.isEmpty else { return nil }
      return try TransferSource.open(
        sources.map { URL(fileURLWithPath: $0) }, for: type, changes: changes,
        say: { standardError("\($0)\n") })
    }
  }

  /// What is measured while training.
  struct Validation: ParsableArguments {
    @Option(
      help: ArgumentHelp(
        "Measure on the validation part every so many steps, or minutes as in 10min; the best checkpoint is kept.",
        valueName: "steps"))
    var validateEvery: String?

    @Option(
      help: ArgumentHelp(
        "End training after so many measurements without an improvement.", valueName: "measurements"))
    var patience: Int?

    @Option(
      help: ArgumentHelp(
        """
        The number that decides what is best, by its id (default: the Fréchet distance, else the first number that has \
        a better direction).
        """, valueName: "number"))
    var validateBy: String?

    @Option(
      parsing: .singleValue,
      help: ArgumentHelp(
        "Only this measure of `atelier evaluate`, with its settings; may be given several times.",
        valueName: "measure"))
    var validateMeasure: [String] = []

    @Option(help: "Generated samples, or translated images, of each measurement (default: 500).")
    var validateSamples: Int?

    func validate() throws {
      if let every = validateEvery, Self.interval(every) == nil {
        throw ValidationError(
          "--validate-every takes steps, as in 500, or minutes, as in 10min, not '\(every)'.")
      }
    }

    private static func interval(_ text: String) -> (steps: Int?, seconds: Double?)? {
      if let steps = Int(text), steps > 0 { return (steps, nil) }
      guard text.hasSuffix("min"), let minutes = Double(text.dropLast(3)), minutes > 0, minutes.isFinite
      else { return nil }
      return (nil, minutes * 60)
    }

    /// Changes what the options say of measuring by what is given here.
    func apply(to options: inout TrainingOptions) throws {
      let given: [(String, Bool)] = [
        ("--patience", patience != nil), ("--validate-by", validateBy != nil),
        ("--validate-measure", !validateMeasure.isEmpty), ("--validate-samples", validateSamples != nil),
      ]
      let interval = validateEvery.flatMap(Self.interval)
      guard interval != nil || options.validation != nil else {
        if let first = given.first(where: \.1) {
          throw Refusal.usage("\(first.0) says how training is measured; say how often with --validate-every")
        }
        return
      }
      var policy = options.validation ?? ValidationPolicy()
      if let interval { (policy.steps, policy.seconds) = interval }
      if let patience { policy.patience = patience }
      if let validateBy { policy.number = validateBy }
      if !validateMeasure.isEmpty { policy.measures = validateMeasure }
      if let validateSamples { policy.samples = validateSamples }
      options.validation = policy
    }
  }
}

/// Which of two images is the condition.
enum PairDirection: String, CaseIterable, ExpressibleByArgument {
  case forwards = "AtoB"
  case backwards = "BtoA"
}

extension ImageDerivation: ExpressibleByArgument {
  init?(argument: String) { self.init(parsing: argument) }
}
extension SampleScale: ExpressibleByArgument {
  init?(argument: String) { self.init(parsing: argument) }
}
extension TrainingPrecision: ExpressibleByArgument {}
extension HealthPolicy.Reaction: ExpressibleByArgument {}
extension CorruptImagePolicy: ExpressibleByArgument {}
extension ImagePreparation.Fit: ExpressibleByArgument {}
extension AlphaTreatment: ExpressibleByArgument {}
extension ScriptedSegmenter.InputRange: ExpressibleByArgument {}
extension ImageFormat: ExpressibleByArgument {}
extension SearchMethod: ExpressibleByArgument {}
