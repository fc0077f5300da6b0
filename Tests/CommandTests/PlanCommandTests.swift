import Atelier
import Foundation
import TestSupport
import Testing

/// `atelier plan` as a person uses it.
@Suite struct PlanCommandTests {
  private let atelier: Program
  private let tiny = [
    "--set", "imageSize=16", "--set", "generatorChannels=2", "--set", "discriminatorChannels=2",
  ]

  init() throws {
    atelier = try #require(Program(named: "atelier"), "the program atelier was not built beside the tests")
  }

  @Test func aTrainingIsPlannedFromAFewSteps() throws {
    let folder = try TemporaryFolder()
    let arguments = ["plan", "dcgan", "--preset", "small", "--seconds", "0.2", "--threads", "1"] + tiny
    let plan = try atelier.run(arguments + ["--set", "batchSize=16", "--json"])
    #expect(plan.status == 0, "\(plan.errors)")
    for key in [
      "\"batchSize\" : 2", "\"batchSize\" : 8", "\"peakMemory\"", "\"checkpointsOnDisk\"", "\"parameters\"",
    ] {
      #expect(plan.output.contains(key), "\(key)")
    }
    for part in ["train", "test"] {
      try TinyData.writeClassFolders(to: folder(part), perClass: 24, size: 16)
    }
    let text = try atelier.run(arguments + ["--set", "batchSize=2", "--data", folder.url.path])
    #expect(text.status == 0, "\(text.errors)")
    #expect(text.output.contains("measured above") && text.output.contains("seconds a step"))
    let wrong = try atelier.run(["plan", "dcgan", "--set", "imageSize=15", "--seconds", "0.1"])
    #expect(wrong.status == 64 && wrong.errors.contains("imageSize"))
    for system in ["ic-gan", "image-tagging"] {
      let refused = try atelier.run(["plan", system])
      #expect(refused.status == 64 && refused.errors.contains("name them with --data"), "\(refused.errors)")
    }
  }
}
