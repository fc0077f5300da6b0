/// A sound in memory: planar 32-bit float samples, [channels, frames], full scale from -1 to 1.
///
/// A Sendable value. Values beyond full scale are kept until they are written as integers.
public struct Audio: Sendable, Hashable {
  /// The sample rate in Hz.
  public let sampleRate: Int
  /// 1 mono, 2 left and right, more in the order of the file.
  public let channels: Int
  /// `channels * frames` samples: all of the first channel, then all of the second.
  public let samples: [Float]

  /// A sound of planar samples: all of the first channel, then all of the second.
  ///
  /// - Precondition: a sample rate and a number of channels above 0, and a whole number of frames.
  public init(sampleRate: Int, channels: Int = 1, samples: [Float]) {
    precondition(sampleRate > 0, "Audio: a sample rate of \(sampleRate)")
    precondition(channels > 0, "Audio: \(channels) channels")
    precondition(
      samples.count % channels == 0, "Audio: \(samples.count) samples do not fill \(channels) channels")
    self.sampleRate = sampleRate
    self.channels = channels
    self.samples = samples
  }

  /// A sound of interleaved samples, frame by frame.
  ///
  /// - Precondition: as for planar samples.
  public init(sampleRate: Int, channels: Int, interleaved: [Float]) {
    precondition(
      channels > 0 && interleaved.count % channels == 0,
      "Audio: \(interleaved.count) samples do not fill \(channels) channels")
    let frames = interleaved.count / channels
    let planar = [Float](unsafeUninitializedCapacity: interleaved.count) { output, count in
      for channel in 0..<channels {
        for frame in 0..<frames { output[channel * frames + frame] = interleaved[frame * channels + channel] }
      }
      count = interleaved.count
    }
    self.init(sampleRate: sampleRate, channels: channels, samples: planar)
  }

  /// Samples in each channel.
  public var frames: Int { samples.count / channels }

  /// The length in seconds.
  public var duration: Double { Double(frames) / Double(sampleRate) }

  /// The samples interleaved, frame by frame.
  public var interleaved: [Float] {
    if channels == 1 { return samples }
    let frames = frames
    return [Float](unsafeUninitializedCapacity: samples.count) { output, count in
      for channel in 0..<channels {
        for frame in 0..<frames { output[frame * channels + channel] = samples[channel * frames + frame] }
      }
      count = samples.count
    }
  }

  /// One sample.
  public subscript(channel channel: Int, frame frame: Int) -> Float {
    precondition(
      (0..<channels).contains(channel) && (0..<frames).contains(frame),
      "Audio: no frame \(frame) of channel \(channel) in \(frames) frames of \(channels) channels")
    return samples[channel * frames + frame]
  }

  /// One channel as mono.
  public func channel(_ index: Int) -> Audio {
    precondition((0..<channels).contains(index), "Audio: channel \(index) of \(channels)")
    return Audio(sampleRate: sampleRate, samples: Array(samples[(index * frames)..<((index + 1) * frames)]))
  }

  /// The mean of all channels, as mono.
  public func mono() -> Audio {
    if channels == 1 { return self }
    let frames = frames
    let scale = 1 / Float(channels)
    let mixed = [Float](unsafeUninitializedCapacity: frames) { output, count in
      samples.withUnsafeBufferPointer { input in
        for frame in 0..<frames {
          var sum: Float = 0
          for channel in 0..<channels { sum += input[channel * frames + frame] }
          output[frame] = sum * scale
        }
      }
      count = frames
    }
    return Audio(sampleRate: sampleRate, samples: mixed)
  }

  /// A range of frames of all channels.
  ///
  /// - Throws: ``AudioError/invalid(reason:)`` where the range exceeds the sound.
  public func cropped(_ range: Range<Int>) throws(AudioError) -> Audio {
    guard range.lowerBound >= 0, range.upperBound <= frames else {
      throw .invalid(
        reason: "frames \(range.lowerBound) to \(range.upperBound) do not lie in a sound of \(frames) frames")
    }
    var result: [Float] = []
    result.reserveCapacity(range.count * channels)
    for channel in 0..<channels {
      let start = channel * frames
      result += samples[(start + range.lowerBound)..<(start + range.upperBound)]
    }
    return Audio(sampleRate: sampleRate, channels: channels, samples: result)
  }

  /// The sound followed by another of equal sample rate and channels.
  ///
  /// - Throws: ``AudioError/invalid(reason:)`` where the two differ in either.
  public func joined(with other: Audio) throws(AudioError) -> Audio {
    guard sampleRate == other.sampleRate, channels == other.channels else {
      throw .invalid(
        reason: "\(channels) channels at \(sampleRate) Hz and \(other.channels) at \(other.sampleRate) Hz "
          + "cannot be joined; resample or mix one of them first")
    }
    var result: [Float] = []
    result.reserveCapacity(samples.count + other.samples.count)
    for channel in 0..<channels {
      result += samples[(channel * frames)..<((channel + 1) * frames)]
      result += other.samples[(channel * other.frames)..<((channel + 1) * other.frames)]
    }
    return Audio(sampleRate: sampleRate, channels: channels, samples: result)
  }
}
