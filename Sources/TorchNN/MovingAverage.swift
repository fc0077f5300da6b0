public import Torch

/// An exponential moving average of a network's weights, which mostly draws better than the weights.
///
/// average = decay · average + (1 - decay) · weights after every step; before `start` it follows the
/// weights. Whole numbers, such as batch counts, are copied unless said otherwise.
public final class MovingAverage {
  /// What becomes of buffers such as running statistics.
  public enum Buffers: Sendable, Hashable {
    /// They are averaged as weights are (BigGAN, OASIS).
    case averaged
    /// The average has its own, which stay as they were when it began (FUNIT).
    case kept
    /// It has none.
    case leftOut
  }

  /// What becomes of whole numbers, such as batch counts.
  public enum WholeNumbers: Sendable, Hashable {
    /// They are copied.
    case copied
    /// The average is computed and its fraction cut off, as PyTorch does where a product of floating-point
    /// numbers is written back to them (OASIS).
    case truncated
  }

  /// How much of the average is kept at a step.
  public let decay: Double
  /// The first step that is averaged; up to it the average is a copy.
  public let start: Int
  /// What becomes of buffers such as running statistics.
  public let buffers: Buffers
  /// What becomes of whole numbers.
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

  /// Begins with a copy of the network's present weights.
  ///
  /// - Parameters:
  ///   - buffers: what becomes of them.
  public init(
    of module: Module, decay: Double, start: Int = 0, buffers: Buffers = .averaged,
    wholeNumbers: WholeNumbers = .copied
  ) {
    check((0...1).contains(decay), "the decay of a moving average lies in 0 … 1, not at \(decay)")
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

  /// Takes the weights after a step into the average.
  ///
  /// - Parameter step: how many steps were made before this one.
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

  /// Moves the averages to a device, where the network already is or goes too.
  public func to(_ device: Device) {
    for average in averages { average.move(to: device) }
  }

  /// The averages under the network's names, in the order of its state.
  public func state() -> [(name: String, tensor: HostTensor)] {
    zip(names, averages).map { ($0, $1.host()) }
  }

  /// Takes over a state, strictly: when anything does not match, nothing is changed.
  ///
  /// - Parameter source: what an error names, for example the file's path.
  public func load(
    _ tensors: [(name: String, tensor: HostTensor)], from source: String = "the moving average's state"
  ) throws(CheckpointError) {
    let expected = zip(names, averages).map { ($0, $1.shape, $1.dtype) }
    let values = try matched(tensors, to: expected, from: source)
    for (average, value) in zip(averages, values) { average.copy(from: Tensor(value)) }
  }

  /// Runs `body` with the averages in the network, and puts its own weights back exactly, whatever happens.
  /// Within another such call, and after ``adopt()``, they are there already.
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

  /// Puts the averages into the network for good: for one that draws and is not trained any more.
  public func adopt() {
    guard !isInNetwork else { return }
    for (source, average) in zip(sources, averages) { source.copy(from: average) }
    isInNetwork = true
  }

  /// Runs `body` with the averages in the network, takes the floating-point buffers that it leaves there into
  /// the average, and puts the network's own weights back.
  ///
  /// An average of weights has not the average of running statistics; passes in training mode collect them
  /// anew. Parameters are not to be changed by `body`.
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
