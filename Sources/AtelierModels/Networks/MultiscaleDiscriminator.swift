import AtelierCore
import Torch
import TorchNN

/// pix2pixHD's discriminator: PatchGANs of one shape on the image and its halves, which also give the
/// features that a generator is to match.
///
/// Unlike CycleGAN's its convolutions pad by 2, all have a bias, and the widths stop at 512. Source: Wang
/// et al. 2018, section 3.2; NVIDIA/pix2pixHD `models/networks.py` `MultiscaleDiscriminator`.
final class MultiscaleDiscriminator: Module, SeveralInputPaths {
  /// From full resolution downwards.
  let scales: [StagedPatchDiscriminator]
  var inputPaths: [Module] { scales }

  /// - Parameter widest: vid2vid's form: half the resolution has twice the width, up to this one; nil: all scales have one
  ///   width.
  init(
    inputChannels: Int, width: Int, layers: Int, scales count: Int, norm: some MapNorm, widest: Int? = nil,
    using stream: RandomStream
  ) {
    let strides = (1..<(max(layers, 1) + 1)).map { $0 < layers ? 2 : 1 }
    scales = (0..<count).map { scale in
      StagedPatchDiscriminator(
        inputChannels: inputChannels, width: widest.map { min($0, width << scale) } ?? width,
        strides: strides, norm: norm, using: stream)
    }
    super.init()
  }

  /// The form of spade and sean, whose authors took it over.
  ///
  /// - Parameter strides: of the normalised convolutions, first to last; spade's last one keeps the size,
  ///   sean's does not.
  init(
    inputChannels: Int, width: Int, strides: [Int], scales count: Int, norm: MapDiscriminatorNorm,
    using stream: RandomStream
  ) {
    scales = (0..<count).map { _ in
      StagedPatchDiscriminator(
        inputChannels: inputChannels, width: width, strides: strides, norm: norm.features,
        hasBias: norm.features == .none, isSpectral: norm.isSpectral, using: stream)
    }
    super.init()
  }

  /// The names of spade's and sean's authors, who count scales as they stand here.
  func mapSystemNames(norm: MapDiscriminatorNorm) -> KeyMap {
    var names: [String: String] = [:]
    for (scale, discriminator) in scales.enumerated() {
      let last = discriminator.stages.count - 1
      for stage in 0...last {
        let (own, theirs) = ("scales.\(scale).stages.\(stage)", "discriminator_\(scale).model\(stage)")
        // Their convolution and its norm are a chain of their own inside the stage.
        let isChain = stage > 0 && stage < last && norm.features != .none
        names["\(own).0"] = isChain ? "\(theirs).0.0" : "\(theirs).0"
        if isChain { names["\(own).1"] = "\(theirs).0.1" }
      }
    }
    return KeyMap(names)
  }

  /// Keys of configurations that the files of spade's and sean's authors tell.
  static func mapSystemKeys(
    of tensors: ForeignTensors
  ) throws(ConfigurationError) -> [String: ConfigurationValue] {
    [
      "discriminatorWidth": .integer(try tensors.side("discriminator_0.model0.0.weight", 0)),
      "layers": .integer(tensors.count("discriminator_0.model", ".") - 1),
      "scales": .integer(tensors.count("discriminator_", ".")),
    ]
  }

  /// All outputs by the names of reference cases, `scale0.layer0` and so on.
  ///
  /// - Parameters:
  ///   - prefix: what a case calls a scale.
  ///   - hasFeatures: whether the authors' discriminator gives what its stages made; without feature matching
  ///     it gives the scores alone, which are then its only layer.
  func outputs(of x: Tensor, prefix: String = "scale", hasFeatures: Bool) -> [String: Tensor] {
    var outputs: [String: Tensor] = [:]
    for (scale, stages) in self(x).enumerated() {
      for (stage, output) in (hasFeatures ? stages : stages.suffix(1)).enumerated() {
        outputs["\(prefix)\(scale).layer\(stage)"] = output
      }
      outputs["\(prefix)\(scale)"] = stages.last
    }
    return outputs
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

  /// - Parameters:
  ///   - strides: of the normalised convolutions, first to last.
  ///   - hasBias: whether these have a bias; the first and the last always do.
  ///   - isSpectral: whether these have spectral normalisation.
  init(
    inputChannels: Int, width: Int, strides: [Int], norm: some MapNorm, hasBias: Bool = true,
    isSpectral: Bool = false, using stream: RandomStream
  ) {
    func convolution(
      _ inputs: Int, _ outputs: Int, stride: Int, hasBias: Bool = true, isSpectral: Bool = false
    ) -> Conv2d {
      Conv2d(
        inputChannels: inputs, outputChannels: outputs, kernelSize: 4, stride: stride, padding: 2,
        hasBias: hasBias, normalization: isSpectral ? .spectral : nil, using: stream)
    }
    // A stage's output is also what feature matching reads, but nobody reads what stands before it.
    let activation = LeakyReLU(negativeSlope: 0.2, isInPlace: true)
    var stages = [Sequential([convolution(inputChannels, width, stride: 2), activation])]
    var present = width
    for stride in strides {
      let next = min(2 * present, 512)
      stages.append(
        Sequential([
          convolution(present, next, stride: stride, hasBias: hasBias, isSpectral: isSpectral),
          norm.layer(next), activation,
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

/// The normalisation of discriminators that judge images beside their maps, behind every convolution but
/// the first and the last.
public enum MapDiscriminatorNorm: String, Sendable, Hashable, Codable, CaseIterable {
  /// Spectral normalisation of the weights, instance normalisation of what they make.
  case spectralInstance = "spectral-instance"
  /// Spectral normalisation of the weights alone.
  case spectral
  /// Instance normalisation alone.
  case instance
  /// Batch normalisation alone.
  case batch
  /// None.
  case none

  /// The normalisation of features.
  var features: ImageNorm {
    switch self {
    case .spectralInstance, .instance: .instance
    case .batch: .batch
    case .spectral, .none: .none
    }
  }

  /// Whether weights are normalised.
  var isSpectral: Bool { self == .spectral || self == .spectralInstance }
}

/// Half the sides, rounded up, by 3×3 averages that leave the border out: pix2pixHD's pyramids.
func halved(_ x: Tensor) -> Tensor {
  averagePool2d(x, kernelSize: (3, 3), stride: (2, 2), padding: (1, 1), countIncludePad: false)
}

/// What a discriminator made of generated and of real images that went through it as one batch, the
/// generated first.
func halvedBatch(_ outputs: [[Tensor]]) -> (fake: [[Tensor]], real: [[Tensor]]) {
  func half(_ isFirst: Bool) -> [[Tensor]] {
    outputs.map { stages in
      stages.map { output in
        let middle = output.shape[0] / 2
        return isFirst ? output.slice(0, 0, middle) : output.slice(0, middle, output.shape[0])
      }
    }
  }
  return (half(true), half(false))
}
