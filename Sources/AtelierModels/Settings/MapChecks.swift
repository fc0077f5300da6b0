import AtelierCore
import AtelierData
import Perception
import Torch
import TorchNN

// What spade, oasis and sean share beside their networks.

/// The normalisation of discriminators that judge images beside their maps, behind every convolution but
/// the first and the last.
public enum MapDiscriminatorNorm: String, Sendable, Hashable, Codable, CaseIterable {
  /// Spectral normalisation of the weights, instance normalisation of what they make.
  case spectralInstance = "spectral-instance"
  /// Spectral normalisation of the weights alone.
  case spectral
  /// Instance normalisation alone.
  case instance
  /// Batch normalisation alone.
  case batch
  /// None.
  case none

  /// The normalisation of features.
  var features: PictureNorm {
    switch self {
    case .spectralInstance, .instance: .instance
    case .batch: .batch
    case .spectral, .none: .none
    }
  }

  /// Whether weights are normalised.
  var isSpectral: Bool { self == .spectral || self == .spectralInstance }
}

/// Sentences about keys that the three systems share.
enum MapChecks {
  /// A kernel that keeps the size.
  static func kernel(_ size: Int) throws(ConfigurationError) {
    try AdversarialChecks.require(
      size >= 1 && size % 2 == 1 && size <= 9, "spadeKernel is 1, 3, 5, 7 or 9, not \(size)")
  }

  /// Counts of halvings that no image could bear are refused before they overflow.
  static func halvings(_ values: KeyValuePairs<String, Int>) throws(ConfigurationError) {
    for (key, value) in values {
      try AdversarialChecks.require((0...8).contains(value), "\(key) is at most 8, not \(value)")
    }
  }

  /// Images that the networks can halve as often as they do.
  static func size(
    width: Int, height: Int, multiple: Int, layers: Int, scales: Int
  ) throws(ConfigurationError) {
    for (key, side) in [("imageWidth", width), ("imageHeight", height)] {
      try AdversarialChecks.require(
        side >= multiple && side % multiple == 0,
        "\(key) is a multiple of \(multiple), as the generator doubles its smallest map to it; \(side) is none"
      )
      try AdversarialChecks.require(
        side >> (scales - 1) >= 8,
        "\(key) \(side) is too small for \(scales) discriminators, each on half the resolution; lower scales")
    }
  }

  /// Factors of loss terms.
  static func weights(_ values: KeyValuePairs<String, Double>) throws(ConfigurationError) {
    for (key, value) in values {
      try AdversarialChecks.require(
        value >= 0 && value.isFinite, "weights.\(key) is at least 0, not \(value)")
    }
  }

  /// Rates, lengths of the schedule, and the batch.
  static func training(
    generatorRate: Double?, discriminatorRate: Double?, constantEpochs: Int, decayEpochs: Int,
    batchSize: Int, loadSize: Int?, imageSize: Int, initializationGain: Double
  ) throws(ConfigurationError) {
    try AdversarialChecks.require(
      initializationGain > 0 && initializationGain.isFinite,
      "initializationGain is above 0, not \(initializationGain)")
    for (key, rate) in [
      ("generatorLearningRate", generatorRate), ("discriminatorLearningRate", discriminatorRate),
    ] {
      guard let rate else { continue }
      try AdversarialChecks.require(rate > 0 && rate.isFinite, "\(key) is above 0, not \(rate)")
    }
    for (key, value) in [("constantEpochs", constantEpochs), ("decayEpochs", decayEpochs)] {
      try AdversarialChecks.require(value >= 0, "\(key) is at least 0, not \(value)")
    }
    try AdversarialChecks.positive(["batchSize": batchSize])
    if let loadSize {
      try AdversarialChecks.require(
        loadSize >= imageSize, "loadSize is at least the pictures' longer side, \(imageSize), not \(loadSize)"
      )
    }
  }

  /// Label maps whose every index has a class; anything else would end the process inside the engine.
  ///
  /// - Parameter source: what the error names.
  static func labels(_ map: Tensor, classes: Int, from source: String) throws(ConfigurationError) {
    let rank = map.rank
    try AdversarialChecks.require(
      rank == 3 || (rank == 4 && map.shape[1] == 1),
      "\(source) is a label map [batch, height, width], not \(map.shape)")
    guard map.count > 0 else { return }
    let flat = map.asType(.int64)
    let (low, high) = (Int(flat.min().item()), Int(flat.max().item()))
    try AdversarialChecks.require(
      low >= 0 && high < classes,
      "\(source) holds the label \(low < 0 ? low : high), and the classes are 0 … \(classes - 1)")
  }

  /// An image of the size of its map.
  static func sameSize(_ picture: Tensor, _ map: Tensor, from source: String) throws(ConfigurationError) {
    let (sides, expected) = (Array(picture.shape.suffix(2)), Array(map.shape.suffix(2)))
    try AdversarialChecks.require(
      sides == expected,
      "\(source) is \(sides[1]) × \(sides[0]) and its label map \(expected[1]) × \(expected[0]); "
        + "they have to show the same frame")
  }
}

/// The number of classes that a data set's label maps hold, where it knows.
func foundClasses(_ data: DataFacts, otherwise classes: Int) -> Int {
  data.description.classNames.isEmpty ? classes : data.description.classNames.count
}

/// pix2pixHD's perceptual loss: mean absolute differences of a VGG's features of two images, weighted 1/32,
/// 1/16, 1/8, 1/4 and 1 from the first block to the fifth. The real side gets no gradient.
///
/// The images go in as they are, -1 … 1, without the normalisation that the VGG was trained with, as in the
/// authors' code. Source: NVlabs/SPADE `models/networks/loss.py` `VGGLoss`.
func perceptualDistance(_ network: VGG, _ fake: Tensor, _ real: Tensor) -> Tensor {
  let targets = withoutGradients { network.activations(of: real, at: perceptualLayers) }
  let own = network.activations(of: fake, at: perceptualLayers)
  let weights: [Double] = [1.0 / 32, 1.0 / 16, 1.0 / 8, 1.0 / 4, 1]
  var sum = Tensor(scalar: 0, device: fake.device)
  for (name, weight) in zip(perceptualLayers, weights) {
    sum = sum + meanAbsoluteError(own.activation(name), targets.activation(name)) * weight
  }
  return sum
}

/// The activations that ``perceptualDistance(_:_:_:)`` compares.
let perceptualLayers = ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"]

/// The VGG of a perceptual loss as a network that is never trained; nil where the loss is left out.
func perceptualNetwork(_ architecture: VGG.Architecture, weight: Double) throws -> (VGG, Network)? {
  guard weight > 0 else { return nil }
  let vgg = try VGG(architecture, upTo: perceptualLayers)
  let network = Network(architecture.rawValue, vgg, frozenFrom: architecture.rawValue) { _, inputs in
    vgg.activations(of: try inputs.required("image"), at: perceptualLayers)
  }
  return (vgg, network)
}

/// The learning rates of two time scales at an epoch: constant, then in a straight line towards zero.
///
/// Source: NVlabs/SPADE `trainers/pix2pix_trainer.py` `update_learning_rate`.
func twoTimeScales(
  base: Double, generator: Double?, discriminator: Double?, constantEpochs: Int, decayEpochs: Int,
  epoch: Double
) -> (generator: Double, discriminator: Double) {
  var factor = 1.0
  if decayEpochs > 0 {
    factor = Schedule.linearDecay(start: constantEpochs, length: decayEpochs - 1, offset: 0).factor(
      at: Int(epoch))
  }
  return ((generator ?? base / 2) * factor, (discriminator ?? base * 2) * factor)
}

/// What a discriminator made of generated and of real images that went through it as one batch, the
/// generated first.
func halvedBatch(_ outputs: [[Tensor]]) -> (fake: [[Tensor]], real: [[Tensor]]) {
  func half(_ isFirst: Bool) -> [[Tensor]] {
    outputs.map { stages in
      stages.map { output in
        let middle = output.shape[0] / 2
        return isFirst ? output.slice(0, 0, middle) : output.slice(0, middle, output.shape[0])
      }
    }
  }
  return (half(true), half(false))
}
