public import AtelierData
import Torch

// What a request holds against what a system takes.

extension FieldKind {
  /// The shapes that a tensor of this kind may have in a request; nil where any length will do. Images and
  /// maps have any height and width, because systems bring them to their own.
  package var shapes: [[Int?]] {
    switch self {
    case .image(let channels, _, _, _): [[nil, channels, nil, nil]]
    case .labelMap: [[nil, nil, nil]]
    case .labelMaps: [[nil, nil, nil, nil]]
    case .label: [[nil]]
    case .tokens, .sequence, .labels: [[nil, nil]]
    case .audio(let channels, _, _): [[nil, channels, nil]]
    case .video(_, let channels, _, _, _): [[nil, nil, channels, nil, nil]]
    case .features(let size): [[nil, size]]
    case .spectrogram(let bands, _): [[nil, bands, nil]]
    case .text: []
    }
  }
}

extension Condition.Kind {
  /// The shapes that a tensor may have; none for what is no tensor.
  fileprivate var shapes: [[Int?]] {
    switch self {
    case .field(let kind): kind.shapes
    case .tensor(let shapes): shapes
    case .label, .text: []
    }
  }
}

extension SystemPlan {
  /// Refuses a request whose conditions or settings of drawing the system does not have, lacks or cannot take.
  ///
  /// - Parameter system: the system's name, for the error.
  /// - Throws: ``ConfigurationError`` that names the condition or the settings, and what would do.
  public func check(_ request: Request, for system: String) throws(ConfigurationError) {
    guard request.count >= 1 else {
      throw ConfigurationError("a request is for at least 1 output, not \(request.count)")
    }
    try check(request.conditions, for: system)
    try check(request.sampling, for: system)
  }

  /// Refuses conditions that the system does not have, lacks or cannot take.
  func check(_ values: [String: ConditionValue], for system: String) throws(ConfigurationError) {
    for (name, value) in values.sorted(by: { $0.key < $1.key }) {
      try check(value, as: name, for: system)
    }
    let sources = Set((ability(ImageTranslation.self)?.directions ?? []).map(\.source))
    let given = sources.filter { values[$0] != nil }.sorted()
    guard sources.isEmpty || given.count == 1 else {
      let wanted = sources.sorted().map { "'\($0)'" }.joined(separator: " or ")
      let areMaps = sources.allSatisfy { source in
        if case .field(.labelMap)? = condition(source)?.kind { true } else { false }
      }
      throw ConfigurationError(
        given.isEmpty
          ? "the condition \(wanted) is missing; \(system) starts from \(areMaps ? "label maps" : "images")"
          : "\(system) takes one of the conditions \(wanted) in a request, not both")
    }
    for condition in conditions where condition.isRequired && values[condition.name] == nil {
      throw ConfigurationError("the condition '\(condition.name)' of \(system) is missing: \(condition.help)")
    }
  }

  /// The settings of drawing with some values replaced.
  ///
  /// - Parameter system: the system's name, for the error.
  /// - Throws: ``ConfigurationError`` that names a key that the plan's settings do not have, or a value that does
  ///   not fit its key.
  public func sampling(
    changing changes: [String: ConfigurationValue], for system: String
  ) throws(ConfigurationError) -> any Settings {
    let known = sampling.keys
    for key in changes.keys.sorted() where !known.contains(key) {
      throw ConfigurationError(
        "\(system) has no setting of drawing '\(key)'; "
          + (known.isEmpty ? "it has none" : "it has \(known.joined(separator: ", "))"))
    }
    let changed: any Settings = try sampling.overlaid(with: changes)
    try check(changed, for: system)
    return changed
  }

  /// Refuses settings that are not the plan's, or have values that cannot be drawn with.
  private func check(_ sampling: any Settings, for system: String) throws(ConfigurationError) {
    guard !(sampling is NoSettings) else { return }
    guard type(of: sampling) == type(of: self.sampling) else {
      let known = self.sampling.keys
      throw ConfigurationError(
        "\(system) has "
          + (known.isEmpty ? "no settings of drawing" : "the settings of drawing \(Self.list(known))")
          + ", and the request has \(Self.list(sampling.keys))")
    }
    try sampling.validate()
    if let latent = sampling as? LatentSampling, latent.truncation != nil,
      ability(LatentDecoding.self)?.distribution != .normal
    {
      throw ConfigurationError(
        "the latent vectors of \(system) are not normally distributed; leave 'truncation' out")
    }
  }

  private func check(
    _ value: ConditionValue, as name: String, for system: String
  ) throws(ConfigurationError) {
    switch value {
    case .tensor(let tensor):
      guard let condition = condition(name), !condition.kind.shapes.isEmpty else {
        throw unknownTensor(name, for: system)
      }
      let shape = tensor.shape
      guard !shape.contains(0), condition.kind.shapes.contains(where: { Self.fits(shape, $0) }) else {
        let wanted = condition.kind.shapes.map(Self.text).joined(separator: " or ")
        throw ConfigurationError(
          "the condition '\(name)' of \(system) has the shape \(wanted), not \(shape)")
      }
    case .labels(let labels):
      guard case .label(let classes)? = condition(name)?.kind else {
        throw unfit(name, "classes", for: system, otherwise: "has no classes, and the request names some")
      }
      guard !labels.isEmpty else {
        throw ConfigurationError(
          "the condition '\(name)' of \(system) names no class; leave it out or name one")
      }
      if let wrong = labels.first(where: { !(0..<classes).contains($0) }) {
        throw ConfigurationError(
          "there is no class \(wrong) for the condition '\(name)' of \(system); the classes are 0 … \(classes - 1)"
        )
      }
    case .text:
      guard let kind = condition(name)?.kind, kind == .text || kind == .field(.text) else {
        throw unfit(
          name, "text", for: system, otherwise: "goes on from no text, and the request has a \(name)")
      }
    }
  }

  /// What is wrong with a condition of another kind, or one that the system does not have.
  private func unfit(
    _ name: String, _ what: String, for system: String, otherwise sentence: String
  ) -> ConfigurationError {
    let isKind = conditions.contains { condition in
      switch condition.kind {
      case .label: what == "classes"
      case .text: what == "text"
      case .field(let kind): what == "text" && kind == .text
      case .tensor: false
      }
    }
    if condition(name) != nil {
      return ConfigurationError(
        "the condition '\(name)' of \(system) is a tensor or of another kind, not \(what)")
    }
    guard isKind else { return ConfigurationError("\(system) \(sentence)") }
    return ConfigurationError(
      "\(system) has no condition '\(name)'; it has \(Self.list(conditions.map(\.name)))")
  }

  private func unknownTensor(_ name: String, for system: String) -> ConfigurationError {
    let known = conditions.filter { !$0.kind.shapes.isEmpty }.map(\.name)
    return ConfigurationError(
      known.isEmpty
        ? "\(system) takes no tensors as conditions; leave '\(name)' out"
        : "\(system) has no condition '\(name)' that is a tensor; it has \(Self.list(known))")
  }

  private static func list(_ words: [String]) -> String { words.joined(separator: ", ") }

  private static func fits(_ shape: [Int], _ wanted: [Int?]) -> Bool {
    shape.count == wanted.count && zip(shape, wanted).allSatisfy { $1 == nil || $0 == $1 }
  }

  private static func text(_ shape: [Int?]) -> String {
    "[" + shape.map { $0.map(String.init) ?? "any" }.joined(separator: ", ") + "]"
  }
}

extension GenerativeSystem {
  /// Generates for a request, after its conditions and settings were checked against the plan, in drawing mode
  /// (``drawing(_:)``); may hand out its result piece by piece.
  ///
  /// - Throws: ``ConfigurationError`` for conditions that are missing, unknown or of a wrong shape, and for other
  ///   settings than the plan's; see ``SystemPlan/check(_:for:)``.
  public func draw(_ request: Request, emit: (Output) throws -> Void) throws {
    let plan = self.plan
    try plan.check(request, for: Self.identity.name)
    var complete = request
    if complete.sampling is NoSettings { complete.sampling = plan.sampling }
    try drawing {
      try generate(complete) { output in
        check(
          plan.outputs.contains { $0.name == output.field },
          "\(Self.identity.name) gave '\(output.field)', which its plan does not have as an output")
        try emit(output)
      }
    }
  }
}
