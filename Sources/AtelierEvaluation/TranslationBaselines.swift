import AtelierCore
import AtelierData
import Torch

/// The baselines of a translation.
struct TranslationBaselines {
  /// The image that is right on average over the training part.
  private let mean: Tensor?

  /// The baseline of the input: as it is, or enlarged.
  let inputName: String?
  private let scale: Int
  private let channels: Int

  /// The names of the columns.
  var names: [String] { [inputName, mean == nil ? nil : "mean picture"].compactMap { $0 } }
  /// What the baselines are, for the notes.
  let explanations: [String]

  /// - Parameters:
  ///   - sourceChannels: of a condition that is an image; nil for one that is none.
  ///   - targets: float32 `[1, channels, height, width]` in 0 … 255, of training images.
  ///   - isWhole: whether images have sizes of their own, so that only a mean colour can stand for them.
  init(
    sourceChannels: Int?, targetChannels: Int, scale: Int, isWhole: Bool, targets: (Int) throws -> Tensor?
  ) rethrows {
    self.scale = scale
    channels = targetChannels
    let comparable = [1, 3].contains(sourceChannels ?? 0) && [1, 3].contains(targetChannels)
    inputName = comparable ? (scale > 1 ? "bicubic" : "input") : nil
    var sum: Tensor?
    var count = 0
    let most = 500
    for index in 0..<most {
      guard let target = try targets(index) else { break }
      let part = isWhole ? target.mean(dims: [2, 3], keepDim: true) : target
      sum = sum.map { $0 + part } ?? part
      count += 1
    }
    mean = sum.map { ($0 / Double(count)).round().clamped(min: 0, max: 255).asType(.uint8) }
    var explanations: [String] = []
    switch inputName {
    case "bicubic"?: explanations.append("bicubic: the input enlarged ×\(scale), a = -0.5")
    case "input"?:
      explanations.append(
        "input: a copy of the condition"
          + (sourceChannels == targetChannels ? "" : targetChannels == 3 ? ", grey as RGB" : ", as luminance")
      )
    default: break
    }
    if count > 0 {
      explanations.append(
        "mean picture: the mean \(isWhole ? "colour" : "picture") of \(count) training targets")
    }
    self.explanations = explanations
  }

  /// The baselines of an example, uint8 `[1, channels, height, width]`, in the order of ``names``.
  ///
  /// - Parameter source: the condition as uint8 `[1, channels, height, width]`.
  func pictures(source: Tensor?, height: Int, width: Int) -> [Tensor] {
    var pictures: [Tensor] = []
    if inputName != nil, let source {
      var picture = source.asType(.float32)
      if scale > 1 {
        picture = upsampleBicubic(
          picture, size: (source.shape[2] * scale, source.shape[3] * scale), antialias: true)
      } else if source.shape[2] != height || source.shape[3] != width {
        picture = upsampleBicubic(picture, size: (height, width), antialias: true)
      }
      if picture.shape[1] == 1, channels == 3 {
        picture = picture.expanded([1, 3, picture.shape[2], picture.shape[3]])
      } else if picture.shape[1] == 3, channels == 1 {
        let weights = Tensor([0.299, 0.587, 0.114], shape: [1, 3, 1, 1])
        picture = (picture * weights).sum(dims: [1], keepDim: true)
      }
      let bytes = picture.round().clamped(min: 0, max: 255).asType(.uint8)
      pictures.append(bytes.slice(2, 0, height).slice(3, 0, width).contiguous())
    }
    if let mean {
      let isColour = mean.shape[2] == 1 && mean.shape[3] == 1
      pictures.append(
        isColour
          ? mean.expanded([1, channels, height, width]).contiguous()
          : mean.slice(2, 0, height).slice(3, 0, width).contiguous())
    }
    return pictures
  }
}
