public import AtelierCore
public import AtelierData
import AtelierHashing
public import Foundation
public import Torch
import TorchNN

/// The version of this package, as files and reports name it.
public enum AtelierVersion {
  /// For example "0.1.0".
  public static let current = "0.1.0"
}

/// What a model file says about itself.
public struct ModelDescription: Sendable, Hashable {
  /// The system's name in the registry.
  public var system: String
  /// Every key of its configuration.
  public var configuration: [String: ConfigurationValue]
  /// The data it learned from: sizes, class names, fingerprint.
  public var data: DatasetDescription
  /// What it stands on beside weights: a vocabulary and the like.
  public var artefacts: Artefacts
  /// Steps of training.
  public var step: Int
  /// The version of Atelier that wrote it.
  public var packageVersion: String
  /// The version of libtorch that it was trained with.
  public var engineVersion: String

  /// The names of the classes, by label.
  public var classNames: [String] { data.classNames }

  /// Collects the facts.
  public init(
    system: String, configuration: [String: ConfigurationValue], data: DatasetDescription,
    artefacts: Artefacts,
    step: Int, packageVersion: String = AtelierVersion.current, engineVersion: String = Engine.version
  ) {
    self.system = system
    self.configuration = configuration
    self.data = data
    self.artefacts = artefacts
    self.step = step
    self.packageVersion = packageVersion
    self.engineVersion = engineVersion
  }
}

/// `model.safetensors`: weights and averages, and in its metadata all that generation needs.
///
/// Nothing in it depends on the time, so that equal trainings give equal bytes.
public enum ModelFile {
  private static let format = "1"
  /// Larger artefacts, such as the table of a million instances, are named by their hash and stay in the
  /// run's folder: the format has room for 100 MB of texts, and a checkpoint would repeat them.
  private static let largestInlined = 24_000_000
  private static let referencePrefix = "sha256:"

  /// An artefact that a model file in a run's checkpoint only names.
  private static func referenced(_ name: String, hash expected: String, _ url: URL) throws(TrainingError)
    -> Data
  {
    let run = url.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    let file = RunDirectory(url: run).artefacts.appendingPathComponent(name)
    let data: Data
    do { data = try Data(contentsOf: file) } catch {
      guard FileManager.default.fileExists(atPath: file.path) else {
        throw .notFound(
          path: file.path, reason: "the model needs this file of its run; give the whole run's folder")
      }
      throw .notFound(path: file.path, reason: "it cannot be read, \(readFailureReason(error, file))")
    }
    guard data.sha256Hex == expected else {
      throw .damaged(path: file.path, reason: "it is not the file that the model was trained with")
    }
    return data
  }

  /// Writes a system's weights with a description.
  public static func write(
    _ system: any GenerativeSystem, _ description: ModelDescription, to url: URL
  ) throws {
    try write(SystemState.model(of: system), description, to: url)
  }

  /// Writes tensors of ``SystemState/model(of:)`` with a description.
  package static func write(
    _ tensors: SystemState.Tensors, _ description: ModelDescription, to url: URL
  ) throws {
    try Safetensors.write(tensors, metadata: try metadata(description), to: url)
  }

  /// What a model file says about itself; weights are not read.
  ///
  /// - Throws: ``TrainingError/damaged(path:reason:)`` for a file that is not Atelier's.
  public static func describe(_ url: URL) throws -> ModelDescription {
    try description(try Safetensors.header(of: url).metadata, url)
  }

  /// Reads a model file into a system of the same configuration.
  ///
  /// - Parameter refusingNaN: whether weights with NaN or infinite numbers are an error.
  public static func load(
    _ url: URL, into system: any GenerativeSystem, for purpose: LoadingPurpose = .everything,
    refusingNaN: Bool = false
  ) throws {
    try SystemState.loadModel(from: url, into: system, for: purpose, refusingNaN: refusingNaN)
  }

  static func metadata(_ description: ModelDescription) throws -> [String: String] {
    var texts = [
      "atelier.format": format, "atelier.system": description.system,
      "atelier.step": String(description.step), "atelier.version": description.packageVersion,
      "atelier.engine": description.engineVersion,
      "atelier.configuration": try json(description.configuration),
      "atelier.data": try json(description.data), "atelier.classes": try json(description.classNames),
    ]
    for (name, content) in description.artefacts.contents {
      guard content.count <= largestInlined else {
        texts["atelier.artefact/" + name] = referencePrefix + content.sha256Hex
        continue
      }
      let text = String(validating: content, as: UTF8.self)
      texts["atelier.artefact/" + name] =
        text.map { "text:" + $0 } ?? "base64:" + content.base64EncodedString()
    }
    return texts
  }

  private static func description(_ texts: [String: String], _ url: URL) throws(TrainingError)
    -> ModelDescription
  {
    guard let version = texts["atelier.format"] else {
      throw .damaged(
        path: url.path,
        reason:
          "it does not say which system it belongs to; weights of other programs come in through `atelier weights`"
      )
    }
    guard version == format else {
      throw .damaged(
        path: url.path, reason: "it has format \(version), and this version of Atelier reads format \(format)"
      )
    }
    func text(_ key: String) throws(TrainingError) -> String {
      guard let value = texts["atelier." + key] else {
        throw .damaged(path: url.path, reason: "its metadata lacks atelier.\(key)")
      }
      return value
    }
    func decoded<Value: Decodable>(_ type: Value.Type, _ key: String) throws(TrainingError) -> Value {
      let data = Data(try text(key).utf8)
      do { return try JSONDecoder().decode(type, from: data) } catch {
        throw .damaged(path: url.path, reason: "its metadata atelier.\(key) cannot be understood")
      }
    }
    guard let step = Int(try text("step")) else {
      throw .damaged(path: url.path, reason: "its metadata atelier.step is no number")
    }
    var artefacts = Artefacts()
    let prefix = "atelier.artefact/"
    for (key, text) in texts where key.hasPrefix(prefix) {
      let name = String(key.dropFirst(prefix.count))
      if text.hasPrefix("text:") {
        artefacts.contents[name] = Data(text.dropFirst(5).utf8)
      } else if text.hasPrefix(referencePrefix) {
        artefacts.contents[name] = try referenced(
          name, hash: String(text.dropFirst(referencePrefix.count)), url)
      } else if text.hasPrefix("base64:"), let data = Data(base64Encoded: String(text.dropFirst(7))) {
        artefacts.contents[name] = data
      } else {
        throw .damaged(path: url.path, reason: "its artefact '\(name)' cannot be understood")
      }
    }
    return ModelDescription(
      system: try text("system"),
      configuration: try decoded([String: ConfigurationValue].self, "configuration"),
      data: try decoded(DatasetDescription.self, "data"), artefacts: artefacts, step: step,
      packageVersion: try text("version"), engineVersion: try text("engine"))
  }

  private static func json(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }
}

/// Builds the system that a model was saved from, with its weights.
///
/// - Parameters:
///   - url: a run's folder (its newest sound checkpoint is taken), a checkpoint's folder, or a model file.
///   - registry: the systems to look among.
///   - changes: configuration keys that are different now; the weights must still fit.
///   - purpose: what it is loaded for; drawing needs less memory.
///   - device: where its networks are brought.
///   - say: told of each newer checkpoint that is damaged, and of the one that is used instead.
/// - Returns: the system, and what the file says about it, with the changes.
public func loadSystem(
  from url: URL, registry: SystemRegistry, changing changes: [String: ConfigurationValue] = [:],
  for purpose: LoadingPurpose = .everything, on device: Device = .cpu, say: (String) -> Void = { _ in }
) throws -> (system: any GenerativeSystem, description: ModelDescription) {
  let file = try modelFile(at: url, say: say)
  var description = try ModelFile.describe(file)
  let type = try registry.system(named: description.system)
  if !changes.isEmpty {
    description.configuration = try overlaid(description.configuration, with: changes, of: type)
  }
  let system = try withTensorErrors {
    try withoutInitialWeights {
      try makeSystem(
        type, configuration: description.configuration, artefacts: description.artefacts,
        using: RandomStream(seed: 0))
    }
  }
  try withTensorErrors {
    try ModelFile.load(file, into: system, for: purpose, refusingNaN: true)
    if device != .cpu { system.move(to: device) }
  }
  for network in system.networks { network.module.eval() }
  return (system, description)
}

/// A configuration of a system with some keys changed, every key written out.
private func overlaid(
  _ configuration: [String: ConfigurationValue], with changes: [String: ConfigurationValue],
  of type: any GenerativeSystem.Type
) throws -> [String: ConfigurationValue] {
  func lay<System: GenerativeSystem>(_ type: System.Type) throws -> [String: ConfigurationValue] {
    try System.Configuration().overlaid(with: configuration).overlaid(with: changes).values()
  }
  return try lay(type)
}

/// The model file that a path stands for.
///
/// - Parameter say: told of each newer checkpoint that is damaged, and of the one that is used instead.
/// - Throws: ``TrainingError/notFound(path:reason:)`` where there is none.
public func modelFile(at url: URL, say: (String) -> Void = { _ in }) throws -> URL {
  var isFolder: ObjCBool = false
  guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) else {
    throw TrainingError.notFound(path: url.path, reason: "there is nothing of this name; check the path")
  }
  guard isFolder.boolValue else {
    // The file of a checkpoint is what its checkpoint recorded, or damaged.
    if url.lastPathComponent == CheckpointFolder.modelName {
      try CheckpointFolder.verifyModel(in: url.deletingLastPathComponent())
    }
    return url
  }
  let model = url.appendingPathComponent(CheckpointFolder.modelName)
  if FileManager.default.fileExists(atPath: model.path) {
    try CheckpointFolder.verifyModel(in: url)
    return model
  }
  let run = RunDirectory(url: url)
  guard FileManager.default.fileExists(atPath: run.checkpoints.path) else {
    throw TrainingError.notFound(
      path: url.path,
      reason: "it is neither a run nor a checkpoint; give a run's folder or a model.safetensors")
  }
  let sound = CheckpointFolder.newest(in: run.checkpoints) { folder throws(TrainingError) in
    _ = try CheckpointFolder.verified(folder, [CheckpointFolder.modelName])
    return folder
  }
  guard let checkpoint = sound.found else {
    throw TrainingError.notFound(
      path: run.checkpoints.path,
      reason: sound.problems.first.map { "no checkpoint in it is sound: \($0.trimmedSentence)" }
        ?? "there is no checkpoint in it yet; train first")
  }
  for problem in sound.problems { say("\(problem) \(checkpoint.lastPathComponent) is used instead.") }
  return checkpoint.appendingPathComponent(CheckpointFolder.modelName)
}

/// Builds a system of a type that is known only at run time.
public func makeSystem(
  _ type: any GenerativeSystem.Type, configuration: [String: ConfigurationValue], artefacts: Artefacts,
  using stream: RandomStream
) throws -> any GenerativeSystem {
  func make<System: GenerativeSystem>(_ type: System.Type) throws -> any GenerativeSystem {
    let values = try System.Configuration().overlaid(with: configuration)
    try values.validate()
    return try System(values, artefacts: artefacts, using: stream)
  }
  return try make(type)
}
