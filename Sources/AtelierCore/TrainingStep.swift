public import Torch
public import TorchNN

/// One step of training as a system sees it: it pulls batches, draws, updates and logs through this.
///
/// The trainer makes one for every step; the conformance program makes one from recorded tensors and
/// runs the same code. Nothing here knows a loss or a network.
public final class TrainingStep {
  /// The number of the step, from 0.
  public let index: Int
  /// Passes over the data so far, as a fraction; schedules by epoch use it.
  public let epoch: Double
  /// The stage of the system's training that this step belongs to.
  public let stage: String
  /// Where random numbers come from, by name.
  public let draws: any Draws
  /// Whether this step's numbers will be read; costly observations are made only then.
  public let isObserved: Bool

  private let source: any BatchSource
  private let precision: DType?
  private let device: Device
  private let gradientClip: Double?

  /// What was logged, in order; tensors keep no history.
  public private(set) var logged: [(name: String, value: Tensor)] = []
  /// The global gradient norm of each update so far, by name; only where ``isObserved``.
  public private(set) var gradientNorms: [(name: String, value: Tensor)] = []

  /// A step over a source of batches.
  ///
  /// - Parameters:
  ///   - precision: `.bfloat16` to run products and convolutions in 16 bits; nil for float32.
  ///   - gradientClip: the largest global gradient norm where a system does not say otherwise.
  public init(
    index: Int, epoch: Double = 0, stage: String = "training", draws: any Draws, source: any BatchSource,
    isObserved: Bool = true, precision: DType? = nil, device: Device = .cpu, gradientClip: Double? = nil
  ) {
    self.index = index
    self.epoch = epoch
    self.stage = stage
    self.draws = draws
    self.source = source
    self.isObserved = isObserved
    self.precision = precision
    self.device = device
    self.gradientClip = gradientClip
  }

  /// Runs a system's step with this step's draws as the ambient ones and its precision.
  public func run(_ body: (TrainingStep) throws -> Void) throws {
    try withDraws(draws) { try withAutocast(precision, on: device) { try body(self) } }
  }

  /// The next batch of training examples.
  public func batch() throws -> Batch { try source.next() }

  /// The one point where weights change: the derivatives of every term added up, clipped, one step of the
  /// optimiser, then of the moving average. Gradients are gone afterwards, so that they take no memory beside
  /// what the next update needs.
  ///
  /// - Parameters:
  ///   - name: what the update is called in logs, usually the network's name.
  ///   - clip: the largest global gradient norm; nil leaves the trainer's setting.
  ///   - average: a moving average that follows the updated network.
  ///   - terms: losses, each computed and differentiated in turn, so that the history of one is gone
  ///     before the next is made; an optimiser such as L-BFGS evaluates them several times.
  /// - Returns: the sum of the terms at the first evaluation, without history.
  @discardableResult
  public func update(
    _ name: String, _ optimizer: Optimizer, clip: Double? = nil, average: MovingAverage? = nil,
    minimizing terms: (() throws -> Tensor)...
  ) throws -> Tensor {
    try update(name, optimizer, clip: clip, average: average, minimizingAll: terms)
  }

  /// ``update(_:_:clip:average:minimizing:)`` for as many terms as a configuration says, such as the parts of
  /// an accumulated gradient.
  @discardableResult
  public func update(
    _ name: String, _ optimizer: Optimizer, clip: Double? = nil, average: MovingAverage? = nil,
    minimizingAll terms: [() throws -> Tensor]
  ) throws -> Tensor {
    let total = try optimizer.step {
      optimizer.zeroGradients()
      var total: Tensor?
      for term in terms {
        let loss = try term()
        // Backward passes run outside autocast: the recorded operations already know their types.
        withoutAutocast(on: device) { loss.backward() }
        total = total.map { $0 + loss.detached() } ?? loss.detached()
      }
      if let limit = clip ?? gradientClip {
        let norm = clipGradients(of: optimizer.parameters, toNorm: limit)
        if isObserved { gradientNorms.append((name, norm)) }
      } else if isObserved {
        gradientNorms.append((name, gradientNorm(of: optimizer.parameters)))
      }
      return total ?? Tensor(scalar: 0)
    }
    optimizer.zeroGradients()
    average?.update(step: index)
    return total
  }

  /// Records a number under a name; the value is read only when the trainer writes its log.
  public func log(_ name: String, _ value: Tensor) { logged.append((name, value.detached())) }

  /// Records a number that is worth computing only when it will be read.
  public func observe(_ name: String, _ value: () -> Tensor) {
    if isObserved { logged.append((name, withoutGradients { value() }.detached())) }
  }
}
