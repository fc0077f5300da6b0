import AtelierMedia
import Testing

@Suite struct VectorCanvasTests {
  private typealias Point = VectorCanvas.Point

  private func rectangle(_ left: Double, _ top: Double, _ right: Double, _ bottom: Double) -> [Point] {
    [Point(left, top), Point(right, top), Point(right, bottom), Point(left, bottom)]
  }

  private func sum(_ canvas: VectorCanvas, _ shape: VectorCanvas.Coverage) -> Double {
    var sum = 0.0
    for y in 0..<canvas.height { for x in 0..<canvas.width { sum += Double(shape[x: x, y: y]) } }
    return sum
  }

  @Test func aPixelIsCoveredByItsPartOfAPolygon() {
    let canvas = VectorCanvas(width: 8, height: 8)
    let shape = canvas.coverage(of: [rectangle(1.5, 2.25, 4.25, 5)])
    #expect(shape[x: 2, y: 3] == 1 && shape[x: 0, y: 3] == 0 && shape[x: 5, y: 3] == 0)
    #expect(shape[x: 1, y: 3] == 0.5 && shape[x: 4, y: 3] == 0.25 && shape[x: 2, y: 2] == 0.75)
    #expect(abs(shape[x: 1, y: 2] - 0.375) < 1e-6 && shape[x: 2, y: 5] == 0)
    // A slanted edge within one column, and one over several.
    let steep = canvas.coverage(of: [[Point(2, 0), Point(3, 8), Point(0, 8), Point(0, 0)]])
    #expect(abs(steep[x: 2, y: 4] - 0.5625) < 1e-6)
    let flat = canvas.coverage(of: [[Point(0, 3), Point(8, 4), Point(8, 8), Point(0, 8)]])
    #expect(abs(flat[x: 3, y: 3] - (1 - 3.5 / 8)) < 1e-6)
  }

  @Test(arguments: [
    [Point(1, 1), Point(7, 2), Point(3, 6.5)], [Point(0.3, 7.1), Point(2.2, 0.4), Point(7.9, 3.3)],
    [Point(4, 0), Point(8, 4), Point(4, 8), Point(0, 4)],
  ])
  func coverageAddsUpToTheArea(_ polygon: [VectorCanvas.Point]) {
    let canvas = VectorCanvas(width: 8, height: 8)
    var area = 0.0
    for (index, point) in polygon.enumerated() {
      let next = polygon[(index + 1) % polygon.count]
      area += (point.x * next.y - next.x * point.y) / 2
    }
    for outline in [polygon, polygon.reversed()] {
      #expect(abs(sum(canvas, canvas.coverage(of: [outline])) - abs(area)) < 1e-4)
    }
  }

  @Test func whatLiesOutsideIsCutOff() {
    let canvas = VectorCanvas(width: 8, height: 8)
    #expect(abs(sum(canvas, canvas.coverage(of: [rectangle(-9, -3, 4, 90)])) - 32) < 1e-4)
    #expect(abs(sum(canvas, canvas.coverage(of: [rectangle(6, -3, 1e7, 90)])) - 16) < 1e-4)
    for gone in [rectangle(9, 0, 12, 8), rectangle(0, -5, 8, -1)] {
      #expect(sum(canvas, canvas.coverage(of: [gone])) == 0)
    }
    #expect(
      sum(canvas, canvas.coverage(of: [])) == 0 && sum(canvas, canvas.coverage(of: [[Point(1, 1)]])) == 0)
  }

  @Test func shapesJoinAndCutHoles() {
    let canvas = VectorCanvas(width: 8, height: 8)
    let (outer, inner) = (rectangle(0, 0, 8, 8), rectangle(2, 2, 4, 6))
    #expect(abs(sum(canvas, canvas.coverage(of: [outer, inner])) - 64) < 1e-4)
    #expect(abs(sum(canvas, canvas.coverage(of: [outer, inner.reversed()])) - 56) < 1e-4)
    let rest = canvas.coverage(of: [outer]).without(canvas.coverage(of: [inner]))
    #expect(abs(sum(canvas, rest) - 56) < 1e-4)
  }

  @Test func paintsMixByCoverageAndOpacity() {
    var canvas = VectorCanvas(width: 4, height: 4)
    canvas.fill(.flat([1, 0, 0, 1]))
    canvas.fill([rectangle(0, 0, 1.5, 4)], .flat([0, 0, 1, 0.5]))
    let image = canvas.image
    #expect(Array(image.bytes[0..<3]) == [128, 0, 128] && Array(image.bytes[3..<6]) == [191, 0, 64])
    #expect(Array(image.bytes[6..<9]) == [255, 0, 0])
    canvas.multiply(by: [0.5, 1, 1])
    #expect(canvas.image[x: 3, y: 0, channel: 0] == 128)
    // From left to right, and from a middle outwards.
    canvas.fill(.linear(from: [0.5, 0], [0, 0, 0, 1], to: [3.5, 0], [1, 1, 1, 1]))
    #expect((0..<4).map { canvas.image[x: $0, y: 2, channel: 1] } == [0, 85, 170, 255])
    canvas.fill(
      .radial(centre: [2, 2], across: [2, 0], down: [0, 2], inner: 0.5, [1, 1, 1, 1], [0, 0, 0, 1]))
    #expect(canvas.image[x: 1, y: 1, channel: 0] > 200 && canvas.image[x: 0, y: 0, channel: 0] == 0)
    let mask = canvas.mask(canvas.coverage(of: [rectangle(0, 0, 1.5, 1)]))
    #expect(Array(mask.bytes[0..<4]) == [255, 128, 0, 0] && mask.channels == 1)
  }

  @Test func curvesPassThroughTheirPointsAndLinesHaveTheirWidth() {
    let points = [Point(0, 0), Point(2, 3), Point(5, 1), Point(7, 7)]
    let open = VectorCanvas.curve(through: points, steps: 4)
    #expect(open.count == 13 && points.allSatisfy(open.contains))
    let closed = VectorCanvas.curve(through: points, isClosed: true, steps: 4)
    #expect(closed.count == 16 && points.allSatisfy(closed.contains))
    let canvas = VectorCanvas(width: 8, height: 8)
    let line = VectorCanvas.stroke([Point(0, 4), Point(4, 4), Point(8, 4)], widths: [1, 3])
    #expect(abs(sum(canvas, canvas.coverage(of: [line])) - 16) < 1e-4)
  }
}
