internal import Foundation

/// Levels of a sound and its defects. Amplitudes are 0...1, where 1 is full scale.
public struct AudioLevels: Sendable, Hashable {
  /// Frames measured.
  public let frames: Int
  /// The largest magnitude of any sample.
  public let peak: Float
  /// The root of the mean square of all samples.
  public let rms: Float
  /// The mean of each channel's samples.
  public let dcOffset: [Float]
  /// Samples at or beyond 0.9999 in runs of at least three; a single one is no clipping, as normalising
  /// leaves one.
  public let clippedSamples: Int
  /// Samples that are NaN or infinite; the other statistics leave them out.
  public let nonFiniteSamples: Int
  /// The fraction of windows of ``AudioMeter/windowLength`` that are silent, 0...1.
  public let silentFraction: Double
  /// Seconds of silence at the beginning; the whole length where all is silent.
  public let leadingSilence: Double
  /// Seconds of silence at the end; the whole length where all is silent.
  public let trailingSilence: Double
}

/// Measures levels incrementally; the result does not depend on how the sound is divided.
public struct AudioMeter: Sendable {
  /// The window of silence detection, in seconds.
  public static let windowLength = 0.02
  /// The RMS level below which a window is silent, in dBFS.
  public let silenceThreshold: Double
  /// The sample rate in Hz.
  public let sampleRate: Int
  /// The number of channels.
  public let channels: Int

  private let windowFrames: Int
  private let silentPower: Double
  private var frames = 0
  private var peak: Float = 0
  private var squares = 0.0
  private var sums: [Double]
  private var runs: [Int]
  private var clipped = 0
  private var nonFinite = 0
  private var windowSquares = 0.0
  private var windowFilled = 0
  private var windows = 0
  private var silentWindows = 0
  private var firstLoud: Int?
  private var afterLastLoud = 0

  /// A meter that has measured nothing yet.
  public init(sampleRate: Int, channels: Int, silenceThreshold: Double = -60) {
    precondition(sampleRate > 0 && channels > 0, "AudioMeter: \(channels) channels at \(sampleRate) Hz")
    self.sampleRate = sampleRate
    self.channels = channels
    self.silenceThreshold = silenceThreshold
    windowFrames = max(1, Int((Double(sampleRate) * Self.windowLength).rounded()))
    silentPower = pow(10, silenceThreshold / 10)
    sums = [Double](repeating: 0, count: channels)
    runs = [Int](repeating: 0, count: channels)
  }

  /// Adds the next part of the sound.
  ///
  /// - Precondition: the sound has the meter's channels.
  public mutating func add(_ audio: Audio) {
    precondition(audio.channels == channels, "AudioMeter: \(audio.channels) channels instead of \(channels)")
    let length = audio.frames
    audio.samples.withUnsafeBufferPointer { samples in
      var start = 0
      while start < length {
        let end = min(length, start + windowFrames - windowFilled)
        for channel in 0..<channels {
          measure(
            UnsafeBufferPointer(rebasing: samples[(channel * length + start)..<(channel * length + end)]),
            channel)
        }
        windowFilled += end - start
        frames += end - start
        if windowFilled == windowFrames { closeWindow() }
        start = end
      }
    }
  }

  private mutating func measure(_ samples: UnsafeBufferPointer<Float>, _ channel: Int) {
    var (sum, square, largest, run) = (0.0, 0.0, peak, runs[channel])
    for sample in samples {
      let magnitude = abs(sample)
      guard magnitude.isFinite else {
        nonFinite += 1
        run = 0
        continue
      }
      sum += Double(sample)
      square += Double(sample) * Double(sample)
      if magnitude > largest { largest = magnitude }
      run = magnitude >= 0.9999 ? run + 1 : 0
      if run == 3 { clipped += 3 } else if run > 3 { clipped += 1 }
    }
    sums[channel] += sum
    windowSquares += square
    peak = largest
    runs[channel] = run
  }

  private mutating func closeWindow() {
    guard windowFilled > 0 else { return }
    windows += 1
    if windowSquares / Double(windowFilled * channels) < silentPower {
      silentWindows += 1
    } else {
      firstLoud = firstLoud ?? frames - windowFilled
      afterLastLoud = frames
    }
    squares += windowSquares
    (windowSquares, windowFilled) = (0, 0)
  }

  /// The levels of all that was added; 0 where nothing was.
  public var levels: AudioLevels {
    var closed = self
    closed.closeWindow()
    let count = Double(max(1, frames * channels - nonFinite))
    return AudioLevels(
      frames: frames, peak: peak, rms: Float((closed.squares / count).squareRoot()),
      dcOffset: sums.map { Float($0 / Double(max(1, frames))) }, clippedSamples: clipped,
      nonFiniteSamples: nonFinite,
      silentFraction: Double(closed.silentWindows) / Double(max(1, closed.windows)),
      leadingSilence: Double(closed.firstLoud ?? frames) / Double(sampleRate),
      trailingSilence: Double(frames - closed.afterLastLoud) / Double(sampleRate))
  }
}

extension Audio {
  /// Peak, RMS, DC offset, clipping and silence.
  ///
  /// - Parameter threshold: the RMS level below which a window is silent, in dBFS.
  public func levels(silenceThreshold threshold: Double = -60) -> AudioLevels {
    var meter = AudioMeter(sampleRate: sampleRate, channels: channels, silenceThreshold: threshold)
    meter.add(self)
    return meter.levels
  }

  /// The largest magnitude of any sample, NaN and infinite ones left out.
  public var peak: Float { samples.reduce(0) { $1.isFinite ? max($0, abs($1)) : $0 } }

  /// The root of the mean square of all samples, NaN and infinite ones left out.
  public var rms: Float { levels().rms }
}
