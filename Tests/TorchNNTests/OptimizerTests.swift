import Testing
import Torch
import TorchNN

/// Six steps against `torch.optim` of PyTorch 2.13; `v` has a gradient in every second step only.
@Suite struct OptimizerTests {
  private struct Problem {
    let w = Tensor([1, -2, 3] as [Float])
    let v = Tensor([0.5] as [Float])

    init() {
      w.requiresGradient = true
      v.requiresGradient = true
    }

    var parameters: [(name: String, tensor: Tensor)] { [("w", w), ("v", v)] }

    func run(_ optimizer: Optimizer, steps: Range<Int> = 0..<6) {
      for step in steps {
        optimizer.zeroGradients()
        var loss = (w * Tensor([1, 2, 0.5] as [Float]) - 0.3 * Double(step)).square().sum()
        if step % 2 == 0 { loss = loss + (v - 1).square().square().sum() }
        loss.backward()
        optimizer.step()
      }
    }

    var values: Tensor { Tensor.concatenated([w, v], dim: 0) }
  }

  private func expect(
    _ expected: [Double], sourceLocation: SourceLocation = #_sourceLocation,
    _ make: ([(name: String, tensor: Tensor)]) -> Optimizer
  ) throws {
    let problem = Problem()
    problem.run(make(problem.parameters))
    expectClose(problem.values, expected, tolerance: 3e-6, sourceLocation: sourceLocation)

    // Three steps, the state through plain values into a new optimiser, three more: the same bytes.
    let split = Problem()
    let first = make(split.parameters)
    split.run(first, steps: 0..<3)
    let second = make(split.parameters)
    try second.load(first.state())
    split.run(second, steps: 3..<6)
    #expect(split.values.floats() == problem.values.floats(), sourceLocation: sourceLocation)
  }

  /// A convolution's weight with its channels last is updated as the same weight in contiguous layout, also by
  /// a gradient in contiguous layout.
  @Test(arguments: ["adam", "sgd"])
  func theOrderInMemoryDoesNotMatter(_ kind: String) {
    let stream = RandomStream(seed: 3)
    let (value, gradients) = (stream.normal([4, 3, 2, 2]), (0..<3).map { _ in stream.normal([4, 3, 2, 2]) })
    func trained(channelsLast: Bool, gradientsToo: Bool) -> [Float] {
      let weight = channelsLast ? value.cloned().channelsLast() : value.cloned()
      weight.requiresGradient = true
      let parameters = [(name: "w", tensor: weight)]
      let optimizer: Optimizer =
        kind == "adam"
        ? Adam(parameters, learningRate: 0.1) : SGD(parameters, learningRate: 0.1, momentum: 0.9)
      for gradient in gradients {
        weight.gradient = gradientsToo ? gradient.channelsLast() : gradient
        optimizer.step()
      }
      return weight.contiguous().floats()
    }
    let expected = trained(channelsLast: false, gradientsToo: false)
    #expect(trained(channelsLast: true, gradientsToo: true) == expected)
    #expect(trained(channelsLast: true, gradientsToo: false) == expected)
    #expect(trained(channelsLast: false, gradientsToo: true) == expected)
  }

  @Test func sgdEqualsPyTorch() throws {
    try expect([0.925764, 0.449184, 2.7948442, 0.565096]) { SGD($0, learningRate: 0.05) }
    try expect([0.5377973, 1.8830698, 2.2454994, 0.6177829]) {
      SGD($0, learningRate: 0.05, momentum: 0.9, dampening: 0.1, weightDecay: 0.01)
    }
    try expect([0.734598, 0.8946401, 2.1684642, 0.659977]) {
      SGD($0, learningRate: 0.05, momentum: 0.9, isNesterov: true)
    }
  }

  @Test func adamEqualsPyTorch() throws {
    try expect([0.8323472, -1.3907843, 2.5858011, 0.7477521]) {
      Adam($0, learningRate: 0.1, beta1: 0.5, beta2: 0.99, weightDecay: 0.02)
    }
  }

  @Test func adamWEqualsPyTorch() throws {
    try expect([0.6135972, -1.2967252, 2.3259983, 0.7612991]) {
      AdamW($0, learningRate: 0.1, weightDecay: 0.1)
    }
  }

  @Test func rmspropEqualsPyTorch() throws {
    try expect([0.9095303, -1.6209326, 2.7717309, 0.6761824]) { RMSprop($0) }
    try expect([0.9066942, -1.7810154, 2.8372436, 0.6000407]) {
      RMSprop($0, alpha: 0.9, momentum: 0.5, weightDecay: 0.1)
    }
  }

  @Test func parametersWithoutGradientStayAsTheyAre() {
    let problem = Problem()
    let adam = Adam(problem.parameters, learningRate: 0.1)
    problem.run(adam, steps: 1..<2)
    #expect(problem.v.floats() == [0.5])
    #expect(adam.state().first { $0.name == "v.step" }?.tensor.integers() == [0])
    adam.zeroGradients()
    #expect(problem.w.gradient == nil)
    adam.step()
  }

  @Test func aStateThatDoesNotFitChangesNothing() {
    let problem = Problem()
    let adam = Adam(problem.parameters)
    problem.run(adam)
    let before = adam.state().map(\.tensor)
    #expect(throws: CheckpointError.self) { try adam.load(Array(adam.state().dropLast())) }
    var wrong = adam.state()
    wrong[1].tensor = HostTensor([0] as [Float])
    #expect(throws: CheckpointError.self) { try adam.load(wrong) }
    #expect(adam.state().map(\.tensor) == before)
  }

  @Test func theStatesNamesDoNotDependOnWhatWasTrained() {
    let problem = Problem()
    let adam = Adam(problem.parameters)
    let fresh = adam.state().map(\.name)
    problem.run(adam)
    #expect(adam.state().map(\.name) == fresh)
    #expect(
      fresh == [
        "w.step", "w.first_moment", "w.second_moment", "v.step", "v.first_moment", "v.second_moment",
      ])
  }

  @Test func minimizeMakesOneStep() {
    let linear = Linear(inputFeatures: 1, outputFeatures: 1, using: RandomStream(seed: 1))
    let optimizer = SGD(linear, learningRate: 1)
    let before = linear.weight.item()
    optimizer.minimize(linear.weight.sum() * 2)
    #expect(abs(linear.weight.item() - (before - 2)) < 1e-6)
  }

  @Test func clippingByNormFollowsPyTorch() {
    let w = Tensor([3, 4] as [Float])
    w.requiresGradient = true
    let absent = Tensor([1] as [Float])
    w.square().sum().backward()
    expectClose(gradientNorm(of: [w]), [10])
    let norm = clipGradients(of: [w, absent], toNorm: 1)
    expectClose(norm, [10])
    expectClose(w.gradient, [0.6, 0.8])
    clipGradients(of: [w], toNorm: 5)
    expectClose(w.gradient, [0.6, 0.8])
    clipGradients(of: [w], toValue: 0.7)
    expectClose(w.gradient, [0.6, 0.7])
    clipGradients(of: [absent], toNorm: 1)
  }
}
