public import Foundation

extension RunDirectory {
  /// The checkpoint that was best on the validation part while the run was trained, verified.
  ///
  /// Which one it is stands in the newest sound checkpoint's state.
  ///
  /// - Parameter say: told of each newer checkpoint that is damaged.
  /// - Throws: ``TrainingError`` where nothing was measured on the way, or the checkpoint is gone or damaged.
  public func bestCheckpoint(say: (String) -> Void = { _ in }) throws -> URL {
    struct State: Decodable {
      struct Validation: Decodable { let bestStep: Int? }
      let validation: Validation?
    }
    let newest = CheckpointFolder.newest(in: checkpoints) { folder throws(TrainingError) in
      try CheckpointFolder.decoded(State.self, CheckpointFolder.verified(folder), in: folder)
    }
    for problem in newest.problems { say(problem) }
    guard let state = newest.found else {
      throw TrainingError.notFound(
        path: checkpoints.path, reason: "there is no sound checkpoint in it; train first")
    }
    guard let step = state.validation?.bestStep else {
      throw TrainingError.notFound(
        path: url.path, reason: "no checkpoint of it is the best: nothing was measured while it was trained")
    }
    let folder = checkpoints.appendingPathComponent(Self.stepName(step), isDirectory: true)
    guard FileManager.default.fileExists(atPath: folder.path) else {
      throw TrainingError.notFound(
        path: folder.path, reason: "it was the best checkpoint, and it is gone; use the newest one")
    }
    _ = try CheckpointFolder.verified(folder)
    return folder
  }
}
