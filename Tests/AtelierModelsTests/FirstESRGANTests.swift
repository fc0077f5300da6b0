import AtelierCore
import AtelierModels
import Foundation
import Testing
import Torch
import TorchNN

/// Files of ESRGAN's first code, whose layers are numbered.
@Suite struct FirstESRGANTests {
  /// A state dictionary of 4 channels, 2 blocks and growth 2 whose values are a formula's; PyTorch computed what its
  /// network makes of them.
  private func file(scale: Int) -> ForeignWeights {
    let (width, growth) = (4, 2)
    var shapes: [(String, [Int])] = []
    func convolution(_ name: String, _ inputs: Int, _ outputs: Int) {
      shapes.append((name + ".weight", [outputs, inputs, 3, 3]))
      shapes.append((name + ".bias", [outputs]))
    }
    convolution("model.0", 3, width)
    for block in 0..<2 {
      for dense in 1...3 {
        for layer in 1...5 {
          convolution(
            "model.1.sub.\(block).RDB\(dense).conv\(layer).0", width + (layer - 1) * growth,
            layer == 5 ? width : growth)
        }
      }
    }
    convolution("model.1.sub.2", width, width)
    let doublings = scale.trailingZeroBitCount
    for doubling in 0..<doublings { convolution("model.\(3 + 3 * doubling)", width, width) }
    convolution("model.\(2 + 3 * doublings)", width, width)
    convolution("model.\(4 + 3 * doublings)", width, 3)
    let tensors = shapes.enumerated().map { number, entry in
      let count = entry.1.reduce(1, *)
      let values = (0..<count).map { Float(0.2 * sin(0.7 * Double($0) + 1.3 * Double(number) + 0.1)) }
      return (name: entry.0, tensor: HostTensor(values, shape: entry.1))
    }
    return ForeignWeights(url: URL(fileURLWithPath: "/x/4x_Community.pth"), tensors: tensors)
  }

  private var image: Tensor {
    Tensor((0..<36).map { Float(0.5 + 0.5 * sin(0.9 * Double($0))) }, shape: [1, 3, 3, 4])
  }

  @Test(arguments: [
    (1, [-1.359992, -1.626547, -0.053991, -5.315113] as [Float], -0.525252),
    (2, [0.185856, 0.087973, 4.05188, -0.877623], -0.175759),
    (4, [-0.011875, -0.013043, 8.787386, -2.74958], 0.066405),
    (8, [0.122473, 0.183151, -9.276874, -0.54882], 0.223487),
  ])
  func numberedLayersGiveTheNumbersOfPyTorch(scale: Int, some: [Float], mean: Double) throws {
    let (system, untouched) = try ESRGAN.importing([file(scale: scale)], using: RandomStream(seed: 1))
    #expect(untouched == ["discriminator"] && system.configuration.scale == scale)
    let generator = try #require(system.network("generator"))
    let output = try #require(
      try generator.module.evaluating {
        try withoutGradients { try generator.forward(nil, ["image": image]) }
      }["image"])
    #expect(output.shape == [1, 3, 3 * scale, 4 * scale])
    let values = output.flattened(from: 0).floats()
    let places = [0, values.count / 3, values.count / 2 + 1, values.count - 1]
    for (place, expected) in zip(places, some) {
      #expect(abs(values[place] - expected) < 1e-4 * max(1, abs(expected)), "×\(scale)")
    }
    #expect(abs(output.mean().item() - mean) < 1e-4 * max(1, abs(mean)))
  }

  @Test func weightsWithNaNAreRefusedByName() throws {
    let sound = file(scale: 2)
    let tensors = sound.tensors.map { name, tensor in
      name == "model.1.sub.1.RDB2.conv3.0.bias"
        ? (name: name, tensor: HostTensor([Float.nan, 1], shape: [2])) : (name: name, tensor: tensor)
    }
    let error = #expect(throws: FileFormatError.self) {
      try ESRGAN.importing(
        [ForeignWeights(url: sound.url, tensors: tensors)], using: RandomStream(seed: 1))
    }
    #expect(
      "\(error as Any)".contains("model.1.sub.1.RDB2.conv3.0.bias") && "\(error as Any)".contains("NaN"))
  }
}
