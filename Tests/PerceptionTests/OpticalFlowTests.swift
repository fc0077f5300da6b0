import Perception
import TestSupport
import Testing
import Torch

@Suite struct OpticalFlowTests {
  /// A smooth random texture `[1, 3, height, width]` in -1 … 1.
  private func texture(_ height: Int, _ width: Int) -> Tensor {
    let noise = RandomStream(seed: 3).uniform([1, 3, height / 8, width / 8]) * 2 - 1
    return upsampleBicubic(noise, size: (height, width)).clamped(min: -1, max: 1)
  }

  /// A window of it, shifted.
  private func window(_ texture: Tensor, _ x: Int, _ y: Int, _ side: Int) -> Tensor {
    texture.narrow(2, from: y, length: side).narrow(3, from: x, length: side)
  }

  @Test(arguments: [(0, 0), (1, 0), (3, -2), (-7, 5), (12, 9)])
  func knownShiftsAreFound(_ x: Int, _ y: Int) {
    let whole = texture(128, 128)
    // What stands at a pixel stood (x, y) beside it in the frame before.
    let frame = window(whole, 32 + x, 32 + y, 64)
    let before = window(whole, 32, 32, 64)
    let (flow, confidence) = OpticalFlow()(frame, before)
    #expect(flow.shape == [1, 2, 64, 64] && confidence.shape == [1, 1, 64, 64])
    let inner = flow.slice(2, 16, 48).slice(3, 16, 48).mean(dims: [0, 2, 3]).doubles()
    #expect(abs(inner[0] - Double(x)) < 0.1 && abs(inner[1] - Double(y)) < 0.1, "\(inner)")
    #expect(confidence.slice(2, 16, 48).slice(3, 16, 48).mean().item() > 0.95)
  }

  @Test func aWarpByTheFlowGivesTheFrame() {
    let whole = texture(96, 96)
    let frame = window(whole, 18, 15, 64)
    let before = window(whole, 16, 16, 64)
    let (flow, confidence) = OpticalFlow()(frame, before)
    let error = ((warped(before, by: flow) - frame).abs() * confidence).mean().item()
    #expect(error < 0.02 && (before - frame).abs().mean().item() > 0.1)
  }

  @Test func whatTheOtherImageDoesNotShowHasNoConfidence() {
    let whole = texture(96, 160)
    let frame = window(whole, 40, 16, 64)
    // A square of the frame is new.
    let other = frame.cloned()
    other.narrow(2, from: 24, length: 16).narrow(3, from: 24, length: 16).fill(1)
    let (_, confidence) = OpticalFlow()(frame, other)
    #expect(confidence.slice(2, 28, 36).slice(3, 28, 36).mean().item() < 0.2)
    #expect(confidence.slice(2, 0, 12).mean().item() > 0.9)
  }

  @Test func flowsMovePixelsByWholeSteps() {
    let image = Tensor((0..<12).map { Float($0) }, shape: [1, 1, 3, 4])
    let flow = Tensor.zeros([1, 2, 3, 4])
    flow.narrow(1, from: 0, length: 1).fill(1)
    // Beyond the border lies the border's own pixel.
    func isNear(_ expected: [Float]) -> Bool {
      zip(warped(image, by: flow).floats(), expected).allSatisfy { abs($0 - $1) < 1e-5 }
    }
    #expect(isNear([1, 2, 3, 3, 5, 6, 7, 7, 9, 10, 11, 11]))
    flow.fill(0)
    flow.narrow(1, from: 1, length: 1).fill(-1)
    #expect(isNear([0, 1, 2, 3, 0, 1, 2, 3, 4, 5, 6, 7]))
  }

  @Test func smallAndOddImagesHaveAFlowToo() {
    for (height, width) in [(1, 1), (3, 5), (17, 33)] {
      let image = RandomStream(seed: 1).uniform([2, 3, height, width])
      let (flow, confidence) = OpticalFlow()(image, image)
      #expect(flow.shape == [2, 2, height, width] && flow.abs().max().item() < 1e-5)
      #expect(confidence.min().item() == 1)
    }
  }
}
