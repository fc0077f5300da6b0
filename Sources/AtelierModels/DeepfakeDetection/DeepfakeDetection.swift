public import AtelierCore
public import AtelierData
public import Torch
public import TorchNN

/// A detector of manipulated faces: a classifier of single images, whose scores become those of videos.
///
/// Paper: Rössler et al. 2019, "FaceForensics++: Learning to Detect Manipulated Facial Images". Reference implementation:
/// ondyari/FaceForensics, which has the networks and the detection in videos, and no training; the training is the
/// paper's: first Adam over the last layer alone, then a new Adam over everything, both on the cross-entropy of real
/// and fake.
///
/// Deviations: Documentation/systems/deepfake-detection.md.
public final class DeepfakeDetection: FakeDetectingSystem {
  /// The name, the paper and the reference implementation.
  public static let identity = SystemIdentity(
    name: "deepfake-detection", summary: "tells real faces from manipulated ones, in images and videos",
    paper: "Rössler et al., FaceForensics++: Learning to Detect Manipulated Facial Images, 2019",
    reference: "ondyari/FaceForensics")

  /// The choices this system was built from.
  public let configuration: Configuration
  private let classifier: any ImageClassification
  private let headOptimizer: Optimizer
  private let optimizer: Optimizer

  /// Builds the network with initial weights drawn from `stream`, and both optimisers.
  ///
  /// - Throws: ``ConfigurationError`` for a configuration that cannot work.
  public init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    try configuration.validate()
    self.configuration = configuration
    let (channels, classes, dropout) = (configuration.channels, configuration.classes, configuration.dropout)
    classifier =
      switch configuration.model {
      case .xception: Xception(channels: channels, classes: classes, dropout: dropout, using: stream)
      case .resNet18: ResNet18(channels: channels, classes: classes, dropout: dropout, using: stream)
      }
    classifier.layOutChannelsLast()
    headOptimizer = configuration.adam.optimizer(
      classifier.lastLinear, learningRate: configuration.learningRate)
    optimizer = configuration.adam.optimizer(classifier, learningRate: configuration.learningRate)
  }

  /// `classifier` answers `image` in -1 … 1 with `logits` and `probabilities` `[batch, classes]`.
  public var networks: [Network] {
    let isDropped = configuration.dropout > 0
    let names =
      configuration.model == .xception
      ? Xception.authorsNames(isDropped: isDropped) : ResNet18.authorsNames(isDropped: isDropped)
    return [
      Network("classifier", classifier, authorsNames: names) { [classifier] part, inputs in
        if let part { throw ConfigurationError("the classifier has no part '\(part)'") }
        let logits = classifier.logits(classifier.features(try inputs.required("image"))).asType(.float32)
        return ["logits": logits, "probabilities": logits.softmax(1)]
      }
    ]
  }

  /// That of the last layer and that of everything, which begins anew after it.
  public var optimizers: [(name: String, optimizer: Optimizer)] {
    [("lastLayer", headOptimizer), ("classifier", optimizer)]
  }

  /// With the classes of the data, and the steps that passes over them take.
  ///
  /// - Throws: ``ConfigurationError`` for data without real and fake images.
  public static func adapted(_ configuration: Configuration, to data: DataFacts) throws -> Configuration {
    var configuration = configuration
    configuration.classes = max(2, try data.description.requiredClasses(for: identity))
    if let epochs = configuration.headEpochs {
      let steps = epochs * Double(max(1, data.description.count / max(1, configuration.batchSize)))
      configuration.headSteps = Int(min(steps.rounded(.up), 1e9))
    }
    return configuration
  }

  // MARK: Training

  /// One step on the cross-entropy: of the last layer alone at first, with everything in training mode all the same,
  /// so that statistics of batch norms move; then of everything. Logs `crossEntropy` and the share that is told
  /// rightly, `accuracy`.
  public func step(_ step: TrainingStep) throws {
    let batch = try step.batch()
    let (image, label) = (batch["image"], batch["label"])
    let isHead = step.index < configuration.headSteps
    let logits = try step.update(
      isHead ? "lastLayer" : "classifier", isHead ? headOptimizer : optimizer
    ) { loss in
      let features =
        isHead ? withoutGradients { classifier.features(image) } : classifier.features(image)
      let logits = classifier.logits(features).asType(.float32)
      loss.add("crossEntropy", crossEntropy(logits, label))
      return logits.detached()
    }.result
    step.observe("accuracy") { logits.argmax(dim: 1).equal(label).asType(.float32).mean() }
  }

  // MARK: Detection

  /// The logit of fake less that of real.
  ///
  /// - Throws: ``ConfigurationError`` for a classifier of other classes, such as ImageNet's.
  public func logOdds(of images: Tensor) throws -> Tensor {
    try requireTwoClasses()
    let logits = classifier.logits(classifier.features(images)).asType(.float32)
    return logits.selected(dim: 1, index: 1) - logits.selected(dim: 1, index: 0)
  }

  /// Grad-CAM (Selvaraju et al. 2017) of the log odds over the last feature map. As a linear layer follows the mean over
  /// that map, the means of the gradients are that layer's weights, up to a factor that normalisation takes out.
  public func heatMaps(of images: Tensor) throws -> Tensor {
    try requireTwoClasses()
    let features = classifier.features(images).asType(.float32)
    let weight = classifier.lastLinear.weight.detached()
    let evidence = (weight.slice(0, 1, 2) - weight.slice(0, 0, 1)).reshaped([1, -1, 1, 1])
    let map = (features * evidence).sum(dims: [1], keepDim: true).relu()
    let size = (images.shape[2], images.shape[3])
    let enlarged = upsampleBilinear(map, size: size).reshaped([images.shape[0], -1])
    let largest = enlarged.max(dim: 1, keepDim: true).values
    return (enlarged / (largest + 1e-12)).clamped(min: 0, max: 1).reshaped(
      [images.shape[0], size.0, size.1])
  }

  private func requireTwoClasses() throws(ConfigurationError) {
    guard configuration.classes == 2 else {
      throw ConfigurationError(
        "this model knows \(configuration.classes) classes, and not real and fake; train a detector that begins with it"
      )
    }
  }

  /// The probabilities of the request's images, and where they show it: red over the image.
  public func generate(_ request: Request, emit: (Output) throws -> Void) throws {
    let images = try request.required("image")
    let side = configuration.imageSize
    for start in stride(from: 0, to: images.shape[0], by: 32) {
      var part = images.slice(0, start, min(start + 32, images.shape[0]))
      if part.shape[2] != side || part.shape[3] != side { part = upsampleBilinear(part, size: (side, side)) }
      let probability = try logOdds(of: part).sigmoid().reshaped([-1, 1])
      try emit(Output("probability", probability))
      try emit(Output("heat", FakeHeat.overlaid(part, try heatMaps(of: part))))
    }
  }
}
