public import Foundation

/// Reads plain pickles, such as numpy arrays in dictionaries; nothing from the file is executed.
///
/// For PyTorch's files see ``TorchFile``.
public enum PickleFile {
  /// Reads a whole file.
  ///
  /// Arrays are returned as inert objects, which ``PickleValue/tensorValue`` converts.
  ///
  /// - Throws: `FileFormatError` when the file is missing, damaged or no pickle.
  public static func read(_ url: URL) throws(FileFormatError) -> PickleValue {
    let source = try ByteSource(url)
    guard try source.bytes(at: 0, count: min(1, source.count)).first == 0x80 else {
      throw source.failure("it is not a pickle of protocol 2 or later")
    }
    let machine = PickleMachine(source, range: 0..<source.count)
    let root = try machine.run()
    var conversion = PickleConversion(machine, source: source, locations: [:])
    return try conversion.value(root)
  }
}

extension PickleObject {
  /// The tensor of a pickled numpy array: `_reconstruct` with the state (version, shape, type, is Fortran
  /// order, bytes), or `_frombuffer` with (bytes, type, shape, order) of protocol 5.
  ///
  /// - Returns: nil for anything else, and for types and byte orders that tensors do not have.
  var arrayValue: HostTensor? {
    switch (module, name) {
    case ("numpy.core.multiarray", "_reconstruct"), ("numpy._core.multiarray", "_reconstruct"):
      guard case .tuple(let state)? = state, state.count == 5 else { return nil }
      return Self.array(state[4], type: state[2], shape: state[1], isFortran: state[3].boolValue ?? false)
    case ("numpy.core.numeric", "_frombuffer"), ("numpy._core.numeric", "_frombuffer"):
      guard let arguments, arguments.count == 4 else { return nil }
      return Self.array(
        arguments[0], type: arguments[1], shape: arguments[2], isFortran: arguments[3].stringValue == "F")
    default: return nil
    }
  }

  private static func array(
    _ content: PickleValue, type: PickleValue, shape: PickleValue, isFortran: Bool
  ) -> HostTensor? {
    guard case .bytes(let bytes) = content, case .object(let type) = type, let dtype = type.arrayType,
      let lengths = shape.elements?.map(\.intValue)
    else { return nil }
    let shape = lengths.compactMap(\.self)
    guard shape.count == lengths.count, shape.count <= HostTensor.maximumRank,
      HostTensor.byteCount(shape: shape, dtype: dtype) == bytes.count
    else { return nil }
    let elements = bytes.asElements(of: dtype)
    guard isFortran, shape.count > 1 else { return HostTensor(shape: shape, dtype: dtype, bytes: elements) }
    let reversed = HostTensor(shape: shape.reversed(), dtype: dtype, bytes: elements)
    return Tensor(reversed).permuted(Array(shape.indices.reversed())).contiguous().host()
  }

  /// The element type of a pickled `numpy.dtype`; nil for big-endian and unsupported ones.
  private var arrayType: DType? {
    let types: [String: DType] = [
      "f2": .float16, "f4": .float32, "f8": .float64, "i1": .int8, "i2": .int16, "i4": .int32, "i8": .int64,
      "u1": .uint8, "b1": .bool,
    ]
    guard module == "numpy", name == "dtype", let code = arguments?.first?.stringValue,
      let type = types[code]
    else { return nil }
    if case .tuple(let state)? = state, state.count > 1, state[1].stringValue == ">" { return nil }
    return type
  }
}
