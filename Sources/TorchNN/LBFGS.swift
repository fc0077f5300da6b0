public import Torch

/// Limited-memory BFGS (Nocedal 1980; Liu and Nocedal 1989), which follows `torch.optim.LBFGS` decision by
/// decision.
///
/// A step makes up to `iterations` iterations and evaluates the loss repeatedly, so call
/// ``step(evaluating:)``. All parameters are treated as one vector.
public final class LBFGS: Optimizer {
  /// The line search.
  public enum LineSearch: String, Sendable, Hashable, Codable, CaseIterable {
    /// None: a step of length `learningRate`.
    case none
    /// Until the strong Wolfe conditions hold (Nocedal and Wright 2006, algorithms 3.5 and 3.6), with
    /// minFunc's cubic interpolation as in PyTorch.
    case strongWolfe = "strong-wolfe"
  }

  /// The maximum number of iterations per step.
  public let iterations: Int
  /// The maximum number of evaluations per step, including the line search.
  public let evaluations: Int
  /// The number of stored pairs of steps and gradient changes.
  public let history: Int
  /// A step ends when the largest absolute gradient is at most this.
  public let gradientTolerance: Double
  /// A step ends when the parameters or the loss change by less than this.
  public let changeTolerance: Double
  /// The line search.
  public let lineSearch: LineSearch

  private var iterationCount = 0
  private var evaluationCount = 0
  private var direction: Tensor?
  private var stepLength = 0.0
  private var diagonal = 1.0
  private var previousGradient: Tensor?
  private var previousLoss = 0.0
  /// Gradient changes y, steps s, and 1 / (y·s), oldest first.
  private var pairs: [(change: Tensor, step: Tensor, curvature: Double)] = []

  /// Optimises named parameters with PyTorch's defaults.
  ///
  /// - Parameter evaluations: nil: 5/4 of the iterations.
  public init(
    _ parameters: [(name: String, tensor: Tensor)], learningRate: Double = 1, iterations: Int = 20,
    evaluations: Int? = nil, history: Int = 100, gradientTolerance: Double = 1e-7,
    changeTolerance: Double = 1e-9, lineSearch: LineSearch = .none
  ) {
    self.iterations = max(1, iterations)
    self.evaluations = evaluations ?? iterations * 5 / 4
    self.history = max(1, history)
    self.gradientTolerance = gradientTolerance
    self.changeTolerance = changeTolerance
    self.lineSearch = lineSearch
    super.init(parameters, learningRate: learningRate)
  }

  /// Not supported: it needs the loss; see ``step(evaluating:)``.
  public override func step() {
    check(false, "L-BFGS evaluates the loss itself; call step(evaluating:)")
  }

  /// One step of up to ``iterations`` iterations.
  ///
  /// - Parameter loss: computes the gradients and returns the loss; it may change the parameters, for example
  ///   to clamp an image to its range.
  /// - Returns: the loss of the first evaluation.
  @discardableResult
  public override func step(evaluating loss: () throws -> Tensor) rethrows -> Tensor {
    let first = try loss()
    evaluationCount += 1
    var value = first.item()
    var gradient = flatGradient()
    var evaluated = 1
    // False for NaN, which is left to the trainer's health checks.
    if largest(gradient) <= gradientTolerance { return first }
    var count = 0
    while count < iterations {
      count += 1
      iterationCount += 1
      let direction = nextDirection(gradient)
      self.direction = direction
      previousGradient = gradient
      previousLoss = value
      stepLength = learningRate
      if iterationCount == 1 {
        stepLength *= min(1, 1 / withoutGradients { gradient.abs().sum().item() })
      }
      let slope = dot(gradient, direction)
      if slope > -changeTolerance { break }
      var used = 0
      switch lineSearch {
      case .none:
        move(direction, by: stepLength)
        // The last iteration's loss is the first evaluation of the next step.
        if count != iterations {
          value = try loss().item()
          gradient = flatGradient()
          used = 1
        }
      case .strongWolfe:
        var search = WolfeSearch(
          direction: direction, start: .init(length: 0, loss: value, gradient: gradient, slope: slope),
          tolerance: changeTolerance)
        let origin = withoutGradients { parameters.map { $0.detached().cloned() } }
        let found = try search.run(from: stepLength) { length in
          self.move(direction, by: length)
          let value = try loss().item()
          let gradient = self.flatGradient()
          withoutGradients { for (tensor, old) in zip(self.parameters, origin) { tensor.copy(from: old) } }
          return (value, gradient)
        }
        (value, gradient, stepLength, used) = (found.loss, found.gradient, found.length, search.evaluations)
        move(direction, by: stepLength)
      }
      evaluated += used
      evaluationCount += used
      if count == iterations || evaluated >= evaluations || largest(gradient) <= gradientTolerance { break }
      if largest(direction) * abs(stepLength) <= changeTolerance { break }
      if abs(value - previousLoss) < changeTolerance { break }
    }
    return first
  }

  /// The two-loop recursion: -H·gradient, with the newest pair taken in first.
  private func nextDirection(_ gradient: Tensor) -> Tensor {
    withoutGradients {
      guard iterationCount > 1, let direction, let previousGradient else {
        pairs = []
        diagonal = 1
        return -gradient
      }
      let change = gradient - previousGradient
      let step = direction * stepLength
      let curvature = dot(change, step)
      if curvature > 1e-10 {
        if pairs.count == history { pairs.removeFirst() }
        pairs.append((change, step, 1 / curvature))
        diagonal = curvature / dot(change, change)
      }
      let result = -gradient
      var weights = [Double](repeating: 0, count: pairs.count)
      for index in pairs.indices.reversed() {
        weights[index] = dot(pairs[index].step, result) * pairs[index].curvature
        result.addInPlace(pairs[index].change, scale: -weights[index])
      }
      result.multiplyInPlace(diagonal)
      for index in pairs.indices {
        let correction = dot(pairs[index].change, result) * pairs[index].curvature
        result.addInPlace(pairs[index].step, scale: weights[index] - correction)
      }
      return result
    }
  }

  // MARK: One long vector

  /// All gradients as one vector, zeros for a parameter without one.
  private func flatGradient() -> Tensor {
    withoutGradients {
      let parts = parameters.map { parameter in
        (parameter.gradient ?? .zeros(like: parameter.detached())).contiguous().reshaped([-1])
      }
      // Always a copy, as the next evaluation overwrites the gradients.
      return parts.count == 1 ? parts[0].cloned() : Tensor.concatenated(parts, dim: 0)
    }
  }

  private func move(_ direction: Tensor, by length: Double) {
    withoutGradients {
      var place = 0
      for parameter in parameters {
        let part = direction.slice(0, place, place + parameter.count).reshaped(parameter.shape)
        parameter.detached().addInPlace(part, scale: length)
        place += parameter.count
      }
    }
  }

  private func dot(_ a: Tensor, _ b: Tensor) -> Double { withoutGradients { a.matmul(b).item() } }

  private func largest(_ a: Tensor) -> Double { withoutGradients { a.abs().max().item() } }

  // MARK: State

  /// Counters, the last direction, gradient and loss, and the stored pairs; before the first step only
  /// `counters` and `numbers`.
  public override func state() -> [(name: String, tensor: HostTensor)] {
    var result: [(name: String, tensor: HostTensor)] = [
      ("counters", HostTensor([iterationCount, evaluationCount, pairs.count], shape: [3])),
      ("numbers", HostTensor([stepLength, diagonal, previousLoss], shape: [3])),
    ]
    if let direction, let previousGradient {
      result.append(("direction", direction.host()))
      result.append(("previous_gradient", previousGradient.host()))
    }
    if !pairs.isEmpty {
      result.append(("gradient_changes", Tensor.stacked(pairs.map(\.change), dim: 0).host()))
      result.append(("steps", Tensor.stacked(pairs.map(\.step), dim: 0).host()))
      result.append(("curvatures", HostTensor(pairs.map(\.curvature))))
    }
    return result
  }

  /// Loads a state; throws unless every name and shape matches. Of a longer history the newest pairs are
  /// kept.
  public override func load(
    _ tensors: [(name: String, tensor: HostTensor)], from source: String = "the optimiser's state"
  ) throws(CheckpointError) {
    let counters = tensors.first { $0.name == "counters" }?.tensor.integers() ?? []
    let count = parameters.reduce(0) { $0 + $1.count }
    var expected: [(name: String, shape: [Int], dtype: DType)] = [
      ("counters", [3], .int64), ("numbers", [3], .float64),
    ]
    let isStarted = counters.count == 3 && counters[0] > 0
    let remembered = counters.count == 3 ? max(0, counters[2]) : 0
    if isStarted { expected += [("direction", [count], .float32), ("previous_gradient", [count], .float32)] }
    if remembered > 0 {
      expected += [
        ("gradient_changes", [remembered, count], .float32), ("steps", [remembered, count], .float32),
        ("curvatures", [remembered], .float64),
      ]
    }
    let values = try matched(tensors, to: expected, from: source)
    (iterationCount, evaluationCount) = (counters[0], counters[1])
    let numbers = values[1].doubles()
    (stepLength, diagonal, previousLoss) = (numbers[0], numbers[1], numbers[2])
    let device = parameters.first?.device ?? .cpu
    direction = isStarted ? Tensor(values[2], device: device) : nil
    previousGradient = isStarted ? Tensor(values[3], device: device) : nil
    pairs = []
    if remembered > 0 {
      let changes = Tensor(values[4], device: device)
      let steps = Tensor(values[5], device: device)
      let curvatures = values[6].doubles()
      for index in max(0, remembered - history)..<remembered {
        pairs.append(
          (changes.selected(dim: 0, index: index), steps.selected(dim: 0, index: index), curvatures[index]))
      }
    }
  }
}

/// A search along a direction for a point that satisfies the strong Wolfe conditions.
///
/// The decisions and their order follow PyTorch, which took them from Schmidt's minFunc.
private struct WolfeSearch {
  /// A point on the line.
  struct Point {
    var length: Double
    var loss: Double
    var gradient: Tensor
    /// The derivative along the direction.
    var slope: Double
  }

  let direction: Tensor
  let start: Point
  let tolerance: Double
  private(set) var evaluations = 0
  private let sufficientDecrease = 1e-4
  private let curvature = 0.9
  private let limit = 25

  init(direction: Tensor, start: Point, tolerance: Double) {
    self.direction = direction
    self.start = start
    self.tolerance = tolerance
  }

  mutating func run(
    from first: Double, _ evaluate: (Double) throws -> (loss: Double, gradient: Tensor)
  ) rethrows -> Point {
    func point(_ length: Double) throws -> Point {
      evaluations += 1
      let (loss, gradient) = try evaluate(length)
      let slope = withoutGradients { gradient.matmul(direction).item() }
      return Point(length: length, loss: loss, gradient: gradient, slope: slope)
    }
    // Bracketing: longer steps until two points enclose the minimum.
    var previous = start
    var present = try point(first)
    var rounds = 0
    var bracket: (low: Point, high: Point)?
    while rounds < limit {
      if isTooHigh(present) || (rounds > 1 && present.loss >= previous.loss) {
        bracket = (previous, present)
        break
      }
      if isFlat(present) { return present }
      if present.slope >= 0 {
        bracket = (previous, present)
        break
      }
      let next = Self.minimum(
        previous, present,
        within: (present.length + 0.01 * (present.length - previous.length), present.length * 10))
      previous = present
      present = try point(next)
      rounds += 1
    }
    // Zooming: the bracket shrinks around the best point so far.
    var (a, b) = bracket ?? (start, present)
    var isSlow = false
    while rounds < limit {
      let low = a.loss <= b.loss ? a : b
      if abs(b.length - a.length) * withoutGradients({ direction.abs().max().item() }) < tolerance { break }
      var next = Self.minimum(a, b, within: nil)
      let (least, most) = (min(a.length, b.length), max(a.length, b.length))
      let margin = 0.1 * (most - least)
      if min(most - next, next - least) < margin {
        if isSlow || next >= most || next <= least {
          next = abs(next - most) < abs(next - least) ? most - margin : least + margin
          isSlow = false
        } else {
          isSlow = true
        }
      } else {
        isSlow = false
      }
      let trial = try point(next)
      rounds += 1
      let lowIsFirst = a.loss <= b.loss
      if isTooHigh(trial) || trial.loss >= low.loss {
        if lowIsFirst { b = trial } else { a = trial }
        continue
      }
      if isFlat(trial) { return trial }
      let high = lowIsFirst ? b : a
      let turns = trial.slope * (high.length - low.length) >= 0
      if lowIsFirst {
        if turns { b = a }
        a = trial
      } else {
        if turns { a = b }
        b = trial
      }
    }
    return a.loss <= b.loss ? a : b
  }

  private func isTooHigh(_ point: Point) -> Bool {
    point.loss > start.loss + sufficientDecrease * point.length * start.slope
  }

  private func isFlat(_ point: Point) -> Bool { abs(point.slope) <= -curvature * start.slope }

  /// The minimum of the cubic through two points with their slopes, kept within bounds.
  private static func minimum(_ a: Point, _ b: Point, within bounds: (Double, Double)?) -> Double {
    let (least, most) = bounds ?? (min(a.length, b.length), max(a.length, b.length))
    let first = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.length - b.length)
    let square = first * first - a.slope * b.slope
    guard square >= 0 else { return (least + most) / 2 }
    let second = square.squareRoot()
    let (left, right) = a.length <= b.length ? (a, b) : (b, a)
    let share = (right.slope + second - first) / (right.slope - left.slope + 2 * second)
    return min(max(right.length - (right.length - left.length) * share, least), most)
  }
}
