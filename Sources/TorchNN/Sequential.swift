public import Torch

/// A sequence of layers, named by index: `0.weight`, `2.running_mean`.
public final class Sequential: Module, Layer {
  /// The layers, first to last.
  public let layers: [any Layer]

  /// Chains layers.
  public init(_ layers: [any Layer]) { self.layers = layers }

  /// Chains layers.
  public convenience init(_ layers: any Layer...) { self.init(layers) }

  /// Names the layers by index without a level of their own, as PyTorch does.
  public override func members() -> [Member] {
    layers.enumerated().map { .child(name: String($0.offset), module: $0.element) }
  }

  /// The last layer's output.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    var x = x
    for layer in layers { x = layer(x) }
    return x
  }

  /// The outputs of all layers, first to last, as feature matching needs them.
  public func outputs(_ x: Tensor) -> [Tensor] {
    var outputs: [Tensor] = []
    outputs.reserveCapacity(layers.count)
    for layer in layers { outputs.append(layer(outputs.last ?? x)) }
    return outputs
  }

  /// The number of layers.
  public var count: Int { layers.count }

  /// A layer by its place.
  public subscript(_ index: Int) -> any Layer { layers[index] }
}
