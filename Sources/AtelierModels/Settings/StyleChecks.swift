import AtelierCore
import Perception

/// Sentences about values of style systems that cannot work, and what both of them derive from keys.
enum StyleChecks {
  static func require(
    _ condition: Bool, _ sentence: @autoclosure () -> String
  ) throws(ConfigurationError) {
    if !condition { throw ConfigurationError(sentence()) }
  }

  /// Counts of at least 1.
  static func positive(_ values: KeyValuePairs<String, Int>) throws(ConfigurationError) {
    for (key, value) in values { try require(value >= 1, "\(key) is at least 1, not \(value)") }
  }

  /// Layers that the network has, each once.
  static func layers(
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
  static func normalization(_ normalization: InputNormalization) throws(ConfigurationError) {
    try require(
      normalization == .imagenet || normalization == .caffe,
      "featureNormalization is imagenet (torchvision's weights) or caffe, not \(normalization.rawValue)")
  }

  /// Weights of at least 0, one of them above it.
  static func weights(content: Double, style: Double, totalVariation: Double) throws(ConfigurationError) {
    for (key, value) in ["content": content, "style": style, "totalVariation": totalVariation] {
      try require(value >= 0 && value.isFinite, "weights.\(key) is at least 0, not \(value)")
    }
    try require(
      content > 0 || style > 0, "weights.content and weights.style are both 0; nothing would be learned")
  }

  /// Adam's settings.
  static func adam(
    learningRate: Double, beta1: Double, beta2: Double, adamEpsilon: Double
  ) throws(ConfigurationError) {
    try require(learningRate > 0, "learningRate is above 0, not \(learningRate)")
    try require((0..<1).contains(beta1), "beta1 is at least 0 and below 1, not \(beta1)")
    try require((0..<1).contains(beta2), "beta2 is at least 0 and below 1, not \(beta2)")
    try require(adamEpsilon > 0, "adamEpsilon is above 0, not \(adamEpsilon)")
  }

  /// The name in the store of the weights that want images prepared in a way.
  static func frozenWeights(_ features: VGG.Architecture, _ normalization: InputNormalization) -> String {
    normalization == .caffe ? features.rawValue + "-caffe" : features.rawValue
  }
}
