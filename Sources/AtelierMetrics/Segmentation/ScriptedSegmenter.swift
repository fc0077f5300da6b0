public import Foundation
public import Torch

/// A semantic segmentation network.
public protocol Segmenter {
  /// The class of every pixel, int64 `[n, height, width]`, of images `[n, 3, height, width]`, bytes or in
  /// -1 … 1.
  ///
  /// - Throws: `MetricError` where the network does not fit the images.
  func classes(of pictures: Tensor) throws -> Tensor
  /// Its description in the protocol of numbers.
  var facts: String { get }
}

extension Segmenter {
  /// Scores the segmenter's predictions for images against their maps, in batches, as all maps and
  /// predictions together would take gigabytes.
  ///
  /// - Parameters:
  ///   - pictures: `[n, 3, height, width]`, bytes or in -1 … 1.
  ///   - examples: as many maps; their images are ignored.
  ///   - classes: the number of classes.
  ///   - ignore: a class of the maps that is ignored.
  ///   - each: told the scores of each image alone, in order.
  /// - Throws: `MetricError` for other numbers or sizes of images and maps.
  public func scores(
    of pictures: Tensor, against examples: SegmenterTraining.Examples, classes: Int, ignoring ignore: Int?,
    each: (SegmentationScores) -> Void = { _ in }
  ) throws -> SegmentationScores {
    let count = examples.images.shape[0]
    guard pictures.rank == 4, pictures.shape[0] == count else {
      throw MetricError("\(count) maps need as many images, not \(pictures.shape)")
    }
    var scores = try SegmentationScores(classes: classes)
    for start in stride(from: 0, to: count, by: 16) {
      let end = min(start + 16, count)
      let predictions = try self.classes(of: pictures.slice(0, start, end))
      let targets = examples.labels(from: start, to: end)
      for row in 0..<(end - start) {
        var image = try SegmentationScores(classes: classes)
        try image.add(
          prediction: predictions.slice(0, row, row + 1), target: targets.slice(0, row, row + 1),
          ignoring: ignore)
        each(image)
        try scores.add(image)
      }
    }
    return scores
  }
}

/// A segmenter from a TorchScript file, whose `forward` takes images `[n, 3, height, width]` and returns
/// logits `[n, classes, h, w]`.
///
/// Logits of another size are resized bilinearly to the images' before argmax. The network runs in evaluation
/// mode on the CPU.
public final class ScriptedSegmenter: Segmenter {
  /// The range of a network's input.
  public enum InputRange: String, Codable, Sendable, Hashable, CaseIterable {
    /// -1 … 1.
    case signed
    /// 0 … 1.
    case unit
    /// 0 … 1, normalised by ImageNet's mean (0.485, 0.456, 0.406) and standard deviation (0.229, 0.224,
    /// 0.225).
    case imagenet

    /// The text in protocols.
    var text: String {
      switch self {
      case .signed: "pictures in -1 … 1"
      case .unit: "pictures in 0 … 1"
      case .imagenet: "pictures normalised as for ImageNet"
      }
    }
  }

  /// The file.
  public var file: URL { judge.file }
  /// The range of its input.
  public let range: InputRange
  private let judge: ScriptedJudge
  private let classCount: Int
  private var resized: [Int]?

  /// Opens a file.
  ///
  /// - Parameters:
  ///   - range: the range of its input.
  ///   - classes: the number of classes of its logits.
  /// - Throws: `MetricError` where there is no such file; `ScriptError` where it is not TorchScript.
  public init(_ file: URL, range: InputRange, classes: Int) throws {
    judge = try ScriptedJudge(file, as: "segmenter")
    self.range = range
    classCount = classes
  }

  /// The file's name, the first digits of its fingerprint, and the input range.
  public var facts: String {
    let size = resized.map { ", logits of \($0[1])×\($0[0]) brought to the pictures' size bilinearly" } ?? ""
    return "\(judge.name), \(range.text)\(size)"
  }

  /// The class of every pixel; see ``Segmenter``.
  public func classes(of pictures: Tensor) throws -> Tensor {
    guard pictures.rank == 4, pictures.shape[0] >= 1, pictures.shape[1] == 3 else {
      throw MetricError("a segmenter takes [n, 3, height, width], not \(pictures.shape)")
    }
    return try withoutGradients {
      let size = 8
      let count = pictures.shape[0]
      let parts = try stride(from: 0, to: count, by: size).map { start in
        try found(signedImages(pictures.slice(0, start, min(start + size, count)).to(.cpu)))
      }
      return .concatenated(parts, dim: 0)
    }
  }

  private func found(_ signed: Tensor) throws -> Tensor {
    let logits = try judge(prepared(signed))
    let shape = logits.shape
    guard shape.count == 4, shape[0] == signed.shape[0], logits.dtype.isFloatingPoint, shape[2] >= 1,
      shape[3] >= 1
    else {
      throw judge.refusal(
        "\(logits.dtype) \(shape) for images \(signed.shape); it must give logits [n, classes, height, width]"
      )
    }
    guard shape[1] == classCount else {
      throw judge.refusal(
        "logits of \(shape[1]) classes, and the maps have \(classCount); wrap it in a network that puts its classes in the "
          + "maps' places")
    }
    guard logits.isFinite() else {
      throw judge.refusal(
        "numbers that are not finite; check its input range (-1 … 1, 0 … 1, or normalised)")
    }
    let wanted = Array(signed.shape.suffix(2))
    guard Array(shape.suffix(2)) != wanted else { return logits.argmax(dim: 1) }
    resized = Array(shape.suffix(2))
    return upsampleBilinear(logits.asType(.float32), size: (wanted[0], wanted[1]), antialias: false)
      .argmax(dim: 1)
  }

  private func prepared(_ signed: Tensor) -> Tensor {
    guard range != .signed else { return signed }
    let unit = ((signed + 1) / 2).clamped(min: 0, max: 1)
    guard range == .imagenet else { return unit }
    func colours(_ values: [Float]) -> Tensor { Tensor(HostTensor(values, shape: [1, 3, 1, 1])) }
    return (unit - colours([0.485, 0.456, 0.406])) / colours([0.229, 0.224, 0.225])
  }
}

extension ImageSegmenter: Segmenter {
  /// The class of every pixel; see ``Segmenter``.
  public func classes(of pictures: Tensor) -> Tensor { segment(pictures) }

  /// How it was trained.
  public var facts: String {
    guard let report else { return "untrained U-Net" }
    let limit = report.seconds.map { " of \(Int($0.rounded())) seconds" } ?? ""
    return
      "U-Net trained on \(report.trainingCount) real training pictures (\(report.fingerprint.prefix(8)), "
      + "\(report.steps) steps" + (report.wasShortened ? ", shortened by the time limit\(limit))" : ")")
  }
}
