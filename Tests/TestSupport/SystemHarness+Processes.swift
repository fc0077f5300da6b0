import AtelierCore
public import AtelierData
import AtelierDistributed
public import AtelierGeneration
public import AtelierTraining
public import Foundation
import Perception
import Torch

extension SystemHarness {
  /// How far trainings in several processes lie from one in one process: with the same batches, each divided among
  /// the processes.
  public struct Deviation: Sendable {
    /// The largest absolute difference of a weight, a buffer or a moving average.
    public let largest: Double
    /// The tensor that it is found in.
    public let name: String
  }

  /// Trains in one process and in several, and compares what they have learned.
  ///
  /// - Parameter endings: ends of names that are left out: of what has no gradient but rounding, such as a bias before
  ///   batch normalisation with the running mean that follows it, which Adam turns into full steps.
  public func deviation(
    processes count: Int = 2, steps: Int = 20, leavingOut endings: [String] = []
  ) throws -> Deviation {
    let folder = try TemporaryFolder()
    let alone = try train(in: folder.url, options: Self.options(steps: steps))
    let together = try trainTogether(
      in: folder.url.appendingPathComponent("together"), processes: count, options: Self.options(steps: steps)
    )
    return try Self.deviation(of: together, from: alone, leavingOut: endings)
  }

  /// Trains in one process and in several, and compares gradients, states and weights.
  public func alikeness(processes count: Int = 2, steps: Int = 2) throws -> Alikeness {
    let folder = try TemporaryFolder()
    var options = Self.options(steps: steps)
    options.checkpointEvery = 1
    options.keepLast = steps
    let alone = try train(in: folder.url, options: options)
    let together = try trainTogether(
      in: folder.url.appendingPathComponent("together"), processes: count, options: options)
    return try Alikeness(of: together, from: alone)
  }

  /// Trains in several processes, each on a thread.
  ///
  /// - Parameters:
  ///   - run: the run's folder, new; or, where it is a run, the one to go on with.
  ///   - reshards: whether another number of processes may go on with it.
  public func trainTogether(
    in run: URL, processes count: Int = 2, options: TrainingOptions, reshards: Bool = false,
    reading: ReadingOptions = ReadingOptions(), measuring: (@Sendable () -> ValidationMeasuring)? = nil
  ) throws -> RunDirectory {
    let configuration = configuration
    let (system, data, artefacts) = (UncheckedType(system), data, artefacts)
    let directory = RunDirectory(url: run)
    let isBegun = FileManager.default.fileExists(atPath: directory.configuration.path)
    if !isBegun { _ = try RunDirectory.create(at: run) }
    Engine.threadCount = 1
    _ = try onProcesses(count) { group in
      let share = BatchShare(rank: group.rank, count: group.count)
      do {
        if isBegun {
          var binding = DataBindingOptions()
          binding.share = share
          try Training.resume(
            run, registry: SystemRegistry([system.type]), dataOptions: binding, weights: .drawn(),
            processes: group, reshards: reshards
          ) { $0.steps = options.steps }
        } else {
          var binding = DataBindingOptions()
          binding.seed = options.seed
          binding.reading = reading
          binding.share = share
          let opened = try DataBinding.open(
            data, for: system.type, configuration: configuration, artefacts: artefacts, options: binding)
          try Training.start(
            opened, in: directory, options: options, weights: .drawn(), measuring: measuring?(),
            consent: try Self.consent(for: opened), processes: group)
        }
      } catch {
        group.leave(because: "\(error)")
        throw error
      }
    }
    return directory
  }

  /// How far the newest weights of a run lie from those of another.
  public static func deviation(
    of run: RunDirectory, from other: RunDirectory, leavingOut endings: [String] = []
  ) throws -> Deviation {
    func tensors(_ run: RunDirectory) throws -> [String: HostTensor] {
      let store = CheckpointStore(run.checkpoints)
      let folder = store.url(step: store.steps.last ?? 0)
      let file = folder.appendingPathComponent(CheckpointStore.modelName)
      return Dictionary(try Safetensors.read(file).tensors.map { ($0.name, $0.tensor) }) { first, _ in first }
    }
    let (own, others) = (try tensors(run), try tensors(other))
    guard own.keys == others.keys else { return Deviation(largest: .infinity, name: "the names differ") }
    var largest = (difference: -1.0, name: "")
    for (name, tensor) in own where !endings.contains(where: name.hasSuffix) {
      guard let other = others[name] else { continue }
      let (a, b) = (Tensor(tensor).doubles(), Tensor(other).doubles())
      // NaN in either is a difference as well.
      let difference = zip(a, b).map { $0 == $1 ? 0 : abs($0 - $1) }
        .reduce(0) { $0 >= $1 ? $0 : $1.isNaN ? .infinity : $1 }
      if difference > largest.difference { largest = (difference, name) }
    }
    return Deviation(largest: largest.difference, name: largest.name)
  }
}

/// A metatype on its way to other threads.
private struct UncheckedType: @unchecked Sendable {
  // A metatype has no state.
  let type: any GenerativeSystem.Type
  init(_ type: any GenerativeSystem.Type) { self.type = type }
}
