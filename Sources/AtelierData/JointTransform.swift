internal import AtelierMedia

/// The transform shared by the images of one example: resize, crop, flip and rotation.
///
/// Coordinates are in pixels of the smallest field, so that a crop falls on whole pixels in every field, also
/// where one image is four times as large as the other.
struct JointTransform {
  /// The parameters drawn for one example.
  struct Placement {
    /// The size after resizing, in pixels of the smallest field.
    var frame: (width: Int, height: Int)
    /// The top left corner and the size of the crop, in the same unit.
    var x = 0
    var y = 0
    var cut: (width: Int, height: Int)
    /// Whether images are cropped without resizing.
    var isOriginal = false
    var isMirrored = false
    var quarters = 0
  }

  let fit: ImagePreparation.Fit
  let augmentation: JointAugmentation
  let keepsSize: Bool
  /// The smallest field.
  private let unit: (width: Int, height: Int)

  /// The frames that images of other proportions are brought to; nil: all have one.
  let buckets: AspectBuckets?

  /// Whole images are cropped to a multiple of this, so that downscaling gives whole pixels.
  private let multiple: Int

  init(_ preparation: JointPreparation, derivation: ImageDerivation?) {
    fit = preparation.fit
    augmentation = preparation.augmentation
    keepsSize = preparation.keepsSize
    let heights = preparation.fields.map(\.height)
    let smallest = preparation.fields.min { $0.height < $1.height }
    unit = (smallest?.width ?? 1, smallest?.height ?? 1)
    buckets = preparation.bucketMultiple.map { [unit] in
      AspectBuckets(width: unit.width, height: unit.height, multiple: $0)
    }
    let scale = (heights.max() ?? 1) / max(1, unit.height)
    if case .downscale(let factor)? = derivation {
      multiple = max(1, factor / max(1, scale))
    } else {
      multiple = 1
    }
  }

  /// The scale of a field relative to the smallest.
  private func factor(_ field: ImageField) -> Double { Double(field.height) / Double(unit.height) }

  /// Draws the parameters for an example whose image of `field` has the given size.
  ///
  /// - Parameter generator: nil for no augmentation and a central crop.
  func placement(
    of image: Image, as field: ImageField, using generator: inout SeededGenerator?
  ) -> Placement {
    let factor = factor(field)
    let frame = buckets.map { $0.frames[$0.nearest(width: image.width, height: image.height)] }
    let unit = frame.map { (width: $0.width, height: $0.height) } ?? self.unit
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
      // `resizeTo` is the longer side of the largest field; the frame keeps the crop's aspect ratio.
      let scale = Double(resizeTo) / (factor * Double(max(self.unit.width, self.unit.height)))
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

  /// The size of a field's image after crop and rotation.
  func size(of field: ImageField, at place: Placement) -> (width: Int, height: Int) {
    let factor = factor(field)
    let width = Int((Double(place.cut.width) * factor).rounded())
    let height = Int((Double(place.cut.height) * factor).rounded())
    return place.quarters % 2 == 0 ? (width, height) : (height, width)
  }

  /// Applies the transform to the image of `field`.
  func callAsFunction(
    _ image: Image, as field: ImageField, at place: Placement, filter: ResizingFilter
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
      // A remainder beyond whole units is cropped; a partner of another size is resized to the frame.
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
