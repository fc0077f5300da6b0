public import AtelierMedia

/// The size and channels of a system's images, and how any image is converted to them.
public struct ImagePreparation: Sendable, Codable, Hashable {
  /// How an image of another aspect ratio is fitted.
  public enum Fit: String, Sendable, Codable, Hashable, CaseIterable {
    /// Resize to cover the frame, and crop the excess.
    case centerCrop
    /// Resize to the frame without keeping the aspect ratio.
    case stretch
    /// Resize to fit into the frame, and pad with black.
    case pad
  }

  /// Rows.
  public var height: Int
  /// Pixels in a row.
  public var width: Int
  /// 1 grey, 3 RGB, 4 RGBA; more only where the images have as many.
  public var channels: Int
  /// How an image of another aspect ratio is fitted.
  public var fit: Fit
  /// How alpha is removed where there is no channel for it.
  public var alpha: AlphaRule

  /// Images of `channels` x `height` x `width`.
  public init(
    height: Int, width: Int, channels: Int, fit: Fit = .centerCrop, alpha: AlphaRule = .flattenOnWhite
  ) {
    self.height = height
    self.width = width
    self.channels = channels
    self.fit = fit
    self.alpha = alpha
  }

  /// `[channels, height, width]`.
  public var shape: [Int] { [channels, height, width] }

  /// The image resized and converted, with 8 bits per sample.
  public func callAsFunction(_ image: Image) throws(ImageError) -> Image { try self(image, depth: 8) }

  /// The image resized and converted, with 8 or 16 bits per sample.
  func callAsFunction(_ image: Image, depth: Int) throws(ImageError) -> Image {
    guard (1...4).contains(channels) || channels == image.channels else {
      throw .invalid(reason: "it has \(image.channels) channels, and \(channels) are needed")
    }
    // Channels first, so that fewer are resized; 16 bits are kept until the end.
    let converted = image.converted(toChannels: channels, alpha: alpha)
    let sized =
      switch fit {
      case .centerCrop: try converted.resizedToFill(width: width, height: height)
      case .stretch: try converted.resized(width: width, height: height)
      case .pad: try converted.resizedToFit(width: width, height: height)
      }
    return sized.withDepth(depth)
  }

  /// Prepares planar 8-bit images of one size together: the same result as one by one, much faster.
  ///
  /// - Parameters:
  ///   - pixels: `count` images of `shape`, one after the other.
  ///   - shape: `[channels, height, width]` with 1 or 3 channels.
  func planar(_ pixels: [UInt8], count: Int, shape: [Int]) throws(ImageError) -> [UInt8] {
    guard [1, 3].contains(shape[0]), [1, 3].contains(channels) else {
      var result: [UInt8] = []
      let size = shape.reduce(1, *)
      for index in 0..<count {
        let image = Image(
          planar: pixels[(index * size)..<((index + 1) * size)], channels: shape[0], height: shape[1],
          width: shape[2])
        result.append(contentsOf: try self(image).planarBytes())
      }
      return result
    }
    let plane = shape[1] * shape[2]
    var planes = pixels
    if shape[0] == 3 && channels == 1 {
      planes = []
      planes.reserveCapacity(count * plane)
      for index in 0..<count {
        let picture = pixels[(index * 3 * plane)..<((index + 1) * 3 * plane)]
        planes.append(
          contentsOf: Image(planar: picture, channels: 3, height: shape[1], width: shape[2]).grey().bytes)
      }
    }
    let rule: PlaneStack.Fit =
      switch fit {
      case .centerCrop: .fill
      case .stretch: .stretch
      case .pad: .pad
      }
    let resized = try PlaneStack(
      bytes: planes, count: planes.count / plane, height: shape[1], width: shape[2]
    ).resized(width: width, height: height, fit: rule).bytes
    guard shape[0] == 1 && channels == 3 else { return resized }
    // Grey is expanded to RGB after resizing: a third of the work, and the same values.
    let size = width * height
    var result: [UInt8] = []
    result.reserveCapacity(3 * resized.count)
    for index in 0..<count {
      for _ in 0..<3 { result.append(contentsOf: resized[(index * size)..<((index + 1) * size)]) }
    }
    return result
  }
}
