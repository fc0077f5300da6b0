import AtelierCore
import AtelierMetrics
import AtelierTraining
import Torch

/// How well a system gives held-out pictures back from their maps and their own styles.
extension Evaluation {
  /// SSIM, root mean squared error and PSNR of pictures that were made again, beside those of pictures from the
  /// same maps in the mean style of each class.
  ///
  /// Source of the protocol: Zhu et al. 2020 (SEAN), section 5.2.
  ///
  /// - Parameters:
  ///   - rebuilt: from the maps and the pictures' own styles, bytes `[n, 3, height, width]`.
  ///   - plain: from the maps alone, bytes of the same shape.
  ///   - held: the pictures, bytes of the same shape.
  func rebuilding(
    _ rebuilt: Tensor, without plain: Tensor, called baseline: String, _ held: Tensor, _ source: String
  ) throws -> [MeasuredNumber] {
    let count = held.shape[0]
    let setting =
      "\(count) pictures of \(source), \(held.shape[3])×\(held.shape[2]) pixels, made again from their own map "
      + "and styles, rounded to bytes, values in 0 … 1, mean over pictures"
    func number(
      _ name: String, _ better: Better, _ text: String, _ measure: (Tensor, Tensor) throws -> [Double]
    ) throws -> MeasuredNumber {
      // A few at a time: the measures work in double precision.
      func values(_ made: Tensor) throws -> [Double] {
        try stride(from: 0, to: count, by: 16).flatMap { start in
          let end = min(start + 16, count)
          func unit(_ pictures: Tensor) -> Tensor { pictures.slice(0, start, end).asType(.float64) / 255 }
          return try measure(unit(made), unit(held))
        }
      }
      let (own, other) = (try values(rebuilt), try values(plain))
      let interval = try bootstrapInterval(
        ofMean: own, using: RandomStream(seed: options.seed, purpose: "bootstrap"))
      return MeasuredNumber(
        name: name, value: interval.value, interval: interval.interval, better: better,
        baselines: [BaselineNumber(name: baseline, value: other.reduce(0, +) / Double(max(1, other.count)))],
        protocolText: "\(setting), \(text)")
    }
    var numbers = [
      try number("reconstruction RMSE", .smaller, "root of the mean square over all values of a picture") {
        try meanSquaredPixelError($0, $1).map { $0.squareRoot() }
      },
      try number("reconstruction PSNR, dB", .larger, "over all values together") {
        try peakSignalToNoise($0, $1, floor: 1e-8)
      },
    ]
    if min(held.shape[2], held.shape[3]) >= 11 {
      numbers.append(
        try number("reconstruction SSIM", .larger, "Gaussian window of 11, inside only") {
          try structuralSimilarity($0, $1)
        })
    }
    return numbers
  }
}
