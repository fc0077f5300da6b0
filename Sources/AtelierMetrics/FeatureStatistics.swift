public import Foundation
public import Torch

/// The mean and covariance of a set of feature vectors, the input of a Fréchet distance.
///
/// The covariance divides by n - 1, like `numpy.cov`. Cache those of a data set as safetensors
/// (``save(to:)``) or through `Codable`.
public struct FeatureStatistics: Sendable, Hashable {
  /// The number of vectors.
  public let count: Int
  /// The mean, float64 `[features]`.
  public let mean: HostTensor
  /// The covariance, float64 `[features, features]`.
  public let covariance: HostTensor

  /// The statistics of the rows of a matrix `[samples, features]`, computed in float64 and in blocks.
  ///
  /// - Throws: `MetricError` for another shape, fewer than two rows, or numbers that are not finite.
  public init(_ features: Tensor) throws {
    let accumulator = Accumulator()
    try accumulator.add(features)
    self = try accumulator.statistics()
  }

  /// Statistics of known values.
  ///
  /// - Throws: `MetricError` when the shapes are not `[features]` and `[features, features]` of float64.
  public init(count: Int, mean: HostTensor, covariance: HostTensor) throws {
    let size = mean.shape.first ?? 0
    guard
      count >= 2, mean.shape == [size], covariance.shape == [size, size], size >= 1,
      mean.dtype == .float64, covariance.dtype == .float64
    else {
      throw MetricError(
        "feature statistics need two samples, a float64 mean [features] and covariance [features, features], "
          + "not \(count), \(mean.dtype) \(mean.shape) and \(covariance.dtype) \(covariance.shape); "
          + "compute them anew")
    }
    self.count = count
    self.mean = mean
    self.covariance = covariance
  }

  /// Accumulates statistics batch by batch, so that features need not be kept in memory.
  ///
  /// Parts are merged by the formula of Chan, Golub and LeVeque (1983), as sums of squares would cancel.
  public final class Accumulator {
    private var count = 0
    private var mean: Tensor?
    private var scatter: Tensor?

    /// An empty accumulator.
    public init() {}

    /// Adds the rows of a matrix `[samples, features]`.
    ///
    /// - Throws: `MetricError` for another shape or width, or numbers that are not finite.
    public func add(_ features: Tensor) throws {
      try withoutGradients {
        guard features.rank == 2 else {
          _ = try featureMatrix(features, "features")
          return
        }
        // Blocks bound the memory of the float64 copy.
        for rows in blocks(of: features.shape[0], width: features.shape[1]) {
          try addBlock(features.narrow(0, from: rows.lowerBound, length: rows.count))
        }
      }
    }

    private func addBlock(_ features: Tensor) throws {
      let block = try featureMatrix(features, "features")
      let blockMean = columnMeans(block)
      let centred = block - blockMean
      let blockScatter = centred.transposed(0, 1).matmul(centred)
      guard let mean, let scatter else {
        (count, mean, scatter) = (block.shape[0], blockMean, blockScatter)
        return
      }
      guard mean.shape == blockMean.shape else {
        throw MetricError(
          "these features have \(blockMean.count) columns and the ones before \(mean.count); "
            + "take all of them from one feature source")
      }
      let (old, new) = (Double(count), Double(block.shape[0]))
      let step = blockMean - mean
      scatter.addInPlace(blockScatter)
      scatter.addInPlace(step.unsqueezed(1) * step.unsqueezed(0), scale: old * new / (old + new))
      mean.addInPlace(step, scale: new / (old + new))
      count += block.shape[0]
    }

    /// The statistics of all rows so far.
    ///
    /// - Throws: `MetricError` when there are fewer than two.
    public func statistics() throws -> FeatureStatistics {
      guard count >= 2, let mean, let scatter else {
        throw MetricError("a covariance needs at least two samples, not \(count); give more")
      }
      let covariance = withoutGradients { scatter / Double(count - 1) }
      return try FeatureStatistics(count: count, mean: mean.host(), covariance: covariance.host())
    }
  }

  /// Writes the statistics as safetensors: `mean`, `covariance`, and `count` among the metadata.
  ///
  /// - Throws: `FileFormatError` when the file cannot be written.
  public func save(to url: URL) throws {
    try Safetensors.write(
      [("mean", mean), ("covariance", covariance)],
      metadata: ["format": "atelier-feature-statistics", "count": "\(count)"], to: url)
  }

  /// Reads a file written by ``save(to:)``.
  ///
  /// - Throws: `FileFormatError` when the file is missing, damaged or holds something else.
  public static func load(from url: URL) throws -> FeatureStatistics {
    let file = try Safetensors.read(url)
    guard let mean = file["mean"], let covariance = file["covariance"],
      let count = file.metadata["count"].flatMap({ Int($0) }),
      let statistics = try? FeatureStatistics(count: count, mean: mean, covariance: covariance)
    else {
      throw FileFormatError(
        file: url, problem: "it does not hold feature statistics; delete it and compute them anew")
    }
    return statistics
  }
}

extension FeatureStatistics: Codable {
  private enum CodingKeys: String, CodingKey { case count, features, mean, covariance }

  /// Reads the statistics; the numbers are bytes of little-endian float64.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    let size = try values.decode(Int.self, forKey: .features)
    let mean = try values.decode(Data.self, forKey: .mean)
    let covariance = try values.decode(Data.self, forKey: .covariance)
    guard size >= 1, size <= 1_000_000, mean.count == size * 8, covariance.count == size * size * 8 else {
      throw DecodingError.dataCorruptedError(
        forKey: .covariance, in: values,
        debugDescription: "the statistics' lengths do not fit \(size) features; compute them anew")
    }
    self = try FeatureStatistics(
      count: try values.decode(Int.self, forKey: .count),
      mean: HostTensor(shape: [size], dtype: .float64, bytes: [UInt8](mean)),
      covariance: HostTensor(shape: [size, size], dtype: .float64, bytes: [UInt8](covariance)))
  }

  /// Writes the statistics; the numbers as bytes of little-endian float64.
  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(count, forKey: .count)
    try values.encode(mean.count, forKey: .features)
    try values.encode(Data(mean.bytes), forKey: .mean)
    try values.encode(Data(covariance.bytes), forKey: .covariance)
  }
}
