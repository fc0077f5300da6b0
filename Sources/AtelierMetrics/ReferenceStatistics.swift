public import Foundation
internal import Torch

/// The statistics of a set's features in a file, with what they are of: a Fréchet distance from them needs neither the
/// data nor its features anew.
public struct ReferenceStatistics: Sendable, Hashable {
  /// Mean, covariance and number of images.
  public let statistics: FeatureStatistics
  /// What they are of: `features` and the network's `weights`, `data`, its `fingerprint`, `part`, `resize`, `size`.
  public let facts: Provenance

  /// Statistics with their facts.
  public init(_ statistics: FeatureStatistics, facts: Provenance) {
    self.statistics = statistics
    self.facts = facts
  }

  private static let format = "atelier-reference-statistics"

  /// Writes the mean and the covariance's upper triangle as float32, which is half of what the file would be, and the
  /// facts.
  ///
  /// - Throws: `FileFormatError` where the file cannot be written.
  public func save(to url: URL) throws {
    let size = statistics.mean.count
    let covariance = statistics.covariance.doubles()
    var triangle: [Float] = []
    triangle.reserveCapacity(size * (size + 1) / 2)
    for row in 0..<size {
      for column in row..<size { triangle.append(Float(covariance[row * size + column])) }
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    try Safetensors.write(
      [
        ("mean", HostTensor(statistics.mean.doubles().map { Float($0) }, shape: [size])),
        ("covariance", HostTensor(triangle, shape: [triangle.count])),
      ],
      metadata: [
        "format": Self.format, "count": "\(statistics.count)",
        "facts": String(decoding: try encoder.encode(facts), as: UTF8.self),
      ], to: url)
  }

  /// Reads such a file.
  ///
  /// - Throws: `FileFormatError` where it is missing, damaged or holds something else.
  public static func load(from url: URL) throws -> ReferenceStatistics {
    let file = try Safetensors.read(url)
    func wrong() -> FileFormatError {
      FileFormatError(
        file: url,
        problem:
          "it does not hold statistics of a reference set; make them anew with `atelier data statistics`"
      )
    }
    guard file.metadata["format"] == format, let mean = file["mean"], let triangle = file["covariance"],
      let count = file.metadata["count"].flatMap({ Int($0) }), let text = file.metadata["facts"],
      let facts = try? JSONDecoder().decode(Provenance.self, from: Data(text.utf8)),
      mean.shape.count == 1, triangle.shape == [mean.count * (mean.count + 1) / 2]
    else { throw wrong() }
    let size = mean.count
    let values = triangle.doubles()
    var covariance = [Double](repeating: 0, count: size * size)
    var place = 0
    for row in 0..<size {
      for column in row..<size {
        covariance[row * size + column] = values[place]
        covariance[column * size + row] = values[place]
        place += 1
      }
    }
    guard
      let statistics = try? FeatureStatistics(
        count: count, mean: HostTensor(mean.doubles(), shape: [size]),
        covariance: HostTensor(covariance, shape: [size, size]))
    else { throw wrong() }
    return ReferenceStatistics(statistics, facts: facts)
  }

  /// The facts that images must share with the set to be compared with it, and that differ: of the features.
  public func differences(from features: Provenance) -> [String] {
    features.fields.map(\.name).filter { facts[$0] != features[$0] }
  }
}
