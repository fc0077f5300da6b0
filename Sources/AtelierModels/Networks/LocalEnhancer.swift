import AtelierCore
import Torch
import TorchNN

/// pix2pixHD's coarse-to-fine generator: a global generator on the shrunk input, and around it enhancers
/// that each double the resolution.
///
/// Source: Wang et al. 2018, section 3.1; NVIDIA/pix2pixHD `models/networks.py` `LocalEnhancer`.
final class LocalEnhancer: Module, Layer {
  let global: Sequential
  let enhancers: [Enhancer]

  /// One enhancer: what it makes of its input, and what it makes of that and the coarser features.
  final class Enhancer: Module {
    let down: Sequential
    let up: Sequential

    init(_ down: [any Layer], _ up: [any Layer]) {
      self.down = Sequential(down)
      self.up = Sequential(up)
      super.init()
    }
  }

  /// The authors' names: `model.1.weight`, `model1_1.1.weight`, `model1_2.0.conv_block.1.weight`.
  static func authorsNames(enhancers: Int) -> KeyMap {
    var names = ["global": "model"]
    for number in 0..<enhancers {
      names["enhancers.\(number).down"] = "model\(number + 1)_1"
      names["enhancers.\(number).up"] = "model\(number + 1)_2"
    }
    return KeyMap(names)
  }

  /// - Parameters:
  ///   - width: channels at full resolution; the global generator has twice as many for each enhancer.
  ///   - localBlocks: residual blocks of each enhancer.
  ///   - checkpointsBlocks: whether residual blocks are computed once more in the backward pass.
  init(
    inputChannels: Int, outputChannels: Int, width: Int, downsamplings: Int, blocks: Int,
    enhancers count: Int, localBlocks: Int, norm: ImageNorm, checkpointsBlocks: Bool = false,
    using stream: RandomStream
  ) {
    global = Sequential(
      ResidualGenerator.trunk(
        inputChannels: inputChannels, width: width << count, downsamplings: downsamplings, blocks: blocks,
        norm: norm, hasBias: true, checkpointsBlocks: checkpointsBlocks, using: stream))
    enhancers = (1...max(1, count)).map { number in
      let own = width << (count - number)
      let down: [any Layer] =
        [
          ReflectionPad2d(3),
          Conv2d(inputChannels: inputChannels, outputChannels: own, kernelSize: 7, using: stream),
          norm.layer(own), ReLU(isInPlace: true),
        ] + ResidualGenerator.shrinking(own, norm: norm, hasBias: true, using: stream)
      var up: [any Layer] = (0..<localBlocks).map { _ in
        ResidualBlock(
          channels: 2 * own, norm: norm, hasBias: true, isCheckpointed: checkpointsBlocks, using: stream)
      }
      up += ResidualGenerator.growing(own, norm: norm, hasBias: true, using: stream)
      if number == count { up += ResidualGenerator.head(own, outputChannels, using: stream) }
      return Enhancer(down, up)
    }
    super.init()
  }

  /// Images `[batch, outputs, height, width]` in -1 … 1; sides are multiples of two to the power of
  /// enhancers and halvings together.
  func callAsFunction(_ x: Tensor) -> Tensor {
    var pyramid = [x]
    for _ in enhancers { pyramid.append(halved(pyramid[pyramid.count - 1])) }
    var features = global(pyramid[pyramid.count - 1])
    for (number, enhancer) in enhancers.enumerated() {
      features = enhancer.up(enhancer.down(pyramid[pyramid.count - 2 - number]) + features)
    }
    return features
  }
}
