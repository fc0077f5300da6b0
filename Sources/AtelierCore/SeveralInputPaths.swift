public import TorchNN

/// A network that takes its input on several ways, as a discriminator that looks at an image in several scales, or
/// at those of two domains: the layers of each way count from its own input.
public protocol SeveralInputPaths: Module {
  /// The parts that the input enters, each with the layers behind it.
  var inputPaths: [Module] { get }
}
