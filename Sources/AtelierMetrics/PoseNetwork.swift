public import Foundation
public import Torch

/// Finds the joints of a person by a TorchScript file whose `forward` takes images `[n, 3, height, width]` in -1 … 1 and gives a
/// heat map a joint, `[n, joints, h, w]`, in 0 … 1.
public final class PoseNetwork {
  /// The value of a heat map from which on its joint is found.
  public static let threshold = 0.1

  private let judge: ScriptedJudge

  /// Opens a file.
  ///
  /// - Throws: `MetricError` where there is no such file; `ScriptError` where it is not TorchScript.
  public init(_ file: URL) throws {
    judge = try ScriptedJudge(file, as: "pose network")
  }

  /// The file's name and the first digits of its fingerprint.
  public var name: String { judge.name }

  /// The joints of each image in pixels of the image; nil: not found.
  ///
  /// - Parameter images: bytes `[n, 3, height, width]`.
  /// - Throws: `MetricError` where the network gives something else.
  public func joints(in images: Tensor) throws -> [[ColourDetector.Place?]] {
    try withoutGradients {
      let (height, width) = (images.shape[2], images.shape[3])
      return try (0..<images.shape[0]).map { index in
        let image = images.slice(0, index, index + 1).asType(.float32) / 127.5 - 1
        let maps = try judge(image)
        guard maps.rank == 4, maps.shape[0] == 1, maps.dtype.isFloatingPoint, maps.isFinite() else {
          throw judge.refusal(
            "\(maps.dtype) \(maps.shape) for an image \(image.shape); it must give finite heat maps [1, joints, height, width]"
          )
        }
        let (rows, columns) = (maps.shape[2], maps.shape[3])
        let flat = maps.asType(.float32).reshaped([maps.shape[1], rows * columns])
        let places = flat.argmax(dim: 1).integers()
        let values = flat.gathered(1, Tensor(places, shape: [places.count, 1])).reshaped([-1]).floats()
        return zip(places, values).map { place, value in
          guard Double(value) >= Self.threshold else { return nil }
          return ColourDetector.Place(
            x: (Double(place % columns) + 0.5) * Double(width) / Double(columns) - 0.5,
            y: (Double(place / columns) + 0.5) * Double(height) / Double(rows) - 0.5)
        }
      }
    }
  }
}
