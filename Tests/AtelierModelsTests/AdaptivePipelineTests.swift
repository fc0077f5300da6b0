import AtelierModels
import Foundation
import Testing
import Torch
import TorchNN

/// ADA's transformations, against what they are by hand.
@Suite struct AdaptivePipelineTests {
  /// Draws of which some have given values; chances are 1 for all others, so that those do not happen.
  private final class Chosen: Draws {
    let values: [String: Double]
    init(values: [String: Double]) { self.values = values }
    private func value(_ name: String, _ shape: [Int], else other: Double) -> Tensor {
      let value = values[String(name.split(separator: ".", maxSplits: 1).last ?? "")] ?? other
      return Tensor([Float](repeating: Float(value), count: shape.reduce(1, *)), shape: shape)
    }
    func normal(_ name: String, _ shape: [Int]) -> Tensor { value(name, shape, else: 0) }
    func uniform(_ name: String, _ shape: [Int]) -> Tensor { value(name, shape, else: 1) }
    func integers(_ name: String, below bound: Int, _ shape: [Int]) -> Tensor { .zeros(shape, dtype: .int64) }
    func bernoulli(_ name: String, probability: Double, _ shape: [Int]) -> Tensor { .zeros(shape) }
  }

  private let image = RandomStream(seed: 3).uniform([2, 3, 6, 6]) * 2 - 1

  private func changed(
    _ x: Tensor, beside condition: Tensor? = nil, _ values: [String: Double]
  ) -> Tensor {
    AdaptivePipeline(AdaptivePipeline.Group.allCases)(
      x, beside: condition, probability: 0.5, draws: Chosen(values: values), name: "a")
  }

  private func distance(_ a: Tensor, _ b: Tensor) -> Double { (a - b).abs().max().item() }

  @Test func withoutChanceNothingChanges() {
    #expect(distance(changed(image, [:]), image) == 0)
  }

  @Test func pixelsMoveWhole() {
    #expect(distance(changed(image, ["mirror.chance": 0, "mirror": 0.9]), image.flipped([3])) < 1e-6)
    let turned = changed(image, ["quarters.chance": 0, "quarters": 0.3])
    let quarter = image.transposed(2, 3)
    #expect(min(distance(turned, quarter.flipped([2])), distance(turned, quarter.flipped([3]))) < 1e-6)
    // An eighth of six pixels is rounded to one.
    let shifted = changed(image, ["wholeShift.chance": 0, "wholeShift": 1])
    #expect(distance(shifted.slice(2, 1, 6).slice(3, 1, 6), image.slice(2, 0, 5).slice(3, 0, 5)) < 1e-6)
  }

  @Test func coloursAreMultipliedAndShifted() {
    #expect(distance(changed(image, ["brightness.chance": 0, "brightness": 2]), image + 0.4) < 1e-6)
    #expect(distance(changed(image, ["contrast.chance": 0, "contrast": 2]), image * 2) < 1e-5)
    let grey = image.mean(dims: [1], keepDim: true)
    #expect(distance(changed(image, ["luma.chance": 0, "luma": 0.9]), image - grey * 2) < 1e-5)
    #expect(
      distance(changed(image, ["saturation.chance": 0, "saturation": 1]), grey + (image - grey) * 2) < 1e-5)
    // A third of a turn about the grey axis exchanges the colours in a ring.
    let hue = changed(image, ["hue.chance": 0, "hue": (2.0 / 3 + 1) / 2])
    let rings = [[1, 2, 0], [2, 0, 1]].map { image.indexSelected(1, Tensor($0)) }
    #expect((rings.map { distance(hue, $0) }.min() ?? 1) < 1e-5)
    let dark = changed(
      image.slice(1, 0, 1), ["contrast.chance": 0, "contrast": 2, "hue.chance": 0, "hue": 0.1])
    #expect(distance(dark, image.slice(1, 0, 1) * 2) < 1e-5)
  }

  @Test func bandsTogetherAreNothingAndOneAloneIsAmplified() {
    let flat = Tensor.ones([1, 3, 8, 8])
    // Of a flat image the lowest band alone is left, whose gain 2 is divided by the expected power's.
    let lowest = changed(flat, ["band0.chance": 0, "band0": 1])
    let gain = 2 / (10.0 / 13 * 4 + 3.0 / 13).squareRoot()
    #expect(distance(lowest, flat * gain * gain) < 1e-4)
    let same = changed(image, ["band2.chance": 0, "band2": 0])
    #expect(distance(same, image) < 1e-5)
  }

  @Test func whatMovesMovesTheConditionTooAndColoursDoNot() {
    let condition = image.slice(1, 0, 1)
    let joined = changed(
      image, beside: condition, ["mirror.chance": 0, "mirror": 0.9, "brightness.chance": 0, "brightness": 2])
    #expect(distance(joined.slice(1, 0, 1), condition.flipped([3])) < 1e-6)
    #expect(distance(joined.slice(1, 1, 4), image.flipped([3]) + 0.4) < 1e-6)
  }

  @Test func aSquareIsCutAndGradientsFlow() {
    let x = image * 1
    x.requiresGradient = true
    let cut = changed(
      x, ["cutout.chance": 0, "cutout": 0.5, "scale.chance": 0, "scale": 1, "turn.chance": 0, "turn": 0.6])
    #expect((cut.slice(2, 2, 4).slice(3, 2, 4).abs().max() as Tensor).item() == 0)
    cut.sum().backward()
    #expect((x.gradient?.abs().sum().item() ?? 0) > 0)
    // Noise of twice a tenth.
    let noisy = changed(image, ["noise.chance": 0, "noise": 2, "noise.values": 1])
    #expect(distance(noisy, image + 0.2) < 1e-6)
  }
}
