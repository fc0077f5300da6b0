import AtelierData
public import Torch
public import TorchNN

/// Videos that follow videos frame by frame, such as label maps or poses. The functions are those of
/// ``StreamingSystem``, whose plan has ``Streaming`` with the advancing condition of the frame to follow, and those of
/// what lies beside it.
public struct FrameTranslation: Ability, Hashable {
  /// The field of clips that are followed; the advancing condition has its name.
  public var source: String
  /// The fields of clips that lie beside the source, frame by frame, such as maps of instances; advancing conditions have
  /// their names.
  public var beside: [String]
  /// The field of clips that are made.
  public var target: String
  /// The condition that a session begins with, a frame of the target; nil where there is none.
  public var first: String?

  /// Describes what follows what.
  public init(source: String, beside: [String] = [], target: String, first: String? = nil) {
    (self.source, self.beside, self.target, self.first) = (source, beside, target, first)
  }
}

extension StreamingSystem {
  /// The frames `[batch, time, …]` that follow whole clips, for previews and measures; networks in drawing mode.
  ///
  /// - Parameters:
  ///   - clips: `[batch, time, …]` of the source.
  ///   - beside: clips of the fields that lie beside the source, by their names.
  ///   - first: the frames `[batch, …]` that sessions begin with; nil: none is given.
  /// - Throws: ``ConfigurationError`` for a plan without ``FrameTranslation``.
  public func frames(
    following clips: Tensor, beside: [String: Tensor] = [:], first: Tensor? = nil, draws: any Draws
  ) throws -> Tensor {
    guard let ability = plan.ability(FrameTranslation.self) else {
      throw ConfigurationError("\(Self.identity.name) does not say what its videos follow")
    }
    var request = Request(draws: draws)
    if let name = ability.first, let first { request.conditions[name] = .tensor(first) }
    for (name, other) in beside.sorted(by: { $0.key < $1.key })
    where other.rank < 2 || other.shape[1] != clips.shape[1] {
      throw ConfigurationError(
        "the condition '\(name)' has \(other.rank < 2 ? 0 : other.shape[1]) frames, and '\(ability.source)' has "
          + "\(clips.shape[1]); give one for each")
    }
    let session = try open(request)
    var frames: [Tensor] = []
    for time in 0..<clips.shape[1] {
      var conditions = beside.mapValues { ConditionValue.tensor($0.selected(dim: 1, index: time)) }
      conditions[ability.source] = .tensor(clips.selected(dim: 1, index: time))
      guard let frame = try session.advance(conditions).tensor else {
        throw ConfigurationError("\(Self.identity.name) gave a text where a frame should be")
      }
      frames.append(frame)
    }
    return .stacked(frames, dim: 1)
  }
}
