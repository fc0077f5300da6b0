public import Torch

/// A source of named random draws.
///
/// A training step draws through this, so that the same code runs on random numbers in training and on
/// recorded ones in a test against another implementation.
public protocol Draws: AnyObject {
  /// Standard normal float32 numbers.
  func normal(_ name: String, _ shape: [Int]) -> Tensor
  /// Uniform float32 numbers from [0, 1).
  func uniform(_ name: String, _ shape: [Int]) -> Tensor
  /// Numbers of the standard Gumbel distribution: added to logits, they make the largest a sample. By default
  /// -log(-log u) of a uniform u.
  func gumbel(_ name: String, _ shape: [Int]) -> Tensor
  /// int64 numbers from 0 ..< `bound`.
  func integers(_ name: String, below bound: Int, _ shape: [Int]) -> Tensor
  /// A float32 mask that is 1 with the given probability, else 0.
  func bernoulli(_ name: String, probability: Double, _ shape: [Int]) -> Tensor
}

extension Draws {
  /// -log(-log u) of a uniform u.
  public func gumbel(_ name: String, _ shape: [Int]) -> Tensor {
    let inner = -uniform(name, shape).clamped(min: 1e-20).log()
    return -inner.clamped(min: 1e-20).log()
  }
}

/// Draws from a random stream, in the order of the calls; names are ignored.
public final class StreamDraws: Draws {
  /// The stream.
  public let stream: RandomStream
  private let device: Device

  /// Draws from `stream`, and moves the numbers to `device`.
  public init(_ stream: RandomStream, device: Device = .cpu) {
    self.stream = stream
    self.device = device
  }

  /// Standard normal float32 numbers.
  public func normal(_ name: String, _ shape: [Int]) -> Tensor { moved(stream.normal(shape)) }

  /// Uniform float32 numbers from [0, 1).
  public func uniform(_ name: String, _ shape: [Int]) -> Tensor { moved(stream.uniform(shape)) }

  /// int64 numbers from 0 ..< `bound`.
  public func integers(_ name: String, below bound: Int, _ shape: [Int]) -> Tensor {
    moved(stream.integers(below: bound, shape))
  }

  /// A float32 mask that is 1 with the given probability, else 0.
  public func bernoulli(_ name: String, probability: Double, _ shape: [Int]) -> Tensor {
    moved(stream.bernoulli(probability, shape))
  }

  private func moved(_ tensor: Tensor) -> Tensor { device == .cpu ? tensor : tensor.to(device) }
}

/// Replays recorded draws, each once.
///
/// An unknown name, more draws than recorded, and another shape are failures: the process ends with a
/// message, or `withTensorErrors` throws.
public final class RecordedDraws: Draws {
  private var recordings: [String: [Tensor]]

  /// One recording per name.
  public convenience init(_ recordings: [String: Tensor]) { self.init(recordings.mapValues { [$0] }) }

  /// Several recordings per name, replayed in order.
  public init(_ recordings: [String: [Tensor]]) { self.recordings = recordings }

  /// The sorted names that have unused recordings.
  public var unused: [String] { recordings.filter { !$0.value.isEmpty }.keys.sorted() }

  /// The recorded tensor.
  public func normal(_ name: String, _ shape: [Int]) -> Tensor { take(name, shape, .float32) }

  /// The recorded tensor.
  public func uniform(_ name: String, _ shape: [Int]) -> Tensor { take(name, shape, .float32) }

  /// The recorded tensor.
  public func gumbel(_ name: String, _ shape: [Int]) -> Tensor { take(name, shape, .float32) }

  /// The recorded tensor.
  public func integers(_ name: String, below bound: Int, _ shape: [Int]) -> Tensor {
    take(name, shape, .int64)
  }

  /// The recorded tensor.
  public func bernoulli(_ name: String, probability: Double, _ shape: [Int]) -> Tensor {
    take(name, shape, .float32)
  }

  private func take(_ name: String, _ shape: [Int], _ dtype: DType) -> Tensor {
    guard let first = recordings[name]?.first else {
      check(
        false,
        recordings[name] == nil
          ? "no draw named \"\(name)\" was recorded; recorded: \(recordings.keys.sorted().joined(separator: ", "))"
          : "the draw \"\(name)\" was requested more often than it was recorded")
      return .zeros(shape, dtype: dtype)
    }
    guard
      check(
        first.shape == shape, "the recorded draw \"\(name)\" has shape \(first.shape), but \(shape) is needed"
      )
    else { return .zeros(shape, dtype: dtype) }
    recordings[name]?.removeFirst()
    return first.dtype.isFloatingPoint == dtype.isFloatingPoint ? first : first.asType(dtype)
  }
}

/// Boxes the draws of a scope for the thread's ambient slot.
private final class DrawsBox {
  let draws: any Draws
  init(_ draws: any Draws) { self.draws = draws }
}

/// Sets the draws of the layers called by `body`, on this thread.
///
/// Only for layers such as ``Dropout``, deep in networks whose calls take one argument. Everything else takes
/// its draws as a parameter.
public func withDraws<Result>(_ draws: any Draws, _ body: () throws -> Result) rethrows -> Result {
  try Engine.withAmbientObject(DrawsBox(draws), in: .draws, body)
}

/// The draws of the innermost ``withDraws(_:_:)`` on this thread; inside
/// ``checkpointed(_:parameters:when:_:)`` every pass gets the same numbers.
public var currentDraws: (any Draws)? {
  let own = (Engine.ambientObject(.draws) as? DrawsBox)?.draws
  guard let passes = CheckpointPasses.current else { return own }
  // Draws found here and set again must not be remembered twice.
  if let own = own as? RepeatedDraws, own.passes === passes { return own }
  return passes.isRepeated || own != nil ? RepeatedDraws(own, passes) : nil
}
