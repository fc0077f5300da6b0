public import Torch

/// An exponential moving average (EMA) of a network's weights.
///
/// average = decay · average + (1 - decay) · weights after every step; before `start` it is a copy. Integers,
/// such as batch counts, are copied by default.
public final class MovingAverage {
  /// How buffers such as running statistics are handled.
  public enum Buffers: Sendable, Hashable {
    /// Averaged like weights (BigGAN, OASIS).
    case averaged
    /// Kept at their values when the average started (FUNIT).
    case kept
    /// Left out of the average.
    case leftOut
  }

  /// How integers such as batch counts are handled.
  public enum WholeNumbers: Sendable, Hashable {
    /// Copied.
    case copied
    /// Averaged and truncated, as PyTorch does when it writes a floating-point result into an integer tensor
    /// (OASIS).
    case truncated
  }

  /// The decay per step.
  public let decay: Double
  /// The first averaged step; before it the average is a copy.
  public let start: Int
  /// How buffers such as running statistics are handled.
  public let buffers: Buffers
  /// How integers are handled.
  public let wholeNumbers: WholeNumbers
  private let names: [String]
  private let sources: [Tensor]
  private let averages: [Tensor]
  /// The places of floating-point tensors, which are averaged in one call.
  private let averaged: (averages: [Tensor], sources: [Tensor])
  private let copied: [Int]
  /// The places of parameters.
  private let parameterPlaces: Set<Int>
  /// Whether the network holds the averages in place of its own weights.
  private var isInNetwork = false

  /// Starts with a copy of the network's current weights.
  ///
  /// - Parameters:
  ///   - buffers: what becomes of them.
  public init(
    of module: Module, decay: Double, start: Int = 0, buffers: Buffers = .averaged,
    wholeNumbers: WholeNumbers = .copied
  ) {
    check((0...1).contains(decay), "the decay of a moving average is in 0 … 1, not \(decay)")
    self.decay = decay
    self.start = start
    self.buffers = buffers
    self.wholeNumbers = wholeNumbers
    let parameterNames = Set(module.namedParameters().map(\.name))
    var seen = Set<ObjectIdentifier>()
    let chosen = module.state().filter {
      (buffers != .leftOut || parameterNames.contains($0.name))
        && seen.insert(ObjectIdentifier($0.tensor)).inserted
    }
    names = chosen.map(\.name)
    let parameterPlaces = Set(chosen.indices.filter { parameterNames.contains(chosen[$0].name) })
    self.parameterPlaces = parameterPlaces
    let sources = chosen.map(\.tensor)
    let averages = sources.map { source in withoutGradients { source.detached().cloned() } }
    self.sources = sources
    self.averages = averages
    let followed = sources.indices.filter { buffers != .kept || parameterPlaces.contains($0) }
    let places = followed.filter { sources[$0].dtype.isFloatingPoint }
    averaged = (places.map { averages[$0] }, places.map { sources[$0] })
    copied = followed.filter { !sources[$0].dtype.isFloatingPoint }
  }

  /// Updates the average after a step.
  ///
  /// - Parameter step: the number of steps before this one.
  public func update(step: Int) {
    guard step >= start else {
      for (average, source) in zip(averaged.averages, averaged.sources) { average.copy(from: source) }
      for index in copied { averages[index].copy(from: sources[index]) }
      return
    }
    FusedUpdates.lerp(averaged.averages, to: averaged.sources, weight: 1 - decay)
    for index in copied {
      switch wholeNumbers {
      case .copied: averages[index].copy(from: sources[index])
      case .truncated:
        let (old, new) = (averages[index].asType(.float32), sources[index].asType(.float32))
        averages[index].copy(from: (old * decay + new * (1 - decay)).floor())
      }
    }
  }

  /// Moves the averages to a device; the network must be moved as well.
  public func to(_ device: Device) {
    for average in averages { average.move(to: device) }
  }

  /// The averages under the network's names, in the order of its state.
  public func state() -> [(name: String, tensor: HostTensor)] {
    zip(names, averages).map { ($0, $1.host()) }
  }

  /// Loads a state; throws, without changing anything, unless every name and shape matches.
  ///
  /// - Parameter source: the source named in errors, for example the file's path.
  public func load(
    _ tensors: [(name: String, tensor: HostTensor)], from source: String = "the moving average's state"
  ) throws(CheckpointError) {
    let expected = zip(names, averages).map { ($0, $1.shape, $1.dtype) }
    let values = try matched(tensors, to: expected, from: source)
    for (average, value) in zip(averages, values) { average.copy(from: Tensor(value)) }
  }

  /// Runs `body` with the averaged weights in the network, and restores its own weights exactly, also after
  /// an error. Within another such call, and after ``adopt()``, the averaged weights are there already.
  public func applied<Result>(_ body: () throws -> Result) rethrows -> Result {
    guard !isInNetwork else { return try body() }
    isInNetwork = true
    let own = sources.map { source in withoutGradients { source.detached().cloned() } }
    for (source, average) in zip(sources, averages) { source.copy(from: average) }
    defer {
      for (source, value) in zip(sources, own) { source.copy(from: value) }
      isInNetwork = false
    }
    return try body()
  }

  /// Puts the averaged weights into the network for good: for one that draws and is not trained any more.
  public func adopt() {
    guard !isInNetwork else { return }
    for (source, average) in zip(sources, averages) { source.copy(from: average) }
    isInNetwork = true
  }

  /// Runs `body` with the averaged weights in the network, copies its floating-point buffers into the
  /// average, and restores the network's own weights.
  ///
  /// Averaged weights need their own running statistics, which passes in training mode collect. `body` must
  /// not change parameters.
  public func recollectingBuffers(_ body: () throws -> Void) rethrows {
    try applied {
      try body()
      for index in sources.indices where !parameterPlaces.contains(index) {
        guard sources[index].dtype.isFloatingPoint else { continue }
        averages[index].copy(from: sources[index])
      }
    }
  }
}
