public import AtelierCore
public import AtelierData
public import AtelierGeneration
import AtelierHashing
public import Foundation
public import Torch
import TorchNN

/// The weights that a training begins with, read from a run, a checkpoint, a model file, or files of another
/// program that the system imports.
public struct TransferSource {
  /// The files or folders, as absolute paths.
  public let paths: [String]
  /// The system whose weights they are.
  public let system: String
  /// Steps of training that they have behind them; nil for those of another program.
  public let step: Int?
  /// The configuration they were made with, every key.
  public let configuration: [String: ConfigurationValue]
  /// The classes that they know, by label; empty where that is not recorded.
  public let classNames: [String]
  /// What they stand on beside weights: a vocabulary and the like.
  public let artefacts: Artefacts
  /// SHA-256 of the model file; of several files that of their names and contents.
  public let hash: String
  /// What is known of their licence.
  public let licences: [WeightLicence]
  /// Keys that shapes of another program's files did not tell.
  let changes: [String: ConfigurationValue]
  /// The tensors by their names in a model file, in its order.
  let tensors: [(name: String, tensor: HostTensor)]

  /// Reads weights.
  ///
  /// - Parameters:
  ///   - places: a run's folder (its newest sound checkpoint is taken), a checkpoint's folder or a model file; or
  ///     the files of another program that make one model.
  ///   - type: the system that will be trained, which reads the files of other programs.
  ///   - changes: keys of its configuration that shapes of such files do not tell.
  ///   - say: told of each newer checkpoint that is damaged, and of the one that is used instead.
  /// - Throws: ``TrainingError`` where there are no weights or they cannot be trusted, ``ConfigurationError`` where
  ///   the system does not know the files, and file errors.
  public static func open(
    _ places: [URL], for type: any GenerativeSystem.Type, changes: [String: ConfigurationValue] = [:],
    say: (String) -> Void = { _ in }
  ) throws -> TransferSource {
    for place in places where !FileManager.default.fileExists(atPath: place.path) {
      throw TrainingError.notFound(path: place.path, reason: "there is nothing of this name; check the path")
    }
    if let only = places.first, places.count == 1, try isOwn(only) {
      return try TransferSource(modelAt: only, say: say)
    }
    if let place = try places.first(where: isOwn) {
      throw TrainingError.invalid(
        reason: "\(place.path) is a model of Atelier, and training starts from one model; name it alone")
    }
    guard let importing = type as? any ImportingSystem.Type else {
      throw TrainingError.invalid(
        reason: "\(places.map(\.path).joined(separator: ", ")) is no model of Atelier, and "
          + "\(type.identity.name) reads no files of other programs; start from a run or a model file")
    }
    return try foreign(places, importing, changes)
  }

  /// Whether a path is a run, a checkpoint or a model file.
  private static func isOwn(_ place: URL) throws -> Bool {
    var isFolder: ObjCBool = false
    let files = FileManager.default
    guard files.fileExists(atPath: place.path, isDirectory: &isFolder) else { return false }
    guard isFolder.boolValue else {
      guard place.pathExtension.lowercased() == "safetensors" else { return false }
      return try Safetensors.header(of: place).metadata["atelier.format"] != nil
    }
    let run = RunDirectory(url: place)
    return [run.configuration, run.checkpoints, place.appendingPathComponent(CheckpointFolder.modelName)]
      .contains { files.fileExists(atPath: $0.path) }
  }

  private init(modelAt place: URL, say: (String) -> Void) throws {
    let file = try modelFile(at: place, say: say)
    let description = try ModelFile.describe(file)
    paths = [place.standardizedFileURL.path]
    system = description.system
    step = description.step
    configuration = description.configuration
    classNames = description.classNames
    artefacts = description.artefacts
    hash = try SHA256Hasher.hexDigest(of: file)
    licences = description.weightLicences
    changes = [:]
    tensors = try Safetensors.read(file).tensors
  }

  private static func foreign<System: ImportingSystem>(
    _ places: [URL], _ type: System.Type, _ changes: [String: ConfigurationValue]
  ) throws -> TransferSource {
    let (files, artefacts) = try System.companions(of: places)
    let weights = try files.map { try ForeignWeights.read($0) }
    let (model, untouched) = try withoutInitialWeights {
      try System.importing(
        weights, changes: changes, artefacts: artefacts, using: RandomStream(seed: 0))
    }
    // What no file holds has no weights.
    let tensors = SystemState.model(of: model, leavingOut: Set(untouched))
    return TransferSource(
      paths: places.map(\.standardizedFileURL.path), system: System.identity.name, step: nil,
      configuration: try model.configuration.values(), classNames: [], artefacts: artefacts,
      hash: try foreignHash(places),
      licences: [System.foreignLicence].compactMap(\.self),
      changes: changes, tensors: tensors)
  }

  private static func foreignHash(_ places: [URL]) throws -> String {
    var isFolder: ObjCBool = false
    if let only = places.first, places.count == 1,
      FileManager.default.fileExists(atPath: only.path, isDirectory: &isFolder), !isFolder.boolValue
    {
      return try SHA256Hasher.hexDigest(of: only)
    }
    var files: [(name: String, url: URL)] = []
    for place in places {
      let inside = (try? FileManager.default.contentsOfDirectory(atPath: place.path)) ?? []
      files += inside.sorted().map { ($0, place.appendingPathComponent($0)) }
      if inside.isEmpty { files.append((place.lastPathComponent, place)) }
    }
    return try contentFingerprint(of: files)
  }

  private init(
    paths: [String], system: String, step: Int?, configuration: [String: ConfigurationValue],
    classNames: [String], artefacts: Artefacts, hash: String, licences: [WeightLicence],
    changes: [String: ConfigurationValue], tensors: [(name: String, tensor: HostTensor)]
  ) {
    self.paths = paths
    self.system = system
    self.step = step
    self.configuration = configuration
    self.classNames = classNames
    self.artefacts = artefacts
    self.hash = hash
    self.licences = licences
    self.changes = changes
    self.tensors = tensors
  }

  /// What a run began with, once more, for one that was killed before its first checkpoint; nil for any other run.
  ///
  /// - Throws: ``TrainingError/cannotResume(reason:)`` where the weights are no longer those.
  static func again(
    for run: RunDirectory, _ data: DataBinding, say: (String) -> Void
  ) throws -> TransferSource? {
    guard let record = try TransferRecord.read(run),
      CheckpointStore(run.checkpoints).newestSound().checkpoint == nil
    else { return nil }
    let places = record.paths.map { URL(fileURLWithPath: $0) }
    let source = try open(places, for: data.system, changes: record.changes, say: say)
    guard source.hash == record.hash else {
      throw TrainingError.cannotResume(
        reason:
          "it began with weights of \(record.paths.joined(separator: ", ")), which are others now, and there "
          + "is no checkpoint yet; start anew")
    }
    return source
  }

  /// The artefacts that new data keep: those by which weights number what they learned, such as a vocabulary.
  public func kept(by plan: SystemPlan) -> Artefacts? {
    let names = plan.stages.flatMap { $0.data?.arrangement.numberingArtefacts ?? [] }
    let kept = artefacts.contents.filter { names.contains($0.key) }
    return kept.isEmpty ? nil : Artefacts(kept)
  }

  /// A configuration that numbers tokens as these weights do: the one key that stands against it has their value, where
  /// the user did not choose it. Otherwise what the weights know of each token would be left out.
  ///
  /// - Parameters:
  ///   - given: keys that the user named, which are kept.
  ///   - say: told of the key that was changed, its value and the one before.
  public func adapted<Configuration: SystemConfiguration>(
    _ configuration: Configuration, keeping given: Set<String>,
    say: (_ key: String, _ value: ConfigurationValue, _ before: ConfigurationValue) -> Void
  ) -> Configuration {
    let numbers = configuration.plan.stages.contains {
      $0.data?.arrangement.numberingArtefacts.isEmpty == false
    }
    guard numbers, !artefacts.contents.isEmpty, kept(by: configuration.plan) == nil else {
      return configuration
    }
    for key in configuration.keys where !given.contains(key) {
      guard let value = self.configuration[key] else { continue }
      let (changed, before): (Configuration, ConfigurationValue?)
      do throws(ConfigurationError) {
        (changed, before) = (try configuration.overlaid(with: [key: value]), try configuration.values()[key])
        try changed.validate()
      } catch {
        // This key alone cannot be taken over; what stays is said by the weights that are left out.
        continue
      }
      guard let before, kept(by: changed.plan) != nil else { continue }
      say(key, value, before)
      return changed
    }
    return configuration
  }
}

extension DataFacts {
  /// These facts with further remarks, and the licences of the weights that training began with.
  func noting(_ notes: [String], licences: [WeightLicence]?) -> DataFacts {
    guard !notes.isEmpty else { return self }
    var description = description
    description.notes += notes
    description.licences = licences
    return DataFacts(description: description, artefacts: artefacts)
  }
}
