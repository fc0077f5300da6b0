public import Torch

/// The range of the images that a caller passes.
public enum PixelRange: String, Sendable, Hashable, Codable {
  /// -1 … 1.
  case signed
  /// 0 … 1.
  case unit
  /// 0 … 255.
  case bytes
}

/// The input preprocessing of a perception network's weights.
///
/// It depends on the weights *and* on the loss. Preprocessing for other weights is a silent error: everything
/// runs, but the loss means something else.
public enum InputNormalization: String, Sendable, Hashable, Codable, CaseIterable {
  /// No change. SPADE, SEAN, pix2pixHD, Everybody Dance Now and vid2vid give torchvision's VGG19 images in -1
  /// … 1 this way.
  case none
  /// torchvision's weights: RGB in 0 … 1, minus (0.485, 0.456, 0.406), over (0.229, 0.224, 0.225).
  case imagenet
  /// Weights trained in Caffe: BGR in 0 … 255, minus (103.939, 116.779, 123.68), as in Gatys' and Johnson's
  /// programs.
  case caffe
  /// LPIPS: RGB in -1 … 1, minus (-0.030, -0.088, -0.188), over (0.458, 0.448, 0.450). torchvision's
  /// normalisation, rounded.
  case lpips
  /// EfficientNet-Lite: RGB in 0 … 255, minus 127, over 128.
  case lite

  /// The images, preprocessed.
  ///
  /// - Parameters:
  ///   - images: `[batch, 3, height, width]` in RGB; grey images of one channel are repeated.
  ///   - range: the range of the images; ignored by ``none``.
  public func callAsFunction(_ images: Tensor, from range: PixelRange) -> Tensor {
    guard
      check(
        images.rank == 4, "perception networks take [batch, channels, height, width], not \(images.shape)")
    else { return images }
    var x = images
    if x.shape[1] == 1 { x = x.expanded([x.shape[0], 3, x.shape[2], x.shape[3]]) }
    guard check(x.shape[1] == 3, "perception networks take images of 1 or 3 channels, not \(images.shape)")
    else { return x }
    func channels(_ values: [Float]) -> Tensor { Tensor(values, shape: [1, 3, 1, 1], device: x.device) }
    switch self {
    case .none: return x
    case .imagenet:
      return (converted(x, range, to: .unit) - channels([0.485, 0.456, 0.406]))
        / channels([0.229, 0.224, 0.225])
    case .caffe:
      return converted(x, range, to: .bytes).flipped([1]) - channels([103.939, 116.779, 123.68])
    case .lpips:
      return (converted(x, range, to: .signed) - channels([-0.030, -0.088, -0.188]))
        / channels([0.458, 0.448, 0.450])
    case .lite: return (converted(x, range, to: .bytes) - 127) / 128
    }
  }

  private func converted(_ x: Tensor, _ range: PixelRange, to wanted: PixelRange) -> Tensor {
    switch (range, wanted) {
    case (.signed, .unit): (x + 1) / 2
    case (.signed, .bytes): (x + 1) * 127.5
    case (.unit, .signed): x * 2 - 1
    case (.unit, .bytes): x * 255
    case (.bytes, .unit): x / 255
    case (.bytes, .signed): x / 127.5 - 1
    default: x
    }
  }
}
