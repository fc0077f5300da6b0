import AtelierCore
import AtelierData
import AtelierGeneration
import Torch

/// Random batches of the shapes that a system's stages declare, for measuring what a training takes without data.
final class SyntheticBatchSource: ResumableBatchSource {
  let unit = "examples"
  private(set) var unitsServed = 0
  let epoch = 0.0
  private let stages: [Stage]
  private let device: Device
  private let stream = RandomStream(seed: 0, purpose: "synthetic batches")
  private var stage: Stage?

  init(_ plan: SystemPlan, device: Device) {
    stages = plan.stages
    self.device = device
    stage = plan.stages.first
  }

  var position: SourcePosition { .none }
  func seek(to position: SourcePosition, adoptsOtherData: Bool) {}
  func enter(stage name: String) { stage = stages.first { $0.name == name } ?? stages.first }

  func next() throws -> Batch {
    guard let stage, let data = stage.data else {
      throw TrainingError.invalid(reason: "the system asked for a batch, and its stage has no data")
    }
    let isFirst = unitsServed == 0
    unitsServed += stage.batchSize
    var tensors: [String: Tensor] = [:]
    for field in data.fields {
      if let tensor = tensor(field.kind, stage.batchSize) { tensors[field.name] = tensor.to(device) }
    }
    return Batch(tensors, isFirst: isFirst)
  }

  private func tensor(_ kind: FieldKind, _ count: Int) -> Tensor? {
    func values(_ shape: [Int], _ range: ImageRange) -> Tensor {
      let unit = stream.uniform(shape)
      return range == .unit ? unit : unit * 2 - 1
    }
    func indices(_ limit: Int, _ shape: [Int]) -> Tensor {
      // Identifiers have no highest value; a few of them do as well.
      let highest = limit == .max ? 16 : limit
      return (stream.uniform(shape) * Double(highest)).floor().clamped(
        min: 0, max: Double(max(0, highest - 1))
      )
      .asType(.int64)
    }
    return switch kind {
    case .image(let channels, let height, let width, let range):
      values([count, channels, height, width], range)
    case .video(let frames, let channels, let height, let width, let range):
      values([count, frames, channels, height, width], range)
    case .audio(let channels, let samples, _): values([count, channels, samples], .signed)
    case .labelMap(let classes, let height, let width): indices(classes, [count, height, width])
    case .labelMaps(let classes, let frames, let height, let width):
      indices(classes, [count, frames, height, width])
    case .label(let classes): indices(classes, [count])
    case .tokens(let vocabulary, let length): indices(vocabulary, [length, count])
    case .sequence(let vocabulary, let longest, _): indices(vocabulary, [count, longest])
    case .labels(let classes, let length): indices(classes, [count, length])
    case .features(let size): stream.normal([count, size])
    case .spectrogram(let bands, let frames): stream.uniform([count, bands, frames])
    case .text: nil
    }
  }
}
