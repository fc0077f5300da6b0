public import Torch

/// A system that paints label maps, every region in a style of its own; its plan has ``RegionalStyles``.
public protocol RegionalStyleSystem: TranslatingSystem {
  /// The conditions of a request for styles that are taken from images by their label maps.
  ///
  /// - Parameters:
  ///   - images: `[k, channels, height, width]` in -1 … 1.
  ///   - labels: their label maps `[k, height, width]`.
  ///   - shares: how much of each image's style goes into the regions of a class, `k` numbers of any positive
  ///     sum; classes that are left out have the first image's style.
  /// - Throws: ``ConfigurationError`` for a class that there is none of, or shares that are not `k` numbers
  /// of
  ///   at least 0 and a sum above 0.
  func regionalStyles(
    of images: Tensor, labels: Tensor, shares: [Int: [Double]]
  ) throws -> [String: Tensor]
}

/// A system that paints label maps from noise that may differ from region to region; its plan has
/// ``RegionalVariations`` where it takes any noise.
public protocol RegionalVariationSystem: TranslatingSystem {
  /// The conditions of a request for one of several variations that differ in the regions of some classes
  /// only.
  ///
  /// - Parameters:
  ///   - map: the label map `[1, height, width]`, or a tile of it; its tiles have the same noise.
  ///   - classes: whose regions differ between variations.
  ///   - number: which variation, from 0.
  ///   - seed: what the noise follows from; the same in every variation.
  func regionalVariation(
    of map: Tensor, varying classes: [Int], variation number: Int, seed: UInt64
  ) -> [String: Tensor]
}
