public import Foundation

/// Faces with what is beside them: where the face is, a drawing of its landmarks, its keypoints, whose it is.
///
/// A part holds `images`, with a folder an identity or none, and of the same names within `landmarks` (drawings) and
/// `masks` (white where the face is); dvl-tum/ciagan's names `clr`, `lndm` and `msk` (black where the face is) are read
/// too. A table `faces.jsonl` can stand in for both: a line an image with `file`, `keypoints` `[[x, y], …]` and `box`
/// `[left, top, right, bottom]` in pixels, as `data prepare faces` writes it. Parts are folders `train`, `validation` and
/// `test` around all of it. What is served under which name says ``FaceDataset``.
public struct Faces: DataArrangement {
  /// What a mask is 1 for.
  public enum Mask: String, Sendable, Hashable {
    /// Where the face is, which is to be replaced.
    case replaced
    /// Where the image is kept.
    case kept
  }

  /// `faces`
  public let id = "faces"
  /// What a mask is 1 for.
  public var mask: Mask
  /// Whether an example is a pair of images: in training a second image of the same identity as often as of any.
  public var pairs: Bool
  /// Whether training images are crops of a half to three quarters of each side around the centre, and others of eight
  /// ninths, as dvl-tum/ciagan's.
  public var zooms: Bool

  /// Faces with masks of a meaning.
  public init(mask: Mask, pairs: Bool = false, zooms: Bool = false) {
    (self.mask, self.pairs, self.zooms) = (mask, pairs, zooms)
  }

  /// Opens a part.
  public func open(
    _ place: URL, _ split: DatasetSplit, _ opening: DataOpening, _ artefacts: Artefacts
  ) throws -> DataPart {
    let folder = try FaceFolder(place, split, opening.fields)
    return .examples(try FaceDataset(folder, self, opening, split))
  }

  /// True where images have the same size: the number of identities adapts to the data.
  public func serves(_ part: DataPart, surveyedFor first: DataOpening, _ opening: DataOpening) -> Bool {
    func fields(_ opening: DataOpening) -> [Field] {
      opening.fields.filter { if case .label = $0.kind { false } else { true } }
    }
    return first.reading == opening.reading && first.changes == opening.changes
      && fields(first) == fields(opening)
  }
}
