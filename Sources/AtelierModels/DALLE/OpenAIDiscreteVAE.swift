import Foundation
import Torch
import TorchNN

/// The encoder of openai/DALL-E: a convolution of 7 pixels, four groups of residual blocks with a pooling by 2 behind
/// the first three, and scores of the vocabulary at each place.
final class OpenAIEncoder: Module {
  let input: Conv2d
  private let groups: [[OpenAIBlock]]
  let output: Conv2d

  init(channels: Int, hidden: Int, blocks: Int, vocabulary: Int, using stream: RandomStream) {
    input = OpenAIBlock.convolution(channels, hidden, 7, stream)
    groups = OpenAIBlock.groups(
      widths: [1, 2, 4, 8].map { $0 * hidden }, from: hidden, blocks: blocks, kernels: [3, 3, 3, 1],
      using: stream)
    output = OpenAIBlock.convolution(8 * hidden, vocabulary, 1, stream)
    super.init()
  }

  /// Scores `[batch, vocabulary, height / 8, width / 8]` of images in the range of ``LogitLaplace/mapped(_:)``.
  func callAsFunction(_ image: Tensor) -> Tensor {
    var x = input(image)
    for (index, group) in groups.enumerated() {
      for block in group { x = block(x) }
      if index < 3 { x = maxPool2d(x, kernelSize: (2, 2)) }
    }
    return output(x.relu())
  }
}

/// The decoder of openai/DALL-E: the encoder's mirror, which gives the parameters of each pixel's distribution.
final class OpenAIDecoder: Module {
  let input: Conv2d
  private let groups: [[OpenAIBlock]]
  let output: Conv2d

  init(
    channels: Int, initial: Int, hidden: Int, blocks: Int, vocabulary: Int, using stream: RandomStream
  ) {
    input = OpenAIBlock.convolution(vocabulary, initial, 1, stream)
    groups = OpenAIBlock.groups(
      widths: [8, 4, 2, 1].map { $0 * hidden }, from: initial, blocks: blocks, kernels: [1, 3, 3, 3],
      using: stream)
    output = OpenAIBlock.convolution(hidden, 2 * channels, 1, stream)
    super.init()
  }

  /// Locations, then logarithms of scales, `[batch, 2 * channels, height, width]`, of codes
  /// `[batch, vocabulary, height / 8, width / 8]`.
  func callAsFunction(_ codes: Tensor) -> Tensor {
    var x = input(codes)
    for (index, group) in groups.enumerated() {
      for block in group { x = block(x) }
      if index < 3 { x = enlarged(x, by: 2) }
    }
    return output(x.relu())
  }
}

/// Four convolutions of a quarter of the width beside the identity, added with the weight 1 / (number of blocks)².
final class OpenAIBlock: Module {
  private let shortcut: Conv2d?
  private let convolutions: [Conv2d]
  private let gain: Double

  private init(_ inputs: Int, _ outputs: Int, kernels: [Int], gain: Double, using stream: RandomStream) {
    self.gain = gain
    let inner = max(1, outputs / 4)
    shortcut = inputs == outputs ? nil : Self.convolution(inputs, outputs, 1, stream)
    let widths = [inputs, inner, inner, inner, outputs]
    convolutions = kernels.enumerated().map { index, kernel in
      Self.convolution(widths[index], widths[index + 1], kernel, stream)
    }
    super.init()
  }

  static func groups(
    widths: [Int], from first: Int, blocks: Int, kernels: [Int], using stream: RandomStream
  ) -> [[OpenAIBlock]] {
    let gain = 1 / Double(widths.count * blocks * widths.count * blocks)
    var present = first
    return widths.map { width in
      (0..<blocks).map { _ in
        defer { present = width }
        return OpenAIBlock(present, width, kernels: kernels, gain: gain, using: stream)
      }
    }
  }

  /// Weights of N(0, 1 / (inputs · kernel²)) and a bias of zeros, as the reference draws them.
  static func convolution(_ inputs: Int, _ outputs: Int, _ kernel: Int, _ stream: RandomStream) -> Conv2d {
    let layer = Conv2d(
      inputChannels: inputs, outputChannels: outputs, kernelSize: kernel, padding: (kernel - 1) / 2,
      using: stream)
    let weight = layer.weight.detached()
    weight.copy(from: stream.normal(weight.shape) * (1 / Double(inputs * kernel * kernel).squareRoot()))
    layer.bias?.detached().fill(0)
    return layer
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    var inner = x
    for convolution in convolutions { inner = convolution(inner.relu()) }
    return (shortcut?(x) ?? x) + inner * gain
  }

  /// Our names and those of openai/DALL-E.
  ///
  /// - Parameters:
  ///   - blocks: blocks a group.
  ///   - ours: what stands before our names, with its dot.
  static func authorsNames(blocks: Int, ours: String = "", theirs: String = "") -> [String: String] {
    var names = ["\(ours)input": "\(theirs)blocks.input", "\(ours)output": "\(theirs)blocks.output.conv"]
    for group in 0..<4 {
      for block in 0..<blocks {
        let (own, other) = (
          "\(ours)groups.\(group).\(block)", "\(theirs)blocks.group_\(group + 1).block_\(block + 1)"
        )
        names["\(own).shortcut"] = "\(other).id_path"
        for layer in 0..<4 {
          names["\(own).convolutions.\(layer)"] = "\(other).res_path.conv_\(layer + 1)"
        }
      }
    }
    return names
  }

  /// The reference calls weights `w` and biases `b`.
  static let authorsComponents = ["weight": "w", "bias": "b"]
}

/// The distribution of pixels between 0 and 1 of openai/DALL-E: Laplace's, of their logits. Ramesh et al. 2021,
/// "Zero-Shot Text-to-Image Generation", appendix A.3.
enum LogitLaplace {
  private static let margin = 0.1

  /// Images in 0 … 1 away from both ends, where the density is infinite.
  static func mapped(_ image: Tensor) -> Tensor { image * (1 - 2 * margin) + margin }

  /// Images in 0 … 1 of the decoder's statistics: the location's.
  static func image(of statistics: Tensor) -> Tensor {
    let location = statistics.slice(1, 0, statistics.shape[1] / 2).sigmoid()
    return ((location - margin) / (1 - 2 * margin)).clamped(min: 0, max: 1)
  }

  /// The negative log-density of mapped images, the mean in nats a value.
  static func loss(_ statistics: Tensor, _ mapped: Tensor) -> Tensor {
    let channels = statistics.shape[1] / 2
    let location = statistics.slice(1, 0, channels)
    let logScale = statistics.slice(1, channels, 2 * channels)
    let logit = mapped.log() - (1 - mapped).log()
    let density =
      (mapped * (1 - mapped)).log() + logScale + log(2) + (logit - location).abs() / logScale.exp()
    return density.mean()
  }
}

/// The autoencoder of openai/DALL-E.
final class OpenAIDiscreteVAE: Module, ImageCodes {
  let encoder: OpenAIEncoder
  let decoder: OpenAIDecoder
  private let vocabulary: Int

  init(encoder: OpenAIEncoder, decoder: OpenAIDecoder, vocabulary: Int) {
    (self.encoder, self.decoder, self.vocabulary) = (encoder, decoder, vocabulary)
    super.init()
  }

  func scores(of image: Tensor) -> Tensor { encoder(LogitLaplace.mapped(image)) }

  func codes(of image: Tensor) -> Tensor { scores(of: image).argmax(dim: 1).flattened(from: 1) }

  /// The decoder's statistics of code numbers `[batch, height, width]`.
  func statistics(of codes: Tensor) -> Tensor {
    decoder(codes.oneHot(vocabulary).permuted([0, 3, 1, 2]).asType(.float32))
  }

  func image(of codes: Tensor) -> Tensor {
    let side = Int(Double(codes.shape[1]).squareRoot().rounded())
    return LogitLaplace.image(of: statistics(of: codes.reshaped([codes.shape[0], side, side])))
  }
}
