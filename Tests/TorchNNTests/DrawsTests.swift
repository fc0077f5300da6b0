import Testing
import Torch
import TorchNN

@Suite struct DrawsTests {
  @Test func dropoutKeepsTheMeanAndTheShareItShould() {
    let layer = Dropout(probability: 0.3)
    let y = withDraws(StreamDraws(RandomStream(seed: 1))) { layer(.ones([100, 100])) }
    let values = y.floats()
    let zeros = Double(values.filter { $0 == 0 }.count) / 10000
    #expect(abs(zeros - 0.3) < 0.02)
    #expect(values.allSatisfy { $0 == 0 || abs($0 - 1 / 0.7) < 1e-6 })
    #expect(abs(y.mean().item() - 1) < 0.03)
  }

  @Test func dropout2dDropsWholeChannels() {
    let layer = Dropout2d(probability: 0.5)
    let y = withDraws(StreamDraws(RandomStream(seed: 1))) { layer(.ones([8, 16, 3, 3])) }
    let sums = y.sum(dims: [2, 3]).floats()
    #expect(sums.allSatisfy { $0 == 0 || $0 == 18 })
    #expect(sums.contains(0) && sums.contains(18))
  }

  @Test func evaluationAndZeroProbabilityDrawNothing() {
    let layer = Dropout(probability: 0.5)
    layer.eval()
    #expect(layer(.ones([2])).floats() == [1, 1])
    #expect(Dropout(probability: 0)(.ones([2])).floats() == [1, 1])
  }

  @Test func dropoutWithoutDrawsIsAnErrorThatNamesTheWayOut() {
    let error = #expect(throws: TensorError.self) {
      try withTensorErrors { Dropout(probability: 0.5, drawName: "dropout.3")(.ones([2])) }
    }
    #expect(
      error?.description.contains("dropout.3") == true && error?.description.contains("withDraws") == true)
  }

  @Test func streamDrawsGiveTheStreamsNumbers() {
    let draws = StreamDraws(RandomStream(seed: 4))
    let stream = RandomStream(seed: 4)
    #expect(draws.normal("latent", [3]).floats() == stream.normal([3]).floats())
    #expect(draws.uniform("alpha", [3]).floats() == stream.uniform([3]).floats())
    #expect(draws.integers("class", below: 10, [3]).integers() == stream.integers(below: 10, [3]).integers())
    #expect(
      draws.bernoulli("mask", probability: 0.5, [9]).floats() == stream.bernoulli(0.5, [9]).floats())
  }

  @Test func recordedDrawsAreGivenOutOnceAndStrictly() throws {
    let draws = RecordedDraws(["z": [Tensor([1] as [Float]), Tensor([2] as [Float])], "c": [Tensor([3])]])
    #expect(draws.normal("z", [1]).floats() == [1])
    #expect(draws.unused == ["c", "z"])
    #expect(draws.uniform("z", [1]).floats() == [2])
    #expect(draws.integers("c", below: 5, [1]).integers() == [3])
    #expect(draws.unused.isEmpty)
    for (name, shape) in [("z", [1]), ("missing", [1])] {
      let error = #expect(throws: TensorError.self) { try withTensorErrors { draws.normal(name, shape) } }
      #expect(error?.description.contains(name) == true)
    }
    let other = RecordedDraws(["z": Tensor([1] as [Float])])
    #expect(throws: TensorError.self) { try withTensorErrors { other.normal("z", [2]) } }
    #expect(other.unused == ["z"])
  }

  @Test func scopesOfDrawsNest() {
    let (outer, inner) = (StreamDraws(RandomStream(seed: 1)), StreamDraws(RandomStream(seed: 2)))
    #expect(currentDraws == nil)
    withDraws(outer) {
      #expect(currentDraws === outer)
      withDraws(inner) { #expect(currentDraws === inner) }
      #expect(currentDraws === outer)
    }
    #expect(currentDraws == nil)
  }

  @Test func recordedMasksDriveDropout() {
    let draws = RecordedDraws(["dropout": Tensor([1, 0] as [Float])])
    #expect(withDraws(draws) { Dropout()(Tensor([3, 5] as [Float])) }.floats() == [6, 0])
  }
}
