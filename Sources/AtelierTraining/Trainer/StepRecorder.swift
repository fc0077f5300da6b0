import AtelierCore
import Torch

/// Reads what steps log, averages it over processes, writes it, and says how fast training goes.
final class StepRecorder {
  private let session: TrainingSession
  private let journal: TrainingJournal
  /// Where the last record was made.
  private var last = (units: 0, waited: 0.0, time: ContinuousClock.now)
  /// Units a second since the last record.
  private var rate = 0.0
  /// The share of the time in which the last steps waited for data.
  private var waiting: Double?
  private var saidThatItWaits = false
  private var shown: [TrainingProgress.NamedValue] = []
  private var firstFraction = 0.0
  /// Values shown in a line of progress: 8 keep it within a terminal's width.
  private static let shownValues = 8

  init(_ session: TrainingSession, _ journal: TrainingJournal) {
    self.session = session
    self.journal = journal
  }

  /// Training begins: the time that is left is estimated from here.
  func begin() {
    restart()
    firstFraction = session.fraction ?? 0
  }

  /// Rates count from here.
  func restart() { last = (session.source.unitsServed, session.source.secondsWaited, .now) }

  /// Writes what a step logged, and has the health watch look at it.
  func record(_ training: TrainingStep) throws -> [HealthFinding] {
    let values = try session.processes.averaged(averaged(training.logged), weight: training.partWeight)
    let norms = averaged(training.gradientNorms)
    try measurePace()
    session.peakMemory = max(
      session.peakMemory, Engine.memory(on: session.options.device)?.peak ?? 0)
    shown = values.prefix(Self.shownValues).map {
      TrainingProgress.NamedValue(name: $0.name, value: $0.value)
    }
    var event = session.event(.step)
    event.values = Dictionary(uniqueKeysWithValues: values)
    event.gradientNorms = Dictionary(uniqueKeysWithValues: norms)
    event.rate = rate
    event.unit = session.source.unit
    event.waiting = waiting
    event.memory = session.peakMemory
    try journal.append(event)
    try journal.write(
      scalars: values + norms.map { ("gradient-norm/" + $0.name, $0.value) } + [("rate", rate)],
      step: session.step)
    return session.watch.observe(values: values, gradientNorms: norms)
  }

  /// Where training stands, for people.
  var progress: TrainingProgress {
    let fraction = session.fraction
    var left: Double?
    if let fraction, fraction > firstFraction {
      left = session.secondsHere * (1 - fraction) / (fraction - firstFraction)
    }
    return TrainingProgress(
      step: session.step, epoch: session.source.epoch, fraction: fraction, secondsLeft: left, rate: rate,
      unit: session.source.unit, values: shown, waiting: waiting)
  }

  private func measurePace() throws {
    let source = session.source
    let now = ContinuousClock.now
    let elapsed = (now - last.time).seconds
    if elapsed > 0 {
      rate = Double(source.unitsServed - last.units) / elapsed
      waiting = min(1, max(0, (source.secondsWaited - last.waited) / elapsed))
    }
    last = (source.unitsServed, source.secondsWaited, now)
    try sayThatItWaits(elapsed)
  }

  /// Says once that the steps wait for data more than they compute.
  private func sayThatItWaits(_ elapsed: Double) throws {
    // Less than some seconds says little: the first batches are read while nothing else is done.
    guard let waiting, waiting > 0.5, elapsed > 10, !saidThatItWaits else { return }
    saidThatItWaits = true
    try journal.warn(
      "Training waited for data \(Int((waiting * 100).rounded())) % of the last \(Int(elapsed.rounded())) s; more workers, "
        + "smaller images or shards on a faster disk make it quicker.")
  }

  /// Means of what was logged under one name, in the order of first appearance.
  private func averaged(_ logged: [(name: String, value: Tensor)]) -> [(name: String, value: Double)] {
    var order: [String] = []
    var sums: [String: (sum: Double, count: Int)] = [:]
    for (name, tensor) in logged {
      if sums[name] == nil { order.append(name) }
      let value = (tensor.count == 1 ? tensor : tensor.asType(.float32).mean()).item()
      let (sum, count) = sums[name] ?? (0, 0)
      sums[name] = (sum + value, count + 1)
    }
    return order.compactMap { name in sums[name].map { (name, $0.sum / Double($0.count)) } }
  }
}
