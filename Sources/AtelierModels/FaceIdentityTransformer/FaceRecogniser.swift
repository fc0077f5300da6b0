import AtelierCore
import Foundation
import Perception
import Torch
import TorchNN

/// What tells identities of faces apart: features, and how far they lie from each identity's direction.
///
/// Crops are `[batch, 3, 112, 96]`, blue, green, red in -1 … 1.
class FaceRecogniser: Module {
  /// What is said of crops.
  struct Judgement {
    /// The length of the features times the cosine of their angle to each identity, `[batch, identities]`.
    let cosine: Tensor
    /// The same with the angle four times as large.
    let margin: Tensor
    /// Features `[batch, size]`.
    let features: Tensor
  }

  fileprivate let fc6: AngularLinear

  fileprivate init(featureSize: Int, identities: Int, using stream: RandomStream) {
    fc6 = AngularLinear(featureSize, identities, using: stream)
  }

  /// Features `[batch, size]` of crops.
  func features(_ crops: Tensor) -> Tensor { crops }

  func callAsFunction(_ crops: Tensor) -> Judgement {
    let features = features(crops)
    let (cosine, margin) = fc6(features)
    return Judgement(cosine: cosine, margin: margin, features: features)
  }

  /// The recogniser of a configuration.
  static func make(
    _ configuration: FaceIdentityTransformer.Configuration, using stream: RandomStream
  ) -> FaceRecogniser {
    switch configuration.recognizer {
    case .standIn: SmallRecogniser(configuration, using: stream)
    case .sphereFace: SphereFaceRecogniser(identities: configuration.identities, using: stream)
    }
  }

  /// Blue, green and red of what lies under the places that `alignment` `[batch, 2, 3]` maps the crop to.
  static func crops(of images: Tensor, _ alignment: Tensor) -> Tensor {
    let grid = affineGrid(alignment, height: 112, width: 96)
    return gridSample(images, at: grid, alignCorners: true).flipped([1])
  }

  /// The crop of faces that are aligned already: the middle 96/112 of a square image's width, and all of its height.
  static func middle(_ batch: Int, on device: Device) -> Tensor {
    Tensor([96.0 / 112, 0, 0, 0, 1, 0] as [Float], shape: [1, 2, 3], device: device).expanded([batch, 2, 3])
  }
}

/// A linear layer that sees angles only (Liu et al. 2017, "SphereFace", margin 4).
///
/// Source: clcarwin/sphereface_pytorch `net_sphere.py` `AngleLinear`.
private final class AngularLinear: Module {
  /// A column an identity.
  @Parameter var weight: Tensor

  init(_ features: Int, _ identities: Int, using stream: RandomStream) {
    let drawn = stream.uniform([features, identities]) * 2 - 1
    weight = drawn / drawn.square().sum(dims: [0], keepDim: true).sqrt().clamped(min: 1e-7)
    super.init()
  }

  func callAsFunction(_ x: Tensor) -> (cosine: Tensor, margin: Tensor) {
    let directions = weight / (weight.square().sum(dims: [0], keepDim: true).sqrt() + 1e-7)
    let length = x.square().sum(dims: [1], keepDim: true).sqrt()
    let width = directions.square().sum(dims: [0], keepDim: true).sqrt()
    let cosine = (x.matmul(directions) / length / width).clamped(min: -1, max: 1)
    let square = cosine.square()
    let fourfold = square.square() * 8 - square * 8 + 1
    // Which of four equal parts of the half circle the angle lies in, so that the margin goes on falling.
    let part = withoutGradients {
      (1...4).reduce(Tensor.zeros(like: cosine)) { sum, quarter in
        sum + cosine.lessOrEqual(cos(Double(quarter) * 3.14159265 / 4)).asType(.float32)
      }
    }
    let sign = 1 - (part - (part / 2).floor() * 2) * 2
    return (cosine * length, (sign * fourfold - part * 2) * length)
  }
}

/// How well crops are told apart: cross-entropy in which the own identity's angle counts four times the more, the longer
/// the training.
///
/// Source: clcarwin/sphereface_pytorch `net_sphere.py` `AngleLoss` with γ = 0.
///
/// - Parameter call: how often the loss was taken in the run, this time included.
func angularLoss(_ judgement: FaceRecogniser.Judgement, _ identities: Tensor, call: Int) -> Tensor {
  let easing = max(5, 1500 / (1 + 0.1 * Double(call)))
  let own = identities.oneHot(judgement.cosine.shape[1])
  let logits = judgement.cosine + own * (judgement.margin - judgement.cosine) / (1 + easing)
  return crossEntropy(logits, identities)
}

/// A small recogniser that learns from the training's own identities.
private final class SmallRecogniser: FaceRecogniser {
  private let conv1: Conv2d
  private let relu1: PReLU
  private let conv2: Conv2d
  private let relu2: PReLU
  private let fc5: Linear

  init(_ configuration: FaceIdentityTransformer.Configuration, using stream: RandomStream) {
    let width = configuration.recognizerChannels
    func convolution(_ inputs: Int, _ outputs: Int) -> Conv2d {
      Conv2d(
        inputChannels: inputs, outputChannels: outputs, kernelSize: 3, stride: 4, padding: 1, using: stream)
    }
    conv1 = convolution(3, width)
    relu1 = PReLU(channels: width)
    conv2 = convolution(width, width + 4)
    relu2 = PReLU(channels: width + 4)
    fc5 = Linear(
      inputFeatures: (width + 4) * 7 * 6, outputFeatures: configuration.featureSize, using: stream)
    super.init(
      featureSize: configuration.featureSize, identities: configuration.identities, using: stream)
  }

  override func features(_ crops: Tensor) -> Tensor {
    fc5(relu2(conv2(relu1(conv1(crops)))).flattened(from: 1))
  }
}

/// SphereFace's network of twenty layers, which begins with its authors' weights.
final class SphereFaceRecogniser: FaceRecogniser {
  private let layers: SphereFaceLayers

  init(identities: Int, using stream: RandomStream) {
    layers = SphereFaceLayers(using: stream)
    super.init(featureSize: 512, identities: identities, using: stream)
  }

  override func features(_ crops: Tensor) -> Tensor { layers(crops) }

  /// Takes over weights; the identities' directions stay drawn.
  func begin(with network: SphereFaceNetwork) {
    network.requireWeights()
    withoutGradients {
      for (own, theirs) in zip(layers.parameters(), network.layers.parameters()) { own.copy(from: theirs) }
    }
  }

  override func members() -> [Member] { layers.members() + [.child(name: "fc6", module: fc6)] }
}
