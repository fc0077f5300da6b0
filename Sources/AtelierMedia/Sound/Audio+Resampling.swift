internal import CSoxr

/// The precision of resampling, as libsoxr defines it.
public enum ResamplingQuality: String, Sendable, Hashable, Codable, CaseIterable {
  /// `HQ`: 20 bits, enough for 16-bit output.
  case high
  /// `VHQ`: 28 bits, more than a float holds.
  case veryHigh
}

extension Audio {
  /// The sound at another sample rate, band-limited through libsoxr, with linear phase and without delay.
  ///
  /// The ratio of the rates is exact. n frames become n * to / from frames, rounded up, as in torchaudio and
  /// librosa. The pass band ends at 91 % of the lower Nyquist frequency, above which everything is removed.
  /// The result is the same on every run: one thread, one channel after the other.
  ///
  /// - Parameter rate: the new sample rate in Hz, 1/256 to 256 times the present one.
  public func resampled(to rate: Int, quality: ResamplingQuality = .high) throws(AudioError) -> Audio {
    guard rate > 0, rate <= 10_000_000, rate / 256 <= sampleRate, sampleRate / 256 <= rate else {
      throw .invalid(reason: "a sound at \(sampleRate) Hz cannot be resampled to \(rate) Hz")
    }
    if rate == sampleRate { return self }
    let (product, overflow) = frames.multipliedReportingOverflow(by: rate)
    guard !overflow, product / sampleRate <= 1 << 36 else {
      throw .invalid(reason: "\(frames) frames are too many to be resampled to \(rate) Hz")
    }
    let length = product / sampleRate + (product % sampleRate == 0 ? 0 : 1)
    guard length > 0 else { return Audio(sampleRate: rate, channels: channels, samples: []) }
    var failure: String?
    let result = [Float](unsafeUninitializedCapacity: length * channels) { output, count in
      output.initialize(repeating: 0)
      samples.withUnsafeBufferPointer { input in
        for channel in 0..<channels where failure == nil {
          failure = Self.resample(
            UnsafeBufferPointer(rebasing: input[(channel * frames)..<((channel + 1) * frames)]),
            into: UnsafeMutableBufferPointer(rebasing: output[(channel * length)..<((channel + 1) * length)]),
            from: sampleRate, to: rate, quality)
        }
      }
      count = length * channels
    }
    if let failure {
      throw .invalid(reason: "resampling from \(sampleRate) to \(rate) Hz failed: \(failure)")
    }
    return Audio(sampleRate: rate, channels: channels, samples: result)
  }

  /// Resamples one channel; returns the reason of a failure. Samples that libsoxr does not write are left
  /// unchanged.
  private static func resample(
    _ input: UnsafeBufferPointer<Float>, into output: UnsafeMutableBufferPointer<Float>, from: Int, to: Int,
    _ quality: ResamplingQuality
  ) -> String? {
    var error: soxr_error_t?
    var format = soxr_io_spec(SOXR_FLOAT32_I, SOXR_FLOAT32_I)
    // The macros SOXR_HQ and SOXR_VHQ are 4 and 6.
    var recipe = soxr_quality_spec(quality == .high ? 4 : 6, 0)
    var running = soxr_runtime_spec(1)
    guard let resampler = soxr_create(Double(from), Double(to), 1, &error, &format, &recipe, &running),
      error == nil
    else { return error.map { String(cString: $0) } ?? "libsoxr gives no reason" }
    defer { soxr_delete(resampler) }
    var (taken, given) = (0, 0)
    while taken < input.count {
      var (used, made) = (0, 0)
      error = soxr_process(
        resampler, input.baseAddress.map { $0 + taken }, min(65_536, input.count - taken), &used,
        output.baseAddress.map { $0 + given }, output.count - given, &made)
      if let error { return String(cString: error) }
      taken += used
      given += made
      if used == 0 && made == 0 { break }
    }
    while given < output.count {
      var made = 0
      error = soxr_process(
        resampler, nil, 0, nil, output.baseAddress.map { $0 + given }, output.count - given, &made)
      if let error { return String(cString: error) }
      if made == 0 { break }
      given += made
    }
    return nil
  }
}
