import Atelier
import Foundation
import TestSupport
import Testing

/// What is shown of a system while it trains.
@Suite(.serialized) struct PreviewTests {
  /// A preview of a program's own, which writes every kind of thing.
  private struct EverythingPreview: Preview {
    static let id = "everything"
    func applies(to plan: SystemPlan) -> Bool { plan.ability(LatentDecoding.self) != nil }
    func exampleCount(for plan: SystemPlan) -> Int { 3 }
    func paint(_ context: PreviewContext) throws {
      let audio = Audio(sampleRate: 8000, samples: [0, 0.5, -0.5, 0])
      try context.write(.audio(audio), suffix: "-tone", tag: "tone")
      let frames = [0, 255].map { Image(width: 16, height: 16, filledWith: [$0, 0, 0]) }
      let rate = try #require(FrameRate(60))
      try context.write(.video(frames, rate), suffix: "-film", tag: "film")
      let examples = try #require(context.examples(2))
      try context.write(
        .text("\(context.stage) \(context.step) \(examples.count) \(examples.batch["image"].shape)"),
        suffix: "-words", tag: "words")
    }
  }

  private func open(_ folder: TemporaryFolder) throws -> DataBinding {
    try FileManager.default.createDirectory(at: folder("data"), withIntermediateDirectories: true)
    try TinyData.writeIDX(to: folder("data"), classes: 2, perClass: 6)
    return try DataBinding.open(
      folder("data"), for: ToySystem.self, configuration: [:], options: DataBindingOptions(seed: 7))
  }

  @Test func aProgramAddsAPreviewOfItsOwn() throws {
    let folder = try TemporaryFolder()
    let list = PreviewList.standard.adding(EverythingPreview())
    #expect(list.previews.count == PreviewList.standard.previews.count + 1)
    #expect(list.adding(EverythingPreview()).previews.count == list.previews.count)
    let run = try RunDirectory.create(in: folder.url, name: "toy")
    var options = SystemHarness.options(steps: 2)
    options.previewEvery = 2
    try Training.start(open(folder), in: run, options: options, previews: list)
    let film = FFmpeg.standard.isAvailable ? "step-000002-film.mp4" : "step-000002-film.png"
    let files = try FileManager.default.contentsOfDirectory(atPath: run.samples.path).sorted()
    #expect(files == [film, "step-000002-tone.wav", "step-000002-words.txt", "step-000002.png"])
    func sample(_ name: String) -> URL { run.samples.appendingPathComponent(name) }
    #expect(try Audio(contentsOf: sample("step-000002-tone.wav")).samples == [0, 0.5, -0.5, 0])
    let text = try String(contentsOf: sample("step-000002-words.txt"), encoding: .utf8)
    #expect(text == "training 2 2 [2, 1, 8, 8]")
    let events = try EventLog.read(run.events)
    #expect(events.filter { $0.type == .preview }.compactMap(\.path).count == 4)
    #expect(events.filter { $0.type == .warning }.isEmpty)
  }

  @Test func examplesAreReadOnlyForPreviewsThatAskForThem() throws {
    let folder = try TemporaryFolder()
    let data = try open(folder)
    let plan = try ToySystem.plan(data.configuration)
    #expect(try PreviewExamples(data, plan: plan).first == nil)
    let some = try PreviewExamples(data, plan: plan, for: PreviewList([EverythingPreview()]))
    #expect(some.first?.count == 3 && some.first?.titles == [])
    #expect(some.first?.batch["label"].shape == [3])
  }

  @Test func nanIsNoPreview() throws {
    let folder = try TemporaryFolder()
    let run = try RunDirectory.create(in: folder.url, name: "toy")
    struct Broken: Preview {
      static let id = "outputs"
      func applies(to plan: SystemPlan) -> Bool { true }
      func paint(_ context: PreviewContext) throws {
        let kind = FieldKind.image(channels: 1, height: 1, width: 1, range: .signed)
        _ = try context.codec(Field("image", kind)).shown(
          .tensor(HostTensor([.nan] as [Float], shape: [1, 1, 1, 1])))
      }
    }
    try Training.start(
      open(folder), in: run, options: SystemHarness.options(steps: 1), previews: PreviewList([Broken()]))
    let warnings = try EventLog.read(run.events).filter { $0.type == .warning }
    #expect(warnings.count == 1 && warnings[0].message?.contains("are NaN") == true)
  }
}
