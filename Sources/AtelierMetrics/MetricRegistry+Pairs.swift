import Torch

extension MetricRegistry {
  /// The measures of image pairs; one value per image.
  static let pairMetrics: [String: @Sendable (MetricArguments) throws -> [String: Tensor]] = [
    "psnr": { arguments in
      let pair = try arguments.pair(parameters: ["dataRange"])
      let values = try peakSignalToNoise(
        pair.image, pair.target, dataRange: pair.dataRange, floor: pair.isSuperResolution ? 1e-8 : 0)
      return ["value": vector(values)]
    },
    "ssim": { arguments in
      let pair = try arguments.pair(parameters: ["dataRange", "window", "sigma", "size", "sampleCovariance"])
      let form = try arguments.similarityWindow()
      let values = try structuralSimilarity(
        pair.image, pair.target, dataRange: pair.dataRange, window: form.window,
        sampleCovariance: form.sampleCovariance)
      return ["value": vector(values)]
    },
    "multiscaleSsim": { arguments in
      let pair = try arguments.pair(parameters: ["dataRange"])
      return [
        "value": vector(try multiscaleSimilarity(pair.image, pair.target, dataRange: pair.dataRange))
      ]
    },
    "ssimTorch": { arguments in
      let pair = try arguments.pair(parameters: ["dataRange"])
      return [
        "value": vector(try structuralSimilarity(pair.image, pair.target, dataRange: pair.dataRange))
      ]
    },
    "pixelError": { arguments in
      let pair = try arguments.pair(parameters: ["dataRange"])
      let absolute = try meanPixelError(pair.image, pair.target)
      let squared = try meanSquaredPixelError(pair.image, pair.target)
      return ["value": vector(absolute), "squared": vector(squared)]
    },
    "luminance": { arguments in
      try arguments.allow(inputs: ["image"], parameters: ["luminanceOnly"])
      let image = try arguments.input("image")
      return ["value": try arguments.flag("luminanceOnly") ?? true ? luminance(image) : ycbcr(image)]
    },
  ]

  private static func vector(_ values: [Double]) -> Tensor { Tensor(HostTensor(values)) }
}

extension MetricArguments {
  /// Two batches of images, prepared as a named program does.
  struct Pair {
    let image: Tensor
    let target: Tensor
    let dataRange: Double
    let isSuperResolution: Bool
  }

  /// Reads `image` and `target`, and prepares them as `tool` does.
  ///
  /// `scikit-image` (the default) measures them unchanged. `BasicSR` crops `crop` pixels on each side and
  /// measures on the luminance if `luminance` is set; its images are in 0 … 1.
  func pair(parameters: Set<String>) throws -> Pair {
    let tool = try text("tool") ?? "scikit-image"
    switch tool {
    case "scikit-image", "pytorch-msssim":
      try allow(inputs: ["image", "target"], parameters: parameters.union(["tool"]))
      return Pair(
        image: try input("image"), target: try input("target"), dataRange: try number("dataRange") ?? 1,
        isSuperResolution: false)
    case "BasicSR":
      try allow(inputs: ["image", "target"], parameters: ["tool", "crop", "luminance"])
      let crop = try number("crop") ?? 0
      guard let border = Int(exactly: crop), border >= 0 else {
        throw MetricError(
          "the parameter “crop” of “\(metric)” is \(crop), but must be a whole number of pixels")
      }
      var pictures = try [withoutBorder(input("image"), border), withoutBorder(input("target"), border)]
      if try flag("luminance") ?? false { pictures = try pictures.map(AtelierMetrics.luminance) }
      return Pair(image: pictures[0], target: pictures[1], dataRange: 1, isSuperResolution: true)
    default:
      throw MetricError("“\(metric)” knows the tools scikit-image and BasicSR, not “\(tool)”")
    }
  }

  /// The window of SSIM, and whether variances divide by n - 1, as scikit-image combines them.
  func similarityWindow() throws -> (window: SimilarityWindow, sampleCovariance: Bool) {
    let sampleCovariance = try flag("sampleCovariance")
    switch try text("window") ?? "gaussian" {
    case "gaussian":
      let sigma = try number("sigma") ?? 1.5
      guard sigma > 0, sigma < 100 else {
        throw MetricError("the parameter “sigma” of “\(metric)” is \(sigma), but must lie in 0 … 100")
      }
      // scikit-image truncates the Gaussian at 3.5 standard deviations.
      let size = try parameters["size"] == nil ? 2 * Int(3.5 * sigma + 0.5) + 1 : count("size", otherwise: 11)
      return (.gaussian(size: size, sigma: sigma), sampleCovariance ?? false)
    case "uniform":
      return (.uniform(size: try count("size", otherwise: 7)), sampleCovariance ?? true)
    case let other:
      throw MetricError("the parameter “window” of “\(metric)” is gaussian or uniform, not “\(other)”")
    }
  }
}
