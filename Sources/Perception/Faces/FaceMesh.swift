public import Torch
public import TorchNN

/// MediaPipe's face mesh (Kartynnik et al. 2019, "Real-time Facial Surface Geometry from Monocular Video on Mobile GPUs"):
/// 468 points of a face, and how sure it is that there is one.
///
/// The weights `face-mesh` are those of `face_landmark.tflite`. Names: `stem`, `trunk.0` … `trunk.13`, then two branches
/// from the same map, `points` and `face`.
public final class FaceMesh: PerceptionNetwork {
  /// The height and width of its images.
  public static let side = 192
  /// How many points it finds.
  public static let count = 468

  /// Which of its points are nearest to dlib's 68, in dlib's order: jaw, brows, nose, eyes, mouth; those of the image's left
  /// first. Both meshes mean the same places but for the jaw, which the mesh follows at the visible outline's depth.
  public static let outline: [Int] = [
    162, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 389, 71, 63, 105, 66, 107,
    336,
    296, 334, 293, 301, 168, 197, 5, 4, 75, 97, 2, 326, 305, 33, 160, 158, 133, 153, 144, 362, 385, 387, 263,
    373,
    380, 61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87,
  ]

  private let stem = Stem()
  private let trunk: [Block]
  private let points: Branch
  private let face: Branch

  /// The network, without weights.
  public init() {
    let widths: [(Int, Int)] =
      [(16, 16), (16, 16), (16, 32), (32, 32), (32, 32), (32, 64), (64, 64), (64, 64), (64, 128), (128, 128)]
      + Array(repeating: (128, 128), count: 4)
    trunk = widths.enumerated().map { index, width in
      Block(width.0, width.1, stride: [2, 5, 8, 11].contains(index) ? 2 : 1)
    }
    points = Branch(blocks: 3, outputs: 3 * Self.count)
    face = Branch(blocks: 1, outputs: 1)
    super.init(architecture: "face-mesh")
    isChannelsLast = false
  }

  /// The points `[batch, 468, 3]` in pixels of the images, counted from the corner of the top left pixel, with their depths
  /// in pixels; and the probability of a face, `[batch]`.
  ///
  /// - Parameter images: `[batch, 3, 192, 192]`, RGB in 0 … 1: half as large again as the face, upright.
  public func callAsFunction(_ images: Tensor) -> (points: Tensor, face: Tensor) {
    requireWeights()
    guard
      check(
        images.rank == 4 && Array(images.shape.dropFirst()) == [3, Self.side, Self.side],
        "the face mesh takes [batch, 3, 192, 192], not \(images.shape)")
    else { return (images, images) }
    var x = stem(images)
    for block in trunk { x = block(x) }
    let count = images.shape[0]
    return (points(x).reshaped([count, Self.count, 3]), face(x).reshaped([count]).sigmoid())
  }

  /// The layers with weights in the order of `face_landmark.tflite`, where both branches alternate.
  static var order: [(name: String, kind: TFLiteWeights.Layer.Kind)] {
    typealias Layers = [(name: String, kind: TFLiteWeights.Layer.Kind)]
    let block: Layers = [("depthwise", .depthwise), ("pointwise", .convolution), ("prelu", .slope)]
    func one(_ place: String, _ layers: Layers) -> Layers { layers.map { ("\(place)\($0.name)", $0.kind) } }
    func both(_ face: String, _ points: String, _ layers: Layers) -> Layers {
      layers.flatMap { [("face.\(face)\($0.name)", $0.kind), ("points.\(points)\($0.name)", $0.kind)] }
    }
    let beginning: Layers = [("conv", .convolution), ("prelu", .slope)]
    return one("stem.", beginning) + (0..<14).flatMap { one("trunk.\($0).", block) }
      + (0..<2).flatMap { one("points.blocks.\($0).", block) } + both("blocks.0.", "blocks.2.", block)
      + both("reduction.", "reduction.", beginning) + both("last.", "last.", block)
      + both("", "", [("output", .convolution)])
  }

  /// The names of the layers with weights in the file's order.
  package static var orderedNames: [String] { order.map(\.name) }

  /// Children by their names.
  public override func members() -> [Member] {
    [.child(name: "stem", module: stem)]
      + trunk.enumerated().map { .child(name: "trunk.\($0.offset)", module: $0.element) }
      + [.child(name: "points", module: points), .child(name: "face", module: face)]
  }

  // MARK: Parts

  /// Padding by which a stride of 2 halves an even map, as TFLite's `SAME` does: behind it alone.
  private static func padded(_ x: Tensor) -> Tensor { x.padded([0, 1, 0, 1]) }

  /// The first convolution, which halves the image.
  private final class Stem: Module {
    private let convolution = FrozenConvolution(3, 16, kernelSize: 3, stride: 2)
    private let slope = FrozenPReLU(16)

    func callAsFunction(_ x: Tensor) -> Tensor { slope(convolution(padded(x))) }

    override func members() -> [Member] {
      [.child(name: "conv", module: convolution), .child(name: "prelu", module: slope)]
    }
  }

  /// A depthwise and a pointwise convolution beside the identity, which is pooled and filled up with zero channels where the
  /// block halves the map and widens it.
  private final class Block: Module {
    private let depthwise: FrozenConvolution
    private let pointwise: FrozenConvolution
    private let slope: FrozenPReLU
    private let stride: Int
    private let missing: Int

    init(_ inputs: Int, _ outputs: Int, stride: Int = 1) {
      depthwise = FrozenConvolution(
        inputs, inputs, kernelSize: 3, stride: stride, padding: stride == 1 ? 1 : 0, groups: inputs)
      pointwise = FrozenConvolution(inputs, outputs, kernelSize: 1)
      slope = FrozenPReLU(outputs)
      (self.stride, missing) = (stride, outputs - inputs)
      super.init()
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
      guard stride == 2 else { return slope(x + pointwise(depthwise(x))) }
      var beside = maxPool2d(x, kernelSize: (2, 2), stride: (2, 2))
      if missing > 0 { beside = beside.padded([0, 0, 0, 0, 0, missing]) }
      return slope(beside + pointwise(depthwise(padded(x))))
    }

    override func members() -> [Member] {
      [
        .child(name: "depthwise", module: depthwise), .child(name: "pointwise", module: pointwise),
        .child(name: "prelu", module: slope),
      ]
    }
  }

  /// From the trunk's map of 6 × 6 to numbers.
  private final class Branch: Module {
    private let blocks: [Block]
    private let reduction = Reduction()
    private let last = Block(32, 32)
    private let output: FrozenConvolution

    init(blocks count: Int, outputs: Int) {
      blocks = (0..<count).map { Block(128, 128, stride: $0 == 0 ? 2 : 1) }
      output = FrozenConvolution(32, outputs, kernelSize: 3)
      super.init()
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
      var x = x
      for block in blocks { x = block(x) }
      return output(last(reduction(x)))
    }

    override func members() -> [Member] {
      blocks.enumerated().map { .child(name: "blocks.\($0.offset)", module: $0.element) } + [
        .child(name: "reduction", module: reduction), .child(name: "last", module: last),
        .child(name: "output", module: output),
      ]
    }
  }

  /// A pointwise convolution to 32 channels.
  private final class Reduction: Module {
    private let convolution = FrozenConvolution(128, 32, kernelSize: 1)
    private let slope = FrozenPReLU(32)

    func callAsFunction(_ x: Tensor) -> Tensor { slope(convolution(x)) }

    override func members() -> [Member] {
      [.child(name: "conv", module: convolution), .child(name: "prelu", module: slope)]
    }
  }
}
