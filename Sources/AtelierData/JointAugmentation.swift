/// Random transforms shared by all images of an example, so that pairs stay aligned.
///
/// The draws depend on the seed, the pass and the example's position in it, so that a resumed run repeats
/// them. Held-out images are never augmented.
public struct JointAugmentation: Sendable, Hashable, Codable {
  /// The longer side in pixels before the random crop (pix2pix: 286 before a crop of 256); nil resizes to the
  /// crop's size.
  public var resizeTo: Int?
  /// Whether random crops are taken at the images' own size instead, as in super-resolution; images that are
  /// too small are enlarged to cover the crop.
  public var cropsOriginals: Bool
  /// Whether an example is flipped horizontally with probability 1/2.
  public var flips: Bool
  /// Whether a square example is rotated by a random multiple of 90°.
  public var turns: Bool

  /// By default nothing is random.
  public init(
    resizeTo: Int? = nil, flips: Bool = false, cropsOriginals: Bool = false, turns: Bool = false
  ) {
    self.resizeTo = resizeTo
    self.flips = flips
    self.cropsOriginals = cropsOriginals
    self.turns = turns
  }
}
