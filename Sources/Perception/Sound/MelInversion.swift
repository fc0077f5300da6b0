public import Torch

extension MelFilterBank {
  /// What lies in the bins of a transform, `[batch, bins, frames]` of at least 0, where the filters' sums are
  /// `[batch, bands, frames]`: non-negative least squares.
  ///
  /// There are more bins than bands, so that many spectra have the same sums; the search begins at the one of least
  /// energy, without its negative parts (as librosa's `mel_to_stft`), and goes on by accelerated projected gradients (Beck
  /// and Teboulle 2009). Errors of a band count by the length of its filter.
  public func spectrum(ofSums sums: Tensor, iterations: Int = 100) -> Tensor {
    let weights = self.weights
    let lengths = weights.square().sum(dims: [1], keepDim: true).sqrt()
    // A filter between two bins holds nothing.
    let scale = lengths.greater(0).asType(.float64) / lengths.clamped(min: 1e-300)
    let filters = weights * scale
    let (values, vectors) = filters.matmul(filters.transposed(0, 1)).eigenSymmetric()
    let largest = values.max().item()
    let floor = largest * 1e-10
    let inverses = values.greater(floor).asType(.float64) / values.clamped(min: floor)
    let inverse = filters.transposed(0, 1).matmul(
      (vectors * inverses.unsqueezed(0)).matmul(vectors.transposed(0, 1)))

    func own(_ tensor: Tensor) -> Tensor { tensor.asType(sums.dtype).to(sums.device) }
    let (forward, backward) = (own(filters), own(filters.transposed(0, 1) / largest))
    let wanted = sums * own(scale)
    var found = own(inverse).matmul(wanted).clamped(min: 0)
    var (point, momentum) = (found, 1.0)
    for _ in 0..<iterations {
      let next = (point - backward.matmul(forward.matmul(point) - wanted)).clamped(min: 0)
      let following = (1 + (1 + 4 * momentum * momentum).squareRoot()) / 2
      point = next + (next - found) * ((momentum - 1) / following)
      (found, momentum) = (next, following)
    }
    return found
  }
}

extension MelSpectrogram {
  /// Magnitudes `[batch, bins, frames]` whose spectrogram comes nearest to `[batch, bands, frames]`: the first step from a
  /// spectrogram back to a signal.
  public func magnitudes(of mel: Tensor, iterations: Int = 100) -> Tensor {
    let found = filters.spectrum(ofSums: expanded(mel).clamped(min: 0), iterations: iterations)
    return strength == .power ? found.sqrt() : found
  }

  /// Signals of spectrograms `[batch, bands, frames]` without a vocoder: ``magnitudes(of:iterations:)``, then
  /// ``GriffinLim``. They are `(frames − 1) · hop` samples long where frames lie around every `hop`-th sample, and
  /// `frames · hop` with ``Padding/evenReflection``.
  ///
  /// - Parameter phase: the first phases as parts of a circle, 0 … 1, `[batch, bins, frames]`; nil: all 0, which sounds
  ///   worse than random ones.
  public func signal(
    of mel: Tensor, iterations: Int = 60, momentum: Double = 0.99, phase: Tensor? = nil
  ) -> Tensor {
    let griffinLim = GriffinLim(
      transformSize: filters.transformSize, hop: hop, window: window, iterations: iterations,
      momentum: momentum)
    let signal = griffinLim(magnitudes(of: mel), phase: phase)
    // These frames lie around the middles between every `hop`-th sample.
    return padding == .evenReflection ? signal.padded([hop / 2, hop - hop / 2]) : signal
  }
}
