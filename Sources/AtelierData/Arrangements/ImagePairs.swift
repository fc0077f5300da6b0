public import Foundation

/// Two aligned images an example: pairs of files, halves of one file, or one image and what is derived from
/// it.
public struct ImagePairs: PictureArrangement {
  /// `image-pairs`
  public let id = "image-pairs"
  /// The field of the condition.
  public var source: String
  /// The field that stands beside it.
  public var target: String
  /// How the source is made from single images, unless the user asks for another way; nil: pairs as they lie.
  public var derivation: PictureDerivation?

  /// Aligned pairs.
  public init(source: String, target: String, derivation: PictureDerivation? = nil) {
    self.source = source
    self.target = target
    self.derivation = derivation
  }

  /// A part, each value under its field's name.
  public func open(
    _ place: URL, _ split: DatasetSplit, _ opening: DataOpening, _ artefacts: Artefacts
  ) throws -> DataPart {
    .examples(
      try openPairs(
        at: place, split: split, preparation(opening), derivation: derivation,
        options: opening.reading.datasetOptions))
  }

  /// Both images are changed together.
  public func preparation(_ opening: DataOpening) throws(DatasetError) -> JointPreparation {
    opening.joint(try opening.pictures(), source, target)
  }
}
