import Foundation
import Torch
import TorchNN

/// A convolutional autoencoder whose code is one of a vocabulary at each place: DALLE-pytorch's `DiscreteVAE`.
///
/// Images are brought to -1 … 1, and the decoder gives that range.
final class DiscreteVAE: Module, ImageCodes {
  let codebook: Embedding
  private let downsampling: [Conv2d]
  private let encoderBlocks: [CodeResidualBlock]
  private let scoring: Conv2d
  private let expansion: Conv2d?
  private let decoderBlocks: [CodeResidualBlock]
  private let upsampling: [ConvTranspose2d]
  private let output: Conv2d
  private let vocabulary: Int

  init(
    channels: Int, vocabulary: Int, codeSize: Int, downsamplings: Int, residualBlocks: Int, hidden: Int,
    using stream: RandomStream
  ) {
    self.vocabulary = vocabulary
    codebook = Embedding(count: vocabulary, features: codeSize, using: stream)
    downsampling = (0..<downsamplings).map {
      Conv2d(
        inputChannels: $0 == 0 ? channels : hidden, outputChannels: hidden, kernelSize: 4, stride: 2,
        padding: 1,
        using: stream)
    }
    encoderBlocks = (0..<residualBlocks).map { _ in CodeResidualBlock(hidden, using: stream) }
    scoring = Conv2d(inputChannels: hidden, outputChannels: vocabulary, kernelSize: 1, using: stream)
    expansion =
      residualBlocks > 0
      ? Conv2d(inputChannels: codeSize, outputChannels: hidden, kernelSize: 1, using: stream) : nil
    decoderBlocks = (0..<residualBlocks).map { _ in CodeResidualBlock(hidden, using: stream) }
    upsampling = (0..<downsamplings).map {
      ConvTranspose2d(
        inputChannels: $0 == 0 && residualBlocks == 0 ? codeSize : hidden, outputChannels: hidden,
        kernelSize: 4,
        stride: 2, padding: 1, using: stream)
    }
    output = Conv2d(inputChannels: hidden, outputChannels: channels, kernelSize: 1, using: stream)
    super.init()
  }

  /// Our names and those of `DiscreteVAE`, which numbers its layers through.
  ///
  /// - Parameters:
  ///   - ours: what stands before our names, with its dot.
  ///   - theirs: what stands before the authors'.
  static func authorsNames(
    downsamplings: Int, residualBlocks: Int, ours: String = "", theirs: String = ""
  ) -> [String: String] {
    var names: [String: String] = [:]
    func block(_ name: String, _ place: String) {
      for (layer, index) in [("first", 0), ("second", 2), ("third", 4)] {
        names["\(ours)\(name).\(layer)"] = "\(theirs)\(place).net.\(index)"
      }
    }
    names["\(ours)codebook"] = "\(theirs)codebook"
    for index in 0..<downsamplings { names["\(ours)downsampling.\(index)"] = "\(theirs)encoder.\(index).0" }
    for index in 0..<residualBlocks { block("encoder_blocks.\(index)", "encoder.\(downsamplings + index)") }
    names["\(ours)scoring"] = "\(theirs)encoder.\(downsamplings + residualBlocks)"
    let first = residualBlocks > 0 ? 1 : 0
    if first > 0 { names["\(ours)expansion"] = "\(theirs)decoder.0" }
    for index in 0..<residualBlocks { block("decoder_blocks.\(index)", "decoder.\(first + index)") }
    for index in 0..<downsamplings {
      names["\(ours)upsampling.\(index)"] = "\(theirs)decoder.\(first + residualBlocks + index).0"
    }
    names["\(ours)output"] = "\(theirs)decoder.\(first + residualBlocks + downsamplings)"
    return names
  }

  /// What the encoder sees and the decoder gives for an image in 0 … 1.
  func normalized(_ image: Tensor) -> Tensor { (image - 0.5) / 0.5 }

  func scores(of image: Tensor) -> Tensor {
    var x = normalized(image)
    for layer in downsampling { x = layer(x).relu() }
    for block in encoderBlocks { x = block(x) }
    return scoring(x)
  }

  func codes(of image: Tensor) -> Tensor { scores(of: image).argmax(dim: 1).flattened(from: 1) }

  /// Images in -1 … 1 of relaxed codes `[batch, vocabulary, height, width]`.
  func decoded(relaxed codes: Tensor) -> Tensor {
    decoded(vectors: codes.permuted([0, 2, 3, 1]).matmul(codebook.weight).permuted([0, 3, 1, 2]))
  }

  /// Images in -1 … 1 of code numbers `[batch, codes]`.
  func decoded(_ codes: Tensor) -> Tensor {
    let side = Int(Double(codes.shape[1]).squareRoot().rounded())
    return decoded(
      vectors: codebook(codes).reshaped([codes.shape[0], side, side, codebook.features]).permuted([
        0, 3, 1, 2,
      ]))
  }

  func image(of codes: Tensor) -> Tensor { (decoded(codes) * 0.5 + 0.5).clamped(min: 0, max: 1) }

  private func decoded(vectors: Tensor) -> Tensor {
    var x = vectors
    if let expansion { x = expansion(x) }
    for block in decoderBlocks { x = block(x) }
    for layer in upsampling { x = layer(x).relu() }
    return output(x)
  }
}

/// Three convolutions beside the identity: `ResBlock`.
final class CodeResidualBlock: Module {
  private let first: Conv2d
  private let second: Conv2d
  private let third: Conv2d

  init(_ channels: Int, using stream: RandomStream) {
    first = Conv2d(
      inputChannels: channels, outputChannels: channels, kernelSize: 3, padding: 1, using: stream)
    second = Conv2d(
      inputChannels: channels, outputChannels: channels, kernelSize: 3, padding: 1, using: stream)
    third = Conv2d(inputChannels: channels, outputChannels: channels, kernelSize: 1, using: stream)
    super.init()
  }

  func callAsFunction(_ x: Tensor) -> Tensor { third(second(first(x).relu()).relu()) + x }
}

/// The divergence of the codes' distribution from an even one, as the reference computes it: KL(even ‖ codes) with the
/// arguments exchanged, summed over places and images.
func codeDivergence(_ scores: Tensor) -> Tensor {
  let logCodes = scores.logSoftmax(1)
  return (logCodes.exp() * (logCodes + log(Double(scores.shape[1])))).sum()
}
