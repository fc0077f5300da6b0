import Foundation
import Testing
import Torch

@Suite struct ShortTimeFourierTests {
  @Test func aSineLiesInItsBin() {
    let signal = Tensor(
      HostTensor((0..<256).map { Float(cos(2 * Double.pi * 4 * Double($0) / 32)) }, shape: [1, 256]))
    let spectrum = shortTimeFourierTransform(signal, size: 32, hop: 16, window: .ones([32]))
    #expect(spectrum.shape == [1, 17, 15, 2])
    let first = spectrum.selected(dim: 2, index: 0).floats()
    for bin in 0..<17 {
      #expect(abs(first[2 * bin] - (bin == 4 ? 16 : 0)) < 1e-4 && abs(first[2 * bin + 1]) < 1e-4)
    }
  }

  @Test func theInverseOfACentredTransformIsTheSignal() {
    let signal = RandomStream(seed: 3).normal([2, 400])
    let window = Tensor.hannWindow(64, like: signal)
    let spectrum = shortTimeFourierTransform(signal.padded([32, 32]), size: 64, hop: 16, window: window)
    let back = inverseShortTimeFourierTransform(spectrum, size: 64, hop: 16, window: window, length: 400)
    #expect((back - signal).abs().max().item() < 1e-5)
  }

  @Test func theWindowIsHanns() {
    let window = Tensor.hannWindow(4, like: .ones([1])).floats()
    for (found, wanted) in zip(window, [0, 0.5, 1, 0.5] as [Float]) { #expect(abs(found - wanted) < 1e-7) }
  }
}
