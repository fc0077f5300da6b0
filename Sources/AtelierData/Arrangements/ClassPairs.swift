public import Foundation

/// Two labelled images per example, drawn independently: a content image and a class image; see
/// ``ClassPairDataset``. Their labels are `<content>Label` and `classLabel`.
public struct ClassPairs: ImageArrangement {
  /// `class-pairs`
  public let id = "class-pairs"
  /// The field of the content image.
  public var content: String
  /// The field of the class image.
  public var shown: String
  /// Names of classes excluded from training; held-out examples pair a content image of a trained class with
  /// a class image of one of these.
  public var heldOut: [String]

  /// Pairs of content and class images.
  public init(content: String, shown: String, heldOut: [String] = []) {
    self.content = content
    self.shown = shown
    self.heldOut = heldOut
  }

  /// The part as a dataset whose values carry the names of their fields.
  public func open(
    _ place: URL, _ split: DatasetSplit, _ opening: DataOpening, _ artefacts: Artefacts
  ) throws -> DataPart {
    .examples(
      try openClassPairs(
        at: place, split: split, preparation(opening), content: content, shown: shown, heldOut: heldOut,
        options: opening.reading.datasetOptions))
  }

  /// Both images are prepared alike, with independent random transforms.
  public func preparation(_ opening: DataOpening) throws(DatasetError) -> JointPreparation {
    try opening.alone()
  }

  /// As it is: what is translated into are classes that training did not see.
  public func relabelled(
    _ part: DataPart, classes names: [String], fields: [Field]
  ) throws(DatasetError) -> DataPart { part }
}
