import ArgumentParser
import Atelier

/// Threads of one operation: a count, or as many as is fastest beside what else runs.
enum ThreadOption: ExpressibleByArgument, Equatable {
  case count(Int)
  case adapting

  init?(argument: String) {
    if argument == "auto" {
      self = .adapting
    } else if let count = Int(argument) {
      self = .count(count)
    } else {
      return nil
    }
  }

  var defaultValueDescription: String {
    switch self {
    case .count(let count): "\(count)"
    case .adapting: "auto"
    }
  }

  func apply(to options: inout TrainingOptions) {
    switch self {
    case .count(let count): (options.threads, options.adaptsThreads) = (count, nil)
    case .adapting: (options.threads, options.adaptsThreads) = (nil, true)
    }
  }
}

/// Where and with how many threads a verb computes: the same options for every one that does.
struct MachineOptions: ParsableArguments {
  @Option(help: "cpu, cuda, cuda:1 or mps (default: cpu).")
  var device: String?

  @Option(help: "Threads of one operation (default: one for each core).")
  var threads: Int?

  /// Sets the threads, and gives the device.
  ///
  /// - Parameter watches: whether threads sleep soon where they wait while other programs use the processors; false where
  ///   a training decides that.
  /// - Throws: ``Refusal`` or `TrainingError` that names the option, for what is no device or is not there, and for
  ///   counts that no machine has.
  func applied(watches: Bool = true) throws -> Device {
    let device = try Self.device(device)
    try device?.requireAvailable()
    if let threads {
      try TrainingOptions.validate(threads: threads)
      Engine.threadCount = threads
    }
    if watches { WaitingWatch.begin() }
    return device ?? .cpu
  }

  /// The device of a name; nil where none is given.
  static func device(_ name: String?) throws -> Device? {
    guard let name else { return nil }
    guard let device = Device(parsing: name) else {
      throw Refusal.usage("there is no device '\(name)'; there are cpu, cuda, cuda:N and mps")
    }
    return device
  }
}
