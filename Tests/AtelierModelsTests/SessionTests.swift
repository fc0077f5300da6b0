import Atelier
import TestSupport
import Testing

/// A system whose frames are the first frame and all actions so far, and what sessions of it give.
@Suite struct SessionTests {
  private final class Adder: StreamingSystem {
    struct Configuration: SystemConfiguration {
      var batchSize = 1
      static var presets: [Preset<Configuration>] { [Preset("paper", "the only one", Configuration())] }

      var plan: SystemPlan {
        let frame = Field("frame", .image(channels: 1, height: 1, width: 2, range: .signed))
        let start = Condition("start", .field(frame.kind), isRequired: true, help: "the first frame")
        let action = Condition("action", .label(classes: 3), isRequired: true, help: "what is added")
        return SystemPlan(
          stages: [Stage(data: nil, batchSize: 1)], conditions: [start], outputs: [frame],
          abilities: [Streaming(beginning: [start], advancing: [action], output: frame)])
      }

      func validate() throws(ConfigurationError) {}
    }

    /// The sum so far.
    private final class Sum: DrawingSession {
      private var frame: Tensor
      init(_ start: Tensor) { frame = start }

      func advance(_ conditions: [String: ConditionValue]) throws -> Output {
        guard case .labels(let actions)? = conditions["action"] else {
          throw ConfigurationError("there is no action")
        }
        frame = frame + Double(actions[0])
        return Output("frame", frame)
      }
    }

    static let identity = SystemIdentity(name: "adder", summary: "a test", paper: "none", reference: "none")
    let configuration: Configuration

    init(_ configuration: Configuration, artefacts: Artefacts, using stream: RandomStream) throws {
      self.configuration = configuration
    }

    var networks: [Network] { [] }
    var optimizers: [(name: String, optimizer: Optimizer)] { [] }
    func step(_ step: TrainingStep) throws {}
    func generate(_ request: Request, emit: (Output) throws -> Void) throws {
      try emit(Output("frame", try request.required("start")))
    }
    func begin(_ request: Request) throws -> any DrawingSession { Sum(try request.required("start")) }
  }

  private func request(_ start: [Float]?) -> Request {
    var request = Request(draws: StreamDraws(RandomStream(seed: 1)))
    if let start { request.conditions["start"] = .tensor(Tensor(start, shape: [1, 1, 1, 2])) }
    return request
  }

  @Test func eachSessionHasItsOwnState() throws {
    let system = try Adder(Adder.Configuration(), artefacts: Artefacts(), using: RandomStream(seed: 1))
    let (one, other) = (try system.open(request([0, 1])), try system.open(request([10, 20])))
    #expect(try one.advance(["action": .labels([1])]).tensor?.floats() == [1, 2])
    #expect(try other.advance(["action": .labels([2])]).tensor?.floats() == [12, 22])
    #expect(try one.advance(["action": .labels([2])]).tensor?.floats() == [3, 4])
    #expect(try other.advance(["action": .labels([0])]).tensor?.floats() == [12, 22])
  }

  @Test func beginningsAndStepsAreChecked() throws {
    let system = try Adder(Adder.Configuration(), artefacts: Artefacts(), using: RandomStream(seed: 1))
    func sentence(_ body: () throws -> Void) -> String {
      do {
        try body()
        return ""
      } catch { return "\(error)" }
    }
    #expect(sentence { _ = try system.open(request(nil)) }.contains("'start' of adder is missing"))
    var early = request([0, 0])
    early.conditions["action"] = .labels([1])
    #expect(sentence { _ = try system.open(early) }.contains("adder"))
    var other = request([0, 0])
    other.sampling = TextSampling()
    #expect(sentence { _ = try system.open(other) }.contains("settings"))
    let session = try system.open(request([0, 0]))
    #expect(sentence { _ = try session.advance([:]) }.contains("'action' of adder is missing"))
    #expect(sentence { _ = try session.advance(["action": .labels([3])]) }.contains("no class 3"))
    // What was refused left the session where it was.
    #expect(try session.advance(["action": .labels([1])]).tensor?.floats() == [1, 1])
  }
}
