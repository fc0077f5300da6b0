public import Torch

/// Videos that are played: frame after frame by actions. The functions are those of ``PlayableSystem``.
public struct VideoPlaying: Ability, Hashable {
  /// How many actions there are.
  public var actions: Int

  /// Describes what is played.
  public init(actions: Int) { self.actions = actions }
}

/// A system whose videos are played; its plan has ``VideoPlaying``.
public protocol PlayableSystem: GenerativeSystem {
  /// Plays a video from its first frame, networks in evaluation mode.
  ///
  /// - Parameters:
  ///   - first: `[1, channels, height, width]` in the range of the system's videos.
  ///   - actions: one for each further frame.
  ///   - advance: takes each frame `[1, channels, height, width]` as it comes.
  func play(_ first: Tensor, actions: [Int], advance: (Tensor) throws -> Void) throws

  /// The actions that are seen in videos `[batch, time, channels, height, width]`: int64 `[batch, time - 1]`.
  func actions(in videos: Tensor) -> Tensor
}
