public import Perception

/// Two people's faces swapped: aligned faces into aligned faces, and through them those of videos.
public struct FaceSwapping: Ability, Hashable {
  /// Describes the system.
  public init() {}
}

/// How a swapped face is put into a frame in the place of the one that was there.
public struct FaceSwapDrawing: Settings {
  /// Which faces of a frame are swapped.
  public enum Choice: String, Codable, Sendable, Hashable, CaseIterable {
    /// The largest.
    case largest
    /// All of them.
    case all
  }

  /// Which faces of a frame are swapped.
  public var faces = Choice.largest
  /// The shorter side in pixels of the smallest face that is swapped.
  public var minimumFace = 40
  /// The side of the crops.
  public var side = 256
  /// How much the mask is made smaller on all sides, as a share of the crop's side; below 0 larger.
  public var erosion = 0.02
  /// How soft the mask's edge is: the deviation of its blur as a share of the crop's side.
  public var feather = 0.03
  /// How the colours of the new face are brought to those of the old one.
  public var colours = ColourMatching.transfer
  /// Whether the seam is removed by Poisson's equation.
  public var seamless = false

  /// The usual settings.
  public init() {}

  /// Refuses what cannot be drawn.
  public func validate() throws(ConfigurationError) {
    try Checks.require(minimumFace >= 12, "minimumFace is at least 12 pixels, not \(minimumFace)")
    try Checks.require((16...2048).contains(side), "side lies in 16 … 2048, not at \(side)")
    try Checks.require((-0.3...0.3).contains(erosion), "erosion lies in -0.3 … 0.3, not at \(erosion)")
    try Checks.require((0...0.3).contains(feather), "feather lies in 0 … 0.3, not at \(feather)")
  }
}
