public import AtelierCore
public import AtelierTraining

extension MeasureList {
  /// The measures that some texts choose, in this list's order: `ID`, or `ID:KEY=VALUE,KEY=VALUE` with settings
  /// of that measure.
  ///
  /// - Throws: ``TrainingError/invalid(reason:)`` for an id that none has, and for a key or value that the
  ///   measure does not take.
  public func only(_ choices: [String]) throws(TrainingError) -> MeasureList {
    var wanted: [String: [String: ConfigurationValue]] = [:]
    for choice in choices {
      let (id, values) = try Self.parsed(choice)
      guard ids.contains(id) else {
        throw .invalid(reason: "there is no measure '\(id)'; the measures are \(ids.joined(separator: ", "))")
      }
      wanted[id, default: [:]].merge(values) { _, last in last }
    }
    var chosen: [any Measure] = []
    for measure in measures {
      if let values = wanted[type(of: measure).id] { chosen.append(try Self.set(measure, values)) }
    }
    return MeasureList(chosen)
  }

  /// Each measure's id, with its settings in brackets: `psnr (crop)`.
  public var descriptions: [String] {
    measures.map { measure in
      let keys = Self.keys(of: measure)
      return type(of: measure).id + (keys.isEmpty ? "" : " (\(keys.joined(separator: ", ")))")
    }
  }

  private static func parsed(
    _ choice: String
  ) throws(TrainingError) -> (id: String, values: [String: ConfigurationValue]) {
    let parts = choice.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    var values: [String: ConfigurationValue] = [:]
    guard parts.count == 2 else { return (choice, values) }
    for assignment in parts[1].split(separator: ",", omittingEmptySubsequences: false) {
      let sides = assignment.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard sides.count == 2, !sides[0].isEmpty else {
        throw .invalid(
          reason: "a measure's settings are written ID:KEY=VALUE,KEY=VALUE; '\(assignment)' is not KEY=VALUE")
      }
      values[String(sides[0])] = ConfigurationValue(parsing: String(sides[1]))
    }
    return (String(parts[0]), values)
  }

  private static func keys(of measure: some Measure) -> [String] { measure.options.keys }

  /// A measure with some of its settings.
  private static func set<Kind: Measure>(
    _ measure: Kind, _ values: [String: ConfigurationValue]
  ) throws(TrainingError) -> any Measure {
    let known = keys(of: measure)
    if let key = values.keys.sorted().first(where: { !known.contains($0) }) {
      throw .invalid(
        reason: "the measure '\(Kind.id)' has no setting '\(key)'; "
          + (known.isEmpty ? "it has none" : "it has \(known.joined(separator: ", "))"))
    }
    var measure = measure
    do throws(ConfigurationError) {
      measure.options = try measure.options.overlaid(with: values)
      try measure.options.validate()
    } catch {
      throw .invalid(reason: "the measure '\(Kind.id)': \(error.description)")
    }
    return measure
  }
}
