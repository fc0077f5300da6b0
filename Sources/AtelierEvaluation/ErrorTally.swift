import AtelierMetrics
import Torch

/// Collects a measure of single examples that only the system has, and no baseline.
final class ErrorTally: ExampleTally {
  private let material: TranslationMaterial
  private let id: String
  private let name: String
  private let text: String
  private let value: (TranslatedExample) throws -> [Double]
  private var values: [Double] = []

  /// - Parameters:
  ///   - text: what is compared with what.
  ///   - value: an example's value; none where it has none.
  init(
    _ material: TranslationMaterial, id: String, name: String, text: String,
    value: @escaping (TranslatedExample) throws -> [Double]
  ) {
    self.material = material
    self.id = id
    self.name = name
    self.text = text
    self.value = value
  }

  func add(_ example: TranslatedExample) throws { values += try value(example) }

  var collected: [Tensor] { [Tensor(HostTensor(values, shape: [values.count]))] }

  func adopt(_ collected: [Tensor]) { values = collected[0].doubles() }

  func results() throws -> [MeasuredColumns] {
    guard !values.isEmpty else { return [] }
    return [
      MeasuredColumns(
        id: id, name: name, better: .smaller, values: [values.reduce(0, +) / Double(values.count)],
        provenance: material.provenance(),
        protocolText: "rounded to bytes, mean absolute difference, \(values.count) pictures, \(text)")
    ]
  }
}
