/// The feature extractor of tagged images.
public enum ImageFeatureKind: String, Sendable, Hashable, Codable, CaseIterable {
  /// VGG16's second fully connected layer after its ReLU, 4096 values; needs weights from the user.
  case vgg16 = "vgg16-fc7"
  /// EfficientNet-Lite0 after global pooling, 1280 values.
  case efficientNetLite0 = "efficientnet-lite0"
  /// The image at 16×16, 768 values in -1 … 1: a baseline, and for tests.
  case pixels

  /// The length of the vector.
  public var size: Int {
    switch self {
    case .vgg16: 4096
    case .efficientNetLite0: 1280
    case .pixels: 768
    }
  }
}
