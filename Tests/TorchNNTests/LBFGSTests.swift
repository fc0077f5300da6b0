import Testing
import Torch
import TorchNN

/// Evaluations and end points against `torch.optim.LBFGS` of PyTorch 2.13, in float64.
@Suite struct LBFGSTests {
  /// A function of four variables and everything that was seen of it.
  private final class Problem {
    let x = Tensor([-1.2, 1, 0.5, -0.7] as [Float]).asType(.float64)
    let function: (Tensor) -> Tensor
    var losses: [Double] = []

    init(_ function: @escaping (Tensor) -> Tensor) {
      self.function = function
      // The nearest doubles, as PyTorch starts from.
      x.copy(from: Tensor(HostTensor([-1.2, 1, 0.5, -0.7] as [Double])))
      x.requiresGradient = true
    }

    func run(_ optimizer: LBFGS, steps: Int) {
      for _ in 0..<steps {
        optimizer.step {
          optimizer.zeroGradients()
          let loss = function(x)
          loss.backward()
          losses.append(loss.item())
          return loss
        }
      }
    }
  }

  /// Rosenbrock's valley with walls.
  private static func valley(_ x: Tensor) -> Tensor {
    let (left, right) = (x.slice(0, 0, 3), x.slice(0, 1, 4))
    let bend = (right - left.square()).square() * 100 + (1 - left).square()
    return bend.sum() * 0.01 + x.square().square().sum() * 0.001
  }

  /// Many minima, so that a line search has to turn back.
  private static func waves(_ x: Tensor) -> Tensor {
    ((x * 3).sin() * 2 + x * x * 0.5).sum() + (x.slice(0, 1, 4) * x.slice(0, 0, 3)).sum() * 0.3
  }

  private func expect(
    _ problem: Problem, _ point: [Double], evaluations: Int, last: [Double],
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(problem.losses.count == evaluations, sourceLocation: sourceLocation)
    for (found, expected) in zip(problem.x.host().doubles(), point) {
      #expect(abs(found - expected) < 1e-6, sourceLocation: sourceLocation)
    }
    for (found, expected) in zip(problem.losses.suffix(last.count), last) {
      #expect(abs(found - expected) < 1e-6 * max(1, abs(expected)), sourceLocation: sourceLocation)
    }
  }

  @Test func withoutLineSearchItEqualsPyTorch() {
    let whole = Problem(Self.valley)
    whole.run(LBFGS([("x", whole.x)], iterations: 6), steps: 2)
    expect(
      whole, [-0.6851846, 0.4807971, 0.2400516, 0.059312], evaluations: 12,
      last: [0.0373652, 0.037364, 0.0373639, 0.0373637, 0.037363, 0.0373614])
    let short = Problem(Self.valley)
    short.run(LBFGS([("x", short.x)], learningRate: 0.5, iterations: 5, history: 2), steps: 3)
    expect(
      short, [-0.7519434, 0.5779053, 0.3415309, 0.117698], evaluations: 15,
      last: [0.0374735, 0.0374728, 0.037472])
  }

  @Test func withStrongWolfeConditionsItEqualsPyTorch() {
    let valley = Problem(Self.valley)
    valley.run(LBFGS([("x", valley.x)], iterations: 6, lineSearch: .strongWolfe), steps: 3)
    expect(
      valley, [-0.5987589, 0.3657765, 0.1382533, 0.0171686], evaluations: 21,
      last: [0.0373736, 0.0373223, 0.0374057, 0.037314, 0.037232])
    let waves = Problem(Self.waves)
    waves.run(LBFGS([("x", waves.x)], learningRate: 3, iterations: 4, lineSearch: .strongWolfe), steps: 3)
    expect(
      waves, [-0.522725, 1.5052728, -0.5188285, -0.4921033], evaluations: 15,
      last: [-5.4661935, -6.8126822, -6.5445948, -6.8208849])
    let long = Problem(Self.waves)
    long.run(
      LBFGS(
        [("x", long.x)], learningRate: 40, iterations: 20, evaluations: 12, history: 3,
        lineSearch: .strongWolfe),
      steps: 2)
    expect(
      long, [-0.5197877, 1.5039912, -0.5120821, -0.4878902], evaluations: 23,
      last: [-6.2152271, -6.8215865, -6.8211087, -6.8215868])
    let end = Problem(Self.valley)
    end.run(LBFGS([("x", end.x)], iterations: 30, history: 5, lineSearch: .strongWolfe), steps: 4)
    expect(end, [0.9406906, 0.8854681, 0.7845136, 0.6149974], evaluations: 62, last: [0.0025511])
  }

  @Test func itsStateGoesOnWhereItWas() throws {
    for lineSearch in LBFGS.LineSearch.allCases {
      func optimizer(_ x: Tensor) -> LBFGS {
        LBFGS([("x", x)], iterations: 3, history: 4, lineSearch: lineSearch)
      }
      let whole = Problem(Self.valley)
      whole.run(optimizer(whole.x), steps: 4)
      let split = Problem(Self.valley)
      let first = optimizer(split.x)
      let fresh = first.state()
      split.run(first, steps: 2)
      let second = optimizer(split.x)
      try second.load(fresh)
      try second.load(first.state())
      split.run(second, steps: 2)
      #expect(split.x.host() == whole.x.host())
      #expect(throws: CheckpointError.self) { try second.load(Array(first.state().dropLast())) }
    }
  }

  @Test func severalParametersAreOneVector() {
    let (a, b) = (Tensor([3, -2] as [Float]), Tensor([1] as [Float], shape: [1, 1]))
    a.requiresGradient = true
    b.requiresGradient = true
    let optimizer = LBFGS([("a", a), ("b", b)], lineSearch: .strongWolfe)
    optimizer.step {
      optimizer.zeroGradients()
      let loss = (a - 1).square().sum() + (b + 4).square().sum() * 3
      loss.backward()
      return loss
    }
    #expect(zip(a.floats() + b.floats(), [1, 1, -4] as [Float]).allSatisfy { abs($0 - $1) < 1e-4 })
  }
}
