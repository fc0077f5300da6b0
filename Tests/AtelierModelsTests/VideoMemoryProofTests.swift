import Atelier
import Foundation
import TestSupport
import Testing
import Torch

/// A generated video takes no more memory the longer it becomes; minutes, so a proof:
///
///     ATELIER_PROOF=1 swift test -c release --filter VideoMemoryProof
@Suite(.enabled(if: ProcessInfo.processInfo.environment["ATELIER_PROOF"] != nil))
struct VideoMemoryProofTests {
  /// Growth that is none: what the allocator keeps differs from frame to frame.
  private static let leeway = 16 << 20

  @Test func twoThousandFramesTakeTheMemoryOfTwoHundredProof() throws {
    let preset = try #require(Vid2Vid.Configuration.presets.first { $0.name == "small" })
    let configuration = preset.configuration
    let (height, width) = (configuration.imageHeight, configuration.imageWidth)
    let system = try Trial.make(Vid2Vid.self, configuration)
    var resident: [Int: Int] = [:]
    try system.drawing {
      let session = try system.open(Request(draws: StreamDraws(RandomStream(seed: 1))))
      for frame in 1...2000 {
        // Classes in stripes that move.
        let labels = (0..<(height * width)).map { ($0 % width + frame) % configuration.semanticChannels }
        let map = Tensor(labels, shape: [1, height, width])
        let made = try session.advance(["label": .tensor(map)])
        let mean = try #require(made.tensor).mean().item()
        #expect(mean.isFinite)
        if [200, 2000].contains(frame) { resident[frame] = Engine.memory()?.current }
      }
    }
    let (early, late) = (try #require(resident[200]), try #require(resident[2000]))
    print("resident at frame 200: \(early >> 20) MiB, at frame 2000: \(late >> 20) MiB")
    #expect(late - early < Self.leeway)
  }
}
