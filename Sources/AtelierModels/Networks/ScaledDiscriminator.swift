import AtelierCore
import Torch
import TorchNN

/// The normalisation of a discriminator of UNIT and MUNIT, from its second layer on.
public enum ScaledDiscriminatorNorm: String, Sendable, Hashable, Codable, CaseIterable {
  /// None.
  case none
  /// Batch norm.
  case batch
  /// Instance norm without parameters.
  case instance
  /// Spectral normalisation of the weights.
  case spectral

  fileprivate var block: BlockConvolution.Norm {
    switch self {
    case .none: .none
    case .batch: .batch
    case .instance: .instance
    case .spectral: .spectral
    }
  }
}

/// Discriminators of one shape, each with its own weights, on the image and its halves.
///
/// Unlike pix2pixHD's each layer pads by 1, widths are not bounded, and the head is 1×1.
/// Source: NVlabs/MUNIT `networks.py` `MsImageDis`.
final class ScaledDiscriminator: Module, SeveralInputPaths {
  let scales: [Sequential]
  var inputPaths: [Module] { scales }
  private let halving = AveragePool2d(kernelSize: 3, stride: 2, padding: 1, countIncludePad: false)
  private let spectralLayers: [String]

  init(
    channels: Int, width: Int, layers: Int, scales count: Int, norm: ScaledDiscriminatorNorm,
    border: BorderPadding, using stream: RandomStream
  ) {
    scales = (0..<count).map { _ in
      var present = channels
      var chain: [any Layer] = []
      for number in 0..<layers {
        let next = number == 0 ? width : 2 * present
        chain.append(
          BlockConvolution(
            present, next, kernel: 4, stride: 2, padding: 1, border: border,
            norm: number == 0 ? .none : norm.block, activation: .hidden(.lrelu), using: stream))
        present = next
      }
      chain.append(Conv2d(inputChannels: present, outputChannels: 1, kernelSize: 1, using: stream))
      return Sequential(chain)
    }
    spectralLayers =
      norm == .spectral
      ? (0..<count).flatMap { scale in (1..<max(layers, 1)).map { "\(scale).\($0)" } } : []
    super.init()
  }

  /// The authors' names. Their spectral norm wraps the layer and has names of its own.
  var authorsNames: KeyMap {
    var names = ["scales": "cnns"]
    for layer in spectralLayers {
      let theirs = "cnns.\(layer).conv.module"
      names["scales.\(layer).conv.bias"] = theirs + ".bias"
      names["scales.\(layer).conv.weight"] = theirs + ".weight_bar"
      names["scales.\(layer).conv.spectral_u"] = theirs + ".weight_u"
      names["scales.\(layer).conv.spectral_v"] = theirs + ".weight_v"
    }
    return KeyMap(names, normLayout: .atelier)
  }

  /// Raw scores `[batch, 1, height', width']` of each scale, full resolution first.
  func callAsFunction(_ pictures: Tensor) -> [Tensor] {
    var picture = pictures.channelsLast()
    return scales.enumerated().map { number, scale in
      if number > 0 { picture = halving(picture) }
      return scale(picture)
    }
  }

  /// The scores as a case names them: `scale0`, `scale1`, …
  func outputs(_ inputs: [String: Tensor]) throws -> [String: Tensor] {
    let scores = self(try inputs.required("image"))
    return Dictionary(uniqueKeysWithValues: scores.enumerated().map { ("scale\($0)", $1) })
  }

  /// Keys that a file of UNIT's or MUNIT's authors tells, and the images' channels.
  static func keys(
    of tensors: ForeignTensors
  ) throws(ConfigurationError) -> (channels: Int, keys: [String: ConfigurationValue]) {
    let first = try tensors.required("cnns.0.0.conv.weight", axes: 4)
    let spectral = tensors.count("cnns.0.", ".conv.module.weight_bar", from: 1)
    var keys: [String: ConfigurationValue] = [
      "discriminatorWidth": .integer(first[0]),
      "layers": .integer(spectral > 0 ? 1 + spectral : tensors.count("cnns.0.", ".conv.weight")),
      "scales": .integer(tensors.count("cnns.", ".0.conv.weight")),
    ]
    if spectral > 0 { keys["discriminatorNorm"] = "spectral" }
    if tensors.has("cnns.0.1.norm.running_mean") { keys["discriminatorNorm"] = "batch" }
    return (first[1], keys)
  }

  /// Refuses what leaves a scale without anything to judge.
  static func validate(
    width: Int, layers: Int, scales: Int, imageSize: Int
  ) throws(ConfigurationError) {
    try Checks.positive(["discriminatorWidth": width, "layers": layers, "scales": scales])
    try Checks.require(layers <= 10, "layers is at most 10, not \(layers)")
    try Checks.require(scales <= 10, "scales is at most 10, not \(scales)")
    // The smallest scale's last convolution needs a map of 2, which a mirrored border makes 4.
    try Checks.require(
      (imageSize >> (scales - 1)) >> layers >= 1,
      "imageSize \(imageSize) is too small for \(scales) scales of \(layers) layers; lower scales or layers")
  }
}

extension Sequence where Element == Tensor {
  /// An adversarial loss, summed over the scales of a discriminator.
  func summed(_ loss: (Tensor) -> Tensor) -> Tensor {
    let terms = map(loss)
    guard check(!terms.isEmpty, "a discriminator without scales has no loss") else {
      return Tensor(scalar: 0)
    }
    return terms.dropFirst().reduce(terms[0], +)
  }
}
