public import Foundation

/// Single images, each with its label and, where there is a table, its numeric columns; every layout of
/// ``openDataset(at:split:preparation:options:)``.
public struct LabelledImages: ImageArrangement {
  /// `images`
  public let id = "images"

  /// Images with labels.
  public init() {}

  /// Images at their own size, to report sizes and channels; prepared as for training where they are
  /// augmented.
  public func survey(_ place: URL, _ opening: DataOpening, _ artefacts: inout Artefacts) throws -> DataPart {
    guard isPlain(opening) else { return try open(place, .train, opening, artefacts) }
    _ = try plain(opening)
    return .examples(
      try openDataset(at: place, split: .train, options: opening.reading.datasetOptions))
  }

  /// The part as a dataset with the values `image`, `label` and the numeric columns of a table.
  public func open(
    _ place: URL, _ split: DatasetSplit, _ opening: DataOpening, _ artefacts: Artefacts
  ) throws -> DataPart {
    let options = opening.reading.datasetOptions
    guard isPlain(opening) else {
      return .examples(try openAugmented(at: place, split: split, opening.alone(), options: options))
    }
    let preparation = try plain(opening)
    return .examples(
      try openDataset(
        at: place, split: split, preparation: opening.keepsSize ? nil : preparation, options: options))
  }

  /// True also where the stored images already have the wanted shape.
  public func serves(_ part: DataPart, surveyedFor first: DataOpening, _ opening: DataOpening) -> Bool {
    guard isPlain(opening) else {
      let (then, now) = (try? first.alone(), try? opening.alone())
      return !isPlain(first) && then != nil && then == now
    }
    return isPlain(first) && part.description.imageShape == (try? plain(opening))?.shape
  }

  /// `image` for images, `label` for labels, and the field's own name for numbers.
  public func valueName(of field: Field) -> String {
    switch field.kind {
    case .image: "image"
    case .label: "label"
    default: field.name
    }
  }

  /// Refuses labels of more classes than the field has, images of another shape, and other kinds of fields.
  public func refusal(of field: Field, _ description: DatasetDescription) -> String? {
    switch field.kind {
    case .image(let channels, let height, let width, _):
      let wanted = [channels, height, width]
      guard let shape = description.imageShape, shape != wanted else { return nil }
      return "its images are \(shape), and the field '\(field.name)' is \(wanted)"
    case .label(let classes):
      let found = description.classNames.count
      return found > classes ? "it has \(found) classes, and the configuration has \(classes)" : nil
    case .features: return nil
    default: return "images and labels cannot serve the field '\(field.name)'"
    }
  }

  /// The preparation of augmented images.
  public func preparation(_ opening: DataOpening) throws(DatasetError) -> JointPreparation {
    try opening.alone()
  }

  private func isPlain(_ opening: DataOpening) -> Bool {
    opening.changes == JointAugmentation() && opening.bucketMultiple == nil
  }

  private func plain(_ opening: DataOpening) throws(DatasetError) -> ImagePreparation {
    let first = try opening.pictures()[0]
    guard case .picture(let channels) = first.content else {
      throw .invalid(reason: "images and labels cannot serve the field '\(first.name)'")
    }
    return ImagePreparation(
      height: first.height, width: first.width, channels: channels, fit: opening.reading.fit)
  }
}
