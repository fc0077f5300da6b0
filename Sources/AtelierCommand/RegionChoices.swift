import Atelier
import Foundation
import Torch

/// What `--vary` asks of a system whose regions have noise of their own.
struct VariedRegions {
  /// Classes whose noise is drawn anew for each variation, by name or index.
  let classes: [String]
  let variations: Int
  let names: [String]

  /// The translation, once for each variation.
  func applied(
    to translation: ImageTranslator, _ system: any RegionalVariationSystem
  ) throws -> [ImageTranslator] {
    let count = system.plan.ability(RegionalVariations.self)?.classes ?? 0
    let chosen = try classes.map { try classIndex($0, below: count, names) }
    return (0..<variations).map { number in
      var one = translation
      one.further = { map, seed in
        system.regionalVariation(of: map, varying: chosen, variation: number, seed: seed)
          .mapValues { .tensor($0) }
      }
      return one
    }
  }
}

/// What `--style`, `--style-map` and `--region` ask of a system whose regions have styles of their own.
struct StyledRegions {
  /// Images that styles are taken from, and their label maps.
  let styles: [URL]
  let styleMaps: [URL]
  /// `CLASS=PICTURE` or `CLASS=PICTURE:SHARE,PICTURE:SHARE`, images counted from 1.
  let regions: [String]
  let names: [String]

  /// The translation in these styles.
  func applied(
    to translation: ImageTranslator, _ system: any RegionalStyleSystem
  ) throws -> ImageTranslator {
    let inputs = try inputs(
      for: system, colours: translation.classColours, codec: ImageCodec(scale: translation.scale))
    var one = translation
    one.further = { _, _ in inputs.mapValues { .tensor($0) } }
    return one
  }

  private func inputs(
    for system: any RegionalStyleSystem, colours: [[UInt8]], codec: ImageCodec
  ) throws -> [String: Tensor] {
    guard !styles.isEmpty, styles.count == styleMaps.count else {
      throw Refusal.usage(
        "styles of regions are taken from images with their label maps; give as many --style-map "
          + "(\(styleMaps.count)) as --style (\(styles.count))")
    }
    guard case .field(.image(let channels, let height, let width, _))? = system.plan.condition("style")?.kind,
      let classes = system.plan.ability(RegionalStyles.self)?.classes
    else { throw Refusal.usage("this system has no regions with styles of their own; leave --style out") }
    var pictures: [Tensor] = []
    var maps: [Tensor] = []
    var shown: [Set<Int>] = []
    for (file, mapFile) in zip(styles, styleMaps) {
      let picture = try codec.decode(file).converted(toChannels: channels, alpha: .flattenOnWhite)
      let labels = try codec.decodeLabels(mapFile, colours: colours)
      let map = labels.indices
      guard picture.width == map.width, picture.height == map.height else {
        throw Refusal.data(
          "\(mapFile.path) is \(map.width)×\(map.height) and its image \(picture.width)×\(picture.height); a map "
            + "has its image's size")
      }
      pictures.append(
        Tensor(try picture.resized(width: width, height: height).floatTensor()).unsqueezed(0) * 2 - 1)
      // All of it: a label of few pixels may be lost in the smaller map.
      do { shown.append(Set(try labels.classes(below: classes))) } catch ImageError.invalid(let reason) {
        throw Refusal.data("\(mapFile.path): \(reason)")
      }
      let small = LabelMap(indices: try map.resized(width: width, height: height, filter: .nearest))
      maps.append(Tensor(try small.classes(below: classes), shape: [1, height, width]))
    }
    return try system.regionalStyles(
      of: .concatenated(pictures, dim: 0), labels: .concatenated(maps, dim: 0),
      shares: try shares(classes, shown))
  }

  /// How much of each image goes into the regions that `--region` names.
  ///
  /// - Parameter shown: the classes that each style image shows.
  private func shares(_ classes: Int, _ shown: [Set<Int>]) throws -> [Int: [Double]] {
    var rows: [Int: [Double]] = [:]
    for region in regions {
      let parts = region.split(separator: "=", maxSplits: 1).map(String.init)
      guard parts.count == 2 else {
        throw Refusal.usage("--region takes CLASS=PICTURE, such as sky=2, not '\(region)'")
      }
      var row = Array(repeating: 0.0, count: styles.count)
      for share in parts[1].split(separator: ",") {
        let numbers = share.split(separator: ":")
        guard (1...2).contains(numbers.count), let picture = Int(numbers[0]),
          styles.indices.contains(picture - 1),
          let amount = numbers.count == 2 ? Double(numbers[1]) : 1, amount >= 0, amount.isFinite
        else {
          throw Refusal.usage(
            "--region \(region): '\(share)' is no image 1 … \(styles.count), nor PICTURE:SHARE")
        }
        row[picture - 1] += amount
      }
      guard row.contains(where: { $0 > 0 }) else {
        throw Refusal.usage("--region \(region): the shares are all 0")
      }
      let place = try classIndex(parts[0], below: classes, names)
      for (picture, amount) in row.enumerated() where amount > 0 && !shown[picture].contains(place) {
        throw Refusal.usage(
          "--region \(region): image \(picture + 1), \(styles[picture].path), shows no '\(parts[0])' in its "
            + "label map; choose an image that does")
      }
      rows[place] = row
    }
    return rows
  }
}

/// The class that a name or an index means.
private func classIndex(_ text: String, below classes: Int, _ names: [String]) throws -> Int {
  // Exactly first: classes may differ in the case of their letters alone.
  let tolerant = names.firstIndex { $0.caseInsensitiveCompare(text) == .orderedSame }
  if let index = names.firstIndex(of: text) ?? tolerant {
    return index
  }
  if let index = Int(text), (0..<classes).contains(index) { return index }
  let known =
    names.isEmpty ? "give an index below \(classes)" : "the classes are \(names.joined(separator: ", "))"
  throw Refusal.usage("there is no class '\(text)'; \(known)")
}
