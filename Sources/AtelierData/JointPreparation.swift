/// One image of an example as a system wants it.
public struct PictureField: Sendable, Hashable {
  /// What the image's values are.
  public enum Content: Sendable, Hashable {
    /// Colours, uint8 `[channels, height, width]`. More than four channels of a map of labels are one-hot:
    /// 255 in the channel of the label and 0 elsewhere.
    case picture(channels: Int)
    /// Class indices, int64 `[height, width]`; a label must be below `classes` (nil: any), but for 255,
    /// which by convention is unlabelled and becomes the last class where there is no class 255.
    case labelMap(classes: Int?)
  }

  /// The field's name, which the values of an example carry.
  public var name: String
  /// What the values are.
  public var content: Content
  /// Rows.
  public var height: Int
  /// Pixels in a row.
  public var width: Int

  /// Describes an image of an example.
  public init(_ name: String, _ content: Content, height: Int, width: Int) {
    self.name = name
    self.content = content
    self.height = height
    self.width = width
  }
}

/// How examples of several images are made ready.
public struct JointPreparation: Sendable, Hashable {
  /// The images; beside source and target only `instance`.
  public var fields: [PictureField]
  /// The field of the condition, or of the first of two unpaired sets.
  public var source: String
  /// The field that stands beside it.
  public var target: String
  /// What happens to images of other proportions.
  public var fit: ImagePreparation.Fit
  /// Random changes of training images.
  public var augmentation: JointAugmentation
  /// Whether images keep their own size, cut on the right and below to a multiple of the scale between
  /// the fields; for measures.
  public var keepsSize: Bool

  /// Describes a preparation.
  public init(
    _ fields: [PictureField], source: String, target: String, fit: ImagePreparation.Fit = .centerCrop,
    augmentation: JointAugmentation = JointAugmentation(), keepsSize: Bool = false
  ) {
    self.fields = fields
    self.source = source
    self.target = target
    self.fit = fit
    self.augmentation = augmentation
    self.keepsSize = keepsSize
  }

  /// Checks that the fields belong together.
  func validate() throws(DatasetError) {
    for field in fields {
      guard field.height > 0, field.width > 0 else {
        throw .invalid(reason: "the field '\(field.name)' has no size")
      }
      guard [source, target, "instance"].contains(field.name) else {
        throw .invalid(reason: "nothing in data of pairs can serve the field '\(field.name)'")
      }
      if let resizeTo = augmentation.resizeTo, resizeTo < max(field.height, field.width) {
        throw .invalid(
          reason:
            "pictures resized to \(resizeTo) are smaller than the crop of \(field.width) x \(field.height)"
        )
      }
      for other in fields where other.height * field.width != field.height * other.width {
        throw .invalid(
          reason: "the fields '\(field.name)' and '\(other.name)' have different proportions")
      }
    }
  }
}
