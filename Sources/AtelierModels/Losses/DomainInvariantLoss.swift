import AtelierCore
package import Perception
package import Torch
import TorchNN

/// The domain-invariant perceptual loss of ``MUNIT`` and ``UNIT``: how far a translated image shows something
/// else than the image it was made from.
///
/// The mean squared difference of both images' relu5_3 of a frozen VGG16, each channel of each image
/// normalised first (epsilon 1e-5, no parameters), which takes away much of what tells the domains apart. The
/// authors' stack of layers has no pooling between the fourth and the fifth block, and takes BGR in 0 … 255
/// minus (103.939, 116.779, 123.68), as the weights for Caffe want it. The image a translation was made from
/// gets no gradient.
///
/// Source: Huang et al. 2018, section 5.1; NVlabs/MUNIT `trainer.py` `compute_vgg_loss`, `networks.py`
/// `Vgg16`, `utils.py` `vgg_preprocess`.
package struct DomainInvariantLoss {
  /// The network; weights come before training starts.
  package let vgg: VGG
  private static let layer = "relu5_3"

  /// The loss; nil where its weight is 0.
  ///
  /// - Throws: `PerceptionError`, should the network lack the layer.
  package init?(weight: Double) throws {
    guard weight > 0 else { return nil }
    vgg = try VGG(.vgg16, upTo: [Self.layer], pooledBlocks: 3)
  }

  /// The network as a system lists it.
  var network: Network {
    Network("vgg16", vgg, frozenFrom: "vgg16-caffe") { [vgg] _, inputs in
      vgg.activations(of: try inputs.required("image"), at: [Self.layer])
    }
  }

  /// The loss of images `[batch, 1 or 3, height, width]` in -1 … 1 against those they were made from, as a
  /// scalar.
  package func callAsFunction(_ translated: Tensor, _ source: Tensor) -> Tensor {
    func features(_ pictures: Tensor) -> Tensor {
      let prepared = InputNormalization.caffe(pictures, from: .signed)
      return instanceNorm(
        vgg.activations(of: prepared, at: [Self.layer]).activation(Self.layer), epsilon: 1e-5)
    }
    let wanted = withoutGradients { features(source) }
    return meanSquaredError(features(translated), wanted)
  }

  /// Refuses images that the network cannot see.
  static func validate(
    weight: Double, channelsA: Int, channelsB: Int, imageSize: Int
  ) throws(ConfigurationError) {
    try Checks.require(
      weight == 0 || [channelsA, channelsB].allSatisfy { $0 == 1 || $0 == 3 } && imageSize >= 16,
      "a VGG sees images of 1 or 3 channels and of at least 16 pixels a side, not of \(channelsA) and "
        + "\(channelsB) and \(imageSize); set weights.perceptual to 0")
  }
}
