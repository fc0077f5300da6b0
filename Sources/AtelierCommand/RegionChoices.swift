import Atelier
import Foundation
import Torch

/// What `--style-map`, `--region` and `--vary` ask of a system whose regions have styles or noise of their own:
/// the label map's translation with further inputs.
struct RegionChoices {
  /// Pictures that styles are taken from, and their label maps.
  let styles: [URL]
  let styleMaps: [URL]
  /// `CLASS=PICTURE` or `CLASS=PICTURE:SHARE,PICTURE:SHARE`, pictures counted from 1.
  let regions: [String]
  /// Classes whose noise is drawn anew for each variation.
  let varied: [String]
  let variations: Int
  let names: [String]

  /// Whether anything is asked that only such systems can do.
  var isEmpty: Bool { styleMaps.isEmpty && regions.isEmpty && varied.isEmpty }

  /// The translation, once for each variation.
  func applied(to translation: PictureTranslation) throws -> [PictureTranslation] {
    var one = translation
    if let sean = translation.system as? SEAN {
      guard varied.isEmpty else {
        throw Refusal.usage("sean's regions have styles, not noise; leave --vary out")
      }
      let inputs = try styleInputs(sean, colours: translation.classColours)
      one.further = { _, _ in inputs }
      return [one]
    }
    guard let oasis = translation.system as? OASIS else {
      throw Refusal.usage(
        "\(type(of: translation.system).identity.name) has no regions with a style of their own; leave --style-map, "
          + "--region and --vary out")
    }
    guard styles.isEmpty, styleMaps.isEmpty, regions.isEmpty else {
      throw Refusal.usage("oasis takes no style pictures; --vary CLASS … with --variations redraws regions")
    }
    let latent = oasis.configuration.latent
    guard latent > 0 else { throw Refusal.usage("this oasis was trained without noise; leave --vary out") }
    let classes = try varied.map { try index($0, below: oasis.configuration.classes) }
    return (0..<UInt64(variations)).map { number in
      var one = translation
      one.further = { map, seed in
        // The picture's noise is the same in every variation, and only that of the regions differs.
        func drawn(_ purpose: String, _ seed: UInt64) -> Tensor {
          RandomStream(seed: seed, purpose: purpose).normal([1, latent])
        }
        let chosen = classes.reduce(Tensor.zeros(map.shape)) { $0 + map.equal(Double($1)).asType(.float32) }
        return [
          "noise": OASIS.noise(
            drawn("picture", seed), except: drawn("regions", seed &+ number), where: chosen)
        ]
      }
      return one
    }
  }

  // MARK: Styles

  private func styleInputs(_ sean: SEAN, colours: [[UInt8]]) throws -> [String: Tensor] {
    guard !styles.isEmpty, styles.count == styleMaps.count else {
      throw Refusal.usage(
        "sean takes styles from pictures with their label maps; give as many --style-map (\(styleMaps.count)) as "
          + "--style (\(styles.count))")
    }
    let (height, width) = (sean.configuration.imageHeight, sean.configuration.imageWidth)
    let classes = sean.configuration.classes
    var pictures: [Tensor] = []
    var maps: [Tensor] = []
    var shown: [Set<Int>] = []
    for (file, mapFile) in zip(styles, styleMaps) {
      let picture = try Image(contentsOf: file).converted(toChannels: 3, alpha: .flattenOnWhite)
      let labels = try ImageCodec().decodeLabels(mapFile, colours: colours)
      let map = labels.indices
      guard picture.width == map.width, picture.height == map.height else {
        throw Refusal.data(
          "\(mapFile.path) is \(map.width)×\(map.height) and its picture \(picture.width)×\(picture.height); a map "
            + "has its picture's size")
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
    return [
      "style": .concatenated(pictures, dim: 0), "styleLabel": .concatenated(maps, dim: 0),
      "styleWeights": try weights(classes, shown),
    ]
  }

  /// `[1, classes, pictures]`: the first picture everywhere but where `--region` says otherwise.
  ///
  /// - Parameter shown: the classes that each style picture shows.
  private func weights(_ classes: Int, _ shown: [Set<Int>]) throws -> Tensor {
    var rows = Array(repeating: [1.0] + Array(repeating: 0.0, count: styles.count - 1), count: classes)
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
            "--region \(region): '\(share)' is no picture 1 … \(styles.count), nor PICTURE:SHARE")
        }
        row[picture - 1] += amount
      }
      let sum = row.reduce(0, +)
      guard sum > 0 else { throw Refusal.usage("--region \(region): the shares are all 0") }
      let place = try index(parts[0], below: classes)
      for (picture, amount) in row.enumerated() where amount > 0 && !shown[picture].contains(place) {
        throw Refusal.usage(
          "--region \(region): picture \(picture + 1), \(styles[picture].path), shows no '\(parts[0])' in its "
            + "label map; choose a picture that does")
      }
      rows[place] = row.map { $0 / sum }
    }
    return Tensor(rows.flatMap { $0.map(Float.init) }, shape: [1, classes, styles.count])
  }

  private func index(_ text: String, below classes: Int) throws -> Int {
    if let index = names.firstIndex(where: { $0.caseInsensitiveCompare(text) == .orderedSame }) {
      return index
    }
    if let index = Int(text), (0..<classes).contains(index) { return index }
    let known =
      names.isEmpty ? "give an index below \(classes)" : "the classes are \(names.joined(separator: ", "))"
    throw Refusal.usage("there is no class '\(text)'; \(known)")
  }
}
