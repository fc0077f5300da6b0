public import Torch

/// Faces into other people's faces by passcodes, and by the passcode with all bits turned over back again.
public struct PasscodeTransformation: Ability, Hashable {
  /// The bits of a passcode.
  public var length: Int
  /// The condition that takes them: `[n, length]`, 0 and 1.
  public var condition: String

  /// Describes the passcodes.
  public init(length: Int, condition: String = "passcode") {
    (self.length, self.condition) = (length, condition)
  }

  /// The condition of a request.
  public var codeCondition: Condition {
    Condition(
      condition, .tensor([[nil, length]]), isRequired: true,
      help: "\(length) bits, 0 and 1, the same for all faces or one row a face")
  }

  /// The bits that a request gives, `[n, length]`.
  ///
  /// - Throws: ``ConfigurationError`` for numbers other than 0 and 1.
  public func bits(of request: Request) throws(ConfigurationError) -> Tensor {
    let bits = try request.required(condition)
    guard bits.contiguous().floats().allSatisfy({ $0 == 0 || $0 == 1 }) else {
      throw ConfigurationError(
        "the condition '\(condition)' holds bits, and a number of it is neither 0 nor 1")
    }
    return bits
  }
}
