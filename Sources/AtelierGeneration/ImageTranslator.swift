public import AtelierCore
public import AtelierData
public import AtelierMedia
import Foundation
public import Torch
import TorchNN

/// What becomes of an image's alpha when it is translated.
public enum AlphaTreatment: String, Sendable, Hashable, CaseIterable {
  /// The image is laid over white to be translated, and the result takes over the alpha.
  case keep
  /// The image is laid over white, and the result has no alpha.
  case white
  /// The image is laid over black, and the result has no alpha.
  case black
}

/// Turns images of any size, depth and channels into what a trained system makes of them.
///
/// ```swift
/// let (system, description) = try loadSystem(from: run, registry: .standard)
/// let translation = try ImageTranslator(system, description)
/// try translation(Image(contentsOf: photo)).write(to: result)
/// ```
public struct ImageTranslator {
  /// The system.
  public let system: any TranslatingSystem
  /// What is turned into what.
  public let direction: TranslationDirection
  /// Whether conditions are maps of labels, which ``ImageCodec/decodeLabels(_:colours:)`` reads.
  public let takesLabels: Bool
  /// Whether nothing but a map of labels will do, so that an image in other colours is an error.
  public let needsLabels: Bool
  /// Red, green and blue of each class, where training's maps were drawn in colours; empty where they held
  /// indices.
  public let classColours: [[UInt8]]
  /// What each class is called; empty where that is unknown.
  public let classNames: [String]
  /// Which numbers of image files were black and white in training; nil: what each file's format says.
  public let scale: SampleScale?
  /// How large images are cut; nil: only where they are very large.
  public var tiling: Tiling?
  /// What becomes of alpha.
  public var alpha: AlphaTreatment
  /// Where the style comes from, for systems that have one beside the image.
  public var style = TranslationStyle.drawn
  /// How the condition is derived from each image, as it was in training; nil: images are conditions.
  public var derivation: ImageDerivation?
  /// What random numbers follow from, for systems that draw any.
  public var seed: UInt64
  /// Further conditions of the system's request; those that lie on the source are cut and continued with it.
  public var conditions: [String: ConditionValue] = [:]
  /// The settings of drawing of the system's request, such as how random faces are; those that say how several results are drawn
  /// belong to who asks for them.
  public var sampling: any Settings = NoSettings()
  /// Further conditions of the system's request, from a part of the source and ``seed``; nil: none.
  public var further: ((Tensor, UInt64) throws -> [String: ConditionValue])?

  private let kind: FieldKind
  private let targetChannels: Int
  private let ranges: (source: ClosedRange<Float>, target: ClosedRange<Float>)

  /// A translation by a loaded system.
  ///
  /// - Parameter direction: a direction's name, or `AtoB` for the first and `BtoA` for the second; nil: the
  ///   first.
  /// - Throws: ``ConfigurationError`` for a system that does not translate, or has no such direction.
  public init(
    _ system: any GenerativeSystem, _ description: ModelDescription, direction name: String? = nil,
    tiling: Tiling? = nil, alpha: AlphaTreatment = .keep, seed: UInt64 = 0
  ) throws {
    guard let translating = system as? any TranslatingSystem else {
      throw ConfigurationError("\(description.system) does not start from images; leave them out")
    }
    let direction = try Self.direction(of: translating, name)
    guard let field = translating.plan.fields.first(where: { $0.name == direction.source })
    else { throw ConfigurationError("\(description.system) has no field '\(direction.source)'") }
    self.system = translating
    self.direction = direction
    self.tiling = tiling
    self.alpha = alpha
    self.seed = seed
    kind = field.kind
    func bounds(_ field: String) -> ClosedRange<Float> {
      translating.range(of: field) == .signed ? -1...1 : 0...1
    }
    ranges = (bounds(direction.source), bounds(direction.target))
    // Files of no other data become a channel a class; imported weights do not say what their images were.
    let isPaired = (translating.plan.data?.arrangement as? ImagePairs)?.source == direction.source
    let isLabelled = isPaired && description.data.sourcesAreLabelMaps
    let mayBeLabelled = isPaired && [.pairedFolders, .memory].contains(description.data.layout)
    // Where the source is smaller than the target, it is the source that is given: an image is to be enlarged.
    let target = translating.plan.fields.first { $0.name == direction.target }?.kind
    targetChannels = target?.imageShape?[0] ?? 3
    if isPaired, let target, target.imageShape?.dropFirst() == field.kind.imageShape?.dropFirst() {
      derivation = description.data.derivation.flatMap { ImageDerivation(parsing: $0) }
    }
    classNames = description.classNames
    scale = description.data.scale
    classColours = description.data.classColours ?? []
    switch field.kind {
    case .labelMap: (takesLabels, needsLabels) = (true, true)
    case .image(let channels, _, _, _):
      takesLabels = isLabelled || mayBeLabelled && channels > 4
      needsLabels = isLabelled && channels > 4
    default:
      throw ConfigurationError("the field '\(field.name)' of \(description.system) is no image")
    }
  }

  /// The styles that images of it stand for, as ``style`` takes them.
  ///
  /// - Throws: ``ConfigurationError`` for a system without styles.
  public func styles(of pictures: [Image]) throws -> [TranslationStyle] {
    guard system.plan.condition("style") != nil,
      let field = system.plan.fields.first(where: { $0.name == direction.target }),
      case .image(let channels, let height, let width, _) = field.kind, !pictures.isEmpty
    else { throw ConfigurationError("this system has no styles beside its images") }
    let preparation = ImagePreparation(height: height, width: width, channels: channels)
    let span = Double(ranges.target.upperBound - ranges.target.lowerBound)
    let tensors = try pictures.map { picture in
      Tensor(try preparation(picture).hostTensor()).asType(.float32) * (span / 255)
        + Double(ranges.target.lowerBound)
    }
    return styles(of: .stacked(tensors))
  }

  /// Whether ``style`` says what outputs look like, beside the source.
  public var takesStyles: Bool { system.plan.ability(ImageTranslation.self)?.styles != nil }

  /// The styles that images `[n, channels, height, width]` of it stand for, in the range of the target's field.
  public func styles(of images: Tensor) -> [TranslationStyle] {
    switch system.plan.ability(ImageTranslation.self)?.styles {
    case .together: [.pictures(images)]
    case .oneByOne, nil: (0..<images.shape[0]).map { .pictures(images.slice(0, $0, $0 + 1)) }
    }
  }

  private static func direction(
    of system: any TranslatingSystem, _ name: String?
  ) throws -> TranslationDirection {
    let short = ["AtoB": 0, "BtoA": 1][name ?? ""].flatMap { system.directions.dropFirst($0).first }
    return try short ?? system.direction(named: name)
  }

  /// What the system makes of an image, at the image's depth, with alpha as ``alpha`` says.
  public func callAsFunction(_ image: Image) throws -> Image {
    guard case .image(let channels, _, _, _) = kind else {
      throw ImageError.invalid(reason: "this system starts from maps of labels, not from images")
    }
    guard channels <= 4 || channels == image.channels else {
      throw ImageError.invalid(
        reason: "the image has \(image.channels) channels, and the system takes \(channels)")
    }
    let rule: AlphaRule = alpha == .black ? .flattenOnBlack : .flattenOnWhite
    let source =
      try derivation.map { derive in
        try derive(image.converted(toChannels: targetChannels, alpha: rule))
          .converted(toChannels: channels, alpha: .drop)
          .resized(width: image.width, height: image.height, filter: .bicubic)
      } ?? image.converted(toChannels: channels, alpha: rule)
    let output = try translated(Tensor(source.floatTensor()), depth: image.depth)
    // A system that was given the alpha has decided about it.
    guard alpha == .keep, let mask = image.alpha, channels != 2, channels != 4, !output.hasAlpha,
      output.channels <= 4
    else { return output }
    return output.withAlpha(
      try mask.resized(width: output.width, height: output.height).withDepth(output.depth))
  }

  /// What the system makes of a map of labels, at 8 bits; an index becomes what it was in training.
  public func callAsFunction(_ map: LabelMap) throws -> Image {
    let indices = map.indices
    switch kind {
    case .image(let channels, _, _, _) where channels <= 4:
      let coloured = map.coloured().converted(toChannels: channels)
      return try translated(Tensor(coloured.floatTensor()), depth: 8)
    case .image(let classes, _, _, _), .labelMap(let classes, _, _):
      let values = try map.classes(below: classes)
      if !classNames.isEmpty, classes < 256, map.values.allSatisfy({ $0 == 255 }) {
        throw ImageError.invalid(
          reason: "it holds only 255, which means unlabelled; paint it with the classes 0 … "
            + "\(classes - 1)")
      }
      let plain = Tensor(values, shape: [indices.height, indices.width])
      if case .labelMap = kind { return try output(of: plain.unsqueezed(0), depth: 8) }
      return try translated(plain.oneHot(classes).permuted([2, 0, 1]).contiguous(), depth: 8)
    default: throw ImageError.invalid(reason: "this system does not start from maps of labels")
    }
  }

  /// - Parameter picture: `[channels, height, width]` in 0 … 1.
  private func translated(_ picture: Tensor, depth: Int) throws -> Image {
    let batch = picture.unsqueezed(0)
    let span = Double(ranges.source.upperBound - ranges.source.lowerBound)
    return try output(of: batch * span + Double(ranges.source.lowerBound), depth: depth)
  }

  /// The output for a condition in the direction's range, in the style that was chosen.
  private func translated(_ condition: Tensor, _ draws: any Draws) throws -> Tensor {
    let style = self.style.moved(to: system.device)
    let conditions = Request(conditions: self.conditions, draws: draws).moved(to: system.device).conditions
    if let styled = system as? any StyledTranslatingSystem {
      return try styled.translateWhole(
        condition, direction: direction, style: style, draws: draws, tiling: tiling)
    }
    var given: [String: ConditionValue] = [:]
    if case .pictures(let pictures) = style { given["style"] = .tensor(pictures) }
    guard further != nil || !given.isEmpty || !conditions.isEmpty || !(sampling is NoSettings) else {
      return try system.translateWhole(condition, direction: direction, draws: draws, tiling: tiling)
    }
    return try system.translateWhole(
      condition, direction: direction, draws: draws, tiling: tiling, conditions: conditions,
      sampling: sampling
    ) { part in
      given.merging(try further?(part, seed) ?? [:]) { given, _ in given }
    }
  }

  private func output(of condition: Tensor, depth: Int) throws -> Image {
    let device = system.device
    let draws = StreamDraws(RandomStream(seed: seed, purpose: "generate"), device: device)
    let condition = condition.to(device)
    let output = try withTensorErrors {
      try system.drawing {
        try withDraws(draws) { try translated(condition, draws) }
      }
    }
    let picture = output.selected(dim: 0, index: 0).to(.cpu).contiguous().host()
    return try Image(picture, range: ranges.target, depth: depth)
  }
}
