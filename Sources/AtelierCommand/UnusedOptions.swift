import Atelier

/// Refuses options of `train` and `evaluate` that a system has no use for, so that none is swallowed.
enum UnusedOptions {
  /// An option that was given, and why a system has no use for it; nil where it has.
  typealias Given = (name: String, isGiven: Bool, lack: String?)

  /// Refuses the first option that is given and has no use.
  static func refuse(_ options: [Given], of system: String) throws {
    for option in options where option.isGiven {
      if let lack = option.lack {
        throw Refusal.usage("\(system) takes no \(option.name), because \(lack); leave it out")
      }
    }
  }
}

extension Train {
  /// Refuses options about reading data that the system's data do not know.
  func refuseUnused(_ plan: SystemPlan, of system: String) throws {
    let arrangement = plan.data?.arrangement
    let readsPairs = arrangement is ImagePairs
    let readsImages = arrangement is any ImageArrangement
    let noImages: String? = readsImages ? nil : "it does not read images"
    let noFit = arrangement is Faces ? nil : noImages
    let noPairs: String? = readsPairs ? nil : "it does not learn from pairs"
    let noData: String? = plan.data == nil ? "it learns from no data" : nil
    try UnusedOptions.refuse(
      [
        ("--data", data != nil, noData), ("--corrupt", reading.corrupt != nil, noFit),
        ("--fit", reading.fit != nil, noFit), ("--label-column", reading.labelColumn != nil, noImages),
        ("--derive", reading.derive != nil, noPairs), ("--side-by-side", reading.sideBySide, noPairs),
        (
          "--direction", reading.direction != nil,
          readsPairs || arrangement is UnpairedImages ? nil : "it has no direction to choose"
        ),
        (
          "--instances", reading.instances != nil,
          plan.components(InstancePlan.self).isEmpty ? "it is not conditioned on instances" : nil
        ), ("--hold-out", reading.holdOut != nil, noData),
        ("--hold-out-validation", reading.holdOutValidation != nil, noData),
      ], of: system)
  }
}

extension Evaluate {
  /// Refuses options that belong to measures of which none says anything about a system.
  func refuseUnused(_ plan: SystemPlan, of system: String, isTranslating: Bool) throws {
    func lack(_ measures: [any Measure.Type]) -> String? {
      let ids = measures.map { $0.id }
      let applies = MeasureList.standard.measures.contains {
        ids.contains(type(of: $0).id) && $0.applies(to: plan)
      }
      return applies ? nil : "no measure that uses it says anything about it"
    }
    let noPairs: String? = isTranslating ? nil : "it does not translate images"
    let noMaps = lack([MapSegmentationMeasure.self, VideoSegmentationMeasure.self])
    try UnusedOptions.refuse(
      [
        ("--beside", !beside.isEmpty, lack([FrameMeasure.self])), ("--segmenter", segmenter != nil, noMaps),
        ("--ignore-label", ignoreLabel != nil, noMaps),
        ("--parzen", parzen, lack([ParzenMeasure.self])), ("--whole", whole != nil, noPairs),
        ("--crop", crop != nil, noPairs), ("--page", page != nil, noPairs),
      ], of: system)
  }
}
