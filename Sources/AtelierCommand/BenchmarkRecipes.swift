import Atelier

/// The sizes that both sides of a race have, as `Benchmarks/python` has them.
extension Benchmark {
  static let conditional: [String: ConfigurationValue] = [
    "imageSize": 28, "imageChannels": 1, "classes": 10, "latentSize": 100,
    "generatorHidden": [128, 256, 512, 1024],
    "discriminatorHidden": [512], "batchSize": 64,
  ]
  static let convolutional: [String: ConfigurationValue] = [
    "imageSize": 64, "imageChannels": 3, "latentSize": 100, "generatorChannels": 64,
    "discriminatorChannels": 64,
    "batchSize": 64,
  ]
  static let large: [String: ConfigurationValue] = [
    "imageSize": 32, "imageChannels": 3, "classes": 10, "latentSize": 64, "generatorChannels": 16,
    "discriminatorChannels": 16, "sharedEmbeddingSize": 32, "generatorAttention": [16],
    "discriminatorAttention": [], "generatorLearningRate": 2e-4, "discriminatorLearningRate": 2e-4,
    "batchSize": 32, "gradientAccumulation": 1, "averageDecay": 0.999, "averageStart": 0,
  ]
  /// What the recipes from label maps share; the rest are the authors' options.
  static let maps: [String: ConfigurationValue] = [
    "classes": 35, "imageWidth": 128, "imageHeight": 128, "width": 16, "spadeHidden": 32,
    "discriminatorWidth": 16, "norm": "batch", "batchSize": 2,
  ]
  static let modulated = maps.merging(["weights": .table(["perceptual": 10.0])]) { $1 }
  static let segmented = maps
  static let autoencoder: [String: ConfigurationValue] = [
    "imageSize": 28, "imageChannels": 1, "hidden": [128, 64, 12], "latentSize": 3, "batchSize": 128,
  ]

  /// nanoGPT's sizes for a processor, over bytes.
  static let text: [String: ConfigurationValue] = [
    "tokenUnit": "byte", "vocabularySize": 256, "contextLength": 64, "layers": 4, "heads": 4,
    "embeddingSize": 128, "bias": false, "batchSize": 12, "gradientAccumulation": 1, "learningRate": 1e-3,
    "minimumLearningRate": 1e-4, "warmupSteps": 100, "decaySteps": 2000, "beta2": 0.99,
  ]
  /// HiFi-GAN's third version with half of its channels and narrow discriminators.
  static let resynthesising: [String: ConfigurationValue] = [
    "sampleRate": 16_000, "residualBlock": 2, "upsampleRates": [8, 8, 4], "upsampleKernels": [16, 16, 8],
    "initialChannels": 128, "residualKernels": [3, 5, 7],
    "residualDilations": .list([[1, 2], [2, 6], [3, 12]]), "periodChannels": [8, 16, 32, 64],
    "scaleChannels": [16, 32, 64, 64], "learningRate": 1e-3, "batchSize": 8, "segment": 4096,
  ]
  /// The authors' sizes with embeddings that need no weights.
  static let converting: [String: ConfigurationValue] = [
    "embedding": "one-hot", "embeddingSize": 4, "speakers": 4, "batchSize": 2,
  ]
  /// Narrower than the paper, whose step takes a minute on a processor.
  static let refining: [String: ConfigurationValue] = [
    "filters": [48, 96, 128, 128], "kernelSizes": [65, 33, 17, 9], "length": 4096, "learningRate": 1e-3,
    "batchSize": 8,
  ]
  /// The losses of the preset `paper`.
  static let swapping: [String: ConfigurationValue] = [
    "loss": "ssim", "furtherLosses": .table(["meanSquared": 1.0]),
  ]
  /// The preset `small` without what varies its frames, whose draws the two sides do not share.
  static let moving: [String: ConfigurationValue] = [
    "imageSize": 64, "keypoints": 6, "scaleFactor": 0.5,
    "detector": .table(["width": 12, "maximumWidth": 64, "blocks": 3]),
    "denseMotion": .table(["width": 12, "maximumWidth": 64, "blocks": 3]),
    "generator": .table(["width": 24, "maximumWidth": 64, "downsamplings": 2, "blocks": 2]),
    "discriminator": .table(["width": 8, "blocks": 3, "spectralNorm": true, "keypoints": false]),
    "pyramid": [1, 0.5, 0.25],
    "lossWeights": .table([
      "adversarial": 0, "featureMatching": [10, 10, 10], "perceptual": [0, 0, 0, 0, 0], "reconstruction": 30,
    ]),
    "flips": false, "colourJitter": 0, "learningRate": 5e-4, "batchSize": 8,
  ]
  static let enlarging: [String: ConfigurationValue] = [
    "width": 64, "blocks": 16, "scale": 4, "imageSize": 128, "batchSize": 16, "averageDecay": 0.999,
  ]

  /// A narrow vid2vid whose reference flow comes with the data, at a tenth of the authors' learning rate: rounding then grows
  /// less over the updates whose losses are compared.
  static let following: [String: ConfigurationValue] = [
    "semanticChannels": 11, "imageWidth": 128, "imageHeight": 64, "framesPerInput": 2, "framesPerStep": 2,
    "width": 16, "downsamplings": 2, "blocks": 4, "discriminatorWidth": 16, "layers": 2, "temporalFrames": 2,
    "sequenceLength": 4, "longestSequence": 4, "flips": false, "decayEpochs": 0, "batchSize": 2,
    "learningRate": 2e-5,
  ]
  /// The preset `small` behind its pretraining, at one temperature.
  static let played: [String: ConfigurationValue] = [
    "imageSize": 64, "frames": 6, "groundTruthFrames": 3, "actions": 3, "representationChannels": [8, 16],
    "stateFeatures": 24, "hiddenSize": 32, "pretrainingSteps": 0, "batchSize": 4,
  ]
}
