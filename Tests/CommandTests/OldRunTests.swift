import Atelier
import Foundation
import TestSupport
import Testing

/// Runs of earlier commits go on and draw as they did; see `Tests/Fixtures/Runs/README.md`.
@Suite struct OldRunTests {
  private let atelier: Program
  private let folder: TemporaryFolder

  init() throws {
    atelier = try #require(Program(named: "atelier"), "the program atelier was not built beside the tests")
    folder = try TemporaryFolder()
  }

  @Test func thereAreOldRuns() { #expect(!OldRun.names.isEmpty) }

  @Test(arguments: OldRun.names, OldRun.Kernels.allCases)
  func anOldRunGoesOn(_ name: String, _ kernels: OldRun.Kernels) throws {
    let place = OldRun.folder.appendingPathComponent(name)
    let fixture = try OldRun.named(name)
    let trial = try OldRun.Trial(
      atelier, fixture, of: place.appendingPathComponent("run"), kernels, in: folder.url)
    let before = try trial.checkpoint(fixture.steps).state.surroundings
    var resumed = try trial.resume()
    if resumed.status != 0 {
      // Another processor or version: nothing goes on inexactly unless it is asked to.
      try #require(resumed.errors.contains("--allow-inexact-resume"), "\(resumed.errors)")
      resumed = try trial.resume(isInexact: true)
    }
    try #require(resumed.status == 0, "\(resumed.errors)")
    let checkpoint = try trial.checkpoint(fixture.resumedSteps)
    let after = checkpoint.state.surroundings
    #expect(after.dataFingerprint == before.dataFingerprint)
    let model = checkpoint.url.appendingPathComponent(CheckpointStore.modelName)
    let old = place.appendingPathComponent("run/checkpoints/\(RunDirectory.stepName(fixture.steps))")
    #expect(
      try OldRun.changedMetadata(old.appendingPathComponent(CheckpointStore.modelName), model) == [])
    let (expected, found) = (try OldRun.expectedWeights(name), try OldRun.weights(in: model))
    #expect(found.map(\.name) == expected.map(\.name))
    if Self.isSame(before, after), fixture.platform == OldRun.platform, fixture.dependsOnProcessor != true {
      #expect(zip(expected, found).filter { $0.hash != $1.hash }.map(\.0.name) == [])
      let training = CheckpointStore.trainingName
      #expect(checkpoint.state.hashes[training] == fixture.hashes[training])
    } else {
      let limit = fixture.weightTolerance
      #expect(zip(expected, found).filter { $0.distance(to: $1) > limit }.map(\.0.name) == [])
    }
  }

  @Test(arguments: OldRun.names, OldRun.Kernels.allCases)
  func anOldRunDrawsWhatItDrew(_ name: String, _ kernels: OldRun.Kernels) throws {
    let place = OldRun.folder.appendingPathComponent(name)
    let fixture = try OldRun.named(name)
    let trial = try OldRun.Trial(
      atelier, fixture, of: place.appendingPathComponent("run"), kernels, in: folder.url)
    let (drawn, expected) = (folder("drawn"), place.appendingPathComponent("drawn"))
    for result in try trial.draw(into: drawn, unmarked: true) {
      try #require(result.status == 0, "\(result.errors)")
    }
    let files = try OldRun.drawings(in: expected)
    #expect(!files.isEmpty)
    #expect(try OldRun.drawings(in: drawn) == files)
    let isSame =
      try kernels == .common && fixture.platform == OldRun.platform
      && trial.checkpoint(fixture.steps).state.surroundings.engineVersion == Engine.version
    for file in files {
      let (old, new) = (expected.appendingPathComponent(file), drawn.appendingPathComponent(file))
      if file.hasSuffix("txt") {
        // One token drawn otherwise is another text from there on.
        let (before, after) = (try Data(contentsOf: old), try Data(contentsOf: new))
        #expect(isSame ? after == before : !after.isEmpty, "\(file)")
      } else {
        let distance = try #require(try OldRun.pictureDistance(old, new), "\(file) has another size")
        #expect(distance <= (isSame ? 0 : fixture.pictureTolerance), "\(file)")
      }
    }
  }

  /// Whether the last bit is the same: the processor's kernels, the engine and its threads, not Atelier's version nor the
  /// processor, which old runs do not name.
  private static func isSame(_ one: Surroundings, _ other: Surroundings) -> Bool {
    var other = other
    other.processor = one.processor
    other.packageVersion = one.packageVersion
    return one == other
  }
}
