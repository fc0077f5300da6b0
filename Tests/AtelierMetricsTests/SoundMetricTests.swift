import AtelierMetrics
import Foundation
import Testing
import Torch

@Suite struct SoundMetricTests {
  private func wave(_ frequency: Double, _ level: Double = 1) -> Tensor {
    Tensor(HostTensor((0..<4096).map { level * sin(Double($0) * frequency) }, shape: [1, 4096]))
  }

  @Test func aTenthOfAnErrorIsTwentyDecibels() throws {
    let target = wave(0.3)
    #expect(isClose(try signalToNoise(target * 1.1, target, floor: 0).item(), 20))
    // The authors' floor keeps a perfect sound finite.
    #expect(try signalToNoise(target, target).item() < 60)
  }

  @Test func scaleDoesNotCountInTheScaleInvariantRatio() throws {
    let (target, noise) = (wave(0.3), wave(1.1, 0.1))
    let plain = try scaleInvariantDistortion(target + noise, target).item()
    #expect(abs(plain - 20) < 0.1)
    #expect(abs(try scaleInvariantDistortion((target + noise) * 7, target).item() - plain) < 1e-6)
  }

  @Test func spectraThatDifferByAFactorAreItsLogarithmApart() throws {
    let noise = RandomStream(seed: 1).normal([2, 6000]).asType(.float64)
    // Power differs by 100 in every bin: 2 decades, or 4.6 nepers.
    #expect(abs(try LogSpectralDistance.decadic(noise * 10, noise).mean().item() - 2) < 1e-3)
    #expect(abs(try LogSpectralDistance.paper(noise * 10, noise).mean().item() - 2 * log(10)) < 1e-3)
    #expect(abs(try LogSpectralDistance.repository(noise * 10, noise).mean().item() - 2 * log(10)) < 1e-3)
    #expect(try LogSpectralDistance.repository(noise * 1e30, noise).mean().item() == 10)
  }

  @Test func soundsOfDifferentLengthAreRefused() {
    #expect(throws: MetricError.self) { try signalToNoise(wave(1), wave(1).slice(1, 0, 7)) }
    #expect(throws: MetricError.self) { try LogSpectralDistance.paper(wave(1), wave(1).slice(1, 0, 7)) }
    #expect(throws: MetricError.self) {
      try LogSpectralDistance.paper(wave(1).slice(1, 0, 90), wave(1).slice(1, 0, 90), reflects: true)
    }
  }
}
