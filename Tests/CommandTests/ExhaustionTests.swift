import Foundation
import TestSupport
import Testing

/// What a machine cannot hold is said in one sentence, and blamed on no image.
@Suite struct ExhaustionTests {
  private let atelier: Program
  private let folder: TemporaryFolder

  init() throws {
    atelier = try #require(Program(named: "atelier"), "the program atelier was not built beside the tests")
    folder = try TemporaryFolder()
  }

  @Test func imagesThatAreMadeTooLargeAreNotCalledCorrupt() throws {
    try TinyData.writeClassFolders(to: folder("data"), perClass: 6)
    // A shell whose programs get no more than 60 GB of addresses.
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = [
      "-c", "ulimit -v 60000000; exec \"$0\" \"$@\"", atelier.url.path, "train", "cgan", "--preset", "small",
      "--set",
      "imageSize=1000000", "--set", "batchSize=4", "--data", folder("data").path, "--steps", "1", "--run",
      folder("run").path, "--quiet",
    ]
    let errors = Pipe()
    process.standardError = errors
    try process.run()
    let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 71, "\(text)")
    #expect(text.contains("memory is used up") && !text.contains("none of its"), "\(text)")
    #expect(text.split(separator: "\n").count == 1)
    #expect(!FileManager.default.fileExists(atPath: folder("run").path))
  }

  @Test func networksLargerThanTheMemoryAreRefusedBeforeTheyAreMade() throws {
    try TinyData.writeLabelled(to: folder("data"), size: 32)
    let result = try atelier.run([
      "train", "spade", "--preset", "small", "--set", "width=100000", "--set", "batchSize=2", "--data",
      folder("data").path, "--steps", "1",
      "--run", folder("run").path, "--quiet",
    ])
    #expect(result.status == 71 && !result.wasKilled, "\(result.errors)")
    #expect(result.errors.contains("parameters") && result.errors.contains("memory"), "\(result.errors)")
    #expect(!FileManager.default.fileExists(atPath: folder("run").path))
  }
}
