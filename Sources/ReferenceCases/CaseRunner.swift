public import AtelierCore
import AtelierData
import AtelierMetrics
import AtelierModels
public import Foundation
import Perception
import Torch
import TorchNN

/// Repeats a reference case with the registered systems and compares.
///
/// Nothing is defined here: networks, losses, the order of updates and measures are those that
/// `atelier train` and `atelier evaluate` use; only the random draws and the batches are recorded ones. The
/// runner knows forward passes, training, tokens, losses and measures; whatever else a check asks for, the
/// system answers (``AtelierCore/ReferenceAnswering``), and what no one answers fails.
public struct CaseRunner {
  private let registry: SystemRegistry

  /// A runner for the systems of a registry.
  public init(registry: SystemRegistry) { self.registry = registry }

  /// Runs every check of a case; whatever goes wrong becomes a failed result, never a skip.
  public func run(folder: URL) -> [CheckResult] {
    let reference: ReferenceCase
    do {
      reference = try ReferenceCase(folder: folder)
    } catch {
      return [
        CheckResult(
          caseName: folder.lastPathComponent, check: "reading the case", comparisons: [], problem: "\(error)")
      ]
    }
    var results = reference.checks.map { check in
      do {
        let comparisons = try withTensorErrors { try run(check, of: reference) }
        return CheckResult(
          caseName: reference.name, check: check.name, comparisons: comparisons, problem: nil)
      } catch {
        return CheckResult(caseName: reference.name, check: check.name, comparisons: [], problem: "\(error)")
      }
    }
    let left = reference.unreferenced
    if !left.isEmpty {
      results.append(
        CheckResult(
          caseName: reference.name, check: "all tensors used", comparisons: [],
          problem: "no check reads or expects \(left.joined(separator: ", "))"))
    }
    return results
  }

  private func run(_ check: ReferenceCase.Check, of reference: ReferenceCase) throws -> [Comparison] {
    switch reference.system {
    case "metrics":
      return try metric(check, of: reference)
    case "gan-losses":
      return try loss(check, of: reference)
    default:
      return try run(check, of: reference, type: registry.system(named: reference.system))
    }
  }

  // MARK: Systems

  private func run<System: GenerativeSystem>(
    _ check: ReferenceCase.Check, of reference: ReferenceCase, type: System.Type
  ) throws -> [Comparison] {
    let changes = try changes(of: check, reference, System.Configuration())
    let isTraining = check.kind == "train"
    if check.kind == "neighbours" {
      return try neighbours(check, of: reference, System.Configuration().overlaid(with: changes))
    }
    if !isTraining, let type = System.self as? any ReferenceAnswering.Type,
      let answer = try answer(of: type, changes, to: check, reference)
    {
      return try compare(check.outputs, answer, check, reference)
    }
    let system = try build(System.self, changes, reference, for: check)
    let answering = system as? any ReferenceAnswering
    if !isTraining, let answering {
      if check.question.mode != nil { try setMode(check, system.networks.map(\.module)) }
      if let answer = try answering.answer(check.question, reference.values(of: check)) {
        return try compare(check.outputs, answer, check, reference)
      }
    }
    switch check.kind {
    case "forward": return try forward(check, of: reference, system: system)
    case "train":
      let inputs = try reference.tensors(of: check)
      let source = try answering.flatMap { try recorded(inputs, $0) }
      return try train(check, of: reference, system: system, inputs, source)
    case "generate": return try generate(check, of: reference, system: system)
    case "metric": return try metric(check, of: reference)
    default: throw CaseError("\(reference.system) does not answer checks of the kind '\(check.kind)'")
    }
  }

  /// What a system answers without its networks.
  private func answer<System: ReferenceAnswering>(
    of type: System.Type, _ changes: [String: ConfigurationValue], to check: ReferenceCase.Check,
    _ reference: ReferenceCase
  ) throws -> [String: CaseValue]? {
    try type.answer(
      check.question, reference.values(of: check),
      configuration: System.Configuration().overlaid(with: changes))
  }

  private func recorded<System: ReferenceAnswering>(
    _ inputs: [String: Tensor], _ system: System
  ) throws -> (any BatchSource)? {
    try System.recordedSource(inputs, configuration: system.configuration)
  }

  /// The configuration's keys that a check changes: those of the case and, for training, of the optimiser.
  private func changes(
    of check: ReferenceCase.Check, _ reference: ReferenceCase, _ configuration: some SystemConfiguration
  ) throws -> [String: ConfigurationValue] {
    var changes = try Self.leavingOutUnnamedTerms(reference, of: configuration)
    guard check.kind == "train" else { return changes }
    if let optimizer = check.settings["optimizer"] {
      try changes.merge(Self.changes(for: optimizer, in: configuration, check: check)) { _, new in new }
    }
    if let decay = check.settings["averageDecay"] { changes["averageDecay"] = decay }
    return changes
  }

  /// Refuses what a check says beyond what its kind means here.
  private func allow(
    _ check: ReferenceCase.Check, network: Bool = false, part: Bool = false, settings: Set<String>
  ) throws {
    try check.question.refuseSettings(knowing: settings)
    for (key, value, isKnown) in [
      ("network", check.question.network, network), ("part", check.question.part, part),
    ] where value != nil && !isKnown {
      throw CaseError("the check '\(check.name)' names a \(key), which a check of its kind has none of")
    }
    if let text = check.texts.keys.min() {
      throw CaseError("the check '\(check.name)' has the texts '\(text)', which no one answers")
    }
  }

  /// The case's configuration, in which a factor of a loss term that it does not name is 0: a key that a case
  /// lacks is a choice that its authors' program did not make, and not this program's default.
  ///
  /// Terms whose values the case expects keep their factor, and so do cases that do not train.
  private static func leavingOutUnnamedTerms(
    _ reference: ReferenceCase, of defaults: some SystemConfiguration
  ) throws -> [String: ConfigurationValue] {
    var changes = reference.configuration
    guard case .table(let known)? = try defaults.values()["weights"],
      reference.checks.contains(where: { $0.kind == "train" })
    else { return changes }
    let expected = Set(reference.checks.flatMap(\.losses.keys))
    var named = try ReferenceCase.table(changes["weights"] ?? .table([:]), "weights")
    for term in Self.lossTerms where known[term] != nil && [nil, .null].contains(named[term]) {
      let isExpected = Self.domains.contains { expected.contains(term + $0) }
      named[term] = isExpected ? known[term] : .integer(0)
    }
    changes["weights"] = .table(named)
    return changes
  }

  /// The factors that CONFIGURATION-pictures.md lists.
  private static let lossTerms = [
    "adversarial", "l1", "cycle", "identity", "featureMatching", "perceptual", "kl", "klCycle", "labelMix",
    "reconstruction", "content", "style", "pixel", "flow", "temporal",
  ]
  /// What follows a term's name where it belongs to a domain or a direction.
  private static let domains = ["", "A", "B", "AB", "BA", "ABA", "BAB"]

  private func build<System: GenerativeSystem>(
    _ type: System.Type, _ changes: [String: ConfigurationValue], _ reference: ReferenceCase,
    for check: ReferenceCase.Check
  ) throws -> System {
    let configuration = try System.Configuration().overlaid(with: changes)
    try configuration.validate()
    let system = try System(configuration, artefacts: Artefacts(), using: RandomStream(seed: 0))
    for (name, source) in reference.weights {
      if case .package(let package, let file) = source {
        // Only a check that asks for this network cannot do without it.
        guard check.question.network != name else {
          throw CaseError(
            "the weights of '\(name)' are \(file) of the package \(package), which is not read here")
        }
      } else if let (network, average) = system.average(named: name) {
        guard case .file(let file) = source else {
          throw CaseError("the weights of the average '\(name)' are not in a file")
        }
        let theirs = try reference.stateDictionary(file)
        try average.load(
          network.authorsNames.translate(theirs, toOurs: true, source: file.lastPathComponent),
          from: file.lastPathComponent)
      } else if let network = system.network(name) {
        try load(source, into: network, reference)
      } else {
        throw CaseError("\(reference.system) has no network '\(name)'")
      }
    }
    return system
  }

  private func load(
    _ source: ReferenceCase.WeightSource, into network: Network, _ reference: ReferenceCase
  ) throws {
    let frozen = network.module as? PerceptionNetwork
    switch source {
    case .file(let file):
      let theirs = try reference.stateDictionary(file)
      if let frozen {
        try frozen.fill(
          with: network.authorsNames.translate(theirs, toOurs: true, source: file.lastPathComponent),
          from: file.lastPathComponent)
      } else {
        try network.loadAuthorsWeights(theirs, from: file.lastPathComponent)
      }
    case .drawn(let seed, let gain):
      guard let frozen else {
        throw CaseError("the weights of '\(network.name)' are drawn, but it is no perception network")
      }
      frozen.drawWeights(seed: seed, gain: gain)
    case .package(let package, let file):
      throw CaseError(
        "the weights of '\(network.name)' are \(file) of the package \(package), which is not read here")
    }
  }

  private func forward(
    _ check: ReferenceCase.Check, of reference: ReferenceCase, system: any GenerativeSystem
  ) throws -> [Comparison] {
    try allow(check, network: true, part: true, settings: ["select"])
    guard let name = check.question.network else {
      throw CaseError(
        "the check '\(check.name)' names no network, and \(reference.system) does not answer it")
    }
    let inputs = try reference.tensors(of: check)
    var part = check.question.part
    let averaged = system.average(named: name)
    var found = averaged?.network ?? system.network(name)
    if found == nil, part == nil, let first = system.networks.first {
      // A network that the authors keep inside another one, as sean's generator its style encoder.
      (found, part) = (first, name)
    }
    guard let network = found else {
      throw CaseError("there is no network '\(name)', and \(reference.system) does not answer for it")
    }
    // A generator's forward pass may run an encoder beside it.
    try setMode(check, system.networks.map(\.module))
    func run() throws -> [String: Tensor] { try withoutGradients { try network.forward(part, inputs) } }
    var actual = try averaged.map { try $0.average.applied(run) } ?? run()
    for (output, rule) in try ReferenceCase.table(check.settings["select"] ?? .table([:]), "select") {
      guard let whole = actual[output] else {
        throw CaseError("'select' names '\(output)', which was not computed")
      }
      actual[output] = try Self.selected(whole, rule)
    }
    return try compare(check.outputs, actual, check, reference)
  }

  /// What a case stored of an output: `channels ::8` is every eighth channel; a text that says "all
  /// channels" leaves the output as it is; a table has `rows` and `columns`, each `[first, every]`.
  private static func selected(_ tensor: Tensor, _ rule: ConfigurationValue) throws -> Tensor {
    let misunderstood = CaseError("the selection '\(rule)' is not understood")
    switch rule {
    case .string(let text) where text.hasSuffix("all channels"): return tensor
    case .string(let text):
      let parts = text.split(separator: " ")
      let bounds = parts.last?.split(separator: ":", omittingEmptySubsequences: false).map(String.init) ?? []
      guard parts.count == 2, parts[0] == "channels", (2...3).contains(bounds.count), tensor.rank >= 2,
        bounds.allSatisfy({ $0.isEmpty || (Int($0) ?? -1) >= 0 })
      else { throw misunderstood }
      let end = min(Int(bounds[1]) ?? tensor.shape[1], tensor.shape[1])
      return try selected(
        tensor, dim: 1, from: Int(bounds[0]) ?? 0, to: end, step: bounds.count == 3 ? Int(bounds[2]) ?? 1 : 1)
    case .table(let table):
      try ReferenceCase.refuseUnknown(table.keys, ["rows", "columns"], "the selection")
      guard tensor.rank >= 2 else { throw misunderstood }
      var result = tensor
      for (key, dim) in [("rows", tensor.rank - 2), ("columns", tensor.rank - 1)] {
        guard let bounds = table[key] else { continue }
        guard case .list(let list) = bounds, list.count == 2, case .integer(let first) = list[0],
          case .integer(let step) = list[1], first >= 0
        else { throw misunderstood }
        result = try selected(result, dim: dim, from: first, to: tensor.shape[dim], step: step)
      }
      return result
    default: throw misunderstood
    }
  }

  private static func selected(
    _ tensor: Tensor, dim: Int, from: Int, to: Int, step: Int
  ) throws -> Tensor {
    guard step >= 1, from < to else {
      throw CaseError("a selection from \(from) by steps of \(step) selects nothing of \(tensor.shape)")
    }
    return tensor.contiguous().indexSelected(dim, Tensor(Array(stride(from: from, to: to, by: step))))
  }

  private func train(
    _ check: ReferenceCase.Check, of reference: ReferenceCase, system: any GenerativeSystem,
    _ inputs: [String: Tensor], _ recorded: (any BatchSource)?
  ) throws -> [Comparison] {
    try allow(
      check, settings: ["steps", "optimizer", "weightsAfterOutliers", "lossesPer", "averageDecay"])
    let steps = Int(try ReferenceCase.number(check.settings["steps"], "steps"))
    guard steps > 0, !check.losses.isEmpty, !check.weightsAfter.isEmpty else {
      throw CaseError("a training check needs steps, losses and weightsAfter")
    }
    let perEvaluation = try isPerEvaluation(check.settings["lossesPer"])
    // Training is in training mode where the check does not say otherwise.
    setMode(check.question.mode ?? .train, system.networks.map(\.module))
    var logged: [String: [Tensor]] = [:]
    for index in 0..<steps {
      let slices = recorded == nil ? try slice(inputs, index, steps) : [:]
      let step = TrainingStep(
        index: index, draws: RecordedDraws(slices), source: recorded ?? RecordedBatch(slices),
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

  private func generate(
    _ check: ReferenceCase.Check, of reference: ReferenceCase, system: any GenerativeSystem
  ) throws -> [Comparison] {
    try allow(check, network: true, settings: ["length", "temperature"])
    guard let language = system as? any LanguageSystem else {
      throw CaseError("\(reference.system) does not generate tokens")
    }
    try setMode(check, system.networks.map(\.module))
    var inputs = try reference.tensors(of: check)
    guard let start = inputs.removeValue(forKey: "start") else {
      throw CaseError("the input 'start' is missing")
    }
    let length = Int(try ReferenceCase.number(check.settings["length"], "length"))
    let draws = try perToken(inputs, length)
    let tokens = try language.continuation(
      of: start, length: length,
      temperature: ReferenceCase.number(check.settings["temperature"] ?? .integer(1), "temperature"),
      draws: draws)
    return try compare(check.outputs, ["token": tokens], check, reference)
  }

  // MARK: Losses and metrics

  private func loss(_ check: ReferenceCase.Check, of reference: ReferenceCase) throws -> [Comparison] {
    guard check.kind == "loss" else { throw CaseError("gan-losses has checks of kind 'loss' only") }
    var settings = check.settings
    let name = try ReferenceCase.string(settings.removeValue(forKey: "loss"), "loss")
    let side = try settings.removeValue(forKey: "side").map { try ReferenceCase.string($0, "side") }
    guard check.question.part == nil, check.texts.isEmpty else {
      throw CaseError("the loss '\(name)' has neither parts nor texts")
    }
    let configuration = reference.configuration
    let model = try ReferenceCase.string(configuration["model"], "model")
    if let asked = check.question.network {
      guard model == "penalties" else { throw CaseError("only the model 'penalties' has networks") }
      let network = try LossRegistry.discriminator(for: configuration, using: RandomStream(seed: 0))
      for (name, source) in reference.weights {
        guard name == network.name else { throw CaseError("the model 'penalties' has no network '\(name)'") }
        try load(source, into: network, reference)
      }
      guard asked == network.name else { throw CaseError("there is no network '\(asked)'") }
      try setMode(check, [network.module])
      return try evaluate(name, side, settings, network, check, reference)
    }
    guard model == "losses" else { throw CaseError("the model '\(model)' is unknown to gan-losses") }
    try ReferenceCase.refuseUnknown(
      configuration.keys, ["model", "classes", "batchSize", "featureSize"], "the configuration")
    return try evaluate(name, side, settings, nil, check, reference)
  }

  private func evaluate(
    _ name: String, _ side: String?, _ settings: [String: ConfigurationValue], _ network: Network?,
    _ check: ReferenceCase.Check, _ reference: ReferenceCase
  ) throws -> [Comparison] {
    let inputs = try reference.tensors(of: check)
    let differentiable = inputs.filter { $0.value.dtype.isFloatingPoint && network == nil }
    for tensor in differentiable.values { tensor.requiresGradient = true }
    let value = try LossRegistry.evaluate(
      name, side: side, inputs: inputs, parameters: settings,
      discriminator: network.map { network in { try network.forward(nil, ["image": $0]).required("score") } })
    var actual = ["loss": value.detached()]
    if let network {
      let parameters = network.module.namedParameters()
      let derivatives = gradients(of: value, withRespectTo: parameters.map(\.tensor), allowUnused: true)
      for (parameter, derivative) in zip(parameters, derivatives) {
        actual["gradient.\(network.authorsNames.authorsName(for: parameter.name))"] = derivative
      }
    } else {
      let ordered = differentiable.sorted { $0.key < $1.key }
      let derivatives = gradients(of: value, withRespectTo: ordered.map(\.value), allowUnused: true)
      for (input, derivative) in zip(ordered, derivatives) { actual["gradient.\(input.key)"] = derivative }
    }
    return try compare(check.outputs, actual, check, reference)
  }

  private func metric(_ check: ReferenceCase.Check, of reference: ReferenceCase) throws -> [Comparison] {
    guard check.kind == "metric" else { throw CaseError("metrics has checks of kind 'metric' only") }
    try allow(check, settings: ["metric", "parameters"])
    if reference.configuration["group"] == .string("perceptual") {
      return try perceptual(check, of: reference)
    }
    if reference.system == "metrics" {
      try ReferenceCase.refuseUnknown(
        reference.configuration.keys,
        ["group", "instances", "featureSize", "imageSize", "imageChannels", "classes"], "the configuration")
    }
    let name = try ReferenceCase.string(check.settings["metric"], "metric")
    let parameters = try ReferenceCase.table(check.settings["parameters"] ?? .table([:]), "parameters")
    let data = try JSONEncoder().encode(parameters)
    let actual = try MetricRegistry.run(
      name, inputs: try reference.tensors(of: check),
      parameters: try JSONDecoder().decode([String: MetricParameter].self, from: data))
    return try compare(check.outputs, actual, check, reference)
  }
}

// MARK: - Comparing

extension CaseRunner {
  func compare(
    _ expected: [String: String], _ answer: [String: CaseValue], _ check: ReferenceCase.Check,
    _ reference: ReferenceCase
  ) throws -> [Comparison] {
    // Only what is compared must be a tensor.
    try compare(expected, answer.filter { expected[$0.key] != nil }.tensors(), check, reference)
  }

  func compare(
    _ expected: [String: String], _ actual: [String: Tensor], _ check: ReferenceCase.Check,
    _ reference: ReferenceCase, tolerance: Tolerance? = nil
  ) throws -> [Comparison] {
    try expected.sorted { $0.key < $1.key }.map { name, file in
      guard let tensor = actual[name] else {
        throw CaseError(
          "nothing was computed for '\(name)'; there is \(actual.keys.sorted().joined(separator: ", "))")
      }
      guard let value = reference.tensors[file] else {
        throw CaseError("the tensor '\(file)' is not in the case's tensor file")
      }
      // Values computed in float64 are compared with the float32 that the file holds.
      return Comparison(name, actual: tensor.host(), expected: value, tolerance: tolerance ?? check.tolerance)
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

  private func setMode(_ check: ReferenceCase.Check, _ modules: [Module]) throws {
    guard let mode = check.question.mode else {
      throw CaseError("the check '\(check.name)' lacks 'mode'; it is train or eval")
    }
    setMode(mode, modules)
  }

  private func setMode(_ mode: ReferenceCheck.Mode, _ modules: [Module]) {
    for module in modules { if mode == .train { module.train() } else { module.eval() } }
  }

  private func slice(_ inputs: [String: Tensor], _ index: Int, _ steps: Int) throws -> [String: Tensor] {
    for (name, tensor) in inputs where tensor.shape.first != steps {
      throw CaseError("the input '\(name)' has the shape \(tensor.shape), not \(steps) steps in front")
    }
    return inputs.mapValues { $0.selected(dim: 0, index: index) }
  }

  private func perToken(_ inputs: [String: Tensor], _ length: Int) throws -> any Draws {
    for (name, tensor) in inputs where tensor.shape.first != length {
      throw CaseError(
        "the input '\(name)' has the shape \(tensor.shape), not one row for each of \(length) tokens")
    }
    return RecordedDraws(
      inputs.mapValues { tensor in (0..<length).map { tensor.selected(dim: 0, index: $0) } })
  }
}

// MARK: - Settings of an optimiser as configuration keys

extension CaseRunner {
  /// The configuration keys that a check's `optimizer` stands for.
  ///
  /// A setting that the system has no key for must be the one the system is known to use, or the check
  /// fails: it would otherwise compare another optimiser's steps.
  static func changes(
    for optimizer: ConfigurationValue, in configuration: some SystemConfiguration, check: ReferenceCase.Check
  ) throws -> [String: ConfigurationValue] {
    let settings = try ReferenceCase.table(optimizer, "optimizer")
    let nested = settings.values.contains { if case .table = $0 { true } else { false } }
    guard nested else { return try changes(for: settings, network: nil, in: configuration) }
    var changes: [String: ConfigurationValue] = [:]
    for (network, value) in settings.sorted(by: { $0.key < $1.key }) {
      let table = try ReferenceCase.table(value, "optimizer.\(network)")
      for (key, value) in try self.changes(for: table, network: network, in: configuration) {
        if let other = changes[key], other != value {
          throw CaseError("the optimisers differ in '\(key)', of which this system's configuration has one")
        }
        changes[key] = value
      }
    }
    return changes
  }

  /// The keys of one optimiser; those with the network's name in front (`generatorLearningRate`) come first.
  private static func changes(
    for settings: [String: ConfigurationValue], network: String?, in configuration: some SystemConfiguration
  ) throws -> [String: ConfigurationValue] {
    let known = Set(configuration.keys)
    let names = ["name": "optimizer", "epsilon": "adamEpsilon"]
    var changes: [String: ConfigurationValue] = [:]
    for (setting, value) in settings {
      let key = names[setting] ?? setting
      let own = network.map { $0 + key.prefix(1).uppercased() + key.dropFirst() }
      if let own, known.contains(own) {
        changes[own] = value
      } else if known.contains(key) {
        changes[key] = value
      } else if !isUsual(setting, value) {
        throw CaseError(
          "the optimiser's setting '\(setting)' = \(value) has no key in this system's configuration")
      }
    }
    return changes
  }

  private static func isUsual(_ setting: String, _ value: ConfigurationValue) -> Bool {
    switch setting {
    case "name": value == .string("adam")
    case "epsilon": value == .number(1e-8)
    case "weightDecay", "momentum": value == .integer(0) || value == .number(0)
    default: false
    }
  }
}

/// One recorded batch; a step that asks for a second one is told so.
private final class RecordedBatch: BatchSource {
  private let tensors: [String: Tensor]
  private var isTaken = false

  init(_ tensors: [String: Tensor]) { self.tensors = tensors }

  func next() throws -> Batch {
    guard !isTaken else { throw CaseError("the step asked for more batches than the case recorded") }
    isTaken = true
    return Batch(tensors)
  }
}
