import Atelier
import Foundation
import TestSupport
import Testing

/// What `evaluate` makes of systems that turn pictures into pictures.
@Suite struct TranslationEvaluationTests {
  private func subject(
    _ data: URL, _ changes: [String: ConfigurationValue] = [:], name: String = "tiny",
    reading: ReadingOptions = ReadingOptions(), seed: UInt64 = 1
  ) throws -> TranslationSubject {
    let binding = try DataBinding.open(
      data, for: TinyTranslator.self, configuration: changes, options: DataBindingOptions(reading: reading))
    let values = try TinyTranslator.Configuration().overlaid(with: binding.configuration)
    let system = try TinyTranslator(values, artefacts: Artefacts(), using: RandomStream(seed: seed))
    return TranslationSubject(name, system, data: binding)
  }

  private func result(
    _ subjects: [TranslationSubject], _ options: EvaluationOptions, measures: [String] = []
  ) throws -> TranslationResult {
    let list = try measures.isEmpty ? MeasureList.standard : MeasureList.standard.only(measures)
    return try #require(try TranslationEvaluation(subjects, options: options, measures: list).run().first)
  }

  private func table(_ subjects: [TranslationSubject], _ options: EvaluationOptions) throws -> EvaluationTable
  {
    try result(subjects, options).table
  }

  private var nothingInstalled: WeightStore {
    WeightStore(
      FileManager.default.temporaryDirectory.appendingPathComponent("no-weights-\(UUID().uuidString)"))
  }

  @Test func pairsAreMeasuredBesideTheInputAndTheMeanPicture() throws {
    let folder = try TemporaryFolder()
    try TinyData.writePairs(to: folder.url, size: 24)
    let one = try subject(folder.url, ["imageSize": 24])
    let found = try table([one], EvaluationOptions(weights: nothingInstalled))
    #expect(found.columns == ["tiny", "input", "mean picture"] && found.runs == 1)
    #expect(
      found.rows.map(\.measure) == [
        "mean pixel error, 0 … 255", "PSNR RGB, dB", "SSIM RGB", "PSNR Y, dB", "SSIM Y",
      ])
    #expect(found.rows.allSatisfy { row in row.values.allSatisfy { $0?.isFinite == true } })
    // By hand: the input is the target's negative.
    let held = try #require(try one.data.dataset(of: .test))
    var errors: [Double] = []
    for index in 0..<held.count {
      let batch = try one.data.batch(of: index, in: held)
      let source = ((batch["source"] + 1) * 127.5).round()
      errors.append((source - (batch["target"] * 255).round()).abs().mean().item())
    }
    let mean = errors.reduce(0, +) / Double(errors.count)
    #expect(abs((found.rows[0].values[1] ?? 0) - mean) < 1e-4)
    #expect(found.notes.contains { $0.contains("atelier weights install") && $0.contains("LPIPS") })
    #expect(found.notes.contains { $0.contains("efficientnet-lite0") })
    #expect(found.text.contains("PSNR RGB, dB ↑") && found.text.contains("mean picture"))
  }

  @Test func aPictureWithAHoleIsABaselineWithoutItsAlpha() throws {
    let folder = try TemporaryFolder()
    try TinyData.writePhotographs(to: folder.url, size: 24)
    var reading = ReadingOptions()
    reading.derivation = .mask
    let one = try subject(folder.url, ["imageSize": 24, "inputChannels": 4], reading: reading)
    let found = try table([one], EvaluationOptions(weights: nothingInstalled))
    #expect(found.columns == ["tiny", "input", "mean picture"])
    // Only a quarter of the picture is wrong in it.
    #expect((found.rows[0].values[1] ?? .infinity) < (found.rows[0].values[2] ?? 0))
  }

  @Test func enlargedPicturesAreMeasuredWholeAndWithoutTheirBorder() throws {
    let folder = try TemporaryFolder()
    try TinyData.writePhotographs(to: folder.url, size: 26)
    let options = EvaluationOptions(weights: nothingInstalled)
    let one = try subject(folder.url, ["scale": 2, "imageSize": 16])
    let found = try table([one], options)
    #expect(found.columns == ["tiny", "bicubic", "mean picture"])
    #expect(found.title.contains("whole pictures"))
    #expect(found.rows[0].protocolText.contains("2 pixels cut off each side"))
    var narrower = options
    narrower.border = 0
    narrower.wholeImages = false
    let other = try table([one], narrower)
    #expect(other.title.contains("as trained on"))
    #expect(!other.rows[0].protocolText.contains("cut off"))
  }

  @Test func severalSystemsStandSideBySideOnTheSamePictures() throws {
    let folder = try TemporaryFolder()
    try TinyData.writePhotographs(to: folder.url, size: 26)
    let small = try subject(folder.url, ["scale": 2, "imageSize": 16], name: "enlarger")
    // The same task for a system that keeps the size: its condition is enlarged before it.
    let same = try subject(
      folder.url, ["imageSize": 16, "sizeMultiple": 8], name: "repainter",
      reading: ReadingOptions(derivation: .downscale(factor: 2)))
    let result = try result([small, same, small], EvaluationOptions(weights: nothingInstalled))
    let found = result.table
    #expect(found.columns == ["enlarger", "repainter", "enlarger (2)", "bicubic", "mean picture"])
    #expect(found.runs == 3)
    for row in found.rows { #expect(row.values[0] == row.values[2]) }
    let numbers = result.numbers[1]
    #expect(numbers.map(\.id) == ["pixel-error", "psnr", "ssim", "psnr-luminance", "ssim-luminance"])
    #expect(numbers.first?.baselines?.map(\.name) == ["bicubic", "mean picture"])
    #expect(numbers.first?.value == found.rows[0].values[1])
    #expect(numbers[0].differences(from: result.numbers[0][0]).isEmpty)
    #expect(numbers[0].provenance["border"] == "2" && numbers[0].protocolText.hasPrefix(found.title))
  }

  @Test func aChosenMeasureIsTakenAloneWithItsSettings() throws {
    let folder = try TemporaryFolder()
    try TinyData.writePairs(to: folder.url, size: 24)
    let one = try subject(folder.url, ["imageSize": 24])
    let options = EvaluationOptions(weights: nothingInstalled)
    let all = try table([one], options)
    let whole = try result([one], options, measures: ["psnr"])
    #expect(whole.table.rows == all.rows.filter { $0.measure == "PSNR RGB, dB" })
    let cut = try result([one], options, measures: ["ssim", "psnr:crop=6"])
    #expect(cut.numbers[0].map(\.id) == ["psnr", "ssim"])
    #expect(cut.table.rows[0].protocolText.contains("6 pixels cut off each side"))
    #expect(cut.table.rows[0].values != whole.table.rows[0].values)
    #expect(!cut.table.rows[1].protocolText.contains("cut off"))
    #expect(cut.numbers[0].map { $0.provenance["border"] } == ["6", "0"])
    // The setting says the same as the evaluation's own value.
    var narrower = options
    narrower.border = 6
    #expect(try table([one], narrower).rows[1].values == cut.table.rows[0].values)
    // Nothing of the list is taken of its directions.
    let none = try TranslationEvaluation(
      [one], options: options, measures: MeasureList.standard.only(["map-segmentation"]))
    #expect(try none.run().isEmpty)
  }

  @Test(arguments: [
    ("psnr:border=3", "the measure 'psnr' has no setting 'border'; it has crop"),
    ("perplexity:crop=3", "the measure 'perplexity' has no setting 'crop'; it has none"),
    ("psnr:crop=-1", "crop is at least 0"), ("psnr:crop=wide", "crop"), ("psnr:crop", "KEY=VALUE"),
    ("beauty:crop=1", "no measure 'beauty'"), ("lpips:network=alexnet", "alex, vgg, squeeze"),
    ("class-frechet-distance:few=9,many=3", "not 9 and 3"),
  ])
  func aSettingThatAMeasureDoesNotTakeIsRefused(choice: String, message: String) {
    let error = #expect(throws: TrainingError.self) { try MeasureList.standard.only([choice]) }
    #expect(error?.description.contains(message) == true, "\(String(describing: error))")
  }

  @Test func measuresOfPairsNeedATargetInTheData() {
    let image = FieldKind.image(channels: 3, height: 8, width: 8, range: .unit)
    let direction = TranslationDirection("paint", source: "content", target: "painting")
    func plan(_ fields: [String]) -> SystemPlan {
      .translation(
        fields.map { Field($0, image) }, LabelledImages(), changes: JointAugmentation(), [direction],
        batchSize: 1)
    }
    let pairs = SignalToNoiseMeasure()
    #expect(!pairs.applies(to: plan(["content"])) && pairs.applies(to: plan(["content", "painting"])))
  }

  @Test func otherPicturesAreNotCompared() throws {
    let folder = try TemporaryFolder()
    try TinyData.writePairs(to: folder("a"), size: 16)
    try TinyData.writePairs(to: folder("b"), count: 8, size: 16)
    try TinyData.writeSideBySide(to: folder("c"), size: 12)
    let first = try subject(folder("a"), ["imageSize": 16], name: "first")
    func message(_ other: TranslationSubject) -> String {
      do {
        _ = try TranslationEvaluation(
          [first, other], options: EvaluationOptions(weights: nothingInstalled)
        ).run()
        return ""
      } catch { return "\(error)" }
    }
    #expect(
      message(try subject(folder("b"), ["imageSize": 16], name: "second")).contains("held-out pictures"))
    #expect(message(try subject(folder("c"), ["imageSize": 12], name: "third")).contains("third"))
    try TinyData.writeUnpaired(to: folder("d"), size: 16)
    let unpaired = try subject(folder("d"), ["imageSize": 16, "isUnpaired": true], name: "fourth")
    #expect(message(unpaired).contains("fourth"))
    // What no measure is taken of need not be comparable.
    let none = TranslationEvaluation(
      [first, unpaired], options: EvaluationOptions(weights: nothingInstalled),
      measures: try MeasureList.standard.only(["map-segmentation"]))
    #expect(try none.run().isEmpty)
  }

  @Test func dataWithoutAHeldOutPartAreRefusedUnlessTheyAreOthers() throws {
    let folder = try TemporaryFolder()
    try TinyData.writePhotographs(to: folder("all"), size: 24)
    try FileManager.default.moveItem(at: folder("all/train"), to: folder("flat"))
    let one = try subject(folder("flat"), ["scale": 2, "imageSize": 16])
    #expect {
      _ = try table([one], EvaluationOptions(weights: nothingInstalled))
    } throws: {
      "\($0)".contains("no test or validation part")
    }
    let options = EvaluationOptions(weights: nothingInstalled, hasOtherData: true)
    #expect(try table([one], options).title.contains("6 pictures of flat"))
  }

  @Test func unpairedSystemsAreMeasuredThereAndBack() throws {
    let folder = try TemporaryFolder()
    try TinyData.writeUnpaired(to: folder.url, size: 24)
    let one = try subject(folder.url, ["imageSize": 24, "isUnpaired": true])
    let results = try TranslationEvaluation([one], options: EvaluationOptions(weights: nothingInstalled))
      .run()
    #expect(results.map(\.direction) == ["A-to-B", "B-to-A"])
    for result in results {
      #expect(result.table.rows.map(\.measure) == ["cycle error, 0 … 255", "identity error, 0 … 255"])
      #expect(result.table.rows.allSatisfy { $0.values[0]?.isFinite == true })
      #expect(result.examples.count == 3 && result.examples[0].pictures.count == 3)
    }
  }

  @Test func learnedDistancesAreMeasuredWhereTheirWeightsAre() throws {
    let folder = try TemporaryFolder()
    try TinyData.writePairs(to: folder.url, count: 2, size: 32)
    let one = try subject(folder.url, ["imageSize": 32])
    let found = try table([one], EvaluationOptions(weights: .drawn()))
    let names = found.rows.map(\.measure)
    #expect(names.suffix(3) == ["LPIPS alex", "LPIPS vgg", "LPIPS squeeze"])
    #expect(found.rows.suffix(3).allSatisfy { ($0.values[0] ?? 0) > 0 })
  }

  @Test func distancesOfPairedSetsAreTakenFromTwentyOn() throws {
    let folder = try TemporaryFolder()
    try TinyData.writePairs(to: folder.url, count: 40, size: 32)
    let one = try subject(folder.url, ["imageSize": 32])
    var options = EvaluationOptions(weights: .drawn())
    let found = try result([one], options, measures: ["translation-distances"])
    #expect(found.numbers[0].map(\.id) == ["translation-distances-frechet", "translation-distances-kernel"])
    #expect(found.table.rows.allSatisfy { $0.better == .smaller && $0.values.count == 3 })
    #expect(found.table.rows[0].values.allSatisfy { ($0 ?? 0) > 0 })
    #expect(found.table.rows[0].protocolText.contains("20 pictures against their 20 targets"))
    options.samples = 19
    #expect(try result([one], options, measures: ["translation-distances"]).table.rows.isEmpty)
  }

  @Test func aHalfOfTheTargetsStandsInForAPerfectTranslation() throws {
    let folder = try TemporaryFolder()
    try TinyData.writeUnpaired(to: folder.url, count: 80, size: 32)
    let one = try subject(folder.url, ["imageSize": 32, "isUnpaired": true])
    // The second half of the targets is the first once more.
    let targets = try #require(try one.data.dataset(of: .test) as? UnpairedDataset).files.second
    #expect(targets.count == 40)
    for place in 0..<20 {
      try FileManager.default.removeItem(at: targets[place + 20])
      try FileManager.default.copyItem(at: targets[place], to: targets[place + 20])
    }
    let found = try result(
      [one], EvaluationOptions(weights: .drawn()), measures: ["translation-distances"])
    #expect(found.table.columns == ["tiny", "input", "real against real"])
    let distance = try #require(found.table.rows.first)
    #expect(distance.protocolText.contains("40 pictures against 20"), "\(distance.protocolText)")
    let (input, real) = (try #require(distance.values[1]), try #require(distance.values[2]))
    #expect(abs(real) < 1e-3 * input, "\(real) \(input)")
    #expect(found.numbers[0][0].baselines?.map(\.name) == ["input", "real against real"])
  }

  @Test func aPageShowsTheNumbersAndThePictures() throws {
    let folder = try TemporaryFolder()
    try TinyData.writePhotographs(to: folder("data"), size: 24)
    let one = try subject(folder("data"), ["scale": 2, "imageSize": 16], name: "a<b>")
    let options = EvaluationOptions(weights: nothingInstalled, shownExamples: 2)
    let results = try TranslationEvaluation([one], options: options).run()
    let page = try EvaluationPage(title: "Evaluation", facts: ["one"], results: results).write(
      to: folder("page"))
    let text = try String(contentsOf: page, encoding: .utf8)
    #expect(text.contains("a&lt;b&gt;") && !text.contains("a<b>"))
    #expect(text.contains("The first 2 pictures, not selected"))
    let files = try FileManager.default.contentsOfDirectory(atPath: folder("page").path).sorted()
    // source, output, bicubic, mean picture, target: two rows of five; beside them their sheet and the page.
    #expect(files.count == 12 && files.allSatisfy { $0 == "index.html" || text.contains("\"\($0)\"") })
    let target = try Image(contentsOf: folder("page").appendingPathComponent("1-1-5.png"))
    #expect(target.width == 36 && target.height == 24)
  }

  @Test func theBestRunOfARowIsMarked() {
    var table = EvaluationTable(title: "t", columns: ["one", "two", "copy"], runs: 2)
    table.rows = [
      EvaluationTable.Row("PSNR", protocolText: "p", better: .larger, values: [20, 21, 30]),
      EvaluationTable.Row("error", protocolText: "p", better: .smaller, values: [3, nil, 1]),
    ]
    let lines = table.text.split(separator: "\n").map(String.init)
    #expect(lines[2] == "PSNR ↑   20.00  21.00*  30.00")
    #expect(lines[3] == "error ↓  3.000       –  1.000")
  }

  @Test func aTableKeepsItsJSON() throws {
    let json = #"""
      {"columns":["one"],"notes":[],"rows":[{"intervals":[null],"largerIsBetter":false,"measure":"error",\#
      "protocolText":"p","values":[3]},{"intervals":[[1,2]],"measure":"half","protocolText":"p","values":[1.5]}],\#
      "runs":1,"title":"t"}
      """#
    let table = try JSONDecoder().decode(EvaluationTable.self, from: Data(json.utf8))
    #expect(table.rows.map(\.better) == [.smaller, .neither])
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    #expect(String(decoding: try encoder.encode(table), as: UTF8.self) == json)
  }

  @Test func numbersThatCannotBeReadAreNotWrittenOver() throws {
    let folder = try TemporaryFolder()
    let run = try RunDirectory.create(at: folder("run"))
    let damaged = Data(#"[{"name": "PSNR", "val"#.utf8)
    try damaged.write(to: run.evaluation)
    let number = MeasuredNumber(name: "PSNR", value: 20, better: .larger, protocolText: "p")
    let error = #expect(throws: TrainingError.self) { try Report(run).add([number], step: 1) }
    #expect(error?.description.contains(run.evaluation.path) == true, "\(String(describing: error))")
    #expect(try Data(contentsOf: run.evaluation) == damaged)
  }

  @Test func aReportShowsBaselines() throws {
    let folder = try TemporaryFolder()
    try TinyData.writePairs(to: folder("data"))
    let harness = try SystemHarness(TinyTranslator.self, [:], data: folder("data"))
    let run = try harness.train(in: folder.url, options: SystemHarness.options(steps: 1))
    var number = MeasuredNumber(
      name: "PSNR", value: 20, better: .larger, baselines: [BaselineNumber(name: "input", value: 10)],
      protocolText: "p")
    try Report(run).add([number], step: 1)
    // A number says of which checkpoint it is.
    number.provenance["checkpoint"] = "step-000001"
    #expect(try Report(run).numbers == [number])
    #expect(
      try String(contentsOf: run.report, encoding: .utf8).contains("| PSNR | 20.00 | input 10.00 | p |"))
  }
}
