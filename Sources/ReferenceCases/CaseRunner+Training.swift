import AtelierCore
import Torch
import TorchNN

extension CaseRunner {
  /// The losses of recorded steps, and the weights after them.
  func train(
    _ check: ReferenceCase.Check, of reference: ReferenceCase, system: any GenerativeSystem,
    _ inputs: [String: Tensor], _ recorded: (any BatchSource)?
  ) throws -> [Comparison] {
    let steps = try steps(of: check, reference)
    let perEvaluation = try isPerEvaluation(check.settings["lossesPer"])
    // Training is in training mode where the check does not say otherwise.
    setMode(check.question.mode ?? .train, system.networks.map(\.module))
    var logged: [String: [Tensor]] = [:]
    for index in 0..<steps {
      let slices = recorded == nil ? try slice(inputs, index, steps) : [:]
      let step = TrainingStep(
        index: index, draws: RecordedDraws(slices), source: recorded ?? RecordedBatches([Batch(slices)]),
        isObserved: false)
      // Twenty iterations of L-BFGS make a whole step out of a rounding error where two values of a pool are
      // nearly equal; the recorded ones were made without oneDNN.
      if perEvaluation {
        try Engine.withoutOneDNN { try step.run(system.step) }
      } else {
        try step.run(system.step)
      }
      let names = step.logged.map(\.name)
      if !perEvaluation, let twice = names.first(where: { name in names.filter { $0 == name }.count > 1 }) {
        throw CaseError("the loss '\(twice)' was logged more than once in a step; is it per evaluation?")
      }
      for (name, value) in step.logged { logged[name, default: []].append(value) }
    }
    return try compare(logged, check, of: reference, system: system)
  }

  /// The same for steps of the system that are several of the case's.
  func train(
    _ check: ReferenceCase.Check, of reference: ReferenceCase, system: any GenerativeSystem,
    _ recorded: [RecordedStep]
  ) throws -> [Comparison] {
    let steps = try steps(of: check, reference)
    setMode(check.question.mode ?? .train, system.networks.map(\.module))
    var logged: [String: [Tensor]] = [:]
    for (index, own) in recorded.enumerated() {
      let draws = RecordedDraws(own.draws)
      let step = TrainingStep(
        index: index, draws: draws, source: RecordedBatches(own.batches), isObserved: false)
      try step.run(system.step)
      guard draws.unused.isEmpty else {
        throw CaseError("the step left recorded draws unused: \(draws.unused.joined(separator: ", "))")
      }
      for (name, value) in step.logged { logged[name, default: []].append(value) }
    }
    if let (name, values) = logged.first(where: { $0.value.count != steps }) {
      throw CaseError("the loss '\(name)' was logged \(values.count) times in the \(steps) steps of the case")
    }
    return try compare(logged, check, of: reference, system: system)
  }

  private func steps(of check: ReferenceCase.Check, _ reference: ReferenceCase) throws -> Int {
    // Cases of talking faces name the expert that trains; their inputs tell it as well.
    try allow(
      check, part: reference.system == VoiceCases.faces,
      settings: ["steps", "optimizer", "weightsAfterOutliers", "lossesPer", "averageDecay", "parameters"])
    let steps = Int(try ReferenceCase.number(check.settings["steps"], "steps"))
    guard steps > 0, !check.losses.isEmpty, !check.weightsAfter.isEmpty else {
      throw CaseError("a training check needs steps, losses and weightsAfter")
    }
    return steps
  }

  private func compare(
    _ logged: [String: [Tensor]], _ check: ReferenceCase.Check, of reference: ReferenceCase,
    system: any GenerativeSystem
  ) throws -> [Comparison] {
    let losses = logged.mapValues { Tensor.stacked($0.map { $0.reshaped([]) }) }
    return try compare(check.losses, losses, check, reference, tolerance: check.lossTolerance)
      + weights(check, of: reference, system: system)
  }

  /// Whether losses are listed for each evaluation of an optimiser's closure, and not for each step.
  private func isPerEvaluation(_ value: ConfigurationValue?) throws -> Bool {
    switch value {
    case nil, .string("step")?: return false
    case .string("evaluation")?: return true
    default: throw CaseError("'lossesPer' is '\(value?.description ?? "")'; it is step or evaluation")
    }
  }

  private func weights(
    _ check: ReferenceCase.Check, of reference: ReferenceCase, system: any GenerativeSystem
  ) throws -> [Comparison] {
    let outliers = try check.settings["weightsAfterOutliers"].map {
      try ReferenceCase.number($0, "weightsAfterOutliers")
    }
    var comparisons: [Comparison] = []
    for (name, fileName) in check.weightsAfter.sorted(by: { $0.key < $1.key }) {
      let averaged = system.average(named: name)
      guard let network = averaged?.network ?? system.network(name) else {
        throw CaseError("there is no network '\(name)'")
      }
      let file = try ReferenceCase.file(fileName, in: reference.folder)
      let expected = try reference.stateDictionary(file)
      let actual = try network.authorsNames.translate(
        averaged?.average.state() ?? network.module.hostState(), toOurs: false, source: name)
      let table = Dictionary(actual.map { ($0.name, $0.tensor) }) { first, _ in first }
      if let extra = Set(table.keys).subtracting(expected.map(\.name)).sorted().first {
        throw CaseError("\(fileName) lacks '\(extra)', which the network has")
      }
      let noise = Set(check.noiseDriven[name] ?? [])
      if let unknown = noise.subtracting(table.keys).sorted().first {
        throw CaseError("'noiseDriven' names '\(unknown)', which the network '\(name)' lacks")
      }
      for (key, value) in expected {
        guard let ours = table[key] else { throw CaseError("the network '\(name)' has no '\(key)'") }
        let tolerance =
          noise.contains(key) ? try noiseTolerance(check, network: network.name) : check.tolerance
        comparisons.append(
          Comparison(
            "\(name).\(key) after training", actual: ours, expected: value, tolerance: tolerance,
            outliers: outliers ?? 0))
      }
    }
    return comparisons
  }

  /// What rounding alone can move an entry by: two full steps of the optimiser for every step taken.
  private func noiseTolerance(_ check: ReferenceCase.Check, network: String) throws -> Tolerance {
    var optimizer = try ReferenceCase.table(check.settings["optimizer"], "optimizer")
    if case .table(let own)? = optimizer[network] { optimizer = own }
    // Of two time scales the faster one bounds both.
    let rates = try ["learningRate", "generatorLearningRate", "discriminatorLearningRate"].compactMap { key in
      try optimizer[key].map { try ReferenceCase.number($0, "optimizer.\(key)") }
    }
    guard let rate = rates.max() else { throw CaseError("'optimizer.learningRate' is missing") }
    let steps = try ReferenceCase.number(check.settings["steps"], "steps")
    return Tolerance(
      relative: check.tolerance.relative, absolute: check.tolerance.absolute + 2 * steps * rate)
  }

  private func slice(_ inputs: [String: Tensor], _ index: Int, _ steps: Int) throws -> [String: Tensor] {
    for (name, tensor) in inputs where tensor.shape.first != steps {
      throw CaseError("the input '\(name)' has the shape \(tensor.shape), not \(steps) steps in front")
    }
    return inputs.mapValues { $0.selected(dim: 0, index: index) }
  }
}

/// Recorded batches; a step that asks for more is told so.
private final class RecordedBatches: BatchSource {
  private var batches: [Batch]

  init(_ batches: [Batch]) { self.batches = batches }

  func next() throws -> Batch {
    guard !batches.isEmpty else {
      throw CaseError("the step asked for more batches than the case recorded")
    }
    return batches.removeFirst()
  }
}
