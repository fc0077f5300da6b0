internal import AtelierMedia

/// The geometry that the images of one example share: a frame they are brought to, a cut from it, a
/// mirroring, a turn.
///
/// Everything is counted in the pixels of the smallest field, so that a cut falls on whole pixels in every
/// field, also where one image is four times as large as the other.
struct JointTransform {
  /// What was chosen for one example.
  struct Placement {
    /// The frame in pixels of the smallest field.
    var frame: (width: Int, height: Int)
    /// The cut's upper left corner and size, in the same.
    var x = 0
    var y = 0
    var cut: (width: Int, height: Int)
    /// Whether images are cut as they are, without resizing.
    var isOriginal = false
    var isMirrored = false
    var quarters = 0
  }

  let fit: ImagePreparation.Fit
  let augmentation: JointAugmentation
  let keepsSize: Bool
  /// The smallest field.
  private let unit: (width: Int, height: Int)

  /// What whole images are cut to a multiple of, so that shrinking them gives whole pixels.
  private let multiple: Int

  init(_ preparation: JointPreparation, derivation: PictureDerivation?) {
    fit = preparation.fit
    augmentation = preparation.augmentation
    keepsSize = preparation.keepsSize
    let heights = preparation.fields.map(\.height)
    let smallest = preparation.fields.min { $0.height < $1.height }
    unit = (smallest?.width ?? 1, smallest?.height ?? 1)
    let scale = (heights.max() ?? 1) / max(1, unit.height)
    if case .downscale(let factor)? = derivation {
      multiple = max(1, factor / max(1, scale))
    } else {
      multiple = 1
    }
  }

  /// Pixels of a field for one of the smallest.
  private func factor(_ field: PictureField) -> Double { Double(field.height) / Double(unit.height) }

  /// Chooses for an example whose image of `field` has the given size.
  ///
  /// - Parameter generator: nil: nothing random, the middle of the image.
  func placement(
    of image: Image, as field: PictureField, using generator: inout SeededGenerator?
  ) -> Placement {
    let factor = factor(field)
    var place = Placement(frame: unit, cut: unit)
    let own = (width: Int(Double(image.width) / factor), height: Int(Double(image.height) / factor))
    if keepsSize {
      place.frame = (
        max(1, own.width / multiple * multiple), max(1, own.height / multiple * multiple)
      )
      place.cut = place.frame
      place.isOriginal = true
      return place
    }
    if augmentation.cropsOriginals {
      if own.width >= unit.width && own.height >= unit.height {
        place.frame = own
        place.isOriginal = true
      }
    } else if generator != nil, let resizeTo = augmentation.resizeTo {
      // The longer side of the largest field counts; the frame keeps the crop's proportions.
      let scale = Double(resizeTo) / (factor * Double(max(unit.width, unit.height)))
      place.frame = (
        max(unit.width, Int((Double(unit.width) * scale).rounded())),
        max(unit.height, Int((Double(unit.height) * scale).rounded()))
      )
    }
    let room = (x: place.frame.width - unit.width, y: place.frame.height - unit.height)
    guard var drawing = generator else {
      (place.x, place.y) = (room.x / 2, room.y / 2)
      return place
    }
    (place.x, place.y) = (drawing.integer(below: room.x + 1), drawing.integer(below: room.y + 1))
    if augmentation.flips { place.isMirrored = drawing.integer(below: 2) == 1 }
    if augmentation.turns, unit.width == unit.height { place.quarters = drawing.integer(below: 4) }
    generator = drawing
    return place
  }

  /// The size of a field's image after the cut and the turn.
  func size(of field: PictureField, at place: Placement) -> (width: Int, height: Int) {
    let factor = factor(field)
    let width = Int((Double(place.cut.width) * factor).rounded())
    let height = Int((Double(place.cut.height) * factor).rounded())
    return place.quarters % 2 == 0 ? (width, height) : (height, width)
  }

  /// An image of `field` cut as the example's others.
  func callAsFunction(
    _ image: Image, as field: PictureField, at place: Placement, filter: ResizingFilter
  ) throws(ImageError) -> Image {
    let factor = factor(field)
    func scaled(_ length: Int) -> Int { Int((Double(length) * factor).rounded()) }
    let frame = (width: scaled(place.frame.width), height: scaled(place.frame.height))
    var result = image
    if !place.isOriginal {
      result =
        switch fit {
        case .centerCrop: try image.resizedToFill(width: frame.width, height: frame.height, filter: filter)
        case .stretch: try image.resized(width: frame.width, height: frame.height, filter: filter)
        case .pad: try image.resizedToFit(width: frame.width, height: frame.height, filter: filter)
        }
    } else {
      // What is left over beyond whole units is cut; a partner of another size is brought to the frame.
      let spare = (width: image.width - frame.width, height: image.height - frame.height)
      let largest = Int(factor) * multiple
      if !(0..<largest).contains(spare.width) || !(0..<largest).contains(spare.height) {
        result = try image.resized(width: frame.width, height: frame.height, filter: filter)
      }
    }
    let cut = (width: scaled(place.cut.width), height: scaled(place.cut.height))
    if cut != (result.width, result.height) {
      result = try result.cropped(
        x: scaled(place.x), y: scaled(place.y), width: cut.width, height: cut.height)
    }
    if place.isMirrored { result = try result.mirrored() }
    return try result.turned(quarters: place.quarters)
  }
}
