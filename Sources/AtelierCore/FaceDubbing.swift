public import AtelierData
public import Torch

/// Faces whose lips move by what is said. A request gives the frames of a face and what is said at each, and the output of
/// the frames' name has the same frames with other lips.
public struct FaceDubbing: Ability, Hashable {
  /// The condition of the frames, and the output.
  public var frames: String
  /// The condition of what is said, and how it is cut: a piece begins at its own frame.
  public var speech: VideoSpeech

  /// Describes the system.
  public init(frames: String, speech: VideoSpeech) { (self.frames, self.speech) = (frames, speech) }
}

/// A dubbing system that has learned what lips and speech belong together.
public protocol LipSyncJudgingSystem: GenerativeSystem {
  /// Frames of a window.
  var lipWindow: Int { get }
  /// An embedding of each window of consecutive frames, `[time - lipWindow + 1, features]`, of the frames of one video
  /// `[time, 3, height, width]` as the system sees them.
  func lipEmbeddings(of frames: Tensor) throws -> Tensor
  /// An embedding of what is said from each frame on, `[time, features]`, of its pieces `[time, bands, columns]`. The
  /// distance of a window of lips from what is said from its first frame on tells how well they belong together.
  func speechEmbeddings(of pieces: Tensor) throws -> Tensor
}

/// How a video is dubbed.
public struct DubbingDrawing: Settings {
  /// The rows and columns of the face in the video, `[top, bottom, left, right]` in pixels, the same in all frames; empty: the
  /// face is looked for in each frame.
  public var box: [Int] = []
  /// Pixels that are added above, below, left of and right of a face that was found; the chin has to be in it.
  public var pads = [0, 10, 0, 0]
  /// The frames over which the places of found faces are averaged; 1: none are.
  public var smoothing = 5
  /// The shorter side in pixels of the smallest face that is looked for.
  public var minimumFace = 40

  /// The authors' settings.
  public init() {}

  /// Refuses boxes without pixels, and settings of faces that are not looked for.
  public func validate() throws(ConfigurationError) {
    try Checks.require(
      pads.count == 4 && pads.allSatisfy { (0...10_000).contains($0) },
      "pads is [above, below, left, right] in pixels, each in 0 … 10000, not \(pads)")
    try Checks.require((1...1000).contains(smoothing), "smoothing is 1 to 1000 frames, not \(smoothing)")
    try Checks.require(minimumFace >= 12, "minimumFace is at least 12 pixels, not \(minimumFace)")
    guard !box.isEmpty else { return }
    try Checks.require(
      box.count == 4 && box.allSatisfy { $0 >= 0 } && box[0] < box[1] && box[2] < box[3],
      "box is [top, bottom, left, right] in pixels with top above bottom and left before right, not \(box)")
    let usual = DubbingDrawing()
    try Checks.require(
      pads == usual.pads && smoothing == usual.smoothing && minimumFace == usual.minimumFace,
      "box says where the face is in all frames, so that pads, smoothing and minimumFace change nothing; leave these or box out"
    )
  }
}
