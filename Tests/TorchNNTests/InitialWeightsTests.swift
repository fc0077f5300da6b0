import Testing
import Torch
import TorchNN

/// Layers whose weights have a shape only until they are loaded.
@Suite struct InitialWeightsTests {
  private final class Network: Module {
    let convolution: Conv2d
    let dense: Linear
    let table: Embedding
    let recurrent: Recurrent

    init(_ stream: RandomStream) {
      convolution = Conv2d(inputChannels: 3, outputChannels: 4, kernelSize: 3, using: stream)
      dense = Linear(inputFeatures: 5, outputFeatures: 6, normalization: .weight, using: stream)
      table = Embedding(count: 7, features: 8, using: stream)
      recurrent = Recurrent(cell: .lstm, inputSize: 2, hiddenSize: 3, using: stream)
      super.init()
      initialize(self, .orthogonal(), using: stream)
      layOutChannelsLast()
    }
  }

  @Test func weightsHaveAShapeAndNoMemoryUntilTheyAreLoaded() throws {
    let full = Network(RandomStream(seed: 1))
    let empty = withoutInitialWeights { Network(RandomStream(seed: 2)) }
    #expect(empty.state().map(\.name) == full.state().map(\.name))
    #expect(empty.state().map(\.tensor.shape) == full.state().map(\.tensor.shape))
    #expect(empty.parameters().allSatisfy { $0.isPlaceholder } && empty.parameterCount == full.parameterCount)
    let optimizer = Adam(empty)
    let average = MovingAverage(of: empty, decay: 0.5)
    try empty.load(full.hostState())
    #expect(empty.hostState().map(\.tensor) == full.hostState().map(\.tensor))
    #expect(empty.parameters().allSatisfy { $0.requiresGradient })
    #expect(!optimizer.parameters.contains { $0.isPlaceholder })
    try average.load(full.hostState())
    #expect(average.state().map(\.tensor) == full.hostState().map(\.tensor))
    let image = RandomStream(seed: 3).normal([1, 3, 8, 8])
    #expect(empty.convolution(image).host() == full.convolution(image).host())
    // Training goes on from there.
    optimizer.minimize(empty.dense(.ones([1, 5])).sum())
    #expect(empty.dense.weight.host() != full.dense.weight.host())
  }

  @Test func outsideTheScopeWeightsAreDrawn() {
    _ = withoutInitialWeights { Linear(inputFeatures: 1, outputFeatures: 1, using: RandomStream(seed: 1)) }
    let layer = Linear(inputFeatures: 2, outputFeatures: 2, using: RandomStream(seed: 1))
    #expect(!layer.parameters().contains { $0.isPlaceholder })
  }

  @Test func aPlaceholderTakesValuesAndRefusesToGiveNone() throws {
    let tensor = Tensor.placeholder([2, 3])
    #expect(tensor.isPlaceholder && tensor.shape == [2, 3] && tensor.dtype == .float32)
    RandomStream(seed: 1).fillNormal(tensor)
    #expect(tensor.isPlaceholder)
    let error = #expect(throws: TensorError.self) { try withTensorErrors { tensor.host() } }
    #expect(error?.description.contains("has a shape and no values") == true)
    #expect(throws: TensorError.self) {
      try withTensorErrors { Tensor.zeros([2, 3]).copy(from: tensor) }
    }
    tensor.fill(2)
    #expect(!tensor.isPlaceholder && tensor.floats() == [Float](repeating: 2, count: 6))
    let turned = Tensor.placeholder([3, 2]).permuted([1, 0])
    let values = Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3])
    turned.copy(from: values)
    #expect(turned.host() == values.host())
  }
}
