import AtelierCore
import Torch
import TorchNN

/// The model of the UNIT paper: both domains' images pass through common layers around the code, and
/// through a common discriminator behind the first layers.
///
/// Source: mingyuliutw/UNIT, branch version_02, `src/trainers/cocogan_nets.py` `COCOResGen2` and
/// `COCOSharedDis`. Convolutions pad with zeros; layers outside residual blocks are activated by a leaky relu
/// of slope 0.01 and not normalised; all weights start from N(0, 0.02²).
final class WeightSharingModel: SharedLatentModel {
  private let generator: Generator
  private let discriminator: Discriminator
  let generators: [Network]
  let discriminators: [Network]

  init(_ configuration: UNIT.Configuration, using stream: RandomStream) {
    let generator = Generator(configuration, using: stream)
    let discriminator = Discriminator(configuration, using: stream)
    for network in [generator, discriminator] as [Module] {
      // The authors leave biases as they are.
      initialize(network) { part in
        guard let layer = part as? WeightedLayer else { return }
        stream.fillNormal(layer.weight, standardDeviation: 0.02)
      }
      network.layOutChannelsLast()
    }
    (self.generator, self.discriminator) = (generator, discriminator)
    generators = [
      Network(
        "generator", generator,
        authorsNames: KeyMap([
          "encode_a": "encode_A", "encode_b": "encode_B", "encode_shared": "enc_shared",
          "decode_shared": "dec_shared", "decode_a": "decode_A", "decode_b": "decode_B",
        ])
      ) { _, inputs in
        let (a, b) = (try inputs.required("A"), try inputs.required("B"))
        func code(_ pictures: Tensor, _ domain: Domain, _ noise: String) -> Tensor {
          let hidden = generator.encode(pictures, domain)
          return inputs[noise].map { hidden + $0 } ?? hidden
        }
        let (codeA, codeB) = (code(a, .a, "noiseA"), code(b, .b, "noiseB"))
        return [
          "hidden": .concatenated([codeA, codeB], dim: 0),
          "AA": generator.decode(codeA, .a), "AB": generator.decode(codeA, .b),
          "BA": generator.decode(codeB, .a), "BB": generator.decode(codeB, .b),
        ]
      }
    ]
    discriminators = [
      Network(
        "discriminator", discriminator,
        authorsNames: KeyMap(["front_a": "model_A", "front_b": "model_B", "shared": "model_S"]),
        isForTraining: true
      ) { _, inputs in
        ["A": discriminator(try inputs.required("A"), .a), "B": discriminator(try inputs.required("B"), .b)]
      }
    ]
  }

  func encode(_ pictures: Tensor, _ domain: Domain) -> Tensor { generator.encode(pictures, domain) }

  func decode(_ code: Tensor, _ domain: Domain) -> Tensor { generator.decode(code, domain) }

  func scores(_ pictures: Tensor, _ domain: Domain) -> [Tensor] { [discriminator(pictures, domain)] }

  /// Two 3×3 convolutions with instance norm and the way around them: the authors' `INSResBlock`.
  private final class ResidualBlock: Module, Layer {
    let model: Sequential

    init(_ width: Int, using stream: RandomStream) {
      func convolution() -> Conv2d {
        Conv2d(inputChannels: width, outputChannels: width, kernelSize: 3, padding: 1, using: stream)
      }
      model = Sequential([
        convolution(), InstanceNorm2d(channels: width), ReLU(), convolution(),
        InstanceNorm2d(channels: width),
      ])
      super.init()
    }

    func callAsFunction(_ x: Tensor) -> Tensor { model(x) + x }
  }

  /// A convolution and its leaky relu.
  private static func leaky(_ layer: any Layer) -> BlockChain { BlockChain([layer, LeakyReLU()]) }

  private static func convolution(
    _ inputs: Int, _ outputs: Int, kernel: Int, stride: Int, _ stream: RandomStream
  ) -> BlockChain {
    leaky(
      Conv2d(
        inputChannels: inputs, outputChannels: outputs, kernelSize: kernel, stride: stride,
        padding: kernel / 2, using: stream))
  }

  private final class Generator: Module {
    let encodeA: Sequential
    let encodeB: Sequential
    let encodeShared: Sequential
    let decodeShared: Sequential
    let decodeA: Sequential
    let decodeB: Sequential

    init(_ configuration: UNIT.Configuration, using stream: RandomStream) {
      let (width, levels) = (configuration.width, configuration.downsamplings)
      let codeWidth = width << levels
      func residuals(_ count: Int) -> [any Layer] {
        (0..<count).map { _ in ResidualBlock(codeWidth, using: stream) }
      }
      func encoder(_ channels: Int) -> Sequential {
        var layers: [any Layer] = [
          WeightSharingModel.convolution(channels, width, kernel: 7, stride: 1, stream)
        ]
        for level in 0..<levels {
          layers.append(
            WeightSharingModel.convolution(width << level, width << (level + 1), kernel: 3, stride: 2, stream)
          )
        }
        return Sequential(layers + residuals(configuration.blocks))
      }
      func decoder(_ channels: Int) -> Sequential {
        var layers = residuals(configuration.blocks)
        for level in (0..<levels).reversed() {
          layers.append(
            WeightSharingModel.leaky(
              ConvTranspose2d(
                inputChannels: width << (level + 1), outputChannels: width << level, kernelSize: 3, stride: 2,
                padding: 1, outputPadding: 1, using: stream)))
        }
        layers.append(
          ConvTranspose2d(inputChannels: width, outputChannels: channels, kernelSize: 1, using: stream))
        return Sequential(layers + [Tanh()])
      }
      encodeA = encoder(configuration.channelsA)
      encodeB = encoder(configuration.channelsB)
      encodeShared = Sequential(residuals(configuration.sharedBlocks))
      decodeShared = Sequential(residuals(configuration.sharedBlocks))
      decodeA = decoder(configuration.channelsA)
      decodeB = decoder(configuration.channelsB)
      super.init()
    }

    func encode(_ pictures: Tensor, _ domain: Domain) -> Tensor {
      encodeShared((domain == .a ? encodeA : encodeB)(pictures.channelsLast()))
    }

    func decode(_ code: Tensor, _ domain: Domain) -> Tensor {
      (domain == .a ? decodeA : decodeB)(decodeShared(code))
    }
  }

  private final class Discriminator: Module, SeveralInputPaths {
    let frontA: Sequential
    let frontB: Sequential
    let shared: Sequential
    var inputPaths: [Module] { [frontA, frontB] }

    init(_ configuration: UNIT.Configuration, using stream: RandomStream) {
      let (width, shared) = (configuration.discriminatorWidth, configuration.sharedLayers)
      let front = configuration.layers - shared
      func layer(_ number: Int, _ inputs: Int) -> any Layer {
        WeightSharingModel.convolution(
          inputs, width << number, kernel: number == 0 ? 7 : 3, stride: 2, stream)
      }
      func head(_ inputs: Int) -> any Layer {
        Conv2d(inputChannels: inputs, outputChannels: 1, kernelSize: 1, using: stream)
      }
      func first(_ channels: Int) -> Sequential {
        let layers = (0..<front).map { layer($0, $0 == 0 ? channels : width << ($0 - 1)) }
        return Sequential(shared == 0 ? layers + [head(width << (front - 1))] : layers)
      }
      frontA = first(configuration.channelsA)
      frontB = first(configuration.channelsB)
      let rest = (front..<(front + shared)).map { layer($0, width << ($0 - 1)) }
      self.shared = Sequential(shared == 0 ? [] : rest + [head(width << (front + shared - 1))])
      super.init()
    }

    /// Raw scores `[batch, 1, height', width']`.
    func callAsFunction(_ pictures: Tensor, _ domain: Domain) -> Tensor {
      shared((domain == .a ? frontA : frontB)(pictures.channelsLast()))
    }
  }
}
