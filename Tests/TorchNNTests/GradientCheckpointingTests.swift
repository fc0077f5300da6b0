import Testing
import Torch
import TorchNN

/// A block with everything that may be done only once a step: spectral vectors, running statistics, draws.
private final class Block: Module {
  let first: Conv2d
  let second: Conv2d
  let norm = BatchNorm2d(channels: 3)
  let conditional: ConditionalBatchNorm2d
  let instance = InstanceNorm2d(channels: 3, isAffine: true, tracksStatistics: true)
  let dropout = Dropout(probability: 0.3)
  /// How often it ran.
  var runs = 0

  init(using stream: RandomStream) {
    first = Conv2d(
      inputChannels: 3, outputChannels: 3, kernelSize: 3, padding: 1, normalization: .spectral, using: stream)
    second = Conv2d(
      inputChannels: 3, outputChannels: 3, kernelSize: 3, padding: 1, normalization: .spectralBigGAN,
      using: stream)
    conditional = ConditionalBatchNorm2d(channels: 3, conditionFeatures: 2, using: stream)
    super.init()
  }

  func callAsFunction(_ x: Tensor, _ condition: Tensor) -> Tensor {
    runs += 1
    let noise = currentDraws?.normal("noise", [x.shape[0], 1, x.shape[2], x.shape[3]])
    let noisy = noise.map { x + $0 * 0.1 } ?? x
    let h = dropout(first(norm(noisy).leakyRelu(0.2))).asType(.float32)
    return x + instance(second(conditional(h, condition).relu()).asType(.float32))
  }
}

/// What a training step leaves behind.
private struct Outcome: Equatable {
  var losses: [HostTensor] = []
  var gradients: [HostTensor?] = []
  var state: [HostTensor] = []
  var drawnNext: [HostTensor] = []
}

/// How the blocks of a network are computed.
private enum Way {
  case plain, checkpointed, nested
}

/// Two steps of two blocks, the second block computed once more between the passes of each step.
private func steps(_ way: Way, autocast: DType? = nil) -> Outcome {
  let stream = RandomStream(seed: 4)
  let blocks = (0..<2).map { _ in Block(using: stream) }
  // Each is used in one block: sums over several blocks are grouped otherwise. Autocast casts a leaf once for
  // all its uses, and a checkpoint's inputs for each, hence the products below.
  let conditions = (0..<2).map { _ in stream.normal([2, 2]) }
  let x = stream.normal([2, 3, 6, 6])
  for tensor in conditions + [x] { tensor.requiresGradient = true }
  let draws = StreamDraws(RandomStream(seed: 5))
  var outcome = Outcome()
  for _ in 0..<2 {
    withDraws(draws) {
      let y = withAutocast(autocast) { () -> Tensor in
        let given = conditions.map { $0 * 2 }
        switch way {
        case .plain: return blocks[1](blocks[0](x, given[0]), given[1])
        case .checkpointed:
          let h = blocks[0].checkpointed([x, given[0]]) { blocks[0]($0[0], $0[1]) }
          return blocks[1].checkpointed([h, given[1]]) { blocks[1]($0[0], $0[1]) }
        case .nested:
          let parameters = blocks.flatMap { $0.parameters() }
          return checkpointed([x] + given, parameters: parameters) { inputs in
            let h = blocks[0].checkpointed([inputs[0], inputs[1]]) { blocks[0]($0[0], $0[1]) }
            return blocks[1].checkpointed([h, inputs[2]]) { blocks[1]($0[0], $0[1]) }
          }
        }
      }
      let loss = y.asType(.float32).square().mean()
      // Moves vectors and statistics, which must not matter to what was computed before.
      _ = withoutGradients { blocks[1](x, conditions[1]) }
      loss.backward()
      outcome.losses.append(loss.detached().host())
    }
    let learned = blocks.flatMap { $0.parameters() } + [x] + conditions
    outcome.gradients += learned.map { $0.gradient?.host() }
    for tensor in learned {
      if let gradient = tensor.gradient { withoutGradients { tensor.addInPlace(gradient, scale: -0.01) } }
      tensor.gradient = nil
    }
    outcome.state += blocks.flatMap { $0.hostState().map(\.tensor) }
    outcome.drawnNext.append(draws.normal("next", [3]).host())
  }
  return outcome
}

@Suite struct GradientCheckpointingTests {
  @Test func gradientsLossesBuffersAndDrawsAreThoseOfTheBodyItself() {
    let plain = steps(.plain)
    #expect(steps(.checkpointed) == plain)
    #expect(plain.gradients.allSatisfy { $0 != nil })
    #expect(plain.losses[0] != plain.losses[1])
  }

  @Test func checkpointsInsideCheckpointsChangeNothing() { #expect(steps(.nested) == steps(.plain)) }

  @Test func theRepetitionRunsInTheAutocastOfTheFirstPass() {
    let plain = steps(.plain, autocast: .bfloat16)
    #expect(steps(.checkpointed, autocast: .bfloat16) == plain)
    #expect(plain.losses != steps(.plain).losses)
  }

  @Test func theBodyRunsTwiceWhereAGradientIsWantedAndElseOnce() {
    let block = Block(using: RandomStream(seed: 1))
    let x = ramp(2, 3, 4, 4)
    let condition = ramp(2, 2)
    func run(when isEnabled: Bool = true) -> Tensor {
      withDraws(StreamDraws(RandomStream(seed: 2))) {
        block.checkpointed([x, condition], when: isEnabled) { block($0[0], $0[1]) }
      }
    }
    let y = run()
    #expect(block.runs == 1 && y.requiresGradient)
    y.sum().backward()
    #expect(block.runs == 2)
    withoutGradients { #expect(!run().requiresGradient) }
    #expect(block.runs == 3)
    run(when: false).sum().backward()
    #expect(block.runs == 4)
    block.requiresGradients = false
    #expect(!run().requiresGradient)
    #expect(block.runs == 5)
  }

  @Test func askingForGradientsReachesInputsAndParametersAlike() {
    let layer = Linear(inputFeatures: 3, outputFeatures: 2, using: RandomStream(seed: 3))
    let x = ramp(4, 3)
    x.requiresGradient = true
    func found(_ isEnabled: Bool) -> [HostTensor] {
      let y = layer.checkpointed([x], when: isEnabled) { layer($0[0]).tanh() }
      return gradients(of: y.square(), withRespectTo: [layer.weight, x]).map { $0.host() }
    }
    #expect(found(true) == found(false))
    #expect(layer.weight.gradient == nil && x.gradient == nil)
  }

  @Test func aGraphThatIsKeptIsRepeatedForEachPass() {
    let layer = Linear(inputFeatures: 3, outputFeatures: 2, using: RandomStream(seed: 3))
    let loss = withDraws(StreamDraws(RandomStream(seed: 2))) {
      layer.checkpointed([ramp(4, 3)]) { dropout(layer($0[0]), probability: 0.5, drawName: "mask") }
        .square().sum()
    }
    loss.backward(retainGraph: true)
    let once = layer.weight.gradient.map { ($0 * 2).host() }
    loss.backward()
    #expect(layer.weight.gradient?.host() == once)
  }

  @Test func weightsFrozenForThePassGetNoGradient() {
    let layer = Linear(inputFeatures: 3, outputFeatures: 2, using: RandomStream(seed: 3))
    let x = ramp(4, 3)
    x.requiresGradient = true
    layer.requiresGradients = false
    let y = layer.checkpointed([x]) { layer($0[0]) }
    layer.requiresGradients = true
    y.sum().backward()
    #expect(layer.weight.gradient == nil && x.gradient != nil)
  }

  @Test func aParameterThatWasNotGivenIsAnError() {
    let layer = Linear(inputFeatures: 3, outputFeatures: 2, using: RandomStream(seed: 3))
    let text = failure {
      checkpointed([leaf()], parameters: [layer.weight]) { layer($0[0]) }.sum().backward()
    }
    #expect(text.contains("[2] that requires a gradient and is neither among its inputs"))
  }

  @Test func aWeightThatChangedMeanwhileIsAnError() {
    let layer = Linear(inputFeatures: 3, outputFeatures: 2, using: RandomStream(seed: 3))
    let text = failure {
      let y = layer.checkpointed([leaf()]) { layer($0[0]) }
      layer.weight.fill(1)
      y.sum().backward()
    }
    #expect(text.contains("inplace"))
  }

  @Test func differentiatingTwiceIsAnError() {
    let x = leaf()
    let text = failure {
      let y = checkpointed([x], parameters: []) { $0[0].square() }
      _ = gradients(of: y, withRespectTo: [x], createGraph: true)
    }
    #expect(text.contains("cannot be differentiated twice"))
  }

  @Test func anErrorInEitherPassComesOutWhereThePassIs() throws {
    struct Refused: Error {}
    #expect(throws: Refused.self) { try checkpointed([leaf()], parameters: []) { _ in throw Refused() } }
    var runs = 0
    let y = try checkpointed([leaf()], parameters: []) { inputs in
      runs += 1
      if runs == 2 { throw Refused() }
      return inputs[0].exp()
    }
    #expect(failure { y.sum().backward() }.contains("in the repeated computation: Refused()"))
  }

  @Test func anOperationThatFailsInTheRepetitionIsAnErrorOfTheBackwardPass() {
    var other = Tensor.ones([4, 3])
    let y = checkpointed([leaf()], parameters: []) { $0[0] * other }
    other = .ones([5, 7])
    let text = failure { y.sum().backward() }
    #expect(text.contains("backward") && text.contains("in the repeated computation"))
  }

  @Test func aBodyThatDoesSomethingElseTheSecondTimeIsAnError() {
    for (first, second) in [(1, 2), (2, 1)] {
      var count = first
      let y = withDraws(StreamDraws(RandomStream(seed: 2))) {
        checkpointed([leaf()], parameters: []) { inputs in
          (0..<count).reduce(inputs[0]) { x, _ in dropout(x, probability: 0.5, drawName: "mask") }
        }
      }
      count = second
      #expect(failure { y.sum().backward() }.contains("a checkpointed computation"))
    }
  }

  @Test func theClosureLivesAsLongAsTheHistory() {
    final class Witness {}
    weak var witness: Witness?
    func made() -> Tensor {
      let held = Witness()
      witness = held
      return checkpointed([leaf()], parameters: []) { inputs in
        withExtendedLifetime(held) { inputs[0].exp() }
      }
    }
    do {
      let y = made()
      #expect(witness != nil)
      withExtendedLifetime(y) {}
    }
    #expect(witness == nil)
    do {
      let loss = made().sum()
      loss.backward()
      withExtendedLifetime(loss) {}
    }
    #expect(witness == nil)
    // Without a history nothing is kept at all.
    _ = withoutGradients { made() }
    #expect(witness == nil)
  }

  @Test func aBodyThatGivesItsInputBackSharesNoMemoryWithIt() {
    let x = leaf()
    let before = x.host()
    let y = checkpointed([x], parameters: []) { $0[0] }.reluInPlace()
    y.sum().backward()
    #expect(x.host() == before)
    #expect(x.gradient?.host() == withoutGradients { x.detached().greater(0).asType(.float32).host() })
  }

  private func leaf() -> Tensor {
    let x = ramp(4, 3)
    x.requiresGradient = true
    return x
  }

  /// What a failing computation says; empty where it does not fail.
  private func failure(_ body: () throws -> Void) -> String {
    do {
      try withTensorErrors(body)
      return ""
    } catch {
      return "\(error)"
    }
  }
}
