import AtelierData

/// Inputs that are nearly valid: each follows from a seed and its number alone.
package struct Mutation {
  private let seeds: [[UInt8]]
  private let parser: FuzzedParser
  private let seed: UInt64

  /// Numbers that lengths and counts are wrong by.
  private static let limits: [UInt64] = [
    0, 1, 2, 7, 8, 127, 128, 255, 256, 511, 512, 32767, 32768, 65535, 65536, 1 << 20, 0x7FFF_FFFF,
    0x8000_0000,
    0xFFFF_FFFF, 1 << 32, 1 << 40, 0x7FFF_FFFF_FFFF_FFFF, 1 << 63, UInt64.max - 7, UInt64.max,
  ]

  /// The inputs of one parser.
  package init(of parser: FuzzedParser, seed: UInt64) throws {
    seeds = try parser.seeds().filter { !$0.isEmpty && $0.count <= parser.longest }
    precondition(!seeds.isEmpty, "\(parser.name) has no seed")
    (self.parser, self.seed) = (parser, seed)
  }

  /// The input of a number from 0 on. The first are the seeds themselves.
  package func input(_ number: Int) -> [UInt8] {
    if number < seeds.count { return seeds[number] }
    var generator = SeededGenerator(seed: seed, purpose: parser.name, epoch: number)
    var bytes = seeds[number % seeds.count]
    // Mostly few changes: many at once are refused for the first.
    let changes = 1 << Int.random(in: 0...4, using: &generator)
    for _ in 0..<Int.random(in: 1...changes, using: &generator) { change(&bytes, using: &generator) }
    return Array(bytes.prefix(parser.longest))
  }

  private func change(_ bytes: inout [UInt8], using generator: inout SeededGenerator) {
    guard !bytes.isEmpty else {
      bytes = [UInt8.random(in: 0...255, using: &generator)]
      return
    }
    func place() -> Int { Int.random(in: 0..<bytes.count, using: &generator) }
    func block(atMost limit: Int = 64) -> Range<Int> {
      let start = place()
      let length = Int.random(in: 1...max(1, min(limit, bytes.count - start)), using: &generator)
      return start..<(start + length)
    }
    switch Int.random(in: 0..<14, using: &generator) {
    case 0, 1: bytes[place()] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
    case 2: bytes[place()] = UInt8.random(in: 0...255, using: &generator)
    case 3: bytes[place()] = [0, 1, 0x7F, 0x80, 0xFF].randomElement(using: &generator) ?? 0
    case 4: bytes.removeSubrange(place()...)
    case 5: bytes.removeSubrange(block())
    case 6: bytes.insert(contentsOf: Array(bytes[block()]), at: place())
    case 7:
      let (one, other) = (block(atMost: 16), block(atMost: 16))
      for (left, right) in zip(one, other) { bytes.swapAt(left, right) }
    case 8, 9: number(&bytes, at: place(), using: &generator)
    case 10: digits(&bytes, at: place(), using: &generator)
    case 11:
      let other = seeds[Int.random(in: 0..<seeds.count, using: &generator)]
      let cut = Int.random(in: 0..<other.count, using: &generator)
      bytes = Array(bytes[..<place()]) + other[cut...]
    case 12:
      let piece = Array(bytes[block(atMost: 8)])
      let count = Int.random(in: 1...40, using: &generator)
      bytes.insert(contentsOf: Array(repeatElement(piece, count: count).joined()), at: place())
    default: bytes.insert(UInt8.random(in: 0...255, using: &generator), at: place())
    }
  }

  /// A length of 1 to 8 bytes becomes one at a limit, or one more or less than it was.
  private func number(_ bytes: inout [UInt8], at place: Int, using generator: inout SeededGenerator) {
    let width = [1, 2, 4, 8].randomElement(using: &generator) ?? 4
    guard place + width <= bytes.count else { return }
    let isBig = Bool.random(using: &generator)
    let places = (0..<width).map { place + (isBig ? width - 1 - $0 : $0) }
    let old = places.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64(bytes[$1]) }
    let new =
      switch Int.random(in: 0..<4, using: &generator) {
      case 0: old &+ 1
      case 1: old &- 1
      default: Self.limits.randomElement(using: &generator) ?? 0
      }
    for (index, place) in places.enumerated() {
      bytes[place] = UInt8(truncatingIfNeeded: new >> UInt64(8 * index))
    }
  }

  /// A number in digits from a place on becomes one at a limit.
  private func digits(_ bytes: inout [UInt8], at place: Int, using generator: inout SeededGenerator) {
    guard let start = bytes[place...].firstIndex(where: { (0x30...0x39).contains($0) }) else { return }
    let end = bytes[start...].firstIndex { !(0x30...0x39).contains($0) } ?? bytes.count
    var text = String(Self.limits.randomElement(using: &generator) ?? 0)
    switch Int.random(in: 0..<6, using: &generator) {
    case 0: text = "-" + text
    case 1: text += ".5"
    case 2: text += "e999"
    default: break
    }
    bytes.replaceSubrange(start..<end, with: text.utf8)
  }
}
