internal import Foundation

/// The frames of a sound at 16 kHz in which its mark stands: 64 rows of frequencies from 480 to 6450 Hz, and a column
/// every 16 ms.
///
/// Loudness in a cell of time and frequency is what hearing is least exact about, and what coders keep: the mark changes
/// it by some tenths of a decibel to a few, in cells of the pattern, so that the change is hidden by the sound in the same
/// cell and silence stays silent (Kirovski and Malvar, Spread-spectrum watermarking of audio signals, IEEE Transactions
/// on Signal Processing 51(4), 2003, who change it by 1 dB).
struct SoundSpectrum {
  /// The sample rate that marks are written and read at.
  static let sampleRate = 16_000
  /// Samples of a frame, 32 ms.
  static let frame = 512
  /// Samples of a column of the pattern, 16 ms.
  static let column = 256
  /// Bins of a row, 31.25 Hz each.
  static let binsOfARow = 3
  /// The lowest bin of the lowest row.
  static let lowestBin = 16

  private static let rows = MarkPattern.side
  private static let hop = column / 2
  /// Where an extreme of the pattern would be heard.
  private static let highest: Float = 2

  private let transform = FourierTransform(size: frame)
  /// The square root of a Hann window: applied twice, hops of a quarter add up to 2.
  private let root: [Float]
  /// A Hann window.
  private let window: [Float]

  init() {
    let angles = (0..<Self.frame).map { 2 * Double.pi * Double($0) / Double(Self.frame) }
    window = angles.map { Float(0.5 - 0.5 * cos($0)) }
    root = window.map { $0.squareRoot() }
  }

  // MARK: Writing

  /// What is to be added to a sound, so that its cells are louder and softer as the pattern says.
  ///
  /// - Parameters:
  ///   - samples: mono at ``sampleRate``.
  ///   - strength: the standard deviation of the change, in decibels.
  func change(of samples: [Float], strength: Float) -> [Float] {
    let (frame, hop) = (Self.frame, Self.hop)
    // Frame 0 is centred half a frame before the sound.
    let count = (samples.count + frame) / hop + 1
    var sum = [Float](repeating: 0, count: samples.count + 3 * frame)
    var real = [Float](repeating: 0, count: frame)
    var imaginary = real
    for number in 0..<count {
      let start = number * hop - frame
      for place in 0..<frame {
        let sample = start + place
        real[place] = sample >= 0 && sample < samples.count ? samples[sample] * root[place] : 0
        imaginary[place] = 0
      }
      transform.apply(&real, &imaginary)
      // Half columns from the sound's first sample on.
      let gains = gains(at: number - 2, strength)
      for bin in 0...(frame / 2) {
        real[bin] *= gains[bin]
        imaginary[bin] *= gains[bin]
        if bin > 0, bin < frame / 2 {
          real[frame - bin] *= gains[bin]
          imaginary[frame - bin] *= gains[bin]
        }
      }
      transform.apply(&imaginary, &real)
      let scale = 1 / Float(2 * frame)
      for place in 0..<frame { sum[number * hop + place] += real[place] * root[place] * scale }
    }
    return Array(sum[frame..<(frame + samples.count)])
  }

  /// What each bin's change is multiplied with at a half column: the gain less 1.
  private func gains(at halfColumn: Int, _ strength: Float) -> [Float] {
    let side = MarkPattern.side
    let tile = MarkPattern.standard.tile
    let first = halfColumn >> 1
    let share = Float(halfColumn & 1) / 2
    func value(_ row: Int, _ column: Int) -> Float {
      let (row, column) = (((row % side) + side) % side, ((column % side) + side) % side)
      return max(-Self.highest, min(Self.highest, tile[row * side + column]))
    }
    return (0...(Self.frame / 2)).map { bin in
      let place = Float(bin - Self.lowestBin - Self.binsOfARow / 2) / Float(Self.binsOfARow)
      guard place > -0.5, place < Float(Self.rows) - 0.5 else { return 0 }
      let row = Int(place.rounded(.down))
      let part = place - Float(row)
      let here = (1 - part) * value(row, first) + part * value(row + 1, first)
      let next = (1 - part) * value(row, first + 1) + part * value(row + 1, first + 1)
      let decibels = strength * ((1 - share) * here + share * next)
      return Float(pow(10, Double(decibels) / 20)) - 1
    }
  }

  // MARK: Reading

  /// How far each cell's loudness differs from its neighbourhood's, in the neighbourhood's standard deviations.
  ///
  /// - Parameter samples: mono at ``sampleRate``.
  /// - Returns: 64 frequencies for each column.
  func residuals(of samples: [Float]) -> [[Float]] {
    let (frame, rows) = (Self.frame, Self.rows)
    let count = samples.count / Self.column + 1
    var powers: [[Float]] = []
    var means = [Double](repeating: 0, count: rows)
    var cut = [Float](repeating: 0, count: frame)
    for column in 0..<count {
      let start = column * Self.column - frame / 2
      for place in 0..<frame {
        let sample = start + place
        cut[place] = sample >= 0 && sample < samples.count ? samples[sample] * window[place] : 0
      }
      let magnitudes = transform.magnitudes(of: cut)
      let power = (0..<rows).map { row -> Float in
        let first = Self.lowestBin + row * Self.binsOfARow
        return magnitudes[first..<(first + Self.binsOfARow)].reduce(0) { $0 + $1 * $1 }
      }
      for row in 0..<rows { means[row] += Double(power[row]) / Double(count) }
      powers.append(power)
    }
    // What lies 60 dB below the sound's mean says nothing.
    let floors = means.map { Float($0 * 1e-6) + 1e-20 }
    let levels = powers.map { zip($0, floors).map { 0.5 * log($0 + $1) } }
    let around = Self.smoothed(levels)
    let residuals = zip(levels, around).map { zip($0, $1).map { $0 - $1 } }
    let deviations = Self.smoothed(residuals.map { $0.map { $0 * $0 } })
    return zip(residuals, deviations).map { zip($0, $1).map { $0 / (max(0, $1).squareRoot() + 0.05) } }
  }

  /// Means of 7 rows and 5 columns, those beyond the edges as the edge.
  private static func smoothed(_ cells: [[Float]]) -> [[Float]] {
    let across = cells.map { column in
      column.indices.map { row -> Float in
        (-3...3).reduce(0) { $0 + column[min(max(row + $1, 0), column.count - 1)] } / 7
      }
    }
    return across.indices.map { place in
      let near = (-2...2).map { across[min(max(place + $0, 0), across.count - 1)] }
      return across[place].indices.map { row in near.reduce(0) { $0 + $1[row] } / 5 }
    }
  }

  /// The columns of a part, folded into the pattern's square.
  static func folded(_ columns: ArraySlice<[Float]>) -> [Float] {
    let side = MarkPattern.side
    var square = [Float](repeating: 0, count: side * side)
    for (number, column) in columns.enumerated() {
      for row in 0..<rows { square[row * side + number % side] += column[row] }
    }
    return square
  }
}
