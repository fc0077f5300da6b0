import AtelierMetrics
import Foundation
import Testing
import Torch

/// Images without chance in them: (sin(a i + b) + cos(0.001 a i²)) / 4 + ½ for the i-th value.
///
/// Expected numbers were computed with PyTorch in float64 from the same formula.
private func picture(_ shape: [Int], _ a: Double, _ b: Double) -> Tensor {
  let values = (0..<shape.reduce(1, *)).map { index in
    let i = Double(index)
    return (sin(a * i + b) + cos(i * i * 0.001 * a)) / 4 + 0.5
  }
  return Tensor(HostTensor(values, shape: shape))
}

struct PairTests {
  private let image = picture([2, 3, 20, 24], 0.37, 0.1)
  private let target = picture([2, 3, 20, 24], 0.37, 0.25)

  @Test func signalToNoiseIsThatOfThePixels() throws {
    let values = try peakSignalToNoise(image, target)
    #expect(isClose(values, [31.54002193501573, 31.531681895300927]))
    let bytes = try peakSignalToNoise(image * 255, target * 255, dataRange: 255)
    #expect(isClose(bytes, values))
    #expect(try peakSignalToNoise(image, image) == [.infinity, .infinity])
    #expect(isClose(try peakSignalToNoise(image, image, floor: 1e-8), [80, 80]))
    #expect(isClose(try peakSignalToNoise(image, image + 0.1), [20, 20]))
  }

  @Test func similarityAgreesForBothWindows() throws {
    #expect(isClose(try structuralSimilarity(image, target), [0.9933659853225673, 0.9943400665262686]))
    let uniform = try structuralSimilarity(image, target, window: .uniform(), sampleCovariance: true)
    #expect(isClose(uniform, [0.9939925551848648, 0.994390072248945]))
    #expect(isClose(try structuralSimilarity(image, image), [1, 1]))
    let bytes = try structuralSimilarity(image * 255, target * 255, dataRange: 255)
    #expect(isClose(bytes, [0.9933659853225673, 0.9943400665262686]))
  }

  @Test func similarityOfSeveralScalesAgrees() throws {
    let large = picture([1, 2, 163, 170], 0.011, 0.1)
    let other = picture([1, 2, 163, 170], 0.011, 0.4)
    #expect(isClose(try multiscaleSimilarity(large, other), [0.98545974871383]))
    #expect(isClose(try multiscaleSimilarity(large, large), [1]))
    #expect(smallestMultiscaleSide() == 161)
    #expect(sentence { _ = try multiscaleSimilarity(image, target) }?.contains("161 pixels") == true)
  }

  @Test func luminanceIsInTheStudioRange() throws {
    let y = try luminance(image)
    #expect(y.shape == [2, 1, 20, 24])
    #expect(isClose(y.slice(2, 3, 4).slice(3, 5, 6).slice(0, 0, 1).item(), 0.3047606726571782))
    let extremes = Tensor.concatenated([.zeros([1, 3, 1, 1]), .ones([1, 3, 1, 1])], dim: 0)
    #expect(isClose(try luminance(extremes).doubles(), [16.0 / 255, 235.0 / 255]))
    let all = try ycbcr(extremes)
    #expect(isClose(all.doubles(), [16, 128, 128, 235, 128, 128].map { $0 / 255 }))
    #expect(sentence { _ = try luminance(.zeros([1, 1, 4, 4])) }?.contains("red, green and blue") == true)
  }

  @Test func bordersAreCutOff() throws {
    let cut = try withoutBorder(image, 4)
    #expect(cut.shape == [2, 3, 12, 16])
    let values = try peakSignalToNoise(cut, withoutBorder(target, 4), floor: 1e-8)
    #expect(isClose(values, [31.538711034371243, 31.53509850278397]))
    #expect(sentence { _ = try withoutBorder(image, 10) }?.contains("smaller crop") == true)
  }

  @Test func pixelErrorsAreMeans() throws {
    #expect(isClose(try meanPixelError(image, target), [0.02384212471874754, 0.023875327461506845]))
    let squared = try meanSquaredPixelError(image, target)
    #expect(isClose(squared, [0.0007014517555717906, 0.000702800093287089]))
  }

  @Test func whatDoesNotBelongTogetherIsRefused() {
    func message(_ body: () throws -> [Double]) -> String { sentence { _ = try body() } ?? "" }
    #expect(message { try peakSignalToNoise(image, .zeros([2, 3, 20, 23])) }.contains("the same size"))
    #expect(message { try peakSignalToNoise(.zeros([3, 20, 24]), target) }.contains("[batch, channels"))
    #expect(message { try meanPixelError(image * .nan, target) }.contains("not finite"))
    let small = Tensor.zeros([1, 1, 8, 8])
    #expect(message { try structuralSimilarity(small, small) }.contains("11 pixels"))
    #expect(message { try structuralSimilarity(image, target, window: .uniform(size: 1)) }.contains("window"))
    #expect(message { try peakSignalToNoise(image, target, dataRange: 0) }.contains("dataRange"))
  }

  @Test func theRegistryKnowsBothPrograms() throws {
    let pair = ["image": image, "target": target]
    func value(_ metric: String, _ parameters: [String: MetricParameter]) throws -> [Double] {
      try MetricRegistry.run(metric, inputs: pair, parameters: parameters)["value"]?.doubles() ?? []
    }
    let basic: [String: MetricParameter] = [
      "tool": .string("BasicSR"), "crop": .number(4), "luminance": .bool(false),
    ]
    #expect(isClose(try value("psnr", basic), [31.538711034371243, 31.53509850278397]))
    let scikit: [String: MetricParameter] = [
      "tool": .string("scikit-image"), "window": .string("uniform"), "size": .number(7),
    ]
    #expect(isClose(try value("ssim", scikit), [0.9939925551848648, 0.994390072248945]))
    #expect(isClose(try value("ssimTorch", [:]), try structuralSimilarity(image, target)))
    #expect(isClose(try value("pixelError", [:]), try meanPixelError(image, target)))
    let other = sentence { _ = try value("psnr", ["tool": .string("matlab")]) }
    #expect(other?.contains("not “matlab”") == true)
    let wrong = sentence { _ = try value("ssim", ["window": .string("round")]) }
    #expect(wrong?.contains("gaussian or uniform") == true)
  }
}
