import ArgumentParser
import Atelier
import Foundation

/// `atelier plan`: what a training will take, from a few steps of it.
struct Plan: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Says how much memory, time and disk a training takes, from a few steps of it.",
    discussion: """
      A few steps are really made, each batch size in a process of its own: an eighth and a half of the batch (below \
      8 the batch itself and twice as much), with checkpoints and previews as `atelier train` makes them. What is \
      said of the batch itself is then a straight line through both. Without --data batches are random numbers of \
      the right shapes; with them reading is measured too, and classes and channels are those of the data.

        atelier plan dcgan
        atelier plan pix2pix --preset small --data facades
        atelier plan biggan --set batchSize=128 --threads 2 --json
      """)

  @Argument(help: "The system's name; `atelier systems` lists them.")
  var system: String

  @Option(help: "The data: a folder, a table, or a text file; default: random batches.", completion: .file())
  var data: String?

  @OptionGroup var choices: ConfigurationChoices
  @OptionGroup(title: "Images") var images: GivenImages
  @OptionGroup(title: "Computing") var machine: MachineOptions

  @Option(help: "float32 or bfloat16.")
  var precision = TrainingPrecision.float32

  @Option(help: "About how many seconds steps are made at each batch size.")
  var seconds = 6.0

  @Option(help: "Newest checkpoints that a run keeps.")
  var keepLast = 2

  @Flag(help: "Print a JSON document.")
  var json = false

  @Option(help: .hidden)
  var probe: Int?

  func validate() throws {
    guard seconds > 0, seconds.isFinite else { throw ValidationError("--seconds must be above 0.") }
    guard keepLast > 0 else { throw ValidationError("--keep-last must be at least 1.") }
    if let probe, probe < 1 { throw ValidationError("--probe must be at least 1.") }
  }

  func run() throws {
    let type = try AtelierTool.systems.system(named: system)
    try plan(type)
  }

  private func plan<System: GenerativeSystem>(_ type: System.Type) throws {
    var values = try presetNamed(choices.preset, of: System.Configuration.self).configuration
    values = try choices.changed(values)
    values = System.adapted(values, to: .standard).configuration
    try values.validate()
    let options = try trainingOptions()
    let place = data.map { URL(fileURLWithPath: $0) }
    if let probe {
      do {
        let measured = try TrainingProbe.run(
          type, try values.values(), batchSize: probe, data: place,
          artefacts: try images.artefacts(for: values.plan, of: System.identity.name),
          binding: DataBindingOptions(device: options.device), options: options, seconds: seconds)
        return try printJSON(measured)
      } catch let error as DatasetError where place == nil {
        // What it stands on beside weights is made from data, such as a table of tags.
        throw Refusal.usage(
          "\(System.identity.name) cannot be planned without data, name them with --data: \(error.description)"
        )
      }
    }
    if place == nil, !values.plan.components(InstancePlan.self).isEmpty {
      throw Refusal.usage("\(System.identity.name) learns from instances of its data; name them with --data")
    }
    let probes = try TrainingForecast.batchSizes(for: values.batchSize).map { size in
      if !json { standardError("a few steps at batch \(size)\n") }
      return try measure(size)
    }
    let forecast = try TrainingForecast(
      batchSize: values.batchSize, probes: probes,
      availableMemory: options.device.kind == .cpu ? TrainingForecast.memoryOfThisMachine : nil)
    if json {
      try printJSON(
        Document(
          system: System.identity.name, preset: choices.preset, forecast: forecast, keepLast: keepLast,
          checkpointsOnDisk: forecast.checkpoints(keeping: keepLast)))
    } else {
      show(System.identity.name, forecast)
    }
  }

  private func trainingOptions() throws -> TrainingOptions {
    let device = try MachineOptions.device(machine.device) ?? .cpu
    let options = TrainingOptions(steps: 1, device: device, precision: precision, threads: machine.threads)
    try options.validate()
    return options
  }

  /// One batch size, measured by this program in a process of its own.
  private func measure(_ size: Int) throws -> TrainingProbe {
    guard let program = Bundle.main.executableURL else {
      throw Refusal(
        description: "this program does not know where it lies, and cannot start itself", code: 70)
    }
    let process = Process()
    process.executableURL = program
    process.arguments =
      CommandLine.arguments.dropFirst().filter { $0 != "--json" } + ["--probe", String(size)]
    let (output, errors) = (Pipe(), Pipe())
    (process.standardOutput, process.standardError) = (output, errors)
    try process.run()
    let document = output.fileHandleForReading.readDataToEndOfFile()
    let complaint = errors.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    let words =
      String(decoding: complaint, as: UTF8.self).split(separator: "\n").last.map(String.init) ?? ""
    guard process.terminationReason == .exit else {
      throw Refusal(
        description:
          "a step at batch \(size) was ended by signal \(process.terminationStatus)"
          + (words.isEmpty ? "" : " (\(words))")
          + ": memory may be too small; make networks, images or the batch smaller", code: 70)
    }
    guard process.terminationStatus == 0 else {
      let prefix = "atelier: "
      throw Refusal(
        description: words.hasPrefix(prefix) ? String(words.dropFirst(prefix.count)) : words,
        code: process.terminationStatus)
    }
    return try JSONDecoder().decode(TrainingProbe.self, from: document)
  }

  private func show(_ name: String, _ forecast: TrainingForecast) {
    let (small, large) = (forecast.probes[0], forecast.probes[1])
    let total = large.parameters.reduce(0) { $0 + $1.count }
    let parts = large.parameters.map { "\($0.name) \(Self.grouped($0.count))" }.joined(separator: ", ")
    func measured(_ probe: TrainingProbe) -> (String, String) {
      (
        "batch \(probe.batchSize)",
        "\(Self.time(probe.secondsAStep)) a step, peak \(Self.bytes(probe.peakMemory)) (\(probe.steps) steps)"
      )
    }
    let device = machine.device ?? "cpu"
    let preset = choices.preset.map { ", preset \($0)" } ?? ""
    print(
      "\(name)\(preset), batch \(forecast.batchSize), \(device), \(precision.rawValue)"
    )
    print("\nWeights and running statistics  \(Self.grouped(total)): \(parts)")
    print("\nMeasured, \(data ?? "on random batches")\n" + columns([measured(small), measured(large)]))
    let way = forecast.isMeasured ? "measured above" : "a straight line through both"
    var rows = [
      ("seconds a step", Self.time(forecast.secondsAStep)),
      ("peak memory", Self.bytes(forecast.peakMemory)),
      (
        "of it for the batch",
        "\(Self.bytes(forecast.memoryAnExample * forecast.batchSize)), "
          + "\(Self.bytes(forecast.memoryAnExample)) an example"
      ),
      ("weights, averages, moments", Self.bytes(large.stateBytes)),
    ]
    print("\nAt batch \(forecast.batchSize) (\(way))\n" + columns(rows))
    rows = [
      ("a checkpoint", "\(Self.bytes(forecast.checkpointBytes)) (measured)"),
      (
        "a run that keeps \(keepLast)",
        "\(Self.bytes(forecast.checkpoints(keeping: keepLast))), with the one that is being written"
      ),
    ]
    print("\nDisk\n" + columns(rows))
    guard let available = forecast.availableMemory else {
      print("\nHow much memory \(device) has is not known.")
      return
    }
    let largest =
      forecast.largestBatch.map {
        $0 > 0 ? "batches up to \(Self.grouped($0)) fit (extrapolated)" : "not even one example fits"
      }
      ?? "batches of any size fit: the memory did not grow with the batch"
    print("\nOf \(Self.bytes(available)) that are available now nine tenths are counted on: \(largest).")
  }

  private static func time(_ seconds: Double) -> String {
    seconds >= 1 ? String(format: "%.2f s", seconds) : String(format: "%.1f ms", seconds * 1000)
  }

  private static func bytes(_ count: Int) -> String {
    let mebibytes = Double(count) / 1_048_576
    return mebibytes >= 1024
      ? String(format: "%.2f GiB", mebibytes / 1024)
      : String(format: mebibytes >= 10 ? "%.0f MiB" : "%.2f MiB", mebibytes)
  }

  private static func grouped(_ count: Int) -> String {
    var text = String(count)
    var place = text.count - 3
    while place > 0 {
      text.insert(",", at: text.index(text.startIndex, offsetBy: place))
      place -= 3
    }
    return text
  }

  private struct Document: Encodable {
    let system: String
    let preset: String?
    let forecast: TrainingForecast
    let keepLast: Int
    let checkpointsOnDisk: Int
  }
}
