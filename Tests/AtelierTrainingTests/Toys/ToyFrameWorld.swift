import Atelier
import Foundation

/// Recorded clips: folders with numbered frames and `actions.txt`, one action a frame: the action that follows
/// it. Below them stand `train` and `test`, beside them `actions.txt` with the actions' names.
struct RecordedClips: DataArrangement {
  static let names = "actions.json"
  let id = "recorded-clips"
  /// The fields.
  var start: String
  var frames: String
  var actions: String

  func survey(_ place: URL, _ opening: DataOpening, _ artefacts: inout Artefacts) throws -> DataPart {
    _ = try artefacts.value(Self.names) {
      let text = try String(contentsOf: place.appendingPathComponent("actions.txt"), encoding: .utf8)
      return text.split(separator: "\n").map(String.init)
    }
    return try open(place, .train, opening, artefacts)
  }

  func open(
    _ place: URL, _ split: DatasetSplit, _ opening: DataOpening, _ artefacts: Artefacts
  ) throws -> DataPart {
    let part = place.appendingPathComponent(split.rawValue)
    guard let clips = try? FileManager.default.contentsOfDirectory(atPath: part.path).sorted() else {
      throw DatasetError.missingSplit(path: place.path, split: split, reason: "there is no \(split.rawValue)")
    }
    let names = try artefacts.decode([String].self, Self.names)
    func field(_ name: String) throws -> FieldCodec {
      guard let field = opening.fields.first(where: { $0.name == name }) else {
        throw DatasetError.invalid(reason: "there is no field '\(name)'")
      }
      return FieldCodec(field.kind, names: FieldNames(classes: names))
    }
    let (video, labels) = (try field(frames), try field(actions))
    let examples = try clips.map { clip in
      let folder = part.appendingPathComponent(clip)
      guard case .tensor(let frames) = try video.read(folder, fit: .stretch),
        case .tensor(let actions) = try labels.read(folder.appendingPathComponent("actions.txt")),
        case .labels(_, let length) = labels.kind, actions.count == length, frames.shape[1] == length
      else {
        throw DatasetError.corruptFile(path: folder.path, reason: "it has not an action for each frame")
      }
      return (
        frames: HostTensor(shape: Array(frames.shape.dropFirst()), dtype: .float32, bytes: frames.bytes),
        actions: HostTensor(actions.integers())
      )
    }
    return .examples(
      RecordedClipDataset(
        examples: examples, fields: self,
        description: DatasetDescription(
          layout: .memory, name: place.lastPathComponent, split: split, count: examples.count,
          classNames: names, fingerprint: contentFingerprint(of: examples.flatMap { $0.frames.bytes }))))
  }

  func serves(_ part: DataPart, surveyedFor first: DataOpening, _ opening: DataOpening) -> Bool {
    first.fields == opening.fields
  }

  func refusal(of field: Field, _ description: DatasetDescription) -> String? { nil }
}

/// Clips in memory.
struct RecordedClipDataset: Dataset {
  let examples: [(frames: HostTensor, actions: HostTensor)]
  let fields: RecordedClips
  let description: DatasetDescription

  var count: Int { examples.count }
  let isInMemory = true

  func example(at index: Int) -> Example {
    let (frames, actions) = examples[index]
    let size = frames.bytes.count / frames.shape[0]
    let start = HostTensor(
      shape: Array(frames.shape.dropFirst()), dtype: .float32, bytes: Array(frames.bytes.prefix(size)))
    return Example([fields.start: start, fields.frames: frames, fields.actions: actions])
  }
}

/// The next frame from the present one and an action, over and over: a recurrent network whose state is all
/// that a session keeps.
final class ToyFrameWorld: StreamingSystem {
  struct Configuration: SystemConfiguration {
    var batchSize = 2
    var side = 4
    var frames = 5
    var actions = 2
    var hidden = 12

    static let presets = [Preset("small", "a toy", Configuration())]
    var plan: SystemPlan {
      let start = Field("start", .image(channels: 1, height: side, width: side, range: .signed))
      let frames = Field(
        "frames", .video(frames: frames, channels: 1, height: side, width: side, range: .signed))
      let first = Condition("start", .field(start.kind), isRequired: true, help: "the first frame")
      let action = Condition("action", .label(classes: self.actions), isRequired: true, help: "what is done")
      let actions = Field("actions", .labels(classes: self.actions, length: self.frames))
      return SystemPlan(
        stages: [
          Stage(
            data: DataPlan(
              [start, frames, actions],
              RecordedClips(start: "start", frames: "frames", actions: "actions")), batchSize: batchSize)
        ],
        conditions: [
          first,
          Condition("actions", .field(actions.kind), isRequired: true, help: "what is done after each frame"),
        ], outputs: [frames],
        abilities: [
          Streaming(beginning: [first], advancing: [action], output: Field("frame", start.kind))
        ])
    }
    func validate() throws(ConfigurationError) {}
  }

  private final class World: Module {
    let state: Recurrent
    let output: Linear

    init(_ configuration: Configuration, using stream: RandomStream) {
      let pixels = configuration.side * configuration.side
      state = Recurrent(
        cell: .gru, inputSize: pixels + configuration.actions, hiddenSize: configuration.hidden, using: stream
      )
      output = Linear(inputFeatures: configuration.hidden, outputFeatures: pixels, using: stream)
    }

    /// Frames `[time, batch, pixels]` that follow frames and actions `[time, batch]`, and the state after them.
    func callAsFunction(
      _ frames: Tensor, _ actions: Tensor, classes: Int, _ past: RecurrentState?
    ) -> (frames: Tensor, state: RecurrentState) {
      let (hidden, next) = state(.concatenated([frames, actions.oneHot(classes)], dim: 2), past)
      return (output(hidden).tanh(), next)
    }
  }

  static let identity = SystemIdentity(
    name: "toy-frame-world", summary: "a toy", paper: "none", reference: "none")
  let configuration: Configuration
  private let world: World
  private let optimizer: Adam

  init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
    self.configuration = configuration
    world = World(configuration, using: stream)
    optimizer = Adam(world, learningRate: 0.02)
  }

  static func adapted(_ configuration: Configuration, to data: DataFacts) throws -> Configuration {
    var adapted = configuration
    adapted.actions = try data.artefacts.decode([String].self, RecordedClips.names).count
    return adapted
  }

  var networks: [Network] {
    [
      Network("world", world) { [self] _, inputs in
        ["frames": frames(after: try inputs.required("start"), try inputs.required("actions"))]
      }
    ]
  }
  var optimizers: [(name: String, optimizer: Optimizer)] { [("world", optimizer)] }

  func step(_ step: TrainingStep) throws {
    let batch = try step.batch()
    let length = configuration.frames
    let frames = batch["frames"].reshaped([-1, length, configuration.side * configuration.side])
      .transposed(0, 1)
    let actions = batch["actions"].transposed(0, 1)
    try step.update("world", optimizer) { loss in
      let next = world(
        frames.slice(0, 0, length - 1), actions.slice(0, 0, length - 1), classes: configuration.actions, nil
      ).frames
      loss.add("total", (next - frames.slice(0, 1, length)).square().mean())
    }
  }

  /// The next frame `[batch, 1, side, side]`.
  private func advance(
    _ frame: Tensor, _ action: Tensor, _ state: RecurrentState?
  ) -> (frame: Tensor, state: RecurrentState) {
    let (next, state) = world(
      frame.reshaped([1, frame.shape[0], -1]), action.reshaped([1, -1]), classes: configuration.actions, state
    )
    return (next.reshaped(frame.shape), state)
  }

  /// `[batch, time, 1, side, side]`, beginning with the start; the last action leads beyond the end.
  private func frames(after start: Tensor, _ actions: Tensor) -> Tensor {
    var frames = [start]
    var state: RecurrentState?
    for time in 0..<(actions.shape[1] - 1) {
      let (next, after) = advance(frames[time], actions.selected(dim: 1, index: time), state)
      frames.append(next)
      state = after
    }
    return .stacked(frames, dim: 1)
  }

  func generate(_ request: Request, emit: (Output) throws -> Void) throws {
    let clips = try withoutGradients {
      frames(after: try request.required("start"), try request.required("actions"))
    }
    try emit(Output("frames", clips))
  }

  func begin(_ request: Request) throws -> any DrawingSession {
    Session(self, start: try request.required("start"))
  }

  /// What has been seen so far: the last frame and the network's state.
  private final class Session: DrawingSession {
    private let world: ToyFrameWorld
    private var frame: Tensor
    private var state: RecurrentState?

    init(_ world: ToyFrameWorld, start: Tensor) {
      self.world = world
      frame = start
    }

    func advance(_ conditions: [String: ConditionValue]) throws -> Output {
      guard case .labels(let actions)? = conditions["action"] else {
        throw ConfigurationError("the action is missing")
      }
      let action = Tensor((0..<frame.shape[0]).map { actions[$0 % actions.count] })
      let (next, after) = withoutGradients { world.advance(frame, action, state) }
      (frame, state) = (next, after)
      return Output("frame", next)
    }
  }
}

extension ToyFrameWorld: ReferenceAnswering {
  /// Frames of a network that is nothing but the bias of its last layer.
  func answer(_ check: ReferenceCheck, _ inputs: [String: CaseValue]) throws -> [String: CaseValue]? {
    guard check.kind == "roll-out" else { return nil }
    try check.refuseSettings()
    let given = try inputs.tensors()
    return try withoutGradients {
      for (name, tensor) in world.namedParameters() {
        if name == "output.bias" { tensor.copy(from: try given.required("bias")) } else { tensor.fill(0) }
      }
      return [
        "frames": .tensor(frames(after: try given.required("start"), try given.required("actions")))
      ]
    }
  }
}

/// How far predicted frames are from recorded ones under the recorded actions.
struct FrameError: Measure {
  static let id = "frame-error"

  func applies(to plan: SystemPlan) -> Bool {
    if case .video? = plan.outputs.first?.kind { plan.condition("actions") != nil } else { false }
  }

  func measure(_ context: EvaluationContext) throws -> [MeasuredNumber] {
    guard let batches = try context.data.batches(of: .test), let network = context.system.network("world")
    else { return [] }
    let errors = try batches.map(context.data.batch).map { batch -> Double in
      let drawn = try network.forward(nil, ["start": batch["start"], "actions": batch["actions"]])
      return (try drawn.required("frames") - batch["frames"]).square().mean().item()
    }
    return [
      MeasuredNumber(
        id: Self.id, name: "frame error", value: errors.reduce(0, +) / Double(errors.count), better: .smaller,
        provenance: context.provenance(part: "test"), protocolText: "mean square, mean of batches")
    ]
  }
}
