import AtelierCore
import Perception
import Torch
import TorchNN

/// The frozen networks whose features a perceptual loss compares.
public enum FeatureNetwork: String, Sendable, Hashable, Codable, CaseIterable {
  /// The thirteen convolutions of VGG16.
  case vgg16
  /// The sixteen convolutions of VGG19.
  case vgg19

  /// The network's layout.
  var architecture: VGG.Architecture { self == .vgg16 ? .vgg16 : .vgg19 }

  /// VGG19, which pix2pixHD and its relatives compare, or VGG16 where only that one may be there, with what is to be said
  /// of that.
  static func ofPix2PixHD(in store: WeightStore) -> (network: FeatureNetwork, remark: String?) {
    guard !store.contains(vgg19.rawValue) else { return (.vgg19, nil) }
    return (
      .vgg16,
      "VGG19, whose features the authors compare, is not there; VGG16's are compared in its place "
        + "(`atelier weights import` takes a VGG19)."
    )
  }
}

/// How the features of two images are compared.
public enum PerceptualCriterion: String, Sendable, Hashable, Codable, CaseIterable {
  /// The mean absolute difference, as BasicSR takes it.
  case l1
  /// The mean squared difference, as Johnson et al. and Ledig et al. take it.
  case l2
}

/// The difference of two images in the eyes of a network that was trained to name what photographs show.
///
/// Σ over layers of weight · criterion(φ(output), φ(target)), the features φ of a frozen VGG; gradients flow
/// to the output only. Super-resolution gives it images in 0 … 1, normalised as torchvision's weights want
/// them, pix2pixHD and its relatives images as they are. Source: Johnson et al. 2016, equation 2; BasicSR
/// `losses/basic_loss.py` `PerceptualLoss`.
struct PerceptualLoss {
  /// The network; weights come before training starts.
  let vgg: VGG
  private let layers: [(name: String, weight: Double)]
  private let criterion: PerceptualCriterion
  private let normalization: InputNormalization

  /// - Parameters:
  ///   - weights: layer names, `conv5_4` before and `relu5_4` behind the ReLU, and their factors.
  ///   - normalization: how images in 0 … 1 are prepared; `none` takes them in any range.
  /// - Throws: ``ConfigurationError`` that names an unknown layer.
  init(
    _ architecture: VGG.Architecture, weights: [String: Double], criterion: PerceptualCriterion,
    normalization: InputNormalization = .imagenet
  ) throws {
    // Sorted: the order of a dictionary must not decide the rounding of a sum.
    layers = weights.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    self.criterion = criterion
    self.normalization = normalization
    do throws(PerceptionError) {
      vgg = try VGG(architecture, upTo: layers.map(\.name))
    } catch {
      throw ConfigurationError("perceptualLayers: \(error)")
    }
  }

  /// The network as a system lists it.
  var network: Network {
    let layers = self.layers.map(\.name)
    return Network(vgg.architecture, vgg, frozenFrom: vgg.architecture) { [vgg] part, inputs in
      let images = try inputs.required("image")
      return vgg.activations(of: images, at: part.map { [$0] } ?? layers)
    }
  }

  /// The loss of `output` against `target`, both `[batch, channels, height, width]`, as a scalar.
  func callAsFunction(_ output: Tensor, _ target: Tensor) -> Tensor {
    let names = layers.map(\.name)
    func features(_ images: Tensor) -> [String: Tensor] {
      vgg.activations(of: normalization(images, from: .unit), at: names)
    }
    let wanted = withoutGradients { features(target) }
    let got = features(output)
    var total = Tensor(scalar: 0, device: output.device)
    for (name, weight) in layers {
      let (a, b) = (got.activation(name), wanted.activation(name))
      let part = (criterion == .l1 ? meanAbsoluteError(a, b) : meanSquaredError(a, b)) * weight
      total = total + part
    }
    return total
  }
}

extension [String: Tensor] {
  /// What a network computed at a layer that it was asked for; a missing one is an engine error, so that no
  /// term of a loss is left out in silence.
  func activation(_ name: String) -> Tensor {
    if let tensor = self[name] { return tensor }
    check(false, "nothing was computed at '\(name)', only at \(keys.sorted())")
    return .zeros([1])
  }
}

/// pix2pixHD's perceptual loss: mean absolute differences of a VGG's features of two images, weighted 1/32,
/// 1/16, 1/8, 1/4 and 1 from the first block to the fifth. The real side gets no gradient.
///
/// The images go in as they are, -1 … 1, without the normalisation that the VGG was trained with, as in the
/// authors' code. Source: NVlabs/SPADE `models/networks/loss.py` `VGGLoss`.
func perceptualDistance(_ network: VGG, _ fake: Tensor, _ real: Tensor) -> Tensor {
  let targets = withoutGradients { network.activations(of: real, at: perceptualLayers) }
  let own = network.activations(of: fake, at: perceptualLayers)
  let weights: [Double] = [1.0 / 32, 1.0 / 16, 1.0 / 8, 1.0 / 4, 1]
  var sum = Tensor(scalar: 0, device: fake.device)
  for (name, weight) in zip(perceptualLayers, weights) {
    sum = sum + meanAbsoluteError(own.activation(name), targets.activation(name)) * weight
  }
  return sum
}

/// The activations that ``perceptualDistance(_:_:_:)`` compares.
let perceptualLayers = ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"]

/// The VGG of a perceptual loss as a network that is never trained; nil where the loss is left out.
func perceptualNetwork(_ architecture: VGG.Architecture, weight: Double) throws -> (VGG, Network)? {
  guard weight > 0 else { return nil }
  let vgg = try VGG(architecture, upTo: perceptualLayers)
  let network = Network(architecture.rawValue, vgg, frozenFrom: architecture.rawValue) { _, inputs in
    vgg.activations(of: try inputs.required("image"), at: perceptualLayers)
  }
  return (vgg, network)
}
