import AtelierCore
import AtelierData
import Torch
import TorchNN

/// ESRGAN's generator: residual-in-residual dense blocks.
///
/// Leaky slopes 0.2; each dense block's fifth convolution, and each block of three dense blocks, is scaled by
/// 0.2 before it is added to its input. Two doublings by nearest neighbours, each with a convolution; for
/// scale 2 (and 1) the input is first folded by 2 (and 4) into channels, so that the same network enlarges
/// less. Source: Wang et al. 2018, "ESRGAN"; BasicSR `archs/rrdbnet_arch.py`. Scales 8 and 16, which BasicSR
/// does not have, add doublings of the same form.
final class RRDBNetwork: Module, Layer {
  /// Five convolutions, each of which sees the outputs of all before it.
  private final class DenseBlock: Module, Layer {
    let convolutions: [Conv2d]

    init(_ width: Int, growth: Int, using stream: RandomStream) {
      convolutions = (0..<5).map { place in
        samePadded(width + place * growth, place == 4 ? width : growth, using: stream)
      }
      super.init()
      applyResidualWeights(convolutions, using: stream)
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
      var seen = [x]
      for layer in convolutions.dropLast() {
        seen.append(layer(joined(seen)).leakyReluInPlace(0.2))
      }
      return x + convolutions[4](joined(seen)) * 0.2
    }

    private func joined(_ parts: [Tensor]) -> Tensor {
      parts.count == 1 ? parts[0] : .concatenated(parts, dim: 1)
    }
  }

  /// Three dense blocks.
  private final class Block: Module, Layer {
    let dense: [DenseBlock]

    init(_ width: Int, growth: Int, using stream: RandomStream) {
      dense = (0..<3).map { _ in DenseBlock(width, growth: growth, using: stream) }
      super.init()
    }

    func callAsFunction(_ x: Tensor) -> Tensor { x + dense[2](dense[1](dense[0](x))) * 0.2 }
  }

  static let authorsNames = KeyMap(
    [
      "first": "conv_first", "body_end": "conv_body", "enlargements.0": "conv_up1",
      "enlargements.1": "conv_up2", "enlargements.2": "conv_up3", "enlargements.3": "conv_up4",
      "penultimate": "conv_hr", "last": "conv_last",
    ],
    components: Dictionary(
      uniqueKeysWithValues: (0..<3).map { ("dense.\($0)", "rdb\($0 + 1)") }
        + (0..<5).map { ("convolutions.\($0)", "conv\($0 + 1)") }))

  /// By how much the input is folded so that the two doublings give the wanted scale.
  static func folding(_ plan: EnlargingGeneratorPlan) -> Int {
    plan.foldsInput && plan.scale < 4 ? 4 / plan.scale : 1
  }

  let first: Conv2d
  private let body: [Block]
  let bodyEnd: Conv2d
  let enlargements: [Conv2d]
  let penultimate: Conv2d
  let last: Conv2d
  private let folding: Int

  init(_ plan: EnlargingGeneratorPlan, using stream: RandomStream) {
    let (width, scale) = (plan.width, plan.scale)
    folding = Self.folding(plan)
    first = samePadded(plan.inputChannels * folding * folding, width, using: stream)
    body = (0..<plan.blocks).map { _ in Block(width, growth: plan.growth, using: stream) }
    bodyEnd = samePadded(width, width, using: stream)
    let doublings = scale.trailingZeroBitCount
    enlargements = (0..<(plan.foldsInput ? max(2, doublings) : doublings)).map { _ in
      samePadded(width, width, using: stream)
    }
    penultimate = samePadded(width, width, using: stream)
    last = samePadded(width, plan.outputChannels, using: stream)
    super.init()
  }

  /// `[batch, outputs, height * scale, width * scale]` for `[batch, inputs, height, width]` in 0 … 1.
  func callAsFunction(_ x: Tensor) -> Tensor {
    let folded = folding > 1 ? pixelUnshuffle(x, factor: folding) : x
    let start = first(folded.channelsLast())
    var features = start
    for block in body { features = block(features) }
    features = start + bodyEnd(features)
    for layer in enlargements {
      features = layer(enlarged(features, by: 2)).leakyReluInPlace(0.2)
    }
    return last(penultimate(features).leakyReluInPlace(0.2))
  }
}
