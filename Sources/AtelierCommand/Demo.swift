import ArgumentParser
import Atelier
import Foundation

/// `atelier demo`: one command from real images to a judged generator.
struct Demo: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Trains a class-conditional DCGAN on Fashion-MNIST, judges it, and draws.",
    discussion:
      "Everything lands in the output folder: the run, the classifier that judges, and two images.")

  @Option(help: "The folder of Fashion-MNIST's four files.", completion: .directory)
  var data: String?

  @Option(help: "The most seconds the generator trains.")
  var seconds = 300.0

  @Option(help: "The most seconds the judging classifier trains.")
  var classifierSeconds = 90.0

  @Option(help: "The folder to write into.", completion: .directory)
  var output = "demo"

  @Option(help: "What the training's random numbers follow from.")
  var seed = 0

  @OptionGroup(title: "Computing") var machine: MachineOptions

  @Flag(name: .shortAndLong, help: "No progress bar.")
  var quiet = false

  private static let samples = 1000
  private static let sampleSeed: UInt64 = 2026

  func validate() throws {
    if !(seconds > 0) || !(classifierSeconds > 0) { throw ValidationError("Seconds must be above 0.") }
  }

  func run() throws {
    let device = try machine.applied(watches: false)
    let folder = URL(fileURLWithPath: output, isDirectory: true)
    let source = try dataFolder()
    guard let preset = ConditionalGAN.Configuration.presets.first(where: { $0.name == "fashion" }) else {
      throw Refusal(description: "the preset 'fashion' of cgan is missing", code: 70)
    }
    let interruption = Interruption.whileTraining()
    var options = TrainingOptions(
      seconds: seconds, seed: seed, device: device, checkpointEvery: 1000, previewEvery: 500, logEvery: 100)
    options.threads = Engine.threadCount
    options.adaptsThreads = machine.threads == nil
    let binding = try DataBinding.open(
      source, for: ConditionalGAN.self, configuration: try preset.configuration.values(),
      options: DataBindingOptions(seed: seed, device: device))
    let run = try RunDirectory.create(in: folder, name: "cgan-fashion")
    print(
      "Training \(preset.configuration.keys.count)-key configuration 'fashion' of cgan on \(binding.facts.description.count) "
        + "images for at most \(Int(seconds)) s with \(Engine.threadCount) threads.")
    let outcome = try Training.start(
      binding, in: run, preset: preset.name, options: options, reporter: automaticReporter(isQuiet: quiet),
      interruption: interruption)
    switch outcome.reason {
    case .finished, .settled, .interrupted: break
    case .stopped(let why):
      throw Refusal(description: "the training was stopped: \(why)", code: ExitCodes.stoppedByHealth)
    }
    let model = try loadSystem(from: run.url, registry: AtelierTool.systems, on: device)
    try judge(model.system, binding, folder: folder, run: run, step: model.description.step)
    if outcome.reason == .interrupted { throw ExitCode(130) }
  }

  private func dataFolder() throws -> URL {
    let named = data ?? ProcessInfo.processInfo.environment["FASHION_MNIST"]
    let path = named ?? "/usr/share/datasets/fashion-mnist"
    guard FileManager.default.fileExists(atPath: path) else {
      throw Refusal.input(
        "\(path) does not exist; install the Debian package dataset-fashion-mnist (`make setup`), or name a "
          + "folder that holds the four files with --data")
    }
    return URL(fileURLWithPath: path, isDirectory: true)
  }

  private func judge(
    _ system: any GenerativeSystem, _ binding: DataBinding, folder: URL, run: RunDirectory, step: Int
  ) throws {
    let options = EvaluationOptions(
      samples: Self.samples, seed: Self.sampleSeed, classifierSeconds: classifierSeconds,
      classifierFile: folder.appendingPathComponent("classifier.safetensors"))
    let evaluation = Evaluation(
      system, data: binding, options: options, say: { if !quiet { standardError("\($0)\n") } })
    let numbers = try evaluation.run()
    try Report(run).add(numbers, step: step)
    report(numbers)
    let (samples, labels) = try evaluation.context.samples()
    try draw(
      samples, labels: labels?.integers() ?? [], names: binding.facts.description.classNames, into: folder)
    try drawNeighbours(of: samples, evaluation.context, into: folder)
    print("Report: \(run.report.path)")
  }

  /// The promised lines: each number on one of its own, with real against real beside it.
  private func report(_ numbers: [MeasuredNumber]) {
    func find(_ id: String) -> MeasuredNumber? { numbers.first { $0.id == id } }
    print("\nOf \(Self.samples) samples (seed \(Self.sampleSeed), not selected, not truncated):")
    if let accuracy = find(LabelAccuracyMeasure.id) {
      print("label accuracy: \(MeasuredNumber.spelled(accuracy.value))")
      if let test = accuracy.realAgainstReal {
        print("classifier test accuracy: \(MeasuredNumber.spelled(test))")
      }
    }
    let wanted = [
      (FrechetMeasure.id, "Fréchet distance on the classifier's features"), ("recall", "recall"),
      ("coverage", "coverage"), ("precision", "precision"), ("density", "density"),
    ]
    for (id, title) in wanted {
      guard let number = find(id) else { continue }
      print("\(title): \(MeasuredNumber.spelled(number.value))")
      if let real = number.realAgainstReal {
        print("\(title), real against real: \(MeasuredNumber.spelled(real))")
      }
    }
    if let number = find(FrechetMeasure.id) { print("(\(number.protocolText))") }
  }

  /// Ten columns, a class each with its name; the first ten samples of each, as they came.
  private func draw(_ samples: Tensor, labels: [Int], names: [String], into folder: URL) throws {
    let classes = max(1, names.count)
    let rows = 10
    let order = (0..<rows).flatMap { row in
      (0..<classes).compactMap { label in
        labels.indices.filter { labels[$0] == label }.dropFirst(row).first
      }
    }
    let images = try Image.images(of: samples.indexSelected(0, Tensor(order)).host())
    let file = folder.appendingPathComponent("samples.png")
    try ImageGrid(columns: classes, columnTitles: names).render(images).write(to: file)
    print("Samples: \(file.path)")
  }

  /// Some samples beside their nearest image of the training set, so that copying would be seen.
  private func drawNeighbours(of samples: Tensor, _ context: EvaluationContext, into folder: URL) throws {
    let training = try context.realImages().training.images
    let chosen = samples.slice(0, 0, 20)
    let pixels = RawPixels()
    let neighbours = try nearestNeighbours(
      query: pixels.features(chosen), database: pixels.features(ofAll: training), k: 1)
    let nearest = training.indexSelected(0, neighbours.indices.reshaped([-1])).asType(.float32) / 127.5 - 1
    var pairs: [Image] = []
    let drawn = try Image.images(of: chosen.host())
    let found = try Image.images(of: nearest.host())
    for start in stride(from: 0, to: drawn.count, by: 10) {
      pairs += drawn[start..<min(start + 10, drawn.count)] + found[start..<min(start + 10, found.count)]
    }
    let file = folder.appendingPathComponent("nearest.png")
    try ImageGrid(columns: 10, rowTitles: ["drawn", "nearest", "drawn", "nearest"]).render(pairs).write(
      to: file)
    print("Samples above their nearest training pictures (by pixels): \(file.path)")
  }
}
