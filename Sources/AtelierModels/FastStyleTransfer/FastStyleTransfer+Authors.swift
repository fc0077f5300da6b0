public import AtelierCore
public import Torch
import TorchNN

extension FastStyleTransfer: ImportingSystem {
  /// Models of pytorch/examples, and generators of lengstrom's program.
  public static var foreignFiles: String {
    "*.pth and *.model of pytorch/examples fast_neural_style; raw arrays of lengstrom/fast-style-transfer"
  }

  /// Tells the network by its names, its width and blocks by its shapes.
  public static func recognise(_ files: [ForeignWeights]) throws -> ForeignModel {
    var form = Configuration.Generator.transformerNet
    var model = try ForeignModel(
      files.map { file in
        let tensors = ForeignTensors(file)
        guard tensors.shape("Variable", axes: 4) != nil else { return tensors }
        form = .lengstrom
        return try lengstromTensors(tensors)
      }, of: Self.self
    ) { form == .lengstrom || $0.has("conv1.conv2d.weight") ? "generator" : nil }
    try model.tell(from: "generator") { generator in
      let isLengstrom = form == .lengstrom
      return [
        "generator": .string(form.rawValue),
        "width": .integer(try generator.side(isLengstrom ? "down.0.weight" : "conv1.conv2d.weight", 0)),
        "blocks": .integer(
          isLengstrom
            ? generator.numbers("residuals.", ".first.").count
            : generator.count(beginningWith: "res", endingIn: ".conv1.conv2d.weight")),
      ]
    }
    return model
  }

  /// TensorFlow's variables in the order of their making: a kernel `[height, width, inputs, outputs]`
  /// (of transposed convolutions `[…, outputs, inputs]`), a shift and a scale for each convolution.
  private static func lengstromTensors(_ file: ForeignTensors) throws -> ForeignTensors {
    // Two further convolutions go down, two up, one makes the image; each block has two.
    let convolutions = file.entries.count / 3
    guard file.entries.count % 3 == 0, convolutions >= 6, convolutions % 2 == 0 else {
      throw ConfigurationError(
        "\(file.source) holds \(file.entries.count) arrays, which is not a kernel, a shift and a scale for "
          + "each convolution of lengstrom's network")
    }
    let blocks = (convolutions - 6) / 2
    let places =
      (0..<3).map { "down.\($0)" }
      + (0..<blocks).flatMap { ["residuals.\($0).first", "residuals.\($0).second"] }
      + ["up.0", "up.1", "output"]
    let parts = places.flatMap { place in ["weight", "shift", "scale"].map { "\(place).\($0)" } }
    let names = parts.enumerated().map { number, ours in
      (theirs: number == 0 ? "Variable" : "Variable_\(number)", ours: ours)
    }
    return try file.taking(names) { name, ours, tensor in
      guard ours.hasSuffix(".weight") else { return tensor }
      guard tensor.shape.count == 4 else {
        throw ConfigurationError("\(file.source): \(name) is no kernel but \(tensor.shape)")
      }
      return Tensor(tensor).permuted([3, 2, 0, 1]).contiguous().host()
    }
  }
}

extension FastStyleTransfer: ReferenceAnswering {
  /// Recorded batches, and the style's image that all of them share; the cases hold 0 … 255.
  public static func recordedSource(
    _ inputs: [String: Tensor], configuration: Configuration
  ) throws -> (any BatchSource)? {
    let content = try inputs.required("content")
    let style = inputs["style"]
    return RecordedImages(
      (0..<content.shape[0]).map { index in
        var tensors = ["content": content.selected(dim: 0, index: index) / 255]
        if let style { tensors["style"] = style / 255 }
        return Batch(tensors)
      })
  }
}
