public import Foundation

/// Two labelled images an example, drawn independently: one whose content counts, one that shows a class; see
/// ``ClassPairDataset``. Their labels are `<content>Label` and `classLabel`.
public struct ClassPairs: PictureArrangement {
  /// `class-pairs`
  public let id = "class-pairs"
  /// The field of the content.
  public var content: String
  /// The field of the image that shows a class.
  public var shown: String
  /// Classes, by name, that are never trained on; held-out examples show a content of a trained class and one
  /// of these.
  public var heldOut: [String]

  /// Contents and classes.
  public init(content: String, shown: String, heldOut: [String] = []) {
    self.content = content
    self.shown = shown
    self.heldOut = heldOut
  }

  /// A part, each value under its field's name.
  public func open(
    _ place: URL, _ split: DatasetSplit, _ opening: DataOpening, _ artefacts: Artefacts
  ) throws -> DataPart {
    .examples(
      try openClassPairs(
        at: place, split: split, preparation(opening), content: content, shown: shown, heldOut: heldOut,
        options: opening.reading.datasetOptions))
  }

  /// Both images of an example are prepared alike, each by itself.
  public func preparation(_ opening: DataOpening) throws(DatasetError) -> JointPreparation {
    try opening.alone()
  }

  /// As it is: what is translated into are classes that training did not see.
  public func relabelled(
    _ part: DataPart, classes names: [String], fields: [Field]
  ) throws(DatasetError) -> DataPart { part }
}
