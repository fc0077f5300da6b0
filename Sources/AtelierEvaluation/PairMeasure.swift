public import AtelierCore
public import AtelierMetrics
public import Torch

/// A measure of each output beside the image that it should be; its number is the mean over the held-out pairs.
public protocol PairMeasure: ExampleMeasure {
  /// How two images are compared, in one way or several; none where it cannot be done, which the material's
  /// notes are told.
  func comparisons(_ material: TranslationMaterial) throws -> [PairComparison]
}

extension PairMeasure {
  /// Systems whose outputs stand beside the images of the data that they should be.
  public func applies(to plan: SystemPlan) -> Bool { plan.translatesPairs }

  /// The values of each comparison, column by column.
  public func tally(_ material: TranslationMaterial) throws -> (any ExampleTally)? {
    let comparisons = try comparisons(material)
    return comparisons.isEmpty ? nil : PairTally(comparisons, material, id: Self.id)
  }
}

/// A way to compare two images.
public struct PairComparison {
  /// What it is called, with its unit.
  public let name: String
  /// How it is taken.
  public let protocolText: String
  /// Which way is better.
  public let better: Better
  /// Pixels that it cuts off each side of both images.
  public let border: Int
  /// The value for two images, uint8 `[1, channels, height, width]`; nil where they are too small for it.
  public let value: (_ output: Tensor, _ target: Tensor) throws -> Double?

  /// Describes a comparison.
  public init(
    _ name: String, protocolText: String, better: Better, border: Int = 0,
    value: @escaping (_ output: Tensor, _ target: Tensor) throws -> Double?
  ) {
    self.name = name
    self.protocolText = protocolText
    self.better = better
    self.border = border
    self.value = value
  }
}

/// The settings of a measure of pairs.
public struct PairOptions: Settings {
  /// Pixels cut off each side; nil: by convention the scale of super-resolution, else none.
  public var crop: Int?

  /// The convention.
  public init() {}

  /// Checks the values.
  public func validate() throws(ConfigurationError) {
    guard (crop ?? 0) >= 0 else { throw ConfigurationError("crop is at least 0, not \(crop ?? 0)") }
  }
}

extension PairMeasure where Options == PairOptions {
  /// A comparison of images that are rounded to bytes, as a file would be, without their border, in 0 … 1.
  ///
  /// Source of the protocol: BasicSR `metrics/psnr_ssim.py`, whose values are in 0 … 255.
  ///
  /// - Parameters:
  ///   - side: the least height and width that must be left.
  ///   - body: the values of a batch of outputs and targets, float64 `[1, channels, height, width]`.
  func comparison(
    _ material: TranslationMaterial, _ name: String, _ text: String, better: Better, atLeast side: Int = 1,
    _ body: @escaping (_ output: Tensor, _ target: Tensor) throws -> [Double]
  ) -> PairComparison {
    let border = options.crop ?? material.border
    let cut = border > 0 ? ", \(border) pixels cut off each side" : ""
    return PairComparison(
      name, protocolText: "rounded to bytes, " + text + cut, better: better, border: border
    ) {
      output, target in
      guard min(target.shape[2], target.shape[3]) - 2 * border >= side else { return nil }
      func unit(_ image: Tensor) throws -> Tensor { try withoutBorder(image.asType(.float64) / 255, border) }
      return try body(unit(output), unit(target)).first
    }
  }
}

extension TranslationMaterial {
  /// What the values of an image's channels are called.
  var colours: String { channels == 3 ? "RGB" : "grey" }
}

/// Collects the values of pairs.
private final class PairTally: ExampleTally {
  private let comparisons: [PairComparison]
  private let material: TranslationMaterial
  private let id: String
  /// By comparison, then by column, the values of all images.
  private var values: [[[Double]]]
  private var count = 0

  init(_ comparisons: [PairComparison], _ material: TranslationMaterial, id: String) {
    self.comparisons = comparisons
    self.material = material
    self.id = id
    values = comparisons.map { _ in material.columns.map { _ in [] } }
  }

  func add(_ example: TranslatedExample) throws {
    guard let target = example.target else { return }
    count += 1
    for (column, output) in try example.columns().enumerated() {
      for (place, comparison) in comparisons.enumerated() {
        if let value = try comparison.value(output, target) { values[place][column].append(value) }
      }
    }
  }

  var collected: [Tensor] {
    values.flatMap { $0 }.map { Tensor(HostTensor($0, shape: [$0.count])) }
      + [Tensor([Int](repeating: 1, count: count))]
  }

  func adopt(_ collected: [Tensor]) {
    let columns = material.columns.count
    for place in values.indices {
      for column in 0..<columns { values[place][column] = collected[place * columns + column].doubles() }
    }
    count = collected.last?.count ?? 0
  }

  func results() throws -> [MeasuredColumns] {
    try zip(comparisons, values).compactMap { comparison, columns in
      guard columns.contains(where: { !$0.isEmpty }) else { return nil }
      let intervals = try columns.map { values -> ConfidenceInterval? in
        guard values.count > 1 else { return nil }
        return try bootstrapInterval(
          ofMean: values, using: RandomStream(seed: material.options.seed, purpose: "bootstrap")
        ).interval
      }
      let number = columns.map(\.count).max() ?? 0
      let some = number < count ? ", \(number) of \(count) pictures are large enough" : ""
      return MeasuredColumns(
        id: id, name: comparison.name, better: comparison.better,
        values: columns.map { $0.isEmpty ? nil : $0.reduce(0, +) / Double($0.count) }, intervals: intervals,
        provenance: material.provenance(["border": "\(comparison.border)"]),
        protocolText: comparison.protocolText + ", mean over pictures" + some)
    }
  }
}
