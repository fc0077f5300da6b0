import AtelierMetrics
import Testing
import Torch

@Suite struct LipSyncTests {
  /// Unit vectors that turn by an angle from frame to frame.
  private func turning(_ count: Int, from first: Int = 0) -> Tensor {
    let angles = Tensor((0..<count).map { Float($0 + first) * 0.1 })
    return Tensor.concatenated([angles.cos().unsqueezed(1), angles.sin().unsqueezed(1)], dim: 1)
  }

  @Test(arguments: [-4, 0, 3]) func theOffsetIsFound(offset: Int) throws {
    // What is said at a frame belongs to the lips so many frames before.
    let sync = try LipSync(lips: turning(26), speech: turning(30, from: -offset))
    #expect(sync.offset == offset && sync.distance < 1e-6)
    // Distances of n frames are 2 sin(n / 20); offsets of which fewer than 13 windows have speech are left out.
    var distances: [Double] = []
    for other in -13...15 where other + 13 <= 30 {
      distances.append(2 * Double(sinOf(abs(other - offset))))
    }
    let median = distances.sorted()[(distances.count - 1) / 2]
    #expect(abs(sync.confidence - median) < 1e-5)
  }

  private func sinOf(_ frames: Int) -> Float { Tensor([Float(frames) / 20]).sin().floats()[0] }

  @Test func otherShapesAreRefused() {
    #expect(throws: MetricError.self) { try LipSync(lips: turning(5), speech: .ones([5, 3])) }
    #expect(throws: MetricError.self) { try LipSync(lips: .ones([0, 2]), speech: turning(5)) }
    #expect(throws: MetricError.self) { try LipSync(lips: turning(50), speech: turning(3)) }
  }
}
