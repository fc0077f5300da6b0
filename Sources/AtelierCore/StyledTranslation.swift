public import AtelierData
public import Torch
public import TorchNN

/// Where the style of a translation comes from.
public enum TranslationStyle {
  /// Drawn from the distribution that styles were trained to have.
  case drawn
  /// Taken from images `[n, channels, height, width]`, in the range of the system's fields.
  case pictures(Tensor)

  /// The same on a device.
  public func moved(to device: Device) -> TranslationStyle {
    if case .pictures(let images) = self { .pictures(images.to(device)) } else { self }
  }
}

/// What several style images mean.
public enum StyleImages: Sendable, Hashable {
  /// Each is a style of its own: as many outputs of one source.
  case oneByOne
  /// Together they show one class: one output of one source (few-shot).
  case together
}

/// A translating system whose outputs depend on a style beside the source.
///
/// A request's condition `style` holds style images; without them each source is translated
/// ``TranslationSampling/variations`` times with drawn styles.
public protocol StyledTranslatingSystem: TranslatingSystem {
  /// The code `[1, length]` that stands for a style.
  ///
  /// - Throws: ``ConfigurationError`` where the system has no styles of its own and needs images.
  func styleCode(
    _ style: TranslationStyle, direction: TranslationDirection, draws: any Draws
  ) throws -> Tensor

  /// Outputs for sources `[n, channels, height, width]`, all in the style of a code, networks in evaluation
  /// mode.
  func translate(_ pictures: Tensor, direction: TranslationDirection, code: Tensor) throws -> Tensor
}

extension StyledTranslatingSystem {
  /// What several style images mean.
  public var styleImages: StyleImages { plan.ability(ImageTranslation.self)?.styles ?? .oneByOne }

  /// Outputs in one style, drawn or of images.
  public func translate(
    _ pictures: Tensor, direction: TranslationDirection, style: TranslationStyle, draws: any Draws
  ) throws -> Tensor {
    try translate(
      pictures, direction: direction, code: styleCode(style, direction: direction, draws: draws))
  }

  /// The output for one source of any size, all its tiles in one style; see
  /// ``TranslatingSystem/translateWhole(_:direction:draws:tiling:)``.
  public func translateWhole(
    _ picture: Tensor, direction: TranslationDirection, style: TranslationStyle, draws: any Draws,
    tiling: Tiling? = nil
  ) throws -> Tensor {
    let code = try withoutGradients { try styleCode(style, direction: direction, draws: draws) }
    return try whole(picture, direction, tiling) { part, _ in
      try translate(part, direction: direction, code: code)
    }
  }

  /// The output for one source of any size in a drawn style.
  public func translateWhole(
    _ picture: Tensor, direction: TranslationDirection, draws: any Draws, tiling: Tiling? = nil
  ) throws -> Tensor {
    try translateWhole(picture, direction: direction, style: .drawn, draws: draws, tiling: tiling)
  }

  /// Outputs in a drawn style.
  public func translate(
    _ pictures: Tensor, direction: TranslationDirection, draws: any Draws
  ) throws -> Tensor {
    try translate(pictures, direction: direction, style: .drawn, draws: draws)
  }

  /// Outputs for the request's images, source after source, for each the styles in their order; all in
  /// the ranges that their fields declare.
  public func generate(_ request: Request, emit: (Output) throws -> Void) throws {
    let known = directions
    guard let direction = known.first(where: { request.conditions[$0.source] != nil }) ?? known.first,
      let sources = request.tensor(direction.source)
    else {
      throw ConfigurationError(
        "\(Self.identity.name) starts from images; give some as '\(known.first?.source ?? "source")'")
    }
    var styles: [TranslationStyle] = Array(
      repeating: .drawn, count: try request.sampling(as: TranslationSampling.self).variations)
    if let pictures = request.tensor("style") {
      styles =
        styleImages == .together
        ? [.pictures(pictures)] : (0..<pictures.shape[0]).map { .pictures(pictures.slice(0, $0, $0 + 1)) }
    }
    for index in 0..<sources.shape[0] {
      let source = sources.slice(0, index, index + 1)
      for style in styles {
        let output = try translateWhole(
          source, direction: direction, style: style, draws: request.draws)
        try emit(Output(direction.target, output))
      }
    }
  }
}
