extension InvisibleMark {
  /// The smallest side of an image that is marked; what a smaller one can carry unseen does not outlive JPEG.
  public static let smallestSide = 96

  /// How strongly the mark is tried in turn, in levels of 255 where an image is plain.
  private static let strengths: [Float] = [1, 1.4, 2, 2.8, 4]

  /// What the score must be after the changes that a mark is made for; above the threshold, for what else happens.
  private static let target = 8.5

  /// An image with the mark, as faint as survives JPEG of quality 75, halving, and the loss of its outer tenth.
  ///
  /// All colour channels change alike, and alpha does not. The change is some one to four levels of 255, more where
  /// the image is lively (the noise visibility of Voloshynovskiy et al. 1999). The same image gives the same result.
  ///
  /// - Returns: the image, of the same depth and channels, and what became of it.
  public static func marked(_ image: Image) -> (image: Image, outcome: Outcome) {
    guard !image.isMultiband else { return (image, .unmarked("the channels are bands, not colours")) }
    guard min(image.width, image.height) >= smallestSide else {
      return (image, .unmarked("a side is shorter than \(smallestSide) pixels"))
    }
    let plane = LuminancePlane(image)
    let mask = plane.liveliness()
    var last = image
    for strength in strengths {
      last = image.adding(mask, strength: strength)
      if survives(last) { return (last, .marked) }
    }
    return (last, .weak)
  }

  /// Looks for the mark in an image.
  public static func find(in image: Image) -> Finding {
    var best = Finding(score: 0, scale: 1)
    for scale in scales {
      let (width, height) = (Double(image.width) * scale, Double(image.height) * scale)
      // Enlarging shows a mark in what was halved, and what was halved is not large.
      guard min(width, height) >= 48, width * height <= 50e6,
        let scaled = try? image.resized(width: Int(width.rounded()), height: Int(height.rounded()))
      else { continue }
      let score = LuminancePlane(scaled).score()
      if score > best.score { best = Finding(score: score, scale: scale) }
      if best.isFound { break }
    }
    return best
  }

  /// Whether the mark is found after what it is made for.
  private static func survives(_ image: Image) -> Bool {
    let plain = image.withoutAlpha().with8Bits()
    let (width, height) = (plain.width, plain.height)
    let changes: [() throws -> Image] = [
      { try ImageCodec().decode(try ImageCodec().encode(plain, as: .jpeg, quality: 75)) },
      {
        try plain.resized(width: (width + 1) / 2, height: (height + 1) / 2).resized(
          width: width, height: height)
      },
      { try plain.centerCropped(width: width - width / 10, height: height - height / 10) },
    ]
    return changes.allSatisfy { change in
      (try? change()).map { LuminancePlane($0).score() >= target } ?? false
    }
  }
}

extension Image {
  /// The image with the pattern added to all its colours.
  ///
  /// - Parameters:
  ///   - mask: a factor for each pixel.
  ///   - strength: in levels of 255.
  fileprivate func adding(_ mask: [Float], strength: Float) -> Image {
    let tile = MarkPattern.standard.tile
    let side = MarkPattern.side
    let colours = hasAlpha ? channels - 1 : channels
    let level = strength / 255
    var values = floats
    values.withUnsafeMutableBufferPointer { values in
      mask.withUnsafeBufferPointer { mask in
        tile.withUnsafeBufferPointer { tile in
          for y in 0..<height {
            for x in 0..<width {
              let pixel = y * width + x
              let change = level * mask[pixel] * tile[(y % side) * side + x % side]
              for colour in 0..<colours { values[pixel * channels + colour] += change }
            }
          }
        }
      }
    }
    return Image(width: width, height: height, channels: channels, floats: values).withDepth(depth)
  }
}

/// An image's luminance, in levels of 255.
private struct LuminancePlane {
  let width: Int
  let height: Int
  let values: [Float]

  /// How far the surroundings of a pixel reach.
  private static let radius = 4

  init(_ image: Image) {
    width = image.width
    height = image.height
    values = image.withoutAlpha().withFloats().grey().floats.map { $0 * 255 }
  }

  /// Each value without the mean of its surroundings, and its surroundings' standard deviation.
  private func residuals() -> (residuals: [Float], deviations: [Float]) {
    let means = blurred(values)
    let residuals = zip(values, means).map { $0 - $1 }
    return (residuals, blurred(residuals.map { $0 * $0 }).map { max(0, $0).squareRoot() })
  }

  /// How much of the mark each pixel hides.
  func liveliness() -> [Float] { residuals().deviations.map { min(2.5, 0.7 + $0 / 12) } }

  /// How far the image agrees with the pattern.
  func score() -> Double {
    let (residuals, deviations) = residuals()
    let side = MarkPattern.side
    var folded = [Float](repeating: 0, count: side * side)
    for y in 0..<height {
      for x in 0..<width {
        let pixel = y * width + x
        // Edges say nothing of the mark, and would drown it.
        folded[(y % side) * side + x % side] += residuals[pixel] / (deviations[pixel] + 1.5)
      }
    }
    return MarkPattern.standard.score(folded)
  }

  /// The mean of each value's surroundings, as far as they lie in the image.
  private func blurred(_ plane: [Float]) -> [Float] {
    Self.means(along: height, of: width, Self.means(along: width, of: height, plane, 1, width), width, 1)
  }

  /// Running means along lines.
  ///
  /// - Parameters:
  ///   - length: of a line.
  ///   - lines: how many.
  ///   - step: from one value of a line to the next.
  ///   - stride: from one line to the next.
  private static func means(
    along length: Int, of lines: Int, _ plane: [Float], _ step: Int, _ stride: Int
  ) -> [Float] {
    [Float](unsafeUninitializedCapacity: plane.count) { output, count in
      plane.withUnsafeBufferPointer { input in
        for line in 0..<lines {
          let start = line * stride
          var (sum, held) = (0.0, 0)
          for place in 0..<min(radius, length) {
            sum += Double(input[start + place * step])
            held += 1
          }
          for place in 0..<length {
            if place + radius < length {
              sum += Double(input[start + (place + radius) * step])
              held += 1
            }
            if place - radius - 1 >= 0 {
              sum -= Double(input[start + (place - radius - 1) * step])
              held -= 1
            }
            output[start + place * step] = Float(sum / Double(held))
          }
        }
      }
      count = plane.count
    }
  }
}
