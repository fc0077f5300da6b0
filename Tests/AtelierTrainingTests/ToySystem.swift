import Atelier

/// The smallest system: a linear generator that is pulled towards the pictures of its class.
///
/// It is also what an outsider writes: one file, and nothing of the package's own systems.
final class ToySystem: LatentSystem {
  struct Configuration: SystemConfiguration {
    var imageSize = 8
    var classes = 2
    var latentSize = 3
    var batchSize = 4
    var learningRate = 0.01
    /// The step at which the loss is not a number, once; nil: never.
    var poisonedStep: Int?
    /// Whether the poisoned step computes with an operation that refuses NaN.
    var refusesPoison = false
    /// Whether it is poisoned again after every roll-back.
    var staysPoisoned = false
    /// Whether the generator's weights become zero after a few steps.
    var collapses = false
    /// Whether the classes are people whose faces are learned.
    var learnsFaces = false

    static let presets = [
      Preset("paper", "a toy", Configuration()), Preset("small", "a toy", Configuration()),
    ]
    var plan: SystemPlan {
      var plan = SystemPlan.latentImages(
        channels: 1, size: imageSize,
        latent: LatentDecoding(size: latentSize, distribution: .normal, classes: classes),
        batchSize: batchSize)
      if learnsFaces { plan.abilities.append(Likeness(.face, of: "label")) }
      return plan
    }
    func validate() throws(ConfigurationError) {
      if imageSize < 1 { throw ConfigurationError("imageSize is \(imageSize), and must be at least 1") }
    }
  }

  static let identity = SystemIdentity(name: "toy", summary: "a toy", paper: "none", reference: "none")
  let configuration: Configuration
  private let generator: Linear
  private let optimizer: Adam
  private let average: MovingAverage
  private var poisonings = 0
  private var steps = 0

  init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    self.configuration = configuration
    let inputs = configuration.latentSize + configuration.classes
    generator = Linear(
      inputFeatures: inputs, outputFeatures: configuration.imageSize * configuration.imageSize, using: stream)
    optimizer = Adam(generator, learningRate: configuration.learningRate)
    average = MovingAverage(of: generator, decay: 0.9)
  }

  static func adapted(_ configuration: Configuration, to data: DataFacts) throws -> Configuration {
    var adapted = configuration
    adapted.classes = data.description.classNames.count
    return adapted
  }

  var networks: [Network] {
    [
      Network("generator", generator) { [self] _, inputs in
        ["image": decode(try inputs.required("latent"), labels: nil)]
      }
    ]
  }
  var optimizers: [(name: String, optimizer: Optimizer)] { [("generator", optimizer)] }
  var averages: [(network: String, average: MovingAverage)] { [("generator", average)] }

  func carriedState() -> [(name: String, tensor: HostTensor)] { [("steps", HostTensor([steps], shape: []))] }
  func restoreCarriedState(_ state: [(name: String, tensor: HostTensor)]) throws {
    steps = state.first?.tensor.integers().first ?? 0
  }

  func step(_ step: TrainingStep) throws {
    let batch = try step.batch()
    let latents = step.draws.normal("latent", [batch["image"].shape[0], configuration.latentSize])
    let isPoisoned =
      step.index == configuration.poisonedStep && (poisonings == 0 || configuration.staysPoisoned)
    if isPoisoned { poisonings += 1 }
    try step.update("generator", optimizer, average: average) { loss in
      let distance = (decode(latents, labels: batch["label"]) - batch["image"]).square().mean()
      if isPoisoned && configuration.refusesPoison {
        let probability = (decode(latents, labels: batch["label"]) * .nan).sigmoid()
        loss.add("likelihood", binaryCrossEntropy(probability, probability.detached()))
      }
      loss.add("total", distance, weight: isPoisoned ? .nan : 1)
    }
    steps += 1
    if configuration.collapses, step.index > 4 {
      withoutGradients { for tensor in generator.parameters() { tensor.fill(0) } }
    }
  }

  func decode(_ latents: Tensor, labels: Tensor?) -> Tensor {
    let labels = (labels ?? Tensor.zeros([latents.shape[0]], dtype: .int64)).oneHot(configuration.classes)
    let size = configuration.imageSize
    return generator(.concatenated([latents, labels], dim: 1)).tanh().reshaped([-1, 1, size, size])
  }
}
