public import AtelierCore
import Perception
package import Torch
package import TorchNN

/// How training faces are varied: in colour, turned, enlarged and moved, flipped; what the encoder sees is then warped, and
/// what it is compared with is not.
///
/// Source: deepfakes/faceswap `lib/training/augmentation.py` with the values of its configuration.
public struct FaceAugmentation: ConfigurationFragment {
  /// Deviation of the warp's 5 × 5 points in pixels of an image of 256; 0: the encoder sees faces as they are.
  public var warp = 5.0
  /// Faces are turned by up to so many degrees, either way.
  public var rotation = 10.0
  /// Faces are enlarged or made smaller by up to this share.
  public var zoom = 0.05
  /// Faces are moved by up to this share of the size, across and down.
  public var shift = 0.05
  /// The share of faces that are flipped horizontally.
  public var flip = 0.5
  /// Up to which share of its room lightness is raised or lowered, in images of three channels.
  public var lightness = 0.3
  /// The same of the two colours beside lightness.
  public var colour = 0.08

  /// The authors'.
  public init() {}

  /// Checks the values.
  func validate() throws(ConfigurationError) {
    try Checks.notNegative(["warp": warp, "rotation": rotation])
    try Checks.belowOne(["zoom": zoom, "shift": shift, "lightness": lightness, "colour": colour])
    try Checks.require((0...1).contains(flip), "flip lies in 0 … 1, not at \(flip)")
  }

  /// What the encoder sees of faces and what it is compared with, each `[batch, channels, size, size]`.
  ///
  /// - Parameters:
  ///   - faces: the same, in 0 … 1; a fourth channel is a mask, and has no colour.
  ///   - side: whose faces they are, in the names of the draws.
  package func callAsFunction(_ faces: Tensor, side: String, draws: any Draws) -> (
    source: Tensor, target: Tensor
  ) {
    let target = flipped(moved(coloured(faces, side, draws), side, draws), side, draws)
    return (warped(target, side, draws), target)
  }

  /// Uniform numbers in -bound … bound.
  private func spread(_ name: String, _ shape: [Int], _ draws: any Draws, within bound: Double) -> Tensor {
    (draws.uniform(name, shape) * 2 - 1) * bound
  }

  /// Moves lightness and the two colours towards their largest or their smallest value.
  package func coloured(_ faces: Tensor, _ side: String, _ draws: any Draws) -> Tensor {
    guard lightness > 0 || colour > 0, faces.shape[1] >= 3 else { return faces }
    let amounts = Tensor(
      [lightness, colour, colour].map { Float($0) }, shape: [1, 3, 1, 1], device: faces.device)
    let change = spread("\(side).colour", [faces.shape[0], 3, 1, 1], draws, within: 1) * amounts
    // Each in 0 … 255, as in images of 8 bits.
    let scale = Tensor([2.55, 1, 1] as [Float], shape: [1, 3, 1, 1], device: faces.device)
    let origin = Tensor([0, 128, 128] as [Float], shape: [1, 3, 1, 1], device: faces.device)
    let values = LabColour.lab(of: faces.narrow(1, from: 0, length: 3)) * scale + origin
    let moved = values + (255 - values) * change.relu() - values * (-change).relu()
    let colours = LabColour.rgb(of: (moved - origin) / scale)
    guard faces.shape[1] > 3 else { return colours }
    return .concatenated([colours, faces.narrow(1, from: 3, length: faces.shape[1] - 3)], dim: 1)
  }

  /// Turns, enlarges and moves; beyond the border stands what stands at it.
  package func moved(_ faces: Tensor, _ side: String, _ draws: any Draws) -> Tensor {
    guard rotation > 0 || zoom > 0 || shift > 0 else { return faces }
    let (batch, size) = (faces.shape[0], faces.shape[2])
    let angle = spread("\(side).rotation", [batch, 1, 1], draws, within: rotation * .pi / 180)
    let scale = spread("\(side).zoom", [batch, 1, 1], draws, within: zoom) + 1
    let offset = spread("\(side).shift", [batch, 2, 1, 1], draws, within: shift * Double(size))
    let centre = Double(size / 2)
    let places = Tensor.arange(size, device: faces.device).asType(.float32) - centre
    let x = places.reshaped([1, 1, size]) - offset.selected(dim: 1, index: 0)
    let y = places.reshaped([1, size, 1]) - offset.selected(dim: 1, index: 1)
    let (cosine, sine) = (angle.cos() / scale, angle.sin() / scale)
    return sampled(faces, x * cosine - y * sine + centre, x * sine + y * cosine + centre, padding: .border)
  }

  /// Flips some of the faces.
  package func flipped(_ faces: Tensor, _ side: String, _ draws: any Draws) -> Tensor {
    guard flip > 0 else { return faces }
    let chosen = draws.uniform("\(side).flip", [faces.shape[0], 1, 1, 1]).lessOrEqual(flip)
    return .select(chosen, faces.flipped([3]), faces)
  }

  /// Moves 5 × 5 points of a grid at random, and the image between them along.
  ///
  /// The authors' grid lies half a pixel off the image's, so that even points that stay move the image by that much.
  package func warped(_ faces: Tensor, _ side: String, _ draws: any Draws) -> Tensor {
    guard warp > 0 else { return faces }
    let (batch, size) = (faces.shape[0], faces.shape[2])
    let nodes = Tensor.linspace(0, Double(size), 5).to(faces.device)
    let across = nodes.reshaped([1, 1, 1, 5]).expanded([batch, 1, 5, 5])
    let down = nodes.reshaped([1, 1, 5, 1]).expanded([batch, 1, 5, 5])
    let moved =
      Tensor.concatenated([across, down], dim: 1)
      + draws.normal("\(side).warp", [batch, 2, 5, 5]) * (warp / 256 * Double(size))
    let wide = size + 2 * (size / 8)
    let maps = upsampleBilinear(moved, size: (wide, wide))
      .narrow(2, from: size / 8, length: size).narrow(3, from: size / 8, length: size)
    return sampled(
      faces, maps.selected(dim: 1, index: 0), maps.selected(dim: 1, index: 1), padding: .zeros)
  }

  /// Values at places `[batch, size, size]` in pixels, whose centres are whole numbers.
  private func sampled(_ faces: Tensor, _ x: Tensor, _ y: Tensor, padding: SamplingPadding) -> Tensor {
    let last = Double(max(1, faces.shape[2] - 1))
    let grid = Tensor.stacked([x, y], dim: 3) * (2 / last) - 1
    return gridSample(faces, at: grid, padding: padding, alignCorners: true)
  }
}
