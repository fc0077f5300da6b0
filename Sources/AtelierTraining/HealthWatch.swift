import AtelierGeneration
public import Torch

/// Watches the numbers of a training for the ways in which it is known to fail.
///
/// It only looks and says; the trainer decides by its ``HealthPolicy``.
public struct HealthWatch: Sendable {
  /// What is remembered between steps.
  public var state: HealthState
  private let policy: HealthPolicy

  /// Norms that the running median is taken over, and how many must be there before it counts.
  private static let window = 51
  private static let enough = 10
  /// A discriminator's accuracy above this is "always right", and so many observations make a finding.
  private static let rightness = 0.99
  private static let rightInARow = 20
  /// So near to one half is "a coin", and so many observations make a finding.
  private static let coinWidth = 0.02
  private static let coinsInARow = 60
  /// A codebook is collapsed where a smaller share of its codes is used, so many observations in a row.
  private static let leastCodes = 0.03
  private static let fewCodesInARow = 10

  /// A watch that begins, or goes on from a remembered state.
  public init(_ policy: HealthPolicy, state: HealthState = HealthState()) {
    self.policy = policy
    self.state = state
  }

  /// Looks at the numbers of one step.
  ///
  /// - Parameters:
  ///   - values: what the system logged. A name that contains `accuracy` and `discriminator` (or `real`,
  ///     `fake`, `critic`) is the share of images that a discriminator judged rightly; `codebookUsage` is the share
  ///     of codes that a batch uses.
  ///   - gradientNorms: the global gradient norm of each update.
  public mutating func observe(
    values: [(name: String, value: Double)], gradientNorms: [(name: String, value: Double)]
  ) -> [HealthFinding] {
    var findings: [HealthFinding] = []
    for (name, value) in values where !value.isFinite {
      findings.append(HealthFinding(kind: .notANumber, message: "'\(name)' is \(value)"))
    }
    for (name, norm) in gradientNorms {
      guard norm.isFinite else {
        findings.append(
          HealthFinding(kind: .notANumber, message: "the gradient norm of '\(name)' is \(norm)"))
        continue
      }
      var history = state.gradientNorms[name] ?? []
      if history.count >= Self.enough {
        let median = history.sorted()[history.count / 2]
        if median > 0, norm > policy.gradientFactor * median {
          findings.append(
            HealthFinding(
              kind: .explodingGradients,
              message: "the gradient norm of '\(name)' is \(short(norm)), its median \(short(median))"))
        }
      }
      history.append(norm)
      state.gradientNorms[name] = Array(history.suffix(Self.window))
    }
    for (name, value) in values where value.isFinite && Self.isDiscriminatorAccuracy(name) {
      findings += judge(name, accuracy: value)
    }
    if let usage = values.first(where: { $0.name == "codebookUsage" })?.value, usage.isFinite {
      let count = usage < Self.leastCodes ? (state.fewCodes ?? 0) + 1 : 0
      state.fewCodes = count
      if count == Self.fewCodesInARow {
        findings.append(
          HealthFinding(
            kind: .diversity,
            message:
              "the codebook has collapsed: \(short(usage)) of its codes were in use, and little more "
              + "\(count) times in a row; a higher temperature, a lower learning rate or fewer codes may help"
          ))
      }
    }
    return findings
  }

  /// Looks at the diversity of the fixed grid of samples; see ``diversity(of:groups:)``.
  public mutating func observe(diversity: Double) -> [HealthFinding] {
    guard diversity.isFinite else { return [] }
    state.highestDiversity = max(state.highestDiversity, diversity)
    let isAlike = diversity < policy.diversityShare * state.highestDiversity
    defer { state.isAlike = isAlike }
    guard isAlike, !state.isAlike else { return [] }
    return [
      HealthFinding(
        kind: .diversity,
        message: "samples have become alike: their mean distance is \(short(diversity)), it was "
          + "\(short(state.highestDiversity)) at its best")
    ]
  }

  /// The mean root-mean-square distance between two samples of the same condition.
  ///
  /// - Parameters:
  ///   - pictures: `[count, …]`.
  ///   - groups: the condition of each; samples of different conditions differ anyway and are not compared.
  public static func diversity(of pictures: Tensor, groups: [Int]) -> Double {
    withoutGradients {
      let count = pictures.shape[0]
      let flat = pictures.asType(.float32).reshaped([count, -1])
      let size = Double(max(1, flat.shape[1]))
      let squares = flat.square().sum(dims: [1], keepDim: true)
      // |a - b|² = |a|² + |b|² - 2 a·b; rounding may leave it a little below zero.
      let products = flat.matmul(flat.transposed(0, 1))
      let distances = (squares + squares.transposed(0, 1) - products * 2).clamped(min: 0).doubles()
      var sum = 0.0
      var pairs = 0
      for a in 0..<count {
        for b in 0..<a where groups.isEmpty || groups[a] == groups[b] {
          sum += (distances[a * count + b] / size).squareRoot()
          pairs += 1
        }
      }
      return pairs == 0 ? .nan : sum / Double(pairs)
    }
  }

  private mutating func judge(_ name: String, accuracy: Double) -> [HealthFinding] {
    let right = accuracy > Self.rightness ? (state.alwaysRight[name] ?? 0) + 1 : 0
    let coins = abs(accuracy - 0.5) < Self.coinWidth ? (state.coinFlips[name] ?? 0) + 1 : 0
    state.alwaysRight[name] = right
    state.coinFlips[name] = coins
    var findings: [HealthFinding] = []
    // Said once when the row is long enough, not at every line after it.
    if right == Self.rightInARow {
      findings.append(
        HealthFinding(
          kind: .discriminator,
          message:
            "'\(name)' was above \(Self.rightness) \(right) times in a row; the generator may learn nothing"))
    }
    if coins == Self.coinsInARow {
      findings.append(
        HealthFinding(
          kind: .discriminator,
          message: "'\(name)' was about one half \(coins) times in a row; the discriminator may have given up"
        ))
    }
    return findings
  }

  private static func isDiscriminatorAccuracy(_ name: String) -> Bool {
    let name = name.lowercased()
    return name.contains("accuracy")
      && ["discriminator", "critic", "real", "fake"].contains { name.contains($0) }
  }
}

/// A number for people: four digits that count.
package func short(_ value: Double) -> String {
  guard value.isFinite else { return value.isNaN ? "nan" : value > 0 ? "inf" : "-inf" }
  guard value != 0 else { return "0" }
  let magnitude = abs(value)
  if magnitude >= 1e5 || magnitude < 1e-3 {
    var exponent = 0
    var mantissa = value
    while abs(mantissa) >= 10 { (mantissa, exponent) = (mantissa / 10, exponent + 1) }
    while abs(mantissa) < 1 { (mantissa, exponent) = (mantissa * 10, exponent - 1) }
    return "\(fixed(mantissa, 2))e\(exponent)"
  }
  return fixed(
    value, magnitude >= 1000 ? 0 : magnitude >= 100 ? 1 : magnitude >= 10 ? 2 : magnitude >= 1 ? 3 : 4)
}

/// A number with so many digits behind the point.
package func fixed(_ value: Double, _ digits: Int) -> String {
  guard value.isFinite, abs(value) < 1e15 else { return "\(value)" }
  var scale = 1.0
  for _ in 0..<digits { scale *= 10 }
  let scaled = Int((abs(value) * scale).rounded())
  let sign = value < 0 && scaled != 0 ? "-" : ""
  let whole = String(scaled / Int(scale))
  return digits == 0 ? sign + whole : "\(sign)\(whole).\(padded(scaled % Int(scale), digits))"
}
