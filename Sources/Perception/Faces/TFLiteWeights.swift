package import Foundation
package import Torch

/// The layers with weights of a TFLite file, in the file's order.
///
/// A foreign file: it is a FlatBuffer, whose every offset and length is checked before it is used. Nothing of its graph is
/// run; it may hold convolutions, depthwise convolutions, PReLU, sums, max pools and padding, all in float32, and a file
/// with anything else is refused.
package enum TFLiteWeights {
  /// The most bytes of a file.
  private static let limit = 1 << 26

  /// A layer with weights.
  package struct Layer: Sendable {
    /// What it computes.
    package enum Kind: Sendable, Hashable { case convolution, depthwise, slope }

    /// What it computes.
    package let kind: Kind
    /// Pixels from one window to the next; 1 for slopes.
    package let stride: Int
    /// Of a convolution `[outputs, inputs, height, width]`, of a depthwise one `[channels, 1, height, width]`, of slopes
    /// `[channels]`.
    package let weight: HostTensor
    /// `[outputs]`; nil for slopes.
    package let bias: HostTensor?
  }

  /// The layers of a file.
  ///
  /// - Throws: ``PerceptionError/unusable(path:reason:)``.
  package static func layers(of file: URL) throws -> [Layer] {
    func refuse(_ reason: String) -> PerceptionError { .unusable(path: file.path, reason: reason) }
    let attributes = try? FileManager.default.attributesOfItem(atPath: file.path)
    guard let size = attributes?[.size] as? Int, size <= limit, let data = try? Data(contentsOf: file) else {
      throw refuse("it cannot be read, or is larger than \(limit >> 20) MiB")
    }
    do { return try layers(in: [UInt8](data)) } catch let fault as FlatBufferFault {
      throw refuse(fault.reason)
    }
  }

  /// The layers of a file's bytes.
  ///
  /// - Throws: ``FlatBufferFault``.
  package static func layers(in bytes: [UInt8]) throws(FlatBufferFault) -> [Layer] {
    let buffer = FlatBuffer(bytes)
    guard bytes.count >= 8, Array(bytes[4..<8]) == Array("TFL3".utf8) else {
      throw FlatBufferFault("it is no TFLite file")
    }
    let model = FlatTable(buffer, at: Int(try buffer.word(at: 0)))
    let codes = try model.tables(1).map { code throws(FlatBufferFault) in
      max(try code.byte(0), try code.integer(3))
    }
    let graphs = try model.tables(2)
    guard graphs.count == 1 else { throw FlatBufferFault("it holds \(graphs.count) graphs instead of one") }
    let constants = Constants(tensors: try graphs[0].tables(0), buffers: try model.tables(4))
    var layers: [Layer] = []
    for operation in try graphs[0].tables(3) {
      let index = try operation.integer(0)
      guard codes.indices.contains(index) else {
        throw FlatBufferFault("it names an operation that it lacks")
      }
      if let layer = try layer(operation, code: codes[index], constants) { layers.append(layer) }
    }
    return layers
  }

  /// The arrays of a file.
  private struct Constants {
    let tensors: [FlatTable]
    let buffers: [FlatTable]

    /// The numbers of a tensor with its shape.
    func values(_ index: Int) throws(FlatBufferFault) -> (values: [Float], shape: [Int]) {
      guard tensors.indices.contains(index) else { throw FlatBufferFault("it names an array that it lacks") }
      let tensor = tensors[index]
      let place = try tensor.integer(2)
      guard try tensor.byte(1) == 0, try tensor.position(6) == nil, buffers.indices.contains(place) else {
        throw FlatBufferFault("its array \(index) is not of plain float32 numbers")
      }
      let (shape, values) = (try tensor.integers(0), try buffers[place].floats(0))
      var count = 1
      for length in shape {
        guard (1...(1 << 24)).contains(length), count <= 1 << 24 else {
          throw FlatBufferFault("its array \(index) has the shape \(shape.prefix(8))")
        }
        count *= length
      }
      guard (1...8).contains(shape.count), values.count == count else {
        throw FlatBufferFault(
          "its array \(index) has \(values.count) numbers, and not the \(count) of its shape")
      }
      return (values, shape)
    }
  }

  /// The layer of an operation; nil for one without weights.
  private static func layer(
    _ operation: FlatTable, code: Int, _ constants: Constants
  ) throws(FlatBufferFault) -> Layer? {
    let inputs = try operation.integers(1)
    let options = try operation.table(4)
    func require(_ holds: Bool, _ what: String) throws(FlatBufferFault) {
      if !holds { throw FlatBufferFault("it has \(what), which is not read") }
    }
    /// Field `first` is followed by that of the other direction.
    func equal(_ first: Int, default value: Int) throws(FlatBufferFault) -> Int {
      let (one, other) = (
        try options?.integer(first, default: value) ?? value,
        try options?.integer(first + 1, default: value) ?? value
      )
      try require(
        one == other && (1...8).contains(one), "strides or dilations that differ in height and width")
      return one
    }
    switch code {
    case 3, 4:
      let isDepthwise = code == 4
      let stride = try equal(1, default: 1)
      let dilation = try equal(isDepthwise ? 5 : 4, default: 1)
      try require(dilation == 1, "a dilated convolution")
      try require((try options?.byte(isDepthwise ? 4 : 3) ?? 0) == 0, "an activation within a convolution")
      try require(inputs.count == 3, "a convolution without bias")
      let (weight, shape) = try constants.values(inputs[1])
      let (bias, length) = try constants.values(inputs[2])
      let outputs = shape.count == 4 ? shape[isDepthwise ? 3 : 0] : 0
      try require(shape.count == 4 && length == [outputs], "a convolution of the shape \(shape)")
      try require(!isDepthwise || shape[0] == 1, "a depthwise convolution of the shape \(shape)")
      // [outputs, height, width, inputs] or [1, height, width, channels], with channels last.
      let (height, width, depth) = (shape[1], shape[2], isDepthwise ? 1 : shape[3])
      var values = [Float](repeating: 0, count: weight.count)
      for output in 0..<outputs {
        for y in 0..<height {
          for x in 0..<width {
            for input in 0..<depth {
              let from =
                isDepthwise
                ? (y * width + x) * outputs + output : ((output * height + y) * width + x) * depth + input
              values[((output * depth + input) * height + y) * width + x] = weight[from]
            }
          }
        }
      }
      return Layer(
        kind: isDepthwise ? .depthwise : .convolution, stride: stride,
        weight: HostTensor(values, shape: [outputs, depth, height, width]),
        bias: HostTensor(bias, shape: [outputs]))
    case 54:
      try require(inputs.count == 2, "a PReLU without slopes")
      let (slopes, shape) = try constants.values(inputs[1])
      try require(shape.last == slopes.count, "slopes of the shape \(shape)")
      return Layer(kind: .slope, stride: 1, weight: HostTensor(slopes, shape: [slopes.count]), bias: nil)
    case 0, 17, 34: return nil
    default: throw FlatBufferFault("it has the operation \(code) of TFLite, which is not read")
    }
  }
}

/// Why bytes are not the FlatBuffer that they should be.
package struct FlatBufferFault: Error {
  package let reason: String

  init(_ reason: String) { self.reason = reason }

  fileprivate static let damaged = FlatBufferFault("it is damaged or cut short")
}

/// The bytes of a FlatBuffer; every place is checked before it is read.
struct FlatBuffer {
  private let bytes: [UInt8]

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// Whether so many bytes lie at a place.
  func holds(_ count: Int, at place: Int) -> Bool {
    place >= 0 && count >= 0 && place <= bytes.count && count <= bytes.count - place
  }

  private func load<Value: FixedWidthInteger>(_ place: Int, as type: Value.Type) throws(FlatBufferFault)
    -> Value
  {
    guard holds(MemoryLayout<Value>.size, at: place) else { throw .damaged }
    return bytes.withUnsafeBytes {
      Value(littleEndian: $0.loadUnaligned(fromByteOffset: place, as: Value.self))
    }
  }

  func byte(at place: Int) throws(FlatBufferFault) -> Int { Int(try load(place, as: Int8.self)) }
  func short(at place: Int) throws(FlatBufferFault) -> Int { Int(try load(place, as: UInt16.self)) }
  func integer(at place: Int) throws(FlatBufferFault) -> Int { Int(try load(place, as: Int32.self)) }
  func word(at place: Int) throws(FlatBufferFault) -> UInt32 { try load(place, as: UInt32.self) }

  /// Float32 numbers that lie at a place.
  func floats(_ count: Int, at place: Int) throws(FlatBufferFault) -> [Float] {
    guard count >= 0, count <= bytes.count / 4, holds(4 * count, at: place) else { throw .damaged }
    return bytes.withUnsafeBytes { raw in
      (0..<count).map {
        Float(
          bitPattern: UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: place + 4 * $0, as: UInt32.self))
        )
      }
    }
  }
}

/// A table of a FlatBuffer.
struct FlatTable {
  private let buffer: FlatBuffer
  private let place: Int

  init(_ buffer: FlatBuffer, at place: Int) { (self.buffer, self.place) = (buffer, place) }

  /// Where a field lies; nil where the table does not have it.
  func position(_ field: Int) throws(FlatBufferFault) -> Int? {
    let listing = place - (try buffer.integer(at: place))
    let size = try buffer.short(at: listing)
    guard 4 + 2 * field + 2 <= size else { return nil }
    let offset = try buffer.short(at: listing + 4 + 2 * field)
    return offset == 0 ? nil : place + offset
  }

  func byte(_ field: Int) throws(FlatBufferFault) -> Int {
    guard let position = try position(field) else { return 0 }
    return try buffer.byte(at: position)
  }

  func integer(_ field: Int, default value: Int = 0) throws(FlatBufferFault) -> Int {
    guard let position = try position(field) else { return value }
    return try buffer.integer(at: position)
  }

  /// What a field refers to; nil where the table does not have it.
  private func target(_ field: Int) throws(FlatBufferFault) -> Int? {
    guard let position = try position(field) else { return nil }
    return position + Int(try buffer.word(at: position))
  }

  func table(_ field: Int) throws(FlatBufferFault) -> FlatTable? {
    try target(field).map { FlatTable(buffer, at: $0) }
  }

  /// The elements of a vector, of so many bytes each: where they begin, and how many there are.
  private func vector(_ field: Int, width: Int) throws(FlatBufferFault) -> (first: Int, count: Int) {
    guard let target = try target(field) else { return (0, 0) }
    let count = Int(try buffer.word(at: target))
    guard count <= 1 << 26, buffer.holds(count * width, at: target + 4) else { throw .damaged }
    return (target + 4, count)
  }

  func tables(_ field: Int) throws(FlatBufferFault) -> [FlatTable] {
    let (first, count) = try vector(field, width: 4)
    var tables: [FlatTable] = []
    for index in 0..<count {
      let place = first + 4 * index
      tables.append(FlatTable(buffer, at: place + Int(try buffer.word(at: place))))
    }
    return tables
  }

  func integers(_ field: Int) throws(FlatBufferFault) -> [Int] {
    let (first, count) = try vector(field, width: 4)
    var values: [Int] = []
    for index in 0..<count { values.append(try buffer.integer(at: first + 4 * index)) }
    return values
  }

  /// A vector of bytes as float32 numbers.
  func floats(_ field: Int) throws(FlatBufferFault) -> [Float] {
    let (first, count) = try vector(field, width: 1)
    guard count % 4 == 0 else { throw FlatBufferFault("its arrays are cut short") }
    return try buffer.floats(count / 4, at: first)
  }
}
