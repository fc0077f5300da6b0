/// A value of a PyTorch file, read without executing anything from the file.
public enum PickleValue: Sendable, CustomStringConvertible {
  /// Python's `None`.
  case null
  /// `True` or `False`.
  case bool(Bool)
  /// An integer of at most 64 bits; a longer one is an `object` called `builtins.int` whose argument
  /// holds its bytes (little-endian, two's complement) or its digits.
  case int(Int)
  /// A floating-point number.
  case double(Double)
  /// A text.
  case string(String)
  /// `bytes`, `bytearray`, or a text of Python 2 that is not UTF-8.
  case bytes([UInt8])
  /// A list.
  case list([PickleValue])
  /// A tuple or `torch.Size`.
  case tuple([PickleValue])
  /// A `dict`, `OrderedDict` or `defaultdict`, in its order.
  case dictionary([(key: PickleValue, value: PickleValue)])
  /// A `set` or `frozenset`, in the file's order.
  case set([PickleValue])
  /// A tensor, parameter or bare storage; views are made contiguous.
  case tensor(HostTensor)
  /// An instance of any other class, or the class itself. It does nothing; see `PickleObject`.
  case object(PickleObject)

  /// A short description of the kind of value, never its whole contents.
  public var description: String {
    switch self {
    case .null: "None"
    case .bool(let value): value ? "True" : "False"
    case .int(let value): String(value)
    case .double(let value): String(value)
    case .string(let text): FileFormatError.quoted(text)
    case .bytes(let bytes): "\(bytes.count) bytes"
    case .list(let elements): "a list of \(elements.count)"
    case .tuple(let elements): "a tuple of \(elements.count)"
    case .dictionary(let pairs): "a dictionary of \(pairs.count)"
    case .set(let elements): "a set of \(elements.count)"
    case .tensor(let tensor): "a tensor \(tensor.shape) of \(tensor.dtype)"
    case .object(let object): "an object of \(object.typeName)"
    }
  }
}

/// An inert record of something in a PyTorch file that is not data: an argument namespace, an
/// optimiser, a function, a whole network. Its class was never looked up, let alone run.
public final class PickleObject: Sendable {
  /// The Python module of the class, such as `argparse`; empty where the file does not name one.
  public let module: String
  /// The name of the class inside its module, such as `Namespace`.
  public let name: String
  /// The arguments of the constructor; nil where the file refers to the class itself.
  public let arguments: [PickleValue]?
  /// The state of the instance, mostly a dictionary of its attributes.
  public let state: PickleValue?
  /// The appended elements, for subclasses of `list` and `set`.
  public let elements: [PickleValue]
  /// The stored pairs, for subclasses of `dict`.
  public let pairs: [(key: PickleValue, value: PickleValue)]

  init(
    module: String, name: String, arguments: [PickleValue]? = nil, state: PickleValue? = nil,
    elements: [PickleValue] = [], pairs: [(key: PickleValue, value: PickleValue)] = []
  ) {
    self.module = module
    self.name = name
    self.arguments = arguments
    self.state = state
    self.elements = elements
    self.pairs = pairs
  }

  /// `module.name`, fit for a message.
  var typeName: String { FileFormatError.quoted(module.isEmpty ? name : module + "." + name) }
}

extension PickleValue {
  /// The boolean, if this is one.
  public var boolValue: Bool? { if case .bool(let value) = self { value } else { nil } }
  /// The integer, if this is one.
  public var intValue: Int? { if case .int(let value) = self { value } else { nil } }
  /// The number, if this is an integer or a floating-point number.
  public var doubleValue: Double? {
    switch self {
    case .double(let value): value
    case .int(let value): Double(value)
    default: nil
    }
  }
  /// The text, if this is one.
  public var stringValue: String? { if case .string(let text) = self { text } else { nil } }
  /// The tensor, if this is one, or an array of numpy's.
  public var tensorValue: HostTensor? {
    switch self {
    case .tensor(let tensor): tensor
    case .object(let object): object.arrayValue
    default: nil
    }
  }
  /// The elements of a list, tuple or set.
  public var elements: [PickleValue]? {
    switch self {
    case .list(let elements), .tuple(let elements), .set(let elements): elements
    default: nil
    }
  }
  /// The pairs of a dictionary, or of an object whose class is a kind of dictionary.
  public var pairs: [(key: PickleValue, value: PickleValue)]? {
    switch self {
    case .dictionary(let pairs): pairs
    case .object(let object) where !object.pairs.isEmpty: object.pairs
    default: nil
    }
  }

  /// A dictionary key as part of a name: a text as it is, an integer in decimal digits.
  private var keyName: String? {
    switch self {
    case .string(let text): text
    case .int(let value): String(value)
    default: nil
    }
  }

  /// The named children: of a dictionary by key, of a list or tuple by index, of an object by attribute.
  private var children: [(name: String, value: PickleValue)]? {
    if let pairs { return pairs.compactMap { pair in pair.key.keyName.map { ($0, pair.value) } } }
    switch self {
    case .list(let elements), .tuple(let elements):
      return elements.enumerated().map { (String($0.offset), $0.element) }
    case .object(let object):
      if case .dictionary(let pairs)? = object.state {
        return pairs.compactMap { pair in pair.key.keyName.map { ($0, pair.value) } }
      }
      return nil
    default: return nil
    }
  }

  /// The value at the end of a path of keys.
  ///
  /// - Parameter path: dictionary keys (integers in decimal digits), list indices or names of an inert
  ///   object's attributes, outermost first; empty for the value itself.
  /// - Throws: `FileFormatError` naming the key that is missing and those that exist.
  public func value(at path: [String]) throws(FileFormatError) -> PickleValue {
    var current = self
    for (depth, key) in path.enumerated() {
      guard let children = current.children else {
        let place = depth == 0 ? "the file holds" : "\(Self.spelled(path.prefix(depth))) is"
        throw FileFormatError(
          file: nil, problem: "\(place) \(current), which has no entry \(Self.spelled([key]))")
      }
      guard let child = children.first(where: { $0.name == key }) else {
        let place = depth == 0 ? "" : " in \(Self.spelled(path.prefix(depth)))"
        throw FileFormatError(
          file: nil, problem: "there is no entry \(Self.spelled([key]))\(place); \(Self.listed(children))")
      }
      current = child.value
    }
    return current
  }

  /// The named tensors of a network's state, in the file's order.
  ///
  /// Dictionaries and lists inside are flattened with dots, as PyTorch names nested modules; integer
  /// keys become their digits. Leaves that are not tensors (counters, `None`, inert objects) are left
  /// out; `statesOtherThanTensors(at:)` names them. No prefix is removed; see
  /// `removingDataParallelPrefix()`.
  ///
  /// - Parameter path: where the state lies, such as `["model", "generator"]`.
  /// - Throws: `FileFormatError` when the path does not exist, does not lead to a dictionary, holds no
  ///   tensor, or two tensors would share a name.
  public func stateDictionary(
    at path: [String] = []
  ) throws(FileFormatError) -> [(name: String, tensor: HostTensor)] {
    let state = try value(at: path)
    let place = path.isEmpty ? "the file" : Self.spelled(path[...])
    guard let children = state.pairs == nil ? nil : state.children else {
      let way =
        if case .object = state {
          "whose class cannot be run here; save its state_dict() instead"
        } else {
          "and not a dictionary of tensors; give the path of a state dictionary"
        }
      throw FileFormatError(file: nil, problem: "\(place) holds \(state), \(way)")
    }
    let tensors = try state.leaves().compactMap { leaf in
      leaf.value.tensorValue.map { (name: leaf.name, tensor: $0) }
    }
    guard !tensors.isEmpty else {
      throw FileFormatError(file: nil, problem: "\(place) holds no tensor; \(Self.listed(children))")
    }
    var names: Set<String> = []
    for (name, _) in tensors where !names.insert(name).inserted {
      throw FileFormatError(
        file: nil,
        problem: "\(place) holds two tensors called \(FileFormatError.quoted(name)); give the path of one")
    }
    return tensors
  }

  /// What `stateDictionary(at:)` leaves out: the leaves that are not tensors, by the same names.
  public func statesOtherThanTensors(
    at path: [String] = []
  ) throws(FileFormatError) -> [(name: String, value: PickleValue)] {
    try value(at: path).leaves().filter { $0.value.tensorValue == nil }
  }

  /// Entries visited at most: a small file may name one dictionary many times over inside itself.
  private static let maximumLeaves = 1_000_000

  private func leaves() throws(FileFormatError) -> [(name: String, value: PickleValue)] {
    var found: [(name: String, value: PickleValue)] = []
    var visited = 0
    try collectLeaves(prefix: "", into: &found, visited: &visited)
    return found
  }

  /// Recursion is safe: the reader limits how deep values are nested.
  private func collectLeaves(
    prefix: String, into found: inout [(name: String, value: PickleValue)], visited: inout Int
  ) throws(FileFormatError) {
    for (name, value) in children ?? [] {
      visited += 1
      guard visited <= Self.maximumLeaves else {
        throw FileFormatError(
          file: nil,
          problem: "its state has more than \(Self.maximumLeaves) entries; give the path of a part of it")
      }
      var isNested = value.pairs != nil
      switch value {
      case .list, .tuple: isNested = true
      default: break
      }
      if isNested {
        try value.collectLeaves(prefix: prefix + name + ".", into: &found, visited: &visited)
      } else {
        found.append((prefix + name, value))
      }
    }
  }

  private static func spelled(_ path: ArraySlice<String>) -> String {
    FileFormatError.quoted(path.joined(separator: "."))
  }

  private static func listed(_ children: [(name: String, value: PickleValue)]) -> String {
    guard !children.isEmpty else { return "it is empty" }
    let names = children.prefix(12).map { FileFormatError.quoted($0.name) }.joined(separator: ", ")
    return "there are \(names)" + (children.count > 12 ? " and \(children.count - 12) more" : "")
  }
}

extension Array where Element == (name: String, tensor: HostTensor) {
  /// The same tensors without the `module.` that PyTorch's `DataParallel` and
  /// `DistributedDataParallel` put before every name; unchanged where any name lacks it, because then
  /// it belongs to the network.
  public func removingDataParallelPrefix() -> Self {
    let prefix = "module."
    guard allSatisfy({ $0.name.hasPrefix(prefix) }) else { return self }
    return map { (name: String($0.name.dropFirst(prefix.count)), tensor: $0.tensor) }
  }
}
