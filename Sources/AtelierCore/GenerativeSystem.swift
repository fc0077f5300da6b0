public import AtelierData
public import Foundation
public import Perception
public import Torch
public import TorchNN

/// A conditional generative model: networks, the step that trains them, and what they generate.
///
/// One file holds one system and reads like its paper: header, ``Configuration``, networks, step,
/// generation. The command line, configuration files, checkpoints, exact resumption, previews,
/// measures and conformance follow from this protocol.
public protocol GenerativeSystem: AnyObject {
  associatedtype Configuration: SystemConfiguration

  /// The system's name, paper and reference implementation.
  static var identity: SystemIdentity { get }

  /// Builds the networks with initial weights drawn from `stream`.
  ///
  /// - Throws: ``ConfigurationError`` for a configuration that cannot work.
  init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws

  /// The choices this system was built from.
  var configuration: Configuration { get }

  /// What one batch holds, for a configuration.
  static func fields(_ configuration: Configuration) -> [Field]

  /// How the fields of a batch belong together; by default each example stands alone.
  static func examplePlan(_ configuration: Configuration) -> ExamplePlan

  /// Random changes of training pictures; by default none.
  static func augmentation(_ configuration: Configuration) -> JointAugmentation

  /// Pictures that the user gives beside the data, which training cannot do without; by default none.
  ///
  /// They are artefacts, under ``GivenPicture/artefact``.
  static func givenPictures(_ configuration: Configuration) -> [GivenPicture]

  /// The configuration with what only the data can tell: number of classes, channels, vocabulary size; by
  /// default as it is, and data are brought to it.
  ///
  /// - Throws: ``ConfigurationError`` where the data cannot serve the system.
  static func adapted(_ configuration: Configuration, to data: DataFacts) throws -> Configuration

  /// The configuration with the frozen networks that a training finds, where one can stand in for another; by
  /// default as it is.
  ///
  /// - Returns: the configuration, and what a person should know about the choice.
  static func adapted(
    _ configuration: Configuration, to store: WeightStore
  ) -> (configuration: Configuration, remark: String?)

  /// The networks in the order in which they are saved.
  var networks: [Network] { get }
  /// The optimisers by name.
  var optimizers: [(name: String, optimizer: Optimizer)] { get }
  /// The moving averages of networks, by the network's name; generation uses them where they are.
  var averages: [(network: String, average: MovingAverage)] { get }
  /// The stages of training in order, each with its length in steps where the system decides it.
  static func stages(_ configuration: Configuration) -> [TrainingStage]

  /// What the next step depends on beside weights, moments, averages and the loader: hidden states,
  /// picture pools, running scores. Saved and restored byte for byte.
  func carriedState() -> [(name: String, tensor: HostTensor)]
  /// Puts back what ``carriedState()`` gave.
  func restoreCarriedState(_ state: [(name: String, tensor: HostTensor)]) throws

  /// One step of training: pulls its batches, owns the order of its updates.
  func step(_ step: TrainingStep) throws

  /// Generates for the given conditions; may hand out its result piece by piece.
  func generate(_ request: GenerationRequest, emit: (GeneratedValue) throws -> Void) throws

  /// The batches that a reference case's recorded inputs stand for; by default one slice of each input
  /// a step.
  static func recordedSource(
    _ inputs: [String: Tensor], configuration: Configuration
  ) throws -> (any BatchSource)?
}

extension GenerativeSystem {
  /// Each example on its own.
  public static func examplePlan(_ configuration: Configuration) -> ExamplePlan { .examples }

  /// Nothing random.
  public static func augmentation(_ configuration: Configuration) -> JointAugmentation { JointAugmentation() }

  /// As it is.
  public static func adapted(_ configuration: Configuration, to data: DataFacts) throws -> Configuration {
    configuration
  }

  /// As it is.
  public static func adapted(
    _ configuration: Configuration, to store: WeightStore
  ) -> (configuration: Configuration, remark: String?) { (configuration, nil) }

  /// No averages.
  public var averages: [(network: String, average: MovingAverage)] { [] }

  /// One stage without an end of its own.
  public static func stages(_ configuration: Configuration) -> [TrainingStage] { [TrainingStage("training")] }

  /// Nothing carried.
  public func carriedState() -> [(name: String, tensor: HostTensor)] { [] }

  /// Accepts only what this system gave, which is nothing.
  public func restoreCarriedState(_ state: [(name: String, tensor: HostTensor)]) throws {
    if let first = state.first {
      throw ConfigurationError(
        "the checkpoint carries '\(first.name)', which \(Self.identity.name) does not know")
    }
  }

  /// One slice of each recorded input a step.
  public static func recordedSource(
    _ inputs: [String: Tensor], configuration: Configuration
  ) throws -> (any BatchSource)? { nil }

  /// Moves networks and averages to a device; optimisers follow, and make their moments there.
  ///
  /// Frozen networks that have no weights yet get them on their device later.
  public func move(to device: Device) {
    for network in networks where (network.module as? PerceptionNetwork)?.isFilled ?? true {
      network.module.to(device)
    }
    for entry in averages { entry.average.to(device) }
  }

  /// The network of a name.
  public func network(_ name: String) -> Network? { networks.first { $0.name == name } }

  /// The moving average that a reference case calls `generatorAverage`, or `average` where there is one
  /// only, with the network it averages.
  public func average(named name: String) -> (network: Network, average: MovingAverage)? {
    for entry in averages
    where name == entry.network + "Average" || (averages.count == 1 && name == "average") {
      if let network = network(entry.network) { return (network, entry.average) }
    }
    return nil
  }
}

/// A system's name and where it comes from.
public struct SystemIdentity: Sendable, Hashable {
  /// The registry's name: lower-case words joined by hyphens.
  public let name: String
  /// One line for people.
  public let summary: String
  /// Authors, title, year.
  public let paper: String
  /// The reference implementation that the conformance cases come from.
  public let reference: String

  /// Names a system.
  public init(name: String, summary: String, paper: String, reference: String) {
    self.name = name
    self.summary = summary
    self.paper = paper
    self.reference = reference
  }
}

/// A part of a training that has its own purpose, such as a tokeniser before its language model.
public struct TrainingStage: Sendable, Hashable {
  /// The stage's name, as `TrainingStep.stage` gives it.
  public let name: String
  /// How many steps it takes; nil: until the run ends.
  public let steps: Int?

  /// Declares a stage.
  public init(_ name: String, steps: Int? = nil) {
    self.name = name
    self.steps = steps
  }
}

/// What the data tells a configuration.
public struct DataFacts: Sendable {
  /// The size, channels, classes and counts that were found.
  public let description: DatasetDescription
  /// What was built from the data: a vocabulary, a neighbour table.
  public let artefacts: Artefacts

  /// Collects the facts.
  public init(description: DatasetDescription, artefacts: Artefacts = Artefacts()) {
    self.description = description
    self.artefacts = artefacts
  }
}

/// Named files that a system stands on beside its weights: a vocabulary, a tokeniser, a table.
///
/// They are saved in the run folder and inside the model file, hashed, and checked on resumption.
public struct Artefacts: Sendable, Hashable {
  /// The contents by name.
  public var contents: [String: Data]

  /// Collects artefacts.
  public init(_ contents: [String: Data] = [:]) { self.contents = contents }

  /// Decodes a JSON artefact.
  ///
  /// - Throws: ``ConfigurationError`` where it is missing or damaged.
  public func decode<Value: Decodable>(_ type: Value.Type, _ name: String) throws -> Value {
    guard let data = contents[name] else {
      throw ConfigurationError(
        "the artefact '\(name)' is missing; train with --data, or give the whole run folder")
    }
    do {
      return try JSONDecoder().decode(type, from: data)
    } catch {
      throw ConfigurationError("the artefact '\(name)' cannot be read: \(error)")
    }
  }
}

/// A network of a system: its weights, its authors' names for them, and its inputs and outputs by name.
public struct Network {
  /// Runs a named part (nil: the whole) on named inputs.
  public typealias Forward = (_ part: String?, _ inputs: [String: Tensor]) throws -> [String: Tensor]

  /// The name: `generator`, `discriminator`, `autoencoder`, `model`, …
  public let name: String
  /// The layers.
  public let module: Module
  /// Our names and the authors' names of the weights.
  public let authorsNames: KeyMap
  /// The forward pass with the names of `reference/cases`; used by conformance and export.
  public let forward: Forward
  /// The perception network whose weights this one takes and never changes (`vgg16`, `vgg19`); nil for a
  /// network that is trained and saved.
  public let frozenFrom: String?

  /// Describes a network.
  public init(
    _ name: String, _ module: Module, authorsNames: KeyMap = KeyMap(), frozenFrom: String? = nil,
    forward: @escaping Forward
  ) {
    self.name = name
    self.module = module
    self.frozenFrom = frozenFrom
    self.authorsNames = authorsNames
    self.forward = forward
  }
}

extension Dictionary where Key == String, Value == Tensor {
  /// A named input that must be there.
  ///
  /// - Throws: ``ConfigurationError`` that names it.
  public func required(_ name: String) throws -> Tensor {
    guard let tensor = self[name] else {
      throw ConfigurationError("the input '\(name)' is missing; given are \(keys.sorted())")
    }
    return tensor
  }
}
