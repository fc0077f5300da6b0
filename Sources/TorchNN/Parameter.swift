public import Torch

/// A value that a ``Parameter`` or ``Buffer`` may hold: a tensor, or one that may be absent.
public protocol TensorSlotValue {
  /// The tensor, or nil where there is none.
  var tensorInSlot: Tensor? { get }
  /// Makes the value from a tensor that takes the place of the present one.
  static func holding(_ tensor: Tensor) -> Self
}

extension Tensor: TensorSlotValue {
  /// The tensor itself.
  public var tensorInSlot: Tensor? { self }
  /// The tensor itself; `Self` is `Tensor`, a final class.
  public static func holding(_ tensor: Tensor) -> Tensor { tensor }
}

extension Optional: TensorSlotValue where Wrapped == Tensor {
  /// The tensor, or nil.
  public var tensorInSlot: Tensor? { self }
  /// The tensor, present.
  public static func holding(_ tensor: Tensor) -> Tensor? { tensor }
}

/// A place for a tensor in a module; what the walk over a module collects.
///
/// A slot is an object, so that a module's list of slots stays right when a tensor is exchanged, and a
/// class rather than a protocol, because reflection asks every stored property whether it is one.
public class TensorSlot {
  /// Only ``Parameter`` and ``Buffer`` are slots.
  fileprivate init() {}

  /// The tensor in the slot, or nil.
  public var current: Tensor? { nil }

  /// Whether optimisers change the tensor (a parameter) or the network itself does (a buffer).
  public var isParameter: Bool { false }

  /// Exchanges the tensor, for example for its copy on another device; it must be a leaf.
  public func replace(with tensor: Tensor) {}
}

/// A tensor that training changes: `@Parameter var weight: Tensor` or `@Parameter var bias: Tensor?`.
///
/// Being a type of its own, it cannot be confused with a tensor that a module merely remembers.
/// A tensor put into it must be a leaf, that is not the result of recorded operations; it is made to
/// require a gradient.
@propertyWrapper
public final class Parameter<Value: TensorSlotValue>: TensorSlot {
  private var value: Value

  /// Adopts an initial value.
  public init(wrappedValue: Value) {
    value = wrappedValue
    super.init()
    wrappedValue.tensorInSlot?.requiresGradient = true
  }

  /// The tensor.
  public var wrappedValue: Value {
    get { value }
    set {
      value = newValue
      newValue.tensorInSlot?.requiresGradient = true
    }
  }

  /// The tensor, or nil.
  public override var current: Tensor? { value.tensorInSlot }
  /// Always true.
  public override var isParameter: Bool { true }

  /// Exchanges the tensor, which keeps requiring (or not requiring) a gradient as before.
  ///
  /// - Parameter tensor: a leaf.
  public override func replace(with tensor: Tensor) {
    tensor.requiresGradient = current?.requiresGradient ?? true
    value = .holding(tensor)
  }
}

/// A tensor that belongs to a network's state but is not trained: `@Buffer var runningMean: Tensor`.
@propertyWrapper
public final class Buffer<Value: TensorSlotValue>: TensorSlot {
  /// The tensor.
  public var wrappedValue: Value

  /// Adopts an initial value.
  public init(wrappedValue: Value) {
    self.wrappedValue = wrappedValue
    super.init()
  }

  /// The tensor, or nil.
  public override var current: Tensor? { wrappedValue.tensorInSlot }
  /// Always false.
  public override var isParameter: Bool { false }

  /// Exchanges the tensor.
  public override func replace(with tensor: Tensor) { wrappedValue = .holding(tensor) }
}
