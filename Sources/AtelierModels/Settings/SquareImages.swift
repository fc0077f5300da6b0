public import AtelierCore
import AtelierData

/// The shape of square images that a system makes.
public struct SquareImages: ConfigurationFragment {
  /// Height and width of the images.
  public var imageSize: Int
  /// Channels of the images; taken from the data in training.
  public var imageChannels: Int

  /// Height and width, and channels.
  public init(imageSize: Int, imageChannels: Int) {
    (self.imageSize, self.imageChannels) = (imageSize, imageChannels)
  }

  /// Channels, height and width.
  var shape: [Int] { [imageChannels, imageSize, imageSize] }

  /// Checks the values.
  func validate() throws(ConfigurationError) {
    try Checks.positive(["imageSize": imageSize, "imageChannels": imageChannels])
  }
}

/// A configuration with ``SquareImages``, whose keys can be read and set like its own properties.
@dynamicMemberLookup
public protocol SquareImageConfiguration: SystemConfiguration {
  /// The shape of the images.
  var images: SquareImages { get set }
}

extension SquareImageConfiguration {
  /// A key of ``images``.
  public subscript<Value>(dynamicMember key: WritableKeyPath<SquareImages, Value>) -> Value {
    get { images[keyPath: key] }
    set { images[keyPath: key] = newValue }
  }

  /// Images decoded from normal latents, of a class where there are classes.
  func latentPlan(
    range: ImageRange = .signed, latentSize: Int, classes: Int? = nil
  ) -> SystemPlan {
    .latentImages(
      channels: images.imageChannels, size: images.imageSize, range: range,
      latent: LatentDecoding(size: latentSize, distribution: .normal, classes: classes), batchSize: batchSize)
  }
}
