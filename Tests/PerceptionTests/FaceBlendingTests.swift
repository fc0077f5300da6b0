import Perception
import Testing
import Torch

@Suite struct FaceBlendingTests {
  private func image(_ height: Int, _ width: Int, _ value: (Int, Int, Int) -> Double) -> Tensor {
    var values: [Float] = []
    for channel in 0..<3 {
      for y in 0..<height { for x in 0..<width { values.append(Float(value(channel, y, x))) } }
    }
    return Tensor(values, shape: [1, 3, height, width])
  }

  private func mask(_ height: Int, _ width: Int, _ value: (Int, Int) -> Double) -> Tensor {
    Tensor((0..<(height * width)).map { Float(value($0 / width, $0 % width)) }, shape: [1, 1, height, width])
  }

  private func largest(_ difference: Tensor) -> Double { difference.abs().max().item() }

  // MARK: Colours

  @Test func primariesHaveTheirLabColours() {
    // Of sRGB with the white of D65: red, green, blue, white, a grey.
    let rgb: [[Double]] = [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1], [0.5, 0.5, 0.5]]
    let known: [[Float]] = [
      [53.24, 80.09, 67.20], [87.74, -86.18, 83.18], [32.30, 79.19, -107.86], [100, 0, 0], [53.39, 0, 0],
    ]
    for (colour, expected) in zip(rgb, known) {
      let values = LabColour.lab(of: image(1, 1) { channel, _, _ in colour[channel] }).floats()
      for (value, wanted) in zip(values, expected) {
        #expect(abs(value - wanted) < 0.05, "\(colour): \(values)")
      }
    }
  }

  @Test func labColoursComeBack() {
    let colours = image(6, 7) { channel, y, x in Double((channel * 31 + y * 7 + x * 13) % 40) / 39 }
    #expect(largest(LabColour.rgb(of: LabColour.lab(of: colours)) - colours) < 1e-3)
  }

  @Test func meansAreMatchedWithinTheMask() {
    let inside = mask(8, 8) { y, _ in y < 4 ? 1 : 0 }
    let new = image(8, 8) { _, y, x in y < 4 ? 0.2 + 0.05 * Double(x % 2) : 1 }
    let old = image(8, 8) { channel, y, _ in y < 4 ? 0.4 + 0.1 * Double(channel) : 0 }
    let made = FaceBlending.matched(new, to: old, within: inside, by: .mean)
    let means = (made * inside).sum(dims: [2, 3]).floats().map { $0 / 32 }
    #expect(zip(means, [0.4, 0.5, 0.6] as [Float]).allSatisfy { abs($0 - $1) < 1e-5 })
  }

  @Test func aTransferBringsMeanAndDeviationOfLightness() {
    let inside = mask(10, 10) { _, _ in 1 }
    let new = image(10, 10) { _, y, x in 0.3 + 0.02 * Double((x + y) % 3) }
    let old = image(10, 10) { _, y, x in 0.5 + 0.05 * Double((2 * x + y) % 5) }
    let made = LabColour.lab(of: FaceBlending.matched(new, to: old, within: inside, by: .transfer))
    let wanted = LabColour.lab(of: old)
    let (one, two) = (made.narrow(1, from: 0, length: 1), wanted.narrow(1, from: 0, length: 1))
    #expect(abs(one.mean().item() - two.mean().item()) < 0.05)
    #expect(
      abs(
        one.standardDeviation(dims: [0, 1, 2, 3]).item() - two.standardDeviation(dims: [0, 1, 2, 3]).item())
        < 0.05)
  }

  @Test func aMatchedHistogramIsTheOther() {
    let inside = mask(4, 4) { y, x in y == 0 && x == 0 ? 0 : 1 }
    // Fifteen values each, none twice, in another order.
    let new = image(4, 4) { channel, y, x in Double((7 * (4 * y + x) + channel) % 16) / 20 }
    let old = image(4, 4) { channel, y, x in 0.3 + Double((5 * (4 * y + x) + channel) % 16) / 40 }
    let made = FaceBlending.matched(new, to: old, within: inside, by: .histogram)
    for channel in 0..<3 {
      func values(_ x: Tensor) -> [Float] {
        Array(x.contiguous().floats()[(channel * 16)..<(channel * 16 + 16)])
      }
      #expect(values(made).dropFirst().sorted() == values(old).dropFirst().sorted())
      #expect(values(made)[0] == values(new)[0])
      let order = values(new).indices.dropFirst().sorted { values(new)[$0] < values(new)[$1] }
      #expect(order == values(made).indices.dropFirst().sorted { values(made)[$0] < values(made)[$1] })
    }
  }

  @Test func whatTheMaskLeavesOutMatchesNothing() {
    let nothing = mask(3, 3) { _, _ in 0 }
    let (new, old) = (image(3, 3) { _, _, _ in 0.2 }, image(3, 3) { _, _, _ in 0.8 })
    for matching in ColourMatching.allCases {
      #expect(largest(FaceBlending.matched(new, to: old, within: nothing, by: matching) - new) == 0)
    }
  }

  // MARK: Masks

  @Test func erosionTakesADiscOff() {
    // A half plane ends two rows earlier; a single hole becomes a disc of radius 2.
    let half = mask(9, 9) { y, _ in y < 6 ? 1 : 0 }
    let eroded = FaceBlending.eroded(half, radius: 2).floats()
    #expect(eroded == mask(9, 9) { y, _ in y < 4 ? 1 : 0 }.floats())
    let hole = mask(9, 9) { y, x in y == 4 && x == 4 ? 0 : 1 }
    let disc = mask(9, 9) { y, x in (y - 4) * (y - 4) + (x - 4) * (x - 4) <= 4 ? 0 : 1 }
    #expect(FaceBlending.eroded(hole, radius: 2).floats() == disc.floats())
    #expect(FaceBlending.eroded(1 - hole, radius: -2).floats() == (1 - disc).floats())
    #expect(FaceBlending.eroded(half, radius: 0.5).floats() == half.floats())
    // The border of the image is no edge of the mask.
    #expect(FaceBlending.eroded(mask(5, 5) { _, _ in 1 }, radius: 20).floats().allSatisfy { $0 == 1 })
  }

  @Test func featheringKeepsPlainMasksAndTheMiddleOfAnEdge() {
    #expect(largest(FaceBlending.feathered(mask(12, 12) { _, _ in 1 }, deviation: 3) - 1) < 1e-5)
    let edge = FaceBlending.feathered(mask(31, 32) { _, x in x < 16 ? 1 : 0 }, deviation: 2).floats()
    let row = Array(edge[(15 * 32)..<(16 * 32)])
    #expect(abs(row[15] + row[16] - 1) < 1e-5 && row[15] > 0.55 && row[15] < 0.65)
    #expect(zip(row, row.dropFirst()).allSatisfy { $0 >= $1 })
  }

  @Test func aClosedMaskFallsToItsBorders() {
    let closed = FaceBlending.closedAtBorders(mask(10, 20) { _, _ in 1 }, share: 0.1).floats()
    #expect(abs(closed[0] - 0.0625) < 1e-6 && closed[5 * 20 + 10] == 1)
    #expect(FaceBlending.closedAtBorders(mask(4, 4) { _, _ in 1 }, share: 0).floats().allSatisfy { $0 == 1 })
  }

  // MARK: Seams

  @Test func aConstantDifferenceLeavesNoSeam() {
    let old = image(24, 20) { channel, y, x in 0.2 + 0.02 * Double(channel) + 0.01 * Double(x + y % 3) }
    let inside = mask(24, 20) { y, x in (y - 12) * (y - 12) + (x - 10) * (x - 10) < 49 ? 1 : 0 }
    let made = FaceBlending.seamless(old + 0.3, into: old, mask: inside, tolerance: 1e-6)
    #expect(largest(made - old) < 1e-4)
  }

  @Test func seamlessCloningKeepsDifferencesInsideAndTheImageOutside() {
    let old = image(16, 16) { _, _, _ in 0.5 }
    let new = image(16, 16) { _, y, x in 0.2 + 0.1 * Double((x / 4 + y / 4) % 2) }
    let inside = mask(16, 16) { y, x in y > 2 && y < 13 && x > 2 && x < 13 ? 1 : 0 }
    let made = FaceBlending.seamless(new, into: old, mask: inside, tolerance: 1e-6)
    #expect(largest((made - old) * (1 - inside)) == 0)
    // Poisson's equation in the middle: the sum of differences to the four neighbours is the new image's.
    func laplacian(_ x: Tensor, _ row: Int, _ column: Int) -> Float {
      let values = x.selected(dim: 1, index: 0).contiguous().floats()
      func at(_ y: Int, _ x: Int) -> Float { values[y * 16 + x] }
      return 4 * at(row, column) - at(row - 1, column) - at(row + 1, column) - at(row, column - 1)
        - at(row, column + 1)
    }
    for (row, column) in [(5, 5), (7, 8), (11, 4)] {
      #expect(abs(laplacian(made, row, column) - laplacian(new, row, column)) < 1e-4)
    }
    let border = mask(16, 16) { _, _ in 1 }
    #expect(FaceBlending.seamless(new, into: old, mask: border).shape == old.shape)
  }

  @Test func blendingIsLinearInTheMask() {
    let (new, old) = (image(2, 2) { _, _, _ in 1 }, image(2, 2) { _, _, _ in 0.2 })
    let made = FaceBlending.blended(new, over: old, mask: mask(2, 2) { y, _ in y == 0 ? 0.25 : 1 })
    #expect(largest(made.narrow(2, from: 0, length: 1) - 0.4) < 1e-6)
    #expect(largest(made.narrow(2, from: 1, length: 1) - 1) < 1e-6)
  }
}
