import Torch
import TorchNN

/// pix2pixHD's discriminator: PatchGANs of one shape on the picture and its halves, which also give the
/// features that a generator is to match.
///
/// Unlike CycleGAN's its convolutions pad by 2, all have a bias, and the widths stop at 512. Source: Wang
/// et al. 2018, section 3.2; NVIDIA/pix2pixHD `models/networks.py` `MultiscaleDiscriminator`.
final class MultiscaleDiscriminator: Module {
  /// From full resolution downwards.
  let scales: [StagedPatchDiscriminator]

  init(
    inputChannels: Int, width: Int, layers: Int, scales count: Int, norm: PictureNorm,
    using stream: RandomStream
  ) {
    scales = (0..<count).map { _ in
      StagedPatchDiscriminator(
        inputChannels: inputChannels, width: width, layers: layers, norm: norm, using: stream)
    }
    super.init()
  }

  /// The authors' names. Their numbers of scales run the other way: the highest sees full resolution.
  ///
  /// - Parameter hasFeatures: whether the authors kept the stages apart, `scale1_layer2.0.weight`; without
  ///   feature matching each scale is one chain, `layer1.5.weight`.
  static func authorsNames(scales count: Int, layers: Int, hasFeatures: Bool) -> KeyMap {
    var names: [String: String] = [:]
    for scale in 0..<count {
      var place = 0
      for stage in 0...(layers + 1) {
        let own = "scales.\(scale).stages.\(stage)"
        if hasFeatures {
          names[own] = "scale\(count - 1 - scale)_layer\(stage)"
        } else {
          // The first stage has two layers, those behind it three, the last one.
          let length = stage == 0 ? 2 : stage <= layers ? 3 : 1
          for layer in 0..<length { names["\(own).\(layer)"] = "layer\(count - 1 - scale).\(place + layer)" }
          place += length
        }
      }
    }
    return KeyMap(names)
  }

  /// The outputs of all stages of each scale, full resolution first; the last of a scale are raw scores.
  func callAsFunction(_ x: Tensor) -> [[Tensor]] {
    var picture = x
    var outputs: [[Tensor]] = []
    for (number, scale) in scales.enumerated() {
      if number > 0 { picture = halved(picture) }
      outputs.append(scale(picture))
    }
    return outputs
  }
}

/// A PatchGAN that gives what each of its stages made.
final class StagedPatchDiscriminator: Module {
  let stages: [Sequential]

  init(inputChannels: Int, width: Int, layers: Int, norm: PictureNorm, using stream: RandomStream) {
    func convolution(_ inputs: Int, _ outputs: Int, stride: Int) -> Conv2d {
      Conv2d(
        inputChannels: inputs, outputChannels: outputs, kernelSize: 4, stride: stride, padding: 2,
        using: stream)
    }
    // A stage's output is also what feature matching reads, but nobody reads what stands before it.
    let activation = LeakyReLU(negativeSlope: 0.2, isInPlace: true)
    var stages = [Sequential([convolution(inputChannels, width, stride: 2), activation])]
    var present = width
    for number in 1..<(max(layers, 1) + 1) {
      let next = min(2 * present, 512)
      stages.append(
        Sequential([
          convolution(present, next, stride: number < layers ? 2 : 1), norm.layer(next), activation,
        ]))
      present = next
    }
    stages.append(Sequential([convolution(present, 1, stride: 1)]))
    self.stages = stages
    super.init()
  }

  /// The stages' outputs, first to last.
  func callAsFunction(_ x: Tensor) -> [Tensor] {
    var outputs: [Tensor] = []
    for stage in stages { outputs.append(stage(outputs.last ?? x)) }
    return outputs
  }
}
