import AtelierCore
import Torch
import TorchNN

/// Draws weights as DCGAN does: convolutions from N(0, 0.02²), batch norms' scales from N(1, 0.02²) with
/// shift 0; all else keeps PyTorch's initial values.
///
/// Source: Radford et al. 2016, section 4; pytorch/examples `dcgan/main.py` `weights_init`.
func applyDCGANWeights(_ module: Module, using stream: RandomStream) {
  initialize(module) { part in
    switch part {
    case let layer as Conv2d: stream.fillNormal(layer.weight, standardDeviation: 0.02)
    case let layer as ConvTranspose2d: stream.fillNormal(layer.weight, standardDeviation: 0.02)
    case let norm as BatchNorm:
      guard let weight = norm.weight else { return }
      stream.fillNormal(weight, mean: 1, standardDeviation: 0.02)
      norm.bias?.fill(0)
    default: break
    }
  }
}

/// Draws a generator's weights as the authors do: Kaiming normal over the inputs, biases zero.
func initializeKaiming(_ network: Module, using stream: RandomStream) {
  initialize(network, .kaimingNormal(), using: stream)
  network.layOutChannelsLast()
}

/// Draws a discriminator's weights as the authors do: N(0, 0.02²), biases zero, norms as they are.
func initializeNarrow(_ network: Module, using stream: RandomStream) {
  initialize(network) { part in
    guard let layer = part as? WeightedLayer else { return }
    stream.fillNormal(layer.weight, standardDeviation: 0.02)
    layer.bias?.fill(0)
  }
  network.layOutChannelsLast()
}
