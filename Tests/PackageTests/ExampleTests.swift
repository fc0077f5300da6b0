import Atelier
import Foundation
import TestSupport
import Testing

/// The packages in `Examples`, built as programs of this package.
@Suite struct ExampleTests {
  @Test func aSystemOfOnesOwnTrainsAndDraws() throws {
    let folder = try TemporaryFolder()
    try TinyData.writeIDX(to: folder.url, perClass: 16)
    let program = try #require(Program(named: "OwnSystemExample"))
    let listed = try program.run(["systems"])
    #expect(listed.output.contains("linear-vae"))
    let run = folder("own")
    let trained = try program.run([
      "train", "linear-vae", "--data", folder.url.path, "--steps", "3", "--run", run.path,
    ])
    #expect(trained.status == 0, "\(trained.errors)")
    #expect(try RunConfiguration.read(RunDirectory.open(run).configuration).system == "linear-vae")
    let drawn = try program.run([
      "generate", run.path, "--count", "20", "--output", folder("own.png").path,
    ])
    #expect(drawn.status == 0, "\(drawn.errors)")
    // At least two rows of images of 28 pixels.
    let image = try Image(contentsOf: folder("own.png"))
    #expect(image.width >= 4 * 28 && image.height >= 2 * 28)
    let unknown = try program.run(["train", "linear-vea", "--data", folder.url.path])
    #expect(unknown.status == 64 && unknown.errors.contains("did you mean 'linear-vae'"))
  }

  @Test func aRunOfAnySystemIsDrawnFrom() throws {
    let folder = try TemporaryFolder()
    try TinyData.writeIDX(to: folder.url)
    let data = try DataBinding.open(
      folder.url, for: VariationalAutoencoder.self, configuration: ["imageSize": 8, "batchSize": 4])
    let run = try RunDirectory.create(in: folder("runs"), name: "vae")
    try Training.start(data, in: run, options: TrainingOptions(steps: 1))
    let program = try #require(Program(named: "DrawFromRunExample"))
    let result = try program.run([run.url.path, folder("grid.png").path, "16"])
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output.contains("16 images of vae, step 1"))
    #expect(try Image(contentsOf: folder("grid.png")).width >= 8 * 64)
  }

  @Test func wrongArgumentsAreAnsweredByOneLine() throws {
    let program = try #require(Program(named: "DrawFromRunExample"))
    let result = try program.run([])
    #expect(result.status == 64)
    #expect(result.errors.hasPrefix("Usage: DrawFromRun "))
  }
}
