import Foundation
import Testing
import Torch

/// A file that `Fixtures/make_fixtures.py` wrote.
func fixture(_ name: String, from place: String = #filePath) -> URL {
  URL(fileURLWithPath: place).deletingLastPathComponent().appendingPathComponent("Fixtures/\(name)")
}

/// Runs `body` with a fresh folder that is removed afterwards.
func withTemporaryFolder<Result>(_ body: (URL) throws -> Result) throws -> Result {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent("atelier-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  return try body(folder)
}

/// Little-endian bytes.
func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
  withUnsafeBytes(of: value.littleEndian) { [UInt8]($0) }
}

/// A repeatable source of mutations.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

/// Copies of `bytes` with flipped, inserted, removed and repeated bytes.
func mutations(of bytes: [UInt8], count: Int, seed: UInt64) -> [[UInt8]] {
  var random = SplitMix(state: seed)
  return (0..<count).map { _ in
    var copy = bytes
    for _ in 0...Int.random(in: 0..<4, using: &random) {
      let place = Int.random(in: 0..<copy.count, using: &random)
      switch Int.random(in: 0..<6, using: &random) {
      case 0: copy[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      case 1: copy[place] = UInt8.random(in: 0...255, using: &random)
      case 2: copy[place] = [0x00, 0xFF, 0x7F, 0x80].randomElement(using: &random) ?? 0
      case 3: copy.insert(UInt8.random(in: 0...255, using: &random), at: place)
      case 4: if copy.count > 1 { copy.remove(at: place) }
      default:
        let end = min(copy.count, place + Int.random(in: 1..<16, using: &random))
        copy.insert(contentsOf: copy[place..<end], at: Int.random(in: 0..<copy.count, using: &random))
      }
    }
    return copy
  }
}
