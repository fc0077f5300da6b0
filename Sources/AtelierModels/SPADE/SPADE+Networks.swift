import AtelierCore
import Torch
import TorchNN

/// A normal distribution of styles.
struct StyleDistribution {
  /// `[batch, latent]`.
  let mean: Tensor
  /// Logarithms of variances, `[batch, latent]`.
  let logVariance: Tensor

  /// The style that standard normal noise `[batch, latent]` stands for.
  func sample(_ noise: Tensor) -> Tensor { noise * (logVariance * 0.5).exp() + mean }

  /// The divergence from a standard normal, summed over everything (the authors sum over the batch too).
  var divergence: Tensor { (1 + logVariance - mean.square() - logVariance.exp()).sum() * -0.5 }
}

/// SPADE's image encoder: strided convolutions down to 4×4, then a mean and a variance.
///
/// Source: NVlabs/SPADE `models/networks/encoder.py` `ConvEncoder`.
final class StyleDistributionEncoder: Module {
  let layers: [Conv2d]
  let mean: Linear
  let logVariance: Linear
  private let size: Int

  /// - Parameters:
  ///   - width: channels of the first map; 2, 4 and at most 8 times as many further on.
  ///   - size: height and width that images are resized to, a power of two.
  init(width: Int, size: Int, latent: Int, using stream: RandomStream) {
    self.size = size
    let halvings = max(1, size.trailingZeroBitCount - 2)
    let widths = [3] + (0..<halvings).map { width << min($0, 3) }
    layers = zip(widths, widths.dropFirst()).map {
      // Instance normalisation follows, which would take a bias away again.
      Conv2d(
        inputChannels: $0, outputChannels: $1, kernelSize: 3, stride: 2, padding: 1, hasBias: false,
        normalization: .spectral, using: stream)
    }
    let features = widths[halvings] * 16
    mean = Linear(inputFeatures: features, outputFeatures: latent, using: stream)
    logVariance = Linear(inputFeatures: features, outputFeatures: latent, using: stream)
    super.init()
  }

  /// The authors' names.
  var authorsNames: KeyMap {
    var names = ["mean": "fc_mu", "log_variance": "fc_var"]
    for index in layers.indices { names["layers.\(index)"] = "layer\(index + 1).0" }
    return KeyMap(names)
  }

  /// The styles of images `[batch, 3, height, width]` in -1 … 1.
  func callAsFunction(_ pictures: Tensor) -> StyleDistribution {
    var x = pictures
    if x.shape[2] != size || x.shape[3] != size { x = upsampleBilinear(x, size: (size, size)) }
    x = x.channelsLast()
    for (index, layer) in layers.enumerated() {
      x = instanceNorm(layer(index == 0 ? x : x.leakyRelu(0.2)))
    }
    let flat = x.leakyRelu(0.2).contiguous().flattened(from: 1)
    return StyleDistribution(mean: mean(flat), logVariance: logVariance(flat))
  }
}
