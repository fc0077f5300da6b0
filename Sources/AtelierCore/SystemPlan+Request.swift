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
    case .label: [[nil]]
    case .tokens, .sequence, .labels: [[nil, nil]]
    case .audio(let channels, _, _): [[nil, channels, nil]]
    case .video(_, let channels, _, _, _): [[nil, nil, channels, nil, nil]]
    case .features(let size): [[nil, size]]
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
  /// Refuses a request whose conditions the system does not have, lacks or cannot take.
  ///
  /// - Parameter system: the system's name, for the error.
  /// - Throws: ``ConfigurationError`` that names the condition and what would do.
  public func check(_ request: GenerationRequest, for system: String) throws(ConfigurationError) {
    for (name, tensor) in request.inputs.sorted(by: { $0.key < $1.key }) {
      guard let condition = condition(name), !condition.kind.shapes.isEmpty else {
        throw unknown(name, for: system)
      }
      let shape = tensor.shape
      guard !shape.contains(0), condition.kind.shapes.contains(where: { Self.fits(shape, $0) }) else {
        let wanted = condition.kind.shapes.map(Self.text).joined(separator: " or ")
        throw ConfigurationError(
          "the condition '\(name)' of \(system) has the shape \(wanted), not \(shape)")
      }
    }
    try checkClassesAndPrompt(request, for: system)
    let sources = Set((ability(ImageTranslation.self)?.directions ?? []).map(\.source))
    let given = sources.filter { request.inputs[$0] != nil }.sorted()
    guard sources.isEmpty || given.count == 1 else {
      let wanted = sources.sorted().map { "'\($0)'" }.joined(separator: " or ")
      throw ConfigurationError(
        given.isEmpty
          ? "the condition \(wanted) is missing; \(system) starts from pictures"
          : "\(system) takes one of the conditions \(wanted) in a request, not both")
    }
    for condition in conditions where condition.isRequired && !isGiven(condition, in: request) {
      throw ConfigurationError("the condition '\(condition.name)' of \(system) is missing: \(condition.help)")
    }
  }

  private func checkClassesAndPrompt(
    _ request: GenerationRequest, for system: String
  ) throws(ConfigurationError) {
    if let labels = request.labels {
      guard let name = classCondition, case .label(let classes)? = condition(name)?.kind else {
        throw ConfigurationError("\(system) has no classes, and the request names some")
      }
      if let wrong = labels.first(where: { !(0..<classes).contains($0) }) {
        throw ConfigurationError(
          "there is no class \(wrong) for the condition '\(name)' of \(system); the classes are 0 … \(classes - 1)"
        )
      }
    }
    if request.prompt != nil, !conditions.contains(where: { $0.kind == .text }) {
      throw ConfigurationError("\(system) goes on from no text, and the request has a prompt")
    }
  }

  /// The condition that classes of a request stand for.
  private var classCondition: String? {
    conditions.first {
      if case .label = $0.kind { true } else { false }
    }?.name
  }

  private func isGiven(_ condition: Condition, in request: GenerationRequest) -> Bool {
    switch condition.kind {
    case .field, .tensor: request.inputs[condition.name] != nil
    case .label: request.labels?.isEmpty == false
    case .text: request.prompt != nil
    }
  }

  private func unknown(_ name: String, for system: String) -> ConfigurationError {
    let known = conditions.filter { !$0.kind.shapes.isEmpty }.map(\.name)
    return ConfigurationError(
      known.isEmpty
        ? "\(system) takes no tensors as conditions; leave '\(name)' out"
        : "\(system) has no condition '\(name)'; it has \(known.joined(separator: ", "))")
  }

  private static func fits(_ shape: [Int], _ wanted: [Int?]) -> Bool {
    shape.count == wanted.count && zip(shape, wanted).allSatisfy { $1 == nil || $0 == $1 }
  }

  private static func text(_ shape: [Int?]) -> String {
    "[" + shape.map { $0.map(String.init) ?? "any" }.joined(separator: ", ") + "]"
  }
}

extension GenerativeSystem {
  /// Generates for a request after its conditions were checked against the plan; may hand out its result
  /// piece by piece.
  ///
  /// - Throws: ``ConfigurationError`` for conditions that are missing, unknown or of a wrong shape; see
  ///   ``SystemPlan/check(_:for:)``.
  public func draw(_ request: GenerationRequest, emit: (GeneratedValue) throws -> Void) throws {
    try plan.check(request, for: Self.identity.name)
    try generate(request, emit: emit)
  }
}
