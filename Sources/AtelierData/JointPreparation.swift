/// The preparation of one image of an example.
public struct ImageField: Sendable, Hashable {
  /// The content of an image.
  public enum Content: Sendable, Hashable {
    /// An image, uint8 `[channels, height, width]`. A label map with more than four channels is one-hot
    /// encoded: 255 in the channel of the label and 0 elsewhere.
    case picture(channels: Int)
    /// Class indices, int64 `[height, width]`. Labels must be below `classes` (nil: any), except 255, by
    /// convention unlabelled, which becomes the last class where there is no class 255.
    case labelMap(classes: Int?)
  }

  /// The name of the field and of its value in an example.
  public var name: String
  /// The content.
  public var content: Content
  /// Rows.
  public var height: Int
  /// Pixels in a row.
  public var width: Int

  /// A field of the given content and size.
  public init(_ name: String, _ content: Content, height: Int, width: Int) {
    self.name = name
    self.content = content
    self.height = height
    self.width = width
  }
}

/// The preparation of examples of several images.
public struct JointPreparation: Sendable, Hashable {
  /// The image fields: source, target and, at most, `instance`.
  public var fields: [ImageField]
  /// The field of the condition, or of the first unpaired set.
  public var source: String
  /// The field of the target.
  public var target: String
  /// How images of another aspect ratio are fitted.
  public var fit: ImagePreparation.Fit
  /// The augmentation of training images.
  public var augmentation: JointAugmentation
  /// Whether images keep their own size, for measures; they are cropped on the right and at the bottom to a
  /// multiple of the scale between the fields.
  public var keepsSize: Bool
  /// What the sides of images are multiples of that keep their proportions; nil: images have the fields' size.
  public var bucketMultiple: Int?

  /// A preparation of the given fields.
  public init(
    _ fields: [ImageField], source: String, target: String, fit: ImagePreparation.Fit = .centerCrop,
    augmentation: JointAugmentation = JointAugmentation(), keepsSize: Bool = false,
    bucketMultiple: Int? = nil
  ) {
    self.fields = fields
    self.source = source
    self.target = target
    self.fit = fit
    self.augmentation = augmentation
    self.keepsSize = keepsSize
    self.bucketMultiple = bucketMultiple
  }

  /// Checks that the fields belong together.
  func validate() throws(DatasetError) {
    for field in fields {
      guard field.height > 0, field.width > 0 else {
        throw .invalid(reason: "the field '\(field.name)' has no size")
      }
      guard [source, target, "instance"].contains(field.name) else {
        throw .invalid(reason: "data of pairs cannot serve the field '\(field.name)'")
      }
      if let resizeTo = augmentation.resizeTo, resizeTo < max(field.height, field.width) {
        throw .invalid(
          reason:
            "images resized to \(resizeTo) are smaller than the crop of \(field.width) x \(field.height)"
        )
      }
      for other in fields where other.height * field.width != field.height * other.width {
        throw .invalid(
          reason: "the fields '\(field.name)' and '\(other.name)' have different aspect ratios")
      }
    }
  }
}
