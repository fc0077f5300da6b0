/// Images, or whatever the first output is, decoded from latent vectors; interpolation, traversal and
/// truncation follow from it. The function is ``LatentSystem/decode(_:labels:)``.
public struct LatentDecoding: Ability, Hashable {
  /// The length of a latent vector.
  public var size: Int
  /// What its entries are drawn from.
  public var distribution: LatentDistribution
  /// The number of classes; nil for an unconditional system.
  public var classes: Int?

  /// Describes the latent space.
  public init(size: Int, distribution: LatentDistribution, classes: Int? = nil) {
    self.size = size
    self.distribution = distribution
    self.classes = classes
  }
}

/// Images given back from their codes. The function is ``ReconstructingSystem/reconstruct(_:draws:)``.
public struct ImageReconstruction: Ability, Hashable {
  /// The ability.
  public init() {}
}

/// Images into images, of any size that the networks allow. The function is
/// ``TranslatingSystem/translate(_:direction:draws:)``.
public struct ImageTranslation: Ability, Hashable {
  /// The directions; the first is the one that is meant where none is named.
  public var directions: [TranslationDirection]
  /// What several style images mean; nil where outputs depend on no style image.
  public var styles: StyleImages?

  /// Describes what can be turned into what.
  public init(_ directions: [TranslationDirection], styles: StyleImages? = nil) {
    self.directions = directions
    self.styles = styles
  }
}

/// Images from label maps whose regions each have a style of their own. The function is
/// ``RegionalStyleSystem/regionalStyles(of:labels:shares:)``.
public struct RegionalStyles: Ability, Hashable {
  /// The number of classes.
  public var classes: Int

  /// Describes the regions.
  public init(classes: Int) { self.classes = classes }
}

/// Images from label maps whose regions can be drawn anew one by one. The function is
/// ``RegionalVariationSystem/regionalVariation(of:varying:variation:seed:)``.
public struct RegionalVariations: Ability, Hashable {
  /// The number of classes.
  public var classes: Int

  /// Describes the regions.
  public init(classes: Int) { self.classes = classes }
}

/// Words for images, found by features of them. The function is ``TaggingSystem/tags(for:count:draws:)``.
public struct Tagging: Ability, Hashable {
  /// Describes the system.
  public init() {}
}

/// Text that is continued token by token. The functions are those of ``LanguageSystem``.
public struct TextContinuation: Ability, Hashable {
  /// What one token stands for.
  public var unit: TokenUnit
  /// The most tokens that are seen at a time, where nothing is carried from piece to piece; nil: state is carried.
  public var context: Int?

  /// Describes the text.
  public init(unit: TokenUnit, context: Int? = nil) {
    self.unit = unit
    self.context = context
  }
}

/// Images drawn for what is written about them.
public struct CaptionedDrawing: Ability, Hashable {
  /// The condition that takes a caption.
  public var condition: String
  /// The field of captions in the data.
  public var field: String

  /// Describes the system.
  public init(condition: String, field: String) { (self.condition, self.field) = (condition, field) }
}
