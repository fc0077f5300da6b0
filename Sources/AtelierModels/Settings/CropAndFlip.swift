public import AtelierCore

/// How training images are varied: enlarged, cropped at random, flipped.
public struct CropAndFlip: ConfigurationFragment {
  /// Size before the random crop; nil: what the system says.
  public var loadSize: Int?
  /// Whether images are flipped horizontally half of the time.
  public var flips = true

  /// Flipped, cropped as the system says.
  public init() {}

  /// Checks the values for training images whose longer side is `imageSize`.
  ///
  /// - Parameter side: what the error calls that side.
  func validate(imageSize: Int, calling side: String = "imageSize") throws(ConfigurationError) {
    guard let loadSize else { return }
    try Checks.require(
      loadSize >= imageSize, "loadSize is at least \(side), \(imageSize), not \(loadSize)")
  }
}

/// A configuration with ``CropAndFlip``, whose keys can be read and set like its own properties.
@dynamicMemberLookup
public protocol CroppedConfiguration: SystemConfiguration {
  /// How training images are varied.
  var crop: CropAndFlip { get set }
}

extension CroppedConfiguration {
  /// A key of ``crop``.
  public subscript<Value>(dynamicMember key: WritableKeyPath<CropAndFlip, Value>) -> Value {
    get { crop[keyPath: key] }
    set { crop[keyPath: key] = newValue }
  }
}
