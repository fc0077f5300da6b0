public import AtelierCore
import Perception

extension Vocoder.Configuration {
  /// Checks the values.
  public func validate() throws(ConfigurationError) {
    try Checks.positive([
      "mels": mels, "sampleRate": sampleRate, "transform": transform, "hop": hop, "window": window,
      "initialChannels": initialChannels, "batchSize": batchSize, "segment": segment,
      "segmentHop": segmentHop,
    ])
    try Checks.widths([
      "upsampleRates": upsampleRates, "upsampleKernels": upsampleKernels, "residualKernels": residualKernels,
      "periods": periods, "periodChannels": periodChannels,
    ])
    try validateSpectrograms()
    try validateGenerator()
    try validateDiscriminators()
    try adam.validate(["learningRate": learningRate])
    try Checks.notNegative([
      "weightDecay": weightDecay, "lossWeights.featureMatching": lossWeights.featureMatching,
      "lossWeights.mel": lossWeights.mel,
    ])
    try Checks.require(
      epochDecay > 0 && epochDecay <= 1, "epochDecay is above 0 and at most 1, not \(epochDecay)")
  }

  private func validateSpectrograms() throws(ConfigurationError) {
    try Checks.require(
      transform % 2 == 0 && window <= transform && hop <= window,
      "transform \(transform) is an even number, window \(window) at most as large, and hop \(hop) at most the window"
    )
    let nyquist = Double(sampleRate) / 2
    for (key, highest) in [
      ("maximumFrequency", maximumFrequency), ("lossMaximumFrequency", lossMaximumFrequency),
    ] {
      let edge = highest ?? nyquist
      try Checks.require(
        minimumFrequency >= 0 && minimumFrequency < edge && edge <= nyquist,
        "\(key) is above minimumFrequency \(minimumFrequency) and at most half of sampleRate, not \(edge)")
    }
    try Checks.require(
      (transform - hop) % 2 == 0, "hop is an even number as transform is, not \(hop)")
    let least = max(spectrogram.shortestSound, lossSpectrogram.shortestSound)
    try Checks.require(
      segment % hop == 0 && segment >= least,
      "segment is a multiple of hop \(hop) and at least \(least) for transform \(transform), not \(segment)")
  }

  private func validateGenerator() throws(ConfigurationError) {
    try Checks.require(
      upsampleRates.count == upsampleKernels.count && upsampleRates.count <= 10,
      "upsampleKernels has \(upsampleKernels.count) numbers and upsampleRates \(upsampleRates.count); name one for each"
    )
    var product = 1
    for (rate, kernel) in zip(upsampleRates, upsampleKernels) {
      try Checks.require(
        kernel >= rate && (kernel - rate) % 2 == 0,
        "an upsampling by \(rate) takes a kernel of as many samples or 2, 4, 6 … more, not \(kernel)")
      product = min(product, hop + 1) * min(rate, hop + 1)
    }
    try Checks.require(
      product == hop, "upsampleRates multiply to \(product), and hop is \(hop); make them equal")
    try Checks.require(
      initialChannels >= 1 << upsampleRates.count,
      "initialChannels is at least \(1 << upsampleRates.count), as each of upsampleRates halves it, not \(initialChannels)"
    )
    try Checks.require([1, 2].contains(residualBlock), "residualBlock is 1 or 2, not \(residualBlock)")
    try Checks.require(
      residualKernels.count == residualDilations.count,
      "residualDilations has \(residualDilations.count) lists and residualKernels \(residualKernels.count) numbers; name a list for each"
    )
    try Checks.require(
      residualKernels.allSatisfy { $0 % 2 == 1 }, "residualKernels are odd, not \(residualKernels)")
    try Checks.require(
      residualDilations.allSatisfy { !$0.isEmpty && $0.allSatisfy { $0 > 0 } },
      "each list of residualDilations has dilations above 0")
  }

  private func validateDiscriminators() throws(ConfigurationError) {
    try Checks.require(
      periodChannels.count == 4 && [0, 4].contains(scaleChannels.count),
      "periodChannels and scaleChannels have 4 numbers each, or scaleChannels none, not \(periodChannels.count) and \(scaleChannels.count)"
    )
    try Checks.require(
      scaleChannels.allSatisfy { $0 > 0 && $0 % 16 == 0 },
      "scaleChannels are multiples of 16, the groups of the convolutions, not \(scaleChannels)")
    try Checks.require(
      periods.allSatisfy { $0 < segment },
      "periods are shorter than segment \(segment); \(periods) are not")
  }
}
