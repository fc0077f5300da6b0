public import Torch

/// What a system draws as a function of tensors alone, which an exported module computes.
public struct ExportedFunction {
  /// An argument: a condition, a latent vector, noise, a class.
  public struct Input {
    /// A plain word.
    public let name: String
    /// What a person should give.
    public let meaning: String
    /// What its sides have to be multiples of; nil where they are free or fixed.
    public let sizeMultiple: Int?
    /// A random one.
    ///
    /// - Parameters:
    ///   - batch: the number of examples.
    ///   - size: one of the function's ``ExportedFunction/sizes``; empty where it has none.
    public let make: (_ batch: Int, _ size: [Int], _ stream: RandomStream) -> Tensor

    /// An argument.
    public init(
      _ name: String, _ meaning: String, sizeMultiple: Int? = nil,
      make: @escaping (_ batch: Int, _ size: [Int], _ stream: RandomStream) -> Tensor
    ) {
      self.name = name
      self.meaning = meaning
      self.sizeMultiple = sizeMultiple
      self.make = make
    }
  }

  /// The arguments in their order.
  public let inputs: [Input]
  /// What the result is, for people.
  public let output: String
  /// What the numbers of a size are: height and width; time.
  public let sides: [String]
  /// The sizes that are recorded and checked; none where there is only one.
  public let sizes: [[Int]]
  /// The result for the arguments in their order, by the networks as they are. Batch and sizes stay free where no
  /// operation takes them as numbers from a shape.
  public let compute: ([Tensor]) throws -> Tensor

  /// A function.
  public init(
    _ inputs: [Input], output: String, sides: [String] = ["height", "width"], sizes: [[Int]] = [],
    compute: @escaping ([Tensor]) throws -> Tensor
  ) {
    self.inputs = inputs
    self.output = output
    self.sides = sides
    self.sizes = sizes
    self.compute = compute
  }
}

/// A system that says itself what an exported module takes and gives, where that is more than a source image or a
/// latent vector.
public protocol ExportingSystem: GenerativeSystem {
  /// The function that is exported.
  ///
  /// - Parameter direction: what into what, for a system with several directions; nil: its first.
  /// - Throws: ``ConfigurationError`` for an unknown direction, and for a configuration that is no such function.
  func exportedFunction(direction: String?) throws -> ExportedFunction
}
