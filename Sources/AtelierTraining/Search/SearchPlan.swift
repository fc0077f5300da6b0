public import AtelierCore
import AtelierData
public import AtelierGeneration
import AtelierMetrics
import Foundation

/// How a search chooses what it tries.
public enum SearchMethod: String, Sendable, Hashable, Codable, CaseIterable {
  /// Combinations drawn at random.
  case random
  /// Every combination.
  case grid
  /// Random ones, of which the better part goes on: asynchronous successive halving (ASHA, Li et al. 2020).
  case halving
}

/// How long a trial is trained.
public struct SearchBudget: Sendable, Hashable, Codable {
  /// What is counted, over all resumptions.
  public enum Unit: String, Sendable, Hashable, Codable {
    /// Steps.
    case steps
    /// Passes over the data.
    case epochs
    /// Seconds of training.
    case seconds
  }

  /// What is counted.
  public let unit: Unit
  /// The budget at which trials are measured, rung by rung, rising; the last is the whole budget.
  public let rungs: [Double]

  /// The whole budget at once.
  public init(_ unit: Unit, _ whole: Double) { (self.unit, rungs) = (unit, [whole]) }

  /// A budget that is reached in rungs, each `reduction` times the one before.
  ///
  /// - Throws: ``TrainingError/invalid(reason:)`` where the first rung would be less than a step.
  public init(_ unit: Unit, _ whole: Double, rungs count: Int, reduction: Int) throws(TrainingError) {
    guard count > 0, reduction > 1 else {
      throw .invalid(reason: "rungs is \(count) and reduction \(reduction); at least 1 and 2 are needed")
    }
    var rungs: [Double] = []
    for rung in 0..<count {
      let share = whole / pow(Double(reduction), Double(count - 1 - rung))
      rungs.append(unit == .steps ? share.rounded() : share)
    }
    guard let first = rungs.first, first >= (unit == .steps ? 1 : .leastNormalMagnitude),
      zip(rungs, rungs.dropFirst()).allSatisfy({ $0 < $1 })
    else {
      throw .invalid(
        reason:
          "\(short(whole)) \(unit.rawValue) are too few for \(count) rungs, each \(reduction) times the one before; "
          + "take fewer rungs or a larger budget")
    }
    (self.unit, self.rungs) = (unit, rungs)
  }

  /// `300 steps`.
  func text(_ rung: Int) -> String { "\(Self.numeral(rungs[rung])) \(unit.rawValue)" }

  /// A number as the command line takes it, without a point where it is whole.
  public static func numeral(_ value: Double) -> String {
    value == value.rounded() && abs(value) < 1e15 ? String(Int(value)) : "\(value)"
  }
}

/// All that a search is asked to do; it does not change while it runs.
public struct SearchPlan: Sendable, Hashable, Codable {
  /// The system's name in the registry.
  public var system: String
  /// The preset that trials start from.
  public var preset: String?
  /// Where the data lie; nil where the system needs none.
  public var data: String?
  /// Keys that all trials share, from a file.
  public var configuration: [String: ConfigurationValue]
  /// Single keys that all trials share, `key=value`; they win over those of the file.
  public var changes: [String]
  /// What is varied.
  public var space: SearchSpace
  /// How combinations are chosen.
  public var method: SearchMethod
  /// How many trials there are.
  public var trials: Int
  /// How long they are trained.
  public var budget: SearchBudget
  /// Of so many trials of a rung one goes on to the next.
  public var reduction: Int
  /// The measure of `evaluate`, with its settings.
  public var measure: String
  /// The id of the number that decides; nil: the first of the measure's that has a better direction.
  public var number: String?
  /// Samples of each measurement.
  public var samples: Int
  /// What the combinations follow from, and the seed of every trial.
  public var seed: Int
  /// Further options of each trial's training, as the command line takes them.
  public var options: [String]
  /// The folder that relative paths among them start from.
  public var folder: String

  /// Collects what a search needs.
  public init(
    system: String, preset: String?, data: String?, configuration: [String: ConfigurationValue],
    changes: [String] = [], space: SearchSpace, method: SearchMethod, trials: Int, budget: SearchBudget,
    reduction: Int,
    measure: String, number: String?, samples: Int, seed: Int, options: [String], folder: String
  ) {
    self.system = system
    self.preset = preset
    self.data = data
    self.configuration = configuration
    self.changes = changes
    self.space = space
    self.method = method
    self.trials = trials
    self.budget = budget
    self.reduction = reduction
    self.measure = measure
    self.number = number
    self.samples = samples
    self.seed = seed
    self.options = options
    self.folder = folder
  }

  /// Refuses a plan that cannot work.
  ///
  /// - Throws: ``TrainingError/invalid(reason:)``.
  public func validate() throws(TrainingError) {
    guard trials > 0 else { throw .invalid(reason: "trials is \(trials), and must be at least 1") }
    guard seed >= 0 else { throw .invalid(reason: "seed is \(seed), and must not be negative") }
    guard samples >= 20 else { throw .invalid(reason: "samples is \(samples), and must be at least 20") }
    guard let last = budget.rungs.last, last > 0, last.isFinite else {
      throw .invalid(reason: "the budget of a trial must be above 0")
    }
    if method == .grid {
      guard let count = space.count else {
        let endless = space.dimensions.first { $0.gridValues == nil }?.key ?? ""
        throw .invalid(
          reason:
            "a grid takes every value, and the range of the key '\(endless)' has any number of them; give it points, "
            + "as {from: 0, to: 1, points: 5}")
      }
      guard trials == count else {
        throw .invalid(
          reason:
            "the grid has \(count) combinations, and trials is \(trials); leave the number of trials out, or search at "
            + "random")
      }
    }
    if method == .halving {
      let fewest = pow(Double(reduction), Double(budget.rungs.count - 1))
      guard Double(trials) >= fewest else {
        throw .invalid(
          reason:
            "of \(trials) trials none would get the whole budget; start at least \(Int(fewest)), or take fewer rungs"
        )
      }
    }
  }

  /// The values of a trial, by dotted keys: they follow from the seed, its number and the trials before it.
  ///
  /// - Parameter earlier: the values of the trials with smaller numbers.
  /// - Returns: nil where no combination is left that was not tried.
  func values(
    of number: Int, after earlier: [[String: ConfigurationValue]]
  ) -> [String: ConfigurationValue]? {
    if method == .grid { return space.combination(number) }
    if let count = space.count, earlier.count >= count { return nil }
    // Of small spaces most draws may be taken already.
    let attempts = 10_000
    for attempt in 0..<attempts {
      var generator = SeededGenerator(
        seed: UInt64(seed), purpose: attempt == 0 ? "trial" : "trial \(attempt)", epoch: number)
      let drawn = space.draw(using: &generator)
      if !earlier.contains(drawn) { return drawn }
    }
    return nil
  }
}
