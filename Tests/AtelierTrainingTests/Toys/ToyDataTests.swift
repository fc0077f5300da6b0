import Atelier
import Foundation
import TestSupport
import Testing

/// Systems with kinds of data that no shared code knows.
@Suite(.serialized) struct ToyDataTests {
  private func sentencePairs(in folder: TemporaryFolder) throws -> URL {
    let place = folder("pairs")
    try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
    let (from, to) = (["un", "deux", "trois", "quatre"], ["one", "two", "three", "four", "and"])
    func line(_ number: Int) -> String {
      let numbers = (0...(number % 5)).map { (number / 2 + $0) % 4 }
      return numbers.map { from[$0] }.joined(separator: " ") + "\t"
        + numbers.map { to[$0] }.joined(separator: number.isMultiple(of: 3) ? " and " : " ") + "\n"
    }
    try Data((0..<14).map(line).joined().utf8).write(to: place.appendingPathComponent("train.tsv"))
    try Data("un cinq\tone five\ndeux\ttwo\n".utf8).write(to: place.appendingPathComponent("test.tsv"))
    return place
  }

  private func captionedImages(in folder: TemporaryFolder) throws -> URL {
    let place = folder("captioned")
    try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
    var lines: [String] = []
    for number in 0..<11 {
      let bytes = (0..<64).map { UInt8(($0 * (number % 4 + 1) * 11 + number * 7) % 256) }
      let png = try ImageCodec().encode(Image(width: 8, height: 8, channels: 1, bytes: bytes), as: .png)
      let name = "image-\(String(format: "%02d", number)).png"
      try Data(png).write(to: place.appendingPathComponent(name))
      lines.append(name + "\t" + ["striped", "dark striped", "light and dark", "plain"][number % 4])
    }
    try Data((lines.joined(separator: "\n") + "\n").utf8).write(
      to: place.appendingPathComponent("captions.tsv"))
    return place
  }

  private func state(of run: RunDirectory) throws -> TrainingState {
    let store = CheckpointStore(run.checkpoints)
    return try store.open(step: store.steps.last ?? 0).state
  }

  /// A run that was stopped after each of `stops` and resumed is a run of `steps` to the byte.
  private func resumesExactly(
    _ harness: SystemHarness, in folder: TemporaryFolder, steps: Int, stops: [Int]
  ) throws -> RunDirectory {
    let whole = try harness.train(in: folder.url, options: SystemHarness.options(steps: steps))
    let run = try harness.train(in: folder.url, options: SystemHarness.options(steps: stops[0]))
    for stop in stops.dropFirst() + [steps] {
      try Training.resume(run.url, registry: SystemRegistry([harness.system])) { $0.steps = stop }
    }
    #expect(try SystemHarness.bytes(of: whole) == SystemHarness.bytes(of: run))
    let (one, other) = (try state(of: whole), try state(of: run))
    #expect(one.step == steps && one.position == other.position && one.epoch == other.epoch)
    #expect(one.stage == other.stage && one.hashes == other.hashes)
    return run
  }

  @Test func paddedSentencesAreServedInBucketsAndResume() throws {
    let folder = try TemporaryFolder()
    let place = try sentencePairs(in: folder)
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
    let run = try resumesExactly(harness, in: folder, steps: 9, stops: [2, 4, 7])
    let artefacts = try FileManager.default.contentsOfDirectory(atPath: run.artefacts.path).sorted()
    #expect(artefacts == [SentencePairs.sourceWords, SentencePairs.targetWords])
    let (first, last) = try harness.overfitsOneBatch(steps: 30)
    #expect(last < first * 0.7)
  }

  @Test func stagesHaveDataAndBatchSizesOfTheirOwn() throws {
    let folder = try TemporaryFolder()
    let place = try captionedImages(in: folder)
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
      let run = try resumesExactly(harness, in: folder, steps: 8, stops: stops)
      let steps = try EventLog.read(run.events).filter { $0.type == .step }
      #expect(steps.map { $0.values?["batch"] } == [5, 5, 5, 3, 3, 3, 3, 3])
      #expect(steps.allSatisfy { ($0.values?["code"] != nil) == ($0.step <= 3) })
    }
  }
}
