public import AtelierCore
import AtelierData
import Torch
import TorchNN

extension Vid2Vid {
  /// A whole video of the request's maps or poses, one frame each.
  public func generate(_ request: Request, emit: (Output) throws -> Void) throws {
    let clips = try request.required(configuration.source)
    let instances = request.tensor(Videos.instance).map { [Videos.instance: $0] } ?? [:]
    try emit(
      Output(
        "frames",
        frames(following: clips, beside: instances, first: request.tensor("first"), draws: request.draws)))
  }

  /// Begins a video, with its first frame where the request has one.
  public func begin(_ request: Request) throws -> any DrawingSession {
    Session(self, first: request.tensor("first"))
  }

  /// Runs `body` with the generator as its authors test it, which is with the statistics of what it is given.
  private func testing<Result>(_ body: () throws -> Result) rethrows -> Result {
    func nested(_ rest: ArraySlice<CompositeGenerator>) throws -> Result {
      guard let first = rest.first else { return try body() }
      return try AtelierModels.testing(first, dropout: false, batchStatistics: true) {
        try nested(rest.dropFirst())
      }
    }
    return try nested(generator.scales[...])
  }

  /// A video so far: the last maps and frames, which the next frame depends on.
  private final class Session: DrawingSession {
    private let system: Vid2Vid
    private var first: Tensor?
    /// Semantic frames `[batch, channels, height, width]`, oldest first; none before the first frame.
    private var maps: [Tensor] = []
    /// The frames before as a pyramid.
    private var past: [Tensor] = []

    init(_ system: Vid2Vid, first: Tensor?) { (self.system, self.first) = (system, first) }

    func advance(_ conditions: [String: ConditionValue]) throws -> Output {
      let (configuration, generator) = (system.configuration, system.generator)
      let name = configuration.source
      guard case .tensor(let given)? = conditions[name] else {
        throw ConfigurationError("the condition '\(name)' is missing, or is no tensor")
      }
      var instances: Tensor?
      if case .tensor(let ids)? = conditions[Videos.instance] { instances = ids }
      let map = try system.channels(of: given, instances)
      let before = configuration.framesPerInput - 1
      let isFirst = maps.isEmpty
      if let known = maps.first, known.shape != map.shape {
        throw ConfigurationError(
          "the condition '\(name)' is \(map.shape[3]) × \(map.shape[2]), and the frames before are "
            + "\(known.shape[3]) × \(known.shape[2])")
      }
      if isFirst {
        // What came before the first frame looks like it.
        maps = [Tensor](repeating: map, count: before)
        let shape = [map.shape[0], before, 3, map.shape[2], map.shape[3]]
        if let first {
          guard first.shape == [shape[0], 3, shape[3], shape[4]] else {
            throw ConfigurationError(
              "the first frame is \(first.shape[3]) × \(first.shape[2]) and its map \(shape[4]) × \(shape[3]); they have to "
                + "show the same")
          }
          past = generator.pyramid(first.unsqueezed(1).expanded(shape))
          return Output("frame", first)
        }
        past = generator.pyramid(.zeros(shape, device: map.device))
      }
      maps.append(map)
      let window = Tensor.stacked(maps, dim: 1)
      maps.removeFirst()
      let made = system.testing {
        generator.clip(window, past: &past, rawOnly: isFirst && configuration.firstFrame == .zeros)
      }
      return Output("frame", made.frames.selected(dim: 1, index: 0).asType(.float32))
    }
  }

  /// A semantic frame `[batch, channels, height, width]` of what a request gives, after its size and classes were checked.
  private func channels(of given: Tensor, _ instances: Tensor?) throws(ConfigurationError) -> Tensor {
    let isMap = configuration.semantics == .oneHot
    let name = configuration.source
    if isMap {
      try MapChecks.labels(
        given, classes: configuration.semanticChannels, from: "the condition '\(name)'")
    }
    let multiple = configuration.sizeMultiple
    let (height, width) = (given.shape[given.rank - 2], given.shape[given.rank - 1])
    try Checks.require(
      height % multiple == 0 && width % multiple == 0 && min(height, width) >= 2 * multiple,
      "the condition '\(name)' is \(width) × \(height), and both sides are multiples of \(multiple), at least "
        + "\(2 * multiple)")
    if let instances {
      let (rows, columns) = (instances.shape[instances.rank - 2], instances.shape[instances.rank - 1])
      try Checks.require(
        rows == height && columns == width && instances.shape[0] == given.shape[0],
        "the condition '\(Videos.instance)' is \(columns) × \(rows), and '\(name)' is \(width) × \(height); they have to show "
          + "the same")
    }
    return semantics(given, instances)
  }
}
