/// An arrangement of images, which serves images, label maps, labels and numbers, and prepares all parts
/// alike.
public protocol ImageArrangement: DataArrangement {
  /// The preparation of the images for an opening.
  func preparation(_ opening: DataOpening) throws(DatasetError) -> JointPreparation
}

extension ImageArrangement {
  /// True where both openings prepare images alike.
  public func serves(_ part: DataPart, surveyedFor first: DataOpening, _ opening: DataOpening) -> Bool {
    let (then, now) = (try? preparation(first), try? preparation(opening))
    return then != nil && then == now
  }

  /// Refuses labels of more classes than the field has, and fields other than images, labels and numbers.
  public func refusal(of field: Field, _ description: DatasetDescription) -> String? {
    switch field.kind {
    case .label(let classes):
      let found = description.classNames.count
      return found > classes ? "it has \(found) classes, and the configuration has \(classes)" : nil
    case .image, .labelMap, .features: return nil
    default: return "images and labels cannot serve the field '\(field.name)'"
    }
  }
}

extension DataOpening {
  /// The image fields with their preparation.
  ///
  /// - Throws: ``DatasetError/invalid(reason:)`` where there are none.
  public func pictures() throws(DatasetError) -> [ImageField] {
    let pictures = fields.compactMap { field -> ImageField? in
      switch field.kind {
      case .image(let channels, let height, let width, _):
        ImageField(field.name, .picture(channels: channels), height: height, width: width)
      case .labelMap(let classes, let height, let width):
        ImageField(
          field.name, .labelMap(classes: field.name == "instance" ? nil : classes), height: height,
          width: width)
      default: nil
      }
    }
    guard !pictures.isEmpty else {
      throw .invalid(
        reason: "the system takes no images, only \(fields.map(\.name).joined(separator: ", "))")
    }
    return pictures
  }

  /// A preparation in which all images share the random transform.
  public func joint(_ pictures: [ImageField], _ source: String, _ target: String) -> JointPreparation {
    JointPreparation(
      pictures, source: source, target: target, fit: reading.fit,
      augmentation: keepsSize ? JointAugmentation() : changes, keepsSize: keepsSize,
      bucketMultiple: keepsSize ? nil : bucketMultiple)
  }

  /// A preparation of the first image alone; its value is named `image` whatever the field's name.
  public func alone() throws(DatasetError) -> JointPreparation {
    var field = try pictures()[0]
    field.name = "image"
    return joint([field], "image", "image")
  }
}
