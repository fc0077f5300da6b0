import AtelierCore
import Torch
import TorchNN

extension OASIS {
  final class Generator: Module {
    let output: Conv2d
    let body: [SpatiallyAdaptiveBlock]
    let entrance: Conv2d
    private let latent: Int
    /// Whether blocks are computed once more in the backward pass.
    private let checkpointsBlocks: Bool

    init(_ configuration: Configuration, using stream: RandomStream) {
      latent = configuration.latent
      checkpointsBlocks = configuration.gradientCheckpointing
      let widths = [16, 16, 16, 8, 4, 2, 1].suffix(configuration.blocks + 1).map { $0 * configuration.width }
      let plan = SpatiallyAdaptiveBlock.Plan(
        norm: configuration.norm, isSpectral: configuration.spectralNorm,
        mapChannels: configuration.mapChannels, hidden: configuration.spadeHidden,
        kernelSize: configuration.spadeKernel)
      func convolution(_ inputs: Int, _ outputs: Int) -> Conv2d {
        Conv2d(inputChannels: inputs, outputChannels: outputs, kernelSize: 3, padding: 1, using: stream)
      }
      output = convolution(configuration.width, 3)
      body = zip(widths, widths.dropFirst()).map {
        SpatiallyAdaptiveBlock($0, $1, plan, using: stream)
      }
      entrance = convolution(configuration.mapChannels, widths[0])
      super.init()
    }

    /// The authors' names.
    var authorsNames: KeyMap {
      KeyMap(["output": "conv_img", "entrance": "fc"], components: mapBlockNames(norm: "first_norm"))
    }

    /// Images for one-hot labels.
    ///
    /// - Parameter noise: `[batch, latent]`, the same at every pixel, or `[batch, latent, height, width]`.
    func callAsFunction(_ labels: Tensor, noise: Tensor?) -> Tensor {
      var full = labels
      let (height, width) = (labels.shape[2], labels.shape[3])
      if latent > 0, let noise {
        let spread = noise.rank == 4 ? noise : noise.unsqueezed(2).unsqueezed(3)
        // Without the number of images, where it can be, because a recording keeps it.
        let count = spread.shape[0] == labels.shape[0] ? -1 : labels.shape[0]
        full = .concatenated([spread.expanded([count, latent, height, width]), labels], dim: 1)
      }
      let map = MapPyramid(full)
      let shrink = 1 << (body.count - 1)
      var x = entrance(map(height: height / shrink, width: width / shrink))
      for (index, block) in body.enumerated() {
        // The enlargement belongs to the block, so that the smaller map is what a checkpoint keeps.
        x = block.checkpointed([x], when: checkpointsBlocks) {
          block(index == 0 ? $0[0] : doubled($0[0]), map)
        }
      }
      return output(x.leakyRelu(0.2)).tanh()
    }
  }

  final class Discriminator: Module {
    let up: [DiscriminatorBlock]
    let down: [DiscriminatorBlock]
    let output: Conv2d

    init(_ configuration: Configuration, using stream: RandomStream) {
      let width = configuration.discriminatorWidth
      let isSpectral = configuration.isDiscriminatorSpectral
      // The image, then what each halving leaves.
      let widths = [3] + [2, 2, 4, 4, 8, 8].prefix(configuration.blocks).map { $0 * width }
      let count = configuration.blocks
      up = (0..<count).map { index in
        // All but the first see what the same resolution had on the way down.
        let inputs = widths[count - index] * (index == 0 ? 1 : 2)
        let outputs = index == count - 1 ? width : widths[count - index - 1]
        return DiscriminatorBlock(inputs, outputs, .up, isSpectral: isSpectral, using: stream)
      }
      down = (0..<count).map { index in
        DiscriminatorBlock(
          widths[index], widths[index + 1], index == 0 ? .first : .down, isSpectral: isSpectral, using: stream
        )
      }
      output = Conv2d(
        inputChannels: width, outputChannels: configuration.classes + 1, kernelSize: 1, using: stream)
      super.init()
    }

    /// The authors' names.
    var authorsNames: KeyMap {
      var names = ["output": "layer_up_last"]
      for (own, theirs, blocks) in [("up", "body_up", up), ("down", "body_down", down)] {
        for (index, block) in blocks.enumerated() {
          let (from, to) = ("\(own).\(index)", "\(theirs).\(index)")
          names["\(from).first"] = "\(to).conv1.\(block.placeOfFirst)"
          names["\(from).second"] = "\(to).conv2.1"
          names["\(from).shortcut"] = "\(to).conv_s"
        }
      }
      return KeyMap(names)
    }

    /// Logits `[batch, classes + 1, height, width]`; the first class is "generated".
    func callAsFunction(_ pictures: Tensor) -> Tensor {
      var x = pictures.channelsLast()
      var passed: [Tensor] = []
      for block in down {
        x = block(x)
        passed.append(x)
      }
      for (index, block) in up.enumerated() {
        x = block(index == 0 ? x : .concatenated([passed[passed.count - 1 - index], x], dim: 1))
      }
      return output(x)
    }
  }

  /// A residual block that halves or doubles. Source: `models/discriminator.py` `residual_block_D`.
  final class DiscriminatorBlock: Module {
    enum Direction {
      case first, down, up
    }

    let first: Conv2d
    let second: Conv2d
    let shortcut: Conv2d?
    private let direction: Direction

    init(_ inputs: Int, _ outputs: Int, _ direction: Direction, isSpectral: Bool, using stream: RandomStream)
    {
      self.direction = direction
      func convolution(_ inputs: Int, _ outputs: Int, kernelSize: Int) -> Conv2d {
        Conv2d(
          inputChannels: inputs, outputChannels: outputs, kernelSize: kernelSize, padding: kernelSize / 2,
          normalization: isSpectral ? .spectral : nil, using: stream)
      }
      first = convolution(inputs, outputs, kernelSize: 3)
      second = convolution(outputs, outputs, kernelSize: 3)
      shortcut = inputs == outputs ? nil : convolution(inputs, outputs, kernelSize: 1)
      super.init()
    }

    /// Where the first convolution stands among the authors' layers.
    var placeOfFirst: Int {
      switch direction {
      case .first: 0
      case .down: 1
      case .up: 2
      }
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
      let activated = direction == .first ? x : x.leakyRelu(0.2)
      var residual = second(first(direction == .up ? doubled(activated) : activated).leakyRelu(0.2))
      if direction != .up { residual = averagePool2d(residual, kernelSize: (2, 2)) }
      var straight =
        direction == .down ? x : direction == .up ? doubled(x) : averagePool2d(x, kernelSize: (2, 2))
      if let shortcut { straight = shortcut(straight) }
      if direction == .down { straight = averagePool2d(straight, kernelSize: (2, 2)) }
      return residual + straight
    }
  }
}
