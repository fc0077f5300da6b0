import Atelier
import Foundation

/// Images and labels in memory, gathered by a random order, as Benchmarks/python does it.
final class ImagesInMemory: BatchSource {
  private let columns: [(field: Field, values: Tensor)]
  /// What comes with videos beside their fields: the reference flow of each update, and how sure it is.
  private let flows: [String: Tensor]
  /// A style's image, which all batches share.
  private let style: Tensor?
  private let count: Int
  private let batchSize: Int
  private let stream: RandomStream?
  private var order: Tensor
  private var position = 0
  /// The tokens of sentences, without padding, in each batch of the stored order.
  private(set) var tokens: [Int] = []

  /// - Parameter part: what the sides of the images are divided by; only their corner is given out.
  init<System: GenerativeSystem>(
    _ inputs: [String: HostTensor], of system: System, order stream: RandomStream?, part: Int = 1
  ) throws {
    // What a step varies lies there as it was before and as it is afterwards.
    let fields = system.plan.fields.flatMap { field in
      let sides = ["source\(field.name)", "target\(field.name)"]
      return sides.allSatisfy { inputs[$0] != nil } ? sides.map { Field($0, field.kind) } : [field]
    }
    columns = try fields.map { field in
      guard let values = inputs[field.name] else {
        throw Refusal.data("inputs.pth lacks '\(field.name)'; export it anew with Benchmarks/python")
      }
      let all = Tensor(values)
      guard part > 1, all.rank == 4 else { return (field, all) }
      return (field, all.slice(2, 0, all.shape[2] / part).slice(3, 0, all.shape[3] / part).contiguous())
    }
    flows = inputs.filter { ["flowReference", "confidence"].contains($0.key) }.mapValues { Tensor($0) }
    style = inputs["style"].map { Self.floats(Tensor($0), .unit) }
    count = columns.first?.values.shape[0] ?? 0
    batchSize = system.configuration.batchSize
    self.stream = stream
    order = stream?.permutation(count) ?? .arange(count)
  }

  func next() -> Batch {
    if position + batchSize > count {
      position = 0
      if let stream { order = stream.permutation(count) }
    }
    let indices = order.slice(0, position, position + batchSize)
    position += batchSize
    var tensors: [String: Tensor] = [:]
    for (field, values) in columns {
      let picked = values.indexSelected(0, indices)
      tensors[field.name] =
        switch field.kind {
        case .image(_, _, _, let range), .video(_, _, _, _, let range): Self.floats(picked, range)
        case .labelMap, .labelMaps: picked.asType(.int64)
        // Streams of text have time first.
        case .tokens: picked.transposed(0, 1)
        default: picked
        }
    }
    // Updates come first.
    for (name, values) in flows { tensors[name] = values.indexSelected(0, indices).transposed(0, 1) }
    tensors["style"] = style
    if stream == nil { countTokens(tensors) }
    return Batch(tensors)
  }

  private func countTokens(_ tensors: [String: Tensor]) {
    let counts = columns.compactMap { field, _ -> Int? in
      guard case .sequence(_, _, let padding) = field.kind, let tensor = tensors[field.name] else {
        return nil
      }
      return Int(tensor.notEqual(Double(padding)).asType(.int64).sum().item())
    }
    if !counts.isEmpty { tokens.append(counts.reduce(0, +)) }
  }

  private static func floats(_ bytes: Tensor, _ range: ImageRange) -> Tensor {
    let values = bytes.asType(.float32)
    return range == .signed ? values / 127.5 - 1 : values / 255
  }
}

/// Recorded draws for systems that want the same numbers in another shape.
final class ReshapedDraws: Draws {
  private let recorded: [String: Tensor]

  init(_ recorded: [String: Tensor]) { self.recorded = recorded }

  func normal(_ name: String, _ shape: [Int]) -> Tensor { take(name, shape) }
  func uniform(_ name: String, _ shape: [Int]) -> Tensor { take(name, shape) }
  func integers(_ name: String, below: Int, _ shape: [Int]) -> Tensor { take(name, shape) }
  func bernoulli(_ name: String, probability: Double, _ shape: [Int]) -> Tensor { take(name, shape) }

  private func take(_ name: String, _ shape: [Int]) -> Tensor {
    guard let tensor = recorded[name] else {
      check(false, "the benchmark recorded no draw '\(name)'")
      return .zeros(shape)
    }
    return tensor.reshaped(shape)
  }
}
