/// How the threads of an operation work together: how many there are, and whether they sleep soon where they wait.
package struct ThreadSetting: Hashable, Sendable {
  /// Threads of an operation; numbers depend on it.
  package var threads: Int
  /// Whether threads sleep soon where they wait for each other; numbers do not depend on it.
  package var isBrief: Bool

  package init(threads: Int, isBrief: Bool) {
    self.threads = threads
    self.isBrief = isBrief
  }
}

/// Chooses the fastest of a few settings by the times of steps: now and then, and at once where steps take longer than
/// they did, every setting is timed for a moment.
///
/// Beside a busy process an operation's threads wait for the one that has no processor, turning in a loop on
/// processors that others want; which remedy is best depends on the sizes of operations and on the machine.
package struct ThreadChooser {
  /// What is in force.
  package var setting: ThreadSetting { settings[current] }

  /// Whether no comparison is going on.
  package var isSettled: Bool { current == chosen && trials.allSatisfy { $0 == nil } }

  /// What is chosen from; the first is best on a machine that does nothing else.
  package let settings: [ThreadSetting]
  private var current = 0
  private var chosen = 0
  /// Seconds a step of the last trial of each setting, in the present comparison.
  private var trials: [Double?]
  private var window = (steps: 0, seconds: 0.0)
  /// Seconds a step in the best window since the last comparison.
  private var best = Double.infinity
  private var sinceComparison = 0.0
  private var comparisonCost = 0.0
  private var patience = Self.leastPatience
  private var warmingUp = Self.warmUp

  /// Steps that are not timed: the first ones select kernels and fill caches.
  private static let warmUp = 3
  /// A setting is timed over this many steps at least, and this many seconds.
  private static let windowSteps = 3
  private static let windowSeconds = 0.4
  /// Steps that take longer by this factor than they did are a reason to compare.
  private static let slower = 1.3
  /// A trial ends early where its steps take longer than the fastest by this factor.
  private static let hopeless = 1.5
  /// A later setting must be faster than an earlier one by this factor.
  private static let clearly = 0.93
  private static let leastPatience = 5.0
  private static let mostPatience = 120.0
  /// Where something else than the first setting is in force, which is to end with its reason.
  private static let mostPatienceAside = 20.0
  /// Comparisons take at most this share of the time.
  private static let share = 0.02

  /// - Parameters:
  ///   - threads: how many an operation has where nothing else runs.
  ///   - adapts: whether their number may be changed, which changes the last bits of results.
  package init(threads: Int, adapts: Bool) {
    var settings = [ThreadSetting(threads: threads, isBrief: false)]
    if threads > 1 { settings.append(ThreadSetting(threads: threads, isBrief: true)) }
    if adapts {
      var fewer: [Int] = []
      for count in [threads - 1, threads / 2, 1] where count >= 1 && count < threads {
        if !fewer.contains(count) { fewer.append(count) }
      }
      settings += fewer.map { ThreadSetting(threads: $0, isBrief: true) }
    }
    self.settings = settings
    trials = Array(repeating: nil, count: settings.count)
  }

  /// Takes note of a step's time in seconds.
  ///
  /// - Returns: the setting for the next step where it is another one.
  package mutating func observe(_ seconds: Double) -> ThreadSetting? {
    guard settings.count > 1, seconds.isFinite, seconds >= 0 else { return nil }
    guard warmingUp == 0 else {
      warmingUp -= 1
      return nil
    }
    window.steps += 1
    window.seconds += seconds
    sinceComparison += seconds
    let mean = window.seconds / Double(window.steps)
    let fastest = trials.compactMap(\.self).min() ?? .infinity
    guard window.seconds >= Self.windowSeconds,
      window.steps >= Self.windowSteps || mean > Self.hopeless * fastest
    else { return nil }
    let isComparing = fastest < .infinity
    if !isComparing {
      let isSlower = mean > Self.slower * best
      best = min(best, mean)
      if isSlower { patience = Self.leastPatience }
      guard isSlower || sinceComparison >= max(patience, comparisonCost / Self.share) else {
        window = (0, 0)
        return nil
      }
      comparisonCost = 0
    }
    let before = current
    comparisonCost += window.seconds
    window = (0, 0)
    trials[current] = mean
    advance()
    return current == before ? nil : setting
  }

  /// Goes on to a setting that was not tried yet, or ends the comparison.
  private mutating func advance() {
    if let next = trials.firstIndex(where: { $0 == nil }) {
      current = next
      return
    }
    var winner = 0
    for index in settings.indices.dropFirst()
    where (trials[index] ?? .infinity) < Self.clearly * (trials[winner] ?? .infinity) {
      winner = index
    }
    let most = winner == 0 ? Self.mostPatience : Self.mostPatienceAside
    patience = winner == chosen ? min(2 * patience, most) : Self.leastPatience
    best = trials[winner] ?? .infinity
    (chosen, current) = (winner, winner)
    trials = Array(repeating: nil, count: settings.count)
    sinceComparison = 0
  }
}
