public import Torch
public import TorchNN

/// A face that a network found: all in pixels, counted from the centre of the top left one.
public struct DetectedFace: Sendable, Hashable {
  /// Left, top, right and bottom of the box.
  public let box: [Float]
  /// The eyes, the tip of the nose and the corners of the mouth, those on the left of the image first.
  public let landmarks: [(x: Float, y: Float)]
  /// How sure the network is, 0 … 1.
  public let score: Float

  /// Whether another face has the same numbers.
  public static func == (one: DetectedFace, other: DetectedFace) -> Bool {
    one.box == other.box && one.score == other.score && one.landmarks.count == other.landmarks.count
      && zip(one.landmarks, other.landmarks).allSatisfy { $0.x == $1.x && $0.y == $1.y }
  }

  /// Hashes box and score.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(box)
    hasher.combine(score)
  }
}

/// MTCNN (Zhang et al. 2016, "Joint Face Detection and Alignment Using Multitask Cascaded Convolutional Networks"): three
/// small networks, each of which looks closer at what the one before it found.
///
/// Names of the weights are those of facenet-pytorch under `pnet.`, `rnet.` and `onet.`; numbers are those of that program,
/// version 2.6.0, as are its roundings: boxes of the first network are cut to whole pixels, crops are reduced by area.
public final class MTCNN: PerceptionNetwork {
  /// The settings of a search.
  public struct Settings: Sendable, Hashable {
    /// The shorter side of the smallest face in pixels, at least 12; time falls with its square.
    public var minimumFace = 20
    /// The least scores of the three networks.
    public var thresholds: [Float] = [0.6, 0.7, 0.7]
    /// From one size of the image to the next.
    public var pyramidFactor = 0.709

    /// The authors' settings.
    public init() {}
  }

  private let proposal = ProposalNetwork()
  private let refinement = CropNetwork(.refinement)
  private let output = CropNetwork(.output)

  /// The networks, without weights.
  public init() {
    super.init(architecture: "mtcnn")
    isChannelsLast = false
  }

  /// The faces of an image, the largest first.
  ///
  /// - Parameter image: `[3, height, width]`, RGB in 0 … 255.
  public func faces(in image: Tensor, _ settings: Settings = Settings()) -> [DetectedFace] {
    requireWeights()
    guard
      check(image.rank == 3 && image.shape[0] == 3, "MTCNN takes one RGB image, not \(image.shape)"),
      check(
        settings.minimumFace >= 12 && settings.thresholds.count == 3 && settings.pyramidFactor > 0
          && settings.pyramidFactor < 1,
        "MTCNN: faces of 12 pixels or more, three thresholds, a factor below 1")
    else { return [] }
    return withoutGradients {
      let pixels = image.asType(.float32).unsqueezed(0)
      var boxes = proposed(pixels, settings)
      boxes = refined(pixels, boxes, settings.thresholds[1])
      return completed(pixels, boxes, settings.thresholds[2])
        .sorted { Self.area($0.box) > Self.area($1.box) }
    }
  }

  // MARK: The three steps

  /// A box and its score.
  private struct Candidate {
    var box: [Float]
    var score: Float
    var regression: [Float] = []
    var landmarks: [Float] = []
  }

  private static func area(_ box: [Float]) -> Float { (box[2] - box[0]) * (box[3] - box[1]) }

  private static func normalised(_ x: Tensor) -> Tensor { (x - 127.5) * 0.0078125 }

  /// The first network looks at every place of every size of the image.
  private func proposed(_ image: Tensor, _ settings: Settings) -> [Candidate] {
    let (height, width) = (image.shape[2], image.shape[3])
    var scale = 12 / Double(settings.minimumFace)
    var shorter = Double(min(height, width)) * scale
    var found: [Candidate] = []
    while shorter >= 12 {
      let size = (Int(Double(height) * scale + 1), Int(Double(width) * scale + 1))
      let (regression, scores) = proposal(Self.normalised(adaptiveAveragePool2d(image, size: size)))
      let own = Self.boxes(regression, scores, Float(scale), settings.thresholds[0])
      found += Self.suppressed(own, above: 0.5)
      scale *= settings.pyramidFactor
      shorter *= settings.pyramidFactor
    }
    return Self.suppressed(found, above: 0.7).map { candidate in
      var candidate = candidate
      let (box, change) = (candidate.box, candidate.regression)
      let (w, h) = (box[2] - box[0], box[3] - box[1])
      candidate.box = Self.squared([
        box[0] + change[0] * w, box[1] + change[1] * h, box[2] + change[2] * w, box[3] + change[3] * h,
      ])
      return candidate
    }
  }

  /// The windows of 12 pixels, two apart, whose score is high enough, in pixels of the image.
  private static func boxes(
    _ regression: Tensor, _ scores: Tensor, _ scale: Float, _ threshold: Float
  ) -> [Candidate] {
    let (rows, columns) = (scores.shape[2], scores.shape[3])
    let values = scores.narrow(1, from: 1, length: 1).contiguous().floats()
    let changes = regression.contiguous().floats()
    let plane = rows * columns
    return (0..<plane).compactMap { place in
      guard values[place] >= threshold else { return nil }
      let (x, y) = (Float(place % columns), Float(place / columns))
      let box = [
        (2 * x + 1) / scale, (2 * y + 1) / scale, (2 * x + 12) / scale, (2 * y + 12) / scale,
      ]
      return Candidate(
        box: box.map { $0.rounded(.down) }, score: values[place],
        regression: (0..<4).map { changes[$0 * plane + place] })
    }
  }

  /// The second network looks at crops of 24 pixels.
  private func refined(_ image: Tensor, _ boxes: [Candidate], _ threshold: Float) -> [Candidate] {
    let (kept, crops) = Self.crops(image, boxes, side: 24)
    guard !kept.isEmpty else { return [] }
    let (regression, scores, _) = Self.batched(crops, refinement)
    var found: [Candidate] = []
    for (index, candidate) in kept.enumerated() where scores[2 * index + 1] > threshold {
      found.append(
        Candidate(
          box: candidate.box, score: scores[2 * index + 1],
          regression: Array(regression[(4 * index)..<(4 * index + 4)])))
    }
    return Self.suppressed(found, above: 0.7).map { candidate in
      var candidate = candidate
      candidate.box = Self.squared(Self.moved(candidate))
      return candidate
    }
  }

  /// The third network looks at crops of 48 pixels and names landmarks.
  private func completed(_ image: Tensor, _ boxes: [Candidate], _ threshold: Float) -> [DetectedFace] {
    let (kept, crops) = Self.crops(image, boxes, side: 48)
    guard !kept.isEmpty else { return [] }
    let (regression, scores, landmarks) = Self.batched(crops, output)
    var found: [Candidate] = []
    for (index, candidate) in kept.enumerated() where scores[2 * index + 1] > threshold {
      let box = candidate.box
      let (w, h) = (box[2] - box[0] + 1, box[3] - box[1] + 1)
      let own = landmarks[(10 * index)..<(10 * index + 10)]
      var face = Candidate(
        box: box, score: scores[2 * index + 1], regression: Array(regression[(4 * index)..<(4 * index + 4)]),
        landmarks: own.prefix(5).map { w * $0 + box[0] - 1 } + own.suffix(5).map { h * $0 + box[1] - 1 })
      face.box = Self.moved(face)
      found.append(face)
    }
    return Self.suppressed(found, above: 0.7, ofSmaller: true).map { face in
      DetectedFace(
        box: face.box, landmarks: (0..<5).map { (face.landmarks[$0], face.landmarks[$0 + 5]) },
        score: face.score)
    }
  }

  // MARK: Boxes

  /// A box moved by its regression, whose unit is the box with its last pixel.
  private static func moved(_ candidate: Candidate) -> [Float] {
    let (box, change) = (candidate.box, candidate.regression)
    let (w, h) = (box[2] - box[0] + 1, box[3] - box[1] + 1)
    return [
      box[0] + change[0] * w, box[1] + change[1] * h, box[2] + change[2] * w, box[3] + change[3] * h,
    ]
  }

  /// The square about the middle of a box, as long as its longer side.
  private static func squared(_ box: [Float]) -> [Float] {
    let (w, h) = (box[2] - box[0], box[3] - box[1])
    let side = max(w, h)
    let (left, top) = (box[0] + w * 0.5 - side * 0.5, box[1] + h * 0.5 - side * 0.5)
    return [left, top, left + side, top + side]
  }

  /// Greedy non-maximum suppression; the highest score first, of equal ones the earlier.
  ///
  /// - Parameter ofSmaller: whether the overlap is a part of the smaller box, with last pixels counted, and not of the union.
  private static func suppressed(
    _ candidates: [Candidate], above limit: Float, ofSmaller: Bool = false
  ) -> [Candidate] {
    let order = candidates.indices.sorted {
      (candidates[$1].score, $0) < (candidates[$0].score, $1)
    }
    let edge: Float = ofSmaller ? 1 : 0
    let areas = candidates.map { ($0.box[2] - $0.box[0] + edge) * ($0.box[3] - $0.box[1] + edge) }
    var isOut = [Bool](repeating: false, count: candidates.count)
    var kept: [Candidate] = []
    for (rank, index) in order.enumerated() where !isOut[index] {
      kept.append(candidates[index])
      let box = candidates[index].box
      for other in order[(rank + 1)...] where !isOut[other] {
        let next = candidates[other].box
        let w = max(0, min(box[2], next[2]) - max(box[0], next[0]) + edge)
        let h = max(0, min(box[3], next[3]) - max(box[1], next[1]) + edge)
        let shared = w * h
        let whole = ofSmaller ? min(areas[index], areas[other]) : areas[index] + areas[other] - shared
        if shared / whole > limit { isOut[other] = true }
      }
    }
    return kept
  }

  /// The crops of boxes at one size `[boxes, 3, side, side]`, and the boxes that have a pixel in the image.
  private static func crops(
    _ image: Tensor, _ boxes: [Candidate], side: Int
  ) -> (kept: [Candidate], crops: [Tensor]) {
    let (height, width) = (image.shape[2], image.shape[3])
    var kept: [Candidate] = []
    var crops: [Tensor] = []
    for candidate in boxes {
      // Far outside any image; as a whole number it would overflow.
      guard candidate.box.allSatisfy({ abs($0) < 1e8 }) else { continue }
      let whole = candidate.box.map { Int($0) }
      let (left, top) = (max(1, whole[0]) - 1, max(1, whole[1]) - 1)
      let (right, bottom) = (min(width, whole[2]), min(height, whole[3]))
      guard right > left, bottom > top else { continue }
      kept.append(candidate)
      let crop = image.narrow(2, from: top, length: bottom - top).narrow(3, from: left, length: right - left)
      crops.append(adaptiveAveragePool2d(crop, size: (side, side)))
    }
    return (kept, crops)
  }

  /// What a network says of crops, in batches of bounded size.
  private static func batched(
    _ crops: [Tensor], _ network: CropNetwork
  ) -> (regression: [Float], scores: [Float], landmarks: [Float]) {
    var (regression, scores, landmarks): ([Float], [Float], [Float]) = ([], [], [])
    for start in stride(from: 0, to: crops.count, by: 512) {
      let batch = Tensor.concatenated(Array(crops[start..<min(start + 512, crops.count)]), dim: 0)
      let found = network(normalised(batch))
      regression += found.regression.floats()
      scores += found.scores.floats()
      landmarks += found.landmarks?.floats() ?? []
    }
    return (regression, scores, landmarks)
  }

  /// The authors' names.
  public override func members() -> [Member] {
    [
      .child(name: "pnet", module: proposal), .child(name: "rnet", module: refinement),
      .child(name: "onet", module: output),
    ]
  }
}

// MARK: - Networks

/// PReLU with fixed slopes.
final class FrozenPReLU: Module {
  @Buffer var weight: Tensor

  init(_ channels: Int) {
    weight = .placeholder([channels])
    super.init()
  }

  func callAsFunction(_ x: Tensor) -> Tensor { prelu(x, weight) }

  override func members() -> [Member] { [.tensor(name: "weight", slot: _weight)] }
}

/// Max pooling that keeps a window of which a part lies beyond the edge.
private func pooled(_ x: Tensor, _ size: Int) -> Tensor {
  guard x.rank == 4 else { return x }
  func missing(_ length: Int) -> Int { length > size && (length - size) % 2 == 1 ? 1 : 0 }
  let (bottom, right) = (missing(x.shape[2]), missing(x.shape[3]))
  let whole = bottom + right > 0 ? x.padded([0, right, 0, bottom], value: -.infinity) : x
  return maxPool2d(whole, kernelSize: (size, size), stride: (2, 2))
}

/// The first network, P-Net: scores and boxes of every window of 12 pixels.
private final class ProposalNetwork: Module {
  private let convolutions = [
    FrozenConvolution(3, 10, kernelSize: 3), FrozenConvolution(10, 16, kernelSize: 3),
    FrozenConvolution(16, 32, kernelSize: 3),
  ]
  private let slopes = [FrozenPReLU(10), FrozenPReLU(16), FrozenPReLU(32)]
  private let score = FrozenConvolution(32, 2, kernelSize: 1)
  private let box = FrozenConvolution(32, 4, kernelSize: 1)

  func callAsFunction(_ image: Tensor) -> (regression: Tensor, scores: Tensor) {
    var x = pooled(slopes[0](convolutions[0](image)), 2)
    x = slopes[1](convolutions[1](x))
    x = slopes[2](convolutions[2](x))
    return (box(x), score(x).softmax(1))
  }

  override func members() -> [Member] {
    (0..<3).flatMap { index in
      [
        Member.child(name: "conv\(index + 1)", module: convolutions[index]),
        .child(name: "prelu\(index + 1)", module: slopes[index]),
      ]
    } + [.child(name: "conv4_1", module: score), .child(name: "conv4_2", module: box)]
  }
}

/// The second and the third network, R-Net and O-Net: score, box and landmarks of a crop.
private final class CropNetwork: Module {
  enum Kind { case refinement, output }

  private let convolutions: [FrozenConvolution]
  private let slopes: [FrozenPReLU]
  /// The sizes of the pools behind the first convolutions.
  private let pools: [Int]
  private let dense: FrozenLinear
  private let denseSlope: FrozenPReLU
  private let heads: [FrozenLinear]

  init(_ kind: Kind) {
    let (widths, kernels, features): ([Int], [Int], (Int, Int)) =
      kind == .refinement
      ? ([28, 48, 64], [3, 3, 2], (576, 128)) : ([32, 64, 64, 128], [3, 3, 3, 2], (1152, 256))
    pools = kind == .refinement ? [3, 3] : [3, 3, 2]
    convolutions = zip([3] + widths, zip(widths, kernels)).map {
      FrozenConvolution($0, $1.0, kernelSize: $1.1)
    }
    slopes = widths.map { FrozenPReLU($0) }
    dense = FrozenLinear(features.0, features.1)
    denseSlope = FrozenPReLU(features.1)
    heads = (kind == .refinement ? [2, 4] : [2, 4, 10]).map { FrozenLinear(features.1, $0) }
    super.init()
  }

  func callAsFunction(_ crops: Tensor) -> (regression: Tensor, scores: Tensor, landmarks: Tensor?) {
    var x = crops
    for (index, convolution) in convolutions.enumerated() {
      x = slopes[index](convolution(x))
      if index < pools.count { x = pooled(x, pools[index]) }
    }
    // The weights were trained in another program, whose maps are laid out by columns.
    x = x.permuted([0, 3, 2, 1]).contiguous().flattened()
    x = denseSlope(dense(x))
    return (heads[1](x), heads[0](x).softmax(1), heads.count > 2 ? heads[2](x) : nil)
  }

  override func members() -> [Member] {
    let number = convolutions.count + 1
    var members = convolutions.indices.flatMap { index in
      [
        Member.child(name: "conv\(index + 1)", module: convolutions[index]),
        .child(name: "prelu\(index + 1)", module: slopes[index]),
      ]
    }
    members += [
      .child(name: "dense\(number)", module: dense), .child(name: "prelu\(number)", module: denseSlope),
    ]
    return members
      + heads.enumerated().map {
        .child(name: "dense\(number + 1)_\($0.offset + 1)", module: $0.element)
      }
  }
}
