/// Images of faces whose outputs hide who they show.
public struct FaceAnonymization: Ability, Hashable {
  /// The field of the image.
  public var image: String
  /// The field of who it shows; nil: the data say it by their folders alone.
  public var person: String?
  /// The field of the mask of what is replaced; nil: all of the image is.
  public var mask: String?
  /// Whether the mask is 1 where the image is kept instead.
  public var maskIsKept: Bool

  /// Names the fields.
  public init(image: String, person: String? = nil, mask: String? = nil, maskIsKept: Bool = false) {
    (self.image, self.person, self.mask, self.maskIsKept) = (image, person, mask, maskIsKept)
  }
}
