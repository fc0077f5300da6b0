/// Random changes that all pictures of an example share, so that pairs stay aligned.
public struct JointAugmentation: Sendable, Hashable, Codable {
  /// The sides that pictures are resized to before a crop of the wanted size is taken at a random place;
  /// nil: no larger than wanted. (pix2pix: 286 before a crop of 256.)
  public var resizeTo: Int?
  /// Whether an example is mirrored left to right half of the time.
  public var flips: Bool

  /// Nothing random, unless said.
  public init(resizeTo: Int? = nil, flips: Bool = false) {
    self.resizeTo = resizeTo
    self.flips = flips
  }
}
