import Atelier

/// What every job of `generate` starts from: the command, the model that it names, and where results go.
struct GenerateContext {
  let command: Generate
  let generator: Generator
  let results: ResultOptions

  var plan: SystemPlan { generator.plan }
  /// The system's name.
  var system: String { generator.description.system }
  /// The conditions and settings of drawing that the command names.
  var choices: DrawingChoices { DrawingChoices(command: command, generator: generator) }

  /// Whether there are inputs to start from, or nothing that a condition gives in their place.
  var startsFromInputs: Bool { !command.inputs.isEmpty || !choices.namesConditions }

  /// The names of the classes that outputs show: data may have classes that the system does not know.
  var classNames: [String] {
    classCount(of: generator.system) == nil && !plan.startsFromImages
      ? [] : generator.description.classNames
  }

  /// The ability for which a job applies.
  func ability<Wanted: Ability>() -> Wanted {
    guard let ability = plan.ability(Wanted.self) else {
      preconditionFailure("\(system) has no ability \(Wanted.self), so that the job does not apply")
    }
    return ability
  }

  /// - Parameters:
  ///   - command: as it was typed.
  ///   - generator: the model that it names.
  /// - Throws: what reading where the model comes from throws.
  init(_ command: Generate, _ generator: Generator) throws {
    (self.command, self.generator) = (command, generator)
    results = ResultOptions(
      output: command.output, folder: command.files, force: command.force,
      origin: command.provenance ? try generator.origin() : nil,
      marking: OutputMarking(command.mark, labels: command.label))
  }
}
