public import AtelierCore
import AtelierData
public import AtelierGeneration
public import AtelierMetrics
public import Foundation
import Torch

/// One combination of values, and what came of it.
public struct SearchTrial: Sendable, Hashable, Codable {
  /// What a rung's training came to.
  public struct Result: Sendable, Hashable, Codable {
    /// The rung, from 0.
    public let rung: Int
    /// Steps done.
    public let step: Int
    /// The number that decides.
    public let value: Double
  }

  /// Its number, from 1.
  public let number: Int
  /// The values that it tries, by dotted keys.
  public let values: [String: ConfigurationValue]
  /// What was measured, rung by rung.
  public internal(set) var results: [Result] = []
  /// The rung that it is on, where it was begun and not measured.
  public internal(set) var present: Int?
  /// Why it ended without a number.
  public internal(set) var failure: String?

  /// `trial-007`, the name of its run.
  public var name: String { "trial-" + padded(number, 3) }

  /// What its newest measurement gave.
  public var newest: Result? { results.last }
}

/// Where a search stands: its plan and its trials, as `search.json` keeps them.
///
/// A value: whoever runs trials takes ``next()``, says ``begin(_:)`` before the training and ``record(_:step:number:)`` or
/// ``fail(_:_:)`` after it, and writes the state each time. A trial that was begun and has no end is given again by
/// ``next()`` of a state that was read.
public struct SearchState: Sendable, Hashable, Codable {
  /// A trial that is to be trained to the end of a rung, and measured there.
  public struct Assignment: Sendable, Hashable {
    /// The trial's number.
    public let trial: Int
    /// The rung.
    public let rung: Int
  }

  private var format = Self.format
  /// What is searched.
  public internal(set) var plan: SearchPlan
  /// The trials that were begun, in the order of their numbers.
  public private(set) var trials: [SearchTrial] = []
  /// The id of the number that decides, once one was measured.
  public private(set) var number: String?
  /// The direction in which that number is better.
  public private(set) var better: Better?

  private static let format = 1

  /// A search that has not begun.
  public init(_ plan: SearchPlan) { self.plan = plan }

  /// Changes what may change while a search goes on.
  ///
  /// - Throws: ``TrainingError/invalid(reason:)`` where the plan cannot work then.
  public mutating func change(_ change: (inout SearchPlan) -> Void) throws(TrainingError) {
    var plan = plan
    change(&plan)
    try plan.validate()
    self.plan = plan
  }

  /// Refuses to go on with another number than the one that trials were compared by, or with fewer trials than were
  /// begun.
  ///
  /// - Throws: ``TrainingError/invalid(reason:)``.
  public func requireGoingOn(by number: String?, trials count: Int?) throws(TrainingError) {
    if let number, let known = self.number, number != known {
      throw .invalid(
        reason: "the trials of this search were compared by '\(known)', which stays; leave '\(number)' out")
    }
    if let count, count < trials.count {
      throw .invalid(
        reason:
          "\(count) are asked for, and \(trials.count) \(trials.count == 1 ? "was" : "were") begun; ask for as many or more"
      )
    }
  }

  // MARK: What is next

  /// What is to be done next; nil: nothing, until what is under way has ended.
  ///
  /// Trials that were begun come first, then the promotion of one that belongs to the best of its rung, the highest
  /// rungs before the others, then a new trial.
  ///
  /// - Parameter underWay: the numbers of trials that somebody works on.
  public func next(underWay: Set<Int> = []) -> Assignment? {
    for trial in trials where !underWay.contains(trial.number) {
      if let rung = trial.present { return Assignment(trial: trial.number, rung: rung) }
    }
    for rung in (0..<(plan.budget.rungs.count - 1)).reversed() {
      if let trial = promotable(from: rung) { return Assignment(trial: trial, rung: rung + 1) }
    }
    guard trials.count < plan.trials, newValues != nil else { return nil }
    return Assignment(trial: trials.count + 1, rung: 0)
  }

  private var newValues: [String: ConfigurationValue]? {
    plan.values(of: trials.count, after: trials.map(\.values))
  }

  /// Whether the space has no combination left for a trial that was asked for.
  public var isExhausted: Bool { trials.count < plan.trials && newValues == nil }

  /// The best trial of a rung that belongs to its best part and was not promoted; trials that failed there count among
  /// the others.
  private func promotable(from rung: Int) -> Int? {
    let measured = trials.filter { result(of: $0, on: rung) != nil }
    let failed = trials.count { $0.failure != nil && $0.results.count == rung }
    let places = (measured.count + failed) / plan.reduction
    let best = measured.sorted { isBetter($0, $1, on: rung) }.prefix(places)
    return best.first { $0.results.count == rung + 1 && $0.failure == nil && $0.present == nil }?.number
  }

  private func result(of trial: SearchTrial, on rung: Int) -> SearchTrial.Result? {
    trial.results.first { $0.rung == rung }
  }

  /// Equal numbers stand in the order of their trials.
  private func isBetter(_ one: SearchTrial, _ other: SearchTrial, on rung: Int) -> Bool {
    guard let first = result(of: one, on: rung)?.value, let second = result(of: other, on: rung)?.value else {
      return false
    }
    if first == second { return one.number < other.number }
    return better == .larger ? first > second : first < second
  }

  /// The best trial of those that were trained longest; nil where none has a number.
  public var best: SearchTrial? {
    guard let rung = trials.flatMap(\.results).map(\.rung).max() else { return nil }
    return trials.filter { result(of: $0, on: rung) != nil }.min { isBetter($0, $1, on: rung) }
  }

  /// The trials, the best first: those that were trained longer before the others, failures last.
  public var ranking: [SearchTrial] {
    trials.sorted { one, other in
      let (first, second) = (one.newest?.rung ?? -1, other.newest?.rung ?? -1)
      if first != second { return first > second }
      return first < 0 ? one.number < other.number : isBetter(one, other, on: first)
    }
  }

  // MARK: What happened

  /// Takes note that a trial begins, or goes on.
  public mutating func begin(_ assignment: Assignment) {
    if assignment.trial > trials.count {
      guard let values = newValues else { return }
      trials.append(SearchTrial(number: trials.count + 1, values: values))
    }
    trials[assignment.trial - 1].present = assignment.rung
  }

  /// Takes note of what a trial's training to the end of a rung came to.
  ///
  /// - Parameter numbers: what was measured of it.
  /// - Throws: ``TrainingError/invalid(reason:)`` where the number that is to decide is not among them.
  public mutating func record(
    _ assignment: Assignment, step: Int, numbers: [MeasuredNumber]
  ) throws(TrainingError) {
    let policy = ValidationPolicy(steps: 1, number: plan.number ?? number)
    let deciding = try policy.deciding(among: numbers)
    guard deciding.value.isFinite else {
      return fail(assignment, "\(deciding.id) is not a finite number")
    }
    (number, better) = (deciding.id, deciding.better)
    trials[assignment.trial - 1].present = nil
    trials[assignment.trial - 1].results.append(
      SearchTrial.Result(rung: assignment.rung, step: step, value: deciding.value))
  }

  /// Takes note that a trial cannot go on; the search does.
  public mutating func fail(_ assignment: Assignment, _ reason: String) {
    trials[assignment.trial - 1].present = nil
    trials[assignment.trial - 1].failure = reason
  }

  // MARK: The file

  /// Replaces the file whole.
  public func write(to file: URL) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    try AtomicFile.write(try encoder.encode(self) + Data("\n".utf8), to: file)
  }

  /// Reads a file.
  ///
  /// - Throws: ``TrainingError`` that names it, where it is missing, of another version, or not as this program writes it.
  public static func read(_ file: URL) throws(TrainingError) -> SearchState {
    let data: Data
    do { data = try Data(contentsOf: file) } catch {
      guard FileManager.default.fileExists(atPath: file.path) else {
        throw .notFound(
          path: file.deletingLastPathComponent().path,
          reason: "it is no search, there is no \(file.lastPathComponent) in it; check the path")
      }
      throw .notFound(path: file.path, reason: "it cannot be read, \(readFailureReason(error, file))")
    }
    let state: SearchState
    do { state = try JSONDecoder().decode(SearchState.self, from: data) } catch {
      throw .damaged(path: file.path, reason: decodingReason(error))
    }
    guard state.format == format, state.isSound else {
      throw .damaged(
        path: file.path, reason: "it does not fit together, or is of another version of Atelier; search anew")
    }
    try state.plan.validate()
    return state
  }

  /// Whether trials are numbered as they stand, and measured rung by rung.
  private var isSound: Bool {
    let rungs = plan.budget.rungs
    return !rungs.isEmpty && plan.reduction > 1
      && rungs.allSatisfy { $0 > 0 && $0.isFinite } && zip(rungs, rungs.dropFirst()).allSatisfy { $0 < $1 }
      && plan.space.dimensions.allSatisfy(\.isSound)
      && trials.enumerated().allSatisfy { place, trial in
        trial.number == place + 1 && trial.results.map(\.rung) == Array(trial.results.indices)
          && trial.results.count <= rungs.count
          && trial.present.map { $0 == trial.results.count && $0 < rungs.count } ?? true
          && Set(trial.values.keys) == Set(plan.space.keys)
      }
  }
}
