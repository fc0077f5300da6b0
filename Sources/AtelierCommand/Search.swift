import ArgumentParser
import Atelier
import Foundation

/// `atelier search`: many trainings of one system with other configuration keys, and the best of them.
struct Search: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Trains a system with many configurations and finds the best one by a measure.",
    discussion: """
      Every trial is an ordinary run, trained by `atelier train` and measured by `atelier evaluate --part validation`, \
      each a process of its own. The space names configuration keys with their values or ranges:

        learningRate: {from: 0.0001, to: 0.01, scale: log}
        batchSize: [16, 32, 64]
        layers: {from: 1, to: 4}

      --method random draws combinations, grid takes all of them, halving trains all for a share of the budget and lets \
      the best part of each rung go on from its checkpoints (ASHA). A trial that fails is named, and the search goes on. \
      What stands behind -- goes to every training as it is. A search that was ended, however, is resumed.

        atelier search dcgan --data photos --space space.yaml --trials 20 --steps 2000 --measure frechet-distance
        atelier search vae --data photos --space space.yaml --method halving --trials 27 --steps 9000 --measure reconstruction-error --parallel 2 -- --hold-out-validation 0.1
        atelier search --resume runs/search-dcgan-photos-001
        atelier train dcgan --data photos --configuration runs/search-dcgan-photos-001/best.yaml --epochs 50
      """)

  @Argument(help: "The system's name; `atelier systems` lists them.")
  var system: String?

  @Option(help: "A search's folder to go on with.", completion: .directory)
  var resume: String?

  @Option(help: "The data: a folder, a table, or a text file.", completion: .file())
  var data: String?

  @Option(
    help: "A YAML file of the keys to vary, each with a list of values or a range.",
    completion: .file(extensions: ["yaml", "yml"]))
  var space: String?

  @OptionGroup var choices: ConfigurationChoices

  @Option(help: "random, grid or halving (default: random).")
  var method: SearchMethod?

  @Option(help: "Trials; of a grid all combinations. On resuming: more of them.")
  var trials: Int?

  @Option(help: "Trials that are trained at a time.")
  var parallel = 1

  @OptionGroup(title: "The budget of a trial") var limits: Train.Limits

  @Option(help: "Of halving: how often trials are measured on the way to the whole budget (default: 3).")
  var rungs: Int?
  @Option(
    help: "Of halving: of so many trials of a rung one goes on, with so many times the budget (default: 3).")
  var reduction: Int?

  @Option(help: "The measure of `atelier evaluate` that decides, with its settings as ID:KEY=VALUE.")
  var measure: String?
  @Option(
    help:
      "The number of that measure that decides, by its id (default: the first that has a better direction).")
  var by: String?
  @Option(help: "Generated samples, or translated images, of each measurement (default: 500).")
  var samples: Int?
  @Option(help: "What the combinations follow from, and the seed of every training (default: 0).")
  var seed: Int?

  @Option(help: "The folder that holds runs (default: runs).", completion: .directory)
  var runs: String?
  @Option(
    help: "The search's folder itself, new or empty, instead of a numbered one.", completion: .directory)
  var folder: String?

  @Argument(
    parsing: .postTerminator,
    help: ArgumentHelp("Options of every training, behind --.", valueName: "training options"))
  var options: [String] = []

  func validate() throws {
    if (system == nil) == (resume == nil) {
      throw ValidationError("Name a system, or a search with --resume.")
    }
    if !(1...Self.mostParallel).contains(parallel) {
      throw ValidationError("--parallel must be 1 to \(Self.mostParallel).")
    }
    guard resume != nil else { return }
    let fixed: [(String, Bool)] = [
      ("--space", space != nil), ("--preset, --configuration and --set", !choices.isEmpty),
      ("--method", method != nil),
      (
        "--steps, --epochs and --seconds",
        limits.steps != nil || limits.epochs != nil || limits.seconds != nil
      ),
      ("--rungs", rungs != nil), ("--reduction", reduction != nil), ("--measure", measure != nil),
      ("--samples", samples != nil), ("--seed", seed != nil), ("--runs", runs != nil),
      ("--folder", folder != nil), ("the options behind --", !options.isEmpty),
    ]
    if let first = fixed.first(where: \.1) {
      throw ValidationError("A resumed search keeps what it recorded; leave \(first.0) out.")
    }
  }

  private static let mostParallel = 1024

  func run() throws {
    let folder: SearchFolder
    var state: SearchState
    if let resume {
      folder = SearchFolder(URL(fileURLWithPath: resume))
      state = try SearchState.read(folder.state)
      let place = try data.map { try PipedData.place($0).standardizedFileURL.path }
      try state.requireGoingOn(by: by, trials: trials)
      try state.change { plan in
        if let trials { plan.trials = trials }
        if let by { plan.number = by }
        if let place { plan.data = place }
      }
      try check(state.plan)
    } else {
      state = SearchState(try plan())
      try check(state.plan)
      folder = SearchFolder(
        try self.folder.map { try RunDirectory.emptyFolder(at: URL(fileURLWithPath: $0)) }
          ?? RunDirectory.numberedFolder(in: URL(fileURLWithPath: runs ?? "runs"), name: name(state.plan)))
    }
    let search = try SearchRun(state, in: folder, parallel: parallel)
    try search.run()
  }

  private func name(_ plan: SearchPlan) -> String {
    let data = plan.data.map { URL(fileURLWithPath: $0).deletingPathExtension().lastPathComponent }
    return ["search", plan.system, data ?? ""].filter { !$0.isEmpty }.joined(separator: "-")
  }

  // MARK: The plan

  /// What a new search is asked to do, with every option checked.
  private func plan() throws -> SearchPlan {
    let type = try AtelierTool.systems.system(named: system ?? "")
    func opened<System: GenerativeSystem>(_ type: System.Type) throws -> SearchPlan {
      let preset = try presetNamed(choices.preset, of: System.Configuration.self)
      let values = try choices.changed(preset.configuration)
      guard let space else {
        throw Refusal.usage("say what is to be varied: --space and a YAML file of keys with values or ranges")
      }
      let found = try SearchSpace(contentsOf: URL(fileURLWithPath: space), for: values)
      let shared = try choices.keysOfFile()
      let changed = try parsedKeys(choices.changes)
      let given = [shared, changed]
      if let twice = found.keys.first(where: { key in
        given.contains { $0.holds(SearchSpace.overlaying([key: .null], on: [:])) }
      }) {
        throw Refusal.usage("the key '\(twice)' is searched and given; leave it out of one of both")
      }
      let method = method ?? .random
      let wanted = try trials ?? (method == .grid ? found.count ?? 1 : requiredTrials())
      guard let measure else {
        throw Refusal.usage(
          "say what decides which trial is best: --measure and a measure of `atelier evaluate`")
      }
      if method != .halving,
        let given = rungs.map({ _ in "--rungs" }) ?? reduction.map({ _ in "--reduction" })
      {
        throw Refusal.usage("\(given) is of --method halving; leave it out, or choose that method")
      }
      let plan = SearchPlan(
        system: type.identity.name, preset: choices.preset,
        data: try data.map { try PipedData.place($0).standardizedFileURL.path }, configuration: shared,
        changes: choices.changes, space: found, method: method, trials: wanted, budget: try budget(method),
        reduction: reduction ?? 3,
        measure: measure, number: by, samples: samples ?? 500, seed: seed ?? 0, options: options,
        folder: FileManager.default.currentDirectoryPath)
      try plan.validate()
      return plan
    }
    return try opened(type)
  }

  private func requiredTrials() throws -> Int {
    throw Refusal.usage("say how many combinations are tried: --trials")
  }

  private func budget(_ method: SearchMethod) throws -> SearchBudget {
    let given: [(SearchBudget.Unit, Double)] = [
      limits.steps.map { (.steps, Double($0)) }, limits.epochs.map { (.epochs, $0) },
      limits.seconds.map { (.seconds, $0) },
    ].compactMap(\.self)
    guard given.count == 1, let (unit, whole) = given.first else {
      throw Refusal.usage("say how long a trial is trained, by one of --steps, --epochs and --seconds")
    }
    guard method == .halving else { return SearchBudget(unit, whole) }
    return try SearchBudget(unit, whole, rungs: rungs ?? 3, reduction: reduction ?? 3)
  }

  /// Refuses what every trial would fail at: options, data, the measure.
  private func check(_ plan: SearchPlan) throws {
    let type = try AtelierTool.systems.system(named: plan.system)
    let policy = ValidationPolicy(
      steps: 1, number: plan.number, measures: [plan.measure], samples: plan.samples)
    func check(_ values: [String: ConfigurationValue]) throws {
      try TrialCommands(plan).checkTraining(values) { train in
        try Training.requireMeasurable(
          train.opening(type, isCheck: true, reporter: QuietReporter()).data, by: policy, .by())
      }
    }
    // Where the preset does not fit, such as a batch larger than the data, searched values may.
    do { try check([:]) } catch { try check(plan.space.smallest) }
  }
}

extension [String: ConfigurationValue] {
  /// Whether it has a value at each place where another table has one.
  fileprivate func holds(_ other: Self) -> Bool {
    other.allSatisfy { key, value in
      guard let own = self[key] else { return false }
      guard case .table(let inner) = value, case .table(let table) = own else { return true }
      return table.holds(inner)
    }
  }
}
