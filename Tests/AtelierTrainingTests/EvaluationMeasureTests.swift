import Atelier
import Foundation
import TestSupport
import Testing

/// Measures of what was made for a class, from a map, or in a style.
@Suite(.serialized) struct EvaluationMeasureTests {
  private var nothingInstalled: WeightStore {
    WeightStore(
      FileManager.default.temporaryDirectory.appendingPathComponent("no-weights-\(UUID().uuidString)"))
  }

  private func options(_ folder: TemporaryFolder, samples: Int) -> EvaluationOptions {
    EvaluationOptions(
      samples: samples, classifierSeconds: 10, classifierFile: folder("classifier.safetensors"),
      weights: nothingInstalled, shownExamples: 0)
  }

  /// An untrained system on its data.
  private func open<System: GenerativeSystem>(
    _ type: System.Type, _ data: URL, _ base: System.Configuration,
    _ changes: [String: ConfigurationValue] = [:]
  ) throws -> (system: System, data: DataBinding) {
    let values = try base.overlaid(with: changes).values()
    let binding = try DataBinding.open(
      data, for: type, configuration: values, options: DataBindingOptions())
    let configuration = try base.overlaid(with: binding.configuration)
    return (try type.init(configuration, artefacts: Artefacts(), using: RandomStream(seed: 1)), binding)
  }

  // MARK: The list

  private struct Brightness: Measure {
    static let id = "brightness"
    func applies(to plan: SystemPlan) -> Bool { plan.ability(LatentDecoding.self) != nil }
    func measure(_ context: EvaluationContext) throws -> [MeasuredNumber] {
      let value: Double = try context.samples().samples.mean().item()
      return [
        MeasuredNumber(
          id: Self.id, name: "brightness", value: value, better: .neither,
          provenance: context.provenance(part: "none", ["samples": "\(context.options.samples)"]),
          protocolText: "mean of all values")
      ]
    }
  }

  @Test func aProgramAddsItsOwnMeasureAndChoosesAmongThem() throws {
    let folder = try TemporaryFolder()
    try TinyData.writeIDX(to: folder.url, classes: 2, perClass: 20)
    let (system, data) = try open(ToySystem.self, folder.url, ToySystem.Configuration())
    let measures = try MeasureList.standard.adding(Brightness()).only(["brightness", "label-accuracy"])
    #expect(measures.ids == ["label-accuracy", "brightness"])
    let numbers = try Evaluation(
      system, data: data, options: options(folder, samples: 20), measures: measures
    ).run()
    #expect(numbers.map(\.id) == ["label-accuracy", "brightness"])
    #expect(numbers[1].provenance["samples"] == "20" && numbers[1].provenance["seed"] == "0")
    let again = measures.adding(Brightness())
    #expect(again.ids == measures.ids)
    let error = #expect(throws: TrainingError.self) { try MeasureList.standard.only(["beauty"]) }
    #expect(error?.description.contains("no measure 'beauty'; the measures are perplexity, ") == true)
  }

  @Test func whatAppliesFollowsFromThePlan() throws {
    func applying(_ plan: SystemPlan) -> [String] {
      MeasureList(MeasureList.standard.measures.filter { $0.applies(to: plan) }).ids
    }
    let pairs = [
      "pixel-error", "psnr", "ssim", "psnr-luminance", "ssim-luminance", "ms-ssim", "lpips",
      "translation-distances",
    ]
    #expect(Set(MeasureList.standard.ids).count == MeasureList.standard.ids.count)
    #expect(
      applying(ToySystem.Configuration().plan) == [
        "label-accuracy", "classifier-score", "inception-score", "frechet-distance",
        "spatial-frechet-distance", "kernel-distance", "precision-recall", "nearest-neighbour-accuracy",
        "class-frechet-distance", "reference-frechet-distance", "perceptual-path-length",
        "parzen-log-likelihood",
        "reconstruction-error", "likelihood-bounds",
      ])
    #expect(
      applying(TinyRebuilder.Configuration().plan) == [
        "rebuilding", "map-segmentation", "map-distances", "map-diversity",
      ] + pairs)
    #expect(applying(RNNLanguageModel.Configuration().plan) == ["perplexity"])
    #expect(applying(FUNIT.Configuration().plan) == ["few-shot"])
    #expect(applying(Pix2Pix.Configuration().plan) == pairs)
    #expect(
      applying(CycleGAN.Configuration().plan) == ["translation-distances", "cycle-error", "identity-error"])
    #expect(
      applying(MUNIT.Configuration().plan) == [
        "translation-distances", "cycle-error", "identity-error", "style-diversity",
        "conditional-inception-score",
      ])
  }

  @Test func numbersOfSetsHaveIntervalsAndStatisticsAreKeptAndUsed() throws {
    let folder = try TemporaryFolder()
    try TinyData.writeIDX(to: folder.url, classes: 2, perClass: 40)
    let (system, data) = try open(ToySystem.self, folder.url, ToySystem.Configuration())
    var options = self.options(folder, samples: 30)
    options.savedStatistics = folder("held.safetensors")
    options.statistics = folder("held.safetensors")
    let ids = [
      "classifier-score", "frechet-distance", "kernel-distance", "precision-recall",
      "nearest-neighbour-accuracy",
      "reference-frechet-distance",
    ]
    let numbers = try Evaluation(system, data: data, options: options, measures: .standard.only(ids)).run()
    #expect(numbers.count == 9)
    for number in numbers {
      let interval = try #require(number.interval, "\(number.name)")
      #expect(interval.lower <= number.value && number.value <= interval.upper, "\(number.name)")
      #expect(number.protocolText.contains("random halves"), "\(number.protocolText)")
    }
    let kept = try #require(numbers.last)
    #expect(kept.provenance["part"] == "test" && kept.provenance["features"] == "pixels")
    // Statistics of images of another size are refused.
    let reference = try ReferenceStatistics.load(from: folder("held.safetensors"))
    var facts = reference.facts
    facts["size"] = "1x1x1"
    try ReferenceStatistics(reference.statistics, facts: facts).save(to: folder("other.safetensors"))
    options.savedStatistics = nil
    options.statistics = folder("other.safetensors")
    let error = #expect(throws: MetricError.self) {
      try Evaluation(
        system, data: data, options: options, measures: .standard.only(["reference-frechet-distance"])
      ).run()
    }
    #expect(error?.description.contains("is of size '1x1x1'") == true)
  }

  @Test func statisticsOfASetReadInBatchesAreThoseOfAllItsImages() throws {
    let folder = try TemporaryFolder()
    try TinyData.writeIDX(to: folder.url, classes: 2, perClass: 11)
    let data = try openDataset(at: folder.url)
    let images = Tensor(try #require(try data.batch(at: Array(0..<data.count))["image"]))
    let whole = try ReferenceStatistics(of: images, by: RawPixels(), part: "train", data.description)
    // The last batch holds two of the 22.
    let parts = try ReferenceStatistics(of: data, by: RawPixels(), part: "train", batchSize: 5)
    #expect(parts.facts == whole.facts && parts.statistics.count == 22)
    for (one, other) in [
      (whole.statistics.mean, parts.statistics.mean),
      (whole.statistics.covariance, parts.statistics.covariance),
    ] {
      #expect((Tensor(one) - Tensor(other)).abs().max().item() < 1e-12)
    }
  }

  @Test func runsTogetherHaveMeanDeviationAndInterval() throws {
    var table = EvaluationTable(title: "three seeds", columns: ["a", "b", "c", "real"], runs: 3)
    table.rows = [
      EvaluationTable.Row("FID", protocolText: "p", better: .smaller, values: [1, 2, 3, 9]),
      EvaluationTable.Row("other", protocolText: "p", better: .smaller, values: [1, nil, 3, 9]),
    ]
    let together = try #require(table.aggregated())
    #expect(together.columns == ["mean", "deviation", "lower", "upper"] && together.rows.count == 1)
    // Student's 97.5 % quantile for two degrees of freedom is 4.302653; the deviation 1.
    let reach = 4.302653 / 3.0.squareRoot()
    let values = together.rows[0].values.compactMap { $0 }
    #expect(zip(values, [2, 1, 2 - reach, 2 + reach]).allSatisfy { abs($0 - $1) < 1e-6 })
    #expect(together.notes == ["other: left out, as not every run has it."])
    #expect(EvaluationTable(title: "", columns: ["a"], runs: 1).aggregated() == nil)
  }

  // MARK: Classes

  @Test func classesAreMeasuredOneByOneAndByHowFrequentTheyAre() throws {
    let folder = try TemporaryFolder()
    try TinyData.writeClassFolders(to: folder("data/train"), classes: ["a"], perClass: 60)
    try TinyData.writeClassFolders(to: folder("data/train"), classes: ["b"], perClass: 10)
    try TinyData.writeClassFolders(to: folder("data/test"), classes: ["a", "b"], perClass: 50)
    let (system, data) = try open(ToySystem.self, folder("data"), ToySystem.Configuration())
    var options = self.options(folder, samples: 50)
    options.shotGroups = try ShotGroups(few: 20, many: 50)
    let numbers = try Evaluation(system, data: data, options: options).run()
    func number(_ name: String) throws -> MeasuredNumber {
      try #require(numbers.first { $0.name == name }, "\(numbers.map(\.name))")
    }
    let (a, b) = (
      try number("fréchet distance, class a"), try number("fréchet distance, class b")
    )
    let mean = try number("class-wise fréchet distance, mean")
    #expect(abs(mean.value - (a.value + b.value) / 2) < 1e-9 * max(1, mean.value))
    #expect(mean.realAgainstReal != nil && a.realAgainstReal != nil)
    for number in [mean, a, b] {
      let interval = try #require(number.interval, "\(number.name)")
      #expect(interval.lower < number.value && number.value < interval.upper && interval.lower >= 0)
      #expect(number.protocolText.contains("95 % interval by 40 random halves"), "\(number.protocolText)")
    }
    #expect(a.protocolText.contains("25 samples of the class against 25"), "\(a.protocolText)")
    // Twenty-five pictures have no covariance of 128 features.
    #expect(a.protocolText.contains("fewer pictures than the 128 features"))
    #expect(mean.protocolText.contains("2 have fewer pictures than the 128 features"))
    // Each group holds one class here, so that its distance is the class's.
    let many = try number("stratified fréchet distance, many-shot (more than 50 training pictures)")
    let few = try number("stratified fréchet distance, few-shot (fewer than 20 training pictures)")
    #expect(many.value == a.value && few.value == b.value)
    #expect(many.interval != nil && few.interval != nil)
  }

  @Test func classesWithTooFewPicturesAreRefusedWithTheNumber() throws {
    let folder = try TemporaryFolder()
    try TinyData.writeIDX(to: folder.url, classes: 4, perClass: 20)
    let (system, data) = try open(ToySystem.self, folder.url, ToySystem.Configuration())
    var said: [String] = []
    let numbers = try Evaluation(
      system, data: data, options: options(folder, samples: 20), say: { said.append($0) }
    ).run()
    #expect(!numbers.contains { $0.name.contains("class-wise") || $0.name.contains("stratified") })
    #expect(
      said.contains { $0.contains("needs 20 real") && $0.contains("the best has 5 of both") }, "\(said)")
  }

  // MARK: Maps

  private func mapData(_ folder: TemporaryFolder) throws -> URL {
    try TinyData.writeLabelled(to: folder("data"), count: 24, size: 12)
    return folder("data")
  }

  @Test func picturesMadeAgainAreMeasuredBesideThoseInTheMeanStyle() throws {
    let folder = try TemporaryFolder()
    let (system, data) = try open(
      TinyRebuilder.self, try mapData(folder), TinyRebuilder.Configuration())
    let numbers = try Evaluation(system, data: data, options: options(folder, samples: 20)).run()
    func number(_ name: String) throws -> MeasuredNumber {
      try #require(numbers.first { $0.name == name }, "\(numbers.map(\.name))")
    }
    // Its own styles give back the very picture, the mean style grey.
    let error = try number("reconstruction RMSE")
    #expect(error.value < 1e-6 && (error.baselines?.first?.value ?? 0) > 0.05)
    #expect(error.baselines?.map(\.name) == ["mean styles"])
    #expect(abs(try number("reconstruction SSIM").value - 1) < 1e-6)
    #expect(abs(try number("reconstruction PSNR, dB").value - 80) < 1e-6)
    let overlap = try number("mean intersection over union")
    #expect(overlap.value == overlap.realAgainstReal)
  }

  @Test func aSegmenterOfTheUsersOwnJudgesAndIsNamed() throws {
    let folder = try TemporaryFolder()
    let (system, data) = try open(
      TinyRebuilder.self, try mapData(folder), TinyRebuilder.Configuration())
    let file = folder("own.pt")
    let module = try ScriptModule("Segmenter")
    try module.record([("pictures", .zeros([1, 3, 12, 12]))]) { inputs in
      let red = inputs[0].slice(1, 0, 1)
      return .concatenated([red, red * -1, red - 2, red - 2], dim: 1)
    }
    try module.write(to: file, extraFiles: [:])
    var options = self.options(folder, samples: 20)
    options.segmenterScript = file
    let numbers = try Evaluation(system, data: data, options: options).run()
    let overlap = try #require(numbers.first { $0.name == "mean intersection over union" })
    #expect(overlap.protocolText.contains("own.pt") && overlap.protocolText.contains("-1 … 1"))
    #expect(overlap.value > 0 && overlap.value == overlap.realAgainstReal)
    // Nothing was trained.
    let files = try FileManager.default.contentsOfDirectory(atPath: folder.url.path)
    #expect(!files.contains { $0.hasPrefix("segmenter") })
  }

  @Test func runsOnTheSameDataAreJudgedByTheSameSegmenter() throws {
    let folder = try TemporaryFolder()
    let (system, data) = try open(
      TinyRebuilder.self, try mapData(folder), TinyRebuilder.Configuration())
    for name in ["first", "second"] {
      try FileManager.default.createDirectory(at: folder(name), withIntermediateDirectories: true)
    }
    func measured(_ folders: [String]) throws -> (numbers: [MeasuredNumber], said: [String]) {
      var options = self.options(folder, samples: 20)
      options.segmenterFolders = folders.map { folder($0) }
      var said: [String] = []
      let numbers = try Evaluation(system, data: data, options: options, say: { said.append($0) })
        .run()
      return (numbers, said)
    }
    let one = try measured(["first", "second"])
    #expect(one.said.contains { $0.hasPrefix("kept in") })
    let two = try measured(["second", "first"])
    #expect(two.said.contains { $0.hasPrefix("taken from") && $0.contains("first") }, "\(two.said)")
    #expect(one.numbers == two.numbers)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder("second").path).isEmpty)
  }

  @Test func numbersOfSeveralRunsStandSideBySide() throws {
    func overlap(_ value: Double) -> MeasuredNumber {
      MeasuredNumber(
        name: "overlap", value: value, better: .larger, realAgainstReal: 0.9, protocolText: "p")
    }
    let error = MeasuredNumber(
      name: "RMSE", value: 0.1, interval: ConfidenceInterval(lower: 0, upper: 1), better: .smaller,
      baselines: [BaselineNumber(name: "mean styles", value: 0.3)], protocolText: "q")
    let (pixels, network) = (
      MeasuredNumber(name: "kernel distance", value: 1, better: .smaller, protocolText: "pixels"),
      MeasuredNumber(name: "kernel distance", value: 2, better: .smaller, protocolText: "network")
    )
    let table = try EvaluationTable(
      title: "t", runs: [("one", [overlap(0.5), error]), ("two", [overlap(0.6), pixels, network])])
    #expect(table.columns == ["one", "two", "real against real", "mean styles, one"] && table.runs == 2)
    #expect(table.rows.map(\.measure) == ["overlap", "RMSE", "kernel distance", "kernel distance (2)"])
    #expect(table.rows[0].values == [0.5, 0.6, 0.9, nil] && table.rows[0].better == .larger)
    #expect(table.rows[1].values == [0.1, nil, nil, 0.3] && table.rows[1].better == .smaller)
    #expect(table.rows[3].values == [nil, 2, nil, nil] && table.rows[1].intervals[0] == [0, 1])
  }

  @Test(arguments: [
    ("perplexity (test)", Better.smaller), ("bits a character (test)", .smaller), ("KID", .smaller),
    ("LPIPS alex", .smaller), ("RMSE", .smaller), ("FID", .smaller), ("word error rate", .smaller),
    ("PSNR, dB", .larger), ("label accuracy", .larger), ("error resilience", .larger),
    ("1-nearest-neighbour accuracy", .neither), ("loudness", .neither),
  ])
  func theBestRunFollowsFromWhatANumberDeclaresAndNotFromItsName(name: String, better: Better) throws {
    func number(_ value: Double) -> MeasuredNumber {
      MeasuredNumber(name: name, value: value, better: better, protocolText: "p")
    }
    let table = try EvaluationTable(title: "t", runs: [("one", [number(1)]), ("two", [number(2)])])
    #expect(table.bestRun(of: table.rows[0]) == [.smaller: 0, .larger: 1][better])
  }

  @Test func numbersThatWereMeasuredDifferentlyAreNotCompared() throws {
    func run(_ name: String, _ facts: Provenance) -> (name: String, numbers: [MeasuredNumber]) {
      let number = MeasuredNumber(
        name: "recall", value: 0.5, better: .larger, provenance: facts, protocolText: "p")
      return (name, [number])
    }
    let one = run("one", ["data": "faces", "samples": "100", "manner": "one sample a map", "seed": "1"])
    let same = run("same", ["data": "faces", "samples": "100", "manner": "own styles", "seed": "2"])
    let few = run("few", ["data": "faces", "samples": "50", "seed": "1"])
    let old = run("old", [:])
    #expect(try EvaluationTable(title: "t", runs: [one, same, old]).rows.count == 1)
    let error = #expect(throws: TrainingError.self) {
      try EvaluationTable(title: "t", runs: [one, same, few])
    }
    let text = try #require(error?.description)
    #expect(text.contains("one and few cannot be compared by 'recall': their 'samples' differ (100 and 50)"))
    let anyway = try EvaluationTable(title: "t", runs: [one, few], allowsDifferences: true)
    #expect(anyway.rows[0].values == [0.5, 0.5])
  }

  @Test func aNumberOfAnOlderFileIsRankedByTheNewOneBesideIt() throws {
    let old = #"{"name":"perplexity (test)","value":90,"interval":[80,100],"protocolText":"test part"}"#
    let read = try JSONDecoder().decode(MeasuredNumber.self, from: Data(old.utf8))
    #expect(read.id == "perplexity (test)" && read.better == nil && read.provenance.fields.isEmpty)
    #expect(read.interval == ConfidenceInterval(lower: 80, upper: 100))
    let new = MeasuredNumber(
      id: "perplexity", name: "perplexity (test)", value: 110, better: .smaller,
      provenance: ["part": "test"], protocolText: "test part")
    let beside = try EvaluationTable(title: "t", runs: [("old", [read]), ("new", [new])])
    #expect(beside.bestRun(of: beside.rows[0]) == 0)
    let alone = try EvaluationTable(title: "t", runs: [("old", [read]), ("older", [read])])
    #expect(alone.bestRun(of: alone.rows[0]) == nil)
  }

  @Test func measuredNumbersDeclareWhichWayIsBetter() throws {
    let folder = try TemporaryFolder()
    try TinyData.writeIDX(to: folder.url, classes: 2, perClass: 40)
    let (toy, classes) = try open(ToySystem.self, folder.url, ToySystem.Configuration())
    var options = self.options(folder, samples: 20)
    options.withParzen = true
    var found: [String: Better?] = [:]
    func collect(_ numbers: [MeasuredNumber]) {
      for number in numbers { found[number.name] = .some(number.better) }
    }
    collect(try Evaluation(toy, data: classes, options: options).run())
    try TinyData.writeText(to: folder("words.txt"))
    let words = try #require(RNNLanguageModel.Configuration.presets.first { $0.name == "small" })
    let (language, text) = try open(RNNLanguageModel.self, folder("words.txt"), words.configuration)
    collect(try Evaluation(language, data: text, options: options).run())
    let expected: [String: Better] = [
      "label accuracy": .larger, "classifier score": .larger, "fréchet distance": .smaller,
      "kernel distance": .smaller, "precision": .larger, "recall": .larger, "density": .larger,
      "coverage": .larger, "1-nearest-neighbour accuracy": .neither, "perplexity (validation)": .smaller,
      "Parzen-window log-likelihood": .larger,
    ]
    for (name, better) in expected { #expect(found[name] == .some(better), "\(name): \(found)") }
  }

  // MARK: Styles

  @Test func stylesAreMeasuredWhereTheTargetHasClasses() throws {
    let folder = try TemporaryFolder()
    try TinyData.writeUnpaired(to: folder("data"), size: 16)
    // The second set's pictures lie in two folders, the first set's in none.
    for part in ["trainB", "testB"] {
      let place = folder("data/\(part)")
      let names = try FileManager.default.contentsOfDirectory(atPath: place.path).sorted()
      for (number, name) in names.enumerated() {
        let inside = place.appendingPathComponent(number % 2 == 0 ? "bright" : "dark")
        try FileManager.default.createDirectory(at: inside, withIntermediateDirectories: true)
        try FileManager.default.moveItem(
          at: place.appendingPathComponent(name), to: inside.appendingPathComponent(name))
      }
    }
    let small = try #require(MUNIT.Configuration.presets.first { $0.name == "small" }).configuration
    let (system, data) = try open(
      MUNIT.self, folder("data"), small,
      [
        "imageSize": .integer(16), "width": .integer(2), "blocks": .integer(1),
        "discriminatorWidth": .integer(2), "mlpWidth": .integer(4), "styleLength": .integer(3),
      ])
    let results = try TranslationEvaluation(
      [TranslationSubject("tiny", system, data: data)], options: options(folder, samples: 12)
    ).run()
    let (there, back) = (try #require(results.first).table, try #require(results.last).table)
    let within = try #require(
      there.rows.first { $0.measure == "conditional inception score, nats" }, "\(there.text)")
    let overall = try #require(there.rows.first { $0.measure == "inception score, nats" })
    let (low, high) = (try #require(within.values[0]), try #require(overall.values[0]))
    #expect(low >= 0 && low <= high + 1e-9 && high <= log(2) + 1e-9)
    #expect(within.values.count == there.columns.count && overall.values[2] != nil)
    #expect(within.protocolText.contains("classifier-") && within.protocolText.contains("bright, dark"))
    #expect(within.protocolText.contains("3 inputs, 4 drawn styles"), "\(within.protocolText)")
    #expect(!back.rows.contains { $0.measure.contains("inception") })
    #expect(back.notes.contains { $0.contains("pictures of A have no classes") })
  }
}

/// Pictures from maps: grey from the map alone, the picture itself where its styles are given.
private final class TinyRebuilder: TranslatingSystem, ReconstructingSystem {
  struct Configuration: SystemConfiguration {
    var imageSize = 12
    var classes = 4
    var batchSize = 2

    static let presets = [Preset("small", "a toy", Configuration())]
    var plan: SystemPlan {
      .imagesFromMaps(
        label: .labelMap(classes: classes, height: imageSize, width: imageSize), channels: 3,
        height: imageSize, width: imageSize, changes: JointAugmentation(), sizeMultiple: 1,
        batchSize: batchSize)
    }
    func validate() throws(ConfigurationError) {}
  }

  static let identity = SystemIdentity(
    name: "tiny-rebuilder", summary: "a toy", paper: "none", reference: "none")
  let configuration: Configuration
  private let generator: Linear
  private let optimizer: Adam

  init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    self.configuration = configuration
    generator = Linear(inputFeatures: 1, outputFeatures: 1, using: stream)
    optimizer = Adam(generator, learningRate: 0.1)
  }

  static func adapted(_ configuration: Configuration, to data: DataFacts) throws -> Configuration {
    configuration
  }

  var networks: [Network] {
    [Network("generator", generator) { _, _ in [:] }]
  }
  var optimizers: [(name: String, optimizer: Optimizer)] { [("generator", optimizer)] }

  func step(_ step: TrainingStep) throws {
    try step.update("generator", optimizer) { loss in loss.add("total", generator(.ones([1, 1])).sum()) }
  }

  func translate(_ pictures: Tensor, direction: TranslationDirection, draws: any Draws) throws -> Tensor {
    .zeros([pictures.shape[0], 3, pictures.shape[1], pictures.shape[2]])
  }

  func reconstruct(_ batch: Batch, draws: any Draws) throws -> Tensor { batch["image"] }
}
