public import AtelierCore
public import AtelierData
public import AtelierMedia
public import Foundation
public import Torch
import TorchNN

/// A trained model that draws.
///
/// ```swift
/// let generator = try Generator(contentsOf: run, registry: .standard)
/// let label = try generator.condition("label", from: "cat")
/// let request = Request(count: 8, conditions: ["label": label], draws: StreamDraws(RandomStream(seed: 1)))
/// for output in try generator.outputs(for: request) { … }
/// ```
///
/// The system is in evaluation mode and has its moving averages in place of its weights from the beginning, once for
/// everything that is drawn.
public struct Generator {
  /// The system, for drawing only.
  public let system: any GenerativeSystem
  /// What the model file says about itself.
  public let description: ModelDescription
  /// The model file.
  public let file: URL
  /// Where it was loaded from: a run's folder, a checkpoint's, or the model file.
  public let place: URL

  /// What the system takes and gives.
  public var plan: SystemPlan { system.plan }

  /// Loads a model.
  ///
  /// - Parameters:
  ///   - url: a run's folder (its newest sound checkpoint is taken), a checkpoint's folder, or a model file.
  ///   - registry: the systems to look among.
  ///   - changes: configuration keys that are different now; the weights must still fit.
  ///   - device: where it draws; conditions are brought there, and a request's draws have to be made there.
  ///   - say: told of each newer checkpoint that is damaged, and of the one that is used instead.
  /// - Throws: ``TrainingError`` where there is no model or it cannot be trusted, ``ConfigurationError`` for a system
  ///   that the registry does not have, or changes that do not fit.
  public init(
    contentsOf url: URL, registry: SystemRegistry, changing changes: [String: ConfigurationValue] = [:],
    on device: Device = .cpu, say: (String) -> Void = { _ in }
  ) throws {
    try device.requireAvailable()
    place = url
    file = try modelFile(at: url, say: say)
    (system, description) = try loadSystem(
      from: file, registry: registry, changing: changes, for: .drawing, on: device)
    for entry in system.averages { entry.average.adopt() }
  }

  // MARK: Asking

  /// The value of a condition that a text stands for: a class by name or number, a text, a file; see
  /// ``Condition/value(of:names:fit:)``. Images keep their size where the system takes any.
  ///
  /// - Throws: ``ConfigurationError`` for a condition that the system does not have, and what reading throws.
  public func condition(_ name: String, from text: String) throws -> ConditionValue {
    guard let condition = plan.condition(name) else {
      let known = plan.conditions.map { "'\($0.name)'" }.joined(separator: ", ")
      throw ConfigurationError(
        "\(description.system) has no condition '\(name)'; it has \(known.isEmpty ? "none" : known)")
    }
    let fit: ImagePreparation.Fit? = plan.ability(ImageTranslation.self) == nil ? .centerCrop : nil
    return try condition.value(of: text, names: names(condition), fit: fit)
  }

  /// The plan's settings of drawing with some values replaced.
  ///
  /// - Throws: ``ConfigurationError`` that names an unknown key or a value that does not fit.
  public func sampling(_ changes: [String: ConfigurationValue]) throws(ConfigurationError) -> any Settings {
    try plan.sampling(changing: changes, for: description.system)
  }

  /// What the classes or tokens of a condition are called.
  public func names(_ condition: Condition) throws -> FieldNames {
    switch condition.kind {
    case .field(let kind):
      var names = try plan.names(of: Field(condition.name, kind), description.data, description.artefacts)
      if case .labels = kind, plan.ability(VideoPlaying.self) != nil { names.noun = "action" }
      return names
    case .label: return FieldNames(classes: description.classNames)
    case .text, .tensor: return FieldNames()
    }
  }

  // MARK: Drawing

  /// Draws; pieces are handed out as they come.
  ///
  /// - Throws: ``ConfigurationError`` for conditions and settings that the plan does not have, `TensorError` where
  ///   the engine fails.
  public func draw(_ request: Request, emit: (Output) throws -> Void) throws {
    let request = request.moved(to: system.device)
    try withTensorErrors { try withoutGradients { try system.draw(request, emit: emit) } }
  }

  /// All that is drawn, each output of the plan once: batches joined, texts appended.
  public func outputs(for request: Request) throws -> [Output] {
    var tensors: [String: [Tensor]] = [:]
    var texts: [String: String] = [:]
    try draw(request) { output in
      switch output.value {
      case .tensor(let tensor): tensors[output.field, default: []].append(tensor)
      case .text(let text): texts[output.field, default: ""] += text
      }
    }
    return plan.outputs.compactMap { field in
      if let drawn = tensors[field.name] { return Output(field.name, .concatenated(drawn, dim: 0)) }
      return texts[field.name].map { Output(field.name, text: $0) }
    }
  }

  /// Begins a session of a system that draws step by step.
  ///
  /// - Throws: ``ConfigurationError`` for a system that has no sessions, or for what the session cannot begin with.
  public func session(_ request: Request) throws -> any DrawingSession {
    guard let streaming = system as? any StreamingSystem else {
      throw ConfigurationError("\(description.system) does not draw step by step; draw from it by a request")
    }
    let request = request.moved(to: system.device)
    return try withTensorErrors { try withoutGradients { try streaming.open(request) } }
  }

  /// How values of an output are shown and written.
  public func codec(_ field: Field) throws -> FieldCodec {
    FieldCodec(field.kind, names: try plan.names(of: field, description.data, description.artefacts))
  }

  // MARK: Provenance

  /// Names the model, the step, and the weights by their fingerprint, for the metadata of what it draws.
  ///
  /// - Throws: the error of reading the file.
  public func origin() throws -> ImageOrigin {
    let fingerprint = try contentFingerprint(of: [(file.lastPathComponent, file)])
    return ImageOrigin(
      software: "Atelier \(AtelierVersion.current)", system: description.system,
      checkpoint: "\(place.standardizedFileURL.lastPathComponent), step \(description.step), \(fingerprint)")
  }
}
