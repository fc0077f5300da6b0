public import AtelierCore
public import AtelierData
public import AtelierMedia
import Torch
import TorchNN

/// A video that is played: frame after frame by the actions that are taken, with the state that the next one depends on.
///
/// Frames are 8-bit images of the system's size. The same first frame and the same actions give the same frames.
public final class VideoPlayer {
  /// The model.
  public let generator: Generator
  /// What is played.
  public let ability: VideoPlaying
  /// The actions' names, where the data of the training named them.
  public let names: FieldNames
  private let preparation: ImagePreparation
  private let range: ImageRange
  private var session: (any DrawingSession)?

  /// A player of a model.
  ///
  /// - Throws: ``ConfigurationError`` for a system whose videos are not played.
  public init(_ generator: Generator) throws {
    guard let ability = generator.plan.ability(VideoPlaying.self),
      case .field(.image(let channels, let height, let width, let range))? =
        generator.plan.condition(ability.first)?.kind
    else {
      throw ConfigurationError("the videos of \(generator.description.system) are not played by actions")
    }
    var names = FieldNames(classes: generator.description.classNames)
    names.noun = "action"
    (self.generator, self.ability, self.names, self.range) = (generator, ability, names, range)
    preparation = ImagePreparation(height: height, width: width, channels: channels)
  }

  /// How wide frames are, in pixels.
  public var width: Int { preparation.width }
  /// How high frames are, in pixels.
  public var height: Int { preparation.height }
  /// What the actions are called, by number.
  public var actionNames: [String] { (0..<ability.actions).map { names.name(ofClass: $0) } }

  /// Begins a video.
  ///
  /// - Parameter image: the first frame at any size; its centre is cut out.
  /// - Returns: the first frame as the system sees it.
  /// - Throws: `ImageError` for an image without pixels.
  public func start(_ image: Image) throws -> Image {
    let first = try preparation(image.with8Bits())
    // As a condition is read from a file, so that both ways give the same bytes.
    let values = Tensor(try first.hostTensor()).asType(.float32).unsqueezed(0)
    let frame = range == .signed ? values * (2.0 / 255) - 1 : values * (1.0 / 255)
    session = try generator.session(
      Request(conditions: [ability.first: .tensor(frame)], draws: StreamDraws(RandomStream(seed: 0))))
    return first
  }

  /// The next frame, after an action.
  ///
  /// - Throws: ``ConfigurationError`` for an action that there is not, after which the video goes on where it was, and
  ///   before the video began.
  public func advance(_ action: Int) throws -> Image {
    guard let session else { throw ConfigurationError("the video has no first frame yet") }
    guard (0..<ability.actions).contains(action) else {
      throw ConfigurationError(
        "there is no action \(action); the actions are \(actionNames.joined(separator: ", "))")
    }
    guard let made = try session.advance([ability.action: .labels([action])]).tensor else {
      throw ConfigurationError("\(generator.description.system) gave a text where a frame should be")
    }
    let host = made.to(.cpu).asType(.float32).contiguous().host()
    return try Image.images(of: host, range: range.bounds)[0]
  }
}
