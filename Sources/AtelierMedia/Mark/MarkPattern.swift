internal import Foundation

/// The secret half of an invisible mark: waves of known phase in a square that is repeated over the medium.
///
/// Whatever is marked is folded into one such square, and the phases of its waves are compared with the
/// pattern's at every shift (symmetrical phase-only matched filtering; Kalker, Depovere, Haitsma and Maes, A video
/// watermarking system for broadcast monitoring, SPIE 3657, 1999). Waves count by phase alone, so a medium without
/// the mark scores as the sum of as many independent cosines, whatever it shows: the chance of a false alarm follows
/// from the threshold.
///
/// Nothing in it is about images: a sound folds into such a square by time, and a video frame by frame.
struct MarkPattern: Sendable {
  /// Rows and columns of the square.
  static let side = 64

  /// The pattern of marked media. Other numbers are other patterns, which do not find each other's marks.
  static let standard = MarkPattern(number: 0x4154_454C_4945_5231)

  /// The square, row by row, of mean 0 and mean square 1.
  let tile: [Float]
  /// The places of the waves in the square's transform, one of each conjugate pair.
  private let waves: [Int]
  /// Cosine and sine of each wave's phase.
  private let phases: [(cosine: Float, sine: Float)]
  private let transform = FourierTransform(size: side)

  /// Waves of 4 to 16 units of length: longer ones would show, and shorter ones do not outlive halving.
  init(number: UInt64) {
    let side = Self.side
    var state = number
    // SplitMix64 (Steele, Lea and Flood 2014).
    func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var value = state
      value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
      value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
      return value ^ (value >> 31)
    }
    var (waves, phases): ([Int], [(cosine: Float, sine: Float)]) = ([], [])
    var real = [Float](repeating: 0, count: side * side)
    var imaginary = real
    for row in 0..<side {
      for column in 0..<side {
        let (down, across) = (row < side / 2 ? row : row - side, column < side / 2 ? column : column - side)
        let square = down * down + across * across
        guard (16...256).contains(square), across > 0 || (across == 0 && down > 0) else { continue }
        let angle = Double(next() >> 11) / Double(1 << 53) * 2 * .pi
        let (cosine, sine) = (Float(cos(angle)), Float(sin(angle)))
        waves.append(row * side + column)
        phases.append((cosine, sine))
        let mirror = (side - row) % side * side + (side - column) % side
        (real[row * side + column], imaginary[row * side + column]) = (cosine, sine)
        (real[mirror], imaginary[mirror]) = (cosine, -sine)
      }
    }
    self.waves = waves
    self.phases = phases
    transform.applyToSquare(&imaginary, &real)
    let energy = real.reduce(0) { $0 + $1 * $1 } / Float(side * side)
    tile = real.map { $0 / energy.squareRoot() }
  }

  /// How far the phases of a folded square's waves agree with the pattern's, at the shift where they do most.
  ///
  /// - Parameters:
  ///   - folded: `side * side` values, row by row.
  ///   - shiftsRows: whether rows may be shifted as columns are; not so where rows are frequencies, which stay.
  /// - Returns: in standard deviations of what a square without the mark gives.
  func score(_ folded: [Float], shiftsRows: Bool = true) -> Double {
    var real = folded
    var imaginary = [Float](repeating: 0, count: folded.count)
    transform.applyToSquare(&real, &imaginary)
    var products = [Float](repeating: 0, count: folded.count)
    var others = products
    for (wave, phase) in zip(waves, phases) {
      let length = (real[wave] * real[wave] + imaginary[wave] * imaginary[wave]).squareRoot()
      guard length > 1e-6 else { continue }
      let (cosine, sine) = (real[wave] / length, imaginary[wave] / length)
      products[wave] = cosine * phase.cosine + sine * phase.sine
      others[wave] = sine * phase.cosine - cosine * phase.sine
    }
    transform.applyToSquare(&others, &products)
    // A cosine of a random phase has a variance of one half.
    let best = products.prefix(shiftsRows ? products.count : Self.side).max() ?? 0
    return Double(best) / (Double(waves.count) / 2).squareRoot()
  }

  /// The chance that a medium without the mark scores this much at some of so many shifts, at most (Hoeffding's bound for
  /// each shift, added up).
  static func falseAlarm(_ score: Double, shifts: Int) -> Double {
    min(1, Double(shifts) * exp(-score * score / 2))
  }
}
