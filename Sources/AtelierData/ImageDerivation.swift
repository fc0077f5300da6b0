public import AtelierMedia

/// How a condition is derived from an image while loading, where a data set has single images only.
public enum ImageDerivation: Sendable, Hashable, Codable {
  /// Luminance, one channel.
  case grayscale
  /// A Gaussian blur with standard deviation `sigma` in pixels.
  case blur(sigma: Double)
  /// Bicubic downsampling by `factor`, antialiased.
  case downscale(factor: Int)
  /// Canny edges, dark on white.
  case edges
  /// The image with a central hole of half its width and height: mid-grey, and transparent where the
  /// condition has a fourth channel.
  case mask

  /// All forms that ``init(parsing:)`` reads, for help texts.
  public static let forms = ["grayscale", "blur:SIGMA", "downscale:FACTOR", "edges", "mask"]

  /// Reads `grayscale`, `blur:3`, `downscale:4`, `edges` or `mask`; nil for anything else.
  public init?(parsing text: String) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    let number = parts.count == 2 ? Double(parts[1]) : nil
    switch (parts[0], parts.count) {
    case ("grayscale", 1): self = .grayscale
    case ("edges", 1): self = .edges
    case ("mask", 1): self = .mask
    case ("blur", 2):
      guard let number, number > 0, number <= 1000 else { return nil }
      self = .blur(sigma: number)
    case ("downscale", 2):
      guard let factor = Int(parts[1]), (2...64).contains(factor) else { return nil }
      self = .downscale(factor: factor)
    default: return nil
    }
  }

  /// The condition of an image, of the same size except for ``downscale(factor:)``.
  public func callAsFunction(_ image: Image) throws(ImageError) -> Image {
    switch self {
    case .grayscale: image.grey()
    case .blur(let sigma): try image.withoutAlpha().blurred(sigma: sigma)
    case .downscale(let factor):
      try image.withoutAlpha().resized(
        width: max(1, image.width / factor), height: max(1, image.height / factor), filter: .bicubic)
    case .edges: try image.outlines()
    case .mask: Self.withHole(image)
    }
  }

  private static func withHole(_ image: Image) -> Image {
    let opaque = image.withoutAlpha().with8Bits().converted(toChannels: 4)
    var bytes = opaque.bytes
    let (width, height) = (image.width, image.height)
    for y in (height / 4)..<(height / 4 + height / 2) {
      for x in (width / 4)..<(width / 4 + width / 2) {
        bytes.replaceSubrange((4 * (y * width + x))..<(4 * (y * width + x + 1)), with: [128, 128, 128, 0])
      }
    }
    return Image(width: width, height: height, channels: 4, bytes: bytes)
  }
}

extension ImageDerivation: CustomStringConvertible {
  /// The form that ``init(parsing:)`` reads.
  public var description: String {
    switch self {
    case .grayscale: "grayscale"
    case .blur(let sigma): "blur:\(sigma == sigma.rounded() ? String(Int(sigma)) : String(sigma))"
    case .downscale(let factor): "downscale:\(factor)"
    case .edges: "edges"
    case .mask: "mask"
    }
  }
}
