package import AtelierGeneration
import Foundation

/// The numbers of a run over its steps, from its events, without the lines that a resumption or a roll-back made
/// void.
package struct RunCurves {
  /// One number over the steps.
  package struct Curve {
    package let name: String
    package private(set) var points: [(step: Int, value: Double)] = []

    package init(name: String) { self.name = name }

    package mutating func add(_ step: Int, _ value: Double) { points.append((step, value)) }
    mutating func cut(after step: Int) { points.removeAll { $0.step > step } }
  }

  /// The curves in the order of their first points: what is measured on the way, then losses, gradient norms, rate.
  package private(set) var groups: [(title: String, curves: [Curve])]

  package init(_ events: [RunEvent]) {
    var tables: [[Curve]] = [[], [], [], []]
    func add(_ group: Int, _ name: String, _ step: Int, _ value: Double) {
      if let place = tables[group].firstIndex(where: { $0.name == name }) {
        tables[group][place].add(step, value)
      } else {
        var curve = Curve(name: name)
        curve.add(step, value)
        tables[group].append(curve)
      }
    }
    for event in events {
      switch event.type {
      case .resume, .rollback:
        for group in tables.indices {
          for place in tables[group].indices { tables[group][place].cut(after: event.step) }
        }
      case .validation:
        for (name, value) in (event.values ?? [:]).sorted(by: { $0.key < $1.key }) {
          add(0, name, event.step, value)
        }
      case .step:
        for (name, value) in (event.values ?? [:]).sorted(by: { $0.key < $1.key }) {
          add(1, name, event.step, value)
        }
        for (name, value) in (event.gradientNorms ?? [:]).sorted(by: { $0.key < $1.key }) {
          add(2, name, event.step, value)
        }
        if let rate = event.rate { add(3, "\(event.unit ?? "units") a second", event.step, rate) }
      default: break
      }
    }
    let titles = ["On the validation part", "Losses and what was observed", "Gradient norms", "Speed"]
    groups = zip(titles, tables).map { ($0, $1.filter { !$0.points.isEmpty }) }
      .filter { !$0.1.isEmpty }
  }

  /// A chart as inline SVG: axes' ends as text, the curve as one line, a mark where a step is given.
  package static func svg(_ curve: Curve, marked: Int? = nil) -> String {
    let (width, height, left, right, top, bottom) = (340.0, 150.0, 52.0, 8.0, 8.0, 22.0)
    let finite = curve.points.filter(\.value.isFinite)
    let lost = curve.points.count - finite.count
    guard let first = finite.first, let last = finite.last else {
      return "<figure><figcaption>\(HTML.escaped(curve.name)): never a number</figcaption></figure>"
    }
    let values = finite.map(\.value)
    let (low, high) = (values.min() ?? 0, values.max() ?? 1)
    let (span, steps) = (high > low ? high - low : 1, Double(max(1, last.step - first.step)))
    func x(_ step: Int) -> Double { left + Double(step - first.step) / steps * (width - left - right) }
    func y(_ value: Double) -> Double {
      high > low ? top + (high - value) / span * (height - top - bottom) : (top + height - bottom) / 2
    }
    func place(_ point: (step: Int, value: Double)) -> String {
      "\(fixed(x(point.step), 1)),\(fixed(y(point.value), 1))"
    }
    let line = thinned(finite).map(place).joined(separator: " ")
    var marks = ""
    if let marked, let point = finite.last(where: { $0.step == marked }) {
      marks = "<circle cx=\"\(fixed(x(point.step), 1))\" cy=\"\(fixed(y(point.value), 1))\" r=\"4\"/>"
    } else if finite.count == 1 {
      marks = "<circle cx=\"\(fixed(x(first.step), 1))\" cy=\"\(fixed(y(first.value), 1))\" r=\"2\"/>"
    }
    func text(_ x: Double, _ y: Double, _ anchor: String, _ words: String) -> String {
      "<text x=\"\(fixed(x, 0))\" y=\"\(fixed(y, 0))\" text-anchor=\"\(anchor)\">\(HTML.escaped(words))</text>"
    }
    let gone = lost > 0 ? ", \(lost) not finite" : ""
    return """
      <figure><svg viewBox="0 0 \(Int(width)) \(Int(height))" role="img" aria-label="\(HTML.escaped(curve.name))">
      <path d="M\(Int(left)) \(Int(top))V\(Int(height - bottom))H\(Int(width - right))"/>
      <polyline points="\(line)"/>\(marks)
      \(text(left - 4, top + 8, "end", short(high)))\(text(left - 4, height - bottom, "end", short(low)))
      \(text(left, height - 6, "start", String(first.step)))\(text(width - right, height - 6, "end", String(last.step)))
      </svg><figcaption>\(HTML.escaped(curve.name)): \(short(last.value)) at step \(last.step)\(gone)</figcaption></figure>
      """
  }

  /// At most some hundred points; of each stretch the lowest and the highest, so that peaks stay.
  private static func thinned(_ points: [(step: Int, value: Double)]) -> [(step: Int, value: Double)] {
    let most = 400
    guard points.count > most else { return points }
    let stretches = most / 2
    return (0..<stretches).flatMap { number -> [(step: Int, value: Double)] in
      let stretch = points[(number * points.count / stretches)..<((number + 1) * points.count / stretches)]
      guard let low = stretch.min(by: { $0.value < $1.value }),
        let high = stretch.max(by: { $0.value < $1.value })
      else { return [] }
      if low.step == high.step { return [low] }
      return low.step < high.step ? [low, high] : [high, low]
    }
  }
}
