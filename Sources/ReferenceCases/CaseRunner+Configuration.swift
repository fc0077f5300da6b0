import AtelierCore

extension CaseRunner {
  /// The configuration's keys that a check changes: those of the case and, for training, of the optimiser.
  func changes(
    of check: ReferenceCase.Check, _ reference: ReferenceCase, _ configuration: some SystemConfiguration
  ) throws -> [String: ConfigurationValue] {
    var changes = try Self.leavingOutUnnamedTerms(reference, of: configuration)
    guard check.kind == "train" else { return changes }
    if let optimizer = check.settings["optimizer"] {
      try changes.merge(Self.changes(for: optimizer, in: configuration, check: check)) { _, new in new }
    }
    if let decay = check.settings["averageDecay"] { changes["averageDecay"] = decay }
    // What a training check says beside its optimiser are choices of its own, such as one of two losses.
    let parameters = try ReferenceCase.table(check.settings["parameters"] ?? .table([:]), "parameters")
    return changes.merging(parameters) { _, new in new }
  }

  /// The case's configuration, in which a factor of a loss term that it does not name is 0: a key that a case
  /// lacks is a choice that its authors' program did not make, and not this program's default.
  ///
  /// Terms whose values the case expects keep their factor, and so do cases that do not train.
  private static func leavingOutUnnamedTerms(
    _ reference: ReferenceCase, of defaults: some SystemConfiguration
  ) throws -> [String: ConfigurationValue] {
    var changes = VoiceCases.configuration(of: reference, knowing: defaults.keys)
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
      } else if setting == "name", value == .string("adamw"), known.contains("updateRule") {
        changes["updateRule"] = "adamW"
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
