public import Torch

/// A system that has a part in repeating its reference cases.
///
/// A case asks for forward passes, training steps and tokens, which need nothing from here: networks, the
/// step and the names of weights are enough. A system answers whatever else its authors' program computes:
/// the losses of given tensors, a table of neighbours, codes, upsampled signals, or a forward pass with
/// settings of its own. The format is that of `Tests/ReferenceCases/FORMAT.md`.
public protocol ReferenceAnswering: GenerativeSystem {
  /// The network family by which cases of several systems name this one (`model`), where it is not the system's own
  /// name; nil by default.
  static var caseModel: String? { get }

  /// What a check asks for, by output name, with the networks as the case gave them and in the check's mode.
  ///
  /// It is asked before anything else, for every kind of check but training, and refuses the settings that it
  /// does not know: see ``ReferenceCheck/refuseSettings(knowing:)``.
  ///
  /// - Returns: nil for a check that the system leaves to others; nil by default.
  /// - Throws: ``ConfigurationError`` for inputs or settings that do not fit.
  func answer(_ check: ReferenceCheck, _ inputs: [String: CaseValue]) throws -> [String: CaseValue]?

  /// The same for checks that need no networks, so that none are built for them; asked first.
  static func answer(
    _ check: ReferenceCheck, _ inputs: [String: CaseValue], configuration: Configuration
  ) throws -> [String: CaseValue]?

  /// The batches that the recorded inputs of a training check stand for.
  ///
  /// - Returns: nil, also by default, for one slice of each input a step.
  static func recordedSource(
    _ inputs: [String: Tensor], configuration: Configuration
  ) throws -> (any BatchSource)?

  /// The system's steps that the recorded inputs of a training check stand for, where one step takes several batches or
  /// makes several of the case's steps; their losses are then listed update by update.
  ///
  /// - Returns: nil, also by default, where a step of the system is a step of the case.
  static func recordedSteps(
    _ inputs: [String: Tensor], configuration: Configuration
  ) throws -> [RecordedStep]?
}

/// What one step of a system takes from a recording.
public struct RecordedStep {
  /// The batches in the order in which the step asks for them.
  public var batches: [Batch]
  /// The draws by name, several of one name in the order in which they are asked for.
  public var draws: [String: [Tensor]]

  /// Batches and draws of one step.
  public init(batches: [Batch], draws: [String: [Tensor]] = [:]) {
    (self.batches, self.draws) = (batches, draws)
  }
}

extension ReferenceAnswering {
  /// Its own name.
  public static var caseModel: String? { nil }

  /// Leaves every check to others.
  public func answer(
    _ check: ReferenceCheck, _ inputs: [String: CaseValue]
  ) throws -> [String: CaseValue]? { nil }

  /// Leaves every check to others.
  public static func answer(
    _ check: ReferenceCheck, _ inputs: [String: CaseValue], configuration: Configuration
  ) throws -> [String: CaseValue]? { nil }

  /// One slice of each recorded input a step.
  public static func recordedSource(
    _ inputs: [String: Tensor], configuration: Configuration
  ) throws -> (any BatchSource)? { nil }

  /// A step of the system is a step of the case.
  public static func recordedSteps(
    _ inputs: [String: Tensor], configuration: Configuration
  ) throws -> [RecordedStep]? { nil }
}

/// What a check of a reference case asks for.
public struct ReferenceCheck: Sendable, Hashable {
  /// Whether networks train or are used.
  public enum Mode: String, Sendable, Hashable, CaseIterable {
    /// As in a training step.
    case train
    /// As in use.
    case eval
  }

  /// What the case calls the check.
  public var name: String
  /// `forward`, `generate`, `metric` and so on; systems may have kinds of their own.
  public var kind: String
  /// The network, or what stands for one, such as `losses`; nil: none is named.
  public var network: String?
  /// A part of the network; nil: the whole.
  public var part: String?
  /// The mode of all networks; nil: the check names none.
  public var mode: Mode?
  /// Every other key that belongs to the kind.
  public var settings: [String: ConfigurationValue]

  /// Collects what a check asks for.
  public init(
    name: String, kind: String, network: String? = nil, part: String? = nil, mode: Mode? = nil,
    settings: [String: ConfigurationValue] = [:]
  ) {
    self.name = name
    self.kind = kind
    self.network = network
    self.part = part
    self.mode = mode
    self.settings = settings
  }

  /// Refuses settings that whoever answers does not know, because what is not understood is not checked.
  ///
  /// - Throws: ``ConfigurationError`` that names the first unknown one.
  public func refuseSettings(knowing known: Set<String> = []) throws(ConfigurationError) {
    guard let unknown = settings.keys.sorted().first(where: { !known.contains($0) }) else { return }
    throw ConfigurationError(
      "the check '\(name)' has the setting '\(unknown)', which is unknown for a check of the kind '\(kind)'")
  }
}

/// A value of a reference case.
public enum CaseValue {
  /// A recorded or computed tensor.
  case tensor(Tensor)
  /// A text.
  case text(String)
  /// Several texts, such as the lines of a translation.
  case texts([String])
}

extension Dictionary where Key == String, Value == CaseValue {
  /// All values as tensors.
  ///
  /// - Throws: ``ConfigurationError`` that names a text among them.
  public func tensors() throws(ConfigurationError) -> [String: Tensor] {
    var tensors: [String: Tensor] = [:]
    for (name, value) in self.sorted(by: { $0.key < $1.key }) {
      guard case .tensor(let tensor) = value else {
        throw ConfigurationError("'\(name)' is a text, and a tensor is needed")
      }
      tensors[name] = tensor
    }
    return tensors
  }

  /// Texts that must be there; a single one stands for a list of it.
  ///
  /// - Throws: ``ConfigurationError`` that names them.
  public func texts(_ name: String) throws(ConfigurationError) -> [String] {
    switch self[name] {
    case .text(let text)?: return [text]
    case .texts(let texts)?: return texts
    case .tensor?: throw ConfigurationError("'\(name)' is a tensor, and texts are needed")
    case nil: throw ConfigurationError("the texts '\(name)' are missing; given are \(keys.sorted())")
    }
  }
}
