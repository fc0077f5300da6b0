public import AtelierCore
import AtelierData
public import AtelierMedia
import Perception
import Torch

/// Puts faces that a system swaps into whole images, in the places of those that are there.
///
/// Each face is cut out as faces of the training were (``AtelierMedia/FaceLayout/faceswap`` by default), swapped, brought to
/// the colours of the old one, and pasted back under a soft mask.
public struct FaceSwapper {
  /// The faces of an image whose shorter side has a number of pixels or more.
  public typealias Detector = (_ image: Image, _ minimumFace: Int) throws -> [Face]

  private let translation: ImageTranslator
  private let settings: FaceSwapDrawing
  private let layout: FaceLayout
  private let detect: Detector

  /// A swapper.
  ///
  /// - Parameters:
  ///   - translation: of aligned faces.
  ///   - layout: where a face stands in the training's crops.
  public init(
    _ translation: ImageTranslator, _ settings: FaceSwapDrawing = FaceSwapDrawing(),
    layout: FaceLayout = .faceswap, detect: @escaping Detector
  ) {
    (self.translation, self.settings, self.layout, self.detect) = (translation, settings, layout, detect)
  }

  /// An image with its faces swapped, 8 bits a sample, and how many there were; without faces it stays as it is.
  public func callAsFunction(_ image: Image) throws -> (image: Image, faces: Int) {
    var found = try detect(image, settings.minimumFace)
      .sorted { $0.box.width * $0.box.height > $1.box.width * $1.box.height }
    if settings.faces == .largest { found = Array(found.prefix(1)) }
    var result = image
    var count = 0
    for face in found {
      guard let alignment = FaceAlignment(face, as: layout, width: settings.side, height: settings.side)
      else {
        continue
      }
      result = try swapped(result.with8Bits().rgb(), alignment)
      count += 1
    }
    return (result, count)
  }

  private func swapped(_ image: Image, _ alignment: FaceAlignment) throws -> Image {
    let crop = try alignment.crop(image)
    let made = try translation(crop)
    func tensor(_ image: Image) -> Tensor { Tensor(image.floatTensor()).unsqueezed(0) }
    let (old, new) = (tensor(crop), tensor(made.with8Bits().withoutAlpha().rgb()))
    let side = Double(settings.side)
    let whole = made.alpha.map { tensor($0.with8Bits()) } ?? Self.oval(settings.side)
    let mask = FaceBlending.closedAtBorders(
      FaceBlending.feathered(
        FaceBlending.eroded(whole, radius: settings.erosion * side), deviation: settings.feather * side),
      share: 0.05)
    var blended = FaceBlending.matched(new, to: old, within: mask, by: settings.colours)
    if settings.seamless { blended = FaceBlending.seamless(blended, into: old, mask: mask) }
    func picture(_ tensor: Tensor) throws(ImageError) -> Image {
      try Image(tensor.selected(dim: 0, index: 0).contiguous().host(), range: 0...1, depth: 8)
    }
    return try alignment.paste(picture(blended), onto: image, mask: picture(mask))
  }

  /// Where a face is in a crop, as far as is known without a mask: an oval around the mean face.
  private static func oval(_ side: Int) -> Tensor {
    let (across, down) = (0.36 * Double(side), 0.44 * Double(side))
    let middle = Double(side - 1) / 2
    return Tensor(
      (0..<(side * side)).map { place -> Float in
        let (x, y) = ((Double(place % side) - middle) / across, (Double(place / side) - middle) / down)
        return x * x + y * y <= 1 ? 1 : 0
      }, shape: [1, 1, side, side])
  }
}
