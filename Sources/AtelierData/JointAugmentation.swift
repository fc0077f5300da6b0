/// Random changes that all images of an example share, so that pairs stay aligned.
///
/// What is drawn follows from the seed, the pass and the example's place in it, so that a resumed run draws
/// the same. Held-out images are never changed.
public struct JointAugmentation: Sendable, Hashable, Codable {
  /// The longer side that images are resized to before a crop of the wanted size is taken at a random
  /// place; nil: no larger than wanted. (pix2pix: 286 before a crop of 256.)
  public var resizeTo: Int?
  /// Whether crops are taken from images at their own size instead, as super-resolution does; images
  /// that are too small are enlarged until they cover the crop.
  public var cropsOriginals: Bool
  /// Whether an example is mirrored left to right half of the time.
  public var flips: Bool
  /// Whether a square example is turned by a random number of quarters of a circle.
  public var turns: Bool

  /// Nothing random, unless said.
  public init(
    resizeTo: Int? = nil, flips: Bool = false, cropsOriginals: Bool = false, turns: Bool = false
  ) {
    self.resizeTo = resizeTo
    self.flips = flips
    self.cropsOriginals = cropsOriginals
    self.turns = turns
  }
}
