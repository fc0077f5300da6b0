public import AtelierData
public import Foundation
public import Torch

/// Where features of training images come from.
public enum InstanceFeatureSource: String, Codable, Sendable, Hashable, CaseIterable {
  /// A network that Atelier trains on the images alone (SimCLR).
  case selfSupervised
  /// A classifier that Atelier trains on the images and their labels.
  case classifier
}

/// What a system needs to know about the training images' features before it can be built.
public struct InstancePlan: Component, Hashable {
  /// What the features are for.
  public enum Purpose: Sendable, Hashable {
    /// Each example is an instance's features with an image of its neighbourhood.
    case neighbourhoods(size: Int)
    /// Each example's label is the cluster of its features.
    case clusters(count: Int)
  }

  /// The plan as fingerprints of tables of instances have it: a text that may never change, or the tables of
  /// earlier runs are not theirs any more. It is what Swift printed of a plan when it lived in AtelierModels.
  package var fingerprintText: String {
    let purpose =
      switch purpose {
      case .neighbourhoods(let size): "neighbourhoods(size: \(size))"
      case .clusters(let count): "clusters(count: \(count))"
      }
    return "InstancePlan(purpose: AtelierModels.InstancePlan.Purpose.\(purpose), "
      + "source: AtelierModels.InstanceFeatureSource.\(source.rawValue), featureSize: \(featureSize), "
      + "selected: \(selected), mirrors: \(mirrors), epochs: \(epochs))"
  }

  /// What the features are for.
  public var purpose: Purpose
  /// Where they come from.
  public var source: InstanceFeatureSource
  /// How long they are.
  public var featureSize: Int
  /// Instances that are kept for generation, chosen by k-means; 0: all.
  public var selected: Int
  /// Whether features of mirrored images are kept too, and used half of the time.
  public var mirrors: Bool
  /// How often the network that gives the features sees each image.
  public var epochs: Double

  /// A plan.
  public init(
    purpose: Purpose, source: InstanceFeatureSource, featureSize: Int, selected: Int = 0,
    mirrors: Bool = false, epochs: Double
  ) {
    self.purpose = purpose
    self.source = source
    self.featureSize = featureSize
    self.selected = selected
    self.mirrors = mirrors
    self.epochs = epochs
  }
}

/// Features of the training images, and which of them lie near to which.
public struct InstanceTable {
  /// The artefact that holds a table.
  public static let artefact = "instances.safetensors"
  /// The artefact that holds the network that the features come from.
  public static let embedder = "embedder.safetensors"

  /// Unit vectors, `[instances, features]`.
  public let features: Tensor
  /// The same of mirrored images; nil: there are none.
  public let mirrored: Tensor?
  /// int64 `[instances, k]`: the k nearest other instances, nearest first.
  public let neighbours: Tensor
  /// The distance to the k-th, `[instances]`.
  public let radius: Tensor
  /// int64 `[instances]`: classes, or clusters.
  public let label: Tensor
  /// int64: the rows that generation draws from.
  public let selected: Tensor

  /// Collects a table.
  ///
  /// - Parameter features: of any length; rows are brought to length 1.
  /// - Throws: ``ConfigurationError`` for parts that do not fit together.
  public init(
    features: Tensor, mirrored: Tensor? = nil, neighbours: Tensor, radius: Tensor, label: Tensor,
    selected: Tensor? = nil
  ) throws(ConfigurationError) {
    let count = features.shape.first ?? 0
    let shapes =
      features.rank == 2 && count >= 1 && neighbours.rank == 2 && neighbours.shape[0] == count
      && neighbours.shape[1] >= 1 && label.shape == [count] && radius.shape == [count]
      && (mirrored.map { $0.shape == features.shape } ?? true) && (selected.map { $0.rank == 1 } ?? true)
    let types = neighbours.dtype == .int64 && label.dtype == .int64 && (selected?.dtype ?? .int64) == .int64
    guard shapes, types else {
      throw ConfigurationError(
        "the table of instances does not fit together: features \(features.shape), neighbours "
          + "\(neighbours.shape), labels \(label.shape)")
    }
    for rows in [neighbours, selected].compactMap({ $0 })
    where rows.count > 0 && (rows.min().item() < 0 || rows.max().item() >= Double(count)) {
      throw ConfigurationError("the table of instances names a row that it does not have; make it anew")
    }
    guard features.isFinite(), mirrored?.isFinite() ?? true, label.min().item() >= 0 else {
      throw ConfigurationError("the table of instances holds numbers that are not finite; make it anew")
    }
    self.features = Self.unit(features)
    self.mirrored = mirrored.map(Self.unit)
    self.neighbours = neighbours
    self.radius = radius
    self.label = label
    self.selected = selected.flatMap { $0.count > 0 ? $0 : nil } ?? Tensor.arange(count)
  }

  /// The table of a run's artefacts; nil where there is none.
  ///
  /// - Throws: ``ConfigurationError`` for a damaged one.
  public init?(_ artefacts: Artefacts) throws(ConfigurationError) {
    guard let data = artefacts.contents[Self.artefact] else { return nil }
    let tensors: [String: Tensor]
    do {
      tensors = try Self.tensors(data)
    } catch {
      // The file's name is that of a temporary copy.
      let problem = (error as? FileFormatError)?.problem ?? "\(error)"
      throw ConfigurationError("the artefact '\(Self.artefact)' cannot be read: \(problem)")
    }
    guard let features = tensors["features"], let neighbours = tensors["neighbours"],
      let radius = tensors["radius"], let label = tensors["label"]
    else { throw ConfigurationError("the artefact '\(Self.artefact)' is not a table of instances") }
    try self.init(
      features: features, mirrored: tensors["mirrored"], neighbours: neighbours, radius: radius, label: label,
      selected: tensors["selected"])
  }

  /// The number of instances.
  public var count: Int { features.shape[0] }
  /// The length of a feature vector.
  public var featureSize: Int { features.shape[1] }

  /// The contents of the artefact.
  public func data(metadata: [String: String] = [:]) throws -> Data {
    var tensors = [
      ("features", features), ("neighbours", neighbours), ("radius", radius), ("label", label),
      ("selected", selected),
    ]
    if let mirrored { tensors.append(("mirrored", mirrored)) }
    return try Self.withTemporaryFile { file in
      try Safetensors.write(
        tensors.map { (name: $0.0, tensor: $0.1.contiguous().host()) }, metadata: metadata, to: file)
      return try Data(contentsOf: file)
    }
  }

  /// What instances ask for: their features, and the label of one of their neighbours each, because it is a
  /// neighbour that they stand for.
  ///
  /// Source: ic_gan data_utils/utils.py `sample_conditioning_instance_balance`; systems with classes only.
  ///
  /// - Parameters:
  ///   - instance: int64 rows `[n]`.
  ///   - neighbour: int64 places in each row's neighbourhood, `[n]`.
  public func conditions(instance: Tensor, neighbour: Tensor) -> (features: Tensor, label: Tensor) {
    let rows = neighbours.indexSelected(0, instance).gathered(1, neighbour.unsqueezed(1)).squeezed(1)
    return (features.indexSelected(0, instance), label.indexSelected(0, rows))
  }

  /// Rows of length 1; rows of zeros stay.
  public static func unit(_ features: Tensor) -> Tensor {
    withoutGradients { features / features.norm(dims: [1], keepDim: true).clamped(min: 1e-12) }
  }

  private static func tensors(_ data: Data) throws -> [String: Tensor] {
    try withTemporaryFile { file in
      try data.write(to: file)
      return Dictionary(try Safetensors.read(file).tensors.map { ($0.name, Tensor($0.tensor)) }) { a, _ in a }
    }
  }

  /// Files are what the reader of safetensors checks; an artefact is bytes.
  private static func withTemporaryFile<Result>(_ body: (URL) throws -> Result) throws -> Result {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent(
      "instances-\(UUID().uuidString).safetensors")
    defer { try? FileManager.default.removeItem(at: file) }
    return try body(file)
  }
}
