public import AtelierGeneration
import AtelierMetrics

/// What is measured while a system is trained, how often, and what follows from it.
public struct ValidationPolicy: Sendable, Hashable, Codable {
  /// Steps between measurements; nil: ``seconds`` decide.
  public var steps: Int?
  /// Seconds of training between measurements.
  public var seconds: Double?
  /// After so many measurements without an improvement training ends; nil: it goes on.
  public var patience: Int?
  /// The id of the number that decides what is best; nil: the first that has a better direction.
  public var number: String?
  /// What is measured, as the list of measures takes it; empty: all that applies.
  public var measures: [String]
  /// Generated samples, or translated images, of each measurement.
  public var samples: Int

  /// A policy.
  public init(
    steps: Int? = nil, seconds: Double? = nil, patience: Int? = nil, number: String? = nil,
    measures: [String] = [], samples: Int = 500
  ) {
    self.steps = steps
    self.seconds = seconds
    self.patience = patience
    self.number = number
    self.measures = measures
    self.samples = samples
  }

  /// Refuses settings that cannot work.
  func validate() throws(TrainingError) {
    guard (steps == nil) != (seconds == nil) else {
      throw .invalid(
        reason: "validation is due every so many steps, or every so many seconds; give one of them")
    }
    if let steps, steps < 1 { throw .invalid(reason: "validation.steps is \(steps), and must be at least 1") }
    if let seconds, !(seconds > 0) {
      throw .invalid(reason: "validation.seconds is \(seconds), and must be above 0")
    }
    if let patience, patience < 1 {
      throw .invalid(reason: "validation.patience is \(patience), and must be at least 1")
    }
    if samples < 20 {
      throw .invalid(reason: "validation.samples is \(samples), and must be at least 20")
    }
  }

  /// Whether a measurement is due.
  func isDue(step: Int, seconds now: Double, after last: ValidationState?) -> Bool {
    guard let last else { return true }
    guard step > last.step else { return false }
    if let steps { return step % steps == 0 }
    return now - last.seconds >= (seconds ?? .infinity)
  }
}

extension ValidationPolicy {
  /// The number that decides what is best.
  ///
  /// - Throws: ``TrainingError/invalid(reason:)`` where it was not measured, or no direction of it is better.
  func deciding(among numbers: [MeasuredNumber]) throws(TrainingError) -> MeasuredNumber {
    let able = numbers.filter { $0.better == .larger || $0.better == .smaller }
    let found = number.map { id in able.first { $0.id == id } ?? able.first { $0.name == id } } ?? able.first
    if let found { return found }
    var known: [String] = []
    for id in able.map(\.id) where !known.contains(id) { known.append(id) }
    guard !known.isEmpty else {
      throw .invalid(reason: "nothing that was measured says which weights are better; choose other measures")
    }
    throw .invalid(
      reason: "the number '\(number ?? "")' that is to decide was not measured; there are "
        + known.joined(separator: ", "))
  }

  /// Numbers by their ids; a further one of the same id is numbered.
  static func values(of numbers: [MeasuredNumber]) -> [String: Double] {
    var values: [String: Double] = [:]
    var seen: [String: Int] = [:]
    for number in numbers {
      let count = seen[number.id, default: 0] + 1
      seen[number.id] = count
      values[count == 1 ? number.id : "\(number.id)-\(count)"] = number.value
    }
    return values
  }
}
