/// What arrangements of images share: they are prepared alike for all parts, and serve images, maps of
/// labels, labels and numbers.
public protocol PictureArrangement: DataArrangement {
  /// How images are made ready for an opening.
  func preparation(_ opening: DataOpening) throws(DatasetError) -> JointPreparation
}

extension PictureArrangement {
  /// Where both prepare images alike.
  public func serves(_ part: DataPart, surveyedFor first: DataOpening, _ opening: DataOpening) -> Bool {
    let (then, now) = (try? preparation(first), try? preparation(opening))
    return then != nil && then == now
  }

  /// Labels of too many classes, and what is no image, label or number.
  public func refusal(of field: Field, _ description: DatasetDescription) -> String? {
    switch field.kind {
    case .label(let classes):
      let found = description.classNames.count
      return found > classes ? "it has \(found) classes, and the configuration has \(classes)" : nil
    case .image, .labelMap, .features: return nil
    default: return "pictures and labels cannot serve the field '\(field.name)'"
    }
  }
}

extension DataOpening {
  /// The fields that are images, as they are prepared.
  ///
  /// - Throws: ``DatasetError/invalid(reason:)`` where there are none.
  public func pictures() throws(DatasetError) -> [PictureField] {
    let pictures = fields.compactMap { field -> PictureField? in
      switch field.kind {
      case .image(let channels, let height, let width, _):
        PictureField(field.name, .picture(channels: channels), height: height, width: width)
      case .labelMap(let classes, let height, let width):
        PictureField(
          field.name, .labelMap(classes: field.name == "instance" ? nil : classes), height: height,
          width: width)
      default: nil
      }
    }
    guard !pictures.isEmpty else {
      throw .invalid(
        reason: "the system takes no pictures, only \(fields.map(\.name).joined(separator: ", "))")
    }
    return pictures
  }

  /// Images that are changed together.
  public func joint(_ pictures: [PictureField], _ source: String, _ target: String) -> JointPreparation {
    JointPreparation(
      pictures, source: source, target: target, fit: reading.fit,
      augmentation: keepsSize ? JointAugmentation() : changes, keepsSize: keepsSize)
  }

  /// The first image by itself, whose value is called `image` whatever the field's name.
  public func alone() throws(DatasetError) -> JointPreparation {
    var field = try pictures()[0]
    field.name = "image"
    return joint([field], "image", "image")
  }
}
