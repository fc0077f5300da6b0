import Foundation
public import Torch

/// Images told real from fake. The functions are those of ``FakeDetectingSystem``.
public struct FakeDetection: Ability, Hashable {
  /// The field of an image.
  public var image: String
  /// The field of a class: 0 is real, 1 is fake.
  public var label: String

  /// Names the fields.
  public init(image: String, label: String) { (self.image, self.label) = (image, label) }
}

/// A system that tells real images from fake ones.
public protocol FakeDetectingSystem: GenerativeSystem {
  /// The log odds of fake, `[batch]`, for images of the ability's field; networks in evaluation mode.
  func logOdds(of images: Tensor) throws -> Tensor
  /// Where an image shows what speaks for fake, `[batch, height, width]` in 0 … 1, the strongest place of each image
  /// at 1; all 0 where nothing does.
  func heatMaps(of images: Tensor) throws -> Tensor
}

/// How the scores of a video's frames become one of the video.
public enum VideoScore: String, Sendable, Hashable, Codable, CaseIterable {
  /// The mean of the frames' probabilities.
  case mean
  /// The probability of the mean of the frames' log odds.
  case meanLogit
  /// The median of the frames' probabilities.
  case median
  /// The share of frames whose probability is above one half.
  case share
  /// The mean of the highest tenth of the frames' probabilities.
  case top

  /// The score of a video in 0 … 1; nil for no frames.
  ///
  /// - Parameter logOdds: those of the frames.
  public func callAsFunction(_ logOdds: [Double]) -> Double? {
    guard !logOdds.isEmpty else { return nil }
    func mean(_ values: some Collection<Double>) -> Double { values.reduce(0, +) / Double(values.count) }
    let probabilities = logOdds.map(Self.probability)
    switch self {
    case .mean: return mean(probabilities)
    case .meanLogit: return Self.probability(mean(logOdds))
    case .median:
      let sorted = probabilities.sorted()
      let half = sorted.count / 2
      return sorted.count % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2
    case .share: return Double(probabilities.count { $0 > 0.5 }) / Double(probabilities.count)
    case .top:
      return mean(probabilities.sorted(by: >).prefix(max(1, (probabilities.count + 9) / 10)))
    }
  }

  /// The probability of log odds.
  public static func probability(_ logOdds: Double) -> Double { 1 / (1 + exp(-logOdds)) }
}

/// How images and videos are told real from fake.
public struct FakeDetectionSettings: Settings {
  /// How the scores of a video's frames become one: mean, meanLogit, median, share (of frames above one half) or top
  /// (the mean of the highest tenth).
  public var videoScore = VideoScore.mean
  /// From which probability on an image or a video is called fake.
  public var threshold = 0.5
  /// Of a video every how many frames are looked at.
  public var every = 1
  /// Where the face is, as left, top, right and bottom in pixels, the same in all images; empty: images are faces.
  public var face: [Int] = []
  /// How much larger than the face the square around it is that is cut out.
  public var margin = 1.3

  /// Whole images, every frame, the mean.
  public init() {}

  /// Checks the values.
  public func validate() throws(ConfigurationError) {
    try Checks.positive(["every": every])
    try Checks.require((0...1).contains(threshold), "threshold is 0 to 1, not \(threshold)")
    try Checks.require(
      face.isEmpty || face.count == 4 && face[0] < face[2] && face[1] < face[3],
      "face is empty, or left, top, right and bottom in pixels, not \(face)")
    try Checks.require(margin >= 1 && margin <= 10, "margin is 1 to 10, not \(margin)")
  }
}

/// Heat maps over the images that they belong to.
public enum FakeHeat {
  /// Images in -1 … 1, greyed, with the places of a heat map in red.
  ///
  /// - Parameters:
  ///   - images: `[batch, 3, height, width]` in -1 … 1.
  ///   - heat: `[batch, height, width]` in 0 … 1.
  public static func overlaid(_ images: Tensor, _ heat: Tensor) -> Tensor {
    let grey = images.mean(dims: [1], keepDim: true)
    let strength = heat.unsqueezed(1) * 0.6
    let red = Tensor([1, -1, -1] as [Float], shape: [1, 3, 1, 1], device: images.device)
    return grey * (1 - strength) + red * strength
  }
}
