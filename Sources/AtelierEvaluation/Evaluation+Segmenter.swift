import AtelierCore
import AtelierData
import AtelierMetrics
import AtelierTraining
import Foundation
import Torch
import TorchNN

/// Who judges pictures that were made from label maps.
extension Evaluation {
  /// A judge with what it sees in real held-out pictures: what generated ones can reach.
  struct SegmentationJudge {
    let segmenter: any Segmenter
    let real: SegmentationScores
  }

  /// The user's segmenter, or one that is trained on the real training pictures, once for all runs on the same
  /// data.
  ///
  /// - Throws: `MetricError` or `ScriptError` where the user's file does not fit.
  func segmentationJudge(
    _ training: SegmenterTraining.Examples, _ test: SegmenterTraining.Examples, _ classes: Int,
    _ ignored: Int?
  ) throws -> SegmentationJudge {
    let segmenter: any Segmenter
    if let file = options.segmenterScript {
      segmenter = try ScriptedSegmenter(file, range: options.segmenterRange, classes: classes)
      say("the segmenter that judges: \(file.lastPathComponent)")
    } else {
      segmenter = try trainedSegmenter(training, test, classes, ignored)
    }
    return SegmentationJudge(
      segmenter: segmenter,
      real: try segmenter.scores(of: test.images, against: test, classes: classes, ignoring: ignored))
  }

  private func trainedSegmenter(
    _ training: SegmenterTraining.Examples, _ test: SegmenterTraining.Examples, _ classes: Int,
    _ ignored: Int?
  ) throws -> PictureSegmenter {
    let own = options.classifierFile?.deletingLastPathComponent() ?? URL(fileURLWithPath: ".")
    let folders = options.segmenterFolders.isEmpty ? [own] : options.segmenterFolders
    say("the segmenter that judges, trained on the real training set only")
    let plan = SegmenterTraining(seconds: options.segmenterSeconds)
    let found = try withGradients {
      try plan.shared(in: folders, train: training, test: test, classes: classes, ignoring: ignored)
    }
    say("\(found.wasKnown ? "taken from" : "kept in") \(found.file.path)")
    return found.segmenter
  }

  /// Mean intersection over union and pixel accuracy of generated pictures, beside those of the real ones.
  func segmentation(
    _ generated: Tensor, _ held: SegmenterTraining.Examples, _ judge: SegmentationJudge, _ classes: Int,
    _ ignored: Int?, _ source: String
  ) throws -> [MeasuredNumber] {
    let scores = try judge.segmenter.scores(
      of: generated, against: held, classes: classes, ignoring: ignored)
    let shape = held.images.shape
    let setting =
      "\(judge.segmenter.facts), \(shape[0]) pictures of \(source), \(shape[3])×\(shape[2]) pixels for "
      + "pictures, maps and predictions, maps resized by nearest neighbour, \(classes) classes, "
      + (ignored.map { "label \($0) left out" } ?? "no label left out")
      + ", one scale, counts gathered before they are divided"
    return [
      MeasuredNumber(
        name: "mean intersection over union", value: scores.meanIntersectionOverUnion, better: .larger,
        realAgainstReal: judge.real.meanIntersectionOverUnion, protocolText: setting),
      MeasuredNumber(
        name: "pixel accuracy", value: scores.pixelAccuracy, better: .larger,
        realAgainstReal: judge.real.pixelAccuracy,
        protocolText: setting),
    ]
  }
}
