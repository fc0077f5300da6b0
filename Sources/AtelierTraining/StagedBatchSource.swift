import AtelierCore
import AtelierGeneration
import Torch

/// Serves each stage of training from data of its own; stages may share a source.
final class StagedBatchSource: ResumableBatchSource {
  /// Where each stage's source stands; those of stages that share one say the same.
  private struct Position: Codable {
    var stage: String
    var stages: [String: SourcePosition]
  }

  private let stages: [(name: String, source: (any ResumableBatchSource)?)]
  private var present: Int

  /// A source that stands in the first stage.
  ///
  /// - Parameter stages: at least one; a source that is nil serves nothing.
  init(stages: [(name: String, source: (any ResumableBatchSource)?)]) {
    self.stages = stages
    present = 0
  }

  private var source: (any ResumableBatchSource)? { stages[present].source }

  func enter(stage: String) {
    if let index = stages.firstIndex(where: { $0.name == stage }) { present = index }
  }

  func next() throws -> Batch {
    guard let source else {
      throw TrainingError.invalid(
        reason: "the stage '\(stages[present].name)' asked for a batch, and its plan has no data")
    }
    return try source.next()
  }

  var position: SourcePosition {
    get throws {
      var positions: [String: SourcePosition] = [:]
      for (name, source) in stages { positions[name] = try source?.position }
      return try SourcePosition(of: Position(stage: stages[present].name, stages: positions))
    }
  }

  func seek(to position: SourcePosition, adoptsOtherData: Bool) throws {
    let place = try position.decoded(Position.self)
    for (name, source) in stages {
      guard let source else { continue }
      guard let own = place.stages[name] else {
        throw TrainingError.cannotResume(reason: "the checkpoint knows no stage '\(name)'")
      }
      try source.seek(to: own, adoptsOtherData: adoptsOtherData)
    }
    enter(stage: place.stage)
  }

  var part: BatchPart? { source?.part }

  /// Passes over the present stage's data.
  var epoch: Double { source?.epoch ?? 0 }

  /// Units of all stages.
  var unitsServed: Int { sources.reduce(0) { $0 + $1.unitsServed } }

  /// Seconds of all stages.
  var secondsWaited: Double { sources.reduce(0) { $0 + $1.secondsWaited } }

  /// Each source once.
  private var sources: [any ResumableBatchSource] {
    var seen: Set<ObjectIdentifier> = []
    return stages.compactMap(\.source).filter { seen.insert(ObjectIdentifier($0)).inserted }
  }

  var unit: String { source?.unit ?? "steps" }
}
