import Atelier
import Foundation
import TestSupport
import Testing

/// Spaces, plans and states of searches: what is tried, what goes on, and what a file says of it.
@Suite struct SearchTests {
  private struct Keys: SystemConfiguration {
    var learningRate = 0.01
    var layers = 2
    var width: Int? = nil
    var name = "a"
    var isDeep = false
    var weights = Weights()
    var batchSize = 4

    struct Weights: Codable, Sendable, Hashable { var l1 = 1.0 }
    static let presets = [Preset("paper", "keys", Keys())]
    var plan: SystemPlan { ToySystem.Configuration().plan }
    func validate() throws(ConfigurationError) {}
  }

  private func space(_ text: String) throws -> SearchSpace {
    try SearchSpace(ConfigurationFile.parse(text, named: "space.yaml"), named: "space.yaml", for: Keys())
  }

  private func plan(
    _ text: String, _ method: SearchMethod, trials: Int, budget: SearchBudget = SearchBudget(.steps, 10),
    reduction: Int = 3, seed: Int = 0
  ) throws -> SearchPlan {
    SearchPlan(
      system: "toy", preset: nil, data: "/data", configuration: [:], space: try space(text), method: method,
      trials: trials, budget: budget, reduction: reduction, measure: "label-accuracy", number: nil,
      samples: 20, seed: seed, options: [], folder: "/")
  }

  private func number(_ value: Double, _ better: Better = .smaller) -> [MeasuredNumber] {
    [MeasuredNumber(id: "error", name: "error", value: value, better: better, protocolText: "p")]
  }

  // MARK: Spaces

  @Test func listsAndRangesAreReadByKeyInAlphabeticalOrder() throws {
    let space = try space(
      """
      weights: {l1: [1, 10]}
      learningRate: {from: 0.0001, to: 0.01, scale: log}
      layers: {from: 1, to: 3}
      width: [null, 8]
      """)
    #expect(space.keys == ["layers", "learningRate", "weights.l1", "width"])
    #expect(space.dimensions[0].range?.isWhole == true && space.dimensions[1].range?.isLogarithmic == true)
    #expect(space.count == nil)
    let laid = SearchSpace.overlaying(["weights.l1": 10, "layers": 3], on: ["name": "b"])
    #expect(laid == ["name": "b", "layers": 3, "weights": .table(["l1": 10])])
  }

  @Test(
    arguments: [
      ("learningrate: [1, 2]", ["learningrate", "learningRate"]),
      ("layers: [1, two]", ["'two'", "layers", "a whole number"]),
      ("layers: 3", ["layers", "one value", "list"]),
      ("layers: []", ["layers", "empty"]), ("layers: [1, 1]", ["layers", "'1' twice"]),
      ("layers: {from: 1, to: 2.5}", ["layers", "whole", "2.5"]),
      ("layers: {from: 4, to: 1}", ["layers", "4", "1"]),
      ("learningRate: {from: 0, to: 1, scale: log}", ["learningRate", "logarithm"]),
      ("learningRate: {from: 0.1, to: 1, scale: cubic}", ["learningRate", "cubic", "linear"]),
      ("learningRate: {from: 0.1, too: 1}", ["learningRate", "'too'"]),
      ("learningRate: {from: 0.1}", ["learningRate", "'to'", "missing"]),
      ("learningRate: {from: 0, to: 1, points: 1}", ["learningRate", "points"]),
      ("name: {from: 0, to: 1}", ["name"]), ("isDeep: {from: 0, to: 1}", ["isDeep"]),
      ("weights.l2: [1, 2]", ["weights.l2", "weights.l1"]), ("", ["names no key"]),
    ])
  func aSpaceThatDoesNotFitNamesItsKeyAndTheWayOut(_ text: String, _ words: [String]) throws {
    let error = #expect(throws: ConfigurationError.self) { try space(text) }
    let sentence = error?.description ?? ""
    #expect(sentence.hasPrefix("space.yaml"), "\(sentence)")
    for word in words { #expect(sentence.contains(word), "\(word): \(sentence)") }
    #expect(!sentence.contains("\n"))
  }

  @Test func drawsStayInTheirRangesAndFollowTheSeedAlone() throws {
    let text = """
      learningRate: {from: 0.0001, to: 0.01, scale: log}
      layers: {from: 1, to: 3}
      weights.l1: {from: -1, to: 1}
      """
    func values(_ seed: Int) throws -> [[String: ConfigurationValue]] {
      var state = SearchState(try plan(text, .random, trials: 60, seed: seed))
      while let next = state.next(underWay: Set(state.trials.map(\.number))) { state.begin(next) }
      return state.trials.map(\.values)
    }
    let drawn = try values(3)
    #expect(drawn.count == 60 && Set(drawn).count == 60)
    #expect(try values(3) == drawn && values(4) != drawn)
    var (small, seen) = (0, Set<Int>())
    for trial in drawn {
      guard case .number(let rate)? = trial["learningRate"], case .integer(let layers)? = trial["layers"],
        case .number(let weight)? = trial["weights.l1"]
      else {
        Issue.record("\(trial)")
        continue
      }
      #expect((0.0001...0.01).contains(rate) && (1...3).contains(layers) && (-1...1).contains(weight))
      if rate < 0.001 { small += 1 }
      seen.insert(layers)
    }
    // Half of a logarithmic range lies below its geometric middle; of a linear one a tenth would.
    #expect((20...40).contains(small) && seen == [1, 2, 3])
  }

  @Test func aGridHasEveryCombinationOnce() throws {
    let text = "layers: {from: 1, to: 3}\nlearningRate: {from: 0, to: 1, points: 3}\nisDeep: [true, false]"
    #expect(try space(text).count == 18)
    var state = SearchState(try plan(text, .grid, trials: 18))
    while let next = state.next(underWay: Set(state.trials.map(\.number))) { state.begin(next) }
    #expect(Set(state.trials.map(\.values)).count == 18)
    #expect(
      state.trials[1].values == ["isDeep": true, "layers": 1, "learningRate": .number(0.5)],
      "\(state.trials[1].values)")
    for (text, method, trials, words) in [
      ("learningRate: {from: 0, to: 1}", SearchMethod.grid, 3, ["learningRate", "points"]),
      (text, .grid, 4, ["18 combinations"]), (text, .halving, 2, ["at least 9"]),
    ] {
      let budget = try SearchBudget(.steps, 90, rungs: 3, reduction: 3)
      let error = #expect(throws: TrainingError.self) {
        try plan(text, method, trials: trials, budget: budget).validate()
      }
      for word in words { #expect(error?.description.contains(word) == true, "\(String(describing: error))") }
    }
  }

  @Test func aSmallSpaceEndsWithItsLastCombination() throws {
    var state = SearchState(try plan("layers: [1, 2, 3]", .random, trials: 9))
    while let next = state.next() {
      state.begin(next)
      try state.record(next, step: 10, numbers: number(1))
    }
    #expect(state.trials.count == 3 && state.isExhausted)
    #expect(Set(state.trials.map(\.values)) == [["layers": 1], ["layers": 2], ["layers": 3]])
  }

  // MARK: Halving

  @Test func budgetsRiseByTheReduction() throws {
    #expect(try SearchBudget(.steps, 900, rungs: 3, reduction: 3).rungs == [100, 300, 900])
    #expect(try SearchBudget(.seconds, 8, rungs: 3, reduction: 2).rungs == [2, 4, 8])
    #expect(throws: TrainingError.self) { try SearchBudget(.steps, 4, rungs: 4, reduction: 3) }
  }

  @Test func ofEveryRungTheBestThirdGoesOn() throws {
    let budget = try SearchBudget(.steps, 90, rungs: 3, reduction: 3)
    let text = "learningRate: {from: 0, to: 1}"
    for better in [Better.smaller, .larger] {
      var state = SearchState(try plan(text, .halving, trials: 9, budget: budget))
      var order: [SearchState.Assignment] = []
      while let next = state.next() {
        state.begin(next)
        order.append(next)
        // The smaller its number, the better the trial.
        let value = Double(next.trial) * (better == .larger ? -1 : 1)
        try state.record(
          next, step: Int(budget.rungs[next.rung]), numbers: number(value, better))
      }
      #expect(order.count { $0.rung == 0 } == 9)
      // One of three, two of six, three of nine go on; then one of those three.
      #expect(order.map(\.trial) == [1, 2, 3, 1, 4, 5, 6, 2, 7, 8, 9, 3, 1])
      #expect(order.filter { $0.rung == 1 }.map(\.trial) == [1, 2, 3])
      #expect(order.filter { $0.rung == 2 }.map(\.trial) == [1])
      #expect(state.best?.number == 1 && state.ranking.map(\.number) == Array(1...9))
      #expect(state.best?.results.map(\.step) == [10, 30, 90])
    }
  }

  @Test func aTrialThatFailsIsKeptWithItsSentenceAndCountsAmongTheOthers() throws {
    let budget = try SearchBudget(.steps, 90, rungs: 2, reduction: 3)
    var state = SearchState(try plan("layers: [1, 2, 3]", .halving, trials: 3, budget: budget))
    for value in [1.0, .nan, 2] {
      let next = try #require(state.next())
      state.begin(next)
      if value == 2 {
        state.fail(next, "the data are gone")
      } else {
        try state.record(next, step: 30, numbers: number(value))
      }
    }
    #expect(state.trials.map(\.failure) == [nil, "error is not a finite number", "the data are gone"])
    let next = state.next()
    #expect(next?.trial == 1 && next?.rung == 1)
    #expect(state.ranking.map(\.number) == [1, 2, 3])
  }

  @Test func theNumberThatDecidesMustBeMeasured() throws {
    var wanted = try plan("layers: [1, 2]", .random, trials: 2)
    wanted.number = "beauty"
    var state = SearchState(wanted)
    let next = try #require(state.next())
    state.begin(next)
    let error = #expect(throws: TrainingError.self) { try state.record(next, step: 1, numbers: number(1)) }
    #expect(error?.description.contains("beauty") == true && error?.description.contains("error") == true)
    #expect(state.trials[0].present == 0)
  }

  // MARK: Files

  @Test func aStateIsWrittenAndReadAndGoesOnWhereItWas() throws {
    let folder = try TemporaryFolder()
    let budget = try SearchBudget(.steps, 90, rungs: 3, reduction: 3)
    let text = "learningRate: {from: 0.001, to: 1, scale: log}\nweights.l1: [1, 2.5]"
    var whole = SearchState(try plan(text, .halving, trials: 12, budget: budget))
    var broken = whole
    func work(_ state: inout SearchState, _ next: SearchState.Assignment) throws {
      let value = Double((next.trial * 7) % 12)
      try state.record(next, step: Int(budget.rungs[next.rung]), numbers: number(value))
    }
    while let next = whole.next() {
      whole.begin(next)
      try work(&whole, next)
    }
    let file = folder("search.json")
    // Killed between the beginning and the end of every trial.
    while let next = broken.next() {
      broken.begin(next)
      try broken.write(to: file)
      broken = try SearchState.read(file)
      #expect(broken.next() == next)
      try work(&broken, next)
      try broken.write(to: file)
      broken = try SearchState.read(file)
    }
    #expect(broken == whole)
    for (damage, words) in [("{", "damaged"), ("{}", "damaged")] {
      try Data(damage.utf8).write(to: file)
      let error = #expect(throws: TrainingError.self) { try SearchState.read(file) }
      #expect(
        error?.description.contains(words) == true && error?.description.contains("search.json") == true)
    }
    let nothing = #expect(throws: TrainingError.self) { try SearchState.read(folder("none/search.json")) }
    #expect(nothing?.description.contains("no search") == true)
  }

  @Test func aStateThatDoesNotFitTogetherIsRefused() throws {
    let folder = try TemporaryFolder()
    let file = folder("search.json")
    var state = SearchState(try plan("layers: {from: 1, to: 4}", .random, trials: 3))
    state.begin(try #require(state.next()))
    try state.write(to: file)
    let text = try String(contentsOf: file, encoding: .utf8)
    for (old, new) in [
      (#""number" : 1"#, #""number" : 2"#), (#""present" : 0"#, #""present" : 4"#),
      (#""lower" : 1"#, #""lower" : 9"#), (#""upper" : 4"#, #""upper" : 1e300"#),
      (#""format" : 1"#, #""format" : 9"#), (#""trials" : 3"#, #""trials" : 0"#),
    ] {
      #expect(text.contains(old), "\(old) in \(text)")
      try Data(text.replacing(old, with: new).utf8).write(to: file)
      #expect(throws: TrainingError.self, "\(new)") { try SearchState.read(file) }
    }
  }

  @Test func theReportTabulatesDrawsAndNamesNothingFromElsewhere() throws {
    let folder = try TemporaryFolder()
    var state = SearchState(
      try plan("learningRate: {from: 0.001, to: 1, scale: log}\nname: [a, <b>]", .random, trials: 4))
    while let next = state.next() {
      state.begin(next)
      if next.trial == 4 {
        state.fail(next, "a | b\nc")
      } else {
        try state.record(next, step: 10, numbers: number(Double(next.trial)))
      }
    }
    let place = SearchFolder(folder.url)
    let best = try RunDirectory.create(at: place.run(of: state.trials[0]))
    let run = RunConfiguration(
      system: "toy", options: TrainingOptions(), configuration: ["name": "b", "learningRate": 0.5],
      keys: ["learningRate", "name"])
    try Data(run.text().utf8).write(to: best.configuration)
    let report = SearchReport(state, in: place)
    try report.write()
    let lines = report.text.split(separator: "\n")
    #expect(
      lines[0].hasPrefix("trial  learningRate") && lines[1].hasPrefix("1 ") && lines[1].hasSuffix("best"))
    #expect(report.summary == "4 of 4 trials, 3 measured by label-accuracy (smaller is better), 1 failed")
    let markdown = try String(contentsOf: place.report, encoding: .utf8)
    #expect(markdown.contains("failed: a \\| b c"))
    let page = try String(contentsOf: place.page, encoding: .utf8)
    #expect(page.components(separatedBy: "<polyline").count == 4)
    #expect(page.contains("&lt;b&gt;") && !page.contains("<b>"))
    #expect(!page.contains("<script") && !page.contains("http") || page.contains("http-equiv"))
    #expect(!page.contains("http://") && !page.contains("https://"))
    #expect(try ConfigurationFile.read(place.best) == ["learningRate": 0.5, "name": "b"])
  }
}
