public import AtelierCore
public import Torch
import TorchNN

extension PlayableVideo {
  /// Begins a video with its first frame; each step takes an action and gives the next frame, without variation.
  ///
  /// - Throws: ``ConfigurationError`` for several first frames, or none.
  public func begin(_ request: Request) throws -> any DrawingSession {
    let image = try request.required("image")
    guard image.shape[0] == 1 else {
      throw ConfigurationError(
        "playable-video plays from one frame, and \(image.shape[0]) are given as 'image'")
    }
    return Session(model, configuration, first: sized(image))
  }

  /// A frame `[1, 3, height, width]` at the size of the configuration.
  private func sized(_ image: Tensor) -> Tensor {
    let size = configuration.imageSize
    return image.shape[2] == size && image.shape[3] == size
      ? image : upsampleBilinear(image, size: (size, size), antialias: true)
  }

  /// A video so far: the last frames joined in the channels, and what the dynamics remember.
  private final class Session: DrawingSession {
    private let model: PlayableModel
    private let configuration: Configuration
    private var observation: Tensor
    private var memory = DynamicsMemory()

    init(_ model: PlayableModel, _ configuration: Configuration, first: Tensor) {
      (self.model, self.configuration) = (model, configuration)
      observation = first.repeated([1, configuration.stackedFrames, 1, 1])
    }

    func advance(_ conditions: [String: ConditionValue]) throws -> Output {
      guard case .labels(let labels)? = conditions["action"], labels.count == 1 else {
        throw ConfigurationError("the condition 'action' is one action a frame")
      }
      let action = Tensor(labels, device: observation.device).oneHot(configuration.actions)
      return Output("frame", model.next(&observation, action: action, memory: &memory))
    }
  }

  /// The likeliest action between the frames of videos `[batch, time, 3, height, width]`: `[batch, time - 1]`.
  public func actions(in videos: Tensor) -> Tensor {
    model.likeliestActions(Self.stacked(videos, configuration.stackedFrames))
  }

  /// A video of the request's first frame and of one frame for each action.
  public func generate(_ request: Request, emit: (Output) throws -> Void) throws {
    let actions = try request.required("actions").to(.cpu).contiguous().integers()
    let first = sized(try request.required("image"))
    var frames = [first]
    try play(first, actions: actions) { frames.append($0) }
    try emit(Output("video", .stacked(frames, dim: 1)))
  }
}
