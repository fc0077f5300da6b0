public import AtelierData
public import Torch
public import TorchNN

/// Outputs that follow one another, each under conditions of its own: a frame for each action, a stretch of sound
/// for each of its input. The functions are those of ``StreamingSystem``.
public struct Streaming: Ability, Hashable {
  /// What a session may or must begin with.
  public var beginning: [Condition]
  /// What each output after that may or must be given.
  public var advancing: [Condition]
  /// What each step gives.
  public var output: Field

  /// Describes the sessions of a system.
  public init(beginning: [Condition] = [], advancing: [Condition] = [], output: Field) {
    self.beginning = beginning
    self.advancing = advancing
    self.output = output
  }
}

/// A system that gives its output step by step while conditions come in; its plan has ``Streaming``.
public protocol StreamingSystem: GenerativeSystem {
  /// Begins a session; callers use ``open(_:)``, which checks the request first.
  ///
  /// Whatever a step depends on beside the weights lives in the session, so that several sessions of one system do
  /// not disturb each other.
  func begin(_ request: Request) throws -> any DrawingSession
}

/// What is being drawn step by step, with all the state that the next step depends on.
public protocol DrawingSession: AnyObject {
  /// The next output, under the conditions of this step.
  ///
  /// - Throws: ``ConfigurationError`` for conditions that are missing, unknown or of a wrong shape, after which the
  ///   session goes on where it was.
  func advance(_ conditions: [String: ConditionValue]) throws -> Output
}

extension StreamingSystem {
  /// Begins a session after its request was checked against the plan's ``Streaming``; the conditions of each
  /// step are checked as well.
  ///
  /// - Throws: ``ConfigurationError`` for conditions that are missing, unknown or of a wrong shape, and for other
  ///   settings than the plan's.
  public func open(_ request: Request) throws -> any DrawingSession {
    let (plan, name) = (self.plan, Self.identity.name)
    guard let streaming = plan.ability(Streaming.self) else {
      throw ConfigurationError("\(name) does not say what its sessions take; draw from it by a whole request")
    }
    func part(_ conditions: [Condition]) -> SystemPlan {
      SystemPlan(
        stages: [], conditions: conditions, outputs: [streaming.output], sampling: plan.sampling,
        abilities: plan.abilities.filter { $0 is LatentDecoding })
    }
    try part(streaming.beginning).check(request, for: name)
    var complete = request
    if complete.sampling is NoSettings { complete.sampling = plan.sampling }
    return CheckedSession(try begin(complete), part(streaming.advancing), of: name)
  }
}

/// A session whose steps are checked before the system sees them.
private final class CheckedSession: DrawingSession {
  private let session: any DrawingSession
  private let plan: SystemPlan
  private let system: String

  init(_ session: any DrawingSession, _ plan: SystemPlan, of system: String) {
    self.session = session
    self.plan = plan
    self.system = system
  }

  func advance(_ conditions: [String: ConditionValue]) throws -> Output {
    try plan.check(conditions, for: system)
    let output = try withTensorErrors { try withoutGradients { try session.advance(conditions) } }
    check(
      plan.outputs.contains { $0.name == output.field },
      "a session of \(system) gave '\(output.field)', which its plan does not have as the output of a step")
    return output
  }
}
