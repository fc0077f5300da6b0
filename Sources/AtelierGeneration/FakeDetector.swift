public import AtelierCore
import AtelierData
public import AtelierMedia
public import Foundation
import Torch
import TorchNN

/// Tells images and videos real from fake by a trained detector.
///
/// ```swift
/// let detector = try FakeDetector(Generator(contentsOf: run, registry: .standard))
/// let verdict = try detector.verdict(ofFrames: Video(contentsOf: file).frames())
/// print(verdict.probability, verdict.frames)
/// ```
public struct FakeDetector {
  /// What was found of a video, or of an image, which is one frame.
  public struct Verdict: Sendable, Hashable {
    /// The probability of fake, or the share that stands for it; see `VideoScore`.
    public let probability: Double
    /// How many frames were looked at.
    public let frames: Int
    /// How many of them have a probability above one half.
    public let fakeFrames: Int
  }

  /// What was found of one frame.
  public struct Finding {
    /// The place among all frames of its video, from 0.
    public let place: Int
    /// The probability of fake.
    public let probability: Double
    /// Where that shows, red over the image at the size that the network sees; nil where nobody asked.
    public let heat: Image?
  }

  /// How images and videos are told real from fake.
  public let settings: FakeDetectionSettings
  private let system: any FakeDetectingSystem
  private let preparation: ImagePreparation

  /// A detector of a model that was trained to be one.
  ///
  /// - Throws: ``ConfigurationError`` for another model, or settings that do not fit.
  public init(_ generator: Generator, settings: FakeDetectionSettings = FakeDetectionSettings()) throws {
    guard let system = generator.system as? any FakeDetectingSystem,
      let ability = generator.plan.ability(FakeDetection.self),
      case .image(let channels, let height, let width, .signed)? =
        generator.plan.field(ability.image)?.kind
    else {
      throw ConfigurationError("\(generator.description.system) does not tell real images from fake ones")
    }
    try settings.validate()
    self.system = system
    self.settings = settings
    preparation = ImagePreparation(height: height, width: width, channels: channels)
  }

  /// The image as the network sees it: the square around the face, where the settings say where it is, at the network's
  /// size.
  public func prepared(_ image: Image) throws -> Image {
    guard settings.face.count == 4 else { return try preparation(image) }
    let (face, scale) = (settings.face, settings.margin)
    let square = PixelBox(left: face[0], top: face[1], right: face[2], bottom: face[3])
      .square(width: image.width, height: image.height, scale: scale)
    guard square.size > 0 else {
      throw ConfigurationError(
        "the face lies outside of an image of \(image.width) x \(image.height) pixels; give left, top, right and bottom "
          + "within it")
    }
    return try preparation(
      image.cropped(x: square.x, y: square.y, width: square.size, height: square.size))
  }

  /// The log odds of fake for prepared images, and heat maps over them where they are wanted.
  private func found(_ images: [Image], heats: Bool) throws -> (logOdds: [Double], heats: [Image]) {
    try withTensorErrors {
      try withoutGradients {
        let pixels = Tensor.stacked(images.map { Tensor($0.hostTensor(), device: system.device) })
        let batch = pixels.asType(.float32) / 127.5 - 1
        return try system.drawing {
          let odds = try system.logOdds(of: batch).doubles()
          guard heats else { return (odds, []) }
          let overlaid = FakeHeat.overlaid(batch, try system.heatMaps(of: batch))
          return (odds, try Image.images(of: overlaid.to(.cpu).contiguous().host()))
        }
      }
    }
  }

  /// What the frames of a video show, frame by frame as they are read, some at a time so that memory does not grow with
  /// the video.
  ///
  /// - Parameters:
  ///   - next: gives the next frame with its place; nil after the last.
  ///   - heats: whether heat maps are made.
  ///   - each: told of each frame.
  /// - Returns: nil where there are no frames.
  public func verdict(
    heats: Bool = false, each: (Finding) throws -> Void = { _ in },
    ofFrames next: () throws -> (place: Int, image: Image)?
  ) throws -> Verdict? {
    var odds: [Double] = []
    var waiting: [(place: Int, image: Image)] = []
    func look() throws {
      guard !waiting.isEmpty else { return }
      let found = try found(waiting.map(\.image), heats: heats)
      for (index, value) in found.logOdds.enumerated() {
        try each(
          Finding(
            place: waiting[index].place, probability: VideoScore.probability(value),
            heat: heats ? found.heats[index] : nil))
      }
      odds += found.logOdds
      waiting = []
    }
    while let frame = try next() {
      waiting.append((frame.place, try prepared(frame.image)))
      if waiting.count == 16 { try look() }
    }
    try look()
    guard let probability = settings.videoScore(odds) else { return nil }
    return Verdict(probability: probability, frames: odds.count, fakeFrames: odds.count { $0 > 0 })
  }

  /// What a video shows, of which every so many frames are looked at as the settings say.
  ///
  /// - Throws: `VideoError` for a damaged video, or one without frames.
  public func verdict(
    of video: Video, heats: Bool = false, each: (Finding) throws -> Void = { _ in }
  ) throws -> Verdict {
    let reader = try video.frames(FrameSelection())
    var place = -1
    let found = try verdict(heats: heats, each: each) {
      while let frame = try reader.next() {
        place += 1
        if place % settings.every == 0 { return (place, frame) }
      }
      return nil
    }
    guard let found else {
      throw VideoError.damaged(file: video.file.path, reason: "it holds no frames")
    }
    return found
  }
}
