public import AtelierData
public import Foundation
public import Perception
public import Torch
public import TorchNN

/// A conditional generative model: networks, the step that trains them, and what they generate.
///
/// One file holds one system and reads like its paper: header, ``Configuration``, networks, step,
/// generation. The command line, configuration files, checkpoints, exact resumption, previews,
/// measures and conformance follow from this protocol; checks of a kind of its own a system answers as
/// ``ReferenceAnswering``.
public protocol GenerativeSystem: AnyObject, SendableMetatype {
  associatedtype Configuration: SystemConfiguration

  /// The system's name, paper and reference implementation.
  static var identity: SystemIdentity { get }

  /// Builds the networks with initial weights drawn from `stream`.
  ///
  /// - Throws: ``ConfigurationError`` for a configuration that cannot work.
  init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws

  /// The choices this system was built from.
  var configuration: Configuration { get }

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
  /// What the next step depends on beside weights, moments, averages and the loader: hidden states,
  /// image pools, running scores. Saved and restored byte for byte.
  func carriedState() -> [(name: String, tensor: HostTensor)]
  /// Puts back what ``carriedState()`` gave.
  func restoreCarriedState(_ state: [(name: String, tensor: HostTensor)]) throws

  /// One step of training: pulls its batches, owns the order of its updates.
  func step(_ step: TrainingStep) throws

  /// Generates for the given conditions; may hand out its result piece by piece, each the piece of an output
  /// of the plan. Called by ``draw(_:emit:)``, which checks the request and brings the networks into drawing mode.
  func generate(_ request: Request, emit: (Output) throws -> Void) throws
}

extension GenerativeSystem {
  /// What the system is, for everything that handles it without knowing it.
  public var plan: SystemPlan { configuration.plan }

  /// The plan of a configuration that is known by its keys only.
  ///
  /// - Throws: ``ConfigurationError`` for keys that do not fit.
  public static func plan(_ values: [String: ConfigurationValue]) throws(ConfigurationError) -> SystemPlan {
    try Configuration().overlaid(with: values).plan
  }

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

  /// Nothing carried.
  public func carriedState() -> [(name: String, tensor: HostTensor)] { [] }

  /// Accepts only what this system gave, which is nothing.
  public func restoreCarriedState(_ state: [(name: String, tensor: HostTensor)]) throws {
    if let first = state.first {
      throw ConfigurationError(
        "the checkpoint carries '\(first.name)', which \(Self.identity.name) does not know")
    }
  }

  /// The device that its networks lie on; the processor where there are none.
  public var device: Device {
    for network in networks {
      if let tensor = network.module.parameters().first { return tensor.device }
    }
    return .cpu
  }

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

  /// The kinds of data for which it is the system to begin with.
  public let suits: [DataKind]

  /// Names a system.
  public init(name: String, summary: String, paper: String, reference: String, suits: [DataKind] = []) {
    self.suits = suits
    self.name = name
    self.summary = summary
    self.paper = paper
    self.reference = reference
  }
}

/// What a system is loaded for.
public enum LoadingPurpose: Sendable, Hashable {
  /// To draw: networks that are for training only (``Network/isForTraining``) get no weights and no memory, and
  /// computing with them is an error.
  case drawing
  /// For anything.
  case everything
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
  /// Whether only training computes with it, as with a discriminator, so that it is not loaded for drawing.
  public let isForTraining: Bool

  /// Describes a network.
  public init(
    _ name: String, _ module: Module, authorsNames: KeyMap = KeyMap(), frozenFrom: String? = nil,
    isForTraining: Bool = false, forward: @escaping Forward
  ) {
    self.name = name
    self.module = module
    self.frozenFrom = frozenFrom
    self.isForTraining = isForTraining
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
