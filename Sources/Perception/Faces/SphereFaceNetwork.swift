public import Torch
public import TorchNN

/// The layers of SphereFace's network of twenty layers, up to its features.
///
/// Source: Liu et al. 2017, "SphereFace: Deep Hypersphere Embedding for Face Recognition"; clcarwin/sphereface_pytorch
/// `net_sphere.py` `sphere20a`, whose names the weights have: `conv1_1`, `relu1_1`, …, `fc5`.
public final class SphereFaceLayers: Module {
  private let stages: [(convolutions: [Conv2d], slopes: [PReLU])]
  private let fc5: Linear

  /// Layers with random weights.
  public init(using stream: RandomStream) {
    let plan: [(inputs: Int, outputs: Int, count: Int)] = [
      (3, 64, 3), (64, 128, 5), (128, 256, 9), (256, 512, 3),
    ]
    stages = plan.map { inputs, outputs, count in
      let convolutions = (0..<count).map {
        Conv2d(
          inputChannels: $0 == 0 ? inputs : outputs, outputChannels: outputs, kernelSize: 3,
          stride: $0 == 0 ? 2 : 1,
          padding: 1, using: stream)
      }
      return (convolutions, (0..<count).map { _ in PReLU(channels: outputs) })
    }
    fc5 = Linear(inputFeatures: 512 * 7 * 6, outputFeatures: 512, using: stream)
    super.init()
  }

  /// Features `[batch, 512]` of crops `[batch, 3, 112, 96]`: blue, green, red in -1 … 1.
  public func callAsFunction(_ crops: Tensor) -> Tensor {
    var x = crops
    for (convolutions, slopes) in stages {
      x = slopes[0](convolutions[0](x))
      for pair in stride(from: 1, to: convolutions.count, by: 2) {
        x = x + slopes[pair + 1](convolutions[pair + 1](slopes[pair](convolutions[pair](x))))
      }
    }
    return fc5(x.flattened(from: 1))
  }

  /// In the order of the layers.
  public override func members() -> [Member] {
    var members: [Member] = []
    for (stage, layers) in stages.enumerated() {
      for (number, (convolution, slope)) in zip(layers.convolutions, layers.slopes).enumerated() {
        let place = "\(stage + 1)_\(number + 1)"
        members += [
          .child(name: "conv" + place, module: convolution), .child(name: "relu" + place, module: slope),
        ]
      }
    }
    return members + [.child(name: "fc5", module: fc5)]
  }
}

/// SphereFace with fixed weights, as a measure of who a face is; ``PretrainedWeights`` `sphereface` are weights for it.
public final class SphereFaceNetwork: PerceptionNetwork {
  /// The layers.
  public let layers: SphereFaceLayers

  /// The network without weights of its own.
  public init() {
    layers = SphereFaceLayers(using: RandomStream(seed: 0))
    super.init(architecture: "sphereface")
    isChannelsLast = false
    requiresGradients = false
  }

  /// Features `[batch, 512]` of crops `[batch, 3, 112, 96]`: blue, green, red in -1 … 1.
  public func callAsFunction(_ crops: Tensor) -> Tensor {
    requireWeights()
    return layers(crops)
  }

  /// Those of the layers.
  public override func members() -> [Member] { layers.members() }
}
