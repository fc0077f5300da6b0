import Atelier
import Foundation
import TestSupport
import Testing

/// Systems with kinds of data that no shared code knows.
@Suite(.serialized) struct ToyDataTests {
  @Test func paddedSentencesAreServedInBucketsAndResume() throws {
    let folder = try TemporaryFolder()
    let place = try ToyData.sentencePairs(in: folder)
    let data = try DataBinding.open(
      place, for: ToyTokenTranslator.self, configuration: [:], options: .init(seed: 7))
    #expect(data.configuration["sourceWords"] == 8 && data.configuration["targetWords"] == 9)
    var lengths: [Int] = []
    for _ in 0..<4 {
      let batch = try data.training.next()
      #expect(batch["source"].dtype == .int64 && batch["source"].shape[0] == batch["target"].shape[0])
      let source = batch["source"]
      lengths.append(source.shape[1])
      // The longest has no padding; every sentence begins and ends.
      let padded = source.equal(0).asType(.int64).sum(dims: [1])
      #expect(padded.min().item() == 0)
      #expect(source.equal(2).asType(.int64).sum().item() == Double(source.shape[0]))
    }
    #expect(lengths.max() == 7 && Set(lengths).count > 1)
    #expect(data.training.epoch == 1)
    let test = try #require(try data.batches(of: .test))
    #expect(test[0]["source"] == HostTensor([1, 7, 3, 2, 1, 4, 2, 0], shape: [2, 4]))
    #expect(try data.batches(of: .validation) == nil)
    // Stopped in the middle of a pass of four batches, and at its end.
    let harness = try SystemHarness(ToyTokenTranslator.self, data: place)
    let run = try harness.resumesExactly(in: folder, steps: 9, stops: [2, 4, 7])
    let artefacts = try FileManager.default.contentsOfDirectory(atPath: run.artefacts.path).sorted()
    #expect(artefacts == [SentencePairs.sourceWords, SentencePairs.targetWords])
    let (first, last) = try harness.overfitsOneBatch(steps: 30)
    #expect(last < first * 0.7)
  }

  @Test func stagesHaveDataAndBatchSizesOfTheirOwn() throws {
    let folder = try TemporaryFolder()
    let place = try ToyData.captionedImages(in: folder)
    let data = try DataBinding.open(
      place, for: ToyCaptionedCodes.self, configuration: [:], options: .init(seed: 7))
    #expect(data.configuration["words"] == 6 && data.fields.map(\.name) == ["image"])
    #expect(try data.training.next().tensors.mapValues(\.shape) == ["image": [5, 1, 8, 8]])
    data.training.enter(stage: "captions")
    let batch = try data.training.next()
    #expect(batch["image"].shape == [3, 1, 8, 8] && batch["caption"].shape[0] == 3)
    #expect(data.training.unitsServed == 8 && abs(data.training.epoch - 3.0 / 11) < 1e-12)
    let captions = try #require(try data.batches(of: .train, stage: "captions"))
    #expect(captions.count == 4 && captions[0].fields["caption"] != nil)
    #expect(try data.batches(of: .train)?.count == 3)
    let harness = try SystemHarness(ToyCaptionedCodes.self, data: place)
    // Before, at and behind the end of the first stage.
    for stops in [[2, 5], [3], [6]] {
      let run = try harness.resumesExactly(in: folder, steps: 8, stops: stops)
      let steps = try EventLog.read(run.events).filter { $0.type == .step }
      #expect(steps.map { $0.values?["batch"] } == [5, 5, 5, 3, 3, 3, 3, 3])
      #expect(steps.allSatisfy { ($0.values?["code"] != nil) == ($0.step <= 3) })
    }
  }

  @Test func clipsOfSoundsComeFromRandomPlacesAndResume() throws {
    let folder = try TemporaryFolder()
    let place = try ToyData.soundPairs(in: folder)
    let data = try DataBinding.open(
      place, for: ToySoundFilter.self, configuration: [:], options: .init(seed: 7))
    let clips = try (0..<6).map { _ in try data.training.next() }
    #expect(clips.allSatisfy { $0["source"].shape[1...] == [1, 64] })
    // Half as loud but for the rounding of 16 bits, whatever the place.
    #expect(clips.allSatisfy { ($0["source"] * 0.5 - $0["target"]).abs().max().item() < 1e-4 })
    let starts = Set(clips.flatMap { $0["source"].selected(dim: 2, index: 0).floats() })
    #expect(starts.count > 3)
    let harness = try SystemHarness(ToySoundFilter.self, data: place)
    _ = try harness.resumesExactly(in: folder, steps: 7, stops: [2, 5])
    let (first, last) = try harness.overfitsOneBatch(steps: 40)
    #expect(last < first * 0.3)
  }

  @Test func framesHaveAnActionEachAndResume() throws {
    let folder = try TemporaryFolder()
    let place = try ToyData.recordedClips(in: folder)
    let data = try DataBinding.open(
      place, for: ToyFrameWorld.self, configuration: [:], options: .init(seed: 7))
    let batch = try data.training.next()
    #expect(batch["frames"].shape == [2, 5, 1, 4, 4] && batch["actions"].shape == [2, 5])
    #expect((batch["frames"].selected(dim: 1, index: 0) - batch["start"]).abs().max().item() == 0)
    #expect(batch["frames"].max().item() == 1 && batch["frames"].min().item() == -1)
    #expect(try data.batches(of: .test)?.first?["actions"]?.shape == [2, 5])
    let harness = try SystemHarness(ToyFrameWorld.self, data: place)
    _ = try harness.resumesExactly(in: folder, steps: 7, stops: [3])
    let (first, last) = try harness.overfitsOneBatch(steps: 60)
    #expect(last < first * 0.3)
  }
}
