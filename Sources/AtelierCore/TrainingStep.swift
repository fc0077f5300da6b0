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
  fileprivate let device: Device
  private let gradientClip: Double?
  fileprivate let processes: StepProcesses?
  /// Where gradients go while a step is made in parts.
  private var accumulation: GradientAccumulation?

  /// What was logged, in order; tensors keep no history.
  public private(set) var logged: [(name: String, value: Tensor)] = []
  /// The global gradient norm of each update so far, by name; where nothing is clipped only if
  /// ``isObserved``.
  public private(set) var gradientNorms: [(name: String, value: Tensor)] = []

  /// A step over a source of batches.
  ///
  /// - Parameters:
  ///   - precision: `.bfloat16` to run products and convolutions in 16 bits; nil for float32.
  ///   - gradientClip: the largest global gradient norm where a system does not say otherwise.
  ///   - processes: the processes that make the step together; nil: this one alone.
  public init(
    index: Int, epoch: Double = 0, stage: String = "training", draws: any Draws, source: any BatchSource,
    isObserved: Bool = true, precision: DType? = nil, device: Device = .cpu, gradientClip: Double? = nil,
    processes: StepProcesses? = nil
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
    self.processes = processes
  }

  /// Runs a system's step with this step's draws as the ambient ones, its precision and its processes.
  public func run(_ body: (TrainingStep) throws -> Void) throws {
    try withDraws(draws) {
      try withProcesses(
        processes?.group, weight: { [processes] in processes?.weight ?? 1 },
        isDivided: { [processes] in processes?.part()?.isDivided ?? true }
      ) {
        try withAutocast(precision, on: device) { try body(self) }
      }
    }
  }

  /// Runs a system's step several times side by side, each on batches of its own, and makes each of its updates once,
  /// with the mean of all parts' gradients: a batch that does not fit into memory, in parts. No part goes on behind an
  /// update before it is made, so that all see the weights that one large batch would see; what a part keeps between
  /// two updates takes memory as often as there are parts. What is logged under one name several times is a mean for
  /// whoever reads it.
  ///
  /// - Parameter order: when updates are made.
  /// - Throws: ``ConfigurationError`` for an update whose gradients cannot be added up.
  public func run(
    parts: Int, order: AccumulationOrder = .eachUpdate, _ body: (TrainingStep) throws -> Void
  ) throws {
    guard parts > 1 else { return try run(body) }
    let accumulation = GradientAccumulation(parts: parts, order)
    self.accumulation = accumulation
    defer { self.accumulation = nil }
    // The scopes of a step are around all parts: they belong to the thread, and parts take turns on it.
    try run { step in
      try accumulation.run(step: index) {
        try body(step)
      } prepare: { update in
        try processes?.averageGradients(of: update.optimizer.parameters)
        noteGradients(update.name, update.optimizer, update.clip)
        // Behind the gradients, before new weights are read.
        if precision != nil { forgetCastWeights() }
      }
    }
  }

  /// Which of the parts that the step is made in is computed now, from 0.
  public var accumulatedPart: Int { accumulation?.part ?? 0 }

  /// Whether the step is made in several parts, so that what is kept between two updates is kept for all of them.
  /// Systems then compute a long history again rather than keep it.
  public var isAccumulating: Bool { accumulation != nil }

  /// How many of so many examples of a batch are this process's: all, where it trains alone.
  public func share(of examples: Int) -> Int { examples / (processes?.group.count ?? 1) }

  /// Which part of the batch that was served last this process has; nil: all of it.
  public var part: BatchPart? { processes?.part() }

  /// What a mean over this process's part of that batch counts for in the mean over all of it; 1 where parts are equal.
  public var partWeight: Double { processes?.weight ?? 1 }

  /// The next batch of training examples.
  public func batch() throws -> Batch { try source.next() }

  /// The one point where weights change: the terms that `body` adds to the loss are differentiated, the
  /// gradients averaged over the processes and clipped, the optimiser and then the moving average make one step.
  /// Gradients are gone afterwards, so that they take no memory beside what the next update needs.
  ///
  /// ```swift
  /// try step.update("generator", generatorOptimizer, freezing: [discriminator]) { loss in
  ///   let fake = generator(source)
  ///   loss.add("adversarial", objective.generator(discriminator(fake)))
  ///   loss.add("l1", meanAbsoluteError(fake, target), weight: 100)
  /// }
  /// ```
  ///
  /// - Parameters:
  ///   - name: what the update is called in logs, usually the network's name.
  ///   - frozen: modules whose parameters take no gradients meanwhile, such as the discriminator that a
  /// generator
  ///     is judged by; afterwards, also after an error, they are as they were.
  ///   - average: a moving average that follows the updated network.
  ///   - clip: the largest global gradient norm; nil leaves the trainer's setting.
  ///   - body: adds the terms of the loss; an optimiser such as L-BFGS runs it several times.
  /// - Returns: the terms of the first evaluation, without history.
  @discardableResult
  public func update(
    _ name: String, _ optimizer: Optimizer, freezing frozen: [Module] = [], average: MovingAverage? = nil,
    clip: Double? = nil, _ body: (inout Loss) throws -> Void
  ) throws -> Loss.Terms {
    try updated(name, optimizer, freezing: frozen, average: average, clip: clip, body).terms
  }

  /// ``update(_:_:freezing:average:clip:_:)`` whose `body` also hands out what it computed on the way, such
  /// as the generated images, of the first evaluation.
  public func update<Result>(
    _ name: String, _ optimizer: Optimizer, freezing frozen: [Module] = [], average: MovingAverage? = nil,
    clip: Double? = nil, _ body: (inout Loss) throws -> Result
  ) throws -> (terms: Loss.Terms, result: Result) {
    try updated(name, optimizer, freezing: frozen, average: average, clip: clip, body)
  }

  private func updated<Result>(
    _ name: String, _ optimizer: Optimizer, freezing frozen: [Module], average: MovingAverage?, clip: Double?,
    _ body: (inout Loss) throws -> Result
  ) throws -> (terms: Loss.Terms, result: Result) {
    if let accumulation {
      try accumulation.begin(name, optimizer)
      optimizer.zeroGradients()
      var loss = Loss(of: self)
      let result = try freezing(frozen) {
        let result = try body(&loss)
        loss.backward()
        return result
      }
      try accumulation.add(name, optimizer, average, clip)
      return (loss.terms, result)
    }
    return try freezing(frozen) { try updated(name, optimizer, average: average, clip: clip, body) }
  }

  /// Runs `body` while parameters of modules take no gradients. Only those that do are frozen, so that what was frozen
  /// before stays so.
  private func freezing<Result>(_ frozen: [Module], _ body: () throws -> Result) rethrows -> Result {
    let constants = frozen.flatMap { $0.parameters() }.filter(\.requiresGradient)
    for parameter in constants { parameter.requiresGradient = false }
    defer { for parameter in constants { parameter.requiresGradient = true } }
    return try body()
  }

  private func updated<Result>(
    _ name: String, _ optimizer: Optimizer, average: MovingAverage?, clip: Double?,
    _ body: (inout Loss) throws -> Result
  ) throws -> (terms: Loss.Terms, result: Result) {
    var first: (terms: Loss.Terms, result: Result)?
    try optimizer.step {
      optimizer.zeroGradients()
      var loss = Loss(of: self)
      let result = try body(&loss)
      if let processes {
        try processes.averageGradients(of: optimizer.parameters) { loss.backward() }
      } else {
        loss.backward()
      }
      noteGradients(name, optimizer, clip)
      if first == nil { first = (loss.terms, result) }
      // An optimiser that compares losses must find the same in all processes.
      guard optimizer is LBFGS else { return loss.terms.total }
      return withoutGradients { loss.terms.total.averagedOverProcesses() }
    }
    optimizer.zeroGradients()
    if precision != nil { forgetCastWeights() }
    average?.update(step: index)
    guard let first else { preconditionFailure("the optimiser did not evaluate the loss of '\(name)'") }
    return first
  }

  /// Clips the gradients and takes down their norm.
  private func noteGradients(_ name: String, _ optimizer: Optimizer, _ clip: Double?) {
    if let limit = clip ?? gradientClip {
      let norm = clipGradients(of: optimizer.parameters, toNorm: limit)
      gradientNorms.append((name, norm))
    } else if isObserved {
      gradientNorms.append((name, gradientNorm(of: optimizer.parameters)))
    }
  }

  /// Records a number under a name; the value is read only when the trainer writes its log.
  public func log(_ name: String, _ value: Tensor) { logged.append((name, value.detached())) }

  /// Records a number that is worth computing only when it will be read.
  public func observe(_ name: String, _ value: () -> Tensor) {
    if isObserved { logged.append((name, withoutGradients { value() }.detached())) }
  }
}

/// The loss of one update, to which a system adds its terms; see
/// ``TrainingStep/update(_:_:freezing:average:clip:_:)``.
public struct Loss {
  /// What the terms of a loss came to.
  public struct Terms {
    fileprivate var values: [String: Tensor] = [:]
    fileprivate var sum: Tensor?

    /// The sum of all terms, without history.
    public var total: Tensor { sum ?? Tensor(scalar: 0) }

    /// The term of a name as it was logged, without history; nil where none was added under it. Of several
    /// under one name the last.
    public subscript(name: String) -> Tensor? { values[name] }
  }

  private let step: TrainingStep
  private var pending: Tensor?
  /// The terms so far; their sum takes in what was differentiated.
  fileprivate private(set) var terms = Terms()

  fileprivate init(of step: TrainingStep) { self.step = step }

  /// The sum of the terms so far, without history.
  public var total: Tensor {
    guard let pending else { return terms.total }
    return terms.sum.map { $0 + pending.detached() } ?? pending.detached()
  }

  /// Adds a term, a scalar, and logs it under its name.
  ///
  /// - Parameter logsWeighted: whether the weighted term is logged; false: the value as it is given.
  public mutating func add(_ name: String, _ value: Tensor, weight: Double = 1, logsWeighted: Bool = true) {
    let term = weighted(value, weight)
    let logged = (logsWeighted ? term : value).detached()
    terms.values[name] = logged
    step.log(name, logged)
    include(term)
  }

  /// Adds a term, a scalar, that is not logged.
  public mutating func add(_ value: Tensor, weight: Double = 1) { include(weighted(value, weight)) }

  /// Differentiates what was added since the last call, and frees its history before the next terms are
  /// computed.
  ///
  /// The update differentiates what is left in the end, so that a loss that fits into memory as a whole needs
  /// no call.
  public mutating func backward() {
    guard let part = pending else { return }
    pending = nil
    // Backward passes run outside autocast: the recorded operations already know their types.
    let weight = step.processes?.weight ?? 1
    withoutAutocast(on: step.device) { (weight == 1 ? part : part * weight).backward() }
    terms.sum = terms.sum.map { $0 + part.detached() } ?? part.detached()
  }

  private func weighted(_ value: Tensor, _ weight: Double) -> Tensor { weight == 1 ? value : value * weight }

  private mutating func include(_ term: Tensor) { pending = pending.map { $0 + term } ?? term }
}
