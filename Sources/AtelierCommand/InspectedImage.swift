import Atelier
import Foundation

/// What `inspect` says of an image file: its header, what its metadata say of its origin, and whether it carries the
/// invisible mark.
struct InspectedImage: Encodable {
  struct Mark: Encodable {
    let isFound: Bool
    let score: Double
    let threshold: Double
    let scale: Double
    /// The chance that an image without the mark scores as much, at most.
    let falseAlarm: Double
  }

  let file: String
  let format: String
  let width: Int
  let height: Int
  let channels: Int
  let depth: Int
  let frames: Int
  /// What an image that Atelier drew says in its metadata; absent where it says nothing.
  let origin: ImageOrigin.Stated?
  let mark: Mark

  init(_ url: URL) throws {
    let codec = ImageCodec()
    let bytes = try codec.bytes(of: url)
    let information = try codec.information(of: bytes, named: url.path)
    let finding = InvisibleMark.find(in: try codec.decode(bytes, named: url.path))
    file = url.path
    format = information.format.rawValue
    (width, height, channels) = (information.width, information.height, information.channels)
    (depth, frames) = (information.depth, information.frames)
    origin = try codec.metadata(of: bytes).flatMap { ImageOrigin.Stated($0) }
    mark = Mark(
      isFound: finding.isFound, score: finding.score, threshold: InvisibleMark.threshold,
      scale: finding.scale,
      falseAlarm: finding.falseAlarm)
  }

  func show() {
    print(file)
    print(
      "\(format.uppercased()), \(width) x \(height) pixels, \(channels) channels, \(depth) bits"
        + (frames > 1 ? ", \(frames) frames" : ""))
    if let origin {
      let made = origin.isGenerated ? "made by a trained model" : "not said to be made by a model"
      print(
        "Metadata: " + [made, origin.system, origin.checkpoint].compactMap { $0 }.joined(separator: "; "))
    } else {
      print("Metadata: nothing about where it comes from")
    }
    let score = String(format: "%.1f of at least %.1f", mark.score, mark.threshold)
    if mark.isFound {
      let scale = mark.scale == 1 ? "" : ", at \(mark.scale) times its size"
      let chance = String(format: "%.0e", max(mark.falseAlarm, 1e-99))
      print("Invisible mark: found (\(score)\(scale); by chance in fewer than \(chance) of images)")
    } else {
      print("Invisible mark: not found (\(score)), which does not prove that no model made it")
    }
  }
}
