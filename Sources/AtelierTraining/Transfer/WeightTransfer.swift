import AtelierCore
import AtelierData
import AtelierGeneration
import Torch
import TorchNN

/// Puts weights into a system that may have other classes, other sizes or other networks.
///
/// A tensor is taken where the source has one of its name and shape. Where the classes are others, tensors with
/// an axis of classes take the rows of the classes that both know by name; all else that does not fit keeps its
/// initial weights. Moving averages that the source does not have follow its networks, and the other way round.
struct WeightTransfer {
  private let source: TransferSource
  private let byName: [String: HostTensor]
  /// The classes of the new system.
  private let classNames: [String]
  /// The axis of each tensor that counts the classes, or has them among other things.
  private let classAxes: [String: ClassAxis]

  private struct ClassAxis {
    /// The axis; nil where several change with the number of classes.
    let axis: Int?
    /// Whether it counts the classes and nothing else.
    let isPlain: Bool
  }

  private enum Decision {
    case taken(HostTensor)
    case byClass(HostTensor, String)
    case initial(String)
  }

  /// A transfer into systems of a type that learn from some data.
  init(
    _ source: TransferSource, into type: any GenerativeSystem.Type,
    configuration: [String: ConfigurationValue], facts: DataFacts
  ) {
    self.source = source
    byName = Dictionary(source.tensors.map { ($0.name, $0.tensor) }) { first, _ in first }
    classNames = facts.description.classNames
    classAxes =
      classNames.isEmpty ? [:] : Self.classAxes(of: type, configuration: configuration, facts: facts)
  }

  /// Fills a system that has its initial weights.
  ///
  /// - Throws: ``TrainingError/invalid(reason:)`` where nothing fits that the system draws with.
  func fill(_ system: any GenerativeSystem) throws -> TransferRecord {
    var record = TransferRecord(source)
    var used: Set<String> = []
    var drawing = 0
    func decide(_ name: String, _ own: HostTensor) -> HostTensor? {
      let place = Self.twin(of: name).flatMap { byName[name] == nil ? $0 : nil } ?? name
      switch decision(place, for: name, own) {
      case .taken(let tensor):
        record.taken.append(name)
        used.insert(place)
        return tensor
      case .byClass(let tensor, let reason):
        record.takenByClass.append(.init(tensor: name, reason: reason))
        used.insert(place)
        return tensor
      case .initial(let reason):
        record.reinitialised.append(.init(tensor: name, reason: reason))
        return nil
      }
    }
    for network in system.trainedNetworks {
      for (key, own) in network.module.state() {
        guard let tensor = decide("network/\(network.name)/\(key)", own.host()) else { continue }
        own.copy(from: Tensor(tensor))
        if !network.isForTraining { drawing += 1 }
      }
    }
    for (network, average) in system.averages {
      let values = average.state().map { key, own in
        (name: key, tensor: decide("average/\(network)/\(key)", own) ?? own)
      }
      try average.load(values, from: source.paths.joined(separator: ", "))
    }
    guard drawing > 0 else {
      let example = record.reinitialised.first.map { " (\($0.tensor): \($0.reason))" } ?? ""
      throw TrainingError.invalid(
        reason: "no tensor of \(source.paths.joined(separator: ", ")) fits a network that this "
          + "\(type(of: system).identity.name) draws with\(example); use the configuration that the weights "
          + "were made with")
    }
    let refused = Set(record.reinitialised.map(\.tensor))
    for (name, tensor) in source.tensors where !used.contains(name) {
      record.left.append(
        .init(
          tensor: name,
          reason: refused.contains(name)
            ? "its shape is \(tensor.shape), and the new one is re-initialised"
            : "the new system has no such tensor"))
    }
    return record
  }

  /// The name under which an average's tensor stands in its network, and the other way round.
  private static func twin(of name: String) -> String? {
    for (own, other) in [("average/", "network/"), ("network/", "average/")] where name.hasPrefix(own) {
      return other + name.dropFirst(own.count)
    }
    return nil
  }

  private func decision(_ place: String, for name: String, _ own: HostTensor) -> Decision {
    guard let found = byName[place] else { return .initial("the source has no such tensor") }
    guard found.dtype.isFloatingPoint == own.dtype.isFloatingPoint else {
      return .initial("it is \(own.dtype), and the source's \(found.dtype)")
    }
    let isSameShape = found.shape == own.shape
    let other = "its shape is \(own.shape), and the source's \(found.shape)"
    guard let classes = classAxes[name], source.classNames != classNames else {
      return isSameShape ? .taken(found) : .initial(other)
    }
    // The classes are others, or not known: then equal shapes are taken by number.
    guard !source.classNames.isEmpty else {
      return isSameShape
        ? .byClass(found, "the source does not name its classes; taken by their numbers") : .initial(other)
    }
    guard let axis = classes.axis, classes.isPlain, found.shape.count == own.shape.count,
      found.shape[axis] == source.classNames.count,
      own.shape.indices.allSatisfy({ $0 == axis || own.shape[$0] == found.shape[$0] })
    else { return .initial("it holds classes among other things, and the source has other classes") }
    return byClass(found, own, axis: axis)
  }

  /// The rows of the classes that both know by name; the others keep their initial weights.
  private func byClass(_ found: HostTensor, _ own: HostTensor, axis: Int) -> Decision {
    let places = Dictionary(source.classNames.enumerated().map { ($1, $0) }) { first, _ in first }
    let shared = classNames.filter { places[$0] != nil }
    guard !shared.isEmpty else {
      return .initial("none of the \(classNames.count) classes is known to the source")
    }
    let merged = withoutGradients { () -> HostTensor in
      let (theirs, ours) = (Tensor(found).asType(own.dtype), Tensor(own))
      let rows = classNames.enumerated().map { label, name in
        places[name].map { theirs.slice(axis, $0, $0 + 1) } ?? ours.slice(axis, label, label + 1)
      }
      return Tensor.concatenated(rows, dim: axis).contiguous().host()
    }
    let new = classNames.filter { places[$0] == nil }
    return .byClass(
      merged,
      "\(shared.count) of \(classNames.count) classes taken by name"
        + (new.isEmpty ? "" : ", new: \(new.prefix(6).joined(separator: ", "))\(new.count > 6 ? " …" : "")"))
  }

  // MARK: Classes

  /// The axes that grow where the data have one class more, found by building the system for such data.
  private static func classAxes(
    of type: any GenerativeSystem.Type, configuration: [String: ConfigurationValue], facts: DataFacts
  ) -> [String: ClassAxis] {
    let count = facts.description.classNames.count
    var more = facts.description
    more.classNames.append("one more than \(count)")
    if !more.labelHistogram.isEmpty { more.labelHistogram.append(1) }
    let probed = DataFacts(description: more, artefacts: facts.artefacts)
    // A system that cannot be built for other classes has no axis of them.
    guard let now = try? shapes(of: type, configuration, facts),
      let then = try? shapes(of: type, configuration, probed)
    else { return [:] }
    var axes: [String: ClassAxis] = [:]
    for (name, shape) in now {
      guard let grown = then[name], grown != shape else { continue }
      guard grown.count == shape.count else {
        axes[name] = ClassAxis(axis: nil, isPlain: false)
        continue
      }
      let changed = shape.indices.filter { shape[$0] != grown[$0] }
      let axis = changed.count == 1 ? changed[0] : nil
      axes[name] = ClassAxis(axis: axis, isPlain: axis.map { shape[$0] == count } ?? false)
    }
    return axes
  }

  private static func shapes(
    of type: any GenerativeSystem.Type, _ configuration: [String: ConfigurationValue], _ facts: DataFacts
  ) throws -> [String: [Int]] {
    func adapted<System: GenerativeSystem>(_ type: System.Type) throws -> any GenerativeSystem {
      let values = try System.adapted(System.Configuration().overlaid(with: configuration), to: facts)
      return try System(values, artefacts: facts.artefacts, using: RandomStream(seed: 0))
    }
    let system = try withoutInitialWeights { try adapted(type) }
    var shapes: [String: [Int]] = [:]
    for network in system.trainedNetworks {
      for (key, tensor) in network.module.state() {
        shapes["network/\(network.name)/\(key)"] = tensor.shape
        shapes["average/\(network.name)/\(key)"] = tensor.shape
      }
    }
    return shapes
  }
}
