import Foundation

/// PyTorch's format before 1.6: pickles of a magic number, a version, the system's sizes and the object,
/// then the keys of the storages, then each storage's length and bytes.
///
/// Source: `_legacy_save` of `torch/serialization.py`.
enum LegacyTorchFile {
  /// 0x1950a86a20f9469cfc6c, as the pickle machine stores a ten-byte integer: binary since pickle protocol 2,
  /// as digits before.
  private static let magic: [[UInt8]] = [
    [0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19], Array("119547037146038801333356".utf8),
  ]
  private static let version = 1001

  static func read(_ source: ByteSource) throws(FileFormatError) -> PickleValue {
    var position = 0
    var head = PickleMachine(source, range: 0..<source.count)
    guard case .longInt(let number) = head.node(try head.run()), magic.contains(number) else {
      throw source.failure("it is a pickle but not one of PyTorch's; save it again with torch.save")
    }
    position = head.position

    head = PickleMachine(source, range: position..<source.count)
    guard case .int(version) = head.node(try head.run()) else {
      throw source.failure("it has an unknown version of PyTorch's old format; save it again with torch.save")
    }
    position = head.position

    head = PickleMachine(source, range: position..<source.count)
    let system = try head.run()
    try checkByteOrder(head, system, source)
    position = head.position

    let machine = PickleMachine(source, range: position..<source.count)
    let root = try machine.run()
    position = machine.position

    head = PickleMachine(source, range: position..<source.count)
    let keys = try head.run()
    let locations = try locate(head, keys, storages: machine.storages, source)
    var conversion = PickleConversion(machine, source: source, locations: locations)
    return try conversion.value(root)
  }

  private static func checkByteOrder(
    _ machine: PickleMachine, _ reference: PickleMachine.Reference, _ source: ByteSource
  ) throws(FileFormatError) {
    guard case .dictionary(let pairs) = machine.node(reference) else {
      throw source.failure("its description of the system is missing; fetch it again")
    }
    for index in stride(from: 0, to: pairs.count - 1, by: 2) {
      if case .string("little_endian") = machine.node(pairs[index]),
        case .bool(false) = machine.node(pairs[index + 1])
      {
        throw source.failure(
          "it was written by a big-endian machine; load it with PyTorch and save it on this one")
      }
    }
  }

  private static func locate(
    _ machine: PickleMachine, _ keys: PickleMachine.Reference, storages: [String: TorchStorage],
    _ source: ByteSource
  ) throws(FileFormatError) -> [String: Range<Int>] {
    guard case .list(let references) = machine.node(keys) else {
      throw source.failure("its list of storages is missing; fetch it again")
    }
    var cursor = ByteCursor(source, range: machine.position..<source.count)
    var locations: [String: Range<Int>] = [:]
    for reference in references {
      guard case .string(let key) = machine.node(reference), let storage = storages[key],
        locations[key] == nil
      else {
        throw source.failure("its list of storages does not fit its tensors; fetch it again")
      }
      guard try cursor.unsigned(8) == UInt64(storage.byteCount / storage.elementSize) else {
        throw source.failure(
          "storage \(FileFormatError.quoted(key)) has another length than its tensors say; fetch it again")
      }
      let start = cursor.position
      try cursor.skip(storage.byteCount)
      locations[key] = start..<cursor.position
    }
    return locations
  }
}
