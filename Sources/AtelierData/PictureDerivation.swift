/// How a condition is made from a picture on the fly, where a data set has pictures only.
public enum PictureDerivation: Sendable, Hashable, Codable {
  /// One channel of luminance.
  case grayscale
  /// A Gaussian blur with a deviation in pixels.
  case blur(sigma: Double)
  /// A picture whose sides are shorter by this factor, by bicubic interpolation with antialiasing.
  case downscale(factor: Int)
  /// Dark outlines on white.
  case edges
  /// The picture with a hole in its middle, a half of each side.
  case mask
}
