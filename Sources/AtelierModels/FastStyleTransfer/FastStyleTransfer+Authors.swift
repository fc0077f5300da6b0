public import AtelierCore
import Foundation
public import Torch
import TorchNN

extension FastStyleTransfer: ImportingSystem {
  /// Models of pytorch/examples, and generators of lengstrom's program.
  public static var foreignFiles: String {
    "*.pth and *.model of pytorch/examples fast_neural_style; raw arrays of lengstrom/fast-style-transfer"
  }

  /// Tells the network by its names, its width and blocks by its shapes.
  public static func recognise(_ files: [ForeignWeights]) throws -> ForeignModel {
    guard let file = files.first, files.count == 1 else {
      throw ConfigurationError("fast-style-transfer is one network; give one file, not \(files.count)")
    }
    if let first = file["conv1.conv2d.weight"] { return transformerNet(file, first) }
    if let first = file["Variable"], first.shape.count == 4 { return try lengstrom(file, first) }
    throw ConfigurationError(
      "\(file.url.path) is none of the networks that fast-style-transfer knows: \(foreignFiles)")
  }

  private static func transformerNet(_ file: ForeignWeights, _ first: HostTensor) -> ForeignModel {
    let blocks = file.tensors.filter { $0.name.hasPrefix("res") && $0.name.hasSuffix(".conv1.conv2d.weight") }
      .count
    return ForeignModel(
      configuration: [
        "generator": "transformer-net", "width": .integer(first.shape.first ?? 0), "blocks": .integer(blocks),
      ],
      networks: ["generator": file.tensors])
  }

  /// TensorFlow's variables in the order of their making: a kernel `[height, width, inputs, outputs]`
  /// (of transposed convolutions `[…, outputs, inputs]`), a shift and a scale for each convolution.
  private static func lengstrom(_ file: ForeignWeights, _ first: HostTensor) throws -> ForeignModel {
    // Two further convolutions go down, two up, one makes the image; each block has two.
    let convolutions = file.tensors.count / 3
    let blocks = (convolutions - 6) / 2
    guard file.tensors.count % 3 == 0, convolutions >= 6, convolutions % 2 == 0 else {
      throw ConfigurationError(
        "\(file.url.path) holds \(file.tensors.count) arrays, which is not a kernel, a shift and a scale for "
          + "each convolution of lengstrom's network")
    }
    let places =
      (0..<3).map { "down.\($0)" }
      + (0..<blocks).flatMap { ["residuals.\($0).first", "residuals.\($0).second"] }
      + ["up.0", "up.1", "output"]
    var tensors: [(name: String, tensor: HostTensor)] = []
    for (index, place) in places.enumerated() {
      func variable(_ offset: Int) throws -> HostTensor {
        let number = 3 * index + offset
        guard let tensor = file[number == 0 ? "Variable" : "Variable_\(number)"] else {
          throw ConfigurationError("\(file.url.path) lacks Variable_\(number)")
        }
        return tensor
      }
      let kernel = try variable(0)
      guard kernel.shape.count == 4 else {
        throw ConfigurationError("\(file.url.path): Variable_\(3 * index) is no kernel but \(kernel.shape)")
      }
      tensors.append((place + ".weight", Tensor(kernel).permuted([3, 2, 0, 1]).contiguous().host()))
      tensors.append((place + ".shift", try variable(1)))
      tensors.append((place + ".scale", try variable(2)))
    }
    return ForeignModel(
      configuration: [
        "generator": "lengstrom", "width": .integer(first.shape[3]), "blocks": .integer(blocks),
      ],
      networks: ["generator": tensors])
  }
}

extension FastStyleTransfer: ReferenceAnswering {
  /// Recorded batches, and the style's image that all of them share; the cases hold 0 … 255.
  public static func recordedSource(
    _ inputs: [String: Tensor], configuration: Configuration
  ) throws -> (any BatchSource)? {
    let content = try inputs.required("content")
    let style = inputs["style"]
    return RecordedPictures(
      (0..<content.shape[0]).map { index in
        var tensors = ["content": content.selected(dim: 0, index: index) / 255]
        if let style { tensors["style"] = style / 255 }
        return Batch(tensors)
      })
  }
}
