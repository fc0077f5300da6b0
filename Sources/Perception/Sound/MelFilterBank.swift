internal import Foundation
public import Torch

/// Triangular filters on the mel scale of Slaney's Auditory Toolbox, each of unit area: the filters of librosa with
/// `htk=False`, `norm="slaney"`.
public struct MelFilterBank: Sendable, Hashable {
  /// Samples a second.
  public let sampleRate: Int
  /// Samples of a transform, of whose `size / 2 + 1` bins the filters take sums.
  public let transformSize: Int
  /// The number of filters.
  public let bands: Int
  /// The lower edge of the first filter in Hz.
  public let lowestFrequency: Double
  /// The upper edge of the last filter in Hz.
  public let highestFrequency: Double

  /// Filters of equal distance on the mel scale.
  ///
  /// - Parameter highestFrequency: nil: half the sample rate.
  public init(
    sampleRate: Int, transformSize: Int, bands: Int, lowestFrequency: Double = 0,
    highestFrequency: Double? = nil
  ) {
    self.sampleRate = sampleRate
    self.transformSize = transformSize
    self.bands = bands
    self.lowestFrequency = lowestFrequency
    self.highestFrequency = highestFrequency ?? Double(sampleRate) / 2
  }

  /// The filters, float64 `[bands, transformSize / 2 + 1]`.
  public var weights: Tensor {
    let bins = transformSize / 2 + 1
    let (low, high) = (Self.mel(lowestFrequency), Self.mel(highestFrequency))
    let edges = (0..<(bands + 2)).map { Self.frequency(low + (high - low) * Double($0) / Double(bands + 1)) }
    var values = [Double](repeating: 0, count: bands * bins)
    for band in 0..<bands {
      let (left, middle, right) = (edges[band], edges[band + 1], edges[band + 2])
      for bin in 0..<bins {
        let frequency = Double(bin) * Double(sampleRate) / Double(transformSize)
        let height = min((frequency - left) / (middle - left), (right - frequency) / (right - middle))
        values[band * bins + bin] = max(0, height) * 2 / (right - left)
      }
    }
    return Tensor(HostTensor(values, shape: [bands, bins]))
  }

  /// Linear below 1000 Hz, logarithmic above.
  private static func mel(_ frequency: Double) -> Double {
    frequency < 1000 ? frequency * 3 / 200 : 15 + log(frequency / 1000) / (log(6.4) / 27)
  }

  private static func frequency(_ mel: Double) -> Double {
    mel < 15 ? mel * 200 / 3 : 1000 * exp((mel - 15) * log(6.4) / 27)
  }
}
