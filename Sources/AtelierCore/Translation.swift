public import AtelierData
import Foundation
public import Torch
public import TorchNN

/// What a system can turn into what.
public struct TranslationDirection: Sendable, Hashable {
  /// What the caller names: `source-to-target`, `A-to-B`.
  public let name: String
  /// The field of a batch that is the condition.
  public let source: String
  /// The field of a batch that the output stands beside.
  public let target: String
  /// Heights and widths of the condition are multiples of this.
  public let sizeMultiple: Int
  /// The output's side over the condition's: 4 for super-resolution ×4, else 1.
  public let scale: Int
  /// Whether a large condition may be cut into tiles; false where networks have to see all of it.
  public let takesTiles: Bool
  /// The side of the square images that the networks take; others are brought to it, and outputs back to their size.
  /// Nil: any size.
  public let side: Int?

  /// Describes a direction.
  public init(
    _ name: String, source: String, target: String, sizeMultiple: Int = 1, scale: Int = 1,
    takesTiles: Bool = true, side: Int? = nil
  ) {
    self.takesTiles = takesTiles
    self.side = side
    self.name = name
    self.source = source
    self.target = target
    self.sizeMultiple = sizeMultiple
    self.scale = scale
  }
}

/// A system that turns images into images, of any size that its networks allow.
///
/// Previews, `generate` with images, tiles and the measures of pairs follow from it.
public protocol TranslatingSystem: GenerativeSystem {
  /// Outputs for conditions `[n, channels, height, width]`, networks in the mode that generation asks
  /// for, each in the range that its field declares.
  func translate(_ pictures: Tensor, direction: TranslationDirection, draws: any Draws) throws -> Tensor

  /// Outputs for examples, with whatever else than the condition an example holds; by default that is
  /// nothing.
  func translate(_ examples: Batch, direction: TranslationDirection, draws: any Draws) throws -> Tensor

  /// Refuses to become one function of an exported file where the settings treat images differently by size.
  func validateExport() throws(ConfigurationError)

  /// Whether an exported function takes conditions of any size; false where layers resize to numbers that a
  /// recording keeps.
  var exportsAnySize: Bool { get }
}

extension TranslatingSystem {
  /// The directions; the first is the one that is meant where none is named.
  public var directions: [TranslationDirection] { plan.ability(ImageTranslation.self)?.directions ?? [] }

  /// Outputs for the examples' conditions.
  public func translate(
    _ examples: Batch, direction: TranslationDirection, draws: any Draws
  ) throws -> Tensor {
    try translate(examples[direction.source], direction: direction, draws: draws)
  }

  /// Accepts everything.
  public func validateExport() throws(ConfigurationError) {}

  /// True.
  public var exportsAnySize: Bool { true }

  /// The direction of a name; nil: the first.
  ///
  /// - Throws: ``ConfigurationError`` that lists the directions.
  public func direction(named name: String?) throws -> TranslationDirection {
    let known = directions
    guard let found = name.map({ name in known.first { $0.name == name } }) ?? known.first else {
      throw ConfigurationError(
        "\(Self.identity.name) has no direction '\(name ?? "")'; it has "
          + known.map(\.name).joined(separator: ", "))
    }
    return found
  }

  /// Outputs for the request's images `[n, channels, height, width]` of any size, one at a time so that memory
  /// stays bounded; both in the ranges that their fields declare.
  public func generate(_ request: Request, emit: (Output) throws -> Void) throws {
    let known = directions
    guard let direction = known.first(where: { request.conditions[$0.source] != nil }) ?? known.first,
      let pictures = request.tensor(direction.source)
    else {
      throw ConfigurationError(
        "\(Self.identity.name) starts from images; give some as '\(known.first?.source ?? "source")'")
    }
    for index in 0..<pictures.shape[0] {
      let source = pictures.slice(0, index, index + 1)
      let output = try translateWhole(source, direction: direction, draws: request.draws)
      try emit(Output(direction.target, output))
    }
  }

  /// The range of an image field of the plan.
  public func range(of field: String) -> ImageRange {
    guard case .image(_, _, _, let range)? = plan.field(field)?.kind else {
      // A map of labels has no range.
      return .signed
    }
    return range
  }
}
