import AtelierCore
import AtelierGeneration
import AtelierMetrics
import Torch

/// The measurements of one training: when the next is due, what they came to, and whether training need not go on.
struct ValidationSeries {
  /// A measurement that was made.
  struct Point {
    let values: [String: Double]
    let message: String
    /// Whether the system is better than ever, which is worth a checkpoint.
    let isBest: Bool
  }

  private let meter: ValidationMeasuring.Meter?
  private let policy: ValidationPolicy?
  /// What measurements came to; nil: none was made.
  var state: ValidationState?

  init(_ meter: ValidationMeasuring.Meter?, _ policy: ValidationPolicy?) {
    self.meter = meter
    self.policy = policy
  }

  /// Whether a measurement is due.
  func isDue(step: Int, seconds: Double) -> Bool {
    meter != nil && policy?.isDue(step: step, seconds: seconds, after: state) ?? false
  }

  /// The numbers of a system as it is now; of several processes that measure together, those of process 0 count.
  func numbers(of system: any GenerativeSystem) throws -> [MeasuredNumber] {
    guard let meter else { return [] }
    return try withTensorErrors { try meter(system) }
  }

  /// Takes note of numbers; nil where nothing is to be measured.
  ///
  /// - Throws: ``TrainingError/invalid(reason:)`` where the number that is to decide is not measured.
  mutating func observe(_ numbers: [MeasuredNumber], step: Int, seconds: Double) throws -> Point? {
    guard let policy else { return nil }
    let deciding = try policy.deciding(among: numbers)
    let part = deciding.provenance["part"] ?? deciding.provenance["data"] ?? "the validation part"
    var next =
      state.flatMap { $0.number == deciding.id ? $0 : nil }
      ?? ValidationState(
        number: deciding.id, better: deciding.better ?? .neither, part: part, step: step, seconds: seconds)
    // What was not trained is measured for the curve's beginning, and is no best to fall behind.
    let isBest = step > 0 && next.observe(deciding.value, step: step, seconds: seconds)
    state = next
    let best =
      step == 0
      ? "before training"
      : next.best.map { "best \(short($0)) at step \(next.bestStep ?? 0)" } ?? "never a number"
    return Point(
      values: ValidationPolicy.values(of: numbers),
      message: "\(part): \(deciding.id) \(short(deciding.value))"
        + (isBest ? ", the best so far" : "; \(best)"),
      isBest: isBest)
  }

  /// Why training need not go on; nil while it may still become better.
  var settled: String? {
    guard let state, let patience = policy?.patience, state.stale >= patience else { return nil }
    return "\(state.number) on \(state.part) has not become better in \(state.stale) measurements; "
      + (state.bestStep.map { "the best is of step \($0)" } ?? "it was never a number")
  }
}
