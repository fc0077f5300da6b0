public import Foundation

/// Reads a sound file at another sample rate in windows one after the other, without holding all of it in memory.
///
/// The samples are those of `Audio.resampled(to:)` of the whole file, up to rounding: every window is resampled with some
/// frames before and behind it. A reader is not thread-safe.
public final class ResampledReader {
  /// The file's header.
  public var information: AudioInformation { reader.information }
  /// Samples a second of what is read.
  public let sampleRate: Int
  private let reader: AudioReader
  /// Frames of the file and of the result between which the phase of both is the same.
  private let period: (given: Int, made: Int)
  /// Frames of the file that a sample of the result may depend on, on each side.
  private let reach: Int
  /// Frames of the file that are in memory, and the number of the first of them.
  private var held: [[Float]]
  private var first = 0
  private var isAtEnd = false
  /// Samples of the result that are made and not yet asked for.
  private var ready: [[Float]]
  /// Frames of the file whose samples are made, a multiple of the period's.
  private var done = 0

  /// Opens a sound file of any length.
  public init(_ file: URL, sampleRate: Int, codec: AudioCodec = AudioCodec()) throws(AudioError) {
    reader = try AudioReader(file, codec: codec)
    self.sampleRate = sampleRate
    let given = reader.information.sampleRate
    guard sampleRate > 0, sampleRate / 256 <= given, given / 256 <= sampleRate else {
      throw .invalid(reason: "\(file.path) has \(given) Hz, which cannot be resampled to \(sampleRate) Hz")
    }
    let common = Self.divisor(given, sampleRate)
    period = (given / common, sampleRate / common)
    // libsoxr's filter is shorter than this many samples of the lower rate.
    let span = 512 * max(1, (given + sampleRate - 1) / sampleRate)
    reach = given == sampleRate ? 0 : (span + period.given - 1) / period.given * period.given
    let channels = reader.information.channels
    held = [[Float]](repeating: [], count: channels)
    ready = held
  }

  /// The next `count` frames, fewer at the end, and nil behind it.
  ///
  /// - Throws: ``AudioError`` where the file is damaged.
  public func read(frames count: Int) throws(AudioError) -> Audio? {
    while ready[0].count < count, try makeMore() {}
    let taken = min(count, ready[0].count)
    guard taken > 0 else { return nil }
    let samples = ready.flatMap { $0.prefix(taken) }
    for channel in ready.indices { ready[channel].removeFirst(taken) }
    return Audio(sampleRate: sampleRate, channels: ready.count, samples: samples)
  }

  /// Makes the samples of some more periods; false where there are none.
  private func makeMore() throws(AudioError) -> Bool {
    let wanted = max(1, 65_536 / period.given) * period.given
    while !isAtEnd, first + held[0].count < done + wanted + reach {
      guard let window = try reader.read(frames: 65_536) else {
        isAtEnd = true
        break
      }
      for channel in held.indices { held[channel] += window.channel(channel).samples }
    }
    let end = first + held[0].count
    guard done < end else { return false }
    let sound = Audio(
      sampleRate: reader.information.sampleRate, channels: held.count, samples: held.flatMap { $0 })
    let resampled = try sound.resampled(to: sampleRate)
    let skipped = (done - first) / period.given * period.made
    let isLast = isAtEnd && done + wanted + reach >= end
    let made = isLast ? resampled.frames - skipped : wanted / period.given * period.made
    for channel in ready.indices {
      ready[channel] += resampled.channel(channel).samples[skipped..<(skipped + made)]
    }
    done = isLast ? end : done + wanted
    let passed = max(0, (done - reach) / period.given * period.given - first)
    let dropped = min(passed, held[0].count)
    for channel in held.indices { held[channel].removeFirst(dropped) }
    first += dropped
    return true
  }

  private static func divisor(_ one: Int, _ other: Int) -> Int {
    var (a, b) = (one, other)
    while b != 0 { (a, b) = (b, a % b) }
    return a
  }
}
