public import Torch
public import TorchNN

/// SqueezeNet 1.1 (Iandola et al. 2016, "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters"), the
/// smallest trunk of LPIPS.
///
/// Names and order of the weights are torchvision's: `features.0.weight`, …, `features.3.squeeze.weight`,
/// `features.3.expand1x1.weight`, …, `classifier.1.weight`. Two sets of weights are in use, which differ in
/// more than the preprocessing: torchvision's and the authors' own, for Caffe; LPIPS is defined on the
/// former.
public final class SqueezeNet: PerceptionNetwork {
  private let first: FrozenConvolution
  private let fires: [(index: Int, fire: Fire)]
  private let last: FrozenConvolution?

  /// The network, without weights.
  ///
  /// - Parameter hasClassifier: whether to build the last convolution, to 1000 classes.
  public init(hasClassifier: Bool = false) {
    first = FrozenConvolution(3, 64, kernelSize: 3, stride: 2)
    let widths =
      [(64, 16, 64), (128, 16, 64), (128, 32, 128), (256, 32, 128), (256, 48, 192)]
      + [(384, 48, 192), (384, 64, 256), (512, 64, 256)]
    fires = zip([3, 4, 6, 7, 9, 10, 11, 12], widths).map { ($0, Fire($1.0, $1.1, $1.2)) }
    last = hasClassifier ? FrozenConvolution(512, 1000, kernelSize: 1) : nil
    super.init(architecture: "squeezenet1.1")
  }

  /// A fire module: a 1×1 squeeze convolution, then parallel 1×1 and 3×3 expand convolutions.
  final class Fire: Module {
    private let squeeze: FrozenConvolution
    private let expand1x1: FrozenConvolution
    private let expand3x3: FrozenConvolution

    init(_ inputs: Int, _ squeezed: Int, _ expanded: Int) {
      squeeze = FrozenConvolution(inputs, squeezed, kernelSize: 1)
      expand1x1 = FrozenConvolution(squeezed, expanded, kernelSize: 1)
      expand3x3 = FrozenConvolution(squeezed, expanded, kernelSize: 3, padding: 1)
      super.init()
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
      let y = squeeze(x).relu()
      return .concatenated([expand1x1(y).relu(), expand3x3(y).relu()], dim: 1)
    }
  }

  /// The outputs of the first ReLU and of the fire modules, by torchvision's indices: 1, 3, 4, 6, 7, 9, 10,
  /// 11, 12.
  ///
  /// - Parameter images: preprocessed images `[batch, 3, height, width]`.
  public func activations(of images: Tensor) -> [Int: Tensor] {
    requireWeights()
    guard
      check(
        images.rank == 4 && min(images.shape[2], images.shape[3]) >= 17,
        "SqueezeNet needs images of at least 17×17, not \(images.shape)")
    else { return [:] }
    var x = first(isChannelsLast ? images.channelsLast() : images).relu()
    var found = [1: x]
    for (index, fire) in fires {
      // Pooling layers are at 2, 5 and 8.
      if index == 3 || index == 6 || index == 9 { x = Self.pooled(x) }
      x = fire(x)
      found[index] = x
    }
    return found
  }

  /// Logits `[batch, 1000]` of ImageNet's classes, to check that weights and preprocessing match.
  public func logits(of images: Tensor) -> Tensor {
    guard let last, let x = activations(of: images)[12] else {
      check(false, "this SqueezeNet was built without its classifier")
      return images
    }
    return last(x).relu().mean(dims: [2, 3])
  }

  /// 3×3 max pooling with stride 2 and ceil mode; after a ReLU, zero padding has no effect on the maximum.
  private static func pooled(_ x: Tensor) -> Tensor {
    func border(_ length: Int) -> Int { length >= 3 && (length - 3) % 2 == 1 ? 1 : 0 }
    let (bottom, right) = (border(x.shape[2]), border(x.shape[3]))
    return maxPool2d(
      bottom + right > 0 ? x.padded([0, right, 0, bottom]) : x, kernelSize: (3, 3), stride: (2, 2))
  }

  /// `features`, then `classifier`.
  public override func members() -> [Member] {
    let features = [(index: 0, module: first as Module)] + fires.map { ($0.index, $0.fire as Module) }
    var members = [Member.child(name: "features", module: NumberedLayers(features))]
    if let last { members.append(.child(name: "classifier", module: NumberedLayers([(1, last)]))) }
    return members
  }
}
