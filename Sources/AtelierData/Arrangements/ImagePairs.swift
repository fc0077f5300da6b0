public import Foundation

/// Two aligned images per example: pairs of files, halves of one file, or an image and a condition derived
/// from it.
public struct ImagePairs: ImageArrangement {
  /// `image-pairs`
  public let id = "image-pairs"
  /// The field of the condition.
  public var source: String
  /// The field of the target.
  public var target: String
  /// How the source is derived from single images by default; nil requires pairs.
  public var derivation: ImageDerivation?

  /// Aligned pairs of the given fields.
  public init(source: String, target: String, derivation: ImageDerivation? = nil) {
    self.source = source
    self.target = target
    self.derivation = derivation
  }

  /// The part as a dataset whose values carry the names of their fields.
  public func open(
    _ place: URL, _ split: DatasetSplit, _ opening: DataOpening, _ artefacts: Artefacts
  ) throws -> DataPart {
    var options = opening.reading.datasetOptions
    options.sourcesAreLabelMaps = opening.sourcesAreLabelMaps
    return .examples(
      try openPairs(
        at: place, split: split, preparation(opening), derivation: derivation, options: options))
  }

  /// The classes and their colours; sources stand for labels where the data's were maps of them.
  public func names(
    of field: Field, _ description: DatasetDescription, _ artefacts: Artefacts
  ) throws -> FieldNames {
    FieldNames(
      classes: description.classNames, colours: description.classColours ?? [],
      standForLabels: field.name == source && description.sourcesAreLabelMaps)
  }

  /// Both images get the same random transform.
  public func preparation(_ opening: DataOpening) throws(DatasetError) -> JointPreparation {
    opening.joint(try opening.pictures(), source, target)
  }
}
