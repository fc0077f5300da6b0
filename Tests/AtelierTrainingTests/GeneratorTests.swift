import Atelier
import Foundation
import TestSupport
import Testing

/// A trained model that draws, whatever its kind.
@Suite(.serialized) struct GeneratorTests {
  private func draws() -> StreamDraws { StreamDraws(RandomStream(seed: 1)) }

  @Test func aSoundIsDrawnFromTheFileThatAConditionNames() throws {
    let folder = try TemporaryFolder()
    let data = try ToyData.soundPairs(in: folder)
    let harness = try SystemHarness(ToySoundFilter.self, data: data)
    let run = try harness.train(in: folder.url, options: SystemHarness.options(steps: 2))
    let generator = try Generator(contentsOf: run.url, registry: SystemRegistry([ToySoundFilter.self]))
    #expect(generator.description.step == 2)
    let file = data.appendingPathComponent("test/source/0.wav").path
    let request = Request(
      conditions: ["source": try generator.condition("source", from: file)], draws: draws())
    let outputs = try generator.outputs(for: request)
    #expect(outputs.map(\.field) == ["target"])
    let sound = try #require(outputs.first?.tensor)
    let heard = try generator.codec(generator.plan.outputs[0]).encoded(.tensor(sound.contiguous().host()))
    #expect(heard.map(\.fileExtension) == ["wav"])
    #expect {
      _ = try generator.outputs(for: Request(draws: draws()))
    } throws: { "\($0)".contains("'source' of") && "\($0)".contains("is missing") }
    #expect {
      _ = try generator.condition("sound", from: file)
    } throws: { "\($0)".contains("no condition 'sound'; it has 'source'") }
    #expect {
      _ = try generator.sampling(["temperature": 1])
    } throws: { "\($0)".contains("no setting of drawing 'temperature'") }
    #expect {
      _ = try generator.session(request)
    } throws: { "\($0)".contains("step by step") }
    #expect(try generator.origin().packet.contains("step 2, sha256:"))
  }

  @Test func aCheckpointThatIsNotSoundIsPassedOver() throws {
    let folder = try TemporaryFolder()
    let harness = try SystemHarness(ToySoundFilter.self, data: try ToyData.soundPairs(in: folder))
    var options = SystemHarness.options(steps: 4)
    options.checkpointEvery = 2
    let run = try harness.train(in: folder.url, options: options)
    let newest = run.checkpoints.appendingPathComponent("step-000004/model.safetensors")
    let registry = SystemRegistry([ToySoundFilter.self])
    // Drawing needs no moments, and does not ask how they are.
    try Data([1, 2, 3]).write(to: run.checkpoints.appendingPathComponent("step-000004/training.safetensors"))
    #expect(try Generator(contentsOf: run.url, registry: registry).description.step == 4)
    try Data([1, 2, 3]).write(to: newest)
    #expect(try Generator(contentsOf: run.url, registry: registry).description.step == 2)
    #expect(throws: (any Error).self) { try Generator(contentsOf: newest, registry: registry) }
    #expect(throws: TrainingError.self) {
      try Generator(contentsOf: folder("nothing"), registry: registry)
    }
  }
}
