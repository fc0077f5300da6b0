import Atelier
import Foundation
import TestSupport
import Testing

/// A training that follows a held-out loss, of a system of images.
@Suite struct HeldOutLossTests {
  @Test func aSystemGivesItsOwnHeldOutLossAfterEveryPass() throws {
    let folder = try TemporaryFolder()
    try TinyData.writeClassFolders(to: folder("data/train"), classes: ["a", "b"], perClass: 4)
    try TinyData.writeClassFolders(to: folder("data/validation"), classes: ["a", "b"], perClass: 3)
    let harness = try SystemHarness(Listener.self, [:], data: folder("data"))
    // Eight examples, four in a batch: a pass ends with every second step.
    let run = try harness.train(in: folder.url, options: SystemHarness.options(steps: 5))
    let validations = try EventLog.read(run.events).filter { $0.type == .validation }
    #expect(validations.map(\.step) == [2, 4])
    #expect(validations.map(\.values) == [["validation": 6], ["validation": 6]])
    let checkpoint = try #require(CheckpointStore(run.checkpoints).newestSound().checkpoint)
    let carried = try Safetensors.read(checkpoint.url.appendingPathComponent(CheckpointStore.trainingName))
      .tensors.first { $0.name == "carried/heard" }
    #expect(carried?.tensor.doubles() == [6, 6])
  }
}

/// Its held-out loss is the number of held-out examples.
private final class Listener: LatentSystem, ValidationDrivenSystem {
  struct Configuration: SystemConfiguration {
    var imageSize = 8
    var batchSize = 4

    static let presets = [Preset("small", "a toy", Configuration())]
    var plan: SystemPlan {
      .latentImages(
        channels: 1, size: imageSize, latent: LatentDecoding(size: 2, distribution: .normal),
        batchSize: batchSize)
    }
    func validate() throws(ConfigurationError) {}
  }

  static let identity = SystemIdentity(name: "listener", summary: "a toy", paper: "none", reference: "none")
  let configuration: Configuration
  private let generator: Linear
  private let optimizer: Adam
  private var heard: [Double] = []

  init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    self.configuration = configuration
    generator = Linear(
      inputFeatures: 2, outputFeatures: configuration.imageSize * configuration.imageSize, using: stream)
    optimizer = Adam(generator, learningRate: 0.1)
  }

  var networks: [Network] { [Network("generator", generator) { _, _ in [:] }] }
  var optimizers: [(name: String, optimizer: Optimizer)] { [("generator", optimizer)] }
  func carriedState() -> [(name: String, tensor: HostTensor)] { [("heard", HostTensor(heard))] }
  func restoreCarriedState(_ state: [(name: String, tensor: HostTensor)]) {
    heard = state.first?.tensor.doubles() ?? []
  }

  func step(_ step: TrainingStep) throws {
    let batch = try step.batch()
    try step.update("generator", optimizer) { loss in
      loss.add("total", (decode(.ones([1, 2]), labels: nil) - batch["image"]).square().mean())
    }
  }

  func heldOutLoss(over batches: [Batch]) -> Double? {
    batches.isEmpty ? nil : Double(batches.reduce(0) { $0 + $1["image"].shape[0] })
  }

  func validated(loss: Double) { heard.append(loss) }

  func decode(_ latents: Tensor, labels: Tensor?) -> Tensor {
    generator(latents).tanh().reshaped([-1, 1, configuration.imageSize, configuration.imageSize])
  }
}
