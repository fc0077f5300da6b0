public import AtelierData
public import Foundation
public import Torch
import TorchNN

/// A system that reads files of weights as its authors' programs wrote them.
public protocol ImportingSystem: GenerativeSystem {
  /// The files that it knows, as a person would look for them: `latest_net_G.pth of
  /// pytorch-CycleGAN-and-pix2pix`.
  static var foreignFiles: String { get }

  /// The licence under which their authors give them; nil where it differs from file to file.
  static var foreignLicence: WeightLicence? { get }

  /// The names of files that belong to the weights and hold none, such as a tokeniser's; they become artefacts of the
  /// same names. By default none.
  static var companionFiles: [String] { get }

  /// Tells from names and shapes how the system must be configured and which networks the files fill.
  ///
  /// - Throws: ``ConfigurationError`` that says what is not understood.
  static func recognise(_ files: [ForeignWeights]) throws -> ForeignModel
}

/// What a system made of foreign weights: how it has to be configured, and which network they fill.
public struct ForeignModel {
  /// Keys that shapes and names tell.
  public private(set) var configuration: [String: ConfigurationValue] = [:]
  /// Tensors by network. `generatorAverage` holds those of the moving average of `generator`.
  public private(set) var networks: [String: ForeignTensors] = [:]
  /// Tensors that are not read, on purpose.
  public var leftOut: [ForeignTensors] = []

  /// Nothing yet.
  public init() {}

  /// Sorts files by the network that each of them holds.
  ///
  /// - Parameters:
  ///   - system: what errors name, with the files that it knows.
  ///   - network: the name of the network that the tensors belong to; nil: none that is known.
  /// - Throws: ``ConfigurationError`` for a file that holds none of them, and for a second of one kind.
  public init(
    _ files: [ForeignTensors], of system: any ImportingSystem.Type,
    network: (ForeignTensors) throws -> String?
  ) throws {
    for file in files {
      guard let name = try network(file) else {
        throw ConfigurationError(
          "\(file.source) is none of the networks that \(system.identity.name) knows: \(system.foreignFiles)")
      }
      try fill(name, with: file)
    }
  }

  /// Files sorted by how a name in each of them begins.
  ///
  /// - Parameter marks: what a name in the file of each network begins with.
  /// - Throws: ``ConfigurationError`` for a file that holds none of them, for a second of one kind, and where
  ///   the first network, without which the system does nothing, is missing.
  public init(
    _ files: [ForeignWeights], of system: any ImportingSystem.Type,
    beginningWith marks: KeyValuePairs<String, String>
  ) throws {
    try self.init(files.map { ForeignTensors($0) }, of: system) { file in
      marks.first { file.hasName(beginningWith: $0.value) }?.key
    }
    if let first = marks.first { _ = try required(first.key, of: system) }
  }

  /// The tensors of a network without which the system does nothing.
  ///
  /// - Throws: ``ConfigurationError`` where no file holds it.
  public func required(
    _ network: String, of system: any ImportingSystem.Type
  ) throws(ConfigurationError) -> ForeignTensors {
    guard let tensors = networks[network] else {
      throw ConfigurationError(
        "none of the files holds the \(network) of \(system.identity.name); give it as well")
    }
    return tensors
  }

  /// Fills a network with tensors.
  ///
  /// - Throws: ``ConfigurationError`` where another file did before.
  public mutating func fill(_ network: String, with tensors: ForeignTensors) throws(ConfigurationError) {
    guard networks.updateValue(tensors, forKey: network) == nil else {
      throw ConfigurationError("\(tensors.source) is a second \(network); give one file for each network")
    }
  }

  /// Takes over keys that some tensors tell.
  ///
  /// - Throws: ``ConfigurationError`` where other tensors told a key otherwise.
  public mutating func tell(
    _ keys: [String: ConfigurationValue], from tensors: ForeignTensors
  ) throws(ConfigurationError) {
    for (key, value) in keys.sorted(by: { $0.key < $1.key }) {
      if let other = configuration.updateValue(value, forKey: key), other != value {
        throw ConfigurationError(
          "\(tensors.source) has \(key) \(value), and the file before it \(other); they are not of one model")
      }
    }
  }

  /// Takes over keys that the tensors of a network tell, where there is that network.
  ///
  /// - Throws: ``ConfigurationError`` where other tensors told a key otherwise, and what `keys` throws.
  public mutating func tell(
    from network: String, _ keys: (ForeignTensors) throws -> [String: ConfigurationValue]
  ) throws {
    if let tensors = networks[network] { try tell(keys(tensors), from: tensors) }
  }

  /// Refuses weights that nothing can be drawn with.
  func refuseNaN() throws(FileFormatError) {
    for (_, tensors) in networks.sorted(by: { $0.key < $1.key }) {
      for entry in tensors.entries
      where entry.tensor.dtype.isFloatingPoint && !Tensor(entry.tensor).isFinite() {
        throw FileFormatError(
          file: entry.origin.file,
          problem:
            "it holds NaN or infinite numbers in '\(entry.origin.name)', as a training that diverged leaves them; "
            + "take other weights")
      }
    }
  }

  /// Refuses files with a tensor that belongs to no network and is not left out on purpose.
  func refuseUnread(in files: [ForeignWeights]) throws(ConfigurationError) {
    let read = Set((networks.values + leftOut).flatMap { $0.entries.map(\.origin) })
    for file in files {
      for (name, _) in file.tensors where !read.contains(ForeignTensors.Origin(file: file.url, name: name)) {
        throw ConfigurationError(
          "\(file.url.path) holds '\(name)', which belongs to no network of the system")
      }
    }
  }
}

extension ImportingSystem {
  /// None.
  public static var companionFiles: [String] { [] }

  /// The files that hold weights, and the contents of those that belong to them, among what is given or beside it.
  ///
  /// - Throws: the error of a file that cannot be read.
  public static func companions(of files: [URL]) throws -> (weights: [URL], artefacts: Artefacts) {
    let weights = files.filter { !companionFiles.contains($0.lastPathComponent) }
    var artefacts = Artefacts()
    for name in companionFiles {
      let beside = weights.first?.deletingLastPathComponent().appendingPathComponent(name)
      if let given = files.first(where: { $0.lastPathComponent == name }) {
        artefacts.contents[name] = try Data(contentsOf: given)
      } else if let beside, FileManager.default.fileExists(atPath: beside.path) {
        artefacts.contents[name] = try Data(contentsOf: beside)
      }
    }
    return (weights, artefacts)
  }

  /// Not known.
  public static var foreignLicence: WeightLicence? { nil }

  /// The system with foreign weights, every tensor of which is read; networks that the files do not hold keep
  /// initial ones.
  ///
  /// - Parameters:
  ///   - changes: keys that the caller knows better than shapes tell.
  ///   - artefacts: what belongs to the weights; see ``companions(of:)``.
  ///   - stream: where the initial weights of the other networks come from.
  /// - Returns: the system, and the names of the networks that were not in the files.
  /// - Throws: ``ConfigurationError`` where no file is given or none holds a network of the system, and
  ///   ``ConfigurationError`` or `CheckpointError` naming a file that does not fit.
  public static func importing(
    _ files: [ForeignWeights], changes: [String: ConfigurationValue] = [:],
    artefacts: Artefacts = Artefacts(), using stream: RandomStream
  ) throws -> (system: Self, untouched: [String]) {
    guard !files.isEmpty else {
      throw ConfigurationError("no file of weights is given; \(identity.name) reads \(foreignFiles)")
    }
    let model = try recognise(files)
    try model.refuseUnread(in: files)
    try model.refuseNaN()
    let configuration = try Configuration().overlaid(with: model.configuration).overlaid(with: changes)
    let system = try Self(configuration, artefacts: artefacts, using: stream)
    let averages = system.averages
    // Otherwise it would draw from random weights.
    let holdsDrawing = model.networks.contains { name, tensors in
      guard !tensors.isEmpty else { return false }
      if let network = system.network(name) { return !network.isForTraining }
      return averages.contains { $0.network + "Average" == name }
    }
    guard holdsDrawing else {
      throw ConfigurationError(
        "\(files.map(\.url.lastPathComponent).joined(separator: ", ")) holds no network that \(identity.name) draws with; "
          + "it reads " + foreignFiles)
    }
    for (name, tensors) in model.networks.sorted(by: { $0.key < $1.key }) {
      guard let network = system.network(name) else {
        guard averages.contains(where: { $0.network + "Average" == name }) else {
          throw ConfigurationError(
            "\(tensors.source) holds the \(name), which this \(identity.name) does not have; leave the file out"
          )
        }
        continue
      }
      try network.loadAuthorsWeights(tensors)
    }
    // Averages draw where they are: one that no file holds follows the network that a file does.
    for entry in averages where model.networks[entry.network] != nil {
      guard let network = system.network(entry.network) else { continue }
      if let tensors = model.networks[entry.network + "Average"] {
        try entry.average.load(
          network.authorsNames.translate(tensors.named, toOurs: true, source: tensors.source),
          from: tensors.source)
      } else {
        let names = Set(entry.average.state().map(\.name))
        try entry.average.load(
          network.module.hostState().filter { names.contains($0.name) },
          from: files.map(\.url.lastPathComponent).joined(separator: ", "))
      }
    }
    let untouched = system.trainedNetworks.map(\.name).filter { model.networks[$0] == nil }
    return (system, untouched)
  }
}
