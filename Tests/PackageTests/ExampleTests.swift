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
    let result = try program.run(
      [folder.url.path, folder("runs").path, folder("own.png").path, "3"])
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output.contains("3 steps; 20 images"))
    // Two rows of ten images of 28 pixels, each enlarged to 84.
    let image = try Image(contentsOf: folder("own.png"))
    #expect(image.width >= 10 * 84 && image.height >= 2 * 84)
    let run = try RunDirectory.open(folder("runs/linear-vae-001"))
    #expect(try RunConfiguration.read(run.configuration).system == "linear-vae")
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
    for name in ["DrawFromRun", "OwnSystem"] {
      let program = try #require(Program(named: name + "Example"))
      let result = try program.run([])
      #expect(result.status == 64)
      #expect(result.errors.hasPrefix("Usage: \(name) "))
    }
  }
}
