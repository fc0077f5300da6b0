public import Foundation

/// Images with words: the features of an image and one of its tags, a number into the tags of the vocabulary.
public struct TaggedImages: DataArrangement {
  /// `tagged-images`
  public let id = "tagged-images"
  /// The field of the features.
  public var feature: String
  /// The field of the tag.
  public var tag: String
  /// What describes an image.
  public var features: PictureFeatureKind
  /// How often a word must occur in the training text to be known.
  public var minimumCount: Int

  /// Images with words.
  public init(feature: String, tag: String, features: PictureFeatureKind, minimumCount: Int) {
    self.feature = feature
    self.tag = tag
    self.features = features
    self.minimumCount = minimumCount
  }

  /// The training part, and its words as the artefact ``TagVocabulary/artefactName``.
  public func survey(_ place: URL, _ opening: DataOpening, _ artefacts: inout Artefacts) throws -> DataPart {
    let pictures = try openTaggedPictures(at: place)
    let vocabulary = try artefacts.value(TagVocabulary.artefactName) {
      try TagVocabulary(of: pictures, minimumCount: minimumCount)
    }
    return try part(pictures, .train, opening, vocabulary)
  }

  /// A part in the words of the artefact.
  public func open(
    _ place: URL, _ split: DatasetSplit, _ opening: DataOpening, _ artefacts: Artefacts
  ) throws -> DataPart {
    try part(
      try openTaggedPictures(at: place, split: split), split, opening,
      try artefacts.decode(TagVocabulary.self, TagVocabulary.artefactName))
  }

  /// Always: nothing depends on the opening.
  public func serves(_ part: DataPart, surveyedFor first: DataOpening, _ opening: DataOpening) -> Bool {
    true
  }

  private func part(
    _ pictures: TaggedPictures, _ split: DatasetSplit, _ opening: DataOpening, _ vocabulary: TagVocabulary
  ) throws -> DataPart {
    .examples(
      try TagDataset(
        pictures, split: split, features: try opening.describe(pictures, features), vocabulary: vocabulary,
        feature: feature, tag: tag))
  }
}
