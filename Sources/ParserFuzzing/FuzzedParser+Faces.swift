import AtelierData
import AtelierMedia
import Foundation
import Perception

/// What belongs to faces: their table, and the weights of their networks.
extension FuzzedParser {
  private static func record(_ frame: Int) throws -> Data {
    let face = Face(
      box: FaceBox(left: 1, top: 2, right: 9, bottom: 12),
      landmarks: FaceLandmarks(
        leftEye: FacePoint(x: 3, y: 5), rightEye: FacePoint(x: 7, y: 5.5), nose: FacePoint(x: 5, y: 7),
        leftMouth: FacePoint(x: 3.5, y: 9), rightMouth: FacePoint(x: 6.5, y: 9)), score: 0.5)
    guard let alignment = FaceAlignment(face, as: .arcface, width: 8, height: 8) else { return Data() }
    return try FaceTable.line(
      FaceRecord(
        file: "a/b.png", source: "c.mp4", frame: frame, imageWidth: 16, imageHeight: 16, face: face,
        alignment: alignment, layout: .arcface, sharpness: 3, pose: FacePose(face.landmarks), identity: "a",
        track: 1))
  }

  /// An array of 3 × 4 in blocks of two 8-bit numbers, reshaped, and one of two plain numbers.
  private static let onnx: [UInt8] = {
    func joined(_ parts: [[UInt8]]) -> [UInt8] { Array(parts.joined()) }
    func field(_ number: UInt8, _ parts: [[UInt8]]) -> [UInt8] {
      let bytes = joined(parts)
      return joined([[number << 3 | 2, UInt8(bytes.count)], bytes])
    }
    func text(_ number: UInt8, _ text: String) -> [UInt8] { field(number, [Array(text.utf8)]) }
    func array(_ name: String, _ type: UInt8, _ shape: [UInt8], _ raw: [UInt8]) -> [UInt8] {
      field(5, [shape.flatMap { [8, $0] }, [16, type], text(8, name), field(9, [raw])])
    }
    func attribute(_ name: String, _ value: UInt8) -> [UInt8] { field(5, [text(1, name), [24, value]]) }
    func node(_ operation: String, _ inputs: [String], _ output: String, _ rest: [[UInt8]]) -> [UInt8] {
      field(1, inputs.map { text(1, $0) } + [text(2, output), text(4, operation)] + rest)
    }
    let one: [UInt8] = [0, 0, 128, 63]
    let graph = joined([
      node("DequantizeLinear", ["q", "s", "z"], "a", [attribute("axis", 1), attribute("block_size", 2)]),
      node("Reshape", ["a", "t"], "b", []),
      array("q", 3, [3, 4], [UInt8](0..<12)),
      array("s", 1, [3, 2], joined([one, one, one, one, one, one])),
      array("z", 3, [3, 2], [0, 1, 2, 3, 4, 5]),
      array("t", 7, [2], [6, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]),
      field(5, [[8, 2, 16, 1], text(8, "plain"), field(4, [one, one])]),
    ])
    // The graph is longer than a length of one byte says.
    return joined([[58, UInt8(graph.count & 127 | 128), UInt8(graph.count >> 7)], graph])
  }()

  /// A convolution of 1 × 1 with slopes, as a FlatBuffer whose tables are written one after the other.
  private static let tflite: [UInt8] = {
    var bytes: [UInt8] = []
    func put(_ value: Int, _ width: Int, at place: Int? = nil) {
      let own = (0..<width).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
      if let place { bytes.replaceSubrange(place..<(place + width), with: own) } else { bytes += own }
    }
    /// A table of fields of four bytes, and where it lies: nil is a field that is not there.
    func table(_ fields: [Int?]) -> (place: Int, fields: Int) {
      put(4 + 2 * fields.count, 2)
      put(4 + 4 * fields.count, 2)
      for (index, field) in fields.enumerated() { put(field == nil ? 0 : 4 + 4 * index, 2) }
      while bytes.count % 4 != 0 { bytes.append(0) }
      let place = bytes.count
      put((4 + 2 * fields.count + 3) / 4 * 4, 4)
      for field in fields { put(field ?? 0, 4) }
      return (place, place + 4)
    }
    func refer(_ field: Int) { put(bytes.count - field, 4, at: field) }
    func list(_ values: [Int]) {
      put(values.count, 4)
      for value in values { put(value, 4) }
    }
    func tables(_ count: Int, _ make: (Int) -> Int) {
      let start = bytes.count
      list(Array(repeating: 0, count: count))
      for index in 0..<count {
        let place = make(index)
        put(place - (start + 4 + 4 * index), 4, at: start + 4 + 4 * index)
      }
    }
    put(0, 4)
    bytes += Array("TFL3".utf8)
    let model = table([3, 0, 0, nil, 0])
    put(model.place, 4, at: 0)
    refer(model.fields + 4)
    tables(2) { table([[3, 54][$0]]).place }
    refer(model.fields + 8)
    tables(1) { _ in
      let graph = table([0, nil, nil, 0])
      refer(graph.fields)
      let shapes = [[1, 1, 1, 1], [1, 1, 1, 1], [1], [1, 1, 1]]
      tables(4) { index in
        let tensor = table([0, 0, index])
        refer(tensor.fields)
        list(shapes[index])
        return tensor.place
      }
      refer(graph.fields + 12)
      tables(2) { index in
        let operation = table([index, 0])
        refer(operation.fields + 4)
        list(index == 0 ? [0, 1, 2] : [0, 3])
        return operation.place
      }
      return graph.place
    }
    refer(model.fields + 16)
    tables(4) { index in
      let data = table([0])
      refer(data.fields)
      put(4, 4)
      put(0x3F80_0000, 4)
      return data.place
    }
    return bytes
  }()

  static let faces: [FuzzedParser] = [
    FuzzedParser("faces-table") {
      [[UInt8](try record(0) + record(7)), [UInt8](try record(123_456).dropLast())]
    } read: { folder, bytes in
      _ = try folder.file(FaceTable.fileName, bytes)
      _ = try FaceTable.records(in: folder.url)
    },
    FuzzedParser("onnx", longest: 1024) {
      [onnx]
    } read: { folder, bytes in
      _ = try ONNXWeights.tensors(of: try folder.file("input.onnx", bytes))
    },
    FuzzedParser("tflite", longest: 1024) {
      [tflite]
    } read: { folder, bytes in
      _ = try TFLiteWeights.layers(of: try folder.file("input.tflite", bytes))
    },
  ]
}
