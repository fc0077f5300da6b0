/// A random generator for the order of examples: the same numbers for the same key, on every machine and with
/// every version of Swift.
///
/// xoshiro256** of Blackman and Vigna (2018), its state filled by SplitMix64 from the key, as its authors
/// recommend. Independent of the engine's generator, as the order of the data must not depend on a model's
/// draws.
public struct SeededGenerator: RandomNumberGenerator, Sendable, Hashable {
  private var words: SIMD4<UInt64>

  /// A generator for one purpose of one epoch.
  ///
  /// - Parameters:
  ///   - seed: the run's seed.
  ///   - purpose: separates uses of one seed, for example `shuffle`.
  ///   - epoch: the pass over the data.
  public init(seed: UInt64, purpose: String = "", epoch: Int = 0) {
    // FNV-1a, because Swift's Hasher is seeded per process.
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in purpose.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    var key = seed
    for part in [hash, UInt64(bitPattern: Int64(epoch))] { key = Self.mixed(key) ^ part }
    words = SIMD4()
    for place in 0..<4 {
      key &+= 0x9E37_79B9_7F4A_7C15
      words[place] = Self.mixed(key)
    }
  }

  /// The finalising function of SplitMix64.
  private static func mixed(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// The next 64 bits.
  public mutating func next() -> UInt64 {
    let product = words[1] &* 5
    let result = (product << 7 | product >> 57) &* 9
    let shifted = words[1] << 17
    words[2] ^= words[0]
    words[3] ^= words[1]
    words[1] ^= words[2]
    words[0] ^= words[3]
    words[2] ^= shifted
    words[3] = words[3] << 45 | words[3] >> 19
    return result
  }

  /// An integer in 0..<bound; the bias is below bound / 2^64.
  public mutating func integer(below bound: Int) -> Int {
    Int(next().multipliedFullWidth(by: UInt64(max(1, bound))).high)
  }

  /// A random permutation of 0..<count (Fisher and Yates).
  ///
  /// Not the standard library's shuffle, whose algorithm may change. The bounded draw takes the high half of
  /// a product; its bias is below count / 2^64.
  public mutating func permutation(_ count: Int) -> [Int] {
    [Int](unsafeUninitializedCapacity: count) { order, initialized in
      for place in 0..<count { order[place] = place }
      var last = count - 1
      while last > 0 {
        let chosen = integer(below: last + 1)
        (order[last], order[chosen]) = (order[chosen], order[last])
        last -= 1
      }
      initialized = count
    }
  }
}
