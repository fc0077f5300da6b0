import Foundation

/// Converts the pickle machine's nodes to plain values, and reads their tensors.
///
/// A node is converted once even if it is referenced many times, so that repeated references take memory
/// once.
struct PickleConversion {
  private let machine: PickleMachine
  private let source: ByteSource
  /// The byte range of each storage in the file.
  private let locations: [String: Range<Int>]
  private var finished: [PickleMachine.Reference: PickleValue] = [:]
  private var inProgress: Set<PickleMachine.Reference> = []
  private var views: [TorchView: HostTensor] = [:]
  /// Storages read as a whole for non-contiguous views; together not larger than the file.
  private var storageBytes: [String: [UInt8]] = [:]
  private var byteBudget: Int

  /// A saved network needs three levels per nested module; safe on the small stacks of threads.
  private static let maximumDepth = 128

  init(_ machine: PickleMachine, source: ByteSource, locations: [String: Range<Int>]) {
    self.machine = machine
    self.source = source
    self.locations = locations
    // Views may share and repeat elements (an expanded tensor has strides of zero), so the tensors may
    // be larger than the file, but a file must not fill the memory.
    byteBudget = 64 << 20 + 16 * source.count
  }

  mutating func value(
    _ reference: PickleMachine.Reference, depth: Int = 0
  ) throws(FileFormatError) -> PickleValue {
    switch machine.node(reference) {
    case .null: return .null
    case .bool(let value): return .bool(value)
    case .int(let value): return .int(value)
    case .double(let value): return .double(value)
    case .string(let text): return .string(text)
    case .bytes(let bytes): return .bytes(bytes)
    case .longInt(let bytes):
      return .object(PickleObject(module: "builtins", name: "int", arguments: [.bytes(bytes)]))
    case .global(let module, let name): return .object(PickleObject(module: module, name: name))
    case .tensor(let view): return .tensor(try tensor(view))
    case .storage(let storage): return try bareStorage(storage)
    case .list, .tuple, .set, .dictionary, .object: break
    }
    if let value = finished[reference] { return value }
    guard depth < Self.maximumDepth else {
      throw source.failure("its values are nested too deep; save the state dictionary alone")
    }
    // A recursive value (such as a network with a reference to its trainer) is cut where it recurs.
    guard inProgress.insert(reference).inserted else {
      return .object(PickleObject(module: "", name: "recursive reference"))
    }
    let value = try container(reference, depth: depth)
    inProgress.remove(reference)
    finished[reference] = value
    return value
  }

  private mutating func container(
    _ reference: PickleMachine.Reference, depth: Int
  ) throws(FileFormatError) -> PickleValue {
    switch machine.node(reference) {
    case .list(let elements): return .list(try values(elements, depth: depth))
    case .tuple(let elements): return .tuple(try values(elements, depth: depth))
    case .set(let elements): return .set(try values(elements, depth: depth))
    case .dictionary(let all): return .dictionary(try pairs(all, depth: depth))
    case .object(let instance):
      var (module, name) = ("", "unknown")
      if case .global(let itsModule, let itsName) = machine.node(instance.callable) {
        (module, name) = (itsModule, itsName)
      }
      var arguments: [PickleValue] = []
      if case .tuple(let parts) = machine.node(instance.arguments) {
        arguments = try values(parts, depth: depth)
      }
      var state: PickleValue?
      if let reference = instance.state { state = try value(reference, depth: depth + 1) }
      return .object(
        PickleObject(
          module: module, name: name, arguments: arguments, state: state,
          elements: try values(instance.elements, depth: depth),
          pairs: try pairs(instance.pairs, depth: depth)))
    default: return .null
    }
  }

  private mutating func values(
    _ references: [PickleMachine.Reference], depth: Int
  ) throws(FileFormatError) -> [PickleValue] {
    var values: [PickleValue] = []
    values.reserveCapacity(references.count)
    for reference in references { values.append(try value(reference, depth: depth + 1)) }
    return values
  }

  private enum Key: Hashable {
    case string(String), int(Int)
  }

  /// A repeated key keeps its position and gets the later value, as in Python.
  private mutating func pairs(
    _ references: [PickleMachine.Reference], depth: Int
  ) throws(FileFormatError) -> [(key: PickleValue, value: PickleValue)] {
    var pairs: [(key: PickleValue, value: PickleValue)] = []
    pairs.reserveCapacity(references.count / 2)
    var places: [Key: Int] = [:]
    for index in stride(from: 0, to: references.count - 1, by: 2) {
      let key = try value(references[index], depth: depth + 1)
      let content = try value(references[index + 1], depth: depth + 1)
      let hashed: Key? =
        switch key {
        case .string(let text): .string(text)
        case .int(let number): .int(number)
        default: nil
        }
      if let hashed, let place = places[hashed] {
        pairs[place].value = content
      } else {
        if let hashed { places[hashed] = pairs.count }
        pairs.append((key, content))
      }
    }
    return pairs
  }

  // MARK: Tensors

  private mutating func bareStorage(_ storage: TorchStorage) throws(FileFormatError) -> PickleValue {
    guard let dtype = storage.dtype,
      let view = TorchView(
        storage, dtype: dtype, offset: 0, shape: [storage.window.count / dtype.byteCount], strides: [1])
    else {
      return .object(PickleObject(module: "torch", name: "storage of an unknown element type"))
    }
    return .tensor(try tensor(view))
  }

  private mutating func tensor(_ view: TorchView) throws(FileFormatError) -> HostTensor {
    if let known = views[view] { return known }
    byteBudget -= view.byteCount
    guard byteBudget >= 0 else {
      throw source.failure(
        "its tensors would take many times the file's length; save them without expanded views")
    }
    guard let location = locations[view.key], view.window.upperBound <= location.count else {
      throw source.failure(
        "the data of storage \(FileFormatError.quoted(view.key)) is missing or too short; fetch the file again"
      )
    }
    var bytes: [UInt8] = []
    if view.byteCount > 0, view.isContiguous {
      bytes = try source.bytes(
        at: location.lowerBound + view.window.lowerBound + view.offset * view.dtype.byteCount,
        count: view.byteCount)
    } else if view.byteCount > 0 {
      bytes = gathered(view, try wholeStorage(view.key, location))
    }
    let tensor = HostTensor(shape: view.shape, dtype: view.dtype, bytes: bytes.asElements(of: view.dtype))
    views[view] = tensor
    return tensor
  }

  private mutating func wholeStorage(
    _ key: String, _ location: Range<Int>
  ) throws(FileFormatError) -> [UInt8] {
    if let known = storageBytes[key] { return known }
    let bytes = try source.bytes(at: location.lowerBound, count: location.count)
    storageBytes[key] = bytes
    return bytes
  }

  /// Copies a view's elements contiguously; `TorchView` guarantees that all of them are in its window.
  private func gathered(_ view: TorchView, _ storage: [UInt8]) -> [UInt8] {
    let size = view.dtype.byteCount
    let rank = view.shape.count
    let innerLength = view.shape[rank - 1]
    let innerStride = view.strides[rank - 1] * size
    return [UInt8](unsafeUninitializedCapacity: view.byteCount) { buffer, initialized in
      storage.withUnsafeBytes { input in
        guard let target = buffer.baseAddress, let origin = input.baseAddress else { return }
        var index = [Int](repeating: 0, count: rank)
        var row = view.window.lowerBound + view.offset * size
        while initialized < view.byteCount {
          if innerStride == size {
            memcpy(target + initialized, origin + row, innerLength * size)
            initialized += innerLength * size
          } else {
            for element in 0..<innerLength {
              memcpy(target + initialized, origin + row + element * innerStride, size)
              initialized += size
            }
          }
          var dimension = rank - 2
          while dimension >= 0 {
            index[dimension] += 1
            row += view.strides[dimension] * size
            if index[dimension] < view.shape[dimension] { break }
            row -= index[dimension] * view.strides[dimension] * size
            index[dimension] = 0
            dimension -= 1
          }
        }
      }
    }
  }
}

extension [UInt8] {
  /// The same bytes, with every true of a bool tensor as 1, which the engine relies on and a file may
  /// violate.
  func asElements(of dtype: DType) -> [UInt8] {
    dtype == .bool && contains(where: { $0 > 1 }) ? map { $0 == 0 ? 0 : 1 } : self
  }
}
