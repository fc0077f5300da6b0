import AtelierCore
import AtelierGeneration
import Torch

/// Draws the fixed samples of a training, and tells the health watch how different they are.
final class TrainingPreviews {
  private let session: TrainingSession
  private let journal: TrainingJournal
  private let guardian: TrainingGuard
  private let painter: PreviewPainter
  private var lastDrawn: Int?
  /// How long the last ones took.
  private(set) var taken = Duration.zero

  init(
    _ session: TrainingSession, _ journal: TrainingJournal, _ guardian: TrainingGuard, list: PreviewList,
    examples: PreviewExamples?
  ) {
    self.session = session
    self.journal = journal
    self.guardian = guardian
    painter = PreviewPainter(
      run: session.run, options: session.options, previews: list.applying(to: session.system.plan),
      source: examples ?? PreviewExamples(session.facts))
  }

  /// Whether they are due after a step.
  func areDue(after step: Int) -> Bool { step % session.options.previewEvery == 0 }

  /// Draws them where they are due, in process 0.
  ///
  /// - Parameter isSaved: whether the present step is saved, so that nobody need wait for them.
  /// - Returns: what the health watch finds in them, in all processes alike.
  func drawIfDue(isSaved: Bool) throws -> [HealthFinding] {
    guard areDue(after: session.step) else { return [] }
    let diversity = try session.processes.decision { draw(isSaved: isSaved, isWatched: true) }
    return session.watch.observe(diversity: diversity ?? .nan)
  }

  /// Draws those of the last step, unless they are drawn. The health watch does not look at them: whoever trains on
  /// would not have drawn them.
  func drawLast(isSaved: Bool) {
    if lastDrawn != session.step { _ = draw(isSaved: isSaved, isWatched: false) }
  }

  /// Draws the samples; a failure is said and does not end the training.
  ///
  /// - Returns: how different they are; nil where that is unknown.
  private func draw(isSaved: Bool, isWatched: Bool) -> Double? {
    let step = session.step
    lastDrawn = step
    do {
      let began = ContinuousClock.now
      guardian.enter("the preview of step \(step)", isSaved ? .saved(step: step) : nil)
      defer {
        taken = .now - began
        guardian.leave()
      }
      let preview = try painter.paint(
        session.system, stage: session.limits.stage(of: max(0, step - 1)), step: step, board: journal.board)
      for file in preview.files {
        try journal.append(session.event(.preview, path: session.run.relativePath(file)))
      }
      guard isWatched, let (samples, groups) = preview.observed else { return nil }
      let diversity = HealthWatch.diversity(of: samples.to(.cpu), groups: groups)
      guard diversity.isFinite else { return nil }
      try journal.write(scalars: [("diversity", diversity)], step: step)
      return diversity
    } catch {
      // A journal that cannot be written ends the training at the next step that is logged.
      try? journal.warn(
        "The preview of step \(step) could not be drawn: \(String(describing: error).trimmedSentence).")
      return nil
    }
  }
}
