import Atelier
import Foundation

/// Brings the channels of a configuration to those of the images, and says where sizes differ, so that nobody trains
/// on grey or tiny copies without knowing.
struct ImageFit {
  private let shapes: ImageShapes
  private let isDerived: Bool

  /// The images below a folder.
  init(_ path: URL, reading: ReadingOptions) {
    shapes = ImageShapes(at: path)
    isDerived = reading.derivation != nil
  }

  /// The configuration with as many channels as the images have, where it has fewer and the user did not choose.
  ///
  /// - Parameter given: keys that the user named, which are kept.
  func adapted<Configuration: SystemConfiguration>(
    _ configuration: Configuration, keeping given: Set<String>, say: (String) -> Void
  ) throws -> Configuration {
    guard let data = configuration.plan.data, !(data.arrangement is RunningText) else { return configuration }
    var result = configuration
    for (field, shape) in fields(of: data) {
      guard let wanted = result.plan.field(field)?.kind.imageShape, wanted[0] < shape.channels,
        shape.channels > 1
      else { continue }
      let keys = result.keys.filter { !given.contains($0) && $0.lowercased().hasSuffix("channels") }
      for key in keys {
        guard let changed = Self.changed(result, key, shape.channels),
          changed.plan.field(field)?.kind.imageShape?[0] == shape.channels
        else { continue }
        say(
          "\(key) is \(shape.channels), as the images have \(shape.channels) channels; --set \(key)=\(wanted[0]) trains on "
            + "\(wanted[0] == 1 ? "grey" : String(wanted[0])) ones.")
        result = changed
        break
      }
    }
    if let (field, shape) = fields(of: data).first { sayOfSize(result, field, shape, given, say) }
    return result
  }

  /// The fields that images serve, and what those images are.
  private func fields(of data: DataPlan) -> [(String, ImageShapes.Shape)] {
    var found: [(String, ImageShapes.Shape)] = []
    let images = data.fields.filter { $0.kind.imageShape != nil }.map(\.name)
    if let pairs = data.arrangement as? ImagePairs {
      if let shape = shapes.images, images.contains(pairs.target) { found.append((pairs.target, shape)) }
      if let shape = shapes.sources, images.contains(pairs.source), !isDerived {
        found.append((pairs.source, shape))
      }
    } else if data.arrangement is LabelledImages || data.arrangement is LabelledFrames,
      let first = images.first, let shape = shapes.images
    {
      found.append((first, shape))
    }
    return found
  }

  private func sayOfSize<Configuration: SystemConfiguration>(
    _ configuration: Configuration, _ field: String, _ shape: ImageShapes.Shape, _ given: Set<String>,
    _ say: (String) -> Void
  ) {
    guard let wanted = configuration.plan.field(field)?.kind.imageShape else { return }
    let (height, width) = (wanted[1], wanted[2])
    let side = min(height, width)
    let keys = configuration.keys.filter { key in
      guard !given.contains(key), let changed = Self.changed(configuration, key, 2 * side) else {
        return false
      }
      return key.hasPrefix("image") && changed.plan.field(field)?.kind.imageShape != wanted
    }
    guard let key = keys.first, shape.side >= 2 * side || 2 * shape.side <= side else { return }
    let sizes = [32, 64, 128, 256].filter { $0 <= shape.side && $0 > side }
    let larger = sizes.last { Self.changed(configuration, key, $0) != nil }
    let way = larger.map { "; --set \(key)=\($0) trains on larger ones, which takes longer" } ?? ""
    say("The images are some \(shape.side) pixels a side, and are trained on at \(width)×\(height)\(way).")
  }

  private static func changed<Configuration: SystemConfiguration>(
    _ configuration: Configuration, _ key: String, _ value: Int
  ) -> Configuration? {
    do {
      let changed = try configuration.overlaid(with: [key: .integer(value)])
      try changed.validate()
      return changed
    } catch { return nil }
  }
}
