import AtelierCore
import AtelierData
import Torch

/// Examples of an instance-conditioned system: the features of an instance with an image, and its label, from
/// the instance's neighbourhood; or images whose label is the cluster of their features.
///
/// A neighbour is never the instance itself. Served without random changes, an instance stands with its
/// nearest neighbour.
struct InstanceDataset: Dataset {
  /// What the data are.
  let description: DatasetDescription
  private var base: any Dataset
  /// The base's number of each instance; images that cannot be read are no instances.
  let rows: [Int]
  private let contents: Contents

  private enum Contents {
    case neighbourhoods(features: [Float], mirrored: [Float]?, size: Int, neighbours: [Int], k: Int)
    case clusters([Int])
  }

  /// Neighbourhoods of a table over the rows of a data set.
  init(_ base: any Dataset, rows: [Int], table: InstanceTable) {
    var description = base.description
    description.count = rows.count
    self.description = description
    self.base = base
    self.rows = rows
    contents = .neighbourhoods(
      features: table.features.floats(), mirrored: table.mirrored?.floats(), size: table.featureSize,
      neighbours: table.neighbours.integers(), k: table.neighbours.shape[1])
  }

  /// Images with their clusters for labels.
  init(_ base: any Dataset, rows: [Int], clusters: [Int], count: Int) {
    var description = base.description
    description.count = rows.count
    description.classNames = (0..<count).map { "cluster \($0)" }
    description.labelHistogram = [Int](repeating: 0, count: count)
    for cluster in clusters { description.labelHistogram[cluster] += 1 }
    self.description = description
    self.base = base
    self.rows = rows
    contents = .clusters(clusters)
  }

  /// The same examples with the images of a data set that is the base at another depth of values.
  func showing(_ images: any Dataset) -> InstanceDataset {
    var other = self
    other.base = images
    return other
  }

  /// Instances.
  var count: Int { rows.count }
  /// Whether the images lie decoded in memory.
  var isInMemory: Bool { base.isInMemory }
  /// Neighbours are drawn.
  var isRandom: Bool {
    if case .neighbourhoods = contents { true } else { base.isRandom }
  }

  /// An instance with its nearest neighbour, or an image with its cluster.
  func example(at index: Int) throws(DatasetError) -> Example {
    switch contents {
    case .neighbourhoods(let features, _, let size, let neighbours, let k):
      let example = try base.example(at: rows[neighbours[index * k]])
      return joined(example, features, size, index)
    case .clusters(let clusters):
      return labelled(try base.example(at: rows[index]), clusters[index])
    }
  }

  /// An instance with a neighbour drawn uniformly; instance and image are mirrored independently.
  ///
  /// Source: ic_gan data_utils/datasets_common.py `__getitem__` and `_get_instance_features`.
  func example(at index: Int, using generator: inout SeededGenerator) throws(DatasetError) -> Example {
    switch contents {
    case .neighbourhoods(let features, let mirrored, let size, let neighbours, let k):
      let neighbour = neighbours[index * k + generator.integer(below: k)]
      let takesMirrored = mirrored != nil && generator.integer(below: 2) == 1
      var example = try base.example(at: rows[neighbour], using: &generator)
      if mirrored != nil, generator.integer(below: 2) == 1, let image = example["image"] {
        example.fields["image"] = Self.mirrored(image)
      }
      return joined(example, takesMirrored ? mirrored ?? features : features, size, index)
    case .clusters(let clusters):
      return labelled(try base.example(at: rows[index], using: &generator), clusters[index])
    }
  }

  /// Values `[channels, height, width]` from right to left, 8 or 16 bits each.
  private static func mirrored(_ image: HostTensor) -> HostTensor {
    let width = image.shape.last ?? 1
    guard image.dtype == .uint8 else {
      let values = image.integers()
      let rows = stride(from: 0, to: values.count, by: width).flatMap { start in
        values[start..<(start + width)].reversed().map { Int32($0) }
      }
      return HostTensor(
        shape: image.shape, dtype: .int32, bytes: rows.withUnsafeBytes { [UInt8]($0) })
    }
    var bytes = image.bytes
    for start in stride(from: 0, to: bytes.count, by: width) { bytes[start..<(start + width)].reverse() }
    return HostTensor(shape: image.shape, dtype: image.dtype, bytes: bytes)
  }

  private func joined(_ example: Example, _ features: [Float], _ size: Int, _ index: Int) -> Example {
    var example = example
    example.fields["features"] = HostTensor(Array(features[(index * size)..<((index + 1) * size)]))
    return example
  }

  private func labelled(_ example: Example, _ cluster: Int) -> Example {
    var example = example
    example.fields["label"] = HostTensor([cluster], shape: [])
    return example
  }
}
