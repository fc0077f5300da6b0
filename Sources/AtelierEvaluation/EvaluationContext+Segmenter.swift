import AtelierCore
import AtelierData
import AtelierMetrics
import AtelierTraining
import Foundation
import Torch

extension EvaluationContext {
  /// The label of maps that counts in no measure, by a measure's settings, the evaluation's or the configuration; nil: all
  /// count.
  func ignoredLabel(_ settings: MapSegmentationMeasure.Options) -> Int? {
    if let label = settings.ignoreLabel ?? options.ignoredLabel { return label }
    if case .integer(let label)? = data.configuration["ignoreLabel"] { return label }
    if case .boolean(true)? = data.configuration["dontcare"] { return 0 }
    return nil
  }

  /// The user's segmenter, or one that is trained on the real training images, once for all runs on the same
  /// data.
  ///
  /// - Throws: `MetricError` or `ScriptError` where the user's file does not fit.
  func segmenter(
    _ settings: MapSegmentationMeasure.Options, classes: Int, train: SegmenterTraining.Examples,
    test: SegmenterTraining.Examples, ignoring ignored: Int?
  ) throws -> any Segmenter {
    if let file = settings.segmenter.map({ URL(fileURLWithPath: $0) }) ?? options.segmenterScript {
      let segmenter = try ScriptedSegmenter(
        file, range: settings.range ?? options.segmenterRange, classes: classes)
      say("the segmenter that judges: \(file.lastPathComponent)")
      return segmenter
    }
    let own = options.classifierFile?.deletingLastPathComponent() ?? URL(fileURLWithPath: ".")
    let folders = options.segmenterFolders.isEmpty ? [own] : options.segmenterFolders
    say("the segmenter that judges, trained on the real training set only")
    let plan = SegmenterTraining(seconds: settings.seconds ?? options.segmenterSeconds)
    let found = try withGradients {
      try plan.shared(in: folders, train: train, test: test, classes: classes, ignoring: ignored)
    }
    say("\(found.wasKnown ? "taken from" : "kept in") \(found.file.path)")
    return found.segmenter
  }
}
