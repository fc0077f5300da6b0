import AtelierCore
import AtelierData
import Foundation

/// How a system's image fields are served by a folder: the preparation that follows from its
/// configuration, and the data set that follows from its plan.
struct PictureOpening {
  let plan: ExamplePlan
  private let path: URL
  private let options: DatasetOptions
  private let way: Way

  private enum Way: Hashable {
    case plain(ImagePreparation)
    case augmented(JointPreparation)
    case pairs(JointPreparation, PictureDerivation?)
    case unpaired(JointPreparation)
    case classPairs(JointPreparation, content: String, shown: String, heldOut: [String])
  }

  /// - Throws: ``TrainingError`` where the system has no image to serve.
  init(_ name: String, _ data: DataPlan, at path: URL, _ reading: ReadingOptions) throws(TrainingError) {
    plan = data.examples
    self.path = path
    options = reading.datasetOptions
    let augmentation = data.changes
    let pictures = data.fields.compactMap(Self.picture)
    guard let first = pictures.first else {
      throw .unfitData(
        path: path.path, reason: "\(name) takes no pictures, and there is nothing else")
    }
    func joint(_ fields: [PictureField], _ source: String, _ target: String) -> JointPreparation {
      JointPreparation(
        fields, source: source, target: target, fit: reading.fit, augmentation: augmentation)
    }
    switch plan {
    case .examples where augmentation == JointAugmentation():
      guard case .picture(let channels) = first.content else {
        throw .unfitData(
          path: path.path, reason: "pictures and labels cannot serve the field '\(first.name)'")
      }
      way = .plain(
        ImagePreparation(height: first.height, width: first.width, channels: channels, fit: reading.fit))
    case .examples:
      var field = first
      // Where examples stand alone, the image's value is called `image` whatever the field's name.
      field.name = "image"
      way = .augmented(joint([field], "image", "image"))
    case .pairs(let source, let target, let derivation):
      way = .pairs(joint(pictures, source, target), derivation)
    case .unpaired(let a, let b):
      way = .unpaired(joint(pictures, a, b))
    case .classPairs(let content, let shown, let heldOut):
      // Both images of an example are prepared alike, each by itself.
      var field = first
      field.name = "image"
      way = .classPairs(joint([field], "image", "image"), content: content, shown: shown, heldOut: heldOut)
    case .tagged, .text:
      throw .unfitData(path: path.path, reason: "words are not opened as pictures")
    }
  }

  private static func picture(_ field: Field) -> PictureField? {
    switch field.kind {
    case .image(let channels, let height, let width, _):
      PictureField(field.name, .picture(channels: channels), height: height, width: width)
    case .labelMap(let classes, let height, let width):
      PictureField(
        field.name, .labelMap(classes: field.name == "instance" ? nil : classes), height: height, width: width
      )
    default: nil
    }
  }

  /// The training part for what it tells: where images stand alone, as they are.
  func unprepared() throws(DatasetError) -> any Dataset {
    if case .plain = way { return try openDataset(at: path, split: .train, options: options) }
    return try self(.train, whole: false)
  }

  /// Whether what `other` gave as ``unprepared()`` serves this one as well.
  func isServed(by dataset: any Dataset, of other: PictureOpening) -> Bool {
    if case .plain(let preparation) = way { return dataset.description.imageShape == preparation.shape }
    return way == other.way
  }

  /// A part of the data.
  func callAsFunction(_ split: DatasetSplit, whole: Bool) throws(DatasetError) -> any Dataset {
    func prepared(_ preparation: JointPreparation) -> JointPreparation {
      guard whole else { return preparation }
      var own = preparation
      own.keepsSize = true
      own.augmentation = JointAugmentation()
      return own
    }
    switch way {
    case .plain(let preparation):
      return try openDataset(
        at: path, split: split, preparation: whole ? nil : preparation, options: options)
    case .augmented(let preparation):
      return try openAugmented(at: path, split: split, prepared(preparation), options: options)
    case .pairs(let preparation, let derivation):
      return try openPairs(
        at: path, split: split, prepared(preparation), derivation: derivation, options: options)
    case .classPairs(let preparation, let content, let shown, let heldOut):
      return try openClassPairs(
        at: path, split: split, prepared(preparation), content: content, shown: shown, heldOut: heldOut,
        options: options)
    case .unpaired(let preparation):
      return try openUnpaired(at: path, split: split, prepared(preparation), options: options)
    }
  }
}
