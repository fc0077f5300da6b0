import AtelierCore
public import Torch
public import TorchNN

/// Random changes of the images that a discriminator sees, real and generated alike, through which the
/// generator's gradient flows. With few images they keep the discriminator from learning them by heart.
///
/// Source: Zhao et al. 2020, "Differentiable Augmentation for Data-Efficient GAN Training", and its
/// `DiffAugment_pytorch.py`. Images are changed beside their condition: what moves, moves both.
public struct DiffAugment: Sendable, Hashable {
  /// A group of changes.
  public enum Change: String, Sendable, Hashable, Codable, CaseIterable {
    /// Brightness by ±½, saturation by 0 … 2, contrast by ½ … 1½. Conditions keep their colours, because
    /// a discriminator is to see whether the image fits them.
    case color
    /// Shifts by up to an eighth of the side, zeros behind.
    case translation
    /// A square of half the side set to zero.
    case cutout
  }

  /// What changes, in this order.
  public let changes: [Change]

  /// Changes of the given groups.
  public init(_ changes: [Change]) { self.changes = changes }

  /// Whether nothing changes.
  public var isEmpty: Bool { changes.isEmpty }

  /// Changed images `[batch, channels, height, width]`, behind their conditions where there are any.
  ///
  /// - Parameters:
  ///   - image: images in -1 … 1.
  ///   - condition: images of the same height and width, which come first along the channels.
  ///   - name: what the draws' names begin with: `<name>.brightness`, `.saturation`, `.contrast`,
  ///     `.translationX`, `.translationY`, `.cutoutX`, `.cutoutY`, each `[batch, 1, 1, 1]`.
  public func callAsFunction(
    _ image: Tensor, beside condition: Tensor? = nil, draws: any Draws, name: String
  ) -> Tensor {
    let coloured = changes.contains(.color) ? recoloured(image, draws, name) : image
    var joined = condition.map { Tensor.concatenated([$0, coloured], dim: 1) } ?? coloured
    for change in changes {
      switch change {
      case .color: break
      case .translation: joined = translated(joined, draws, name)
      case .cutout: joined = cut(joined, draws, name)
      }
    }
    return joined
  }

  private func recoloured(_ image: Tensor, _ draws: any Draws, _ name: String) -> Tensor {
    let shape = [image.shape[0], 1, 1, 1]
    var x = image + (draws.uniform(name + ".brightness", shape) - 0.5)
    let grey = x.mean(dims: [1], keepDim: true)
    x = (x - grey) * (draws.uniform(name + ".saturation", shape) * 2) + grey
    let mean = x.mean(dims: [1, 2, 3], keepDim: true)
    return (x - mean) * (draws.uniform(name + ".contrast", shape) + 0.5) + mean
  }

  private func translated(_ x: Tensor, _ draws: any Draws, _ name: String) -> Tensor {
    // An index into a border of zeros stands for everything from outside.
    func shifted(_ x: Tensor, _ dim: Int, _ drawName: String) -> Tensor {
      let shape = x.shape
      let side = shape[dim]
      let reach = Int(Double(side) * 0.125 + 0.5)
      let shift = draws.integers(drawName, below: 2 * reach + 1, [shape[0], 1, 1, 1]) - Double(reach)
      var along = [1, 1, 1, 1]
      along[dim] = side
      let indices = (Tensor.arange(side, device: x.device).reshaped(along) + shift + 1.0).clamped(
        min: 0, max: Double(side + 1))
      let border = dim == 2 ? [0, 0, 1, 1] : [1, 1, 0, 0]
      return x.padded(border).gathered(dim, indices.expanded(shape))
    }
    return shifted(shifted(x, 2, name + ".translationX"), 3, name + ".translationY")
  }

  private func cut(_ x: Tensor, _ draws: any Draws, _ name: String) -> Tensor {
    func covered(_ dim: Int, _ drawName: String) -> Tensor {
      let side = x.shape[dim]
      let length = Int(Double(side) * 0.5 + 0.5)
      let centre = draws.integers(drawName, below: side + 1 - length % 2, [x.shape[0], 1, 1, 1])
      var along = [1, 1, 1, 1]
      along[dim] = side
      let distance =
        Tensor.arange(side, device: x.device).reshaped(along) - centre + Double(length / 2)
      return distance.greaterOrEqual(0).logicalAnd(distance.less(Double(length))).asType(.float32)
    }
    return x * (1 - covered(2, name + ".cutoutX") * covered(3, name + ".cutoutY"))
  }
}
