public import Foundation

/// Tagged images: the features of an image, and the index of one of its tags in the vocabulary.
public struct TaggedImages: DataArrangement {
  /// `tagged-images`
  public let id = "tagged-images"
  /// The field of the image features.
  public var feature: String
  /// The field of the tag.
  public var tag: String
  /// The feature extractor.
  public var features: ImageFeatureKind
  /// The number of occurrences in the training text below which a word is unknown.
  public var minimumCount: Int

  /// Tagged images.
  public init(feature: String, tag: String, features: ImageFeatureKind, minimumCount: Int) {
    self.feature = feature
    self.tag = tag
    self.features = features
    self.minimumCount = minimumCount
  }

  /// Opens the training part, and adds its vocabulary as the artefact ``TagVocabulary/artefactName``.
  public func survey(_ place: URL, _ opening: DataOpening, _ artefacts: inout Artefacts) throws -> DataPart {
    let pictures = try openTaggedImages(at: place)
    let vocabulary = try artefacts.value(TagVocabulary.artefactName) {
      try TagVocabulary(of: pictures, minimumCount: minimumCount)
    }
    return try part(pictures, .train, opening, vocabulary)
  }

  /// The part, with tags of the artefact's vocabulary.
  public func open(
    _ place: URL, _ split: DatasetSplit, _ opening: DataOpening, _ artefacts: Artefacts
  ) throws -> DataPart {
    try part(
      try openTaggedImages(at: place, split: split), split, opening,
      try artefacts.decode(TagVocabulary.self, TagVocabulary.artefactName))
  }

  /// Always true: nothing depends on the opening.
  public func serves(_ part: DataPart, surveyedFor first: DataOpening, _ opening: DataOpening) -> Bool {
    true
  }

  private func part(
    _ pictures: TaggedImageSet, _ split: DatasetSplit, _ opening: DataOpening, _ vocabulary: TagVocabulary
  ) throws -> DataPart {
    .examples(
      try TagDataset(
        pictures, split: split, features: try opening.describe(pictures, features), vocabulary: vocabulary,
        feature: feature, tag: tag))
  }
}
