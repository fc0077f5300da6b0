import AtelierMedia
import Foundation
import Synchronization
import Testing

struct ConcurrentResizingTests {
  /// Sizes for which liborc compiles code of their own, which it cannot do on two threads at once before 0.4.34.
  private static let sizes = (0..<24).map { (width: 20 + $0 * 3, height: 61 - $0 * 2) }

  @Test func resizingOnManyThreadsGivesWhatOneThreadGives() throws {
    let values = (0..<(97 * 61 * 3)).map { UInt8(truncatingIfNeeded: $0 &* $0 &* 7 &+ $0 / 11) }
    let source = Image(width: 97, height: 61, channels: 3, depth: 8, bytes: values)
    let expected = try Self.sizes.map { try source.resized(width: $0.width, height: $0.height) }
    let wrong = Mutex<[Int]>([])
    DispatchQueue.concurrentPerform(iterations: 20 * Self.sizes.count) { index in
      let place = index % Self.sizes.count
      let made = try? source.resized(width: Self.sizes[place].width, height: Self.sizes[place].height)
      if made != expected[place] { wrong.withLock { $0.append(index) } }
    }
    #expect(wrong.withLock { $0 }.isEmpty)
  }
}
