public import AtelierCore
public import AtelierGeneration
import Foundation
public import Torch

/// How a system is trained, apart from what its own configuration says.
///
/// Property names are the keys of a run's `configuration.yaml`.
public struct TrainingOptions: Sendable, Hashable, Codable {
  /// Steps after which training ends; nil: another limit decides.
  public var steps: Int?
  /// Passes over the data after which training ends.
  public var epochs: Double?
  /// Seconds of training, over all resumptions, after which it ends.
  public var seconds: Double?
  /// What every random number of the run follows from; 0 and up.
  public var seed: Int
  /// Where networks run.
  public var device: Device
  /// The type of products and convolutions.
  public var precision: TrainingPrecision
  /// Threads of one operation on the processor; nil: what the engine chooses.
  public var threads: Int?
  /// Whether fewer threads are used while other programs use the processors; the last bits of weights then depend on
  /// what else ran, and resumption is not exact. nil: no.
  public var adaptsThreads: Bool?
  /// Steps between checkpoints; one more is written at the start and one at the end.
  public var checkpointEvery: Int
  /// How many of the newest checkpoints are kept.
  public var keepLast: Int
  /// Checkpoints of steps that this divides are kept for ever; nil: none.
  public var keepEvery: Int?
  /// Steps between previews.
  public var previewEvery: Int
  /// Rows of the grid of samples.
  public var previewRows: Int
  /// Steps between lines of the event log.
  public var logEvery: Int
  /// The largest global gradient norm where the system does not say otherwise; nil: no limit.
  public var gradientClip: Double?
  /// Batches whose gradients are added up before networks are updated, as ``AtelierCore/TrainingStep`` does it; nil: one.
  public var accumulate: Int?
  /// When the updates of a step are made whose gradients are added up.
  public var accumulationOrder: AccumulationOrder
  /// What happens when training goes wrong.
  public var health: HealthPolicy
  /// How many of the discriminators' lowest layers keep the weights that training began with; nil: none.
  public var freezeDiscriminator: Int?
  /// What is measured on the way; nil: nothing.
  public var validation: ValidationPolicy?

  /// More threads than any machine has processors for; the engine makes each of them.
  private static let mostThreads = 1024

  /// The usual settings.
  public init(
    steps: Int? = nil, epochs: Double? = nil, seconds: Double? = nil, seed: Int = 0, device: Device = .cpu,
    precision: TrainingPrecision = .float32, threads: Int? = nil, adaptsThreads: Bool? = nil,
    checkpointEvery: Int = 500, keepLast: Int = 2, keepEvery: Int? = nil, previewEvery: Int = 500,
    previewRows: Int = 8, logEvery: Int = 50, gradientClip: Double? = nil, accumulate: Int? = nil,
    accumulationOrder: AccumulationOrder = .eachUpdate, health: HealthPolicy = HealthPolicy(),
    freezeDiscriminator: Int? = nil, validation: ValidationPolicy? = nil
  ) {
    self.steps = steps
    self.epochs = epochs
    self.seconds = seconds
    self.seed = seed
    self.device = device
    self.precision = precision
    self.threads = threads
    self.adaptsThreads = adaptsThreads
    self.checkpointEvery = checkpointEvery
    self.keepLast = keepLast
    self.keepEvery = keepEvery
    self.previewEvery = previewEvery
    self.previewRows = previewRows
    self.logEvery = logEvery
    self.gradientClip = gradientClip
    self.accumulate = accumulate
    self.accumulationOrder = accumulationOrder
    self.health = health
    self.freezeDiscriminator = freezeDiscriminator
    self.validation = validation
  }

  /// Refuses a number of threads that no machine has.
  public static func validate(threads: Int) throws(TrainingError) {
    guard (1...mostThreads).contains(threads) else {
      throw .invalid(reason: "threads is \(threads), and must be 1 to \(mostThreads)")
    }
  }

  /// Refuses settings that cannot work, naming the option.
  public func validate() throws(TrainingError) {
    func positive(_ name: String, _ value: Int?) throws(TrainingError) {
      if let value, value < 1 { throw .invalid(reason: "\(name) is \(value), and must be at least 1") }
    }
    if let steps, steps < 0 { throw .invalid(reason: "steps is \(steps), and must not be negative") }
    if let epochs, !(epochs > 0) { throw .invalid(reason: "epochs is \(epochs), and must be above 0") }
    if let seconds, !(seconds > 0) { throw .invalid(reason: "seconds is \(seconds), and must be above 0") }
    if seed < 0 { throw .invalid(reason: "seed is \(seed), and must not be negative") }
    if let threads { try Self.validate(threads: threads) }
    try positive("checkpointEvery", checkpointEvery)
    try positive("keepLast", keepLast)
    try positive("keepEvery", keepEvery)
    try positive("previewEvery", previewEvery)
    try positive("previewRows", previewRows)
    try positive("logEvery", logEvery)
    try positive("accumulate", accumulate)
    if let gradientClip, !(gradientClip > 0) {
      throw .invalid(reason: "gradientClip is \(gradientClip), and must be above 0")
    }
    try positive("freezeDiscriminator", freezeDiscriminator)
    try validation?.validate()
    try device.requireAvailable()
  }
}

/// The type that products and convolutions are computed in; weights, moments and losses stay float32.
public enum TrainingPrecision: String, Sendable, Hashable, Codable, CaseIterable {
  /// 32 bits, and exactly repeatable on a processor.
  case float32
  /// 16 bits with float32's range.
  case bfloat16

  /// What `TrainingStep` takes.
  var autocast: DType? { self == .bfloat16 ? .bfloat16 : nil }
}

/// A value with stored properties as a table in which nil is written out.
func configurationTable(_ value: some Encodable) throws(TrainingError) -> [String: ConfigurationValue] {
  do {
    let data = try JSONEncoder().encode(value)
    var table = try JSONDecoder().decode([String: ConfigurationValue].self, from: data)
    for child in Mirror(reflecting: value).children {
      if let key = child.label, table[key] == nil { table[key] = .null }
    }
    return table
  } catch {
    throw .invalid(reason: "settings cannot be written: \(error)")
  }
}
