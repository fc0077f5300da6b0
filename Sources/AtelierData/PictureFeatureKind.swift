/// What describes an image as a vector.
public enum PictureFeatureKind: String, Sendable, Hashable, Codable, CaseIterable {
  /// The 4096 values of VGG16's second dense layer, behind its ReLU; the user gives the weights.
  case vgg16 = "vgg16-fc7"
  /// The 1280 pooled values of EfficientNet-Lite0.
  case efficientNetLite0 = "efficientnet-lite0"
  /// The image itself at 16×16, 768 values in -1 … 1: a floor for comparison, and for tests.
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
