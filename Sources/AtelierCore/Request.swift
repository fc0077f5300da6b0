public import Torch
public import TorchNN

/// What to generate: how many outputs, under which conditions, drawn how.
///
/// A system's plan says which conditions it takes (``SystemPlan/conditions``) and which settings of drawing it
/// has (``SystemPlan/sampling``); ``GenerativeSystem/draw(_:emit:)`` refuses every other.
public struct Request {
  /// How many outputs, where conditions do not decide it.
  public var count: Int
  /// The conditions by their names in the plan.
  public var conditions: [String: ConditionValue]
  /// The settings of drawing, of the type that the plan has; ``NoSettings`` for the plan's own values.
  public var sampling: any Settings
  /// Where random numbers come from.
  public var draws: any Draws
  /// The outputs that are wanted of a system that decodes latent vectors, whose random numbers are those of all of them;
  /// nil: all. For several processes that draw one set together.
  package var part: Range<Int>?

  /// A request; without settings of drawing the plan's are meant.
  public init(
    count: Int = 1, conditions: [String: ConditionValue] = [:], sampling: any Settings = NoSettings(),
    draws: any Draws
  ) {
    self.count = count
    self.conditions = conditions
    self.sampling = sampling
    self.draws = draws
  }

  /// The tensor of a condition; nil where it is not given, or is no tensor.
  public func tensor(_ name: String) -> Tensor? {
    if case .tensor(let tensor)? = conditions[name] { tensor } else { nil }
  }

  /// The tensor of a condition that must be there.
  ///
  /// - Throws: ``ConfigurationError`` that names it.
  public func required(_ name: String) throws(ConfigurationError) -> Tensor {
    if let tensor = tensor(name) { return tensor }
    throw ConfigurationError("the condition '\(name)' is missing, or is no tensor")
  }

  /// The classes of a condition, one an output and repeated where there are fewer; nil where it is not given,
  /// or is no class.
  public func labels(_ name: String) -> [Int]? {
    if case .labels(let labels)? = conditions[name] { labels } else { nil }
  }

  /// The text of a condition; nil where it is not given, or is no text.
  public func text(_ name: String) -> String? {
    if case .text(let text)? = conditions[name] { text } else { nil }
  }

  /// The settings of drawing as a system reads them.
  ///
  /// - Throws: ``ConfigurationError`` for settings of another type; ``NoSettings`` stand for the defaults of
  ///   this type.
  public func sampling<Wanted: Settings>(as type: Wanted.Type) throws(ConfigurationError) -> Wanted {
    if let sampling = sampling as? Wanted { return sampling }
    guard sampling is NoSettings else {
      throw ConfigurationError(
        "the settings of drawing are \(Wanted().keys.joined(separator: ", ")), not "
          + sampling.keys.joined(separator: ", "))
    }
    return Wanted()
  }
}

extension Request {
  /// The same request with its tensors on a device; its draws are the caller's.
  public func moved(to device: Device) -> Request {
    var request = self
    request.conditions = conditions.mapValues { value in
      guard case .tensor(let tensor) = value, tensor.device != device else { return value }
      return .tensor(tensor.to(device))
    }
    return request
  }
}

/// What a request gives for a condition.
public enum ConditionValue {
  /// A batch in the shape, type and range that the field of the condition declares: images
  /// `[n, channels, height, width]`, label maps `[n, height, width]`, features `[n, size]`, sounds
  /// `[n, channels, samples]`.
  case tensor(Tensor)
  /// Class indices, one an output; repeated where there are fewer.
  case labels([Int])
  /// A text.
  case text(String)
}

/// A piece of what a system generates.
public struct Output {
  /// What a piece holds.
  public enum Value {
    /// A batch in the shape and range that the field declares: images `[n, channels, height, width]`, sounds
    /// `[n, channels, samples]`, videos `[n, time, channels, height, width]`.
    case tensor(Tensor)
    /// A piece of text to be appended to what came before.
    case text(String)
  }

  /// The name of the output in the system's plan.
  public var field: String
  /// What was generated.
  public var value: Value

  /// A piece of an output.
  public init(_ field: String, _ value: Value) {
    self.field = field
    self.value = value
  }

  /// A batch of an output.
  public init(_ field: String, _ tensor: Tensor) { self.init(field, .tensor(tensor)) }

  /// A piece of an output's text.
  public init(_ field: String, text: String) { self.init(field, .text(text)) }

  /// The batch; nil where it is text.
  public var tensor: Tensor? { if case .tensor(let tensor) = value { tensor } else { nil } }

  /// The text; nil where it is a batch.
  public var text: String? { if case .text(let text) = value { text } else { nil } }
}
