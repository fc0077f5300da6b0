public import AtelierCore
public import AtelierData
public import AtelierGeneration
public import AtelierMetrics
public import Foundation
import Torch

/// All that is recorded of a run, read from its files: what its report, its page and its card say.
///
/// As JSON it is `report.json`; `Documentation/runs.md` explains the keys.
public struct RunFacts: Sendable, Hashable, Encodable {
  /// How far training came.
  public struct Training: Sendable, Hashable, Encodable {
    /// Steps done.
    public var steps: Int
    /// Passes over the data.
    public var passes: Double
    /// Seconds of training, over all resumptions.
    public var seconds: Double
    /// The most bytes of memory held.
    public var peakMemory: Int
    /// How often an earlier state was put back.
    public var rollbacks: Int
    /// The newest sound checkpoint, relative to the run's folder.
    public var checkpoint: String
    /// Parameters of the networks that are trained; nil where the checkpoint does not tell.
    public var parameters: Int?
  }

  /// A class and how many examples it has.
  public struct ClassCount: Sendable, Hashable, Encodable {
    /// Its number.
    public var label: Int
    /// Its name.
    public var name: String
    /// Training examples.
    public var examples: Int
  }

  /// What was learned from.
  public struct Data: Sendable, Hashable, Encodable {
    /// The name of the folder or file.
    public var name: String
    /// How it is laid out.
    public var layout: String
    /// Training examples.
    public var examples: Int
    /// `[channels, height, width]` of the images as they are trained on.
    public var imageShape: [Int]?
    /// SHA-256 over names, sizes and contents.
    public var fingerprint: String
    /// What is to be known about the data and the weights, a sentence each.
    public var notes: [String]
    /// Who agreed to being learned; nil where nobody was asked for.
    public var consent: ConsentRecord?
    /// The classes; empty where there are none.
    public var classes: [ClassCount]
  }

  /// Where it was trained.
  public struct Machine: Sendable, Hashable, Encodable {
    /// The processor and its cores; of the machine that writes the report.
    public var processor: String
    /// The instruction set that kernels were chosen for.
    public var instructionSet: String
    /// Threads of one operation.
    public var threads: Int
    /// The device.
    public var device: String
    /// The type of products and convolutions.
    public var precision: String
    /// The version of libtorch.
    public var libtorch: String
    /// The version of Atelier.
    public var atelier: String
    /// The operating system; of the machine that writes the report.
    public var system: String
  }

  /// The version of these keys.
  public var format = 1
  /// The run's name.
  public var name: String
  /// The system.
  public var system: String
  /// The preset it started from.
  public var preset: String?
  /// How far training came; nil before the first checkpoint.
  public var training: Training?
  /// What was learned from; nil before the first checkpoint.
  public var data: Data?
  /// Where it was trained; nil before the first checkpoint.
  public var machine: Machine?
  /// What training began with; nil: initial weights.
  public var transfer: TransferRecord?
  /// What was measured on the way; nil: nothing was.
  public var validation: ValidationState?
  /// What was measured afterwards.
  public var numbers: [MeasuredNumber]
  /// The files of the newest samples, relative to the run's folder.
  public var samples: [String]
  /// How it is trained, by the keys of `configuration.yaml`.
  public var options: [String: ConfigurationValue]
  /// The system's configuration, every key.
  public var configuration: [String: ConfigurationValue]

  /// Reads what is recorded of a run.
  ///
  /// - Throws: ``TrainingError`` for a run that cannot be read.
  public init(_ run: RunDirectory) throws {
    let written = try RunConfiguration.read(run.configuration)
    name = run.name
    system = written.system
    preset = written.preset
    options = try configurationTable(written.options)
    options["device"] = .string(written.options.device.description)
    configuration = written.configuration
    transfer = try TransferRecord.read(run)
    numbers = try Report(run).numbers
    samples = Self.newestSamples(of: run)
    guard let checkpoint = CheckpointStore(run.checkpoints).newestSound().checkpoint else { return }
    let state = checkpoint.state
    let file = checkpoint.url.appendingPathComponent(CheckpointStore.modelName)
    let description = try ModelFile.describe(file).data
    training = Training(
      steps: state.step, passes: state.epoch, seconds: state.seconds, peakMemory: state.peakMemory,
      rollbacks: state.rollbacks, checkpoint: "checkpoints/\(checkpoint.url.lastPathComponent)",
      parameters: try Self.parameters(in: file))
    data = Data(
      name: description.name, layout: description.layout.rawValue, examples: description.count,
      imageShape: description.imageShape, fingerprint: description.fingerprint, notes: description.notes,
      consent: description.consent,
      classes: description.labelHistogram.enumerated().map { label, count in
        let names = description.classNames
        return ClassCount(
          label: label, name: names.indices.contains(label) ? names[label] : String(label), examples: count)
      })
    let surroundings = state.surroundings
    machine = Machine(
      processor: Self.processorName, instructionSet: surroundings.cpuCapability,
      threads: surroundings.threads, device: surroundings.device.description,
      precision: surroundings.precision.rawValue, libtorch: surroundings.engineVersion,
      atelier: surroundings.packageVersion, system: ProcessInfo.processInfo.operatingSystemVersionString)
    validation = state.validation
  }

  /// The elements of all weights and running statistics of the networks.
  private static func parameters(in model: URL) throws -> Int {
    try Safetensors.header(of: model).entries.filter {
      $0.name.hasPrefix("network/") && $0.dtype.isFloatingPoint
    }
    .reduce(0) { $0 + $1.shape.reduce(1, *) }
  }

  private static func newestSamples(of run: RunDirectory) -> [String] {
    let names = ((try? FileManager.default.contentsOfDirectory(atPath: run.samples.path)) ?? []).sorted()
    let steps = names.filter { $0.hasPrefix("step-") }
    guard let newest = steps.compactMap(stepNumber).max() else { return [] }
    let prefix = RunDirectory.stepName(newest)
    return steps.filter { $0.hasPrefix(prefix) }.map { "samples/\($0)" }
  }

  /// The step that a sample's name speaks of.
  static func stepNumber(_ name: String) -> Int? {
    RunDirectory.step(
      ofName: String(name.prefix { $0 != "." }.prefix(5)) + name.dropFirst(5).prefix { $0.isNumber })
  }

  private static var processorName: String {
    let cores = "\(ProcessInfo.processInfo.activeProcessorCount) cores"
    return Processor.name.map { "\($0), \(cores)" } ?? cores
  }

  /// The facts as JSON with sorted keys; not-a-number and infinities are the strings `nan`, `inf` and `-inf`.
  public func json() throws -> Foundation.Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return try encoder.encode(self) + Foundation.Data("\n".utf8)
  }
}

extension MeasuredNumber {
  /// The value with its interval: `0.8120 (0.7900 … 0.8300)`.
  public var withInterval: String {
    short(value) + (interval.map { " (\(short($0.lower)) … \(short($0.upper)))" } ?? "")
  }

  /// What the number stands beside: real data against real data, and baselines.
  public var comparisons: [String] {
    (realAgainstReal.map { ["real \(short($0))"] } ?? [])
      + (baselines ?? []).map { "\($0.name) \(short($0.value))" }
  }
}
