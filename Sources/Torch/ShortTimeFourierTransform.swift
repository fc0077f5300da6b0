internal import CTorch

/// The short-time Fourier transform of real signals: `[batch, samples]` to `[batch, size / 2 + 1, frames, 2]`, whose last
/// dimension is the real and the imaginary part.
///
/// The first frame begins at the first sample; pad the signal for frames around its samples. There are
/// `1 + (samples - size) / hop` frames. `torch.stft` with `center=False`.
///
/// - Parameters:
///   - size: samples of a frame.
///   - hop: samples from one frame to the next.
///   - window: `[n]` with n ≤ `size`; a shorter one is surrounded by zeros.
public func shortTimeFourierTransform(_ x: Tensor, size: Int, hop: Int, window: Tensor) -> Tensor {
  Tensor(
    CTTensorShortTimeFourier(x.handle, Int64(size), Int64(hop), window.handle), "shortTimeFourierTransform",
    x,
    window, rank: 4)
}

/// The signals whose centred transform comes nearest to `[batch, size / 2 + 1, frames, 2]`: overlapping windows are
/// added up and divided by the sum of their squares. `torch.istft`.
///
/// - Parameters:
///   - length: samples of the result; nil: `(frames - 1) * hop`.
public func inverseShortTimeFourierTransform(
  _ spectrum: Tensor, size: Int, hop: Int, window: Tensor, length: Int? = nil
) -> Tensor {
  Tensor(
    CTTensorInverseShortTimeFourier(
      spectrum.handle, Int64(size), Int64(hop), window.handle, Int64(length ?? 0)),
    "inverseShortTimeFourierTransform", spectrum, window, rank: 2)
}

extension Tensor {
  /// The periodic Hann window `[size]` in the precision and on the device of another tensor.
  public static func hannWindow(_ size: Int, like other: Tensor) -> Tensor {
    let angle = Tensor.arange(size).asType(.float64) * (2 * Double.pi / Double(size))
    return (0.5 - 0.5 * angle.cos()).asType(other.dtype).to(other.device)
  }
}
