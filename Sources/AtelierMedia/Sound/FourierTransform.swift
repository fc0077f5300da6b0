internal import Foundation

/// The discrete Fourier transform of a fixed power of two (Cooley and Tukey 1965, radix 2).
struct FourierTransform {
  let size: Int
  private let cosines: [Float]
  private let sines: [Float]
  private let reversed: [Int]

  /// - Precondition: a power of two, at least 2.
  init(size: Int) {
    precondition(size >= 2 && size & (size - 1) == 0, "FourierTransform: \(size) is no power of two")
    self.size = size
    let angles = (0..<(size / 2)).map { -2 * Double.pi * Double($0) / Double(size) }
    cosines = angles.map { Float(cos($0)) }
    sines = angles.map { Float(sin($0)) }
    let bits = size.trailingZeroBitCount
    reversed = (0..<size).map { index in
      (0..<bits).reduce(0) { $0 | (index >> $1 & 1) << (bits - 1 - $1) }
    }
  }

  /// The magnitudes of bins 0...size/2 of a real signal.
  ///
  /// - Precondition: `size` values.
  func magnitudes(of signal: [Float]) -> [Float] {
    var (real, imaginary) = (signal, [Float](repeating: 0, count: size))
    apply(&real, &imaginary)
    return (0...(size / 2)).map { (real[$0] * real[$0] + imaginary[$0] * imaginary[$0]).squareRoot() }
  }

  /// Transforms complex values in place, without a factor; exchanging the two arguments gives the inverse.
  ///
  /// - Precondition: `size` values each.
  func apply(_ real: inout [Float], _ imaginary: inout [Float]) {
    precondition(
      real.count == size && imaginary.count == size,
      "FourierTransform: \(real.count) and \(imaginary.count) values instead of \(size)")
    real = reversed.map { real[$0] }
    imaginary = reversed.map { imaginary[$0] }
    real.withUnsafeMutableBufferPointer { real in
      imaginary.withUnsafeMutableBufferPointer { imaginary in
        cosines.withUnsafeBufferPointer { cosines in
          sines.withUnsafeBufferPointer { sines in
            var half = 1
            while half < size {
              let step = size / (2 * half)
              var block = 0
              while block < size {
                for offset in 0..<half {
                  let (low, high) = (block + offset, block + offset + half)
                  let (cosine, sine) = (cosines[offset * step], sines[offset * step])
                  let turnedReal = real[high] * cosine - imaginary[high] * sine
                  let turnedImaginary = real[high] * sine + imaginary[high] * cosine
                  real[high] = real[low] - turnedReal
                  imaginary[high] = imaginary[low] - turnedImaginary
                  real[low] += turnedReal
                  imaginary[low] += turnedImaginary
                }
                block += 2 * half
              }
              half *= 2
            }
          }
        }
      }
    }
  }

  /// Transforms a square of `size` rows in place, rows first.
  ///
  /// - Precondition: `size * size` values each.
  func applyToSquare(_ real: inout [Float], _ imaginary: inout [Float]) {
    for isColumns in [false, true] {
      let (outer, inner) = isColumns ? (1, size) : (size, 1)
      for line in 0..<size {
        var one = (0..<size).map { real[line * outer + $0 * inner] }
        var other = (0..<size).map { imaginary[line * outer + $0 * inner] }
        apply(&one, &other)
        for place in 0..<size {
          real[line * outer + place * inner] = one[place]
          imaginary[line * outer + place * inner] = other[place]
        }
      }
    }
  }
}
