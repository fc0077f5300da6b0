public import AtelierCore
public import AtelierMetrics
import AtelierTraining
import Torch

/// SSIM, root mean squared error and PSNR of images that were made again from their maps and their own
/// styles, beside those of images from the same maps in the mean style of each class.
///
/// Source of the protocol: Zhu et al. 2020 (SEAN), section 5.2.
public struct RebuildingMeasure: Measure {
  /// What options and numbers name it by.
  public static let id = "rebuilding"

  /// The measure.
  public init() {}

  /// Systems that make images from label maps.
  public func applies(to plan: SystemPlan) -> Bool { plan.mapDirection != nil }

  /// The numbers; none where the system or its data do not have what they take.
  public func measure(_ context: EvaluationContext) throws -> [MeasuredNumber] {
    guard let material = try context.mapMaterial(), let rebuilt = try material.rebuilt() else { return [] }
    let (plain, held) = (try material.plain(), material.held.examples.images)
    let count = held.shape[0]
    let setting =
      "\(count) pictures of \(material.source), \(held.shape[3])×\(held.shape[2]) pixels, made again from their "
      + "own map and styles, rounded to bytes, values in 0 … 1, mean over pictures"
    func number(
      _ id: String, _ name: String, _ better: Better, _ text: String,
      _ measure: (Tensor, Tensor) throws -> [Double]
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
      return try MeasuredNumber(
        id: id, name: name, meanOf: own, seed: context.options.seed, better: better,
        baselines: [
          BaselineNumber(name: "mean styles", value: other.reduce(0, +) / Double(max(1, other.count)))
        ],
        provenance: material.provenance(manner: "styles of the real pictures"),
        protocolText: "\(setting), \(text)")
    }
    var numbers = [
      try number(
        "rebuilding-rmse", "reconstruction RMSE", .smaller,
        "root of the mean square over all values of a picture"
      ) {
        try meanSquaredPixelError($0, $1).map { $0.squareRoot() }
      },
      try number("rebuilding-psnr", "reconstruction PSNR, dB", .larger, "over all values together") {
        try peakSignalToNoise($0, $1, floor: 1e-8)
      },
    ]
    if min(held.shape[2], held.shape[3]) >= 11 {
      numbers.append(
        try number("rebuilding-ssim", "reconstruction SSIM", .larger, "Gaussian window of 11, inside only") {
          try structuralSimilarity($0, $1)
        })
    }
    return numbers
  }
}
