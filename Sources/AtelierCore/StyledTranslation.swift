public import AtelierData
public import Torch
public import TorchNN

/// Where the style of a translation comes from.
public enum TranslationStyle {
  /// Drawn from the distribution that styles were trained to have.
  case drawn
  /// Taken from images `[n, channels, height, width]`, in the range of the system's fields.
  case pictures(Tensor)
}

/// What several style images mean.
public enum StylePictures: Sendable, Hashable {
  /// Each is a style of its own: as many outputs of one source.
  case oneByOne
  /// Together they show one class: one output of one source (few-shot).
  case together
}

/// A translating system whose outputs depend on a style beside the source.
///
/// A request's `inputs["style"]` holds style images; without them each source is translated
/// ``GenerationRequest/variations`` times with drawn styles.
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
  public var stylePictures: StylePictures { plan.ability(ImageTranslation.self)?.styles ?? .oneByOne }

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
    return try whole(picture, direction, tiling) {
      try translate($0, direction: direction, code: code)
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
  /// -1 … 1.
  public func generate(_ request: GenerationRequest, emit: (GeneratedValue) throws -> Void) throws {
    let known = directions
    guard let direction = known.first(where: { request.inputs[$0.source] != nil }) ?? known.first,
      let sources = request.inputs[direction.source]
    else {
      throw ConfigurationError(
        "\(Self.identity.name) starts from pictures; give a picture or a folder of them")
    }
    func inRange(_ pictures: Tensor, of field: String) -> Tensor {
      range(of: field) == .unit ? (pictures + 1) / 2 : pictures
    }
    var styles: [TranslationStyle] = Array(repeating: .drawn, count: max(1, request.variations))
    if let given = request.inputs["style"] {
      let pictures = inRange(given, of: direction.target)
      styles =
        stylePictures == .together
        ? [.pictures(pictures)] : (0..<given.shape[0]).map { .pictures(pictures.slice(0, $0, $0 + 1)) }
    }
    for module in networks.map(\.module) { module.eval() }
    try withoutGradients {
      for index in 0..<sources.shape[0] {
        let source = inRange(sources.slice(0, index, index + 1), of: direction.source)
        for style in styles {
          let output = try translateWhole(
            source, direction: direction, style: style, draws: request.draws)
          try emit(.images(range(of: direction.target) == .unit ? output * 2 - 1 : output))
        }
      }
    }
  }
}
