public import AtelierCore
public import AtelierData
import Foundation
public import Torch
public import TorchNN

/// The instance-conditioned GAN: the generator draws what lies near a given image in a space of features, so
/// that no labels are needed, and images never seen in training can be given.
///
/// Paper: Casanova, Careil, Verbeek, Drozdzal and Romero-Soriano 2021, "Instance-Conditioned GAN". Reference:
/// facebookresearch/ic_gan with the BigGAN backbone.
///
/// The real examples of a condition h(i) are the neighbours of instance i by cosine similarity, never i
/// itself; with classes, the label is the neighbour's. Generated images are conditioned on instances drawn
/// uniformly. Networks and round of updates are ``BigGAN``'s, with the instance's features beside the class
/// in every norm of the generator and in the discriminator's projection.
///
/// Deviations: those of ``BigGAN``; features come from a network that Atelier trains on the same images
/// (self-supervised, so that the unlabelled form leans on no labels; or a classifier), or from the caller, in
/// place of ResNet-50; instances are drawn uniformly (`instance_balance`), not by class.
public final class ICGAN: LatentSystem, AugmentedSystem, ExportingSystem {
  /// The name, the paper and the reference implementation.
  public static let identity = SystemIdentity(
    name: "ic-gan", summary: "GAN conditioned on the features of an image; images like a given one",
    paper: "Casanova et al., Instance-Conditioned GAN, 2021",
    reference: "facebookresearch/ic_gan BigGAN_PyTorch, data_utils")

  /// The choices this system was built from.
  public let configuration: Configuration
  /// The generator and the discriminator.
  public let networks: [Network]
  /// The instances; nil without an artefact, when conditions themselves are drawn.
  public let table: InstanceTable?
  private let training: BigGANTraining<Configuration>

  /// Builds both networks and their optimisers.
  ///
  /// - Throws: ``ConfigurationError`` for a configuration that cannot work, and for a table of instances
  /// whose
  ///   features have another length.
  public init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    try configuration.validate()
    self.configuration = configuration
    table = configuration.instanceConditional ? try InstanceTable(artefacts) : nil
    if let table, table.featureSize != configuration.featureSize {
      throw ConfigurationError(
        "the table of instances has features of length \(table.featureSize), and featureSize is "
          + "\(configuration.featureSize)")
    }
    training = try BigGANTraining(configuration, using: stream)
    networks = training.networks
  }

  /// The optimisers by their networks' names.
  public var optimizers: [(name: String, optimizer: Optimizer)] {
    [("generator", training.generatorOptimizer), ("discriminator", training.discriminatorOptimizer)]
  }

  /// The generator's moving average, buffers included, as the authors keep it.
  public var averages: [(network: String, average: MovingAverage)] { [("generator", training.average)] }

  /// Takes over the data's channels, its count and, where labels are a condition, their number.
  ///
  /// - Throws: ``ConfigurationError`` for data without the labels that are asked for, and for fewer images
  ///   than a neighbourhood needs.
  public static func adapted(_ configuration: Configuration, to data: DataFacts) throws -> Configuration {
    var configuration = configuration
    if let channels = data.description.channels { configuration.imageChannels = channels }
    if configuration.classConditional || configuration.featureSource == .classifier {
      let classes = try data.description.requiredClasses(for: identity)
      if configuration.classConditional { configuration.classes = classes }
    }
    configuration.instances = data.description.count
    configuration.selectedInstances = min(configuration.selectedInstances, data.description.count)
    try configuration.validate()
    return configuration
  }

  /// Discriminator augmentation.
  public var augment: DiscriminatorAugmentation { training.augment }

  /// One step of training.
  public func step(_ step: TrainingStep) throws {
    let (count, size) = (training.conditionsPerStep, step.share(of: configuration.batchSize))
    let drawn = conditions(step.draws.along(1), [count, size])
    try training.round(
      step,
      conditions: (0..<count).map { place in
        BigGANCondition(
          label: drawn.label?.selected(dim: 0, index: place),
          features: drawn.features?.selected(dim: 0, index: place))
      })
  }

  /// Conditions of generated pictures: features of instances drawn uniformly, and the class of a neighbour.
  ///
  /// A system without a table (in a reference case) draws the features themselves.
  private func conditions(_ draws: any Draws, _ shape: [Int]) -> BigGANCondition {
    guard let table else {
      return BigGANCondition(
        label: configuration.classConditional
          ? draws.integers("fakeLabel", below: configuration.classes, shape) : nil,
        features: configuration.instanceConditional
          ? draws.normal("fakeFeatures", shape + [configuration.featureSize]) : nil)
    }
    let instance = draws.integers("instance", below: table.count, shape).flattened(from: 0)
    let neighbour = draws.integers("neighbour", below: configuration.neighbours, shape).flattened(from: 0)
    let device = instance.device
    let chosen = table.conditions(instance: instance.to(.cpu), neighbour: neighbour.to(.cpu))
    return BigGANCondition(
      label: configuration.classConditional ? chosen.label.to(device).reshaped(shape) : nil,
      features: chosen.features.to(device).reshaped(shape + [configuration.featureSize]))
  }

  /// How many parameters the networks have, the table of classes that is never read left out.
  package static func parameterCounts(
    _ configuration: Configuration
  ) throws -> (generator: Int, discriminator: Int) {
    try bigGANParameterCounts(configuration)
  }

  // MARK: Generation

  /// Images for given instances, or for instances drawn from those that were selected.
  ///
  /// The condition `features` `[n, features]` is instances' features, of any length of vector, also of images
  /// that were never trained on; with several, outputs take them in turn. Classes may be other than the
  /// instances' own. Without given features, an instance's class is that of one of its neighbours unless
  /// classes are asked for.
  ///
  /// - Throws: ``ConfigurationError`` for features of another length or numbers that are not finite.
  public func generate(_ request: Request, emit: (Output) throws -> Void) throws {
    let given = try request.tensor("features").map(checked)
    let draws = StreamDraws(RandomStream(seed: 0, purpose: "standing statistics"))
    try training.drawing(
      draws: draws, conditions: { self.conditions(draws, [self.configuration.batchSize]) },
      {
        let latents = try latents(for: request)
        let total = latents.shape[0]
        let labels = try labels(for: request, count: total).map { Tensor($0, device: latents.device) }
        let condition = generationConditions(total, given, labels, request.draws)
        for piece in request.pieces(of: total) {
          let (start, end) = (piece.lowerBound, piece.upperBound)
          let part = BigGANCondition(
            label: condition.label?.slice(0, start, end), features: condition.features?.slice(0, start, end))
          try emit(Output("image", training.generator(latents.slice(0, start, end), part)))
        }
      })
  }

  /// Images in -1 … 1 for latents, of instances that are drawn with a seed of their own: latents and classes
  /// alone do not say which.
  public func decode(_ latents: Tensor, labels: Tensor?) throws -> Tensor {
    let draws = StreamDraws(RandomStream(seed: 0, purpose: "instances"), device: latents.device)
    return training.generator(latents, generationConditions(latents.shape[0], nil, labels, draws))
  }

  /// Images of latent vectors, features of instances, and classes where it has them; without instances the function of
  /// a latent system.
  public func exportedFunction(direction: String?) throws -> ExportedFunction {
    guard direction == nil else {
      throw ConfigurationError("ic-gan has no directions; leave the direction out")
    }
    let (size, features, classes) = (latentSpace.size, configuration.featureSize, latentSpace.classes)
    var inputs = [
      ExportedFunction.Input("latent", "latent vectors of \(size) numbers, standard normal") {
        [latentSpace] batch, _, stream in
        latentSpace.distribution.draw("latent", [batch, size], from: StreamDraws(stream))
      }
    ]
    if configuration.instanceConditional {
      inputs.append(
        ExportedFunction.Input(
          "features",
          "features of an instance, \(features) numbers by the network that this model was trained with"
        ) { batch, _, stream in stream.normal([batch, features]) })
    }
    if let classes {
      inputs.append(
        ExportedFunction.Input("label", "classes 0 … \(classes - 1)") { batch, _, stream in
          stream.integers(below: classes, [batch])
        })
    }
    let isConditional = configuration.instanceConditional
    return ExportedFunction(inputs, output: "an image in -1 … 1") { [training] given in
      let condition = BigGANCondition(
        label: classes == nil ? nil : given.last, features: isConditional ? InstanceTable.unit(given[1]) : nil
      )
      return training.generator(given[0], condition)
    }
  }

  private func checked(_ features: Tensor) throws(ConfigurationError) -> Tensor {
    guard configuration.instanceConditional else {
      throw ConfigurationError("this ic-gan is conditioned on classes only; leave 'features' out")
    }
    guard features.rank == 2, features.shape[0] >= 1, features.shape[1] == configuration.featureSize else {
      throw ConfigurationError(
        "an instance has features of the shape [n, \(configuration.featureSize)], not \(features.shape); "
          + "take them from the network that this model was trained with")
    }
    guard features.isFinite() else {
      throw ConfigurationError("the instance's features hold numbers that are not finite")
    }
    return InstanceTable.unit(features)
  }

  private func generationConditions(
    _ count: Int, _ given: Tensor?, _ labels: Tensor?, _ draws: any Draws
  ) -> BigGANCondition {
    if let given {
      let turns = Tensor((0..<count).map { $0 % given.shape[0] }, device: given.device)
      return BigGANCondition(label: labels, features: given.indexSelected(0, turns))
    }
    guard let table else {
      let drawn = conditions(draws, [count])
      return BigGANCondition(label: labels ?? drawn.label, features: drawn.features.map(InstanceTable.unit))
    }
    let places = draws.integers("instance", below: table.selected.count, [count])
    let features = table.features.indexSelected(0, table.selected.indexSelected(0, places.to(.cpu)))
    return BigGANCondition(label: labels, features: features.to(places.device))
  }
}
