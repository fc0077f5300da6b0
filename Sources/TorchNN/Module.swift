public import Torch

/// A part of a network: tensors that are learned or remembered, and smaller parts.
///
/// A subclass declares `@Parameter` and `@Buffer` tensors and stores other modules in plain properties
/// (also optional ones, and arrays of any depth); nothing is registered by hand. Names are the properties'
/// names in snake case, array elements by index: `blocks.0.norm.running_mean`. The order is PyTorch's:
/// a module's own parameters, its own buffers, then its children, each in order of declaration,
/// those of a superclass first.
///
/// Modules in dictionaries, tuples, structures and lazy properties are not seen.
open class Module {
  /// What a module holds itself, under its name there.
  public enum Member {
    /// A parameter or a buffer.
    case tensor(name: String, slot: TensorSlot)
    /// A smaller part; an empty name lets its members stand on this module's own level.
    case child(name: String, module: Module)
  }

  /// Whether the module behaves as in training: batch statistics, dropout, power iterations.
  public private(set) var isTraining = true

  /// The tree below, walked once; see ``structureDidChange()``.
  private var cache: Structure?

  /// Makes a module in training mode.
  public init() {}

  /// What this module holds itself, found by reflection.
  ///
  /// Override it only for names that properties cannot have, as ``Sequential`` does.
  open func members() -> [Member] { reflectedMembers(of: self) }

  /// Forgets the remembered tree; call it on the root after exchanging one of its parts.
  ///
  /// ``parameters()``, ``train()``, ``eval()`` and ``requiresGradients`` read the tree once, because
  /// they stand in training steps and reflection costs microseconds a tensor.
  public func structureDidChange() { cache = nil }

  // MARK: Modes

  /// Puts this module and all its parts into training mode.
  public func train() { setTraining(true) }

  /// Puts this module and all its parts into evaluation mode.
  public func eval() { setTraining(false) }

  /// Puts this module and all its parts into one of the modes.
  public func setTraining(_ isTraining: Bool) {
    for module in structure.modules { module.isTraining = isTraining }
  }

  /// Puts this module alone, without its parts, into one of the modes.
  func setOwnMode(_ isTraining: Bool) { self.isTraining = isTraining }

  /// Runs `body` in evaluation mode and gives every part its own mode back.
  public func evaluating<Result>(_ body: () throws -> Result) rethrows -> Result {
    let modules = structure.modules
    let modes = modules.map(\.isTraining)
    for module in modules { module.isTraining = false }
    defer { for (module, mode) in zip(modules, modes) { module.isTraining = mode } }
    return try body()
  }

  /// Whether any parameter requires a gradient; setting it freezes or releases all of them.
  public var requiresGradients: Bool {
    get { structure.parameters.contains { $0.current?.requiresGradient ?? false } }
    set { for slot in structure.parameters { slot.current?.requiresGradient = newValue } }
  }

  // MARK: State

  /// All parameters and buffers with their names, in PyTorch's order.
  ///
  /// The tensors are the module's own: writing to them changes the module.
  public func state() -> [(name: String, tensor: Tensor)] {
    freshStructure().entries.compactMap { entry in entry.slot.current.map { (entry.name, $0) } }
  }

  /// ``state()`` as plain values, for a file.
  public func hostState() -> [(name: String, tensor: HostTensor)] {
    state().map { ($0.name, $0.tensor.host()) }
  }

  /// The parameters, each once, in the order of ``state()``.
  public func parameters() -> [Tensor] { structure.parameters.compactMap(\.current) }

  /// The parameters with their names, each once, in the order of ``state()``.
  public func namedParameters() -> [(name: String, tensor: Tensor)] {
    freshStructure().named(parameters: true)
  }

  /// The buffers with their names, each once, in the order of ``state()``.
  public func namedBuffers() -> [(name: String, tensor: Tensor)] { freshStructure().named(parameters: false) }

  /// This module and everything below it with their paths, each module once, parents first.
  public func namedModules() -> [(name: String, module: Module)] { freshStructure().namedModules }

  /// ``namedModules()`` without the paths, from the remembered tree.
  public func allModules() -> [Module] { structure.modules }

  /// The number of elements of all parameters.
  public var parameterCount: Int { parameters().reduce(0) { $0 + $1.count } }

  /// Moves all parameters and buffers to a device; optimisers that hold them follow.
  public func to(_ device: Device) {
    for entry in freshStructure().entries { entry.slot.current?.move(to: device) }
  }

  /// Converts all floating-point parameters and buffers to a type, for tests in float64.
  ///
  /// The tensors are new objects, so make optimisers and moving averages afterwards.
  public func convert(to dtype: DType) {
    exchange { $0.dtype.isFloatingPoint && $0.dtype != dtype ? $0.asType(dtype) : nil }
  }

  /// Lays the weights of two-dimensional convolutions out with channels as neighbours in memory.
  ///
  /// It is the weights' strides that make the engine compute a convolution in that layout, which on
  /// processors takes about half the time. Values, names and files stay the same. The tensors are new
  /// objects, so do it before optimisers and moving averages are made.
  public func layOutChannelsLast() {
    exchange { old in
      guard old.rank == 4 else { return nil }
      let shape = old.shape
      // Allocated in that order: for one channel both layouts look alike, and asking for one changes nothing.
      let order = [shape[0], shape[2], shape[3], shape[1]]
      if old.isPlaceholder { return Tensor.placeholder(order).permuted([0, 3, 1, 2]) }
      let new = Tensor.zeros(order, dtype: old.dtype, device: old.device).permuted([0, 3, 1, 2])
      new.copy(from: old)
      return new
    }
  }

  /// Replaces tensors; one that stands in several places stays one.
  private func exchange(_ replacement: (Tensor) -> Tensor?) {
    // The old tensors are kept until the end, so that no identifier is given out twice.
    var exchanged: [ObjectIdentifier: (old: Tensor, new: Tensor)] = [:]
    var seen = Set<ObjectIdentifier>()
    for entry in freshStructure().entries where seen.insert(ObjectIdentifier(entry.slot)).inserted {
      guard let old = entry.slot.current else { continue }
      if let pair = exchanged[ObjectIdentifier(old)] {
        entry.slot.replace(with: pair.new)
      } else if let new = withoutGradients({ replacement(old.detached()) }) {
        exchanged[ObjectIdentifier(old)] = (old, new)
        entry.slot.replace(with: new)
      }
    }
  }

  // MARK: The tree

  private var structure: Structure {
    if let cache { return cache }
    return freshStructure()
  }

  private func freshStructure() -> Structure {
    var structure = Structure()
    structure.add(self, path: "")
    cache = structure
    return structure
  }

  private struct Structure {
    var entries: [(name: String, slot: TensorSlot)] = []
    /// Slots of parameters, each once.
    var parameters: [TensorSlot] = []
    /// Every module once, the root first; without the root itself, which would keep itself alive.
    var below: [Module] = []
    unowned var root: Module?
    var paths: [String] = []
    private var seenModules = Set<ObjectIdentifier>()
    private var seenTensors = Set<ObjectIdentifier>()

    var modules: [Module] { (root.map { [$0] } ?? []) + below }
    var namedModules: [(name: String, module: Module)] {
      zip([""] + paths, modules).map { ($0, $1) }
    }

    /// The parameters or the buffers, each tensor once.
    func named(parameters: Bool) -> [(name: String, tensor: Tensor)] {
      var seen = Set<ObjectIdentifier>()
      return entries.compactMap { entry in
        guard entry.slot.isParameter == parameters, let tensor = entry.slot.current,
          seen.insert(ObjectIdentifier(tensor)).inserted
        else { return nil }
        return (entry.name, tensor)
      }
    }

    mutating func add(_ module: Module, path: String) {
      if root == nil {
        root = module
        seenModules.insert(ObjectIdentifier(module))
      } else if seenModules.insert(ObjectIdentifier(module)).inserted {
        below.append(module)
        paths.append(path)
      }
      let members = module.members()
      for parametersFirst in [true, false] {
        for case .tensor(let name, let slot) in members where slot.isParameter == parametersFirst {
          entries.append((joined(path, name), slot))
          // A tensor that two slots share, as tied weights do, is still one parameter.
          if slot.isParameter, let tensor = slot.current,
            seenTensors.insert(ObjectIdentifier(tensor)).inserted
          {
            parameters.append(slot)
          }
        }
      }
      for case .child(let name, let child) in members { add(child, path: joined(path, name)) }
    }

    private func joined(_ path: String, _ name: String) -> String {
      path.isEmpty ? name : name.isEmpty ? path : path + "." + name
    }
  }
}

/// The parameters of several networks that one optimiser changes, each name behind its network's.
public func namedParameters(
  of modules: KeyValuePairs<String, Module>
) -> [(name: String, tensor: Tensor)] {
  modules.flatMap { name, module in module.namedParameters().map { ("\(name).\($0.name)", $0.tensor) } }
}

/// A module that turns one tensor into another.
public protocol Layer: Module {
  /// The layer's output for an input.
  func callAsFunction(_ x: Tensor) -> Tensor
}
