import ArgumentParser
import Atelier
import Foundation

/// `atelier evaluate`: every measure that applies to a run, or to several side by side.
struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measures runs on held-out data and adds the numbers to their reports.",
    discussion: """
      Images are judged by a classifier that is trained on the real training set only (and kept in the run's \
      folder), beside real images against real images; reconstructions, likelihood bounds and perplexities on \
      the held-out part. Every number comes with its protocol.

      Systems that turn images into images are measured on held-out pairs beside baselines, several runs side \
      by side, and a page with images is written into the (first) run's folder:

      A folder of several seeds (`train --seeds`) is measured as a whole: every number with its mean, deviation and \
      95 % interval over the seeds.

        atelier evaluate runs/srresnet-001
        atelier evaluate runs/srresnet-001 runs/srresnet-002 runs/srgan-001 --data set14
      """)

  @Argument(
    help: ArgumentHelp("Folders of runs; several are compared.", valueName: "run"), completion: .directory)
  var folders: [String]

  @Option(
    help: "Where the data lie, if they were moved; or other images to measure on.", completion: .file())
  var data: String?

  @Flag(help: "Measure the checkpoint that was best on the validation part (see `train --validate-every`).")
  var best = false

  @Option(
    help: "Measure on this part of the data alone: test or validation (default: test, else validation).")
  var part: HeldOutPart?

  @Option(help: "Generated samples, or translated images.")
  var samples = 1000

  @Option(help: "What samples and subsets are drawn with.")
  var seed: UInt64 = 0

  @Option(help: "Latent samples of the importance-weighted likelihood.")
  var importanceSamples = 100

  @Option(help: "The most seconds the judging classifier may train.")
  var classifierSeconds = 90.0

  @Option(
    help: "The file that keeps this classifier, for runs that are to be judged alike (default: in each run).",
    completion: .file(extensions: ["safetensors"]))
  var classifier: String?

  @Option(
    help: """
      The most seconds the segmenter that judges images made from maps may train; one serves all runs on the same \
      data, and those beside them later on.
      """)
  var segmenterSeconds = 90.0

  @Option(
    help: """
      A segmenter of your own instead: a TorchScript file that takes images [n, 3, height, width] and gives \
      logits [n, classes, h, w], whose classes are those of the maps.
      """, completion: .file())
  var segmenter: String?

  @Option(
    help: """
      What that segmenter takes images in: signed (-1 … 1), unit (0 … 1), or imagenet (0 … 1, then less \
      ImageNet's mean and divided by its deviation).
      """)
  var segmenterRange = ScriptedSegmenter.InputRange.signed

  @Option(
    help: """
      Two bounds FEW,MANY: classes with fewer training pictures than FEW are few-shot, with more than MANY \
      many-shot; stratified distances group them so.
      """)
  var shots = "20,100"

  @Option(
    help: """
      Weights of the FID paper's Inception network (pt_inception-2015-12-05-*.pth); translations are measured by \
      imported ones without it.
      """, completion: .file()
  )
  var inception: String?

  @Option(
    help: """
      How images come to that network's size: tensorflow, as FID's published numbers have it, clean-fid or pytorch.
      """)
  var resize = InceptionResize.tensorflow

  @Option(
    help: "Also the distance from these statistics (`atelier data statistics`, or --save-statistics).",
    completion: .file())
  var statistics: String?

  @Option(
    help: "Keep the statistics of the held-out part in this file, by Inception's features or else pixels.",
    completion: .file())
  var saveStatistics: String?

  @Flag(
    help: "Also the runs together: mean, deviation and interval over runs, such as those of several seeds.")
  var aggregate = false

  @Option(help: "A label of the maps that counts in no measure (by default the configuration's ignoreLabel).")
  var ignoreLabel: Int?

  @Option(
    name: .customLong("measure"),
    help: """
      Only this measure, with settings of its own as ID:KEY=VALUE,KEY=VALUE where it has any; may be given several \
      times. The measures, with their settings in brackets: \
      \(MeasureList.standard.descriptions.joined(separator: ", ")).
      """)
  var chosen: [String] = []

  @Option(
    help: ArgumentHelp(
      """
      Videos that another model made of the held-out sources, measured as a baseline under their name: a folder with a \
      video, or a folder of numbered images, for each held-out video; may be given several times.
      """, valueName: "name=folder"))
  var beside: [String] = []

  @Flag(help: "Also the Parzen-window log-likelihood of the GAN papers.")
  var parzen = false

  @Flag(
    inversion: .prefixedNo,
    help: "Measure translations on whole images (default: where images are enlarged), else as trained on."
  )
  var whole: Bool?

  @Option(
    help: "Pixels cut off each side before pairs are compared (default: the scale of super-resolution).")
  var crop: Int?

  @Option(help: "Examples that the page shows, the first ones.")
  var examples = 8

  @Option(
    help: "The folder of the page (default: `evaluation`, or `comparison`, in the first run's).",
    completion: .directory)
  var page: String?

  @Flag(
    help: """
      Put numbers of several runs side by side although they were measured differently (other data, features, judge \
      or numbers of images), which is refused otherwise.
      """)
  var unlike = false

  @OptionGroup(title: "Computing") var machine: MachineOptions

  @Flag(help: "Print a JSON document.")
  var json = false

  func validate() throws {
    if folders.isEmpty { throw ValidationError("Name at least one run.") }
    if samples < 1 { throw ValidationError("--samples must be at least 1.") }
    if importanceSamples < 1 { throw ValidationError("--importance-samples must be at least 1.") }
    guard segmenterSeconds > 0 else { throw ValidationError("--segmenter-seconds must be above 0.") }
    if segmenter == nil, segmenterRange != .signed {
      throw ValidationError("--segmenter-range says what --segmenter takes; name that file too.")
    }
    _ = try shotGroups()
    _ = try videosBeside()
    do { _ = try measures() } catch { throw ValidationError("--measure: \(error)") }
    if let crop, crop < 0 { throw ValidationError("--crop must be at least 0.") }
    if examples < 0 { throw ValidationError("--examples must be at least 0.") }
  }

  /// What is measured.
  private func measures() throws(TrainingError) -> MeasureList {
    chosen.isEmpty ? .standard : try MeasureList.standard.only(chosen)
  }

  private func videosBeside() throws -> [VideosBeside] {
    let names = beside.map { $0.prefix { $0 != "=" } }
    if let twice = names.first(where: { name in names.count { $0 == name } > 1 }) {
      throw ValidationError("--beside names '\(twice)' twice; give each folder a name of its own.")
    }
    return try beside.map { text in
      let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
      guard parts.count == 2 else {
        throw ValidationError("--beside takes a name and a folder, as spade=frames, not \(text).")
      }
      return VideosBeside(name: parts[0], folder: URL(fileURLWithPath: parts[1]))
    }
  }

  private func shotGroups() throws -> ShotGroups {
    let bounds = shots.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
    guard bounds.count == 2, let few = bounds[0], let many = bounds[1],
      let groups = try? ShotGroups(few: few, many: many)
    else {
      throw ValidationError("--shots takes two whole numbers, the smaller first, as 20,100, not \(shots).")
    }
    return groups
  }

  /// A run that was opened.
  private struct Opened {
    let directory: RunDirectory
    let system: any GenerativeSystem
    let step: Int
    let data: DataBinding
  }

  func run() throws {
    let seeds = try folders.compactMap { try SeedFolder.open(URL(fileURLWithPath: $0)) }.first
    if let seeds {
      guard folders.count == 1 else {
        throw Refusal.usage("\(seeds.url.path) holds several seeds; evaluate it by itself")
      }
      var command = self
      command.folders = try seeds.runs().map(\.url.path)
      command.aggregate = true
      // One classifier judges all of them.
      command.classifier = classifier ?? seeds.url.appendingPathComponent("classifier.safetensors").path
      return try command.run(of: seeds)
    }
    if aggregate, folders.count < 2 {
      throw Refusal.usage("--aggregate takes several runs, or a folder of seeds")
    }
    try run(of: nil)
  }

  /// - Parameter seeds: the folder that the runs are all of; nil: they were named.
  private func run(of seeds: SeedFolder?) throws {
    let device = try machine.applied()
    let runs = try folders.map { try open($0, on: device) }
    let translating = runs.filter { $0.system.plan.isMeasuredByDirection }
    guard translating.isEmpty || translating.count == runs.count else {
      throw Refusal.usage("runs that translate images and runs that do not cannot be compared")
    }
    for run in runs {
      try refuseUnused(
        run.system.plan, of: type(of: run.system).identity.name,
        isTranslating: run.system.plan.isMeasuredByDirection
      )
    }
    let measures = try self.measures()
    if !chosen.isEmpty {
      for (run, measure) in runs.flatMap({ run in measures.measures.map { (run, $0) } })
      where !measure.applies(to: run.system.plan) {
        throw Refusal.usage(
          "the measure '\(type(of: measure).id)' says nothing about \(type(of: run.system).identity.name)")
      }
    }
    try refuseUnused(runs, measures, areTranslations: !translating.isEmpty)
    if translating.isEmpty {
      try measureSamples(runs, measures, of: seeds)
    } else {
      try compareTranslations(runs, measures, of: seeds)
    }
  }

  /// Refuses options that would change nothing, and runs that are no repetitions of each other.
  private func refuseUnused(_ runs: [Opened], _ measures: MeasureList, areTranslations: Bool) throws {
    if statistics != nil || saveStatistics != nil {
      let measure = ReferenceStatisticsMeasure()
      if let run = runs.first(where: { !measure.applies(to: $0.system.plan) }) {
        throw Refusal.usage(
          "\(type(of: run.system).identity.name) draws no images from latent vectors; leave --statistics and "
            + "--save-statistics out")
      }
      guard measures.ids.contains(ReferenceStatisticsMeasure.id) else {
        throw Refusal.usage(
          "--statistics and --save-statistics belong to the measure \(ReferenceStatisticsMeasure.id); choose it too"
        )
      }
    }
    if resize != .tensorflow, inception == nil, !areTranslations {
      throw Refusal.usage("--resize is of the Inception network; name its weights with --inception")
    }
    let comparing = [
      FrameMeasure.id, TemporalDistanceMeasure.id, VideoFrechetMeasure.id, VideoSegmentationMeasure.id,
      PoseDistanceMeasure.id, DetectionDistanceMeasure.id,
    ]
    if !beside.isEmpty, !measures.ids.contains(where: comparing.contains) {
      throw Refusal.usage(
        "--beside belongs to the measures \(listed(comparing)); choose one of them too, or leave it out")
    }
    guard aggregate, !unlike else { return }
    for run in runs.dropFirst() {
      let (one, other) = (type(of: runs[0].system).identity.name, type(of: run.system).identity.name)
      let keys = Set(runs[0].data.configuration.keys).union(run.data.configuration.keys).sorted()
      let key =
        one == other ? keys.first { runs[0].data.configuration[$0] != run.data.configuration[$0] } : "system"
      if let key {
        throw Refusal.usage(
          "\(runs[0].directory.name) and \(run.directory.name) differ in '\(key)', and --aggregate takes runs that "
            + "differ in their seed; --unlike takes these all the same")
      }
    }
  }

  private func open(_ folder: String, on device: Device) throws -> Opened {
    let url = URL(fileURLWithPath: folder)
    let directory = try RunDirectory.open(url)
    let recorded = try RunConfiguration.read(directory.configuration).data
    let binding = try Training.openData(
      of: url, registry: AtelierTool.systems,
      dataPath: data.map { try PipedData.place($0, recorded: recorded) },
      device: device)
    let model = try loadSystem(
      from: best ? directory.bestCheckpoint(say: { standardError("\($0)\n") }) : url,
      registry: AtelierTool.systems, on: device, say: { standardError("\($0)\n") })
    return Opened(
      directory: directory, system: model.system, step: model.description.step, data: binding)
  }

  /// Where a segmenter may lie: the first run's folder, where a new one is written, the other runs', then
  /// those of the runs beside them.
  private static func segmenterFolders(_ runs: [Opened]) -> [URL] {
    let own = runs.map(\.directory.url.standardizedFileURL)
    var folders = own
    for parent in own.map({ $0.deletingLastPathComponent() }) {
      let names = (try? FileManager.default.contentsOfDirectory(atPath: parent.path)) ?? []
      folders += names.sorted().map { parent.appendingPathComponent($0, isDirectory: true) }
    }
    var seen: Set<String> = []
    return folders.filter { seen.insert($0.path).inserted }
  }

  private func options(_ run: Opened, among runs: [Opened]) throws -> EvaluationOptions {
    let trainedOn = try RunConfiguration.read(run.directory.configuration).data
    let isOther =
      try data.map { try PipedData.place($0, recorded: trainedOn).standardizedFileURL.path != trainedOn }
      ?? false
    var options = try EvaluationOptions(
      samples: samples, seed: seed, importanceSamples: importanceSamples,
      classifierSeconds: classifierSeconds,
      classifierFile: classifier.map { URL(fileURLWithPath: $0) }
        ?? run.directory.url.appendingPathComponent("classifier.safetensors"),
      inceptionWeights: inception.map { URL(fileURLWithPath: $0) }, inceptionResize: resize,
      statistics: statistics.map { URL(fileURLWithPath: $0) },
      savedStatistics: saveStatistics.map { URL(fileURLWithPath: $0) },
      withParzen: parzen || measures().ids.contains(ParzenMeasure.id) && !chosen.isEmpty,
      wholeImages: whole,
      border: crop, hasOtherData: isOther && part == nil, shownExamples: examples, ignoredLabel: ignoreLabel,
      segmenterSeconds: segmenterSeconds, segmenterFolders: Self.segmenterFolders(runs),
      segmenterScript: segmenter.map { URL(fileURLWithPath: $0) }, segmenterRange: segmenterRange,
      shotGroups: shotGroups(), parts: part.map { [$0.split] } ?? [.test, .validation])
    options.videosBeside = try videosBeside()
    return options
  }

  // MARK: Samples

  private func measureSamples(_ runs: [Opened], _ measures: MeasureList, of seeds: SeedFolder?) throws {
    if let saveStatistics { try refuseExisting(URL(fileURLWithPath: saveStatistics), force: false) }
    if samples < 20 { throw Refusal.usage("--samples must be at least 20") }
    var all: [[MeasuredNumber]] = []
    for run in runs {
      let numbers = try Evaluation(
        run.system, data: run.data, options: options(run, among: runs), measures: measures,
        say: { standardError("\($0)\n") }
      ).run()
      try Report(run.directory).add(numbers, step: run.step)
      all.append(numbers)
      guard !json else { continue }
      if runs.count > 1 { print("\(run.directory.name)") }
      for number in numbers { print(number.line) }
    }
    if aggregate {
      let table = try EvaluationTable(
        title: listed(runs.map(\.directory.name)),
        runs: zip(runs.map(\.directory.name), all).map { ($0, $1) },
        allowsDifferences: unlike)
      if let seeds { try SeedReport(seeds, tables: [table]).write() }
      if let together = table.aggregated() {
        if json { try printJSON(together) } else { print("\n" + together.text) }
      }
      if json { return }
    }
    if json {
      if let only = all.first, all.count == 1 {
        try printJSON(only)
      } else {
        try printJSON(
          Dictionary(zip(runs.map(\.directory.name), all), uniquingKeysWith: { first, _ in first }))
      }
    }
  }

  // MARK: Translations

  private func compareTranslations(_ runs: [Opened], _ measures: MeasureList, of seeds: SeedFolder?) throws {
    let subjects = runs.compactMap { run in
      (run.system as? any TranslatingSystem).map {
        TranslationSubject(run.directory.name, $0, data: run.data)
      }
    }
    var settings = try options(runs[0], among: runs)
    settings.hasOtherData = try runs.allSatisfy { try options($0, among: runs).hasOtherData }
    var results = try TranslationEvaluation(
      subjects, options: settings, measures: measures, say: { standardError("\($0)\n") }
    ).run()
    for (number, run) in runs.enumerated() {
      try Report(run.directory).add(results.flatMap { $0.numbers[number] }, step: run.step)
    }
    let fromMaps = try runs.map { run in
      let numbers = try Evaluation(
        run.system, data: run.data, options: options(run, among: runs), measures: measures,
        say: { standardError("\($0)\n") }
      ).run()
      if !numbers.isEmpty { try Report(run.directory).add(numbers, step: run.step) }
      return (name: run.directory.name, numbers: numbers)
    }
    if fromMaps.contains(where: { !$0.numbers.isEmpty }) {
      let areMaps = runs.contains { run in
        run.system.plan.fields.contains { if case .labelMap = $0.kind { true } else { false } }
      }
      let table = try EvaluationTable(
        title: areMaps ? "Images from maps" : "The system as a whole", runs: fromMaps,
        allowsDifferences: unlike)
      results.append(TranslationResult(direction: table.title, table: table))
    }
    let names = runs.map { "\($0.directory.name) (\(type(of: $0.system).identity.name), step \($0.step))" }
    if results.isEmpty, fromMaps.allSatisfy({ $0.numbers.isEmpty }) {
      throw Refusal.input(
        "no measure says anything about \(names.joined(separator: ", ")): the data hold no images that the outputs should "
          + "be; `atelier generate` shows what a run makes of an image")
    }
    let folder =
      page.map { URL(fileURLWithPath: $0) }
      ?? (seeds?.url ?? runs[0].directory.url).appendingPathComponent(
        runs.count > 1 ? "comparison" : "evaluation")
    let file = try EvaluationPage(
      title: runs.count > 1 ? "Comparison" : "Evaluation of \(runs[0].directory.name)", facts: names,
      results: results
    ).write(to: folder)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    try AtomicFile.write(
      encoder.encode(results.map(\.table)), to: folder.appendingPathComponent("numbers.json"))
    if let seeds { try SeedReport(seeds, tables: results.map(\.table)).write() }
    let together = aggregate ? results.compactMap { $0.table.aggregated() } : []
    if json {
      try printJSON(results.map(\.table) + together)
    } else {
      print((results.map(\.table.text) + together.map(\.text)).joined(separator: "\n\n"))
      print("\nPictures: \(file.path)")
    }
  }
}
