public import AtelierCore
import AtelierData
public import AtelierMetrics
import AtelierTraining
import Perception
import Torch

/// The translations of the held-out part in one direction, by one run or by several side by side, with
/// baselines: what the measures of a direction share.
public final class TranslationMaterial {
  /// The runs, in the order of their columns.
  public let subjects: [TranslationSubject]
  /// The direction, of the first run.
  public let direction: TranslationDirection
  /// What was asked for.
  public let options: EvaluationOptions
  /// Told what is being done, for long work.
  public let say: (String) -> Void
  /// Where translations and baselines come from.
  let pass: any TranslationPass
  private var measured: [String] = []
  private var tallies: [String: any ExampleTally] = [:]
  private var found: [String: [MeasuredColumns]] = [:]

  init(
    _ subjects: [TranslationSubject], _ direction: TranslationDirection, _ pass: any TranslationPass,
    options: EvaluationOptions, say: @escaping (String) -> Void
  ) {
    self.subjects = subjects
    self.direction = direction
    self.pass = pass
    self.options = options
    self.say = say
  }

  /// The names of the columns: the runs, then the baselines. None before the first example was seen.
  public var columns: [String] { pass.columns }

  /// How many of the columns are runs.
  public var runs: Int { subjects.count }

  /// Whether outputs stand beside the images that they should be; false for sets without correspondence.
  public var isPaired: Bool { subjects[0].plan.unpairedSets == nil }

  /// The channels of the targets.
  public var channels: Int { pass.channels }

  /// Pixels that are cut off each side before images are compared.
  public var border: Int { pass.border }

  /// What was left out, and the way to it.
  var notes: [String] { pass.notes + measured + pass.closingNotes }

  /// Tells why a number is missing; the same reason is kept once.
  public func note(_ reason: String) {
    if !measured.contains(reason) { measured.append(reason) }
  }

  /// What numbers were measured on.
  public func provenance(_ more: Provenance = Provenance()) -> Provenance {
    var facts: Provenance = ["data": pass.dataName]
    facts = facts.merging(pass.facts).merging(more)
    facts["seed"] = "\(options.seed)"
    return facts
  }

  /// Translates every example once and shows it to all measures; several processes translate a part each, and process 0
  /// has what all measured.
  ///
  /// - Returns: whether that is so; not where a process found no example in its part that can be measured.
  func gather(_ measures: [any ExampleMeasure], by processes: MeasuringProcesses) throws -> Bool {
    var isFirst = true
    let part = processes.part(of: pass.total)
    try pass.run(part) { example in
      if isFirst {
        isFirst = false
        for measure in measures { tallies[type(of: measure).id] = try measure.tally(self) }
      }
      for measure in measures { try tallies[type(of: measure).id]?.add(example) }
    }
    guard part.count < pass.total else { return true }
    guard try !processes.any(isFirst) else { return false }
    pass.leftOut = try processes.gathered(pass.leftOut).reduce(0, +)
    for measure in measures {
      guard let tally = tallies[type(of: measure).id] else { continue }
      try tally.adopt(try tally.collected.map { try processes.rows($0) })
    }
    return true
  }

  /// What a measure that was gathered gave.
  func results(of id: String) throws -> [MeasuredColumns] {
    if let known = found[id] { return known }
    let results = try tallies[id]?.results() ?? []
    found[id] = results
    return results
  }

  // MARK: Features

  private var loaded: [any FeatureSource]?

  /// The sources of features that are there: the Inception of the FID paper, from a named file or the store,
  /// and EfficientNet-Lite0 where it is installed. The distances are named after them; where there is none, the
  /// notes say so.
  ///
  /// - Throws: `PerceptionError` or `FileFormatError` for weights that are there but damaged.
  func featureSources() throws -> [any FeatureSource] {
    if let loaded { return loaded }
    var sources: [any FeatureSource] = []
    let weights = options.weights
    let hasStoredInception = weights.folder != nil && weights.contains(InceptionFID.storedName)
    if let file = options.inceptionWeights {
      sources.append(try InceptionFID.load(from: file, resize: options.inceptionResize))
    } else if hasStoredInception {
      // A store that draws its weights does not draw these.
      sources.append(try InceptionFID.load(from: weights, resize: options.inceptionResize))
    }
    if weights.contains("efficientnet-lite0") {
      sources.append(try EfficientNetLiteFeatures(from: weights))
    }
    if sources.isEmpty {
      note(
        "Fréchet and kernel distance not measured: `atelier weights install efficientnet-lite0` fetches a "
          + "source of features, `atelier weights import` takes the FID paper's Inception")
    }
    loaded = sources
    return sources
  }
}

/// Where the translated examples of a direction come from.
protocol TranslationPass: AnyObject {
  /// The names of the columns, runs first.
  var columns: [String] { get }
  /// The channels of the targets, once the first example was seen.
  var channels: Int { get }
  /// Pixels that are cut off each side before images are compared.
  var border: Int { get }
  /// What the data and their part are called.
  var dataName: String { get }
  /// What was measured on, beside the data's name.
  var facts: Provenance { get }
  /// The heading of the table, after the pass.
  var title: String { get }
  /// What the columns are.
  var notes: [String] { get }
  /// What was left out.
  var closingNotes: [String] { get }
  /// Images of the first examples, none selected.
  var examples: [TranslationExample] { get }
  /// How many places there are for examples.
  var total: Int { get }
  /// How many of them hold nothing that can be measured.
  var leftOut: Int { get set }

  /// Shows every example of a part that can be measured.
  func run(_ part: Range<Int>, _ visit: (TranslatedExample) throws -> Void) throws
}
