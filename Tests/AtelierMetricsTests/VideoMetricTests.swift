import AtelierMetrics
import Foundation
import Testing
import Torch

/// Numbers of played videos: where an object is, and what actions say of its motion.
@Suite struct VideoMetricTests {
  /// Red squares of 4 pixels a side on green, at places of a picture of 16 pixels a side.
  private func squares(_ places: [(x: Int, y: Int)?]) -> (images: Tensor, masks: Tensor) {
    var (images, masks) = ([UInt8](), [UInt8]())
    for place in places {
      let inside = (0..<256).map { pixel in
        place.map { (0..<4).contains(pixel % 16 - $0.x) && (0..<4).contains(pixel / 16 - $0.y) } ?? false
      }
      for channel in 0..<3 { images += inside.map { ($0 ? channel == 0 : channel == 1) ? 200 : 20 } }
      masks += inside.map { $0 ? 1 : 0 }
    }
    return (
      Tensor(HostTensor(shape: [places.count, 3, 16, 16], dtype: .uint8, bytes: images)),
      Tensor(HostTensor(shape: [places.count, 16, 16], dtype: .uint8, bytes: masks))
    )
  }

  @Test func anObjectIsFoundByItsColours() throws {
    let known = squares([(2, 3), (8, 8)])
    let detector = try ColourDetector(images: known.images, masks: known.masks)
    let others = squares([(0, 0), (12, 5), nil])
    let places = try detector.places(in: others.images)
    #expect(places == [.init(x: 1.5, y: 1.5), .init(x: 13.5, y: 6.5), nil])
    #expect(places == ColourDetector.places(of: others.masks))
    #expect(ColourDetector.Place(x: 0, y: 3).distance(to: .init(x: 4, y: 0)) == 5)
    #expect(throws: MetricError.self) { try detector.places(in: .zeros([1, 3, 8, 8]).asType(.uint8)) }
    #expect(throws: MetricError.self) {
      try ColourDetector(images: known.images, masks: .zeros([2, 16, 16]).asType(.uint8))
    }
  }

  @Test func aSmallRemainderIsAMissedDetection() throws {
    let known = squares([(2, 3), (8, 8)])
    let detector = try ColourDetector(images: known.images, masks: known.masks)
    // A quarter of the 16 pixels of the object is enough, and three are not.
    var bytes = squares([nil, nil]).images.host().bytes
    for (picture, count) in [(0, 4), (1, 3)] {
      for pixel in 0..<count {
        bytes[picture * 768 + pixel] = 200
        bytes[picture * 768 + 256 + pixel] = 20
      }
    }
    let images = Tensor(HostTensor(shape: [2, 3, 16, 16], dtype: .uint8, bytes: bytes))
    #expect(try detector.places(in: images) == [.init(x: 1.5, y: 0), nil])
  }

  @Test func motionIsExplainedByItsActions() throws {
    let motions: [(x: Double, y: Double)] = [(1, 0), (1, 0), (-1, 0), (-1, 0)]
    #expect(displacementError(motions, actions: [0, 0, 1, 1]) == 0)
    // One action says as much as the mean of the others.
    let one = try #require(displacementError(motions, actions: [0, 0, 0, 0]))
    #expect(abs(one - 100) < 1e-9)
    // The others of an action point the other way: 4 times the distance squared from their mean.
    let crossed = try #require(displacementError(motions, actions: [0, 1, 0, 1]))
    #expect(abs(crossed - 100 * 4 / (16.0 / 9)) < 1e-9)
    #expect(displacementError([(1, 1), (1, 1)], actions: [0, 1]) == nil)
    #expect(displacementError([(1, 1)], actions: [0]) == nil)
  }

  @Test func aNetworkOfFaultsTellsThem() throws {
    // Squares that move one pixel a frame.
    func video(_ start: Int) -> Tensor { squares((0..<8).map { (start + $0, 4 + start) }).images }
    let training = Tensor.stacked((0..<4).map(video))
    let network = try FaultNetwork.trained(on: training, test: nil, length: 4, steps: 60, seed: 1)
    #expect(network.accuracy > 0.5 && network.length == 4)
    let again = try FaultNetwork.trained(on: training, test: nil, length: 4, steps: 60, seed: 1)
    let clips = training.slice(1, 0, 4)
    #expect(network.features(clips).floats() == again.features(clips).floats())
    #expect(network.features(clips).shape == [4, 96])
    #expect(!network.distanceName.contains("FVD") && network.name.contains("60 steps"))
    // The same clips lie at no distance, and still ones far from moving ones.
    let still = clips.slice(1, 0, 1).expanded(clips.shape)
    let (real, frozen) = (network.features(clips), network.features(still))
    #expect(try frechetDistance(real: real, fake: real) < 1e-6)
    #expect(try frechetDistance(real: real, fake: frozen) > 1e-3)
    #expect(throws: MetricError.self) {
      try FaultNetwork.trained(on: clips, test: nil, length: 4, steps: 1, seed: 1)
    }
  }
}
