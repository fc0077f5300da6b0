import Foundation

/// A storage of a PyTorch file: a run of elements.
struct TorchStorage {
  /// The key of the bytes in the container.
  let key: String
  /// The element type; nil for one that Atelier does not support.
  let dtype: DType?
  /// The size of an element in bytes.
  let elementSize: Int
  /// The size of the whole storage in bytes.
  let byteCount: Int
  /// The part covered by this reference; all of it except in files of PyTorch before 0.4.
  let window: Range<Int>
}

/// A tensor in a PyTorch file: a view of a storage.
struct TorchView: Hashable {
  let key: String
  let dtype: DType
  /// The byte range of the storage's part.
  let window: Range<Int>
  /// The offset of the first element in the window, in elements.
  let offset: Int
  let shape: [Int]
  /// The steps between elements, one for each dimension, in elements.
  let strides: [Int]
  /// The size of the contiguous elements in bytes.
  let byteCount: Int

  /// Nil where a length is negative, a product overflows or an element lies outside the storage.
  init?(_ storage: TorchStorage, dtype: DType, offset: Int, shape: [Int], strides: [Int]) {
    guard let byteCount = HostTensor.byteCount(shape: shape, dtype: dtype), shape.count == strides.count,
      offset >= 0, strides.allSatisfy({ $0 >= 0 })
    else { return nil }
    let available = storage.window.count / dtype.byteCount
    if !shape.contains(0) {
      var last = offset
      for (length, stride) in zip(shape, strides) {
        let (step, tooLong) = (length - 1).multipliedReportingOverflow(by: stride)
        let (next, tooFar) = last.addingReportingOverflow(step)
        guard !tooLong, !tooFar else { return nil }
        last = next
      }
      guard last < available else { return nil }
    }
    key = storage.key
    window = storage.window
    self.dtype = dtype
    self.offset = offset
    self.shape = shape
    // The stride of a dimension of length 1 is unused and may be any number.
    self.strides = zip(shape, strides).map { $0 == 1 ? 0 : $1 }
    self.byteCount = byteCount
  }

  /// Whether the view is contiguous.
  var isContiguous: Bool {
    var expected = 1
    for (length, stride) in zip(shape, strides).reversed() where length != 1 {
      if stride != expected { return false }
      expected *= length
    }
    return true
  }
}

extension PickleMachine {
  /// PyTorch's storage classes: element type and size. Those without a type are skipped over in
  /// files, and their tensors stay inert.
  private static let storageClasses: [String: (dtype: DType?, size: Int)] = [
    "FloatStorage": (.float32, 4), "DoubleStorage": (.float64, 8), "HalfStorage": (.float16, 2),
    "BFloat16Storage": (.bfloat16, 2), "LongStorage": (.int64, 8), "IntStorage": (.int32, 4),
    "ShortStorage": (.int16, 2), "CharStorage": (.int8, 1), "ByteStorage": (.uint8, 1),
    "BoolStorage": (.bool, 1), "UntypedStorage": (.uint8, 1), "_UntypedStorage": (.uint8, 1),
    "ComplexFloatStorage": (nil, 8), "ComplexDoubleStorage": (nil, 16), "QInt8Storage": (nil, 1),
    "QUInt8Storage": (nil, 1), "QInt32Storage": (nil, 4), "QUInt4x2Storage": (nil, 1),
    "QUInt2x4Storage": (nil, 1),
  ]

  private static let torchModules: Set<String> = ["torch", "torch.cuda", "torch.storage", "torch.sparse"]

  private static let dtypes: [String: DType] = [
    "float32": .float32, "float": .float32, "float64": .float64, "double": .float64, "float16": .float16,
    "half": .float16, "bfloat16": .bfloat16, "int64": .int64, "long": .int64, "int32": .int32, "int": .int32,
    "int16": .int16, "short": .int16, "int8": .int8, "uint8": .uint8, "bool": .bool,
  ]

  /// Resolves `('storage', class, key, device, count[, view])` and the legacy `('module', class, …)`.
  func loadPersistent(_ identifier: Reference) throws(FileFormatError) -> Reference {
    guard case .tuple(let parts) = node(identifier), let first = parts.first,
      case .string(let kind) = node(first)
    else { throw failure("it refers to something outside itself") }
    // Legacy files hold the source text of a module's class here; only the class's name is kept.
    if kind == "module", parts.count >= 2 { return parts[1] }
    guard kind == "storage", parts.count >= 5, case .global(let module, let name) = node(parts[1]),
      Self.torchModules.contains(module), let (dtype, size) = Self.storageClasses[name],
      let key = text(parts[2]), case .int(let count) = node(parts[4]), count >= 0
    else { throw failure("it describes a storage in a way that is unknown") }
    let (byteCount, overflow) = count.multipliedReportingOverflow(by: size)
    guard !overflow else { throw failure("storage \(FileFormatError.quoted(key)) is impossibly long") }
    var window = 0..<byteCount
    if parts.count >= 6, case .tuple(let view) = node(parts[5]) {
      guard view.count == 3, case .int(let start) = node(view[1]), case .int(let length) = node(view[2]),
        start >= 0, length >= 0, start <= count, length <= count - start
      else { throw failure("a part of storage \(FileFormatError.quoted(key)) lies outside it") }
      window = (start * size)..<((start + length) * size)
    }
    let storage = TorchStorage(
      key: key, dtype: dtype, elementSize: size, byteCount: byteCount, window: window)
    if let known = storages[key], known.byteCount != byteCount || known.elementSize != size {
      throw failure("storage \(FileFormatError.quoted(key)) is described in two ways")
    }
    storages[key] = storage
    return try add(.storage(storage))
  }

  /// The result of a call: a plain value for the known constructors of state dictionaries, an inert record
  /// for everything else.
  func construct(
    _ callable: Reference, _ arguments: Reference
  ) throws(FileFormatError) -> Reference {
    guard case .tuple(let parts) = node(arguments) else { throw failure("a class in it has no arguments") }
    if case .global(let module, let name) = node(callable),
      let known = try constructKnown(module, name, parts)
    {
      return known
    }
    return try add(.object(Instance(callable: callable, arguments: arguments)))
  }

  private func constructKnown(
    _ module: String, _ name: String, _ parts: [Reference]
  ) throws(FileFormatError) -> Reference? {
    switch (module, name) {
    case ("torch._tensor", "_rebuild_from_type_v2"):
      // (function, class, arguments, state): a tensor with attributes. Only one level, so that
      // nesting cannot be used to exhaust the stack.
      guard parts.count == 4, case .global("torch._utils", let function) = node(parts[0]),
        case .tuple(let inner) = node(parts[2])
      else { return nil }
      return try constructTensor(function, inner)
    case ("torch._utils", _): return try constructTensor(name, parts)
    case ("torch", "Size"), ("builtins", "tuple"), ("__builtin__", "tuple"):
      return try rebuilt(parts) { .tuple($0) }
    case ("builtins", "list"), ("__builtin__", "list"): return try rebuilt(parts) { .list($0) }
    case ("builtins", "set"), ("__builtin__", "set"), ("builtins", "frozenset"), ("__builtin__", "frozenset"):
      return try rebuilt(parts) { .set($0) }
    case ("collections", "OrderedDict"), ("builtins", "dict"), ("__builtin__", "dict"):
      return try constructDictionary(parts)
    case ("collections", "defaultdict"): return try constructDictionary(Array(parts.dropFirst()))
    case ("_codecs", "encode"):
      // Protocols below 3 write bytes as a Latin-1 text.
      guard let first = parts.first, case .string(let text) = node(first) else { return nil }
      try charge(text.utf8.count / 16 + 1)
      var bytes: [UInt8] = []
      for scalar in text.unicodeScalars {
        guard let byte = UInt8(exactly: scalar.value) else { return nil }
        bytes.append(byte)
      }
      return try add(.bytes(bytes))
    case ("builtins", "bytes"), ("__builtin__", "bytes"), ("builtins", "bytearray"),
      ("__builtin__", "bytearray"):
      guard let first = parts.first else { return try add(.bytes([])) }
      guard case .bytes = node(first) else { return nil }
      return first
    default: return nil
    }
  }

  /// A container made from one list, tuple or set, or from nothing.
  private func rebuilt(
    _ parts: [Reference], _ make: ([Reference]) -> Node
  ) throws(FileFormatError) -> Reference? {
    guard let first = parts.first else { return try add(make([])) }
    guard parts.count == 1 else { return nil }
    switch node(first) {
    case .list(let elements), .tuple(let elements), .set(let elements):
      try charge(elements.count)
      return try add(make(elements))
    default: return nil
    }
  }

  /// A dictionary made from nothing, from another one, or from a list of pairs as Python 2 wrote it.
  private func constructDictionary(_ parts: [Reference]) throws(FileFormatError) -> Reference? {
    guard let first = parts.first else { return try add(.dictionary([])) }
    guard parts.count == 1 else { return nil }
    switch node(first) {
    case .dictionary(let pairs):
      try charge(pairs.count)
      return try add(.dictionary(pairs))
    case .list(let elements), .tuple(let elements):
      try charge(2 * elements.count)
      var pairs: [Reference] = []
      for element in elements {
        switch node(element) {
        case .tuple(let pair) where pair.count == 2, .list(let pair) where pair.count == 2:
          pairs.append(contentsOf: pair)
        default: return nil
        }
      }
      return try add(.dictionary(pairs))
    default: return nil
    }
  }

  private func constructTensor(
    _ name: String, _ parts: [Reference]
  ) throws(FileFormatError) -> Reference? {
    switch name {
    case "_rebuild_tensor" where parts.count == 4: return try constructView(parts, dtype: nil, metadata: nil)
    case "_rebuild_tensor_v2" where parts.count >= 6:
      return try constructView(parts, dtype: nil, metadata: parts.count > 6 ? parts[6] : nil)
    case "_rebuild_tensor_v3" where parts.count >= 7:
      guard case .global("torch", let typeName) = node(parts[6]), let dtype = Self.dtypes[typeName] else {
        return nil
      }
      return try constructView(parts, dtype: dtype, metadata: parts.count > 7 ? parts[7] : nil)
    case "_rebuild_parameter" where parts.count >= 2, "_rebuild_parameter_with_state" where parts.count >= 2:
      guard case .tensor = node(parts[0]) else { return nil }
      return parts[0]
    default: return nil
    }
  }

  private func constructView(
    _ parts: [Reference], dtype: DType?, metadata: Reference?
  ) throws(FileFormatError) -> Reference? {
    guard case .storage(let storage) = node(parts[0]), let dtype = dtype ?? storage.dtype else { return nil }
    // Metadata marks lazily negated or conjugated views, whose bytes are not their values.
    if let metadata, case .dictionary(let marks) = node(metadata), !marks.isEmpty { return nil }
    guard case .int(let offset) = node(parts[1]), let shape = integers(parts[2]),
      let strides = integers(parts[3]),
      let view = TorchView(storage, dtype: dtype, offset: offset, shape: shape, strides: strides)
    else {
      throw failure("a tensor does not fit its storage \(FileFormatError.quoted(storage.key))")
    }
    return try add(.tensor(view))
  }

  private func integers(_ reference: Reference) -> [Int]? {
    switch node(reference) {
    case .tuple(let elements), .list(let elements):
      guard elements.count <= HostTensor.maximumRank else { return nil }
      var values: [Int] = []
      for element in elements {
        guard case .int(let value) = node(element) else { return nil }
        values.append(value)
      }
      return values
    default: return nil
    }
  }

  /// A storage's key: a text, in very old files a number.
  private func text(_ reference: Reference) -> String? {
    switch node(reference) {
    case .string(let text): text
    case .int(let value): String(value)
    default: nil
    }
  }
}
