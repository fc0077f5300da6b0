public import AtelierCore
public import AtelierMetrics

/// Average detection distance and missed detection rate of a game's object (Menapace et al. 2021): how far it is in played
/// frames from where it is in the real ones, in pixels, and in which share of frames it is not found.
public struct DetectionDistanceMeasure: Measure {
  /// What options and numbers name it by.
  public static let id = "detection"

  /// The settings.
  public typealias Options = TrackedObjectOptions

  /// The settings.
  public var options = Options()

  /// The measure.
  public init() {}

  /// Systems whose videos are played.
  public func applies(to plan: SystemPlan) -> Bool { plan.ability(VideoPlaying.self) != nil }

  /// The numbers; none where there are no held-out videos with label maps.
  public func measure(_ context: EvaluationContext) throws -> [MeasuredNumber] {
    guard let (material, object) = try context.trackedObject(options) else { return [] }
    typealias Part = (TrackedObject.Places) -> [ColourDetector.Place?]
    func rates(_ part: Part) -> (distances: [Double], missed: [Double]) {
      var (distances, missed) = ([Double](), [Double]())
      for places in object.places {
        let there = zip(places.real, part(places)).dropFirst(material.given).compactMap { real, found in
          real.map { ($0, found) }
        }
        guard !there.isEmpty else { continue }
        missed.append(Double(there.count { $0.1 == nil }) / Double(there.count))
        let known = there.compactMap { real, found in found.map { real.distance(to: $0) } }
        if !known.isEmpty { distances.append(known.reduce(0, +) / Double(known.count)) }
      }
      return (distances, missed)
    }
    func mean(_ values: [Double]) -> Double? {
      values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
    }
    let (made, real) = (rates { $0.made }, rates { $0.found })
    let beside = material.baselines.indices.map { number in rates { $0.beside[number] } }
    let provenance = material.provenance(context, ["object": object.name])
    let seed = UInt64(context.options.seed)
    var numbers: [MeasuredNumber] = []
    if !made.distances.isEmpty {
      numbers.append(
        try MeasuredNumber(
          id: "detection-distance", name: "average detection distance", meanOf: made.distances, seed: seed,
          better: .smaller, realAgainstReal: mean(real.distances),
          baselines: material.baselines(at: { mean(beside[$0].distances) }),
          provenance: provenance,
          protocolText: object.setting + "; pixels, of frames in which it is found"))
    }
    numbers.append(
      try MeasuredNumber(
        id: "missed-detections", name: "missed detections", meanOf: made.missed, seed: seed, better: .smaller,
        realAgainstReal: mean(real.missed),
        baselines: material.baselines(at: { mean(beside[$0].missed) }), provenance: provenance,
        protocolText: object.setting + "; share of the frames that show it"))
    return numbers
  }
}
