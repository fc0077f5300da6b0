import Testing
import Torch

@Suite struct GridSampleTests {
  /// Expected values: `torch.nn.functional.grid_sample`, PyTorch 2.13.
  static let expected: [(padding: SamplingPadding, alignCorners: Bool, values: [Float])] = [
    (.zeros, true, [0, 3.375, 2.1, 3.33]),
    (.zeros, false, [0, 4, 0, 1.065]),
    (.border, true, [0, 3.375, 3.5, 3.7]),
    (.border, false, [0, 4, 3.5, 3.55]),
    (.reflection, true, [0, 3.375, 3.1, 3.4]),
    (.reflection, false, [0, 4, 3.4, 3.55]),
  ]

  @Test func samplesAreThoseOfPyTorch() {
    let images = Tensor([0, 1, 2, 3, 4, 5], shape: [1, 1, 2, 3]).asType(.float32)
    let grid = Tensor([-1, -1, 0.5, 0.25, 1.4, 0, -0.3, 1.2] as [Float], shape: [1, 2, 2, 2])
    for (padding, alignCorners, values) in Self.expected {
      let samples = gridSample(images, at: grid, padding: padding, alignCorners: alignCorners)
      #expect(samples.shape == [1, 1, 2, 2])
      for (sample, value) in zip(samples.floats(), values) {
        #expect(abs(sample - value) < 1e-5, "\(padding), alignCorners \(alignCorners)")
      }
    }
  }

  @Test func aGridOfAnotherBatchIsAnError() {
    #expect(throws: TensorError.self) {
      try withTensorErrors { _ = gridSample(.zeros([2, 1, 4, 4]), at: .zeros([1, 2, 2, 2])) }
    }
  }
}
