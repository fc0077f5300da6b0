public import AtelierCore
import AtelierData
public import AtelierGeneration
import AtelierHashing
public import Foundation
public import Torch

/// `training.json`: what the next step depends on beside tensors, and how to tell that all is sound.
public struct TrainingState: Sendable, Hashable, Codable {
  /// The version of this file's form.
  public var format = 1
  /// Steps done.
  public var step: Int
  /// Passes over the data so far.
  public var epoch: Double
  /// The stage of the system's training that the next step belongs to.
  public var stage: String
  /// The run's seed.
  public var seed: Int
  /// How often an earlier state was put back; part of the key of every later draw.
  public var rollbacks: Int
  /// How many of them since training last got beyond the step that failed.
  public var rollbacksHere: Int
  /// The step that failed last; 0 for none.
  public var lastFailure: Int
  /// Where the data stand.
  public var position: SourcePosition
  /// Each optimiser's learning rate, for systems that change it step by step.
  public var learningRates: [String: Double]
  /// What the health watch remembers.
  public var health: HealthState
  /// What was measured on the way; nil: nothing was.
  public var validation: ValidationState?
  /// Seconds of training so far.
  public var seconds: Double
  /// The most bytes of memory held so far.
  public var peakMemory: Int
  /// What exact resumption needs to find again.
  public var surroundings: Surroundings
  /// SHA-256 of the checkpoint's files, of the artefacts, and of frozen networks' weights, by name.
  public var hashes: [String: String]

  /// Collects the state.
  public init(
    step: Int, epoch: Double, stage: String, seed: Int, rollbacks: Int, rollbacksHere: Int = 0,
    lastFailure: Int = 0, position: SourcePosition, learningRates: [String: Double], health: HealthState,
    validation: ValidationState? = nil, seconds: Double, peakMemory: Int, surroundings: Surroundings,
    hashes: [String: String] = [:]
  ) {
    self.step = step
    self.epoch = epoch
    self.stage = stage
    self.seed = seed
    self.rollbacks = rollbacks
    self.rollbacksHere = rollbacksHere
    self.lastFailure = lastFailure
    self.position = position
    self.learningRates = learningRates
    self.health = health
    self.validation = validation
    self.seconds = seconds
    self.peakMemory = peakMemory
    self.surroundings = surroundings
    self.hashes = hashes
  }
}

/// What the last bit of a training depends on beside its configuration.
public struct Surroundings: Sendable, Hashable, Codable {
  /// The version of libtorch.
  public var engineVersion: String
  /// Threads of one operation.
  public var threads: Int
  /// The instruction set that kernels were chosen for.
  public var cpuCapability: String
  /// The processor's model; nil where the system does not say it, and in checkpoints from before it was recorded.
  public var processor: String?
  /// The device.
  public var device: Device
  /// The type of products and convolutions.
  public var precision: TrainingPrecision
  /// The version of Atelier.
  public var packageVersion: String
  /// The fingerprint of the data.
  public var dataFingerprint: String
  /// How many processes trained together; nil: one.
  public var processes: Int?

  /// The surroundings of this process.
  public static func current(_ options: TrainingOptions, dataFingerprint: String) -> Surroundings {
    Surroundings(
      engineVersion: Engine.version, threads: Engine.threadCount, cpuCapability: Engine.cpuCapability,
      processor: Processor.model,
      device: options.device, precision: options.precision, packageVersion: AtelierVersion.current,
      dataFingerprint: dataFingerprint)
  }

  /// What differs, a phrase each, but for the number of processes; empty where resumption is exact.
  public func differences(from then: Surroundings) -> [String] {
    var found: [String] = []
    func compare<Value: Equatable>(_ name: String, _ now: Value, _ then: Value) {
      if now != then { found.append("\(name) was \(then) and is \(now)") }
    }
    compare("libtorch", engineVersion, then.engineVersion)
    compare("the number of threads", threads, then.threads)
    compare("the processor's instruction set", cpuCapability, then.cpuCapability)
    // Caches of other sizes divide some sums otherwise, with the same instructions.
    if let processor, let before = then.processor { compare("the processor", processor, before) }
    compare("the device", device, then.device)
    compare("the precision", precision.rawValue, then.precision.rawValue)
    compare("Atelier", packageVersion, then.packageVersion)
    if dataFingerprint != then.dataFingerprint { found.append("the data have changed") }
    return found
  }
}

/// A checkpoint on disk whose files were verified.
public struct Checkpoint: Sendable, Hashable {
  /// Its folder.
  public let url: URL
  /// What `training.json` says.
  public let state: TrainingState
}

/// The folder `checkpoints/` of a run.
///
/// A checkpoint is written into a hidden folder beside its place, reaches the disk, and is renamed; a
/// kill at any instant leaves the ones before it, and a hidden folder that the next start removes.
public struct CheckpointStore: Sendable {
  /// Weights and averages, self-describing.
  public static let modelName = CheckpointFolder.modelName
  /// Moments and carried state.
  public static let trainingName = CheckpointFolder.trainingName
  /// ``TrainingState``.
  public static let stateName = CheckpointFolder.stateName
  private static let partialPrefix = ".partial-"
  private static let replacedPrefix = ".replaced-"

  /// The folder.
  public let folder: URL

  /// The checkpoints in a folder.
  public init(_ folder: URL) { self.folder = folder }

  /// The steps of which there is a folder, ascending; whether they are sound shows ``open(step:)``.
  public var steps: [Int] { CheckpointFolder.steps(in: folder) }

  /// The folder of a step's checkpoint.
  public func url(step: Int) -> URL {
    folder.appendingPathComponent(RunDirectory.stepName(step), isDirectory: true)
  }

  /// Writes a checkpoint; one of the same step is replaced.
  ///
  /// - Parameter carried: the carried states of further processes, by number.
  /// - Returns: its folder.
  /// - Throws: ``TrainingError`` or a file error; the checkpoints before it are untouched.
  @discardableResult
  public func write(
    _ system: any GenerativeSystem, _ description: ModelDescription, _ state: TrainingState,
    carried: [Int: [(name: String, tensor: HostTensor)]] = [:]
  ) throws -> URL {
    // One after the other, so that no more than one lies in memory twice.
    try write(
      model: { SystemState.model(of: system) },
      training: { SystemState.training(of: system, others: carried) }, description, state)
  }

  /// Writes a checkpoint of tensors that were copied.
  ///
  /// - Parameters:
  ///   - model: what `model.safetensors` holds.
  ///   - training: what `training.safetensors` holds.
  @discardableResult
  package func write(
    model modelTensors: () -> SystemState.Tensors, training trainingTensors: () -> SystemState.Tensors,
    _ description: ModelDescription, _ state: TrainingState
  ) throws -> URL {
    let name = RunDirectory.stepName(state.step)
    let partial = folder.appendingPathComponent(Self.partialPrefix + name + "-" + UUID().uuidString)
    try RunDirectory.makeFolder(partial)
    do {
      let model = partial.appendingPathComponent(Self.modelName)
      let training = partial.appendingPathComponent(Self.trainingName)
      try ModelFile.write(modelTensors(), description, to: model)
      try Safetensors.write(
        trainingTensors(), metadata: ["atelier.step": String(state.step)], to: training)
      var state = state
      // What is hashed is what can be read back, not what was meant to be written.
      state.hashes[Self.modelName] = try SHA256Hasher.hexDigest(of: model)
      state.hashes[Self.trainingName] = try SHA256Hasher.hexDigest(of: training)
      for (artefact, content) in description.artefacts.contents {
        state.hashes["artefacts/" + artefact] = content.sha256Hex
      }
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      try AtomicFile.write(
        try encoder.encode(state) + Data("\n".utf8), to: partial.appendingPathComponent(Self.stateName))
    } catch {
      try? FileManager.default.removeItem(at: partial)
      throw error
    }
    return try put(partial, inPlaceOf: name)
  }

  /// Opens a step's checkpoint and verifies its files.
  ///
  /// - Throws: ``TrainingError/damaged(path:reason:)`` where a file is missing or its hash differs.
  public func open(step: Int) throws(TrainingError) -> Checkpoint { try Self.open(url(step: step)) }

  /// Opens the checkpoint in a folder and verifies its files.
  public static func open(_ folder: URL) throws(TrainingError) -> Checkpoint {
    let data = try CheckpointFolder.verified(folder)
    return Checkpoint(
      url: folder, state: try CheckpointFolder.decoded(TrainingState.self, data, in: folder))
  }

  /// The newest checkpoint that verifies, and what is wrong with newer ones, a sentence each.
  ///
  /// - Parameter before: only checkpoints of earlier steps than this.
  public func newestSound(before: Int? = nil) -> (checkpoint: Checkpoint?, problems: [String]) {
    let newest = CheckpointFolder.newest(in: folder, before: before) { folder throws(TrainingError) in
      try Self.open(folder)
    }
    return (newest.found, newest.problems)
  }

  /// Removes what a kill left behind.
  public func removeLeftovers() throws {
    for entry in entries where entry.hasPrefix(Self.replacedPrefix) {
      // A kill between two renames left a step without its checkpoint: the replaced one goes back.
      let name = String(entry.dropFirst(Self.replacedPrefix.count).prefix { $0 != "+" })
      let leftover = folder.appendingPathComponent(entry)
      let place = folder.appendingPathComponent(name)
      if FileManager.default.fileExists(atPath: place.path) {
        try FileManager.default.removeItem(at: leftover)
      } else {
        try FileManager.default.moveItem(at: leftover, to: place)
      }
    }
    for entry in entries where entry.hasPrefix(Self.partialPrefix) {
      try FileManager.default.removeItem(at: folder.appendingPathComponent(entry))
    }
  }

  /// Removes old checkpoints.
  ///
  /// - Parameters:
  ///   - keepLast: how many of the newest stay.
  ///   - keepEvery: steps that this divides stay as well, but for step 0.
  ///   - best: a step that stays whatever comes after it.
  /// - Returns: the steps that went.
  @discardableResult
  public func prune(keepLast: Int, keepEvery: Int?, keeping best: Int? = nil) throws -> [Int] {
    let all = steps
    var removed: [Int] = []
    for step in all.dropLast(max(1, keepLast)) where step != best {
      if let keepEvery, step > 0, step % keepEvery == 0 { continue }
      // Renamed first: half a removed folder must not look like a damaged checkpoint.
      let hidden = folder.appendingPathComponent(Self.partialPrefix + "old-" + UUID().uuidString)
      try FileManager.default.moveItem(at: url(step: step), to: hidden)
      try FileManager.default.removeItem(at: hidden)
      removed.append(step)
    }
    return removed
  }

  // MARK: Files

  private var entries: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).sorted()
  }

  private func put(_ partial: URL, inPlaceOf name: String) throws(TrainingError) -> URL {
    let place = folder.appendingPathComponent(name, isDirectory: true)
    let replaced = folder.appendingPathComponent("\(Self.replacedPrefix)\(name)+\(UUID().uuidString)")
    synchronizeFolder(partial)
    // A folder that is not empty cannot be renamed over.
    let isReplacing = rename(place.path, replaced.path) == 0
    guard rename(partial.path, place.path) == 0 else {
      let failure = errno
      if isReplacing { rename(replaced.path, place.path) }
      try? FileManager.default.removeItem(at: partial)
      throw .unwritable(path: place.path, reason: writeFailureReason(failure))
    }
    synchronizeFolder(folder)
    if isReplacing { try? FileManager.default.removeItem(at: replaced) }
    return place
  }
}

/// Makes the renames in a folder survive a power cut, where the file system can.
private func synchronizeFolder(_ folder: URL) {
  let descriptor = open(folder.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
  guard descriptor >= 0 else { return }
  while fsync(descriptor) != 0, errno == EINTR {}
  close(descriptor)
}
