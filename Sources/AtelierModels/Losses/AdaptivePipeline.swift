import Foundation
public import Torch
public import TorchNN

/// The augmentation pipeline of ADA: eighteen transformations of the images that a discriminator sees, each applied to
/// each image with one probability, in the paper's order and with its strengths.
///
/// Source: Karras et al. 2020, "Training Generative Adversarial Networks with Limited Data", appendix B;
/// stylegan2-ada-pytorch `augment.py`, whose configuration `bgcfnc` has all groups. Deviation: images are sampled
/// bilinearly at once, where the authors enlarge them by a wavelet before and shrink them after.
public struct AdaptivePipeline: Sendable, Hashable {
  /// A group of transformations.
  public enum Group: String, Sendable, Hashable, Codable, CaseIterable {
    /// Mirrored, turned by quarters, shifted by whole pixels up to an eighth of the side: pixel blitting.
    case blit
    /// Scaled, turned, stretched, turned again, shifted by fractions.
    case geometry
    /// Brightness, contrast, inverted luma, hue, saturation.
    case color
    /// Four bands of frequencies amplified or damped.
    case filter
    /// Gaussian noise.
    case noise
    /// A square of half the side set to zero.
    case cutout
  }

  /// The groups that are in use.
  public let groups: [Group]

  /// A pipeline of some groups, in the paper's order however they are named.
  public init(_ groups: [Group]) { self.groups = Group.allCases.filter(groups.contains) }

  /// Changed images `[batch, channels, height, width]` in -1 … 1, behind their conditions where there are any. What
  /// moves or is cut, moves and is cut in both; a condition's values stay.
  ///
  /// - Parameters:
  ///   - probability: of each transformation.
  ///   - name: what the draws' names begin with: `<name>.<transformation>`, and `.chance` behind that.
  public func callAsFunction(
    _ image: Tensor, beside condition: Tensor? = nil, probability: Double, draws: any Draws, name: String
  ) -> Tensor {
    let chances = Chances(count: image.shape[0], probability: probability, draws: draws, name: name)
    let before = condition?.shape[1] ?? 0
    var joined = condition.map { Tensor.concatenated([$0, image], dim: 1) } ?? image
    let places = places(chances, width: image.shape[3], height: image.shape[2])
    if let places { joined = warped(joined, places) }
    var seen = joined.slice(1, before, joined.shape[1])
    if groups.contains(.color) { seen = recoloured(seen, chances) }
    if groups.contains(.filter) { seen = filtered(seen, chances) }
    if groups.contains(.noise) {
      let strengths = chances.normal("noise") { abs($0) * 0.1 }.map { $0 ?? 0 }
      let noise = draws.normal(name + ".noise.values", seen.shape)
      seen = seen + noise * Self.tensor(strengths, [strengths.count, 1, 1, 1], like: seen)
    }
    joined = before == 0 ? seen : .concatenated([joined.slice(1, 0, before), seen], dim: 1)
    return groups.contains(.cutout) ? cut(joined, chances) : joined
  }

  // MARK: Draws

  /// What is drawn for each image.
  private struct Chances {
    let count: Int
    let probability: Double
    let draws: any Draws
    let name: String

    /// Values of the images that are changed; nil for the others.
    private func values(
      _ transformation: String, _ probability: Double?, _ drawn: Tensor, _ value: (Double) -> Double
    ) -> [Double?] {
      let chance = draws.uniform("\(name).\(transformation).chance", [count]).doubles()
      return zip(chance, drawn.doubles()).map { $0 < probability ?? self.probability ? value($1) : nil }
    }

    func uniform(_ transformation: String, probability: Double? = nil, _ value: (Double) -> Double)
      -> [Double?]
    {
      values(transformation, probability, draws.uniform("\(name).\(transformation)", [count]), value)
    }

    func normal(_ transformation: String, _ value: (Double) -> Double) -> [Double?] {
      values(transformation, nil, draws.normal("\(name).\(transformation)", [count]), value)
    }

    /// Two values at a time, which one chance decides.
    func pair(_ transformation: String, isNormal: Bool, _ value: (Double) -> Double) -> [(Double, Double)?] {
      let chance = draws.uniform("\(name).\(transformation).chance", [count]).doubles()
      let shape = [count, 2]
      let drawn =
        (isNormal
        ? draws.normal("\(name).\(transformation)", shape)
        : draws.uniform("\(name).\(transformation)", shape))
        .doubles()
      return chance.indices.map { index in
        chance[index] < probability ? (value(drawn[2 * index]), value(drawn[2 * index + 1])) : nil
      }
    }
  }

  private static func tensor(_ values: [Double], _ shape: [Int], like other: Tensor) -> Tensor {
    Tensor(values.map { Float($0) }, shape: shape, device: other.device)
  }

  // MARK: Geometry

  /// From a place in the result to one in the source, both from the middle, in pixels.
  private struct Place {
    var a = 1.0
    var b = 0.0
    var c = 0.0
    var d = 0.0
    var e = 1.0
    var f = 0.0

    /// Followed, from the result's side, by what is to be undone first.
    mutating func linear(_ p: Double, _ q: Double, _ r: Double, _ s: Double) {
      (a, b) = (a * p + b * r, a * q + b * s)
      (d, e) = (d * p + e * r, d * q + e * s)
    }

    mutating func turn(_ angle: Double) { linear(cos(angle), -sin(angle), sin(angle), cos(angle)) }

    mutating func shift(_ x: Double, _ y: Double) {
      c -= a * x + b * y
      f -= d * x + e * y
    }
  }

  /// Nil where nothing moves.
  private func places(_ chances: Chances, width: Int, height: Int) -> [Place]? {
    guard groups.contains(.blit) || groups.contains(.geometry) else { return nil }
    var places = [Place](repeating: Place(), count: chances.count)
    var moves = false
    func each<Value>(_ values: [Value?], _ change: (inout Place, Value) -> Void) {
      for (index, value) in values.enumerated() {
        guard let value else { continue }
        change(&places[index], value)
        moves = true
      }
    }
    let (w, h) = (Double(width), Double(height))
    if groups.contains(.blit) {
      each(chances.uniform("mirror") { $0 < 0.5 ? 1 : -1 }) { $0.linear($1, 0, 0, 1) }
      each(chances.uniform("quarters") { ($0 * 4).rounded(.down) }) { place, turns in
        // Whole numbers, so that pixels stay pixels.
        for _ in 0..<Int(turns) { place.linear(0, -1, 1, 0) }
      }
      each(chances.pair("wholeShift", isNormal: false) { ($0 * 2 - 1) / 8 }) {
        $0.shift(($1.0 * w).rounded(), ($1.1 * h).rounded())
      }
    }
    if groups.contains(.geometry) {
      // One of two turns happens with the probability.
      let turning = 1 - (1 - chances.probability).squareRoot()
      let angle = { ($0 * 2 - 1) * Double.pi }
      each(chances.normal("scale") { exp2($0 * 0.2) }) { $0.linear(1 / $1, 0, 0, 1 / $1) }
      each(chances.uniform("turn", probability: turning, angle)) { $0.turn($1) }
      each(chances.normal("stretch") { exp2($0 * 0.2) }) { $0.linear(1 / $1, 0, 0, $1) }
      each(chances.uniform("turnAgain", probability: turning, angle)) { $0.turn($1) }
      each(chances.pair("shift", isNormal: true) { $0 / 8 }) { $0.shift($1.0 * w, $1.1 * h) }
    }
    return moves ? places : nil
  }

  /// Images sampled bilinearly, mirrored at their borders.
  private func warped(_ x: Tensor, _ places: [Place]) -> Tensor {
    let (batch, channels, height, width) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3])
    func coefficients(_ value: (Place) -> Double) -> Tensor {
      Self.tensor(places.map(value), [batch, 1, 1], like: x)
    }
    func axis(_ length: Int, _ shape: [Int]) -> Tensor {
      Self.tensor((0..<length).map { Double($0) - Double(length - 1) / 2 }, shape, like: x)
    }
    let (across, down) = (axis(width, [1, 1, width]), axis(height, [1, height, 1]))
    func source(_ p: (Place) -> Double, _ q: (Place) -> Double, _ r: (Place) -> Double, _ length: Int)
      -> Tensor
    {
      let place = coefficients(p) * across + coefficients(q) * down + coefficients(r) + Double(length - 1) / 2
      guard length > 1 else { return place * 0 }
      // A wave that goes up and down between the first and the last pixel.
      let last = Double(length - 1)
      let phase = place - (place / (2 * last)).floor() * (2 * last)
      return ((phase - last).abs() * -1 + last).clamped(min: 0, max: last)
    }
    let (sx, sy) = (source(\.a, \.b, \.c, width), source(\.d, \.e, \.f, height))
    let (x0, y0) = (sx.floor(), sy.floor())
    let flat = x.reshaped([batch, channels, height * width])
    func taken(_ column: Tensor, _ row: Tensor, _ share: Tensor) -> Tensor {
      let index = (row * Double(width) + column).asType(.int64).reshaped([batch, 1, height * width])
      let values = flat.gathered(2, index.expanded([batch, channels, height * width]))
      return values.reshaped(x.shape) * share.reshaped([batch, 1, height, width])
    }
    let (x1, y1) = (
      (x0 + 1).clamped(max: Double(width - 1)), (y0 + 1).clamped(max: Double(height - 1))
    )
    let (right, below) = (sx - x0, sy - y0)
    let (left, above) = (1 - right, 1 - below)
    return taken(x0, y0, left * above) + taken(x1, y0, right * above) + taken(x0, y1, left * below)
      + taken(x1, y1, right * below)
  }

  // MARK: Colours

  /// A matrix of colours and what is added.
  private struct Colours {
    var matrix = [1.0, 0, 0, 0, 1, 0, 0, 0, 1]
    var offset = [0.0, 0, 0]

    mutating func multiply(_ other: [Double]) {
      let (old, shift) = (matrix, offset)
      for row in 0..<3 {
        for column in 0..<3 {
          matrix[3 * row + column] = (0..<3).reduce(0) { $0 + other[3 * row + $1] * old[3 * $1 + column] }
        }
        offset[row] = (0..<3).reduce(0) { $0 + other[3 * row + $1] * shift[$1] }
      }
    }

    /// The grey axis apart from what is across it.
    static func along(_ grey: Double, across other: Double) -> [Double] {
      (0..<9).map { ($0 % 4 == 0 ? other : 0) + (grey - other) / 3 }
    }
  }

  private func recoloured(_ x: Tensor, _ chances: Chances) -> Tensor {
    var colours = [Colours](repeating: Colours(), count: chances.count)
    func each(_ values: [Double?], _ change: (inout Colours, Double) -> Void) {
      for (index, value) in values.enumerated() { if let value { change(&colours[index], value) } }
    }
    each(chances.normal("brightness") { $0 * 0.2 }) { colours, value in
      for channel in 0..<3 { colours.offset[channel] += value }
    }
    each(chances.normal("contrast") { exp2($0 * 0.5) }) { $0.multiply([$1, 0, 0, 0, $1, 0, 0, 0, $1]) }
    let hasColours = x.shape[1] == 3
    each(chances.uniform("luma") { $0 < 0.5 ? 1 : -1 }) { $0.multiply(Colours.along($1, across: 1)) }
    if hasColours {
      each(chances.uniform("hue") { ($0 * 2 - 1) * .pi }) { colours, angle in
        // Rodrigues' rotation about the grey axis.
        let (cosine, sine) = (cos(angle), sin(angle) / 3.0.squareRoot())
        let grey = (1 - cosine) / 3
        colours.multiply([
          cosine + grey, grey - sine, grey + sine, grey + sine, cosine + grey, grey - sine, grey - sine,
          grey + sine,
          cosine + grey,
        ])
      }
      each(chances.normal("saturation") { exp2($0) }) { $0.multiply(Colours.along(1, across: $1)) }
    }
    let batch = x.shape[0]
    guard hasColours else {
      let scale = colours.map { $0.matrix.reduce(0, +) / 3 }
      let offset = colours.map { $0.offset.reduce(0, +) / 3 }
      return x * Self.tensor(scale, [batch, 1, 1, 1], like: x)
        + Self.tensor(offset, [batch, 1, 1, 1], like: x)
    }
    let matrix = Self.tensor(colours.flatMap(\.matrix), [batch, 3, 3], like: x)
    let offset = Self.tensor(colours.flatMap(\.offset), [batch, 3, 1], like: x)
    return (matrix.matmul(x.flattened(from: 2)) + offset).reshaped(x.shape)
  }

  // MARK: Frequencies

  /// Filters of four bands, the lowest first, of 43 taps each; together they change nothing. Made of the wavelet sym2 as
  /// the authors make them.
  static let bands: [[Double]] = {
    let low = [-0.12940952255092145, 0.22414386804185735, 0.836516303737469, 0.48296291314469025]
    let high = low.enumerated().map { $1 * ($0 % 2 == 0 ? 1 : -1) }
    func product(_ a: [Double], _ b: [Double]) -> [Double] {
      var result = [Double](repeating: 0, count: a.count + b.count - 1)
      for (i, x) in a.enumerated() { for (j, y) in b.enumerated() { result[i + j] += x * y } }
      return result
    }
    let wide = product(low, low.reversed()).map { $0 / 2 }
    let narrow = product(high, high.reversed()).map { $0 / 2 }
    var bank: [[Double]] = (0..<4).map { [$0 == 0 ? 1 : 0] }
    for band in 1..<4 {
      bank = bank.map { row in
        // Zeros between the taps.
        let spread = row.flatMap { (tap: Double) -> [Double] in [tap, 0] }.dropLast()
        return product(Array(spread), wide)
      }
      let start = (bank[band].count - narrow.count) / 2
      for (index, tap) in narrow.enumerated() { bank[band][start + index] += tap }
    }
    return bank
  }()

  private func filtered(_ x: Tensor, _ chances: Chances) -> Tensor {
    let power = [10.0 / 13, 1.0 / 13, 1.0 / 13, 1.0 / 13]
    var gains = [[Double]](repeating: [1, 1, 1, 1], count: chances.count)
    var changes = false
    for band in 0..<4 {
      for (index, value) in chances.normal("band\(band)", { exp2($0) }).enumerated() {
        guard let value else { continue }
        changes = true
        var own = [1.0, 1, 1, 1]
        own[band] = value
        let norm = zip(power, own).reduce(0) { $0 + $1.0 * $1.1 * $1.1 }.squareRoot()
        for place in 0..<4 { gains[index][place] *= own[place] / norm }
      }
    }
    guard changes else { return x }
    let taps = Self.bands[0].count
    let filters = gains.map { gain in
      (0..<taps).map { tap in (0..<4).reduce(0) { $0 + gain[$1] * Self.bands[$1][tap] } }
    }
    func along(_ dim: Int, _ x: Tensor) -> Tensor {
      let length = x.shape[dim]
      var sum: Tensor?
      for tap in 0..<taps {
        let shift = tap - taps / 2
        let rows = (0..<length).map { Self.mirrored($0 + shift, length) }
        let weight = Self.tensor(filters.map { $0[tap] }, [x.shape[0], 1, 1, 1], like: x)
        let term = x.indexSelected(dim, Tensor(rows, device: x.device)) * weight
        sum = sum.map { $0 + term } ?? term
      }
      return sum ?? x
    }
    return along(2, along(3, x))
  }

  /// A place mirrored at the first and the last, however far it lies outside.
  private static func mirrored(_ place: Int, _ length: Int) -> Int {
    guard length > 1 else { return 0 }
    let period = 2 * (length - 1)
    let phase = ((place % period) + period) % period
    return min(phase, period - phase)
  }

  // MARK: Cutout

  private func cut(_ x: Tensor, _ chances: Chances) -> Tensor {
    let centres = chances.pair("cutout", isNormal: false) { $0 }
    guard centres.contains(where: { $0 != nil }) else { return x }
    func kept(_ dim: Int, _ centre: ((Double, Double)) -> Double) -> Tensor {
      let length = x.shape[dim]
      // An image that is not cut has its square far outside.
      let middles = Self.tensor(centres.map { $0.map(centre) ?? 9 }, [x.shape[0], 1, 1, 1], like: x)
      var shape = [1, 1, 1, 1]
      shape[dim] = length
      let places = Self.tensor((0..<length).map { (Double($0) + 0.5) / Double(length) }, shape, like: x)
      return (places - middles).abs().greaterOrEqual(0.25)
    }
    return x * kept(3, \.0).logicalOr(kept(2, \.1)).asType(.float32)
  }
}
