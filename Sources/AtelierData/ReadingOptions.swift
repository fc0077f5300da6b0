public import AtelierMedia

/// Options for reading data, which a run records so that it is resumed and measured with the same ones.
public struct ReadingOptions: Sendable, Hashable {
  /// How images of another aspect ratio are fitted.
  public var fit: ImagePreparation.Fit
  /// The label column of a table.
  public var labelColumn: String?
  /// Whether a corrupt image, or one without its partner, is skipped or an error.
  public var corruptImages: CorruptImagePolicy
  /// How the condition is derived from single images; nil leaves it to the data and the system.
  public var derivation: ImageDerivation?
  /// Whether source and target, or A and B, are swapped.
  public var swapsDirection: Bool
  /// Whether training images keep their proportions, and batches hold images of like ones.
  public var buckets: Bool
  /// Whether each file holds two images side by side, whatever its aspect ratio.
  public var isSideBySide: Bool
  /// What is held out of undivided data; nil: nothing.
  public var holdOut: HoldOut?
  /// Which numbers of the files are black and white, for all images; nil: what each file's format says.
  public var scale: SampleScale?
  /// The depth at which training images are read: 16 bits where the scale has more than 256 numbers, else 8. Measures
  /// and previews read 8 bits.
  public var depth = 8

  /// The default options.
  public init(
    fit: ImagePreparation.Fit = .centerCrop, labelColumn: String? = nil,
    corruptImages: CorruptImagePolicy = .skip, derivation: ImageDerivation? = nil,
    swapsDirection: Bool = false, isSideBySide: Bool = false, holdOut: HoldOut? = nil,
    scale: SampleScale? = nil, buckets: Bool = false
  ) {
    self.holdOut = holdOut
    self.fit = fit
    self.labelColumn = labelColumn
    self.corruptImages = corruptImages
    self.derivation = derivation
    self.swapsDirection = swapsDirection
    self.isSideBySide = isSideBySide
    self.scale = scale
    self.buckets = buckets
  }

  /// The options for opening the data.
  package var datasetOptions: DatasetOptions {
    var options = DatasetOptions(
      labelColumn: labelColumn, derivation: derivation, swapsDirection: swapsDirection,
      isSideBySide: isSideBySide, isStrict: corruptImages == .stop, codec: ImageCodec(scale: scale))
    options.depth = depth
    return options
  }
}
