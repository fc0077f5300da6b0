import AtelierTraining
import Testing

/// Times of steps on a machine that is told what else runs on it; no clock.
private struct Machine {
  var chooser: ThreadChooser
  var now = 0.0
  /// Seconds of training in each setting.
  var spent: [ThreadSetting: Double] = [:]

  init(threads: Int, adapts: Bool) { chooser = ThreadChooser(threads: threads, adapts: adapts) }

  /// Trains for some seconds, a step of a setting taking what `seconds` says.
  mutating func train(for duration: Double, _ seconds: (ThreadSetting) -> Double) -> Int {
    let end = now + duration
    var steps = 0
    while now < end {
      let setting = chooser.setting
      let step = seconds(setting)
      now += step
      spent[setting, default: 0] += step
      steps += 1
      _ = chooser.observe(step)
    }
    return steps
  }
}

struct ThreadChooserTests {
  /// Seconds of cgan's step on two cores, as measured.
  private static func alone(_ setting: ThreadSetting) -> Double {
    setting.threads == 1 ? 0.026 : setting.isBrief ? 0.021 : 0.018
  }
  private static func busy(_ setting: ThreadSetting) -> Double {
    setting.threads == 1 ? 0.026 : setting.isBrief ? 0.041 : 0.055
  }

  @Test func nothingIsLostWhereNothingElseRuns() {
    for adapts in [false, true] {
      var machine = Machine(threads: 2, adapts: adapts)
      let steps = machine.train(for: 600, Self.alone)
      #expect(Double(steps) > 0.99 * 600 / 0.018)
      #expect(machine.chooser.setting == ThreadSetting(threads: 2, isBrief: false))
    }
  }

  @Test func besideABusyProgramTheFastestSettingIsTakenAndLeftAgain() {
    var machine = Machine(threads: 2, adapts: true)
    _ = machine.train(for: 60, Self.alone)
    let steps = machine.train(for: 120, Self.busy)
    #expect(Double(steps) > 0.9 * 120 / 0.026)
    #expect(machine.chooser.setting.threads == 1 || machine.spent.keys.contains { $0.threads == 1 })
    // Two comparisons may pass before the first setting is back.
    _ = machine.train(for: 50, Self.alone)
    let after = machine.train(for: 60, Self.alone)
    #expect(Double(after) > 0.97 * 60 / 0.018)
  }

  @Test func aRunThatIsExactKeepsItsThreads() {
    var machine = Machine(threads: 2, adapts: false)
    _ = machine.train(for: 60, Self.alone)
    let steps = machine.train(for: 120, Self.busy)
    #expect(Double(steps) > 0.9 * 120 / 0.041)
    #expect(machine.spent.keys.allSatisfy { $0.threads == 2 })
  }

  @Test func aRunThatBeginsBesideABusyProgramAdaptsToo() {
    var machine = Machine(threads: 2, adapts: true)
    let steps = machine.train(for: 120, Self.busy)
    #expect(Double(steps) > 0.85 * 120 / 0.026)
  }

  @Test func aSettingThatIsTwentyTimesSlowerIsTriedSeldom() {
    var machine = Machine(threads: 2, adapts: true)
    _ = machine.train(for: 600) { $0.threads == 1 ? 1 : $0.isBrief ? 1.3 : 11 }
    #expect((machine.spent[ThreadSetting(threads: 2, isBrief: false)] ?? 0) < 0.15 * machine.now)
  }

  @Test func oneThreadHasNothingToChoose() {
    var machine = Machine(threads: 1, adapts: true)
    _ = machine.train(for: 30) { _ in 0.1 }
    #expect(machine.spent.keys.count == 1)
  }

  @Test func ofManyThreadsSeveralCountsAreTried() {
    let settings = ThreadChooser(threads: 16, adapts: true).settings
    #expect(settings.map(\.threads) == [16, 16, 15, 8, 1])
    #expect(ThreadChooser(threads: 16, adapts: false).settings.allSatisfy { $0.threads == 16 })
  }

  @Test func timesThatAreNoneChangeNothing() {
    var chooser = ThreadChooser(threads: 2, adapts: true)
    #expect(chooser.observe(.nan) == nil)
    #expect(chooser.observe(-1) == nil)
  }
}

@Suite struct WaitingRuleTests {
  /// What comes of looks, one after the other.
  private func changes(_ looks: [Double]) -> [Bool?] {
    var rule = WaitingRule()
    return looks.map { rule.observe($0) }
  }

  @Test func aSingleInterruptedLookChangesNothing() {
    #expect(changes([100, 0, 100, 0, 0]).allSatisfy { $0 == nil })
  }

  @Test func threadsSleepWhileOthersComputeAndTurnAgainAfterThreeQuietSeconds() {
    let busy = changes([60, 60, 60] + [Double](repeating: 0, count: 13))
    #expect(busy[1] == true)
    #expect(busy.firstIndex { $0 == false } == 14)
    #expect(busy.compactMap(\.self) == [true, false])
  }

  @Test func whatLiesBetweenTheBoundsKeepsWhatIsSo() {
    #expect(changes([20, 20, 20, 20]).allSatisfy { $0 == nil })
    #expect(changes([60, 60] + [Double](repeating: 15, count: 40)).compactMap(\.self) == [true])
  }
}
