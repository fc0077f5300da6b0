public import Foundation

/// Two sets of images without correspondence.
public struct UnpairedImages: ImageArrangement {
  /// `unpaired-images`
  public let id = "unpaired-images"
  /// The field of the first set.
  public var first: String
  /// The field of the second set.
  public var second: String

  /// Whether the sides have names, those of their folders, as people have.
  public var namesSides: Bool

  /// Two sets for the given fields.
  public init(_ first: String, _ second: String, namesSides: Bool = false) {
    self.first = first
    self.second = second
    self.namesSides = namesSides
  }

  /// The part as a dataset whose values carry the names of their fields.
  public func open(
    _ place: URL, _ split: DatasetSplit, _ opening: DataOpening, _ artefacts: Artefacts
  ) throws -> DataPart {
    .examples(
      try openUnpaired(
        at: place, split: split, preparation(opening), options: opening.reading.datasetOptions,
        namesSides: namesSides))
  }

  /// Each image gets a random transform of its own.
  public func preparation(_ opening: DataOpening) throws(DatasetError) -> JointPreparation {
    opening.joint(try opening.pictures(), first, second)
  }
}
