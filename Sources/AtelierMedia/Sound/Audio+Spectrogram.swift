internal import Foundation

/// The frequency axis of a spectrogram.
public enum FrequencyScale: String, Sendable, Hashable, Codable, CaseIterable {
  case linear
  /// `2595 log10(1 + f / 700)` (O'Shaughnessy 1987): low frequencies get more of the height.
  case mel
}

extension Audio {
  /// A spectrogram as an 8-bit RGB image: time from left to right, 0 Hz at the bottom and the Nyquist
  /// frequency at the top.
  ///
  /// The log magnitude of the short-time Fourier transform of the mono mix: Hann windows of the next power of
  /// two above 30 ms, zero padding, the loudest of at most four windows per column. A full-scale sine has 0
  /// dB, the lightest colour; `-range` dB and less are black.
  ///
  /// - Parameters:
  ///   - width: columns, 1...16384.
  ///   - height: rows, 1...16384.
  ///   - range: decibels from black to the lightest colour.
  public func spectrogramImage(
    width: Int, height: Int, scale: FrequencyScale = .linear, range: Double = 80
  ) throws(AudioError) -> Image {
    guard (1...16384).contains(width), (1...16384).contains(height), range > 0 else {
      throw .invalid(reason: "a spectrogram of \(width) x \(height) pixels over \(range) dB cannot be drawn")
    }
    guard frames > 0 else { throw .invalid(reason: "a sound without frames has no spectrogram") }
    let signal = mono().samples
    var size = 64
    while size < 8192 && Double(size) < 0.03 * Double(sampleRate) { size *= 2 }
    let transform = FourierTransform(size: size)
    let window = (0..<size).map { Float(0.5 - 0.5 * cos(2 * Double.pi * Double($0) / Double(size))) }
    let rows = Self.bins(height: height, size: size, sampleRate: sampleRate, scale)
    // A full-scale sine at the middle of a bin gives half the sum of the window.
    let reference = Double(window.reduce(0, +)) / 2

    let span = Double(frames) / Double(width)
    let windows = min(4, max(1, Int((span / (Double(size) / 4)).rounded(.up))))
    let palette = (0..<256).map { Self.colour(Double($0) / 255) }
    var bytes = [UInt8](repeating: 0, count: width * height * 3)
    for column in 0..<width {
      var loudest = [Float](repeating: 0, count: size / 2 + 1)
      for part in 0..<windows {
        let middle = span * (Double(column) + (Double(part) + 0.5) / Double(windows))
        let start = Int(middle) - size / 2
        let piece = (0..<size).map { index -> Float in
          let place = start + index
          guard signal.indices.contains(place), signal[place].isFinite else { return 0 }
          return signal[place] * window[index]
        }
        for (bin, magnitude) in transform.magnitudes(of: piece).enumerated() {
          loudest[bin] = max(loudest[bin], magnitude)
        }
      }
      for row in 0..<height {
        let magnitude = rows[row].reduce(Float(0)) { max($0, loudest[$1]) }
        let decibels = 20 * log10(max(1e-30, Double(magnitude) / reference))
        let level = Int((min(1, max(0, 1 + decibels / range)) * 255).rounded())
        let place = ((height - 1 - row) * width + column) * 3
        for channel in 0..<3 { bytes[place + channel] = palette[level][channel] }
      }
    }
    return Image(width: width, height: height, channels: 3, bytes: bytes)
  }

  /// The frequency bins of each row, from the bottom: those between its edges, or the nearest one.
  private static func bins(
    height: Int, size: Int, sampleRate: Int, _ scale: FrequencyScale
  ) -> [ClosedRange<Int>] {
    let nyquist = Double(sampleRate) / 2
    let highest = 2595 * log10(1 + nyquist / 700)
    func bin(_ edge: Double) -> Double {
      let frequency =
        scale == .linear ? edge * nyquist : min(nyquist, 700 * (pow(10, edge * highest / 2595) - 1))
      return frequency / nyquist * Double(size / 2)
    }
    return (0..<height).map { row in
      let low = bin(Double(row) / Double(height))
      let high = bin(Double(row + 1) / Double(height))
      let first = Int(low.rounded(.up))
      let last = Int(high.rounded(.up)) - 1
      if first <= last { return max(0, first)...min(size / 2, row == height - 1 ? size / 2 : last) }
      let nearest = min(size / 2, max(0, Int(((low + high) / 2).rounded())))
      return nearest...nearest
    }
  }

  /// A colour map from black through violet, red and orange to pale yellow, of increasing lightness, so that
  /// it also reads in grey.
  private static func colour(_ level: Double) -> [UInt8] {
    let stops: [[Double]] = [
      [0, 0, 0], [38, 12, 84], [122, 24, 110], [206, 58, 72], [248, 142, 42], [252, 246, 190],
    ]
    let place = level * Double(stops.count - 1)
    let lower = min(stops.count - 2, Int(place))
    let part = place - Double(lower)
    return (0..<3).map { channel in
      UInt8((stops[lower][channel] * (1 - part) + stops[lower + 1][channel] * part).rounded())
    }
  }
}
