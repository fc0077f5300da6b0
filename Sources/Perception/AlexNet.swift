public import Torch
public import TorchNN

/// The convolutions of AlexNet as torchvision has it (Krizhevsky 2014, "One weird trick for parallelizing
/// convolutional neural networks"), the trunk that LPIPS reports by default.
///
/// Names and order of the weights are torchvision's: `features.0.weight`, `features.0.bias`,
/// `features.3.weight`, … Activations are `conv1` … `conv5` and, behind their ReLUs, `relu1` … `relu5`.
public final class AlexNet: PerceptionNetwork {
  private let features: NumberedLayers
  private let convolutions: [FrozenConvolution]

  /// The five convolutions, without weights.
  public init() {
    convolutions = [
      FrozenConvolution(3, 64, kernelSize: 11, stride: 4, padding: 2),
      FrozenConvolution(64, 192, kernelSize: 5, padding: 2),
      FrozenConvolution(192, 384, kernelSize: 3, padding: 1),
      FrozenConvolution(384, 256, kernelSize: 3, padding: 1),
      FrozenConvolution(256, 256, kernelSize: 3, padding: 1),
    ]
    features = NumberedLayers(zip([0, 3, 6, 8, 10], convolutions).map { ($0, $1) })
    super.init(architecture: "alexnet")
  }

  /// The named activations of images prepared by ``InputNormalization``; unknown names are ignored.
  ///
  /// - Parameter images: `[batch, 3, height, width]`, at least 31 × 31 pixels.
  public func activations(of images: Tensor, at layers: [String]) -> [String: Tensor] {
    requireWeights()
    guard
      check(
        images.rank == 4 && min(images.shape[2], images.shape[3]) >= 31,
        "AlexNet needs images of at least 31×31, not \(images.shape)")
    else { return [:] }
    var found: [String: Tensor] = [:]
    var x = isChannelsLast ? images.channelsLast() : images
    for (index, convolution) in convolutions.enumerated() {
      if index == 1 || index == 2 { x = maxPool2d(x, kernelSize: (3, 3), stride: (2, 2)) }
      x = convolution(x)
      if layers.contains("conv\(index + 1)") { found["conv\(index + 1)"] = x }
      x = x.relu()
      if layers.contains("relu\(index + 1)") { found["relu\(index + 1)"] = x }
    }
    return found
  }

  /// `features`.
  public override func members() -> [Member] { [.child(name: "features", module: features)] }
}
