/// How data are read: what a run records about it, so that it is resumed and measured in the same way.
public struct ReadingOptions: Sendable, Hashable {
  /// What happens to images of other proportions.
  public var fit: ImagePreparation.Fit
  /// The column of a table that holds the label.
  public var labelColumn: String?
  /// Whether a corrupt image, or one without its partner, is skipped or stops the run.
  public var corruptPictures: CorruptPicturePolicy
  /// How the condition is made from single images; nil: as the data and the system say.
  public var derivation: PictureDerivation?
  /// Whether source and target, or A and B, change places.
  public var swapsDirection: Bool
  /// Whether files hold two images side by side, whatever their proportions.
  public var isSideBySide: Bool

  /// The usual way.
  public init(
    fit: ImagePreparation.Fit = .centerCrop, labelColumn: String? = nil,
    corruptPictures: CorruptPicturePolicy = .skip, derivation: PictureDerivation? = nil,
    swapsDirection: Bool = false, isSideBySide: Bool = false
  ) {
    self.fit = fit
    self.labelColumn = labelColumn
    self.corruptPictures = corruptPictures
    self.derivation = derivation
    self.swapsDirection = swapsDirection
    self.isSideBySide = isSideBySide
  }

  /// What the data are opened with.
  package var datasetOptions: DatasetOptions {
    DatasetOptions(
      labelColumn: labelColumn, derivation: derivation, swapsDirection: swapsDirection,
      isSideBySide: isSideBySide, isStrict: corruptPictures == .stop)
  }
}
