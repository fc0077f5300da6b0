public import Torch
public import TorchNN

/// SFace (Zhong et al. 2021, "SFace: Sigmoid-Constrained Hypersphere Loss for Robust Face Recognition") as OpenCV's zoo has
/// it: a MobileNet that describes an aligned face by 128 numbers, close for faces of one person.
///
/// Two faces are taken for one person from a cosine of ``threshold`` on. The weights `sface` were stored with 8 bits in
/// blocks; they are float32 here. Names: `conv_1.conv`, `conv_2_dw.conv`, …, `bn1`, `pre_fc1`, `fc1`.
public final class SFace: PerceptionNetwork {
  /// The height and width of its images.
  public static let side = 112
  /// The length of an embedding.
  public static let size = 128
  /// The cosine from which on OpenCV takes two faces for one person.
  public static let threshold: Float = 0.363

  private let units: [(name: String, unit: Unit)]
  private let mapNorm = FrozenBatchNorm(1024, epsilon: 2e-5)
  private let dense = FrozenLinear(1024 * 7 * 7, SFace.size)
  private let norm = FrozenBatchNorm(SFace.size, epsilon: 2e-5)

  /// The network, without weights.
  public init() {
    // Inputs, outputs and stride of each pair of a depthwise and a pointwise convolution.
    let pairs =
      [(32, 64, 1), (64, 128, 2), (128, 128, 1), (128, 256, 2), (256, 256, 1), (256, 512, 2)]
      + Array(repeating: (512, 512, 1), count: 5) + [(512, 1024, 2), (1024, 1024, 1)]
    var units = [("conv_1", Unit(3, 32, kernelSize: 3))]
    for (index, (inputs, outputs, stride)) in pairs.enumerated() {
      units.append(
        ("conv_\(index + 2)_dw", Unit(inputs, inputs, kernelSize: 3, stride: stride, groups: inputs)))
      units.append(("conv_\(index + 2)", Unit(inputs, outputs, kernelSize: 1)))
    }
    self.units = units
    super.init(architecture: "sface")
  }

  /// Embeddings `[batch, 128]` of unit length.
  ///
  /// - Parameter images: `[batch, 3, 112, 112]`, RGB in 0 … 255, aligned to ArcFace's five points; gradients flow to them.
  public func embeddings(of images: Tensor) -> Tensor {
    let features = features(of: images)
    return features
      / features.square().sum(dims: [1], keepDim: true).sqrt().clamped(min: 1e-12, max: .infinity)
  }

  /// The numbers before their length is made 1, `[batch, 128]`.
  public func features(of images: Tensor) -> Tensor {
    requireWeights()
    guard
      check(
        images.rank == 4 && Array(images.shape.dropFirst()) == [3, Self.side, Self.side],
        "SFace takes [batch, 3, 112, 112], not \(images.shape)")
    else { return images }
    var x = (images - 127.5) * 0.0078125
    if isChannelsLast { x = x.channelsLast() }
    for (_, unit) in units { x = unit(x) }
    return norm(dense(mapNorm(x).contiguous().flattened()))
  }

  /// A convolution without bias, batch norm and PReLU.
  private final class Unit: Module {
    private let convolution: FrozenConvolution
    private let norm: FrozenBatchNorm
    private let slope: FrozenPReLU

    init(_ inputs: Int, _ outputs: Int, kernelSize: Int, stride: Int = 1, groups: Int = 1) {
      convolution = FrozenConvolution(
        inputs, outputs, kernelSize: kernelSize, stride: stride, padding: kernelSize / 2, groups: groups,
        hasBias: false)
      norm = FrozenBatchNorm(outputs)
      slope = FrozenPReLU(outputs)
      super.init()
    }

    func callAsFunction(_ x: Tensor) -> Tensor { slope(norm(convolution(x))) }

    override func members() -> [Member] {
      [
        .child(name: "conv", module: convolution), .child(name: "norm", module: norm),
        .child(name: "prelu", module: slope),
      ]
    }
  }

  /// The authors' names of the layers.
  public override func members() -> [Member] {
    units.map { .child(name: $0.name, module: $0.unit) } + [
      .child(name: "bn1", module: mapNorm), .child(name: "pre_fc1", module: dense),
      .child(name: "fc1", module: norm),
    ]
  }
}
