import AtelierCore
import AtelierGeneration
import AtelierMetrics
import Foundation

/// Trials as lines across axes, a key each and what was measured at the end: an inline SVG without script.
struct ParallelCoordinates {
  /// An axis with the place of each trial on it, 0 at the bottom … 1 at the top.
  struct Axis {
    let title: String
    /// What stands beside the axis, by place.
    let marks: [(place: Double, text: String)]
    /// Where each trial stands; nil: nowhere.
    let places: [Double?]
  }

  let axes: [Axis]
  /// What each line says when it is pointed at.
  let titles: [String]

  /// The measured trials of a search; nil where there are none.
  init?(_ state: SearchState) {
    let trials = state.trials.filter { $0.newest != nil }
    guard !trials.isEmpty else { return nil }
    titles = trials.map { trial in
      ([trial.name] + state.plan.space.keys.map { "\($0) \(trial.values[$0]?.description ?? "–")" }
        + ["\(state.number ?? "") \(short(trial.newest?.value ?? .nan))"]).joined(separator: ", ")
    }
    var axes = state.plan.space.dimensions.map { dimension in
      Self.axis(dimension, trials.map { $0.values[dimension.key] ?? .null })
    }
    if state.plan.budget.rungs.count > 1 {
      let rungs = state.plan.budget.rungs
      axes.append(
        Axis(
          title: state.plan.budget.unit.rawValue,
          marks: rungs.enumerated().map {
            (Double($0.offset) / Double(rungs.count - 1), short($0.element))
          },
          places: trials.map { Double($0.newest?.rung ?? 0) / Double(rungs.count - 1) }))
    }
    let values = trials.map { $0.newest?.value ?? .nan }
    let isBest = state.better == .larger ? "best above" : "best below"
    axes.append(Self.numbers("\(state.number ?? "") (\(isBest))", values, isLogarithmic: false))
    self.axes = axes
  }

  private static func axis(_ dimension: SearchSpace.Dimension, _ values: [ConfigurationValue]) -> Axis {
    let numbers = values.map { value -> Double? in
      switch value {
      case .integer(let number): Double(number)
      case .number(let number): number
      default: nil
      }
    }
    let found = numbers.compactMap(\.self)
    if let range = dimension.range, found.count == values.count {
      return Self.numbers(
        dimension.key, found, isLogarithmic: range.isLogarithmic, between: (range.lower, range.upper))
    }
    // A list's values stand at even distances, whatever they are.
    let listed = dimension.values ?? values
    let last = Double(max(1, listed.count - 1))
    let most = 12
    let step = max(1, (listed.count + most - 1) / most)
    return Axis(
      title: dimension.key,
      marks: listed.enumerated().filter { $0.offset % step == 0 }.map {
        (listed.count == 1 ? 0.5 : Double($0.offset) / last, $0.element.description)
      },
      places: values.map { value in
        listed.firstIndex(of: value).map { listed.count == 1 ? 0.5 : Double($0) / last }
      })
  }

  private static func numbers(
    _ title: String, _ values: [Double], isLogarithmic: Bool, between ends: (Double, Double)? = nil
  ) -> Axis {
    let (low, high) = ends ?? (values.min() ?? 0, values.max() ?? 1)
    func place(_ value: Double) -> Double {
      guard high > low else { return 0.5 }
      return isLogarithmic
        ? (log(value) - log(low)) / (log(high) - log(low)) : (value - low) / (high - low)
    }
    let shares = high > low ? [0.0, 0.25, 0.5, 0.75, 1] : [0.5]
    return Axis(
      title: title,
      marks: shares.map { share in
        let value =
          isLogarithmic ? exp(log(low) + share * (log(high) - log(low))) : low + share * (high - low)
        return (share, short(value))
      },
      places: values.map { place($0) })
  }

  /// The drawing, the best trial's line last and so above the others.
  ///
  /// - Parameters:
  ///   - goodness: 0 … 1 for each trial, the best 1: the colour of its line.
  func svg(goodness: [Double]) -> String {
    let (left, top, bottom, gap, height) = (90.0, 34.0, 16.0, 150.0, 420.0)
    let width = left + gap * Double(max(1, axes.count - 1)) + 90
    func x(_ axis: Int) -> Double { left + gap * Double(axis) }
    func y(_ place: Double) -> Double { top + (1 - place) * (height - top - bottom) }
    func n(_ value: Double) -> String { fixed(value, 1) }
    var parts: [String] = []
    for (number, axis) in axes.enumerated() {
      parts.append("<path d=\"M\(n(x(number))) \(n(top))V\(n(height - bottom))\"/>")
      parts.append(
        "<text x=\"\(n(x(number)))\" y=\"16\" text-anchor=\"middle\" class=\"axis\">\(HTML.escaped(axis.title))</text>"
      )
      for mark in axis.marks {
        let text = mark.text.count > 14 ? String(mark.text.prefix(13)) + "…" : mark.text
        parts.append(
          "<text x=\"\(n(x(number) - 6))\" y=\"\(n(y(mark.place) + 4))\" text-anchor=\"end\">\(HTML.escaped(text))</text>"
        )
      }
    }
    for trial in titles.indices.sorted(by: { (goodness[$0], $1) < (goodness[$1], $0) }) {
      let points = axes.enumerated().compactMap { number, axis in
        axis.places[trial].map { "\(n(x(number))),\(n(y($0)))" }
      }
      let isBest = goodness[trial] == goodness.max()
      // From blue over grey to orange, as the good ones should be seen first.
      let hue = goodness[trial] > 0.5 ? 25 : 210
      let strength = Int((abs(goodness[trial] - 0.5) * 2 * 85).rounded())
      parts.append(
        "<polyline class=\"\(isBest ? "trial best" : "trial")\" style=\"stroke:hsl(\(hue) \(strength)% 50%)\" "
          + "points=\"\(points.joined(separator: " "))\"><title>\(HTML.escaped(titles[trial]))</title></polyline>"
      )
    }
    return "<svg viewBox=\"0 0 \(n(width)) \(n(height))\" role=\"img\" "
      + "aria-label=\"Trials across the searched keys\">\n" + parts.joined(separator: "\n") + "\n</svg>"
  }
}
