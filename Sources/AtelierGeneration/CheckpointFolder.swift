import AtelierHashing
package import Foundation

/// The folder of a checkpoint, as far as reading needs it: its files, and the hashes by which `training.json` says
/// that they are sound.
package enum CheckpointFolder {
  /// Weights and averages, self-describing.
  package static let modelName = "model.safetensors"
  /// Moments and carried state.
  package static let trainingName = "training.safetensors"
  /// The state of training beside tensors.
  package static let stateName = "training.json"

  private struct Hashes: Decodable {
    let hashes: [String: String]
  }

  /// The steps of which there is a checkpoint in a run's `checkpoints`, ascending; whether they are sound shows
  /// ``verified(_:)``.
  package static func steps(in folder: URL) -> [Int] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? [])
      .compactMap { RunDirectory.step(ofName: $0) }.sorted()
  }

  /// Verifies the model of a checkpoint, where the folder is one: a model file alone says nothing of its hash.
  ///
  /// - Throws: ``TrainingError/damaged(path:reason:)`` where its hash differs.
  package static func verifyModel(in folder: URL) throws(TrainingError) {
    guard FileManager.default.fileExists(atPath: folder.appendingPathComponent(stateName).path) else {
      return
    }
    _ = try verified(folder, [modelName])
  }

  /// Verifies the files of a checkpoint.
  ///
  /// - Parameter names: the files; moments, twice as large as a model, are read by trainings alone.
  /// - Returns: what `training.json` holds.
  /// - Throws: ``TrainingError/damaged(path:reason:)`` where a file is missing or its hash differs.
  package static func verified(
    _ folder: URL, _ names: [String] = [modelName, trainingName]
  ) throws(TrainingError) -> Data {
    let data = try read(stateName, in: folder) { try Data(contentsOf: $0) }
    let state = try decoded(Hashes.self, data, in: folder)
    for name in names {
      let file = folder.appendingPathComponent(name)
      let found = try read(name, in: folder) { try SHA256Hasher.hexDigest(of: $0) }
      guard found == state.hashes[name] else {
        throw .damaged(
          path: file.path, reason: "its SHA-256 is not the recorded one; use an earlier checkpoint")
      }
    }
    return data
  }

  /// A value of `training.json`.
  ///
  /// - Throws: ``TrainingError/damaged(path:reason:)`` where it cannot be understood.
  package static func decoded<Value: Decodable>(
    _ type: Value.Type, _ data: Data, in folder: URL
  ) throws(TrainingError) -> Value {
    do { return try JSONDecoder().decode(type, from: data) } catch {
      throw .damaged(
        path: folder.appendingPathComponent(stateName).path,
        reason: "it cannot be understood, \(decodingReason(error)); use an earlier checkpoint")
    }
  }

  /// The newest checkpoint of a run's `checkpoints` that `open` accepts, and what is wrong with newer ones, a
  /// sentence each.
  ///
  /// - Parameter before: only checkpoints of earlier steps than this.
  package static func newest<Opened>(
    in folder: URL, before: Int? = nil, _ open: (URL) throws(TrainingError) -> Opened
  ) -> (found: Opened?, problems: [String]) {
    var problems: [String] = []
    do { _ = try FileManager.default.contentsOfDirectory(atPath: folder.path) } catch {
      if FileManager.default.fileExists(atPath: folder.path) {
        problems.append(
          "\(folder.path) cannot be read: \(readFailureReason(error, folder, needsFolder: true)).")
      }
    }
    for step in steps(in: folder).reversed() where before.map({ step < $0 }) ?? true {
      do {
        return (
          try open(folder.appendingPathComponent(RunDirectory.stepName(step), isDirectory: true)), problems
        )
      } catch {
        problems.append(error.description)
      }
    }
    return (nil, problems)
  }

  /// What a file of a checkpoint gives; an error says whether it is missing or why it cannot be read.
  private static func read<Value>(
    _ name: String, in folder: URL, _ body: (URL) throws -> Value
  ) throws(TrainingError) -> Value {
    let file = folder.appendingPathComponent(name)
    do { return try body(file) } catch {
      guard FileManager.default.fileExists(atPath: file.path) else {
        throw .damaged(path: folder.path, reason: "\(name) is missing; use an earlier checkpoint")
      }
      throw .notFound(
        path: file.path,
        reason: "it cannot be read, \(readFailureReason(error, file)), or use an earlier checkpoint")
    }
  }
}
