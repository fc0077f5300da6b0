import AtelierData
public import Torch
public import TorchNN

/// Videos that follow videos frame by frame, such as label maps or poses. The functions are those of
/// ``StreamingSystem``, whose plan has ``Streaming`` with one advancing condition, the frame to follow.
public struct FrameTranslation: Ability, Hashable {
  /// The field of clips that are followed; the advancing condition has its name.
  public var source: String
  /// The field of clips that are made.
  public var target: String
  /// The condition that a session begins with, a frame of the target; nil where there is none.
  public var first: String?

  /// Describes what follows what.
  public init(source: String, target: String, first: String? = nil) {
    (self.source, self.target, self.first) = (source, target, first)
  }
}

extension StreamingSystem {
  /// The frames `[batch, time, …]` that follow whole clips, for previews and measures; networks in drawing mode.
  ///
  /// - Parameters:
  ///   - clips: `[batch, time, …]` of the source.
  ///   - first: the frames `[batch, …]` that sessions begin with; nil: none is given.
  /// - Throws: ``ConfigurationError`` for a plan without ``FrameTranslation``.
  public func frames(following clips: Tensor, first: Tensor? = nil, draws: any Draws) throws -> Tensor {
    guard let ability = plan.ability(FrameTranslation.self) else {
      throw ConfigurationError("\(Self.identity.name) does not say what its videos follow")
    }
    var request = Request(draws: draws)
    if let name = ability.first, let first { request.conditions[name] = .tensor(first) }
    let session = try open(request)
    var frames: [Tensor] = []
    for time in 0..<clips.shape[1] {
      let source = clips.selected(dim: 1, index: time)
      guard let frame = try session.advance([ability.source: .tensor(source)]).tensor else {
        throw ConfigurationError("\(Self.identity.name) gave a text where a frame should be")
      }
      frames.append(frame)
    }
    return .stacked(frames, dim: 1)
  }
}
