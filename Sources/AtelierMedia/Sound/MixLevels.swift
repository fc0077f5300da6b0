internal import Foundation

/// What a sound of several channels loses where they are mixed into one.
package struct MixLevels: Sendable {
  private var channels = 0
  /// Sums of squares of all channels and of their mean.
  private var (apart, mixed) = (0.0, 0.0)

  package init() {}

  /// Counts frames of a sound.
  package mutating func add(_ sound: Audio) {
    channels = sound.channels
    guard sound.channels > 1 else { return }
    for sample in sound.samples { apart += Double(sample) * Double(sample) }
    for sample in sound.mono().samples { mixed += Double(sample) * Double(sample) }
  }

  /// How many decibels the mix lies below the mean power of the channels; nil for one channel and for silence.
  package var loss: Double? {
    guard channels > 1, apart > 0 else { return nil }
    // 120 dB stand for a mix that is nothing.
    return -10 * log10(max(1e-12, min(1, mixed / (apart / Double(channels)))))
  }

  /// Whether most of what the channels hold is gone in the mix.
  package var isCancelled: Bool { loss.map { $0 > Self.cancelling } ?? false }

  /// A sentence about the mix; nil for one channel.
  ///
  /// - Parameter name: what the sound is called.
  package func sentence(_ name: String) -> String? {
    guard channels > 1 else { return nil }
    let mix = "The \(channels) channels of \(name) are mixed into one"
    guard let loss, isCancelled else { return mix + "." }
    return mix
      + ", in which they cancel each other: it lies \(Int(loss.rounded())) dB below them; give one channel alone, or turn "
      + "the phase of one over."
  }

  /// A mix that lies further below its channels has lost most of them; channels of nothing in common lose 3 dB each doubling.
  private static let cancelling = 12.0
}
