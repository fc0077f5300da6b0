public import Torch
import TorchNN

/// Videos that are played: frame after frame by actions. The functions are those of ``PlayableSystem``, whose plan also has
/// ``Streaming``: sessions begin with the first frame and take an action a frame.
public struct VideoPlaying: Ability, Hashable {
  /// How many actions there are.
  public var actions: Int
  /// The condition that a session begins with.
  public var first: String
  /// The condition of each step, a class.
  public var action: String

  /// The field in which data say what was done in each frame; nil: the system finds its actions by itself.
  public var given: String?

  /// Describes what is played.
  public init(actions: Int, first: String = "image", action: String = "action", given: String? = nil) {
    (self.actions, self.first, self.action, self.given) = (actions, first, action, given)
  }
}

/// A system whose videos are played; its plan has ``VideoPlaying``.
public protocol PlayableSystem: StreamingSystem {
  /// The actions that are seen in videos `[batch, time, channels, height, width]`: int64 `[batch, time - 1]`.
  func actions(in videos: Tensor) -> Tensor
}

extension PlayableSystem {
  /// Plays a video from its first frame, networks in evaluation mode.
  ///
  /// - Parameters:
  ///   - first: `[1, channels, height, width]` in the range of the system's videos.
  ///   - actions: one for each further frame.
  ///   - advance: takes each frame `[1, channels, height, width]` as it comes.
  /// - Throws: ``ConfigurationError`` for an action that there is not.
  public func play(_ first: Tensor, actions: [Int], advance: (Tensor) throws -> Void) throws {
    guard let ability = plan.ability(VideoPlaying.self) else {
      throw ConfigurationError("\(Self.identity.name) does not say how its videos are played")
    }
    let session = try open(
      Request(conditions: [ability.first: .tensor(first)], draws: StreamDraws(RandomStream(seed: 0))))
    for action in actions {
      guard let frame = try session.advance([ability.action: .labels([action])]).tensor else {
        throw ConfigurationError("\(Self.identity.name) gave a text where a frame should be")
      }
      try advance(frame)
    }
  }
}
