import AtelierCore
import Torch
import TorchNN

// What pix2pix, CycleGAN and pix2pixHD share beside networks and losses.

/// The generators of pix2pix and CycleGAN.
public enum TranslationGenerator: String, Sendable, Hashable, Codable, CaseIterable {
  /// A U-Net: what stands at a place goes across to the same place of the output.
  case unet
  /// Residual blocks between halvings and doublings.
  case resnet
}

/// How a generator of residual blocks doubles sides.
public enum LearnedUpsampling: String, Sendable, Hashable, Codable, CaseIterable {
  /// A transposed convolution, the authors' way, which draws chequered patterns until it has learned not to.
  case transposed
  /// Every pixel repeated, then a convolution (Odena et al. 2016, "Deconvolution and Checkerboard
  /// Artifacts").
  case resized
}

/// The discriminators of pix2pix and CycleGAN.
public enum TranslationDiscriminator: String, Sendable, Hashable, Codable, CaseIterable {
  /// Judges overlapping patches.
  case patch
  /// Judges each pixel by itself.
  case pixel
}

/// The choices of a generator of pix2pix or CycleGAN, apart from channels.
struct TranslationGeneratorPlan {
  let kind: TranslationGenerator
  let width: Int
  let downsamplings: Int
  let blocks: Int
  let norm: ImageNorm
  let dropout: Bool
  let upsampling: LearnedUpsampling

  /// A network with its authors' initial weights: N(0, 0.02²), norms' scales N(1, 0.02²), shifts 0.
  ///
  /// Weights and maps keep channels first: at the small batches of these systems, oneDNN's kernels for AVX2
  /// take two to five times as long for the gradient of a weight where channels are last.
  func make(_ inputChannels: Int, _ outputChannels: Int, using stream: RandomStream) -> any Layer {
    let network: any Layer =
      switch kind {
      case .unet:
        UNetGenerator(
          inputChannels: inputChannels, outputChannels: outputChannels, width: width,
          downsamplings: downsamplings, norm: norm, dropout: dropout, using: stream)
      case .resnet:
        ResidualGenerator(
          inputChannels: inputChannels, outputChannels: outputChannels, width: width,
          downsamplings: downsamplings, blocks: blocks, norm: norm, hasBias: norm.keepsBias,
          dropout: dropout, upsampling: upsampling, using: stream)
      }
    initialize(network, .normal(), using: stream)
    return network
  }

  /// What both sides of an image are multiples of.
  var sizeMultiple: Int { 1 << downsamplings }

  /// Refuses what cannot work for images of a size.
  func validate(imageSize: Int) throws(ConfigurationError) {
    try Checks.positive(["width": width, "imageSize": imageSize])
    switch kind {
    case .unet:
      try Checks.require(
        (2...12).contains(downsamplings),
        "downsamplings lies in 2 … 12 for a U-Net, not at \(downsamplings)")
    case .resnet:
      try Checks.require(
        (0...6).contains(downsamplings),
        "downsamplings lies in 0 … 6 for a ResNet generator, not at \(downsamplings)")
      try Checks.require(blocks >= 0, "blocks is at least 0, not \(blocks)")
      // The mirrored borders are 3 wide outside, 1 inside, and a mirror needs more than its own width.
      try Checks.require(
        imageSize >= 4 && imageSize >> downsamplings >= 2,
        "imageSize \(imageSize) is too small for \(downsamplings) halvings; take larger images or fewer")
    }
    try Checks.require(
      imageSize % sizeMultiple == 0,
      "imageSize is a multiple of \(sizeMultiple), as downsamplings is \(downsamplings); "
        + "\(imageSize) is none, so change one of the two")
  }
}

extension TranslationGeneratorPlan {
  /// Keys that a file of pytorch-CycleGAN-and-pix2pix tells of its generator; nil where it holds none.
  static func keys(of tensors: ForeignTensors) -> [String: ConfigurationValue]? {
    if let first = tensors.shape("model.model.0.weight", axes: 4) { return unetKeys(tensors, first) }
    guard let first = tensors.shape("model.1.weight", axes: 4), first[2] == 7 else { return nil }
    return resnetKeys(tensors, first)
  }

  /// Each level has a convolution down and one up.
  private static func unetKeys(
    _ tensors: ForeignTensors, _ first: [Int]
  ) -> [String: ConfigurationValue]? {
    let depth = tensors.kernels.count / 2
    guard let last = tensors.shape("model.model.3.weight", axes: 4), depth >= 2, depth < 32 else {
      return nil
    }
    // The innermost level, which is the first inside only where there are two, has no norm on the way down.
    let inside = "model.model.1.model."
    let way = depth == 2 ? (convolution: "3", norm: "4") : (convolution: "1", norm: "2")
    return [
      "generator": "unet", "width": .integer(first[0]), "inputChannels": .integer(first[1]),
      "outputChannels": .integer(last[1]), "downsamplings": .integer(depth),
      "imageSize": .integer(max(256, 1 << depth)),
      "norm": .string(norm(in: tensors, convolution: inside + way.convolution, norm: inside + way.norm)),
    ]
  }

  private static func resnetKeys(
    _ tensors: ForeignTensors, _ first: [Int]
  ) -> [String: ConfigurationValue]? {
    let blocks = tensors.numbers("model.", ".conv_block.")
    let outer = tensors.kernels.filter { $0[2] == 7 }
    guard let block = blocks.first, outer.count == 2,
      let inner = tensors.shape("model.\(block).conv_block.1.weight", axes: 4)
    else { return nil }
    var (width, halvings) = (first[0], 0)
    while width < inner[0], halvings < 8 { (width, halvings) = (2 * width, halvings + 1) }
    guard width == inner[0] else { return nil }
    return [
      "generator": "resnet", "width": .integer(first[0]), "inputChannels": .integer(first[1]),
      "outputChannels": .integer(outer[1][0]), "downsamplings": .integer(halvings),
      "blocks": .integer(blocks.count),
      "norm": .string(norm(in: tensors, convolution: "model.1", norm: "model.2")),
      // A dropout layer moves the second convolution of a block one place on.
      "dropout": .boolean(tensors.shape("model.\(block).conv_block.6.weight", axes: 4) != nil),
    ]
  }

  /// Batch norms have a scale; only in front of instance norms convolutions have a bias.
  fileprivate static func norm(in tensors: ForeignTensors, convolution: String, norm: String) -> String {
    if tensors.shape(norm + ".weight", axes: 1) != nil { return "batch" }
    return tensors.has(convolution + ".bias") ? "instance" : "none"
  }
}

/// The choices of a discriminator of pix2pix or CycleGAN, apart from channels.
struct TranslationDiscriminatorPlan {
  let kind: TranslationDiscriminator
  let width: Int
  let layers: Int
  let norm: ImageNorm

  /// A network with its authors' initial weights, as the generators'.
  func make(_ inputChannels: Int, using stream: RandomStream) -> any Layer {
    let network: any Layer =
      switch kind {
      case .patch:
        PatchDiscriminator(
          inputChannels: inputChannels, width: width, layers: layers, norm: norm, using: stream)
      case .pixel: PixelDiscriminator(inputChannels: inputChannels, width: width, norm: norm, using: stream)
      }
    initialize(network, .normal(), using: stream)
    return network
  }

  /// Refuses what cannot work for images of a size.
  func validate(imageSize: Int) throws(ConfigurationError) {
    try Checks.positive(["discriminatorWidth": width])
    guard kind == .patch else { return }
    try Checks.require((0...10).contains(layers), "layers lies in 0 … 10, not at \(layers)")
    let smallest = 3 << max(layers, 1)
    try Checks.require(
      imageSize >= smallest,
      "a patch discriminator of \(layers) layers needs images of at least \(smallest) pixels, not "
        + "\(imageSize); lower layers")
  }
}

extension TranslationDiscriminatorPlan {
  /// Keys that a file of pytorch-CycleGAN-and-pix2pix tells of its discriminator; nil where it holds none.
  static func keys(of tensors: ForeignTensors) -> [String: ConfigurationValue]? {
    func norm(_ convolution: String, _ norm: String) -> ConfigurationValue {
      .string(TranslationGeneratorPlan.norm(in: tensors, convolution: convolution, norm: norm))
    }
    if let first = tensors.shape("model.0.weight", axes: 4), first[2] == 4, tensors.kernels.count >= 3 {
      return [
        "discriminator": "patch", "discriminatorWidth": .integer(first[0]),
        "layers": .integer(tensors.kernels.count - 2), "discriminatorNorm": norm("model.2", "model.3"),
      ]
    }
    guard let first = tensors.shape("net.0.weight", axes: 4), first[2] == 1 else { return nil }
    return [
      "discriminator": "pixel", "discriminatorWidth": .integer(first[0]),
      "discriminatorNorm": norm("net.2", "net.3"),
    ]
  }
}
