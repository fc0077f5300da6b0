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

/// The slot of a tensor in a module.
///
/// An object, so that a module's list of slots stays valid when a tensor is replaced; a class rather than a
/// protocol, because reflection tests every stored property for it.
public class TensorSlot {
  /// Only ``Parameter`` and ``Buffer`` are slots.
  fileprivate init() {}

  /// The tensor in the slot, or nil.
  public var current: Tensor? { nil }

  /// Whether it is a parameter, updated by optimisers, rather than a buffer.
  public var isParameter: Bool { false }

  /// Replaces the tensor, for example by its copy on another device; it must be a leaf.
  public func replace(with tensor: Tensor) {}
}

/// A trained tensor: `@Parameter var weight: Tensor` or `@Parameter var bias: Tensor?`.
///
/// A wrapper rather than a plain `Tensor`, so that a cached tensor is not taken for a parameter. The tensor
/// must be a leaf, not the result of recorded operations; it is set to require a gradient.
@propertyWrapper
public final class Parameter<Value: TensorSlotValue>: TensorSlot {
  private var value: Value

  /// A slot with an initial value.
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

  /// Replaces the tensor; whether it requires a gradient is kept.
  ///
  /// - Parameter tensor: a leaf.
  public override func replace(with tensor: Tensor) {
    tensor.requiresGradient = current?.requiresGradient ?? true
    value = .holding(tensor)
  }
}

/// A tensor of a network's state that is not trained: `@Buffer var runningMean: Tensor`.
@propertyWrapper
public final class Buffer<Value: TensorSlotValue>: TensorSlot {
  /// The tensor.
  public var wrappedValue: Value

  /// A slot with an initial value.
  public init(wrappedValue: Value) {
    self.wrappedValue = wrappedValue
    super.init()
  }

  /// The tensor, or nil.
  public override var current: Tensor? { wrappedValue.tensorInSlot }
  /// Always false.
  public override var isParameter: Bool { false }

  /// Replaces the tensor.
  public override func replace(with tensor: Tensor) { wrappedValue = .holding(tensor) }
}
