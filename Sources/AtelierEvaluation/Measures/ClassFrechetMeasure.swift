public import AtelierCore
public import AtelierMetrics
import AtelierTraining
import Torch

/// The labels of three sets of images, and what the classes are called.
struct ClassLabels {
  /// What each sample was generated for.
  let samples: [Int]
  /// Of the real images that samples are compared with.
  let reference: [Int]
  /// Of the real images that stand in for samples.
  let comparison: [Int]
  /// The training images of each class.
  let trainingCounts: [Int]
  /// The classes' names.
  let names: [String]

  func name(_ label: Int) -> String { names.indices.contains(label) ? names[label] : "\(label)" }
}

/// Fréchet distances of class-conditional systems, class by class and by how frequent classes are in
/// training.
public struct ClassFrechetMeasure: Measure {
  /// What options and numbers name it by.
  public static let id = "class-frechet-distance"

  /// Drawing and features.
  public static let sharedWork = SharedWork.features

  /// The settings.
  public struct Options: Settings {
    /// Classes with fewer training images are few-shot; nil: as the evaluation has it.
    public var few: Int?
    /// Classes with more training images are many-shot; nil: as the evaluation has it.
    public var many: Int?

    /// The evaluation's bounds.
    public init() {}

    /// Checks the values.
    public func validate() throws(ConfigurationError) {
      guard let few, let many else { return }
      do { _ = try ShotGroups(few: few, many: many) } catch { throw ConfigurationError("\(error)") }
    }
  }

  /// The settings.
  public var options = Options()

  /// The measure.
  public init() {}

  /// Systems that draw images of classes.
  public func applies(to plan: SystemPlan) -> Bool {
    plan.drawsImages && plan.ability(LatentDecoding.self)?.classes != nil
  }

  /// The numbers; none where the system or its data do not have what they take.
  public func measure(_ context: EvaluationContext) throws -> [MeasuredNumber] {
    try context.judgedSamples().flatMap { judged in
      try judged.classes.map { try distances(judged.judge, of: judged.features, $0, context) } ?? []
    }
  }

  /// The most classes whose distances are told one by one; of more, those with the largest.
  private static let mostClasses = 30

  /// The class-wise Fréchet distances with their mean, and the stratified ones where the classes of the
  /// training set differ in how many images they have.
  ///
  /// A class, or a group of them, with fewer than ``SetDistances/fewest`` real or generated images has no
  /// distance; one with fewer than the features has one that is called for comparison only.
  private func distances(
    _ judge: SampleJudge, of generated: Tensor, _ labels: ClassLabels, _ context: EvaluationContext
  ) throws -> [MeasuredNumber] {
    let name = frechetDistanceName(for: judge.features)
    let each = labels.trainingCounts.indices.map { (name: labels.name($0), classes: [$0]) }
    let byClass = try judge.distances(of: generated, labels, groups: each.map(\.classes))
    var numbers: [MeasuredNumber] = []
    if let mean = byClass.own.mean {
      let intervals = try judge.intervals(around: byClass.own, of: generated, labels)
      numbers.append(
        MeasuredNumber(
          id: "\(Self.id)-mean", name: "class-wise \(name), mean", value: mean, interval: intervals.mean,
          better: .smaller, realAgainstReal: byClass.real.mean,
          provenance: judge.provenance(samples: generated.shape[0]),
          protocolText: setting(judge, byClass.own, each.map(\.name), unit: "class")
            + judge.told(intervals.mean)))
      numbers += told(
        judge, byClass, intervals.each, each, id: "\(Self.id)-one", name: { "\(name), class \($0)" },
        unit: "class")
    } else {
      let most = byClass.own.groups.map { min($0.realCount, $0.fakeCount) }.max() ?? 0
      context.say(
        "no class-wise \(name): a class needs \(SetDistances.fewest) real and as many generated pictures, and "
          + "the best has \(most) of both; draw more samples, or hold out more pictures")
    }
    let usual = context.options.shotGroups
    let strata = try ShotGroups(few: options.few ?? usual.few, many: options.many ?? usual.many)
      .groups(trainingCounts: labels.trainingCounts)
    guard strata.count > 1 else {
      if let only = strata.first {
        context.say("no stratified \(name): all classes are \(only.name); other bounds can be set")
      }
      return numbers
    }
    let grouped = try judge.distances(of: generated, labels, groups: strata.map(\.classes))
    for group in grouped.own.refused {
      let place = grouped.own.groups.firstIndex(of: group) ?? 0
      context.say(
        "no stratified \(name) of the \(strata[place].name) classes: \(group.realCount) real and "
          + "\(group.fakeCount) generated pictures, and \(SetDistances.fewest) of each are needed")
    }
    return numbers
      + told(
        judge, grouped, try judge.intervals(around: grouped.own, of: generated, labels).each, strata,
        id: "\(Self.id)-stratified", name: { "stratified \(name), \($0)" },
        unit: "group of classes")
  }

  /// A number for each group that has one; of many groups only those with the largest.
  private func told(
    _ judge: SampleJudge, _ distances: (own: GroupedFrechetDistance, real: GroupedFrechetDistance),
    _ intervals: [ConfidenceInterval?], _ groups: [(name: String, classes: [Int])], id: String,
    name: (String) -> String, unit: String
  ) -> [MeasuredNumber] {
    let known = distances.own.groups.indices.filter { distances.own.groups[$0].distance != nil }
    func distance(_ place: Int) -> Double { distances.own.groups[place].distance ?? 0 }
    let largest = Set(known.sorted { distance($0) > distance($1) }.prefix(Self.mostClasses))
    let selection =
      known.count > largest.count ? ", one of the \(largest.count) largest of \(known.count)" : ""
    return known.filter(largest.contains).map { place in
      let group = distances.own.groups[place]
      let warning =
        distances.own.deficient.contains(group)
        ? ", fewer pictures than the \(distances.own.features) features: for comparison only" : ""
      return MeasuredNumber(
        id: id, name: name(groups[place].name),
        value: distance(place), interval: intervals[place], better: .smaller,
        realAgainstReal: distances.real.groups[place].distance,
        provenance: judge.provenance(samples: group.fakeCount).merging(["reference": "\(group.realCount)"]),
        protocolText:
          "\(judge.facts), \(group.fakeCount) samples of the \(unit) against \(group.realCount) of "
          + judge.source + selection + warning + judge.told(intervals[place]))
    }
  }

  /// The protocol of a mean over groups: how many images they have, which were refused, which are doubtful.
  private func setting(
    _ judge: SampleJudge, _ distances: GroupedFrechetDistance, _ names: [String], unit: String
  ) -> String {
    let known = distances.groups.filter { $0.distance != nil }
    func range(_ counts: [Int]) -> String {
      let (least, most) = (counts.min() ?? 0, counts.max() ?? 0)
      return least == most ? "\(least)" : "\(least) to \(most)"
    }
    var text =
      "\(judge.facts), \(range(known.map(\.fakeCount))) samples against \(range(known.map(\.realCount))) of "
      + "\(judge.source) a \(unit), each of the \(known.count) classes counted once"
    let refused = distances.groups.indices.filter { distances.groups[$0].distance == nil }
    if !refused.isEmpty {
      let some =
        refused.prefix(5).map { names[$0] }.joined(separator: ", ") + (refused.count > 5 ? ", …" : "")
      text += "; left out: \(refused.count) with fewer than \(distances.fewest) pictures (\(some))"
    }
    if !distances.deficient.isEmpty {
      text +=
        "; \(distances.deficient.count) have fewer pictures than the \(distances.features) features: "
        + "for comparison only"
    }
    return text
  }
}

extension SampleJudge {
  /// The distances of groups of classes: of generated images' features, and of the real ones in their place.
  func distances(
    of generated: Tensor, _ labels: ClassLabels, groups: [[Int]]
  ) throws -> (own: GroupedFrechetDistance, real: GroupedFrechetDistance) {
    func distance(_ set: Tensor, _ setLabels: [Int]) throws -> GroupedFrechetDistance {
      try groupedFrechetDistance(
        real: reference, realLabels: labels.reference, fake: set, fakeLabels: setLabels, groups: groups,
        fewest: SetDistances.fewest)
    }
    return (try distance(generated, labels.samples), try distance(comparison, labels.comparison))
  }

  /// Features beyond this width make a distance a matter of seconds, and one of each class's halves of hours.
  private static let widestWithIntervals = 512

  /// The intervals of the mean over groups and of each group, by random halves of the real and of the generated images
  /// of every group; nil for a group without a distance, and for features that are too wide.
  func intervals(
    around distances: GroupedFrechetDistance, of generated: Tensor, _ labels: ClassLabels
  ) throws -> (mean: ConfidenceInterval?, each: [ConfidenceInterval?]) {
    var each = [ConfidenceInterval?](repeating: nil, count: distances.groups.count)
    let known = distances.groups.indices.filter { distances.groups[$0].distance != nil }
    guard let mean = distances.mean, distances.features <= Self.widestWithIntervals else {
      return (nil, each)
    }
    func rows(_ set: Tensor, _ setLabels: [Int], _ classes: [Int]) -> Tensor {
      let wanted = Set(classes)
      return set.indexSelected(0, Tensor(setLabels.indices.filter { wanted.contains(setLabels[$0]) }))
    }
    let sets = known.flatMap { place in
      let classes = distances.groups[place].classes
      return [rows(reference, labels.reference, classes), rows(generated, labels.samples, classes)]
    }
    let values = known.map { distances.groups[$0].distance ?? 0 }
    let found = try HalvesInterval(features: distances.features)(
      around: [mean] + values, of: sets, within: 0 ... .infinity,
      using: RandomStream(seed: seed, purpose: "halves of classes")
    ) { halves in
      let own = try stride(from: 0, to: halves.count, by: 2).map {
        try frechetDistance(real: halves[$0], fake: halves[$0 + 1])
      }
      return [own.reduce(0, +) / Double(own.count)] + own
    }
    for (place, interval) in zip(known, found.dropFirst()) { each[place] = interval }
    return (found[0], each)
  }
}
