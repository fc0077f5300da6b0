import AtelierCore
import Perception

// Conditions on the keys of networks and losses that several systems share.

extension Checks {
  /// Lists of at least one layer, each of at least one feature.
  static func widths(_ lists: KeyValuePairs<String, [Int]>) throws(ConfigurationError) {
    for (key, list) in lists {
      try require(!list.isEmpty, "\(key) lists at least one layer; give its width, for example [128]")
      try require(list.allSatisfy { $0 >= 1 }, "every width in \(key) is at least 1, not \(list)")
    }
  }

  /// A generator that doubles the image once for each width.
  static func doublings(imageSize: Int, _ key: String, _ widths: [Int]) throws(ConfigurationError) {
    let unit = widths.count < 16 ? 1 << widths.count : .max
    try require(
      imageSize >= unit && imageSize % unit == 0,
      "imageSize is a multiple of \(unit), as \(key) has \(widths.count) widths that double the image; "
        + "\(imageSize) is none, so change one of the two")
  }

  /// The details of layers.
  static func layers(
    normEpsilon: Double, leakySlope: Double, dropout: Double = 0
  ) throws(ConfigurationError) {
    try require(normEpsilon > 0, "normEpsilon is above 0, not \(normEpsilon)")
    try require((0..<1).contains(leakySlope), "leakySlope lies in 0 ..< 1, not at \(leakySlope)")
    try require((0..<1).contains(dropout), "dropout lies in 0 ..< 1, not at \(dropout)")
  }

  /// Batch norm needs two examples to have a variance.
  static func batch(_ size: Int) throws(ConfigurationError) {
    try require(size >= 2, "batchSize is at least 2 because of batch normalisation, not \(size)")
  }

  /// A kernel that keeps the size.
  static func kernel(_ size: Int) throws(ConfigurationError) {
    try require(
      size >= 1 && size % 2 == 1 && size <= 9, "spadeKernel is 1, 3, 5, 7 or 9, not \(size)")
  }

  /// Counts of halvings that no image could bear are refused before they overflow.
  static func halvings(_ values: KeyValuePairs<String, Int>) throws(ConfigurationError) {
    for (key, value) in values {
      try require((0...8).contains(value), "\(key) is at most 8, not \(value)")
    }
  }

  /// Images that the networks can halve as often as they do.
  static func mapSize(
    width: Int, height: Int, multiple: Int, layers: Int, scales: Int
  ) throws(ConfigurationError) {
    for (key, side) in [("imageWidth", width), ("imageHeight", height)] {
      try require(
        side >= multiple && side % multiple == 0,
        "\(key) is a multiple of \(multiple), as the generator doubles its smallest map to it; \(side) is none"
      )
      try require(
        side >> (scales - 1) >= 8,
        "\(key) \(side) is too small for \(scales) discriminators, each on half the resolution; lower scales")
    }
  }

  /// Factors of loss terms.
  static func weights(_ values: KeyValuePairs<String, Double>) throws(ConfigurationError) {
    for (key, value) in values {
      try require(
        value >= 0 && value.isFinite, "weights.\(key) is at least 0, not \(value)")
    }
  }

  /// The shape of an encoder and its decoder for images of a size.
  static func content(_ plan: ContentPlan, imageSize: Int) throws(ConfigurationError) {
    try positive(["width": plan.width, "imageSize": imageSize])
    try require(
      (0...6).contains(plan.downsamplings), "downsamplings lies in 0 … 6, not at \(plan.downsamplings)")
    try require(plan.blocks >= 0, "blocks is at least 0, not \(plan.blocks)")
    let multiple = 1 << plan.downsamplings
    try require(
      imageSize % multiple == 0,
      "imageSize is a multiple of \(multiple), as downsamplings is \(plan.downsamplings); \(imageSize) is "
        + "none, so change one of the two")
    // The mirrored borders are 3 wide outside, 1 inside, and a mirror needs more than its own width.
    try require(
      imageSize >= 4 && imageSize / multiple >= 2,
      "imageSize \(imageSize) is too small for \(plan.downsamplings) halvings; take larger images or fewer")
  }

  /// A style encoder and what makes norms' parameters of its codes.
  static func styleEncoder(
    downsamplings: Int, key: String, imageSize: Int, length: Int, mlpWidth: Int, mlpLayers: Int
  ) throws(ConfigurationError) {
    try positive(["styleLength": length, "mlpWidth": mlpWidth])
    try require(mlpLayers >= 2, "mlpLayers is at least 2, not \(mlpLayers)")
    try require(
      (2...8).contains(downsamplings), "\(key) lies in 2 … 8, not at \(downsamplings)")
    try require(
      imageSize >> downsamplings >= 1,
      "imageSize \(imageSize) is too small for \(downsamplings) halvings of the style encoder; lower \(key)")
  }

  /// Layers that the network has, each once.
  static func featureLayers(
    _ names: [String], of features: VGG.Architecture, _ key: String
  ) throws(ConfigurationError) {
    for name in names {
      do throws(PerceptionError) {
        _ = try VGG.index(of: name, in: features)
      } catch {
        throw ConfigurationError("\(key): \(error.description)")
      }
    }
    try require(Set(names).count == names.count, "\(key) names a layer twice: \(names)")
  }

  /// Weights of VGG exist for two preparations of images.
  static func featureNormalization(_ normalization: InputNormalization) throws(ConfigurationError) {
    try require(
      normalization == .imagenet || normalization == .caffe,
      "featureNormalization is imagenet (torchvision's weights) or caffe, not \(normalization.rawValue)")
  }

  /// Weights of at least 0, one of them above it.
  static func styleWeights(content: Double, style: Double, totalVariation: Double) throws(ConfigurationError)
  {
    for (key, value) in ["content": content, "style": style, "totalVariation": totalVariation] {
      try require(value >= 0 && value.isFinite, "weights.\(key) is at least 0, not \(value)")
    }
    try require(
      content > 0 || style > 0, "weights.content and weights.style are both 0; nothing would be learned")
  }

  /// A network that halves the image once for each width.
  static func halvings(of imageSize: Int, _ key: String, _ widths: [Int]) throws(ConfigurationError) {
    let unit = widths.count < 16 ? 1 << widths.count : .max
    try require(
      imageSize >= unit && imageSize % unit == 0,
      "imageSize \(imageSize) cannot be halved \(widths.count) times, once for each width in \(key); choose a "
        + "multiple of \(1 << min(widths.count, 16)) or fewer widths")
  }
}
