public import Torch
public import TorchNN

/// How an image that is too large for one pass is cut into overlapping tiles.
public struct Tiling: Sendable, Hashable {
  /// The longest side of a tile in pixels of the condition.
  public var tile: Int
  /// How far neighbouring tiles overlap; outputs fade into each other over this width.
  public var overlap: Int

  /// Tiles of a size.
  public init(tile: Int = 512, overlap: Int = 64) {
    self.tile = tile
    self.overlap = overlap
  }

  /// Above this many pixels an image is tiled where nothing is said: a pass of a common generator over
  /// more takes gigabytes.
  public static let automaticArea = 1024 * 1024

  /// Refuses sizes that do not go together.
  public func validate() throws(ConfigurationError) {
    guard tile >= 16, overlap >= 0, 2 * overlap < tile else {
      throw ConfigurationError(
        "tiles of \(tile) pixels with an overlap of \(overlap) do not work; a tile is at least 16, and more "
          + "than twice the overlap")
    }
  }

  /// Where tiles of `size` begin along a side; the last one ends where the side ends.
  func starts(_ length: Int, size: Int) -> [Int] {
    guard length > size else { return [0] }
    let stride = size - overlap
    let count = (length - overlap + stride - 1) / stride
    return (0..<count).map { min($0 * stride, length - size) }
  }
}

extension TranslatingSystem {
  /// The output for one condition of any size.
  ///
  /// The condition is continued by reflection on the right and below to the multiple that the direction
  /// asks for, and the output cut back to `scale` times its size. With a tiling, and where the condition is
  /// larger than a tile, it is translated in pieces whose overlaps fade into each other; systems that
  /// normalise over a whole image then see the statistics of a tile.
  ///
  /// - Parameters:
  ///   - picture: `[1, channels, height, width]` in the range of its field, or `[1, height, width]` for a
  ///     map of labels; networks in evaluation mode.
  ///   - tiling: nil: tiles only above ``Tiling/automaticArea``.
  /// - Returns: `[1, channels, scale * height, scale * width]` in the range of the target's field.
  public func translateWhole(
    _ picture: Tensor, direction: TranslationDirection, draws: any Draws, tiling: Tiling? = nil
  ) throws -> Tensor {
    try whole(picture, direction, tiling) { part, _ in
      try translate(part, direction: direction, draws: draws)
    }
  }

  /// The output for one source of any size where ``GenerativeSystem/generate(_:emit:)`` takes more than the
  /// source: styles of regions, or their noise.
  ///
  /// - Parameters:
  ///   - conditions: the request's other conditions. Those that lie on the source (``Condition/liesOnSource``)
  ///     have its height and width, and are cut and continued with it.
  ///   - sampling: the request's settings of drawing.
  ///   - further: more of them, or others in their place, for a part of the source, a tile or all of it.
  /// - Throws: ``ConfigurationError`` that names a condition that lies on the source and has another size, and
  ///   both sizes.
  public func translateWhole(
    _ picture: Tensor, direction: TranslationDirection, draws: any Draws, tiling: Tiling? = nil,
    conditions: [String: ConditionValue] = [:], sampling: any Settings = NoSettings(),
    further: (Tensor) throws -> [String: ConditionValue]
  ) throws -> Tensor {
    let beside = try lying(conditions, on: picture)
    return try whole(picture, direction, tiling, beside: beside) { part, beside in
      var conditions = conditions
      for (name, tensor) in beside { conditions[name] = .tensor(tensor) }
      conditions.merge(try further(part)) { _, further in further }
      conditions[direction.source] = .tensor(part)
      var output: Tensor?
      try draw(Request(conditions: conditions, sampling: sampling, draws: draws)) { output = $0.tensor }
      guard let output else { throw ConfigurationError("\(Self.identity.name) gave no image") }
      return output
    }
  }

  /// The conditions that lie on a source, which have its size.
  private func lying(
    _ conditions: [String: ConditionValue], on picture: Tensor
  ) throws(ConfigurationError) -> [String: Tensor] {
    let plan = self.plan
    let size = Array(picture.shape.suffix(2))
    var found: [String: Tensor] = [:]
    for (name, value) in conditions.sorted(by: { $0.key < $1.key }) {
      guard plan.condition(name)?.liesOnSource == true, case .tensor(let tensor) = value, tensor.rank >= 3
      else { continue }
      let own = Array(tensor.shape.suffix(2))
      guard own == size else {
        throw ConfigurationError(
          "the condition '\(name)' is \(own[1])×\(own[0]) and the image that it lies on \(size[1])×\(size[0]); "
            + "give both in one size")
      }
      found[name] = tensor
    }
    return found
  }

  /// A condition of any size, by what translates sizes that the direction allows.
  ///
  /// - Parameter beside: what is cut and continued with it, by name, of the same height and width.
  package func whole(
    _ picture: Tensor, _ direction: TranslationDirection, _ tiling: Tiling?, beside: [String: Tensor] = [:],
    by translate: (Tensor, [String: Tensor]) throws -> Tensor
  ) throws -> Tensor {
    try tiling?.validate()
    let (height, width) = (picture.shape[picture.rank - 2], picture.shape[picture.rank - 1])
    if let side = direction.side {
      guard tiling == nil else {
        throw ConfigurationError("\(Self.identity.name) takes whole images only; leave tiles out")
      }
      return try withoutGradients { try resized(picture, beside, to: side, direction, by: translate) }
    }
    let chosen = tiling ?? (height * width > Tiling.automaticArea ? Tiling() : nil)
    return try withoutGradients {
      guard let chosen, direction.takesTiles, max(height, width) > chosen.tile else {
        return try padded(picture, beside, direction, by: translate)
      }
      return try tiled(picture, beside, direction, chosen, by: translate)
    }
  }

  /// One pass over a square condition that is brought to a side, whose output is brought back to the condition's.
  private func resized(
    _ picture: Tensor, _ beside: [String: Tensor], to side: Int, _ direction: TranslationDirection,
    by translate: (Tensor, [String: Tensor]) throws -> Tensor
  ) throws -> Tensor {
    let (height, width) = (picture.shape[picture.rank - 2], picture.shape[picture.rank - 1])
    guard height == width, picture.rank == 4 else {
      throw ConfigurationError(
        "\(Self.identity.name) takes square images, and this one is \(width)×\(height); cut it to a square first"
      )
    }
    guard height != side else { return try translate(picture, beside) }
    func brought(_ images: Tensor, to side: Int) -> Tensor {
      // Bicubic kernels reach beyond the values that they weigh.
      let (low, high) = (images.min().item(), images.max().item())
      return upsampleBicubic(images, size: (side, side), antialias: true).clamped(min: low, max: high)
    }
    let output = try translate(brought(picture, to: side), beside.mapValues { brought($0, to: side) })
    return brought(output, to: height * direction.scale)
  }

  /// One pass over a condition that is continued to the size multiple.
  private func padded(
    _ picture: Tensor, _ beside: [String: Tensor], _ direction: TranslationDirection,
    by translate: (Tensor, [String: Tensor]) throws -> Tensor
  ) throws -> Tensor {
    let (height, width) = (picture.shape[picture.rank - 2], picture.shape[picture.rank - 1])
    let multiple = max(1, direction.sizeMultiple)
    func continued(_ tensor: Tensor) -> Tensor {
      var whole = tensor
      for (dim, length) in [(tensor.rank - 2, height), (tensor.rank - 1, width)] {
        let wanted = (length + multiple - 1) / multiple * multiple
        guard wanted > length else { continue }
        let places = Tensor((0..<wanted).map { mirrored($0, length) }, device: tensor.device)
        whole = whole.indexSelected(dim, places)
      }
      return whole.contiguous()
    }
    let output = try translate(continued(picture), beside.mapValues(continued))
    return output.slice(2, 0, height * direction.scale).slice(3, 0, width * direction.scale).contiguous()
  }

  /// The place that a place beyond the end shows: the border is a mirror, as often as needed; a single row
  /// repeats.
  private func mirrored(_ place: Int, _ length: Int) -> Int {
    guard length > 1 else { return 0 }
    let period = 2 * (length - 1)
    let within = place % period
    return within < length ? within : period - within
  }

  private func tiled(
    _ picture: Tensor, _ beside: [String: Tensor], _ direction: TranslationDirection, _ tiling: Tiling,
    by translate: (Tensor, [String: Tensor]) throws -> Tensor
  ) throws -> Tensor {
    let (height, width) = (picture.shape[picture.rank - 2], picture.shape[picture.rank - 1])
    let multiple = max(1, direction.sizeMultiple)
    // Whole multiples, so that tiles themselves are not continued.
    let side = max(multiple, tiling.tile / multiple * multiple)
    let scale = direction.scale
    var sum: Tensor?
    let weights = Tensor.zeros([1, 1, height * scale, width * scale])
    for top in tiling.starts(height, size: side) {
      for left in tiling.starts(width, size: side) {
        let (bottom, right) = (min(height, top + side), min(width, left + side))
        func piece(_ tensor: Tensor) -> Tensor {
          let rank = tensor.rank
          return tensor.slice(rank - 2, top, bottom).slice(rank - 1, left, right).contiguous()
        }
        let output = try padded(piece(picture), beside.mapValues(piece), direction, by: translate).to(.cpu)
        let mask =
          fade(top, bottom, height, tiling.overlap, scale).reshaped([1, 1, -1, 1])
          * fade(left, right, width, tiling.overlap, scale).reshaped([1, 1, 1, -1])
        let total = sum ?? .zeros([1, output.shape[1], height * scale, width * scale])
        sum = total
        for (canvas, value) in [(total, output * mask), (weights, mask)] {
          canvas.slice(2, top * scale, bottom * scale).slice(3, left * scale, right * scale).addInPlace(value)
        }
      }
    }
    return (sum ?? weights) / weights
  }

  /// Weights along one side of a tile: rising over the overlap from a cut, full at the image's border.
  private func fade(_ start: Int, _ end: Int, _ length: Int, _ overlap: Int, _ scale: Int) -> Tensor {
    let count = (end - start) * scale
    let ramp = Double(max(1, overlap * scale))
    return Tensor(
      (0..<count).map { place -> Float in
        let fromStart = start == 0 ? 1 : (Double(place) + 0.5) / ramp
        let fromEnd = end == length ? 1 : (Double(count - place) - 0.5) / ramp
        return Float(min(1, fromStart, fromEnd))
      })
  }
}
