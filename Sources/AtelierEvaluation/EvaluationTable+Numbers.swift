public import AtelierMetrics
public import AtelierTraining

extension EvaluationTable {
  /// Numbers that were measured run by run, side by side: a column a run, then real against real where that
  /// was measured, then the runs' baselines.
  ///
  /// - Parameters:
  ///   - runs: the runs' names with their numbers. A name that occurs again in a run, of another source of
  ///     features, is numbered.
  ///   - allowsDifferences: whether numbers that were measured differently stand side by side all the same.
  /// - Throws: ``TrainingError/invalid(reason:)`` where two runs' numbers of one name differ in a field of
  /// their
  ///   provenance that counts (`Provenance.uncounted` do not).
  public init(
    title: String, runs: [(name: String, numbers: [MeasuredNumber])], allowsDifferences: Bool = false
  ) throws(TrainingError) {
    let keyed = runs.map { Self.keyed($0.numbers) }
    if !allowsDifferences { try Self.refuseDifferences(zip(runs.map(\.name), keyed).map { ($0, $1) }) }
    var measures: [String] = []
    for number in keyed.joined() where !measures.contains(number.key) { measures.append(number.key) }
    let hasReal = keyed.joined().contains { $0.number.realAgainstReal != nil }
    var baselines: [(run: Int, name: String)] = []
    for (run, numbers) in keyed.enumerated() {
      for baseline in numbers.flatMap({ $0.number.baselines ?? [] })
      where !baselines.contains(where: { $0.run == run && $0.name == baseline.name }) {
        baselines.append((run, baseline.name))
      }
    }
    let baselineNames = baselines.map { runs.count > 1 ? "\($0.name), \(runs[$0.run].name)" : $0.name }
    self.init(
      title: title, columns: runs.map(\.name) + (hasReal ? ["real against real"] : []) + baselineNames,
      runs: runs.count)
    rows = measures.map { measure in
      let found = keyed.map { numbers in numbers.first { $0.key == measure }?.number }
      let real = found.lazy.compactMap { $0?.realAgainstReal }.first
      let beside = baselines.map { place, name in found[place]?.baselines?.first { $0.name == name }?.value }
      let values = found.map { $0?.value } + (hasReal ? [real] : []) + beside
      var texts: [String] = []
      for text in found.compactMap({ $0?.protocolText }) where !texts.contains(text) { texts.append(text) }
      let intervals = found.map { $0?.interval.map { [$0.lower, $0.upper] } }
      return Row(
        measure, protocolText: texts.joined(separator: "; or "),
        better: Self.better(of: found.compactMap { $0 }), values: values,
        intervals: intervals + [[Double]?](repeating: nil, count: values.count - intervals.count))
    }
  }

  /// Numbers of runs that were measured together, side by side: a row a name, in the order in which runs have
  /// them.
  ///
  /// - Parameter columns: the runs, then the baselines, which all runs share.
  init(title: String, columns: [String], numbersOfRuns runs: [[MeasuredNumber]]) {
    self.init(title: title, columns: columns, runs: runs.count)
    var names: [String] = []
    for number in runs.joined() where !names.contains(number.name) { names.append(number.name) }
    rows = names.map { name in
      let found = runs.map { numbers in numbers.first { $0.name == name } }
      let known = found.compactMap { $0 }
      let beside = columns.dropFirst(runs.count).map { column in
        known.lazy.compactMap { $0.baselines?.first { $0.name == column } }.first
      }
      let intervals = found.map { $0?.interval } + beside.map { $0?.interval }
      return Row(
        name, protocolText: known[0].protocolText, better: Self.better(of: known),
        values: found.map { $0?.value } + beside.map { $0?.value },
        intervals: intervals.map { $0.map { [$0.lower, $0.upper] } })
    }
  }

  private static func keyed(_ numbers: [MeasuredNumber]) -> [(key: String, number: MeasuredNumber)] {
    var seen: [String: Int] = [:]
    return numbers.map { number in
      let count = seen[number.name, default: 0] + 1
      seen[number.name] = count
      return (count == 1 ? number.name : "\(number.name) (\(count))", number)
    }
  }

  private static func refuseDifferences(
    _ runs: [(name: String, numbers: [(key: String, number: MeasuredNumber)])]
  ) throws(TrainingError) {
    for (place, run) in runs.enumerated() {
      for (key, number) in run.numbers {
        for other in runs[..<place] {
          guard let before = other.numbers.first(where: { $0.key == key })?.number,
            let field = before.differences(from: number).first
          else { continue }
          func fact(_ number: MeasuredNumber) -> String { number.provenance[field] ?? "none" }
          throw .invalid(
            reason: "\(other.name) and \(run.name) cannot be compared by '\(key)': their '\(field)' differ "
              + "(\(fact(before)) and \(fact(number))); measure both alike, or ask for unlike numbers side by side"
          )
        }
      }
    }
  }

  /// The way that all numbers name which name one; of an older file's number it is not known.
  private static func better(of numbers: [MeasuredNumber]) -> Better {
    let named = Set(numbers.compactMap(\.better))
    return named.count == 1 ? named.first ?? .neither : .neither
  }
}
