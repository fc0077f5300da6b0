import Testing
import Torch
import TorchNN

private class Block: Module {
  let conv: Conv2d
  let norm = BatchNorm2d(channels: 2)

  init(using stream: RandomStream) {
    conv = Conv2d(inputChannels: 2, outputChannels: 2, kernelSize: 1, using: stream)
    super.init()
  }
}

private final class SpecialBlock: Block {
  let toRGB: Linear
  @Buffer var runningScale: Tensor = .ones([1])
  @Parameter var gamma: Tensor = .zeros([])
  @Parameter var shift: Tensor?
  var remembered: Tensor? = .ones([3])
  let numbers = [1.5, 2.5]

  override init(using stream: RandomStream) {
    toRGB = Linear(inputFeatures: 1, outputFeatures: 1, hasBias: false, using: stream)
    super.init(using: stream)
  }
}

private final class Network: Module {
  let blocks: [Block]
  let towers: [[Linear]]
  let optional: Linear?
  let absent: Linear?
  let mixed: [any Layer]
  let main: Sequential

  init(using stream: RandomStream) {
    func linear() -> Linear { Linear(inputFeatures: 1, outputFeatures: 1, hasBias: false, using: stream) }
    blocks = [Block(using: stream), SpecialBlock(using: stream)]
    towers = [[linear()], [linear(), linear()]]
    optional = linear()
    absent = nil
    mixed = [ReLU(), linear()]
    main = Sequential(linear(), ReLU(), Sequential(linear()))
    super.init()
  }
}

private final class Tied: Module {
  let encoder: Linear
  let decoder: Linear

  init(using stream: RandomStream) {
    encoder = Linear(inputFeatures: 2, outputFeatures: 2, using: stream)
    decoder = encoder
    super.init()
  }
}

private final class TiedTable: Module {
  @Parameter var embedding: Tensor
  @Parameter var output: Tensor

  override init() {
    let shared = Tensor.ones([2, 3])
    embedding = shared
    output = shared
    super.init()
  }
}

@Suite struct ModuleTests {
  private let stream = RandomStream(seed: 1)

  @Test func namesFollowPropertiesInPyTorchsOrder() {
    let names = Network(using: stream).state().map(\.name)
    let norm = ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]
    let block = ["conv.weight", "conv.bias"] + norm.map { "norm." + $0 }
    let expected =
      block.map { "blocks.0." + $0 }
      + (["gamma", "running_scale"] + block + ["to_rgb.weight"]).map { "blocks.1." + $0 }
      + ["towers.0.0.weight", "towers.1.0.weight", "towers.1.1.weight", "optional.weight", "mixed.1.weight"]
      + ["main.0.weight", "main.2.0.weight"]
    #expect(names == expected)
  }

  @Test func modesReachEveryPartAndComeBackAfterEvaluating() {
    let network = Network(using: stream)
    #expect(network.allModules().allSatisfy { $0.isTraining })
    network.eval()
    #expect(network.allModules().allSatisfy { !$0.isTraining })
    network.train()
    network.blocks[0].eval()
    network.evaluating { #expect(!network.main.isTraining) }
    #expect(network.main.isTraining && !network.blocks[0].norm.isTraining)
  }

  @Test func freezingStopsAllGradients() {
    let network = Network(using: stream)
    #expect(network.requiresGradients)
    network.requiresGradients = false
    #expect(!network.requiresGradients)
    #expect(network.parameters().allSatisfy { !$0.requiresGradient })
    network.requiresGradients = true
    #expect(network.parameters().allSatisfy { $0.requiresGradient })
    #expect(network.namedBuffers().allSatisfy { !$0.tensor.requiresGradient })
  }

  @Test func parametersAreCountedOnceWhereShared() {
    let tied = Tied(using: stream)
    #expect(tied.parameterCount == 6)
    #expect(tied.state().count == 4)
    #expect(tied.namedParameters().map(\.name) == ["encoder.weight", "encoder.bias"])
  }

  @Test func tiedTensorsStayOneWhenTheyMove() {
    let tied = TiedTable()
    #expect(tied.parameterCount == 6)
    tied.convert(to: .float64)
    #expect(tied.embedding === tied.output && tied.embedding.dtype == .float64)
    #expect(tied.namedParameters().map(\.name) == ["embedding"])
    #expect(tied.state().map(\.name) == ["embedding", "output"])
  }

  @Test func oneOptimiserMayHaveSeveralNetworks() {
    let (a, b) = (
      Linear(inputFeatures: 1, outputFeatures: 1, hasBias: false, using: stream), BatchNorm1d(channels: 1)
    )
    #expect(namedParameters(of: ["g": a, "d": b]).map(\.name) == ["g.weight", "d.weight", "d.bias"])
  }

  @Test func exchangingAPartIsSeenAfterStructureDidChange() {
    final class Growing: Module { var part: Linear? }
    let network = Growing()
    #expect(network.parameters().isEmpty)
    network.part = Linear(inputFeatures: 1, outputFeatures: 1, using: stream)
    network.structureDidChange()
    #expect(network.parameters().count == 2)
  }

  @Test func loadingCopiesEveryTensorAndConvertsHalfPrecision() throws {
    let (a, b) = (Network(using: stream), Network(using: stream))
    try b.load(a.hostState())
    for (x, y) in zip(a.hostState(), b.hostState()) { #expect(x == y) }
    let linear = Linear(inputFeatures: 2, outputFeatures: 1, using: stream)
    let half = Tensor([0.5, -2] as [Float], shape: [1, 2]).asType(.bfloat16).host()
    try linear.load([("bias", HostTensor([3.0] as [Double])), ("weight", half)])
    #expect(linear.weight.floats() == [0.5, -2] && linear.bias?.floats() == [3])
    #expect(linear.weight.dtype == .float32 && linear.weight.requiresGradient)
  }

  @Test func aCheckpointThatDoesNotFitChangesNothing() throws {
    let linear = Linear(inputFeatures: 2, outputFeatures: 1, using: stream)
    let before = linear.hostState().map(\.tensor)
    let weight = HostTensor([1, 2] as [Float], shape: [1, 2])
    let bias = HostTensor([1] as [Float])
    #expect(
      throws: CheckpointError.keys(missing: ["bias"], unexpected: ["biases"], source: "w.safetensors")
    ) { try linear.load([("weight", weight), ("biases", bias)], from: "w.safetensors") }
    #expect(throws: CheckpointError.repeatedKeys(["weight"], source: "the checkpoint")) {
      try linear.load([("weight", weight), ("weight", weight), ("bias", bias)])
    }
    let turned = HostTensor([1, 2] as [Float], shape: [2, 1])
    let error = #expect(throws: CheckpointError.self) {
      try linear.load([("weight", turned), ("bias", HostTensor([1] as [Int]))])
    }
    guard case .mismatches(let all, _) = error else {
      Issue.record("another error: \(String(describing: error))")
      return
    }
    #expect(all.map(\.key) == ["weight", "bias"])
    let text = try #require(error).description
    #expect(text.contains("weight ([2, 1] in place of [1, 2])") && text.contains("nothing was loaded"))
    #expect(linear.hostState().map(\.tensor) == before)
  }

  @Test func copyingStateNeedsTheSameStructure() throws {
    let a = Linear(inputFeatures: 2, outputFeatures: 1, using: stream)
    let b = Linear(inputFeatures: 2, outputFeatures: 1, using: stream)
    try b.copyState(from: a)
    #expect(a.weight.floats() == b.weight.floats())
    let c = Linear(inputFeatures: 3, outputFeatures: 1, using: stream)
    #expect(throws: CheckpointError.self) { try c.copyState(from: a) }
  }

  @Test func convertingKeepsWholeNumbersAndFreezing() {
    let norm = BatchNorm1d(channels: 2)
    norm.requiresGradients = false
    norm.convert(to: .float64)
    #expect(norm.weight?.dtype == .float64 && norm.runningMean?.dtype == .float64)
    #expect(norm.numBatchesTracked?.dtype == .int64)
    #expect(!norm.requiresGradients)
  }

  @Test func sequentialGivesAllOutputs() {
    let chain = Sequential([ReLU(), Sigmoid()])
    let outputs = chain.outputs(Tensor([-1, 0] as [Float]))
    #expect(outputs.map { $0.floats() } == [[0, 0], [0.5, 0.5]])
    #expect(chain.count == 2 && chain[1] is Sigmoid)
  }
}
