import ArgumentParser
import Atelier
import Foundation

/// `atelier evaluate`: every measure that applies to a run.
struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measures a run on held-out data and adds the numbers to its report.",
    discussion: """
      Pictures are judged by a classifier that is trained on the real training set only (and kept in the run's \
      folder), beside real pictures against real pictures; reconstructions, likelihood bounds and perplexities on \
      the held-out part. Every number comes with its protocol.
      """)

  @Argument(help: ArgumentHelp("A run's folder.", valueName: "run"), completion: .directory)
  var folder: String

  @Option(help: "Where the data lie, if they were moved.", completion: .file())
  var data: String?

  @Option(help: "Generated samples.")
  var samples = 1000

  @Option(help: "What samples and subsets are drawn with.")
  var seed: UInt64 = 0

  @Option(help: "Latent samples of the importance-weighted likelihood.")
  var importanceSamples = 100

  @Option(help: "The most seconds the judging classifier may train.")
  var classifierSeconds = 90.0

  @Option(
    help: "Weights of the FID paper's Inception network (pt_inception-2015-12-05-*.pth).", completion: .file()
  )
  var inception: String?

  @Flag(help: "Also the Parzen-window log-likelihood of the GAN papers.")
  var parzen = false

  @Flag(help: "Print a JSON document.")
  var json = false

  func validate() throws {
    if samples < 20 { throw ValidationError("--samples must be at least 20.") }
    if importanceSamples < 1 { throw ValidationError("--importance-samples must be at least 1.") }
  }

  func run() throws {
    let url = URL(fileURLWithPath: folder)
    let directory = try RunDirectory.open(url)
    let binding = try Training.openData(
      of: url, registry: .standard, dataPath: data.map { URL(fileURLWithPath: $0) })
    let model = try loadSystem(from: url, registry: .standard)
    let options = EvaluationOptions(
      samples: samples, seed: seed, importanceSamples: importanceSamples,
      classifierSeconds: classifierSeconds,
      classifierFile: directory.url.appendingPathComponent("classifier.safetensors"),
      inceptionWeights: inception.map { URL(fileURLWithPath: $0) }, withParzen: parzen)
    let numbers = try Evaluation(
      model.system, data: binding, options: options, say: { standardError("\($0)\n") }
    ).run()
    try Report(directory).add(numbers, step: model.description.step)
    if json {
      try printJSON(numbers)
    } else {
      for number in numbers { print(number.line) }
    }
  }
}

extension MeasuredNumber {
  /// `recall: 0.8120 (real against real 0.9010) [0.7 … 0.9] — protocol`.
  var line: String {
    var text = "\(name): \(Self.spelled(value))"
    if let realAgainstReal { text += " (real against real \(Self.spelled(realAgainstReal)))" }
    if let interval, interval.count == 2 {
      text += " [95 % \(Self.spelled(interval[0])) … \(Self.spelled(interval[1]))]"
    }
    return text + " — " + protocolText
  }

  static func spelled(_ value: Double) -> String {
    String(format: abs(value) >= 100 ? "%.1f" : "%.4f", value)
  }
}
