import Foundation
public import Torch

/// How the colours of a new face are brought to those of the face that it takes the place of.
public enum ColourMatching: String, Sendable, Hashable, Codable, CaseIterable {
  /// They stay as they are.
  case none
  /// The means of red, green and blue.
  case mean
  /// The means and deviations of lightness and colour (Reinhard et al. 2001, in L*a*b*).
  case transfer
  /// The distributions of red, green and blue.
  case histogram
}

/// What puts a face into an image in the place of another: the mask's edge, the colours, the seam.
///
/// Images are `[1, 3, height, width]` and masks `[1, 1, height, width]`, float32 in 0 … 1; nothing here draws
/// random numbers or knows of faces. Sources of the operations: deepfakes/faceswap `plugins/convert` names them;
/// Reinhard et al. 2001, "Color Transfer between Images"; Pérez et al. 2003, "Poisson Image Editing".
public enum FaceBlending {
  // MARK: Masks

  /// A mask that ends `radius` pixels earlier on all sides: the minimum over a disc. Below 0 it ends later.
  ///
  /// Beyond the image the mask goes on as it is at the border.
  public static func eroded(_ mask: Tensor, radius: Double) -> Tensor {
    guard abs(radius) >= 1 else { return mask }
    // The maximum over a disc, of the complement where the mask shrinks.
    let grown = dilated(radius > 0 ? 1 - mask : mask, radius: abs(radius))
    return radius > 0 ? 1 - grown : grown
  }

  private static func dilated(_ mask: Tensor, radius: Double) -> Tensor {
    let (height, width) = (mask.shape[2], mask.shape[3])
    let reach = Int(radius)
    var result: Tensor?
    for row in -reach...reach {
      guard abs(row) < height else { continue }
      let half = min(Int((radius * radius - Double(row * row)).squareRoot()), width - 1)
      // Pools pad at most half of their kernel, and with what counts as nothing.
      let spread =
        half == 0 ? mask : maxPool2d(mask, kernelSize: (1, 2 * half + 1), stride: (1, 1), padding: (0, half))
      let shifted = spread.padded([0, 0, max(0, row), max(0, -row)])
        .narrow(2, from: max(0, -row), length: height)
      result = result.map { $0.maximum(shifted) } ?? shifted
    }
    return result ?? mask
  }

  /// A mask whose edge is soft: blurred by a Gaussian of a deviation in pixels, and the border continued.
  public static func feathered(_ mask: Tensor, deviation: Double) -> Tensor {
    guard deviation > 0 else { return mask }
    let reach = max(1, Int((3 * deviation).rounded(.up)))
    let values = (-reach...reach).map { Float(exp(-Double($0 * $0) / (2 * deviation * deviation))) }
    let sum = values.reduce(0, +)
    let kernel = Tensor(values.map { $0 / sum }, device: mask.device)
    let padded = mask.replicationPadded([reach, reach, reach, reach])
    let rows = conv2d(padded, kernel.reshaped([1, 1, 1, -1]))
    return conv2d(rows, kernel.reshaped([1, 1, -1, 1]))
  }

  /// A mask that falls to 0 at the borders of its image, so that no edge of it is seen.
  ///
  /// - Parameter share: the width of the falling border as a share of the longer side.
  public static func closedAtBorders(_ mask: Tensor, share: Double) -> Tensor {
    let (height, width) = (mask.shape[2], mask.shape[3])
    let border = share * Double(max(height, width))
    guard border > 0 else { return mask }
    func ramp(_ count: Int) -> Tensor {
      Tensor(
        (0..<count).map { place in
          Float(min(1, (Double(min(place, count - 1 - place)) + 0.5) / border))
        }, device: mask.device)
    }
    return mask * ramp(height).reshaped([1, 1, height, 1]) * ramp(width).reshaped([1, 1, 1, width])
  }

  // MARK: Colours

  /// A new face in the colours of the old one, both as seen through the mask; outside of it nothing is counted.
  public static func matched(
    _ new: Tensor, to old: Tensor, within mask: Tensor, by matching: ColourMatching
  ) -> Tensor {
    let total = mask.sum().item()
    guard total > 0 else { return new }
    switch matching {
    case .none: return new
    case .mean:
      let difference = ((old - new) * mask).sum(dims: [2, 3], keepDim: true) / total
      return (new + difference).clamped(min: 0, max: 1)
    case .transfer:
      let (own, wanted) = (LabColour.lab(of: new), LabColour.lab(of: old))
      func statistics(_ lab: Tensor) -> (mean: Tensor, deviation: Tensor) {
        let mean = (lab * mask).sum(dims: [2, 3], keepDim: true) / total
        let variance = ((lab - mean).square() * mask).sum(dims: [2, 3], keepDim: true) / total
        return (mean, variance.sqrt())
      }
      let (ours, theirs) = (statistics(own), statistics(wanted))
      // A plain face has no deviation that could be brought to another.
      let factor = theirs.deviation / ours.deviation.clamped(min: 0.1)
      return LabColour.rgb(of: (own - ours.mean) * factor + theirs.mean)
    case .histogram: return histogramMatched(new, to: old, within: mask)
    }
  }

  /// Each channel's values replaced by those of the same rank in the old face, among the pixels of the mask.
  private static func histogramMatched(_ new: Tensor, to old: Tensor, within mask: Tensor) -> Tensor {
    let inside = mask.reshaped([-1]).floats().map { $0 > 0.5 }
    let places = inside.indices.filter { inside[$0] }
    guard !places.isEmpty else { return new }
    let count = inside.count
    var values = new.contiguous().floats()
    let wanted = old.contiguous().floats()
    for channel in 0..<new.shape[1] {
      let own = places.map { values[channel * count + $0] }
      let sorted = places.map { wanted[channel * count + $0] }.sorted()
      // Values that are equal stay equal: all of them get the value at the middle of their ranks.
      let order = own.indices.sorted { own[$0] < own[$1] }
      var start = 0
      while start < order.count {
        var end = start
        while end + 1 < order.count, own[order[end + 1]] == own[order[start]] { end += 1 }
        let middle = Double(start + end) / 2
        let below = Int(middle)
        let above = min(below + 1, sorted.count - 1)
        let part = Float(middle - Double(below))
        let value = sorted[below] * (1 - part) + sorted[above] * part
        for rank in start...end { values[channel * count + places[order[rank]]] = value }
        start = end + 1
      }
    }
    return Tensor(values, shape: new.shape, device: new.device)
  }

  // MARK: Seams

  /// The new face where the mask is, the old image elsewhere.
  public static func blended(_ new: Tensor, over old: Tensor, mask: Tensor) -> Tensor {
    old + (new - old) * mask
  }

  /// The old image, in which the region of the mask has the new image's differences between neighbouring pixels and no
  /// seam: the solution of Poisson's equation with the old image's values around it.
  ///
  /// - Parameters:
  ///   - mask: the region is where it is above one half; it never reaches the image's border pixels.
  ///   - tolerance: the largest difference from the solution's equation, a share of white.
  public static func seamless(
    _ new: Tensor, into old: Tensor, mask: Tensor, tolerance: Double = 1e-4, iterations: Int = 1000
  ) -> Tensor {
    let (height, width) = (old.shape[2], old.shape[3])
    guard height > 2, width > 2 else { return old }
    let frame = Tensor.ones([1, 1, height - 2, width - 2], device: old.device).padded([1, 1, 1, 1])
    let region = mask.greater(0.5).asType(old.dtype) * frame
    guard region.sum().item() > 0 else { return old }
    // Four times a pixel without its neighbours; border pixels lie outside of every region.
    func laplacian(_ x: Tensor) -> Tensor {
      let wide = x.replicationPadded([1, 1, 1, 1])
      let upright = wide.narrow(2, from: 0, length: height) + wide.narrow(2, from: 2, length: height)
      let flat = wide.narrow(3, from: 0, length: width) + wide.narrow(3, from: 2, length: width)
      return x * 4 - upright.narrow(3, from: 1, length: width) - flat.narrow(2, from: 1, length: height)
    }
    func product(_ a: Tensor, _ b: Tensor) -> Tensor { (a * b).sum(dims: [2, 3], keepDim: true) }
    // Unknown is the correction of the new image, which is harmonic inside and given outside.
    let known = (old - new) * (1 - region)
    var correction = Tensor.zeros(like: old)
    var residual = -laplacian(known) * region
    var direction = residual
    var square = product(residual, residual)
    for _ in 0..<iterations {
      guard residual.abs().max().item() > tolerance else { break }
      let image = laplacian(direction) * region
      let length = square / product(direction, image).clamped(min: 1e-30)
      correction = correction + direction * length
      residual = residual - image * length
      let next = product(residual, residual)
      direction = residual + direction * (next / square.clamped(min: 1e-30))
      square = next
    }
    return (old * (1 - region) + (new + correction) * region).clamped(min: 0, max: 1)
  }
}
